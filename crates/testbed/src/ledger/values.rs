//! The value of one key: what SET wrote, and what GET may see of it.

use std::collections::BTreeSet;

use super::super::sharing::Sharing;
use super::writes::{Fate, Moment, Rules, Writes};

/// Every SET of the key.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    pub(super) sets: Writes,
    /// The last acked SET, or the older one that was read since; 0 before the first.
    last: u64,
    since: Moment,
    /// SETs that a GET saw which was sent before them.
    early: BTreeSet<u64>,
}

impl Values {
    /// Enters what became of a SET. A read that is asked again at another node sees what had run behind it without an answer; a
    /// write that is acknowledged after that was overtaken, unless a kill made the proxy send both again.
    pub(super) fn settle(&mut self, seq: u64, fate: Fate, rules: &mut Rules<'_>) {
        self.sets.settle(seq, fate, rules.now);
        let Some(write) = self.sets.get(seq).filter(|_| fate == Fate::Acked) else { return };
        let sent_again = rules.sharing.repeats_idempotent_writes() && write.sent.era < rules.now.era;
        rules.faults.mixed_up += u64::from(self.early.contains(&seq) && !sent_again);
        (self.last, self.since) = (seq, write.sent);
    }

    /// Enters what a GET saw, before which `sent` was the last SET.
    pub(super) fn read(&mut self, seq: u64, sent: u64, rules: &mut Rules<'_>) {
        if seq > sent {
            self.early.insert(seq);
        }
        match rules.sharing {
            // The node that answers need not be the one that took the last.
            Sharing::Apart => {}
            Sharing::Followed | Sharing::Meshed => self.held(seq, rules),
        }
    }

    /// Enters what is there. A value newer than the last ack is of an unknown SET; an older one has gone back.
    pub(super) fn held(&mut self, seq: u64, rules: &mut Rules<'_>) {
        let Rules { now, sharing, faults } = rules;
        let write = self.sets.get(seq);
        faults.denied += u64::from(write.is_some_and(|write| write.fate == Fate::Refused));
        if seq >= self.last {
            return;
        }
        // A deployment that may lose at any time has lost the last moments, and not all that there was.
        faults.mixed_up += u64::from(now.losing && seq == 0);
        let era = match sharing {
            Sharing::Followed | Sharing::Apart => self.since.era,
            // No value at all is older than any.
            Sharing::Meshed => write.map_or(0, |write| write.sent.era),
        };
        match now.excuses(Moment { era, ..self.since }) {
            true => faults.lost.set += 1,
            false => faults.misordered += 1,
        }
        (self.last, self.since.era) = (seq, now.era);
    }
}

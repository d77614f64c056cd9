//! The audit of one ledger: its writes beside what the nodes hold in the end.

use super::super::faults::Faults;
use super::super::sharing::Sharing;
use super::Ledger;
use super::writes::{Fate, Now, Rules};

/// The data of one ledger on a node, or on all of those that must be taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// The value on each node that was asked, where it has one.
    pub(crate) values: Vec<Option<Vec<u8>>>,
    /// The sum over the nodes.
    pub(crate) counter: i64,
    /// The list of each node.
    pub(crate) logs: Vec<Vec<Vec<u8>>>,
}

impl Held {
    /// Returns true if both hold the same, in whatever order.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }

    fn sorted(&self) -> Self {
        let mut sorted = self.clone();
        sorted.logs.iter_mut().for_each(|log| log.sort_unstable());
        sorted
    }
}

impl Ledger {
    /// Compares with what the nodes hold, and returns all that is wrong, also with the replies.
    pub(crate) fn audit(&self, held: &Held, now: Now) -> Faults {
        let mut closed = self.clone();
        closed.close_value(held, now);
        let rules = &mut Rules { now, sharing: self.sharing, faults: &mut closed.faults };
        closed.counter.stood_at(held.counter, rules);
        let mut times = vec![0; self.pushes.all().count()];
        for log in &held.logs {
            closed.close_log(log, &mut times, now);
        }
        closed.close_tokens(&times, now);
        closed.faults
    }

    /// Enters the values of all nodes. The newest counts: it is on the node that took it.
    fn close_value(&mut self, held: &Held, now: Now) {
        if held.values.is_empty() {
            return;
        }
        let mut newest = 0;
        for value in held.values.iter().flatten() {
            match self.seq(value, &self.values.sets) {
                Some(seq) => newest = seq.max(newest),
                None => self.faults.mixed_up += 1,
            }
        }
        let rules = &mut Rules { now, sharing: self.sharing, faults: &mut self.faults };
        self.values.held(newest, rules);
    }

    /// Counts how often each token is in the list of a node, and those that stand behind a newer one.
    fn close_log(&mut self, log: &[Vec<u8>], times: &mut [u64], now: Now) {
        let mut newest = 0;
        for token in log {
            let Some(seq) = self.seq(token, &self.pushes) else {
                self.faults.mixed_up += 1;
                continue;
            };
            if let Some(times) = times.get_mut(seq as usize - 1) {
                *times += 1;
                let behind = *times == 1 && seq < newest && !self.may_be_late(seq, newest, now);
                self.faults.misordered += u64::from(behind);
            }
            newest = newest.max(seq);
        }
    }

    /// Returns true if a token may stand behind a newer one: in a mesh, when a node was killed between the two or came back.
    fn may_be_late(&self, older: u64, newer: u64, now: Now) -> bool {
        let (Some(older), Some(newer)) = (self.pushes.get(older), self.pushes.get(newer)) else {
            return false;
        };
        let settled = Now { era: newer.settled.unwrap_or(now.era), ..now };
        self.sharing == Sharing::Meshed && (settled.excuses(older.sent) || newer.sent.returning)
    }

    /// Compares with what is known of every token.
    fn close_tokens(&mut self, times: &[u64], now: Now) {
        let Self { pushes, faults, .. } = self;
        for (write, times) in pushes.all().zip(times) {
            match write.sent.returning {
                true => faults.redone.rpush += times.saturating_sub(1),
                false => faults.doubled.rpush += times.saturating_sub(1),
            }
            match (write.fate, *times > 0) {
                (Fate::Acked, false) if now.excuses(write.sent) => faults.lost.rpush += 1,
                (Fate::Acked, false) => faults.misordered += 1,
                (Fate::Refused, true) => faults.denied += 1,
                (Fate::Acked | Fate::Unknown, true) | (Fate::Unknown | Fate::Refused, false) => {}
            }
        }
    }
}

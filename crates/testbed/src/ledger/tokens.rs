//! A list of tokens, each pushed once: what stands in it tells of every single push.

use super::super::faults::Faults;
use super::super::sharing::Sharing;
use super::writes::{Fate, Now, Writes};

/// How often each token was seen, in all lists together.
pub(super) struct Seen<'a> {
    pushes: &'a Writes,
    sharing: Sharing,
    now: Now,
    times: Vec<u64>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(pushes: &'a Writes, sharing: Sharing, now: Now) -> Self {
        Self { pushes, sharing, now, times: pushes.all().map(|_| 0).collect() }
    }

    /// Reads the list of one node: the number of each token, where it is one of ours.
    pub(super) fn read(&mut self, list: impl Iterator<Item = Option<u64>>, faults: &mut Faults) {
        let mut newest = 0;
        for seq in list {
            let index = seq.and_then(|seq| usize::try_from(seq).ok()?.checked_sub(1));
            let times = index.and_then(|index| self.times.get_mut(index));
            let (Some(seq), Some(times)) = (seq, times) else {
                faults.mixed_up += 1;
                continue;
            };
            *times += 1;
            let again = *times > 1;
            let behind = !again && seq < newest && !self.may_be_late(seq, newest);
            faults.misordered += u64::from(behind);
            newest = newest.max(seq);
        }
    }

    /// Returns true if a token may stand behind a newer one: in a mesh, when a node was killed between the two or came back.
    fn may_be_late(&self, older: u64, newer: u64) -> bool {
        let (Some(older), Some(newer)) = (self.pushes.get(older), self.pushes.get(newer)) else {
            return false;
        };
        let settled = Now { era: newer.settled.unwrap_or(self.now.era), ..self.now };
        match self.sharing {
            Sharing::Followed | Sharing::Apart => false,
            Sharing::Meshed => settled.excuses(older.sent) || newer.sent.returning,
        }
    }

    /// Compares with what is known of every token.
    pub(super) fn close(self, faults: &mut Faults) {
        for ((_, write), times) in self.pushes.all().zip(self.times) {
            match write.sent.returning {
                true => faults.redone.rpush += times.saturating_sub(1),
                false => faults.doubled.rpush += times.saturating_sub(1),
            }
            match (write.fate, times > 0) {
                (Fate::Acked, false) if self.now.excuses(write.sent) => faults.lost.rpush += 1,
                (Fate::Acked, false) => faults.misordered += 1,
                (Fate::Refused, true) => faults.denied += 1,
                (Fate::Acked | Fate::Unknown, true) | (Fate::Unknown | Fate::Refused, false) => {}
            }
        }
    }
}

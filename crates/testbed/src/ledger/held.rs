//! The audit of one ledger: its writes beside what the nodes hold in the end.

use super::super::faults::Faults;
use super::Ledger;
use super::tokens::Seen;
use super::writes::Now;

/// What nodes hold of one ledger: one node, or all of those that must be taken together.
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
    /// Compares with what the nodes hold; all that is wrong, also with the replies.
    pub(crate) fn audit(&self, held: &Held, now: Now) -> Faults {
        let mut closed = self.clone();
        closed.close_value(held, now);
        closed.counter.stood_at(held.counter, now, self.sharing, &mut closed.faults);
        let mut seen = Seen::new(&self.pushes, self.sharing, now);
        for log in &held.logs {
            seen.read(log.iter().map(|token| self.seq(token, &self.pushes)), &mut closed.faults);
        }
        seen.close(&mut closed.faults);
        closed.faults
    }

    /// The newest of all nodes counts: it is on the node that took it.
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
        self.values.held(newest, now, self.sharing, &mut self.faults);
    }
}

//! A handover: a planned move of commands to another node that loses no write and shows no client old data. The commands are
//! held, all that was sent is answered, the new node receives all that the old one had, and only then are they sent.
//!
//! Pure. Otherwise a client whose write the old node has answered could read from the new one before the write arrives.

use std::collections::BTreeMap;
use std::time::Duration;

use super::assignment::{AssignedNode, Assignment, WriterPolicies};

/// The time after which a handover is given up: the commands that wait for it have waited long enough.
const LONGEST: Duration = Duration::from_secs(1);
/// The time that is given if the new node does not pull from the old one itself, so that what it has received cannot be counted.
const INDIRECT: Duration = Duration::from_millis(300);

/// A handover that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handover {
    /// The assignment after the handover.
    pub(super) to: Assignment,
    pub(super) began: Duration,
    phase: Phase,
    /// True if the handover is given up, unless another proxy has completed it.
    pub(super) retreats: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The workers wait for replies to what they have sent.
    Draining,
    /// Everything has been answered since `since`. `offsets` are those that the old nodes reported first after it.
    CatchingUp { since: Duration, offsets: BTreeMap<usize, u64> },
}

/// The progress of a handover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    Done,
    /// The handover has taken too long.
    Failed,
}

/// The part of the old node's replication stream that the new node has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// The stream up to this offset, by the new node's own reply.
    UpTo(u64),
    /// The new node receives it through other nodes, if at all.
    Indirectly,
    /// No node replicates from any other.
    Nothing,
}

impl Handover {
    pub(super) fn new(to: Assignment, now: Duration) -> Handover {
        Handover { to, began: now, phase: Phase::Draining, retreats: false }
    }

    /// Returns what is left of the handover if a node is lost during it: keys that other proxies may already write as agreed stay
    /// held. `present` is the assignment without the lost node.
    pub(super) fn repaired(
        self,
        present: &Assignment,
        nodes: &[AssignedNode],
        policies: WriterPolicies,
    ) -> Option<Handover> {
        let writers = self.to.repaired(nodes, policies).writers;
        let is_left = writers != present.writers;
        is_left.then(|| Handover { to: Assignment { writers, ..present.clone() }, ..self })
    }

    pub(super) fn is_draining(&self) -> bool {
        self.phase == Phase::Draining
    }

    /// Notes that all workers have the replies to what they had sent.
    pub(super) fn drained(&mut self, now: Duration) {
        if self.phase == Phase::Draining {
            self.phase = Phase::CatchingUp { since: now, offsets: BTreeMap::new() };
        }
    }

    /// Notes the offset that a node reported in its answer to a question sent at `sent`.
    pub(super) fn note_offset(&mut self, at: usize, sent: Duration, offset: u64) {
        if let Phase::CatchingUp { since, offsets } = &mut self.phase
            && sent >= *since
        {
            offsets.entry(at).or_insert(offset);
        }
    }

    /// Returns the progress. `pairs` are the old nodes, each with what its new node has received of its stream.
    pub(super) fn progress(&self, now: Duration, pairs: &[(usize, Received)]) -> Progress {
        let Phase::CatchingUp { since, offsets } = &self.phase else { return self.waiting(now) };
        let has_all = |(from, received): &(usize, Received)| match received {
            Received::Nothing => true,
            Received::Indirectly => now >= *since + INDIRECT,
            Received::UpTo(offset) => offsets.get(from).is_some_and(|needed| offset >= needed),
        };
        if pairs.iter().all(has_all) { Progress::Done } else { self.waiting(now) }
    }

    fn waiting(&self, now: Duration) -> Progress {
        if self.is_over(now) { Progress::Failed } else { Progress::Waiting }
    }

    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.began + LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn nothing_moves_before_all_is_answered_and_has_arrived() {
        let mut handover = Handover::new(Assignment::default(), MS * 100);
        let equal = [(0, Received::UpTo(70))];
        handover.note_offset(0, MS * 101, 60);
        assert_eq!(handover.progress(MS * 102, &equal), Progress::Waiting);
        handover.drained(MS * 105);
        handover.note_offset(0, MS * 104, 60);
        assert_eq!(handover.progress(MS * 106, &equal), Progress::Waiting, "asked before all was answered");
        handover.note_offset(0, MS * 106, 71);
        assert_eq!(handover.progress(MS * 107, &equal), Progress::Waiting);
        handover.note_offset(0, MS * 108, 90);
        let both = [(0, Received::UpTo(71)), (2, Received::UpTo(5))];
        assert_eq!(handover.progress(MS * 109, &both), Progress::Waiting);
        handover.note_offset(2, MS * 108, 5);
        assert_eq!(handover.progress(MS * 109, &both), Progress::Done);
    }

    #[test]
    fn what_cannot_be_counted_is_given_time_and_what_does_not_replicate_none() {
        let mut handover = Handover::new(Assignment::default(), MS * 100);
        handover.drained(MS * 105);
        assert_eq!(handover.progress(MS * 106, &[(0, Received::Nothing)]), Progress::Done);
        assert_eq!(handover.progress(MS * 404, &[(0, Received::Indirectly)]), Progress::Waiting);
        assert_eq!(handover.progress(MS * 405, &[(0, Received::Indirectly)]), Progress::Done);
    }

    #[test]
    fn it_is_given_up_after_a_second() {
        let mut handover = Handover::new(Assignment::default(), MS * 100);
        assert_eq!(handover.progress(MS * 1100, &[]), Progress::Failed);
        handover.drained(MS * 500);
        assert_eq!(handover.progress(MS * 1099, &[(0, Received::UpTo(9))]), Progress::Waiting);
        assert_eq!(handover.progress(MS * 1100, &[(0, Received::UpTo(9))]), Progress::Failed);
    }
}

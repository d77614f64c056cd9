//! A planned move of commands from one node to another that loses nothing and shows nobody old data: what moves is
//! held, what was sent is answered, the new node has everything that the old one had, and only then it is let go.
//!
//! Pure. Changing the route alone would let a client that was answered by the old node read at the new one before its
//! write has arrived there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::assignment::{AssignedNode, Assignment, Duties};

/// A move that has not come about by then is given up: the commands that wait for it have waited long enough.
const LONGEST: Duration = Duration::from_secs(1);
/// Where one node does not pull from the other itself, what it has heard cannot be counted; so much time is given.
const INDIRECT: Duration = Duration::from_millis(300);

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handover {
    pub(super) to: Assignment,
    pub(super) began: Duration,
    phase: Phase,
    /// It is given up, unless another proxy has gone through with it.
    pub(super) retreats: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The workers wait for what they have sent.
    Draining,
    /// Everything is answered since then. Of each old node: how far it was afterwards.
    Equalling { since: Duration, marks: BTreeMap<usize, u64> },
}

/// How a handover stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    Done,
    /// It took too long.
    Failed,
}

/// What the new node has of the old one's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// So much, by its own word.
    UpTo(u64),
    /// It hears of it through others, if at all.
    Indirectly,
    /// Nobody here replicates.
    Nothing,
}

impl Handover {
    pub(super) fn new(to: Assignment, now: Duration) -> Handover {
        Handover { to, began: now, phase: Phase::Draining, retreats: false }
    }

    /// Returns what is left of it when a node is lost on the way: keys that others may write as agreed already stay held. `present`
    /// is what is left of everything else.
    pub(super) fn repaired(
        self,
        present: &Assignment,
        nodes: &[AssignedNode],
        duties: Duties,
    ) -> Option<Handover> {
        let writers = self.to.repaired(nodes, duties).writers;
        let is_left = writers != present.writers;
        is_left.then(|| Handover { to: Assignment { writers, ..present.clone() }, ..self })
    }

    pub(super) fn is_draining(&self) -> bool {
        self.phase == Phase::Draining
    }

    /// All workers have what they had sent.
    pub(super) fn drained(&mut self, now: Duration) {
        if self.phase == Phase::Draining {
            self.phase = Phase::Equalling { since: now, marks: BTreeMap::new() };
        }
    }

    /// An answer of an old node, to a question that was sent then.
    pub(super) fn told(&mut self, at: usize, sent: Duration, offset: u64) {
        if let Phase::Equalling { since, marks } = &mut self.phase
            && sent >= *since
        {
            marks.entry(at).or_insert(offset);
        }
    }

    /// `pairs`: who gives something to whom, and what the latter has heard of the former.
    pub(super) fn progress(&self, now: Duration, pairs: &[(usize, Heard)]) -> Progress {
        let Phase::Equalling { since, marks } = &self.phase else { return self.waited(now) };
        let is_equal = |(from, heard): &(usize, Heard)| match heard {
            Heard::Nothing => true,
            Heard::Indirectly => now >= *since + INDIRECT,
            Heard::UpTo(offset) => marks.get(from).is_some_and(|mark| offset >= mark),
        };
        if pairs.iter().all(is_equal) { Progress::Done } else { self.waited(now) }
    }

    fn waited(&self, now: Duration) -> Progress {
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
        let equal = [(0, Heard::UpTo(70))];
        handover.told(0, MS * 101, 60);
        assert_eq!(handover.progress(MS * 102, &equal), Progress::Waiting);
        handover.drained(MS * 105);
        handover.told(0, MS * 104, 60);
        assert_eq!(handover.progress(MS * 106, &equal), Progress::Waiting, "asked before all was answered");
        handover.told(0, MS * 106, 71);
        assert_eq!(handover.progress(MS * 107, &equal), Progress::Waiting);
        handover.told(0, MS * 108, 90);
        let both = [(0, Heard::UpTo(71)), (2, Heard::UpTo(5))];
        assert_eq!(handover.progress(MS * 109, &both), Progress::Waiting);
        handover.told(2, MS * 108, 5);
        assert_eq!(handover.progress(MS * 109, &both), Progress::Done);
    }

    #[test]
    fn what_cannot_be_counted_is_given_time_and_what_does_not_replicate_none() {
        let mut handover = Handover::new(Assignment::default(), MS * 100);
        handover.drained(MS * 105);
        assert_eq!(handover.progress(MS * 106, &[(0, Heard::Nothing)]), Progress::Done);
        assert_eq!(handover.progress(MS * 404, &[(0, Heard::Indirectly)]), Progress::Waiting);
        assert_eq!(handover.progress(MS * 405, &[(0, Heard::Indirectly)]), Progress::Done);
    }

    #[test]
    fn it_is_given_up_after_a_second() {
        let mut handover = Handover::new(Assignment::default(), MS * 100);
        assert_eq!(handover.progress(MS * 1100, &[]), Progress::Failed);
        handover.drained(MS * 500);
        assert_eq!(handover.progress(MS * 1099, &[(0, Heard::UpTo(9))]), Progress::Waiting);
        assert_eq!(handover.progress(MS * 1100, &[(0, Heard::UpTo(9))]), Progress::Failed);
    }
}

//! A node that is asked again and again: whether it answers, what it said last, and what was measured of it.
//!
//! Shared by all kinds of discovery but one: active nodes are judged by how long they have been silent, to the millisecond and
//! beside what the data path saw of them (`active::peer`), not by how many questions they missed.

use std::sync::Arc;
use std::time::Duration;

use super::gauge::Gauge;
use super::said::{self, NodeSaid};
use super::schedule::Schedule;
use super::{Answer, Failure};
use crate::topology::NodeState;

/// So many timeouts in a row make a node count as down; a refused connection does at once.
const MISSES: u32 = 3;

/// Whether a node answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Contact {
    #[default]
    Unasked,
    Answers,
    Silent {
        /// Questions in a row that were not answered.
        misses: u32,
        /// The state that the node counts as, once it counts as down.
        out: Option<NodeState>,
    },
}

impl Contact {
    pub(super) fn missed(&mut self, failure: &Failure) {
        let misses = self.misses().saturating_add(1);
        let is_down = *failure == Failure::Refused || misses >= MISSES || self.out().is_some();
        *self = Contact::Silent { misses, out: is_down.then(|| failure.state()) };
    }

    /// Returns the state that the node counts as if it is down.
    pub(super) fn out(self) -> Option<NodeState> {
        match self {
            Contact::Silent { out, .. } => out,
            Contact::Unasked | Contact::Answers => None,
        }
    }

    pub(super) fn misses(self) -> u32 {
        match self {
            Contact::Silent { misses, .. } => misses,
            Contact::Unasked | Contact::Answers => 0,
        }
    }

    /// Returns true if the node did not answer the last question.
    pub(super) fn is_silent(self) -> bool {
        match self {
            Contact::Silent { .. } => true,
            Contact::Unasked | Contact::Answers => false,
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct NodePeer {
    pub(super) schedule: Schedule,
    pub(super) contact: Contact,
    /// The last answer, kept while the node is silent.
    pub(super) said: Option<LastWord>,
    /// That of the last answer that told it.
    pub(super) run_id: Option<Arc<str>>,
    pub(super) gauge: Gauge,
}

/// What a node said of itself, and when.
#[derive(Debug)]
pub(super) struct LastWord {
    /// When the question was sent.
    pub(super) sent: Duration,
    /// When the answer was in.
    pub(super) at: Duration,
    pub(super) node: NodeSaid,
}

impl NodePeer {
    pub(super) fn answered(&mut self, now: Duration, sent: Duration, answer: &Answer) {
        let node = said::node(&answer.values);
        self.contact = Contact::Answers;
        self.gauge.answered(now, sent, answer.rtt, &node);
        if let Some(run_id) = node.run_id.as_deref() {
            self.run_id = Some(run_id.into());
        }
        self.said = Some(LastWord { sent, at: now, node });
    }

    pub(super) fn missed(&mut self, failure: &Failure) {
        self.contact.missed(failure);
        self.gauge.missed();
        if self.contact.out().is_some() {
            self.gauge.down(failure);
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.contact.is_silent()
    }

    /// Returns what the node said last of itself, whether or not it still answers.
    pub(super) fn word(&self) -> Option<&NodeSaid> {
        self.said.as_ref().map(|said| &said.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Failure::{Refused, TimedOut};

    #[test]
    fn a_node_is_down_at_once_when_it_refuses_and_after_three_timeouts_else() {
        let cases: [(&[Failure], u32, Option<NodeState>); 5] = [
            (&[], 0, None),
            (&[TimedOut, TimedOut], 2, None),
            (&[TimedOut, TimedOut, TimedOut], 3, Some(NodeState::Silent)),
            (&[TimedOut, Refused], 2, Some(NodeState::Down)),
            (&[Refused, TimedOut], 2, Some(NodeState::Silent)),
        ];
        for (failures, misses, out) in cases {
            let mut contact = Contact::Answers;
            failures.iter().for_each(|failure| contact.missed(failure));
            assert_eq!((contact.misses(), contact.out()), (misses, out), "{failures:?}");
            assert_eq!(contact.is_silent(), misses > 0, "{failures:?}");
        }
    }
}

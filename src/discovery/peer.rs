//! A node that is asked again and again: its contact, its last reply, and its measurements.
//!
//! `fixed` uses only [`Contact`]. Active nodes have rules of their own (`active::peer`): they are judged by how long they were
//! silent, to the millisecond and together with what the data path saw, not by the number of questions that they missed.

use std::sync::Arc;
use std::time::Duration;

use super::lag::LagTracker;
use super::node_reply::{self, NodeReply};
use super::schedule::Schedule;
use super::{Answer, Failure};
use crate::topology::NodeState;

/// The number of timeouts in a row after which a node counts as down. One refused connection is enough.
const MISSES: u32 = 3;

/// The contact with a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Contact {
    #[default]
    Unasked,
    Answers,
    Silent {
        /// The number of questions in a row that were not answered.
        misses: u32,
        /// The state of the node, once it counts as down.
        down_state: Option<NodeState>,
    },
}

impl Contact {
    pub(super) fn missed(&mut self, failure: &Failure) {
        let misses = self.misses().saturating_add(1);
        let is_down = *failure == Failure::Refused || misses >= MISSES || self.down_state().is_some();
        *self = Contact::Silent { misses, down_state: is_down.then(|| failure.state()) };
    }

    /// Returns the state of the node if it counts as down.
    pub(super) fn down_state(self) -> Option<NodeState> {
        match self {
            Contact::Silent { down_state, .. } => down_state,
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

/// One node, as its answers show it.
#[derive(Debug, Default)]
pub(super) struct NodePeer {
    pub(super) schedule: Schedule,
    pub(super) contact: Contact,
    /// The last answer, kept while the node is silent.
    pub(super) last: Option<LastReply>,
    /// The run id in the last answer that had one.
    pub(super) run_id: Option<Arc<str>>,
    pub(super) tracker: LagTracker,
}

/// The last reply of a node, with its times.
#[derive(Debug)]
pub(super) struct LastReply {
    /// The time at which the question was sent.
    pub(super) sent: Duration,
    /// The time at which the answer arrived.
    pub(super) at: Duration,
    pub(super) node: NodeReply,
}

impl NodePeer {
    pub(super) fn answered(&mut self, now: Duration, sent: Duration, answer: &Answer) {
        let node = node_reply::parse(&answer.values);
        self.contact = Contact::Answers;
        self.tracker.answered(now, sent, answer.rtt, &node);
        if let Some(run_id) = node.run_id.as_deref() {
            self.run_id = Some(run_id.into());
        }
        self.last = Some(LastReply { sent, at: now, node });
    }

    pub(super) fn missed(&mut self, failure: &Failure) {
        self.contact.missed(failure);
        self.tracker.missed();
        if self.contact.down_state().is_some() {
            self.tracker.went_down(failure);
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.contact.is_silent()
    }

    /// Returns the last reply of the node, even if it has stopped answering.
    pub(super) fn last_reply(&self) -> Option<&NodeReply> {
        self.last.as_ref().map(|last| &last.node)
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
            assert_eq!((contact.misses(), contact.down_state()), (misses, out), "{failures:?}");
            assert_eq!(contact.is_silent(), misses > 0, "{failures:?}");
        }
    }
}

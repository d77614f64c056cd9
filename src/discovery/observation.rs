//! The observations that the driver hands to the rules: answers, failures, messages, hints.

use std::time::Duration;

use crate::resp::value::Value;
use crate::topology::NodeState;
use crate::topology::hint::Hint;

use super::{PeerKind, PeerProbe};

/// An event that the driver observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observation {
    /// Time has passed and nothing else has happened. The very first observation is a tick too.
    Tick,
    /// A probe was answered or has failed.
    Answer {
        probe: PeerProbe,
        /// The time at which the question was sent.
        sent: Duration,
        outcome: Result<Answer, Failure>,
    },
    /// A message of a subscription arrived.
    Message {
        target: PeerKind,
        channel: String,
        payload: String,
    },
    /// A subscription is up, or was lost.
    Subscribed {
        target: PeerKind,
        up: bool,
    },
    /// A peer closed an idle connection: it crashed, or its role changed.
    Lost {
        target: PeerKind,
    },
    Hint(Hint),
    /// Every worker has the replies to all that it had sent when the last topology was published.
    Drained,
}

/// The answer to a question: one value for each of its commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) values: Vec<Value>,
    /// The time from sending the question to the first reply.
    pub(crate) rtt: Duration,
}

/// The reason why a question got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("connection refused")]
    Refused,
    #[error("timed out")]
    TimedOut,
    #[error("connection closed")]
    Closed,
    #[error("cannot be reached")]
    Unreachable,
    #[error("does not resolve")]
    Unresolved,
    /// AUTH was refused with this error code.
    #[error("does not let the proxy in: {0}")]
    Denied(String),
    #[error("does not answer in RESP2")]
    Malformed,
}

impl Failure {
    /// Returns the state of a node that keeps failing in this way.
    pub(super) fn state(&self) -> NodeState {
        match self {
            Failure::TimedOut => NodeState::Silent,
            Failure::Refused
            | Failure::Closed
            | Failure::Unreachable
            | Failure::Unresolved
            | Failure::Denied(_)
            | Failure::Malformed => NodeState::Down,
        }
    }
}

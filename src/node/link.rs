//! The connection of a lane, and the requests that its node takes at the moment.

use std::mem;

use crate::reasons::RetryReason;

use super::greeting::Greeting;
use super::lane::Target;
use super::queue::Entry;

/// The state of a lane's connection.
pub(crate) enum Link {
    /// No connection, and no attempt before this time (microseconds on the worker's clock).
    Down {
        retry_at: u64,
    },
    Opening {
        target: Target,
        since: u64,
    },
    Greeting {
        target: Target,
        since: u64,
        greeting: Box<Greeting>,
    },
    Up(Up),
}

/// An established connection whose greeting is complete.
pub(crate) struct Up {
    pub(crate) target: Target,
    pub(crate) intake: Intake,
    /// The node owes replies and has sent nothing since this time (microseconds); nothing new is written.
    pub(crate) silent: Option<u64>,
}

/// The requests that a node is given.
pub(crate) enum Intake {
    /// All requests.
    Open,
    /// Only the first request after a pause, until the node has taken it.
    Trying,
    /// No new request until everything in flight is answered: the node has refused a request, or is no master any more.
    Refusing(Refusing),
    /// No request before this time (microseconds).
    Paused { until: u64, then: Then },
}

/// The requests that are written after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// One request, to see whether the node serves again.
    Try,
    /// All requests: the pause was there for listening connections to come first.
    All,
}

/// The state of a lane whose node refuses requests. See [`Intake::Refusing`].
pub(crate) struct Refusing {
    pub(crate) why: RetryReason,
    /// The shard has had another master since this time (microseconds); the old one may still answer what it was sent.
    pub(crate) late_since: Option<u64>,
    /// The refused requests, in the order of their answers.
    pub(crate) refused: Vec<SetAside>,
}

/// A request that the node refused, with its bytes, kept until it can be sent again.
pub(crate) struct SetAside {
    pub(crate) entry: Entry,
    pub(crate) bytes: Vec<u8>,
}

impl Link {
    pub(crate) fn up(target: Target) -> Link {
        Link::Up(Up { target, intake: Intake::Open, silent: None })
    }

    pub(crate) fn target(&self) -> Option<&Target> {
        match self {
            Link::Down { .. } => None,
            Link::Opening { target, .. } | Link::Greeting { target, .. } | Link::Up(Up { target, .. }) => {
                Some(target)
            }
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self, Link::Up(_))
    }

    /// Returns true if the connection is established and its node takes requests.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self, Link::Up(Up { intake: Intake::Open | Intake::Trying, silent: None, .. }))
    }

    /// Returns true if the connection is established and, but for its silence, its node takes requests.
    pub(crate) fn takes_requests(&self) -> bool {
        matches!(self, Link::Up(Up { intake: Intake::Open | Intake::Trying, .. }))
    }

    pub(crate) fn is_trying(&self) -> bool {
        matches!(self, Link::Up(Up { intake: Intake::Trying, .. }))
    }

    pub(crate) fn paused(&self) -> Option<(u64, Then)> {
        match self {
            Link::Up(Up { intake: Intake::Paused { until, then }, .. }) => Some((*until, *then)),
            Link::Up(_) | Link::Down { .. } | Link::Opening { .. } | Link::Greeting { .. } => None,
        }
    }

    pub(crate) fn silent(&self) -> Option<u64> {
        match self {
            Link::Up(up) => up.silent,
            Link::Down { .. } | Link::Opening { .. } | Link::Greeting { .. } => None,
        }
    }

    fn refusing_state(&self) -> Option<&Refusing> {
        match self {
            Link::Up(Up { intake: Intake::Refusing(refusing), .. }) => Some(refusing),
            Link::Up(_) | Link::Down { .. } | Link::Opening { .. } | Link::Greeting { .. } => None,
        }
    }

    #[inline]
    pub(crate) fn refusing(&self) -> Option<RetryReason> {
        self.refusing_state().map(|refusing| refusing.why)
    }

    /// Returns the time since when the shard has had another master, if the node is known to be a former one.
    pub(crate) fn late_since(&self) -> Option<u64> {
        self.refusing_state().and_then(|refusing| refusing.late_since)
    }

    pub(crate) fn refused(&self) -> &[SetAside] {
        self.refusing_state().map(|refusing| refusing.refused.as_slice()).unwrap_or_default()
    }

    /// Takes the requests that the node refused.
    pub(crate) fn take_refused(&mut self) -> Vec<SetAside> {
        match self {
            Link::Up(Up { intake: Intake::Refusing(refusing), .. }) => mem::take(&mut refusing.refused),
            Link::Up(_) | Link::Down { .. } | Link::Opening { .. } | Link::Greeting { .. } => Vec::new(),
        }
    }

    /// Puts back those of the refused requests that are still to be sent again.
    pub(crate) fn put_back_refused(&mut self, kept: Vec<SetAside>) {
        if let Link::Up(Up { intake: Intake::Refusing(refusing), .. }) = self {
            refusing.refused = kept;
        }
    }

    /// Makes the lane refuse new requests. Returns the state of the refusal, or `None` if there is no connection.
    pub(crate) fn refuse(&mut self, why: RetryReason) -> Option<&mut Refusing> {
        let Link::Up(Up { intake, .. }) = self else { return None };
        if !matches!(intake, Intake::Refusing(_)) {
            *intake = Intake::Refusing(Refusing { why, late_since: None, refused: Vec::new() });
        }
        let Intake::Refusing(refusing) = intake else { return None };
        refusing.why = why;
        Some(refusing)
    }

    /// Stops writing requests until this time (microseconds).
    pub(crate) fn pause(&mut self, until: u64, then: Then) {
        if let Link::Up(up) = self {
            (up.intake, up.silent) = (Intake::Paused { until, then }, None);
        }
    }

    /// Ends the pause.
    pub(crate) fn resume(&mut self) {
        if let (Some((_, then)), Link::Up(up)) = (self.paused(), self) {
            up.intake = if then == Then::Try { Intake::Trying } else { Intake::Open };
        }
    }

    /// Ends the trial of the node, which has taken the trial request. Returns true if the node was on trial.
    pub(crate) fn end_trial(&mut self) -> bool {
        let tried = self.is_trying();
        if let Link::Up(up) = self
            && tried
        {
            up.intake = Intake::Open;
        }
        tried
    }

    pub(crate) fn set_silent(&mut self, since: Option<u64>) {
        if let Link::Up(up) = self {
            up.silent = since;
        }
    }
}

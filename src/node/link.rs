//! The connection of a lane, and what its node takes at the moment.

use std::mem;

use crate::reasons::RetryReason;

use super::greeting::Greeting;
use super::lane::Target;
use super::queue::Entry;

/// The connection of a lane.
pub(crate) enum Link {
    /// Nothing before this time (microseconds on the worker's clock).
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

/// A connection that stands.
pub(crate) struct Up {
    pub(crate) target: Target,
    pub(crate) intake: Intake,
    /// The node owes replies and has said nothing since this time (microseconds): nothing new is written.
    pub(crate) silent: Option<u64>,
}

/// What a node takes of what waits for it.
pub(crate) enum Intake {
    Open,
    /// After a pause: only the first request, until the node has taken it.
    Trying,
    /// Nothing new before everything in flight is answered: it refused a request, or is no master any more.
    Refusing(Refusing),
    /// Nothing before this time (microseconds).
    Paused {
        until: u64,
        then: Then,
    },
}

/// What is written after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// One request, to see whether the node serves.
    Try,
    /// All that waited for the shard's messages to be heard.
    All,
}

/// See [`Intake::Refusing`].
pub(crate) struct Refusing {
    pub(crate) why: RetryReason,
    /// The shard has another master since this time (microseconds): the old one may still answer what it was sent.
    pub(crate) left: Option<u64>,
    /// What it refused, in the order of its answers.
    pub(crate) refused: Vec<SetAside>,
}

/// A request that the node refused, with its bytes, until it can be sent again.
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

    /// It stands, and its node takes requests.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self, Link::Up(Up { intake: Intake::Open | Intake::Trying, silent: None, .. }))
    }

    /// It stands, and but for its silence its node takes requests.
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

    /// Since when its node is no master any more, if that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        self.refusing_state().and_then(|refusing| refusing.left)
    }

    pub(crate) fn refused(&self) -> &[SetAside] {
        self.refusing_state().map(|refusing| refusing.refused.as_slice()).unwrap_or_default()
    }

    /// Takes what it refused.
    pub(crate) fn take_refused(&mut self) -> Vec<SetAside> {
        match self {
            Link::Up(Up { intake: Intake::Refusing(refusing), .. }) => mem::take(&mut refusing.refused),
            Link::Up(_) | Link::Down { .. } | Link::Opening { .. } | Link::Greeting { .. } => Vec::new(),
        }
    }

    /// These of what was taken are still to be sent again.
    pub(crate) fn put_back_refused(&mut self, kept: Vec<SetAside>) {
        if let Link::Up(Up { intake: Intake::Refusing(refusing), .. }) = self {
            refusing.refused = kept;
        }
    }

    /// Nothing new is written from now on. Returns what is known of the refusal; `None`: it does not stand.
    pub(crate) fn refuse(&mut self, why: RetryReason) -> Option<&mut Refusing> {
        let Link::Up(Up { intake, .. }) = self else { return None };
        if !matches!(intake, Intake::Refusing(_)) {
            *intake = Intake::Refusing(Refusing { why, left: None, refused: Vec::new() });
        }
        let Intake::Refusing(refusing) = intake else { return None };
        refusing.why = why;
        Some(refusing)
    }

    /// Nothing is written before this time (microseconds).
    pub(crate) fn pause(&mut self, until: u64, then: Then) {
        if let Link::Up(up) = self {
            (up.intake, up.silent) = (Intake::Paused { until, then }, None);
        }
    }

    /// The pause is over.
    pub(crate) fn go_on(&mut self) {
        if let (Some((_, then)), Link::Up(up)) = (self.paused(), self) {
            up.intake = if then == Then::Try { Intake::Trying } else { Intake::Open };
        }
    }

    /// The node has taken the request that it was tried with. Returns whether it was tried.
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

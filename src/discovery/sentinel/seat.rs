//! Who is the master, as far as we are concerned, and why nobody is at the moment.

use std::sync::Arc;
use std::time::Duration;

use crate::topology::{ConfigEpoch, Endpoint};

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Serving {
    /// Nothing was ever found.
    Nothing,
    Master(Seat),
    /// No master: commands wait.
    Held(HeldSeat),
}

/// A master that proved to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) endpoint: Endpoint,
    pub(super) run_id: Option<Arc<str>>,
    pub(super) epoch: ConfigEpoch,
    pub(super) trust: Trust,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// A sentinel has paired address and epoch.
    Confirmed,
    /// Seen on the node itself, after `leader` had published its choice. To be confirmed by any sentinel.
    Provisional {
        leader: Endpoint,
        since: Duration,
        former: Box<Seat>,
        /// The leader gave the election up afterwards.
        disputed: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldSeat {
    /// The last master; never forgotten, because its epoch guards against older stories.
    pub(super) former: Seat,
    pub(super) cause: Cause,
    pub(super) since: Duration,
}

/// Why nobody is the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// `leader` has chosen `candidate`, which is about to be promoted.
    Election { candidate: Endpoint, epoch: ConfigEpoch, leader: Endpoint },
    /// The leader has given up: back to the former master if it proves itself.
    Aborted,
    /// It says that it is a replica.
    Demoted,
    /// Another process answers at its address.
    Restarted,
    /// Two addresses with one epoch, and no majority.
    Conflict,
    /// A provisional master is a master no more.
    Undone,
}

impl Serving {
    /// The master, or the last one.
    pub(super) fn seat(&self) -> Option<&Seat> {
        match self {
            Serving::Nothing => None,
            Serving::Master(seat) => Some(seat),
            Serving::Held(held) => Some(&held.former),
        }
    }

    pub(super) fn master(&self) -> Option<&Endpoint> {
        match self {
            Serving::Master(seat) => Some(&seat.endpoint),
            Serving::Nothing | Serving::Held(_) => None,
        }
    }

    pub(super) fn candidate(&self) -> Option<&Endpoint> {
        match self {
            Serving::Held(HeldSeat { cause: Cause::Election { candidate, .. }, .. }) => Some(candidate),
            Serving::Nothing | Serving::Master(_) | Serving::Held(_) => None,
        }
    }

    /// Claims have to be above it to say something new.
    pub(super) fn epoch(&self) -> ConfigEpoch {
        self.seat().map(|seat| seat.epoch).unwrap_or_default()
    }
}

impl Seat {
    pub(super) fn is_provisional(&self) -> bool {
        match self.trust {
            Trust::Confirmed => false,
            Trust::Provisional { .. } => true,
        }
    }
}

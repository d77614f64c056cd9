//! The master as the rules see it, or the reason why no node is the master.

use std::sync::Arc;
use std::time::Duration;

use crate::topology::{ConfigEpoch, Endpoint};

/// The state that is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Serving {
    /// No master has been found since the start.
    Nothing,
    Master(ServingMaster),
    /// No node is the master: commands are held.
    Held(HeldMaster),
}

/// A node that has proved to be the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServingMaster {
    pub(super) endpoint: Endpoint,
    pub(super) run_id: Option<Arc<str>>,
    pub(super) epoch: ConfigEpoch,
    pub(super) trust: Trust,
}

/// The trust in a serving master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// A sentinel has claimed this address with this epoch.
    Confirmed,
    /// The node itself said that it is a master, after `leader` had published it as its candidate. No sentinel has confirmed it.
    Provisional {
        leader: Endpoint,
        /// The time at which the node was taken as the master.
        since: Duration,
        former: Box<ServingMaster>,
        /// True if the leader has given up the election since then.
        disputed: bool,
    },
}

/// The last master, and the reason why it is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldMaster {
    /// The last master. It is kept because its epoch protects against older claims.
    pub(super) former: ServingMaster,
    pub(super) cause: HoldCause,
    /// The time since which commands are held for this cause.
    pub(super) since: Duration,
}

/// The reason why no node is the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HoldCause {
    /// `leader` has chosen `candidate`, which is about to be promoted.
    Election { candidate: Endpoint, epoch: ConfigEpoch, leader: Endpoint },
    /// The leader has given up: the former master is used again if it proves to be one.
    Aborted,
    /// The former master says that it is a replica.
    Demoted,
    /// Another process answers at the address of the former master.
    Restarted,
    /// Two addresses are claimed with the same epoch, and neither has a majority.
    Conflict,
    /// A provisional master has become a replica again.
    Undone,
}

impl Serving {
    /// Returns the present master or, if there is none, the last one.
    pub(super) fn last_master(&self) -> Option<&ServingMaster> {
        match self {
            Serving::Nothing => None,
            Serving::Master(master) => Some(master),
            Serving::Held(held) => Some(&held.former),
        }
    }

    pub(super) fn master(&self) -> Option<&Endpoint> {
        match self {
            Serving::Master(master) => Some(&master.endpoint),
            Serving::Nothing | Serving::Held(_) => None,
        }
    }

    pub(super) fn candidate(&self) -> Option<&Endpoint> {
        match self {
            Serving::Held(HeldMaster { cause: HoldCause::Election { candidate, .. }, .. }) => Some(candidate),
            Serving::Nothing | Serving::Master(_) | Serving::Held(_) => None,
        }
    }

    /// Returns the epoch of the present or last master. Only a higher one is a new claim.
    pub(super) fn epoch(&self) -> ConfigEpoch {
        self.last_master().map(|master| master.epoch).unwrap_or_default()
    }
}

impl ServingMaster {
    pub(super) fn is_provisional(&self) -> bool {
        match self.trust {
            Trust::Confirmed => false,
            Trust::Provisional { .. } => true,
        }
    }
}

//! Discovery: finds out which node is the master. The rules of each kind of backend say what to ask and what the answers mean
//! (pure); one loop does the asking for all kinds.
//!
//! [`Discovery`] is what the rules implement; they see time only as the `now` that they are given. [`driver`] owns the sockets.

mod active;
mod change;
mod cluster;
pub(crate) mod control;
mod diagnose;
pub(crate) mod driver;
mod findings;
mod fixed;
mod lag;
mod learning;
mod link;
mod links;
mod node_reply;
mod observation;
pub(crate) mod once;
mod outage_log;
mod peer;
mod publisher;
mod question;
mod readiness_log;
#[cfg(test)]
mod real_tests;
mod schedule;
mod sentinel;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use crate::config;
use crate::topology::diagnosis::Finding;
use crate::topology::health::NodeHealth;
use crate::topology::{Endpoint, Node};

use self::change::{Change, Reason};
use self::diagnose::Expected;
pub(crate) use self::observation::Failure;
use self::observation::{Answer, Observation};
use self::question::{Channel, PeerKind, PeerProbe, Question, Subscription};

static NO_ALIASES: BTreeMap<Endpoint, Endpoint> = BTreeMap::new();

/// The rules of one kind of backend. `now` is the time since the driver started.
pub(crate) trait Discovery: Send {
    /// Returns what to ask now. The driver answers every probe with exactly one [`Observation::Answer`].
    fn poll(&mut self, now: Duration) -> Ask;

    /// Takes in an observation. Returns the change if there is something new to publish.
    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change>;

    /// Returns the fault of the deployment as a whole, if there is one that is not the fault of a single peer.
    fn complaint(&self) -> Option<Finding> {
        None
    }

    /// Returns the endpoint to dial for each name that nodes use and that does not resolve here.
    fn aliases(&self) -> &BTreeMap<Endpoint, Endpoint> {
        &NO_ALIASES
    }

    /// Returns true if the rules wait for [`Observation::Drained`].
    fn awaits_drain(&self) -> bool {
        false
    }

    /// Returns all known nodes as they are at this moment. Round trips and lags change without a new topology.
    fn nodes(&self) -> Vec<Node>;

    fn health(&self) -> Vec<NodeHealth> {
        self.nodes().into_iter().map(NodeHealth::from).collect()
    }
}

/// The work that the rules give the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Probes to send now.
    pub(crate) probes: Vec<PeerProbe>,
    /// All subscriptions that should exist. The driver opens the missing ones and closes the others.
    pub(crate) subscriptions: Vec<Subscription>,
    /// The time at which the driver polls again, even if it observes nothing.
    pub(crate) wake: Duration,
}

/// Creates the rules for the backend of this proxy.
fn rules(proxy: &config::Proxy) -> Box<dyn Discovery> {
    match &proxy.backend.kind {
        config::Kind::Fixed { node } => {
            let expected = Expected::of(proxy, &PeerKind::Node(node.clone()));
            Box::new(fixed::FixedRules::new(node.clone(), expected))
        }
        config::Kind::Sentinel { sentinels, master, .. } => {
            let address_map = proxy.backend.address_map.clone();
            Box::new(sentinel::SentinelRules::new(sentinels, master, address_map, &proxy.reads))
        }
        config::Kind::Cluster { seeds } => {
            let seed = RandomState::new().build_hasher().finish();
            let address_map = proxy.backend.address_map.clone();
            Box::new(cluster::ClusterRules::new(seeds, address_map, seed, &proxy.reads))
        }
        config::Kind::Active { nodes } => {
            let seed = RandomState::new().build_hasher().finish();
            Box::new(active::ActiveRules::new(nodes, proxy, seed))
        }
    }
}

//! The map that routes commands: slot → shard → nodes, immutable once published.
//!
//! `fixed` and `sentinel` publish one shard that owns every slot, `cluster` one for each of its masters. What the
//! shards of `active` are is said in [`active`].

pub(crate) mod active;
pub(crate) mod cell;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod print;
pub(crate) mod shape;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Number of hash slots of a Redis Cluster; single-master backends own all of them with one shard.
pub(crate) const SLOTS: u16 = 16384;

/// Our counter, one more for each published topology. What a held command waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(pub(crate) u64);

/// What Sentinel or the cluster claims. Guards against older views; never mixed up with [`Generation`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConfigEpoch(pub(crate) u64);

/// `host:port` of one node or sentinel, as it is to be dialled (after `address_map`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl Endpoint {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Endpoint { host: host.into(), port }
    }
}

impl fmt::Display for Endpoint {
    /// IPv6 addresses stand in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Role of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Master,
    Replica,
    Active,
}

impl Role {
    /// As it stands in `/topology` and in the label `role`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Master => "master",
            Role::Replica => "replica",
            Role::Active => "active",
        }
    }
}

/// Whether a node can serve, as far as discovery knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    Up,
    Down,
    Loading,
    Syncing,
    /// In quarantine: it has been fit for service for less than `active.failback`.
    Settling,
    Unproven,
    /// What it serves is being moved to another node.
    Draining,
}

impl NodeState {
    /// As it stands in `/topology`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            NodeState::Up => "up",
            NodeState::Down => "down",
            NodeState::Loading => "loading",
            NodeState::Syncing => "syncing",
            NodeState::Settling => "settling",
            NodeState::Unproven => "unproven",
            NodeState::Draining => "draining",
        }
    }
}

/// One Redis, Valkey or KeyDB process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) role: Role,
    pub(crate) state: NodeState,
    /// Identity of the process. Where known, a data connection must find the same one, so that a node that was
    /// restarted (and may have lost its data) is not mistaken for the one that discovery verified.
    pub(crate) run_id: Option<Arc<str>>,
    /// Left out of the comparison of two views by discovery, which would otherwise publish at every probe. What stands
    /// in a published topology is as of its publication: it is published anew when it matters to `reads.from`.
    pub(crate) rtt: Option<Duration>,
    pub(crate) lag: Option<Duration>,
}

/// A master with its replicas and the slots it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Inclusive slot ranges, ascending.
    pub(crate) slots: Vec<(u16, u16)>,
    /// Index into `nodes` of the one that takes writes. `None`: hold commands; connections to the former
    /// master may still answer what is in flight, but nothing new is written to them.
    pub(crate) master: Option<usize>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) epoch: ConfigEpoch,
}

impl Shard {
    pub(crate) fn master_node(&self) -> Option<&Node> {
        self.master.and_then(|index| self.nodes.get(index))
    }
}

/// What discovery found; without a generation, which [`cell::TopologyCell`] stamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) shards: Vec<Shard>,
}

impl View {
    /// The same without round trips and lags: two views are compared without them.
    pub(crate) fn without_health(&self) -> View {
        let mut view = self.clone();
        for node in view.shards.iter_mut().flat_map(|shard| &mut shard.nodes) {
            (node.rtt, node.lag) = (None, None);
        }
        view
    }
}

/// The published, immutable map.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    pub(crate) generation: Generation,
    pub(crate) shards: Vec<Shard>,
}

impl Topology {
    /// The same map with what changes all the time: round trips, lags and states of the nodes.
    pub(crate) fn with_health(&self, seen: &[health::NodeHealth]) -> Topology {
        let mut topology = self.clone();
        for node in topology.shards.iter_mut().flat_map(|shard| &mut shard.nodes) {
            if let Some(seen) = seen.iter().find(|seen| seen.endpoint == node.endpoint) {
                (node.rtt, node.lag, node.state) = (seen.rtt, seen.lag, seen.state);
            }
        }
        topology
    }

    /// Every slot has a shard with a master.
    pub(crate) fn is_complete(&self) -> bool {
        let owned: u32 = self
            .shards
            .iter()
            .filter(|shard| shard.master.is_some())
            .flat_map(|shard| &shard.slots)
            .map(|(first, last)| u32::from(*last) - u32::from(*first) + 1)
            .sum();
        owned == u32::from(SLOTS)
    }
}

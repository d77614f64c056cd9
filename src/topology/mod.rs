//! The map that routes commands: slot → shard → nodes, immutable once published.
//!
//! `fixed` and `sentinel` publish one shard that owns every slot, `cluster` one for each of its masters. What the
//! shards of `active` are is said in [`active`].

pub(crate) mod active;
pub(crate) mod aliases;
pub(crate) mod cell;
pub(crate) mod diagnosis;
pub(crate) mod events;
pub(crate) mod fault;
pub(crate) mod health;
pub(crate) mod hint;
pub(crate) mod print;
pub(crate) mod ready;
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
    /// It refuses connections, or has left them.
    Down,
    /// It answers nothing, and refuses nothing either: it is slow, hung or cut off.
    Silent,
    Loading,
    Syncing,
    /// In quarantine: it has been fit for service for less than `active.failback`.
    Settling,
    Unproven,
    /// What it serves is being moved to another node.
    Draining,
}

impl NodeState {
    /// It serves: also while its commands are being moved away.
    pub(crate) fn serves(self) -> bool {
        match self {
            NodeState::Up | NodeState::Draining => true,
            NodeState::Down
            | NodeState::Silent
            | NodeState::Loading
            | NodeState::Syncing
            | NodeState::Settling
            | NodeState::Unproven => false,
        }
    }

    /// It answers nothing.
    pub(crate) fn is_out(self) -> bool {
        matches!(self, NodeState::Down | NodeState::Silent)
    }

    /// As it stands in `/topology`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            NodeState::Up => "up",
            NodeState::Down => "down",
            NodeState::Silent => "silent",
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

    /// Returns whether commands go to the node at this place. `None`: its role says it.
    pub(crate) fn is_in_use(&self, at: usize) -> Option<bool> {
        match self.nodes.get(at)?.role {
            Role::Active => Some(self.master == Some(at)),
            Role::Master | Role::Replica => None,
        }
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

    pub(crate) fn into_nodes(self) -> Vec<Node> {
        self.shards.into_iter().flat_map(|shard| shard.nodes).collect()
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

    /// Every slot has a shard with a master, and no shard that has slots is without one.
    pub(crate) fn is_complete(&self) -> bool {
        self.uncovered().is_empty()
    }

    /// Returns what keeps it from being complete: slots that nobody serves, as ranges, ascending. Of active nodes two places may
    /// have the same slots, each for keys of its own: both must serve them.
    pub(crate) fn uncovered(&self) -> Vec<(u16, u16)> {
        let mut served = vec![false; usize::from(SLOTS)];
        let (with, without): (Vec<&Shard>, Vec<&Shard>) =
            self.shards.iter().partition(|shard| shard.master.is_some());
        for (shards, serve) in [(with, true), (without, false)] {
            for (first, last) in shards.into_iter().flat_map(|shard| &shard.slots) {
                let slots = served.get_mut(usize::from(*first)..=usize::from(*last));
                slots.unwrap_or_default().fill(serve);
            }
        }
        ranges((0..SLOTS).zip(served).filter(|(_, serve)| !serve).map(|(slot, _)| slot))
    }

    /// The shards to show, each with its index: not those of active nodes that only repeat a node.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (u16, &Shard)> {
        let home = active::home(&self.shards);
        let is_active = home.is_some_and(|home| home.nodes.iter().any(|node| node.role == Role::Active));
        (0..u16::MAX).zip(&self.shards).filter(move |(index, shard)| {
            !is_active || *index == active::ActivePlace::Home.shard() || !shard.slots.is_empty()
        })
    }
}

fn ranges(slots: impl Iterator<Item = u16>) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for slot in slots {
        match ranges.last_mut() {
            Some((_, last)) if slot - *last == 1 => *last = slot,
            Some(_) | None => ranges.push((slot, slot)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    type Slots<'a> = &'a [(u16, u16)];

    /// Slots, and whether there is a master.
    fn topology(role: Role, shards: &[(Slots<'_>, bool)]) -> Topology {
        let node = |port| Node {
            endpoint: Endpoint::new("127.0.0.1", port),
            role,
            state: NodeState::Up,
            run_id: None,
            rtt: None,
            lag: None,
        };
        let shards = shards.iter().zip(6379..).map(|((slots, has_master), port)| Shard {
            slots: slots.to_vec(),
            master: has_master.then_some(0),
            nodes: vec![node(port)],
            epoch: ConfigEpoch(1),
        });
        Topology { generation: Generation(1), shards: shards.collect() }
    }

    #[test]
    fn every_place_must_serve_its_slots() {
        const ALL: Slots<'_> = &[(0, 16383)];
        let cases: [(&[(Slots<'_>, bool)], Slots<'_>); 10] = [
            (&[], ALL),
            (&[(ALL, true)], &[]),
            (&[(ALL, false)], ALL),
            (&[(&[(0, 99)], true), (&[(101, 16383)], true)], &[(100, 100)]),
            (&[(&[(0, 99)], true), (&[(100, 16383)], true), (&[], false)], &[]),
            (&[(&[], true), (&[], true), (&[(0, 99)], true), (&[(100, 16383)], true)], &[]),
            (&[(ALL, true), (&[], false), (&[(0, 99)], true), (&[(100, 16383)], true)], &[]),
            (&[(ALL, true), (&[], true), (&[(0, 99)], false), (&[(100, 16383)], true)], &[(0, 99)]),
            (&[(ALL, false), (&[], true), (&[(0, 99)], true), (&[(100, 16383)], true)], ALL),
            (&[(&[(0, 16380)], true), (&[(16383, 60000)], true)], &[(16381, 16383)]),
        ];
        for (shards, expected) in cases {
            let topology = topology(Role::Active, shards);
            assert_eq!(topology.uncovered(), expected, "{shards:?}");
            assert_eq!(topology.is_complete(), expected.is_empty(), "{shards:?}");
        }
    }

    #[test]
    fn places_of_active_nodes_without_slots_are_not_shown() {
        let (none, some): (Slots<'_>, Slots<'_>) = (&[], &[(0, 9)]);
        let shards = [(none, true), (none, true), (some, true), (none, true)];
        let shown = |role| topology(role, &shards).shown().map(|(index, _)| index).collect::<Vec<_>>();
        assert_eq!(shown(Role::Active), [0, 2]);
        assert_eq!(shown(Role::Master), [0, 1, 2, 3]);
    }
}

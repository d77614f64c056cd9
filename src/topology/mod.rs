//! The map that routes commands: slot → shard → nodes, immutable once published.
//!
//! `fixed` and `sentinel` publish one shard that owns every slot, `cluster` one shard for each of its masters; [`active`]
//! describes the shards of active nodes.

pub(crate) mod active;
pub(crate) mod aliases;
pub(crate) mod asked;
pub(crate) mod cell;
pub(crate) mod diagnosis;
pub(crate) mod differences;
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

/// The number of hash slots of a Redis Cluster. The one shard of a single-master backend owns all of them.
pub(crate) const SLOTS: u16 = 16384;

/// The number of a published topology, counted by the proxy itself. A held command waits for a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(pub(crate) u64);

/// The config epoch that Sentinel or the cluster claims, to protect against older views. It has nothing to do with [`Generation`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConfigEpoch(pub(crate) u64);

/// The `host:port` at which one node or sentinel is dialled (after `address_map`).
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
    /// Puts IPv6 addresses in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The role of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Master,
    Replica,
    Active,
}

impl Role {
    /// Returns the name that `/topology` and the label `role` show.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Master => "master",
            Role::Replica => "replica",
            Role::Active => "active",
        }
    }
}

/// The state of a node, as far as discovery knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    Up,
    /// The node cannot be reached, refuses connections or closes them.
    Down,
    /// The node neither answers nor refuses: it is slow, hung or cut off.
    Silent,
    Loading,
    Syncing,
    /// The node could serve, but has been able to for less than `active.failback`.
    Settling,
    /// Nothing proves that the node can serve: it has not answered yet, has another role than expected, or refuses to serve.
    Unproven,
    /// The node serves while its keys are being moved to another node.
    Draining,
}

impl NodeState {
    /// Returns true if a node in this state takes commands.
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

    /// Returns true if a node in this state answers nothing.
    pub(crate) fn answers_nothing(self) -> bool {
        matches!(self, NodeState::Down | NodeState::Silent)
    }

    /// Returns the name that `/topology` shows.
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
    /// The identity of the process. If it is known, a data connection must find the same one, so that a node that was
    /// restarted (and may have lost its data) is not mistaken for the one that discovery verified.
    pub(crate) run_id: Option<Arc<str>>,
    /// The round trip, as it was when the topology was published. Round trips and lags alone publish a new topology only if
    /// `reads.from` then chooses other nodes; otherwise every probe would.
    pub(crate) rtt: Option<Duration>,
    /// The age that the data of a replica has at most, compared with its master's, when the topology was published.
    pub(crate) lag: Option<Duration>,
}

/// A master with its replicas and the slots it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Inclusive slot ranges, ascending.
    pub(crate) slots: Vec<(u16, u16)>,
    /// The index in `nodes` of the node that takes writes. `None`: commands are held; the former master may still answer
    /// what is in flight, but nothing new is sent to it.
    pub(crate) master: Option<usize>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) epoch: ConfigEpoch,
}

impl Shard {
    pub(crate) fn master_node(&self) -> Option<&Node> {
        self.master.and_then(|index| self.nodes.get(index))
    }

    /// Returns true if commands go to the active node with this index. `None`: it is no active node, so its role tells.
    pub(crate) fn is_in_use(&self, at: usize) -> Option<bool> {
        match self.nodes.get(at)?.role {
            Role::Active => Some(self.master == Some(at)),
            Role::Master | Role::Replica => None,
        }
    }
}

/// The shards as discovery found them, without a generation: [`cell::TopologyCell`] stamps one when it publishes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) shards: Vec<Shard>,
    /// The nodes let nobody in without a password, and the proxy has none of its own: clients bring theirs.
    pub(crate) asks_password: bool,
}

impl View {
    /// Returns the same view without round trips and lags, to compare it with another one.
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
    /// As in [`View`].
    pub(crate) asks_password: bool,
}

impl Topology {
    /// Returns the same map with the latest round trips, lags and states of the nodes.
    pub(crate) fn with_health(&self, seen: &[health::NodeHealth]) -> Topology {
        let mut topology = self.clone();
        for node in topology.shards.iter_mut().flat_map(|shard| &mut shard.nodes) {
            if let Some(seen) = seen.iter().find(|seen| seen.endpoint == node.endpoint) {
                (node.rtt, node.lag, node.state) = (seen.rtt, seen.lag, seen.state);
            }
        }
        topology
    }

    /// Returns true if every slot has a shard with a master, and every shard with slots has a master.
    pub(crate) fn is_complete(&self) -> bool {
        self.uncovered().is_empty()
    }

    /// Returns the slots that nobody serves, as ascending ranges. Two places of active nodes may have the same slot, each for
    /// other keys; the slot is served only if both have a master.
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

    /// Returns the shards to show, each with its index; of active nodes without the places that only repeat a node.
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

    /// Builds a topology from the slots of its shards, each with true if it has a master.
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
        Topology { generation: Generation(1), shards: shards.collect(), asks_password: false }
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

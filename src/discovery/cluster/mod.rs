//! The rules for a Redis or Valkey Cluster: ask every node for its view, merge the views, find slots and master of each shard.
//!
//! Pure. [`observe`] takes in the answers, [`peers`] keeps them, [`merge`] makes a [`picture`] of all views. [`owners`] accepts an
//! owner for each slot and protects it against older claims, [`shards`] keeps every shard at its index. [`view`] makes the view to
//! publish, [`pace`] decides how often each node is asked.

mod merge;
mod observe;
mod owners;
mod pace;
mod peers;
mod picture;
mod refresh;
mod replies;
mod shards;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::Reads;
use crate::topology::diagnosis::Finding;
use crate::topology::fault::Fault;
use crate::topology::{Endpoint, Node, View};

use self::owners::AcceptedOwners;
use self::peers::Peers;
use self::picture::{ClusterMember, Picture};
use self::refresh::Refresh;
use self::replies::NodeId;
use self::shards::ShardPlaces;
use super::schedule::Sampling;
use super::{Ask, Change, Discovery, Observation, PeerKind, PeerProbe};

/// The time that a start waits for most of the masters before fewer are believed.
const PATIENCE: Duration = Duration::from_secs(1);

/// The rules for one cluster.
pub(super) struct ClusterRules {
    seeds: Vec<Endpoint>,
    address_map: BTreeMap<Endpoint, Endpoint>,
    peers: Peers,
    picture: Picture,
    owners: AcceptedOwners,
    shards: ShardPlaces,
    refresh: Refresh,
    /// The time of the last observation.
    now: Duration,
    /// The periods of questions to nodes while nothing is wrong.
    sampling: Sampling,
    /// The state of a random number generator, for jitter alone.
    random: u64,
    /// The time at which the first node reported its view.
    first_report_at: Option<Duration>,
    /// The time since which only unknown nodes answer.
    strangers_only_since: Option<Duration>,
    /// The time at which the master of a shard was lost, by the index of the shard.
    lost_at: BTreeMap<usize, Duration>,
    published: Option<View>,
    /// True if the views of the nodes have changed since they were merged.
    stale: bool,
    /// Names that have never resolved: their nodes are dialled by the addresses that CLUSTER NODES gives beside them.
    unresolved: BTreeSet<Endpoint>,
    aliases: BTreeMap<Endpoint, Endpoint>,
}

impl ClusterRules {
    pub(super) fn new(
        seeds: &[Endpoint],
        address_map: BTreeMap<Endpoint, Endpoint>,
        random: u64,
        reads: &Reads,
    ) -> Self {
        let mut peers = Peers::default();
        for seed in seeds {
            peers.ensure(seed);
        }
        ClusterRules {
            seeds: seeds.to_vec(),
            address_map,
            peers,
            picture: Picture::new(),
            owners: AcceptedOwners::default(),
            shards: ShardPlaces::default(),
            refresh: Refresh::default(),
            now: Duration::ZERO,
            sampling: Sampling::new(reads),
            random,
            first_report_at: None,
            strangers_only_since: None,
            lost_at: BTreeMap::new(),
            published: None,
            stale: false,
            unresolved: BTreeSet::new(),
            aliases: BTreeMap::new(),
        }
    }

    fn place_of_master(&self, endpoint: &Endpoint) -> Option<usize> {
        let is_it = |id: NodeId| self.endpoint(id) == Some(endpoint);
        self.shards.places.iter().position(|place| place.master.is_some_and(is_it))
    }

    fn member(&self, id: NodeId) -> Option<&ClusterMember> {
        self.picture.get(&id)
    }

    fn endpoint(&self, id: NodeId) -> Option<&Endpoint> {
        self.member(id)?.endpoint.as_ref()
    }

    /// Returns a random number from 0 to 1.
    fn random(&mut self) -> f64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 40) as f64 / f64::from(1 << 24)
    }
}

impl Discovery for ClusterRules {
    fn poll(&mut self, now: Duration) -> Ask {
        self.forget_peers(now);
        self.adjust_paces(now);
        let mut probes = Vec::new();
        for (endpoint, question) in self.due(now) {
            probes.push(PeerProbe { target: PeerKind::Node(endpoint), question });
        }
        Ask { probes, subscriptions: Vec::new(), wake: self.wake(now) }
    }

    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change> {
        self.now = now;
        match &observation {
            Observation::Tick
            | Observation::Message { .. }
            | Observation::Subscribed { .. }
            | Observation::Drained => {}
            Observation::Answer { probe, sent, outcome } => {
                self.on_answer(now, probe, *sent, outcome);
                self.update_picture(now);
                self.reschedule(now, probe);
            }
            Observation::Lost { target } => self.on_lost(now, target.endpoint()),
            Observation::Hint(hint) => self.on_hint(now, hint),
        }
        self.update_picture(now);
        self.change(now)
    }

    fn complaint(&self) -> Option<Finding> {
        let has_slots = self.shards.places.iter().any(|place| !place.slots.is_empty());
        let has_reports = self.first_report_at.is_some() && self.published.is_none();
        (has_reports && !has_slots).then_some(Finding { fault: Fault::NoSlots, about: None })
    }

    fn aliases(&self) -> &BTreeMap<Endpoint, Endpoint> {
        &self.aliases
    }

    fn nodes(&self) -> Vec<Node> {
        self.view().map(View::into_nodes).unwrap_or_default()
    }
}

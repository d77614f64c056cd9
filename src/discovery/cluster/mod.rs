//! The rules for a Redis or Valkey Cluster: ask every node for its view of the cluster, merge the views, and find the slots and
//! the master of each shard.
//!
//! Pure. [`peers`] keeps the answers, [`picture`] merges the views, [`owners`] accepts an owner for each slot and protects it
//! against older claims, [`shards`] keeps every shard at its index. [`view`] makes the view to publish, [`pace`] decides how
//! often each node is asked.

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
use crate::topology::hint::Hint;
use crate::topology::{Endpoint, Node, View};

use self::owners::AcceptedOwners;
use self::peers::Peers;
use self::picture::{ClusterMember, Picture, PictureBuilder};
use self::refresh::Refresh;
use self::replies::NodeId;
use self::shards::ShardPlaces;
use super::schedule::Sampling;
use super::{Answer, Ask, Change, Discovery, Failure, Observation, PeerKind, PeerProbe};

/// The time that a start waits for most of the masters before fewer are believed.
const PATIENCE: Duration = Duration::from_secs(1);
/// The time for which only unknown nodes must answer at the known addresses to count as a cluster that was set up anew.
const STRANGERS_ONLY: Duration = Duration::from_secs(5);
/// The time for which an address is asked that a hint has named.
const HINTED: Duration = Duration::from_secs(2);
/// The largest number of names that are remembered because they do not resolve.
const MOST_UNRESOLVED: usize = 2048;
/// The largest number of addresses that hints may add.
const MOST_HINTED: usize = 8;

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

    fn on_answer(
        &mut self,
        now: Duration,
        probe: &PeerProbe,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
    ) {
        let endpoint = probe.target.endpoint();
        let Some(peer) = self.peers.all.get_mut(endpoint) else { return };
        self.stale |= match outcome {
            Ok(answer) => peer.answered(now, sent, answer),
            Err(failure) => peer.missed(failure),
        };
        // A name that has resolved before may do so again.
        if *outcome == Err(Failure::Unresolved)
            && peer.node.last.is_none()
            && self.unresolved.len() < MOST_UNRESOLVED
        {
            self.stale |= self.unresolved.insert(endpoint.clone());
        }
        if peer.report.is_some() {
            self.first_report_at.get_or_insert(now);
        }
        match outcome {
            Ok(_) => self.master_answers(endpoint, sent),
            Err(_) => self.master_lost(sent, endpoint),
        }
        self.check_role(now, endpoint);
    }

    /// Asks for the whole map anew if the role of a node does not fit it: some node's view is out of date.
    fn check_role(&mut self, now: Duration, endpoint: &Endpoint) {
        if self.role_differs(endpoint) {
            self.refresh.ask(now);
            if let Some(peer) = self.peers.all.get_mut(endpoint) {
                peer.hinted_until = now + HINTED;
            }
        }
    }

    fn on_hint(&mut self, now: Duration, hint: &Hint) {
        self.refresh.ask(now);
        if hint.reason.is_outage() {
            self.master_lost(now, &hint.endpoint);
        }
        let hinted = self.peers.all.values().filter(|peer| peer.hinted_until > now).count();
        let known = self.peers.all.contains_key(&hint.endpoint);
        if !known && hinted >= MOST_HINTED {
            return;
        }
        if let Some(peer) = self.peers.ensure(&hint.endpoint) {
            peer.hinted_until = now + HINTED;
            if !known || hint.reason.is_outage() {
                peer.map_at = now;
                peer.node.schedule.hurry(now);
            }
        }
    }

    fn on_lost(&mut self, now: Duration, endpoint: &Endpoint) {
        self.master_lost(now, endpoint);
        self.peers.hurry(now, endpoint);
    }

    /// Notes that writes to a shard have had no node to go to since `since`, if this endpoint is its master.
    fn master_lost(&mut self, since: Duration, endpoint: &Endpoint) {
        if let Some(place) = self.place_of_master(endpoint) {
            self.lost_at.entry(place).or_insert(since);
        }
    }

    /// Forgets that the master at this endpoint was lost, if it has answered a question that was sent afterwards.
    fn master_answers(&mut self, endpoint: &Endpoint, sent: Duration) {
        let Some(place) = self.place_of_master(endpoint) else { return };
        let was_down = self.published_master_is_down(place);
        if !was_down && self.lost_at.get(&place).is_some_and(|lost| *lost < sent) {
            self.lost_at.remove(&place);
        }
    }

    /// Merges the views of the nodes anew if they have changed.
    fn update_picture(&mut self, now: Duration) {
        if !std::mem::take(&mut self.stale) && self.strangers_only_since.is_none() {
            return;
        }
        let reports = self.peers.reports();
        let known: BTreeSet<NodeId> = self.picture.keys().copied().collect();
        let mut trusted = picture::trusted(&reports, &known);
        if trusted.is_empty() && !reports.is_empty() {
            let since = *self.strangers_only_since.get_or_insert(now);
            if now < since + STRANGERS_ONLY {
                return;
            }
            self.picture.clear();
            trusted = picture::trusted(&reports, &BTreeSet::new());
        }
        self.strangers_only_since = None;
        if trusted.is_empty() {
            return;
        }
        let may_forget = self.is_quorum(trusted.iter().map(|(_, report)| report.me).collect());
        let builder = PictureBuilder {
            before: &self.picture,
            address_map: &self.address_map,
            unresolved: &self.unresolved,
            may_forget,
        };
        let picture = builder.build(&trusted);
        let aliases = builder.aliases(&trusted, &picture);
        self.owners.update(&trusted, &picture);
        self.shards.update(&picture, &self.owners);
        (self.picture, self.aliases) = (picture, aliases);
        self.ask_all_members();
    }

    /// Returns true if most of the masters that own slots are among these nodes. Their views are then enough to forget a node.
    fn is_quorum(&self, nodes: BTreeSet<NodeId>) -> bool {
        let owners: Vec<NodeId> = self.owners.epochs().into_keys().collect();
        let present = owners.iter().filter(|owner| nodes.contains(owner)).count();
        present * 2 > owners.len() || owners.is_empty()
    }

    /// Adds every member to the nodes that are asked.
    fn ask_all_members(&mut self) {
        for endpoint in self.picture.values().filter_map(|member| member.endpoint.as_ref()) {
            self.peers.ensure(endpoint);
        }
    }

    /// Stops asking the endpoints that are neither members nor hinted at. Seeds are kept while no member answers, or nothing is
    /// published.
    fn forget_peers(&mut self, now: Duration) {
        let members: BTreeSet<&Endpoint> =
            self.picture.values().filter_map(|member| member.endpoint.as_ref()).collect();
        let none_answers =
            members.iter().all(|member| self.peers.all.get(member).is_none_or(|peer| peer.node.is_silent()));
        let seeds = if none_answers || self.published.is_none() { self.seeds.as_slice() } else { &[] };
        let wanted = |endpoint: &Endpoint, until: Duration| {
            members.contains(endpoint) || seeds.contains(endpoint) || until > now
        };
        let before = self.peers.all.len();
        self.peers.all.retain(|endpoint, peer| wanted(endpoint, peer.hinted_until));
        self.stale |= self.peers.all.len() < before;
        for seed in seeds {
            self.peers.ensure(seed);
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

//! A Redis or Valkey Cluster: asks every node for its view, makes one picture of them, and says which shard owns
//! which slots and who its master is.
//!
//! Pure. Answers come into [`peers`]; [`picture`] makes one of all views, [`owners`] says who owns each slot and
//! takes no older story, [`shards`] keeps every shard at its place. [`view`] is what is published, [`pace`] how
//! often is asked.

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

use self::owners::Owners;
use self::peers::Peers;
use self::picture::{Canvas, ClusterMember, Picture};
use self::refresh::Refresh;
use self::replies::NodeId;
use self::shards::ShardPlaces;
use super::schedule::Sampling;
use super::{Answer, Ask, Change, Discovery, Failure, Observation, PeerKind, PeerProbe};

/// How long a start waits for most of the masters before fewer are believed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Nobody whom we know answers, but others do at the same addresses: after this the cluster was set up anew.
const ESTRANGED: Duration = Duration::from_secs(5);
/// How long an address that a hint named is asked.
const HINTED: Duration = Duration::from_secs(2);
/// Names that are remembered as leading nowhere.
const MOST_UNRESOLVED: usize = 2048;
/// Addresses that hints may add.
const MOST_HINTED: usize = 8;

pub(super) struct ClusterRules {
    seeds: Vec<Endpoint>,
    address_map: BTreeMap<Endpoint, Endpoint>,
    peers: Peers,
    picture: Picture,
    owners: Owners,
    shards: ShardPlaces,
    refresh: Refresh,
    /// Of the last observation.
    now: Duration,
    /// How often nodes are asked in peace, so that lags and round trips are known well enough.
    sampling: Sampling,
    /// For jitter alone.
    random: u64,
    /// When the first node told its view.
    first_word: Option<Duration>,
    /// Only strangers answer since then.
    estranged_since: Option<Duration>,
    /// Since when the master at a place has not been there.
    lost_at: BTreeMap<usize, Duration>,
    published: Option<View>,
    /// The views have changed since the picture was made.
    stale: bool,
    /// Names that never led anywhere: their nodes are dialled by the addresses that stand beside them.
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
            owners: Owners::default(),
            shards: ShardPlaces::default(),
            refresh: Refresh::default(),
            now: Duration::ZERO,
            sampling: Sampling::new(reads),
            random,
            first_word: None,
            estranged_since: None,
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
        // A name that has led somewhere may do so again.
        if *outcome == Err(Failure::Unresolved)
            && peer.node.last.is_none()
            && self.unresolved.len() < MOST_UNRESOLVED
        {
            self.stale |= self.unresolved.insert(endpoint.clone());
        }
        if peer.report.is_some() {
            self.first_word.get_or_insert(now);
        }
        match outcome {
            Ok(_) => self.found(endpoint, sent),
            Err(_) => self.lost(sent, endpoint),
        }
        self.suspicious(now, endpoint);
    }

    /// A role that does not fit the map: somebody's views are old.
    fn suspicious(&mut self, now: Duration, endpoint: &Endpoint) {
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
            self.lost(now, &hint.endpoint);
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
        self.lost(now, endpoint);
        self.peers.hurry(now, endpoint);
    }

    /// If it is a master, writes to its shard have nowhere to go since then.
    fn lost(&mut self, since: Duration, endpoint: &Endpoint) {
        if let Some(place) = self.place_of_master(endpoint) {
            self.lost_at.entry(place).or_insert(since);
        }
    }

    /// It answers a question that was sent after it seemed lost: it was not.
    fn found(&mut self, endpoint: &Endpoint, sent: Duration) {
        let Some(place) = self.place_of_master(endpoint) else { return };
        let was_down = self.published_master_is_down(place);
        if !was_down && self.lost_at.get(&place).is_some_and(|lost| *lost < sent) {
            self.lost_at.remove(&place);
        }
    }

    /// Makes the picture anew when the views have changed.
    fn look(&mut self, now: Duration) {
        if !std::mem::take(&mut self.stale) && self.estranged_since.is_none() {
            return;
        }
        let told = self.peers.reports();
        let known: BTreeSet<NodeId> = self.picture.keys().copied().collect();
        let mut trusted = picture::trusted(&told, &known);
        if trusted.is_empty() && !told.is_empty() {
            let since = *self.estranged_since.get_or_insert(now);
            if now < since + ESTRANGED {
                return;
            }
            self.picture.clear();
            trusted = picture::trusted(&told, &BTreeSet::new());
        }
        self.estranged_since = None;
        if trusted.is_empty() {
            return;
        }
        let may_forget = self.is_quorum(trusted.iter().map(|(_, report)| report.me).collect());
        let canvas = Canvas {
            before: &self.picture,
            address_map: &self.address_map,
            unresolved: &self.unresolved,
            may_forget,
        };
        let picture = canvas.paint(&trusted);
        let aliases = canvas.aliases(&trusted, &picture);
        self.owners.update(&trusted, &picture);
        self.shards.update(&picture, &self.owners);
        (self.picture, self.aliases) = (picture, aliases);
        self.meet();
    }

    /// Most of the masters that own slots are among them: enough to forget a node.
    fn is_quorum(&self, voices: BTreeSet<NodeId>) -> bool {
        let owners: Vec<NodeId> = self.owners.epochs().into_keys().collect();
        let heard = owners.iter().filter(|owner| voices.contains(owner)).count();
        heard * 2 > owners.len() || owners.is_empty()
    }

    /// Every member is asked from here on.
    fn meet(&mut self) {
        for endpoint in self.picture.values().filter_map(|member| member.endpoint.as_ref()) {
            self.peers.ensure(endpoint);
        }
    }

    /// Nobody is asked for ever who is neither a member nor a seed that is needed.
    fn forget(&mut self, now: Duration) {
        let members: BTreeSet<&Endpoint> =
            self.picture.values().filter_map(|member| member.endpoint.as_ref()).collect();
        let lonely =
            members.iter().all(|member| self.peers.all.get(member).is_none_or(|peer| peer.node.is_silent()));
        let seeds = if lonely || self.published.is_none() { self.seeds.as_slice() } else { &[] };
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

    /// Between 0 and 1.
    fn random(&mut self) -> f64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 40) as f64 / f64::from(1 << 24)
    }
}

impl Discovery for ClusterRules {
    fn poll(&mut self, now: Duration) -> Ask {
        self.forget(now);
        self.hasten(now);
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
                self.look(now);
                self.reschedule(now, probe);
            }
            Observation::Lost { target } => self.on_lost(now, target.endpoint()),
            Observation::Hint(hint) => self.on_hint(now, hint),
        }
        self.look(now);
        self.change(now)
    }

    fn complaint(&self) -> Option<Finding> {
        let has_slots = self.shards.places.iter().any(|place| !place.slots.is_empty());
        let is_told = self.first_word.is_some() && self.published.is_none();
        (is_told && !has_slots).then_some(Finding { fault: Fault::NoSlots, about: None })
    }

    fn aliases(&self) -> &BTreeMap<Endpoint, Endpoint> {
        &self.aliases
    }

    fn nodes(&self) -> Vec<Node> {
        self.view().map(View::into_nodes).unwrap_or_default()
    }
}

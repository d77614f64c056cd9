//! Decides how often each node is asked, and which question: slowly while nothing is wrong, fast while a shard has no master.

use std::time::Duration;

use super::super::node_reply::NodeRole;
use super::super::peer::Contact;
use super::super::schedule::{Sampling, UNMEASURED};
use super::super::{PeerProbe, Question};
use super::ClusterRules;
use super::peers::ClusterPeer;
use super::replies::LineRole;
use super::shards::ShardPlace;
use crate::topology::Endpoint;

/// The period of questions to the replicas of a shard whose master is lost: one of them is about to be promoted.
const CANDIDATE: Duration = Duration::from_millis(20);
/// The period of questions to a lost master.
const LOST: Duration = Duration::from_millis(50);
/// The period of questions to observers: they would learn of a promotion that the proxy cannot see.
const OBSERVER: Duration = Duration::from_millis(100);
/// The period of questions to candidates and lost masters in an outage that has lasted for long.
const AWAY: Duration = Duration::from_millis(200);
/// The longest period of all.
const SLOWEST: Duration = Duration::from_secs(1);
/// The period of questions before anything is published.
const START: Duration = Duration::from_millis(100);
/// The number of nodes that are asked for their view after an event.
const OBSERVERS: usize = 6;
/// The period of questions for a node's view while nothing is wrong: at least this long, at most twice as long.
const MAP: Duration = Duration::from_secs(15);
/// The same in the first minute, while the cluster may still be forming.
const MAP_EARLY: Duration = Duration::from_secs(1);
const EARLY: Duration = Duration::from_secs(60);
/// The length of an outage after which nodes are asked more slowly.
const LONG_OUTAGE: Duration = Duration::from_secs(60);

/// The class of a node, which decides the question and its period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PollClass {
    /// Nothing is published yet, or a hint named this endpoint and it is no member.
    Start,
    /// A replica of a shard whose master is lost.
    Candidate,
    /// A lost master.
    Lost,
    /// A member that answers, and is asked for its view while a master is lost.
    Observer,
    Master,
    /// A replica whose lag is not known yet.
    Unmeasured,
    Other,
}

impl ClusterRules {
    /// Returns the nodes to ask now, with their questions.
    pub(super) fn due(&mut self, now: Duration) -> Vec<(Endpoint, Question)> {
        let refresh = self.take_refresh(now);
        let classes = self.classes(now);
        let mut due = Vec::new();
        for ((endpoint, peer), class) in self.peers.all.iter_mut().zip(classes) {
            if refresh.contains(endpoint) {
                peer.map_at = now;
                peer.node.schedule.hurry(now);
            }
            if !peer.node.schedule.take_due(now) {
                continue;
            }
            let question = match class {
                PollClass::Start => Question::MapAndNames,
                // The node may have a new address; without CLUSTER SLOTS it would be called by the old one.
                _ if peer.report.is_none() => Question::MapAndNames,
                PollClass::Candidate | PollClass::Lost | PollClass::Observer => Question::Map,
                PollClass::Master | PollClass::Unmeasured | PollClass::Other if peer.map_at <= now => {
                    Question::MapAndNames
                }
                PollClass::Master | PollClass::Unmeasured | PollClass::Other => Question::Node,
            };
            due.push((endpoint.clone(), question));
        }
        due
    }

    /// Schedules the next question to a node after its answer.
    pub(super) fn reschedule(&mut self, now: Duration, probe: &PeerProbe) {
        let random = self.random();
        let class = self.class(now, probe.target.endpoint());
        let (long, sampling) = (self.is_long(now), self.sampling);
        let Some(peer) = self.peers.all.get_mut(probe.target.endpoint()) else { return };
        peer.node.schedule.answered(now, pace(class, peer, long, sampling));
        match probe.question {
            Question::Map | Question::MapAndNames => {
                let early = now < EARLY;
                let period = if early { MAP_EARLY } else { MAP };
                peer.map_at = now + period.mul_f64(1.0 + random);
            }
            Question::Node
            | Question::Ping
            | Question::Identity { .. }
            | Question::Active { .. }
            | Question::Group(_)
            | Question::GroupAndIdentity(_)
            | Question::Members(_) => {}
        }
    }

    /// Moves the next question to each node forward if the pace has become faster.
    pub(super) fn adjust_paces(&mut self, now: Duration) {
        let classes = self.classes(now);
        let long = self.is_long(now);
        for (peer, class) in self.peers.all.values_mut().zip(classes) {
            let pace = pace(class, peer, long, self.sampling);
            peer.node.schedule.at_pace(pace);
        }
    }

    pub(super) fn wake(&self, now: Duration) -> Duration {
        let peers = self.peers.all.values().filter_map(|peer| peer.node.schedule.wake());
        peers.chain(self.refresh.wake()).min().unwrap_or(now + AWAY).clamp(now, now + SLOWEST)
    }

    /// Returns the nodes to ask if it is time for a refresh: those that hints named, and the observers.
    fn take_refresh(&mut self, now: Duration) -> Vec<Endpoint> {
        let random = self.random();
        if !self.refresh.take_due(now, random) {
            return Vec::new();
        }
        let hinted = self.peers.all.iter().filter(|(_, peer)| peer.hinted_until > now);
        let mut asked: Vec<Endpoint> = hinted.map(|(endpoint, _)| endpoint.clone()).collect();
        asked.extend(self.observers());
        asked
    }

    /// Returns a few members that answer, masters first: they are the first to know what the masters agree on.
    fn observers(&self) -> Vec<Endpoint> {
        let answers = |endpoint: &&Endpoint| {
            self.peers.all.get(*endpoint).is_some_and(|peer| peer.node.contact == Contact::Answers)
        };
        let of_role = |master: bool| {
            let members = self.picture.values();
            members.filter(move |member| (member.role == LineRole::Master) == master)
        };
        let members = of_role(true).chain(of_role(false)).filter_map(|member| member.endpoint.as_ref());
        members.filter(answers).take(OBSERVERS).cloned().collect()
    }

    fn classes(&self, now: Duration) -> Vec<PollClass> {
        self.peers.all.keys().map(|endpoint| self.class(now, endpoint)).collect()
    }

    fn class(&self, now: Duration, endpoint: &Endpoint) -> PollClass {
        let troubled = self.shards.places.iter().filter(|place| self.is_troubled(place));
        let mut trouble = false;
        for place in troubled {
            trouble = true;
            if place.master.is_some_and(|master| self.endpoint(master) == Some(endpoint)) {
                return PollClass::Lost;
            }
            if place.members.iter().any(|id| self.endpoint(*id) == Some(endpoint)) {
                return PollClass::Candidate;
            }
        }
        if self.published.is_none() || self.is_hinted(now, endpoint) {
            return PollClass::Start;
        }
        if trouble && self.observers().contains(endpoint) {
            return PollClass::Observer;
        }
        match (self.place_of_master(endpoint), self.is_unmeasured(endpoint)) {
            (Some(_), _) => PollClass::Master,
            (None, true) => PollClass::Unmeasured,
            (None, false) => PollClass::Other,
        }
    }

    fn is_unmeasured(&self, endpoint: &Endpoint) -> bool {
        let Some(peer) = self.peers.all.get(endpoint).filter(|peer| peer.node.tracker.is_linked()) else {
            return false;
        };
        let has_node =
            |place: &&ShardPlace| place.members.iter().any(|id| self.endpoint(*id) == Some(endpoint));
        let shard = self.shards.places.iter().find(has_node);
        shard.is_some_and(|place| self.lag(peer, place, false).is_none())
    }

    /// Returns true if a hint has named this endpoint and it is no member.
    fn is_hinted(&self, now: Duration, endpoint: &Endpoint) -> bool {
        let named = self.peers.all.get(endpoint).is_some_and(|peer| peer.hinted_until > now);
        named && !self.picture.values().any(|member| member.endpoint.as_ref() == Some(endpoint))
    }

    /// Returns true if a shard has slots and its master does not take writes.
    fn is_troubled(&self, place: &ShardPlace) -> bool {
        let Some(master) = place.master else { return false };
        let Some(member) = self.member(master) else { return false };
        let peer = member.endpoint.as_ref().and_then(|endpoint| self.peers.all.get(endpoint));
        let fine = peer.is_some_and(|peer| peer.node.contact == Contact::Answers && !says_replica(peer));
        !place.slots.is_empty() && (member.failed || !fine)
    }

    /// Returns true if the role that a node reports is not the one that it has in the map.
    pub(super) fn role_differs(&self, endpoint: &Endpoint) -> bool {
        let Some(peer) = self.peers.all.get(endpoint) else { return false };
        if peer.node.is_silent() || self.published.is_none() {
            return false;
        }
        let master = self.place_of_master(endpoint).is_some();
        match peer.node.last_reply().map(|node| &node.role) {
            Some(NodeRole::Master { .. }) => !master && self.is_replica(endpoint),
            Some(NodeRole::Replica { .. }) => master,
            Some(NodeRole::Unknown) | None => false,
        }
    }

    fn is_replica(&self, endpoint: &Endpoint) -> bool {
        let mut members = self.picture.values();
        members.any(|member| member.endpoint.as_ref() == Some(endpoint) && member.role != LineRole::Master)
    }

    fn is_long(&self, now: Duration) -> bool {
        self.lost_at.values().all(|lost| *lost + LONG_OUTAGE < now)
    }
}

fn says_replica(peer: &ClusterPeer) -> bool {
    match peer.node.last_reply().map(|node| &node.role) {
        Some(NodeRole::Replica { .. }) => true,
        Some(NodeRole::Master { .. } | NodeRole::Unknown) | None => false,
    }
}

fn pace(class: PollClass, peer: &ClusterPeer, long: bool, sampling: Sampling) -> Duration {
    match class {
        PollClass::Start => (START * (1 << peer.node.contact.misses().min(4))).min(SLOWEST),
        PollClass::Candidate | PollClass::Lost if long => AWAY,
        PollClass::Candidate => CANDIDATE,
        PollClass::Lost => LOST,
        PollClass::Observer if long => SLOWEST,
        PollClass::Observer => OBSERVER,
        PollClass::Master => sampling.master,
        PollClass::Unmeasured => sampling.replica.min(UNMEASURED),
        PollClass::Other => sampling.replica,
    }
}

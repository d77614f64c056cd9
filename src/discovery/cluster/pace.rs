//! How often each node is asked, and for what: slowly in peace, fast while a shard has no master.

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

/// Replicas of a shard whose master is not there: one of them is about to be promoted.
const CANDIDATE: Duration = Duration::from_millis(20);
/// The master that is not there.
const LOST: Duration = Duration::from_millis(50);
/// Those who would hear of a promotion that we cannot see.
const WITNESS: Duration = Duration::from_millis(100);
/// One that has been away for long.
const AWAY: Duration = Duration::from_millis(200);
/// The slowest pace of all.
const SLOWEST: Duration = Duration::from_secs(1);
/// Before anything is published.
const START: Duration = Duration::from_millis(100);
/// How many nodes are asked for their view when something happened.
const WITNESSES: usize = 6;
/// A view of the cluster, in peace and without hints: at least this long, at most twice as long.
const MAP: Duration = Duration::from_secs(15);
/// In the first minute the cluster may still be forming.
const MAP_EARLY: Duration = Duration::from_secs(1);
const EARLY: Duration = Duration::from_secs(60);
/// An outage longer than this is waited out at a slower pace.
const LONG_OUTAGE: Duration = Duration::from_secs(60);

/// What a node is to us at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodePart {
    /// Nothing is published yet, or nobody answers.
    Start,
    Candidate,
    Lost,
    Witness,
    Master,
    /// A replica of which it is not known yet how far it is behind.
    Unmeasured,
    Other,
}

impl ClusterRules {
    /// Whom to ask now, and what.
    pub(super) fn due(&mut self, now: Duration) -> Vec<(Endpoint, Question)> {
        let refresh = self.take_refresh(now);
        let parts = self.parts(now);
        let mut due = Vec::new();
        for ((endpoint, peer), part) in self.peers.all.iter_mut().zip(parts) {
            if refresh.contains(endpoint) {
                peer.map_at = now;
                peer.node.schedule.hurry(now);
            }
            if !peer.node.schedule.take_due(now) {
                continue;
            }
            let question = match part {
                NodePart::Start => Question::MapAndNames,
                // It comes under a new address, perhaps: without its names it would be called by the old one.
                _ if peer.report.is_none() => Question::MapAndNames,
                NodePart::Candidate | NodePart::Lost | NodePart::Witness => Question::Map,
                NodePart::Master | NodePart::Unmeasured | NodePart::Other if peer.map_at <= now => {
                    Question::MapAndNames
                }
                NodePart::Master | NodePart::Unmeasured | NodePart::Other => Question::Node,
            };
            due.push((endpoint.clone(), question));
        }
        due
    }

    /// After an answer: when this one is asked again.
    pub(super) fn reschedule(&mut self, now: Duration, probe: &PeerProbe) {
        let random = self.random();
        let part = self.part(now, probe.target.endpoint());
        let (long, sampling) = (self.is_long(now), self.sampling);
        let Some(peer) = self.peers.all.get_mut(probe.target.endpoint()) else { return };
        peer.node.schedule.answered(now, pace(part, peer, long, sampling));
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

    /// Waiting questions follow a change of pace.
    pub(super) fn hasten(&mut self, now: Duration) {
        let parts = self.parts(now);
        let long = self.is_long(now);
        for (peer, part) in self.peers.all.values_mut().zip(parts) {
            let pace = pace(part, peer, long, self.sampling);
            peer.node.schedule.at_pace(pace);
        }
    }

    pub(super) fn wake(&self, now: Duration) -> Duration {
        let peers = self.peers.all.values().filter_map(|peer| peer.node.schedule.wake());
        peers.chain(self.refresh.wake()).min().unwrap_or(now + AWAY).clamp(now, now + SLOWEST)
    }

    /// Those who are asked when it is time for a refresh: the ones that were named, and a few that answer.
    fn take_refresh(&mut self, now: Duration) -> Vec<Endpoint> {
        let random = self.random();
        if !self.refresh.take(now, random) {
            return Vec::new();
        }
        let hinted = self.peers.all.iter().filter(|(_, peer)| peer.hinted_until > now);
        let mut asked: Vec<Endpoint> = hinted.map(|(endpoint, _)| endpoint.clone()).collect();
        asked.extend(self.witnesses());
        asked
    }

    /// Masters first: they know first what they agree on.
    fn witnesses(&self) -> Vec<Endpoint> {
        let answers = |endpoint: &&Endpoint| {
            self.peers.all.get(*endpoint).is_some_and(|peer| peer.node.contact == Contact::Answers)
        };
        let of_role = |master: bool| {
            let members = self.picture.values();
            members.filter(move |member| (member.role == LineRole::Master) == master)
        };
        let members = of_role(true).chain(of_role(false)).filter_map(|member| member.endpoint.as_ref());
        members.filter(answers).take(WITNESSES).cloned().collect()
    }

    fn parts(&self, now: Duration) -> Vec<NodePart> {
        self.peers.all.keys().map(|endpoint| self.part(now, endpoint)).collect()
    }

    fn part(&self, now: Duration, endpoint: &Endpoint) -> NodePart {
        let troubled = self.shards.places.iter().filter(|place| self.is_troubled(place));
        let mut trouble = false;
        for place in troubled {
            trouble = true;
            if place.master.is_some_and(|master| self.endpoint(master) == Some(endpoint)) {
                return NodePart::Lost;
            }
            if place.members.iter().any(|id| self.endpoint(*id) == Some(endpoint)) {
                return NodePart::Candidate;
            }
        }
        if self.published.is_none() || self.is_hinted(now, endpoint) {
            return NodePart::Start;
        }
        if trouble && self.witnesses().contains(endpoint) {
            return NodePart::Witness;
        }
        match (self.place_of_master(endpoint), self.is_unmeasured(endpoint)) {
            (Some(_), _) => NodePart::Master,
            (None, true) => NodePart::Unmeasured,
            (None, false) => NodePart::Other,
        }
    }

    fn is_unmeasured(&self, endpoint: &Endpoint) -> bool {
        let Some(peer) = self.peers.all.get(endpoint).filter(|peer| peer.node.tracker.is_linked()) else {
            return false;
        };
        let at_home =
            |place: &&ShardPlace| place.members.iter().any(|id| self.endpoint(*id) == Some(endpoint));
        let home = self.shards.places.iter().find(at_home);
        home.is_some_and(|place| self.lag(peer, place, false).is_none())
    }

    /// Named by a hint and not a member.
    fn is_hinted(&self, now: Duration, endpoint: &Endpoint) -> bool {
        let named = self.peers.all.get(endpoint).is_some_and(|peer| peer.hinted_until > now);
        named && !self.picture.values().any(|member| member.endpoint.as_ref() == Some(endpoint))
    }

    /// It has slots, or had some, and nobody who takes writes to them.
    fn is_troubled(&self, place: &ShardPlace) -> bool {
        let Some(master) = place.master else { return false };
        let Some(member) = self.member(master) else { return false };
        let peer = member.endpoint.as_ref().and_then(|endpoint| self.peers.all.get(endpoint));
        let fine = peer.is_some_and(|peer| peer.node.contact == Contact::Answers && !says_replica(peer));
        !place.slots.is_empty() && (member.failed || !fine)
    }

    /// Returns whether its role is not the one that it has in the map.
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

fn pace(part: NodePart, peer: &ClusterPeer, long: bool, sampling: Sampling) -> Duration {
    match part {
        NodePart::Start => (START * (1 << peer.node.contact.misses().min(4))).min(SLOWEST),
        NodePart::Candidate | NodePart::Lost if long => AWAY,
        NodePart::Candidate => CANDIDATE,
        NodePart::Lost => LOST,
        NodePart::Witness if long => SLOWEST,
        NodePart::Witness => WITNESS,
        NodePart::Master => sampling.master,
        NodePart::Unmeasured => sampling.replica.min(UNMEASURED),
        NodePart::Other => sampling.replica,
    }
}

//! The readiness of the nodes: it follows from the mesh, and is remembered for as long as the process of a node lives.

use std::time::Duration;

use super::super::lag::LagTracker;
use super::super::node_reply::{self, NodeRole};
use super::ActiveRules;
use super::mesh::{self, NodeFacts};
use super::peer::{ActivePeer, PeerContact};
use super::replies::{LinkState, WriteService};
use crate::topology::Endpoint;

/// The time that a start waits for the nodes that have not answered yet.
const PATIENCE: Duration = Duration::from_secs(1);
/// The largest lag of a node that counts as caught up.
const CAUGHT_UP: Duration = Duration::from_secs(1);

impl ActiveRules {
    /// Updates the readiness of all nodes from their last replies.
    pub(super) fn update_readiness(&mut self, now: Duration) {
        let facts = self.facts(now);
        let shape = mesh::shape(&facts);
        if shape != self.shape {
            (self.shape, self.shaped_at) = (shape, now);
        }
        let fit = mesh::fit(&facts);
        let isolated = mesh::isolated(&facts);
        for ((peer, fit), isolated) in self.peers.iter_mut().zip(&fit).zip(isolated) {
            let readiness = &mut peer.readiness;
            readiness.fit_since = fit.then(|| readiness.fit_since.unwrap_or(now));
            readiness.isolated_since = isolated.then(|| readiness.isolated_since.unwrap_or(now));
            if readiness.isolated_since.is_some_and(|since| now >= since + self.patience) {
                readiness.is_proven = false;
            }
        }
        self.prove_fit_nodes(now);
    }

    /// Marks nodes as proven that were fit for long enough. If no node can serve, at a start or later, marks those that are fit,
    /// and only the mature ones if there are any: no other node could have newer data.
    fn prove_fit_nodes(&mut self, now: Duration) {
        let failback = self.active.failback;
        let is_over =
            |peer: &ActivePeer| peer.readiness.fit_since.is_some_and(|since| now >= since + failback);
        for peer in self.peers.iter_mut().filter(|peer| is_over(peer)) {
            peer.readiness.is_proven = true;
        }
        if self.peers.iter().any(ActivePeer::is_usable) || !(self.has_served || self.may_start(now)) {
            return;
        }
        let any_mature = self.peers.iter().any(|peer| peer.is_fit() && peer.is_mature(now, failback));
        let may = |peer: &ActivePeer| peer.is_fit() && (!any_mature || peer.is_mature(now, failback));
        for peer in self.peers.iter_mut().filter(|peer| may(peer)) {
            peer.readiness.is_proven = true;
        }
    }

    /// Returns true if every node that was named has answered or is down, or if the start has waited long enough.
    fn may_start(&self, now: Duration) -> bool {
        let Some(first) = self.first_reply_at else { return false };
        let has_spoken = |peer: &ActivePeer| match peer.contact {
            PeerContact::Answers | PeerContact::Down { .. } => true,
            PeerContact::Unasked | PeerContact::Silent { .. } => false,
        };
        self.peers.iter().all(has_spoken) || now >= first + PATIENCE
    }

    fn facts(&self, now: Duration) -> Vec<NodeFacts> {
        (0..self.peers.len()).filter_map(|at| self.fact(at, now)).collect()
    }

    fn fact(&self, at: usize, now: Duration) -> Option<NodeFacts> {
        let peer = self.peers.get(at)?;
        let Some(reply) = peer.reply.as_ref().filter(|_| peer.answers() && self.alias(at).is_none()) else {
            return Some(NodeFacts::default());
        };
        let masters = |is_up: bool| {
            let masters =
                reply.masters.iter().filter(move |(_, link)| (link.state == LinkState::Up) == is_up);
            masters.filter_map(|(master, _)| self.resolved(master)).collect()
        };
        Some(NodeFacts {
            answers: true,
            is_whole: reply.service == WriteService::Ready
                && !reply.is_replica
                && !self.lacks_data(peer, now),
            is_proven: peer.readiness.is_proven,
            replicates: !reply.masters.is_empty(),
            is_mature: peer.is_mature(now, self.active.failback),
            lacks: masters(false),
            pulls: masters(true),
        })
    }

    /// Returns true if a node may be missing data that is on its way to it. A mature node mostly has what it receives from a
    /// younger one, which has just come back: full syncs always go both ways. A link that is up is not enough: after a full sync
    /// with a node that is back its peers are busy for a while with what it passes on.
    fn lacks_data(&self, peer: &ActivePeer, now: Duration) -> bool {
        let is_mature = peer.is_mature(now, self.active.failback);
        let links = peer.reply.iter().flat_map(|reply| &reply.masters);
        let mut sources = links.map(|(master, link)| (self.resolved(master), link.state));
        sources.any(|(at, state)| {
            let source = at.and_then(|at| self.peers.get(at));
            match state {
                LinkState::Syncing => {
                    !is_mature || source.is_none_or(|source| source.age(now) >= peer.age(now))
                }
                LinkState::Up if !peer.readiness.is_proven => at
                    .filter(|_| source.is_some_and(ActivePeer::is_usable))
                    .is_some_and(|at| self.is_behind(peer, at)),
                LinkState::Up | LinkState::Down => false,
            }
        })
    }

    fn is_behind(&self, peer: &ActivePeer, at: usize) -> bool {
        self.lag_behind(peer, at).is_none_or(|lag| lag > CAUGHT_UP)
    }

    /// Returns the age that a node's data has at most, compared with another node's. `None`: it does not pull from there yet.
    pub(super) fn lag_behind(&self, peer: &ActivePeer, at: usize) -> Option<Duration> {
        let reply = peer.reply.as_ref()?;
        let mut masters = reply.masters.iter();
        let (_, link) = masters.find(|(master, _)| self.resolved(master) == Some(at))?;
        let role =
            NodeRole::Replica { master: None, linked: link.state == LinkState::Up, offset: link.offset };
        let run_id = reply.run_id.as_deref().map(str::to_owned);
        let mut reached = LagTracker::default();
        reached.answered(
            self.now,
            peer.asked_at,
            Duration::ZERO,
            &node_reply::NodeReply { role, service: node_reply::Service::Ready, run_id },
        );
        reached.lag_behind(&self.peers.get(at)?.stream, self.now)
    }

    /// Returns the place of the node that another one calls by this endpoint.
    pub(super) fn resolved(&self, endpoint: &Endpoint) -> Option<usize> {
        let at = self.place(endpoint)?;
        Some(self.alias(at).unwrap_or(at))
    }

    /// Returns the place of an earlier endpoint at which the same process answers, if there is one.
    pub(super) fn alias(&self, at: usize) -> Option<usize> {
        let peer = self.peers.get(at).filter(|peer| !peer.is_configured)?;
        let run_id = peer.run_id()?;
        self.peers.iter().take(at).position(|earlier| earlier.run_id() == Some(run_id))
    }
}

impl ActivePeer {
    /// Returns true if the node can serve: it is proven, and takes writes.
    pub(super) fn is_usable(&self) -> bool {
        let takes = self
            .reply
            .as_ref()
            .is_some_and(|reply| reply.service == WriteService::Ready && !reply.is_replica);
        self.answers() && self.readiness.is_proven && takes
    }

    pub(super) fn is_fit(&self) -> bool {
        self.readiness.fit_since.is_some()
    }

    fn is_mature(&self, now: Duration, age: Duration) -> bool {
        self.reply.is_some() && self.age(now) >= age
    }

    /// Returns the time that the process has been up.
    fn age(&self, now: Duration) -> Duration {
        let uptime = self.reply.as_ref().map_or(Duration::ZERO, |reply| reply.uptime);
        uptime + now.saturating_sub(self.asked_at)
    }
}

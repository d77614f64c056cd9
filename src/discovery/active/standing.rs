//! Who is ready: what the mesh says of each node, remembered for as long as the process there lives.

use std::time::Duration;

use super::super::lag::LagTracker;
use super::super::node_reply::{self, NodeRole};
use super::ActiveRules;
use super::mesh::{self, Fact};
use super::peer::{ActivePeer, PeerContact};
use super::replies::{LinkState, WriteService};
use crate::topology::Endpoint;

/// How long a start waits for the nodes that have not answered yet.
const PATIENCE: Duration = Duration::from_secs(1);
/// A node whose data is older has not caught up.
const CAUGHT_UP: Duration = Duration::from_secs(1);

impl ActiveRules {
    /// Takes in what the answers say of all nodes together.
    pub(super) fn judge(&mut self, now: Duration) {
        let facts = self.facts(now);
        let shape = mesh::shape(&facts);
        if shape != self.shape {
            (self.shape, self.shaped_at) = (shape, now);
        }
        let fit = mesh::fit(&facts);
        let isolated = mesh::isolated(&facts);
        for ((peer, fit), isolated) in self.peers.iter_mut().zip(&fit).zip(isolated) {
            let standing = &mut peer.standing;
            standing.fit_since = fit.then(|| standing.fit_since.unwrap_or(now));
            standing.isolated_since = isolated.then(|| standing.isolated_since.unwrap_or(now));
            if standing.isolated_since.is_some_and(|since| now >= since + self.patience) {
                standing.is_proven = false;
            }
        }
        self.prove(now);
    }

    /// Who was fit for long enough is ready. At a start nobody is: those that are fit and grown are, for there is nobody
    /// else who could have newer data; and whenever nobody else can serve, those that are fit must.
    fn prove(&mut self, now: Duration) {
        let failback = self.active.failback;
        let is_over =
            |peer: &ActivePeer| peer.standing.fit_since.is_some_and(|since| now >= since + failback);
        for peer in self.peers.iter_mut().filter(|peer| is_over(peer)) {
            peer.standing.is_proven = true;
        }
        if self.peers.iter().any(ActivePeer::is_usable) || !(self.has_served || self.may_start(now)) {
            return;
        }
        let any_grown = self.peers.iter().any(|peer| peer.is_fit() && peer.is_grown(now, failback));
        let may = |peer: &ActivePeer| peer.is_fit() && (!any_grown || peer.is_grown(now, failback));
        for peer in self.peers.iter_mut().filter(|peer| may(peer)) {
            peer.standing.is_proven = true;
        }
    }

    /// Everybody of whom anybody has spoken was asked, or it is time.
    fn may_start(&self, now: Duration) -> bool {
        let Some(first) = self.first_word else { return false };
        let has_spoken = |peer: &ActivePeer| match peer.contact {
            PeerContact::Answers | PeerContact::Down { .. } => true,
            PeerContact::Unasked | PeerContact::Silent { .. } => false,
        };
        self.peers.iter().all(has_spoken) || now >= first + PATIENCE
    }

    fn facts(&self, now: Duration) -> Vec<Fact> {
        (0..self.peers.len()).filter_map(|at| self.fact(at, now)).collect()
    }

    fn fact(&self, at: usize, now: Duration) -> Option<Fact> {
        let peer = self.peers.get(at)?;
        let Some(said) = peer.said.as_ref().filter(|_| peer.answers() && self.alias(at).is_none()) else {
            return Some(Fact::default());
        };
        let masters = |is_up: bool| {
            let masters = said.masters.iter().filter(move |(_, link)| (link.state == LinkState::Up) == is_up);
            masters.filter_map(|(master, _)| self.resolved(master)).collect()
        };
        Some(Fact {
            answers: true,
            is_whole: said.service == WriteService::Ready && !said.is_replica && !self.lacks_data(peer, now),
            is_proven: peer.standing.is_proven,
            replicates: !said.masters.is_empty(),
            is_grown: peer.is_grown(now, self.active.failback),
            lacks: masters(false),
            pulls: masters(true),
        })
    }

    /// Data is on its way to it that it may not have. What a grown node takes over from a younger one it mostly has: that
    /// one is back, and all full syncs go both ways. A link that is up says little: after a full sync the peers of a node
    /// that is back are busy for a while with what it passes on.
    fn lacks_data(&self, peer: &ActivePeer, now: Duration) -> bool {
        let is_grown = peer.is_grown(now, self.active.failback);
        let links = peer.said.iter().flat_map(|said| &said.masters);
        let mut sources = links.map(|(master, link)| (self.resolved(master), link.state));
        sources.any(|(at, state)| {
            let source = at.and_then(|at| self.peers.get(at));
            match state {
                LinkState::Syncing => {
                    !is_grown || source.is_none_or(|source| source.age(now) >= peer.age(now))
                }
                LinkState::Up if !peer.standing.is_proven => at
                    .filter(|_| source.is_some_and(ActivePeer::is_usable))
                    .is_some_and(|at| self.trails(peer, at)),
                LinkState::Up | LinkState::Down => false,
            }
        })
    }

    fn trails(&self, peer: &ActivePeer, at: usize) -> bool {
        self.lag_behind(peer, at).is_none_or(|lag| lag > CAUGHT_UP)
    }

    /// Returns how old what it has of another node's writes is at most. `None`: it does not pull from there, or has not begun to.
    pub(super) fn lag_behind(&self, peer: &ActivePeer, at: usize) -> Option<Duration> {
        let said = peer.said.as_ref()?;
        let mut masters = said.masters.iter();
        let (_, link) = masters.find(|(master, _)| self.resolved(master) == Some(at))?;
        let role =
            NodeRole::Replica { master: None, linked: link.state == LinkState::Up, offset: link.offset };
        let run_id = said.run_id.as_deref().map(str::to_owned);
        let mut reached = LagTracker::default();
        reached.answered(
            self.now,
            peer.asked,
            Duration::ZERO,
            &node_reply::NodeReply { role, service: node_reply::Service::Ready, run_id },
        );
        reached.lag_behind(&self.peers.get(at)?.stream, self.now)
    }

    /// The place of a node, by whatever address another one calls it.
    pub(super) fn resolved(&self, endpoint: &Endpoint) -> Option<usize> {
        let at = self.place(endpoint)?;
        Some(self.alias(at).unwrap_or(at))
    }

    /// The same process answers at an address before this one in the list.
    pub(super) fn alias(&self, at: usize) -> Option<usize> {
        let peer = self.peers.get(at).filter(|peer| !peer.is_configured)?;
        let run_id = peer.run_id()?;
        self.peers.iter().take(at).position(|earlier| earlier.run_id() == Some(run_id))
    }
}

impl ActivePeer {
    /// It may serve: it was ready once, and takes writes.
    pub(super) fn is_usable(&self) -> bool {
        let takes =
            self.said.as_ref().is_some_and(|said| said.service == WriteService::Ready && !said.is_replica);
        self.answers() && self.standing.is_proven && takes
    }

    pub(super) fn is_fit(&self) -> bool {
        self.standing.fit_since.is_some()
    }

    fn is_grown(&self, now: Duration, age: Duration) -> bool {
        self.said.is_some() && self.age(now) >= age
    }

    /// Returns how long the process has been up.
    fn age(&self, now: Duration) -> Duration {
        let uptime = self.said.as_ref().map_or(Duration::ZERO, |said| said.uptime);
        uptime + now.saturating_sub(self.asked)
    }
}

//! Who is ready: what the mesh says of each node, remembered for as long as the process there lives.

use std::time::Duration;

use super::ActiveRules;
use super::mesh::{self, Fact};
use super::peer::{Contact, Peer};
use super::replies::{LinkState, Service};
use crate::topology::Endpoint;

/// How long a start waits for the nodes that have not answered yet.
const PATIENCE: Duration = Duration::from_secs(1);

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
        let is_over = |peer: &Peer| peer.standing.fit_since.is_some_and(|since| now >= since + failback);
        for peer in self.peers.iter_mut().filter(|peer| is_over(peer)) {
            peer.standing.is_proven = true;
        }
        if self.peers.iter().any(Peer::is_usable) || !(self.has_served || self.may_start(now)) {
            return;
        }
        let any_grown = self.peers.iter().any(|peer| peer.is_fit() && peer.is_grown(now, failback));
        let may = |peer: &Peer| peer.is_fit() && (!any_grown || peer.is_grown(now, failback));
        for peer in self.peers.iter_mut().filter(|peer| may(peer)) {
            peer.standing.is_proven = true;
        }
    }

    /// Everybody of whom anybody has spoken was asked, or it is time.
    fn may_start(&self, now: Duration) -> bool {
        let Some(first) = self.first_word else { return false };
        let has_spoken = |peer: &Peer| match peer.contact {
            Contact::Answers | Contact::Down { .. } => true,
            Contact::Unasked | Contact::Silent { .. } => false,
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
            is_whole: said.service == Service::Ready && !said.is_replica && !self.lacks_data(peer, now),
            is_proven: peer.standing.is_proven,
            replicates: !said.masters.is_empty(),
            is_grown: peer.is_grown(now, self.active.failback),
            lacks: masters(false),
            pulls: masters(true),
        })
    }

    /// Data is on its way to it that it may not have. What a grown node takes over from a younger one it mostly has: that
    /// one is back, and all full syncs go both ways.
    fn lacks_data(&self, peer: &Peer, now: Duration) -> bool {
        let is_grown = peer.is_grown(now, self.active.failback);
        let syncs = |state: LinkState| state == LinkState::Syncing;
        let links = peer.said.iter().flat_map(|said| &said.masters).filter(|(_, link)| syncs(link.state));
        let mut sources = links.map(|(master, _)| self.resolved(master).and_then(|at| self.peers.get(at)));
        let is_older = |source: Option<&Peer>| source.is_none_or(|source| source.age(now) >= peer.age(now));
        sources.any(|source| !is_grown || is_older(source))
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

impl Peer {
    /// It may serve: it was ready once, and takes writes.
    pub(super) fn is_usable(&self) -> bool {
        let takes = self.said.as_ref().is_some_and(|said| said.service == Service::Ready && !said.is_replica);
        self.answers() && self.standing.is_proven && takes
    }

    pub(super) fn is_fit(&self) -> bool {
        self.standing.fit_since.is_some()
    }

    fn is_grown(&self, now: Duration, age: Duration) -> bool {
        self.said.is_some() && self.age(now) >= age
    }

    /// How long the process has been up.
    fn age(&self, now: Duration) -> Duration {
        let uptime = self.said.as_ref().map_or(Duration::ZERO, |said| said.uptime);
        uptime + now.saturating_sub(self.asked)
    }
}

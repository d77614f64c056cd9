//! What is published: where commands go, and the state of every node.

use std::time::Duration;

use super::super::Change;
use super::super::Reason;
use super::ActiveRules;
use super::assignment::Assignment;
use super::peer::{ActivePeer, PeerContact};
use super::replies::WriteService;
use crate::config::Writer;
use crate::topology::{ConfigEpoch, Node, NodeState, Role, SLOTS, Shard, View};

impl ActiveRules {
    /// Returns what is to be published, if that has changed.
    pub(super) fn change(&mut self, now: Duration) -> Option<Change> {
        if !self.has_served {
            return None;
        }
        self.share_out(now);
        let view = self.view();
        if self.published.as_ref().is_some_and(|before| before.without_health() == view.without_health()) {
            return None;
        }
        let reason = self.news.reason.take().unwrap_or(Reason::Refreshed);
        // An outage is over when there is a home again.
        let lost_at = if self.present.home.is_some() { self.news.lost_at.take() } else { self.news.lost_at };
        self.forget_doubts(now);
        self.published = Some(view.clone());
        Some(Change { view, reason, lost_at, may_lower_epoch: false })
    }

    /// A doubt is over once somebody else has the work.
    fn forget_doubts(&mut self, now: Duration) {
        let present = &self.present;
        for (at, peer) in self.peers.iter_mut().enumerate() {
            if peer.doubted.is_some_and(|since| since < now) && !present.has(at) {
                peer.doubted = None;
            }
        }
    }

    /// Who has which slots; thought out anew only when that changes.
    fn share_out(&mut self, now: Duration) {
        let next = self.handover.as_ref().map(|handover| &handover.to);
        let key = (self.present.writers.clone(), next.map(|next| next.writers.clone()));
        if self.duties.by_key && self.shared != key {
            self.shares = self.present.shares(next, &self.assignable(now));
            self.shared = key;
        }
    }

    /// See [`crate::topology::active`].
    fn view(&self) -> View {
        let now = match &self.handover {
            Some(handover) => self.present.held_for(&handover.to),
            None => self.present.clone(),
        };
        let mut shards = vec![self.home(&now), self.aside(&now)];
        shards.extend((0..self.peers.len()).map(|at| self.own(at, &now)));
        View { shards }
    }

    fn home(&self, assigned: &Assignment) -> Shard {
        let shown: Vec<usize> = (0..self.peers.len()).filter(|at| self.is_shown(*at)).collect();
        let slots = match self.active.writer {
            Writer::Nearest | Writer::First => vec![(0, SLOTS - 1)],
            Writer::Key => Vec::new(),
        };
        let master = assigned.home.and_then(|home| shown.iter().position(|at| *at == home));
        shard(slots, master, shown.into_iter().filter_map(|at| self.node(at)).collect())
    }

    fn aside(&self, assigned: &Assignment) -> Shard {
        let node = assigned.aside.and_then(|at| self.node(at));
        shard(Vec::new(), node.as_ref().map(|_| 0), node.into_iter().collect())
    }

    /// The place that leads to this node alone.
    fn own(&self, at: usize, assigned: &Assignment) -> Shard {
        let Some(peer) = self.peers.get(at).filter(|_| self.is_shown(at)) else {
            return shard(Vec::new(), None, Vec::new());
        };
        let serves = peer.is_usable() || assigned.has(at);
        let slots = self.shares.get(at).cloned().unwrap_or_default();
        shard(slots, serves.then_some(0), self.node(at).into_iter().collect())
    }

    /// Every node that is known to be one.
    pub(super) fn shown_nodes(&self) -> impl Iterator<Item = Node> {
        (0..self.peers.len()).filter(|at| self.is_shown(*at)).filter_map(|at| self.node(at))
    }

    /// Not another name of a node, and not one of whom there is only hearsay.
    fn is_shown(&self, at: usize) -> bool {
        let known = self.peers.get(at).is_some_and(|peer| peer.is_configured || peer.said.is_some());
        known && self.alias(at).is_none()
    }

    fn node(&self, at: usize) -> Option<Node> {
        let peer = self.peers.get(at)?;
        Some(Node {
            endpoint: peer.endpoint.clone(),
            role: Role::Active,
            state: self.state(at, peer),
            run_id: peer.run_id().cloned(),
            rtt: peer.trip.smoothed(),
            lag: self.lag(at, peer),
        })
    }

    fn state(&self, at: usize, peer: &ActivePeer) -> NodeState {
        if peer.is_down() {
            return NodeState::Down;
        }
        let Some(said) = peer.said.as_ref().filter(|_| peer.contact != PeerContact::Unasked) else {
            return NodeState::Unproven;
        };
        match said.service {
            WriteService::Loading => return NodeState::Loading,
            WriteService::Refuses(_) => return NodeState::Unproven,
            WriteService::Ready if said.is_replica => return NodeState::Unproven,
            WriteService::Ready => {}
        }
        let leaves = |handover: &super::Handover| !handover.to.has(at) && self.present.has(at);
        match (peer.standing.is_proven, peer.is_fit()) {
            (true, _) if said.is_drained || self.handover.as_ref().is_some_and(leaves) => NodeState::Draining,
            (true, _) => NodeState::Up,
            (false, true) => NodeState::Settling,
            // Links that are to come up, or nobody to be linked with.
            (false, false) if said.masters.is_empty() => NodeState::Unproven,
            (false, false) => NodeState::Syncing,
        }
    }

    /// Returns how old what it has of the home node's writes is at most.
    fn lag(&self, at: usize, peer: &ActivePeer) -> Option<Duration> {
        let home = self.present.home?;
        if at == home { Some(Duration::ZERO) } else { self.lag_behind(peer, home) }
    }
}

fn shard(slots: Vec<(u16, u16)>, master: Option<usize>, nodes: Vec<Node>) -> Shard {
    Shard { slots, master, nodes, epoch: ConfigEpoch::default() }
}

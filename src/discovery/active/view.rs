//! The view to publish: where commands go, and the state of every node.

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
    /// Returns the change since the last publication.
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
        // An outage is over only when there is a home again.
        let lost_at = if self.present.home.is_some() { self.news.lost_at.take() } else { self.news.lost_at };
        self.forget_doubts(now);
        self.published = Some(view.clone());
        Some(Change { view, reason, lost_at, may_lower_epoch: false })
    }

    /// Forgets the doubts about nodes that no commands go to any more.
    fn forget_doubts(&mut self, now: Duration) {
        let present = &self.present;
        for (at, peer) in self.peers.iter_mut().enumerate() {
            if peer.doubted_since.is_some_and(|since| since < now) && !present.has(at) {
                peer.doubted_since = None;
            }
        }
    }

    /// Divides the slots among the writers, if the writers have changed.
    fn share_out(&mut self, now: Duration) {
        let next = self.handover.as_ref().map(|handover| &handover.to);
        let key = (self.present.writers.clone(), next.map(|next| next.writers.clone()));
        if self.policies.by_key && self.shared != key {
            self.shares = self.present.shares(next, &self.assignable(now));
            self.shared = key;
        }
    }

    /// Returns the present view, with the places that [`crate::topology::active`] describes.
    fn view(&self) -> View {
        let now = match &self.handover {
            Some(handover) => self.present.held_for(&handover.to),
            None => self.present.clone(),
        };
        let mut shards = vec![self.home(&now), self.aside(&now)];
        shards.extend((0..self.peers.len()).map(|at| self.own(at, &now)));
        View { shards, asks_password: false }
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

    /// Returns the place that leads to this node alone.
    fn own(&self, at: usize, assigned: &Assignment) -> Shard {
        let Some(peer) = self.peers.get(at).filter(|_| self.is_shown(at)) else {
            return shard(Vec::new(), None, Vec::new());
        };
        let serves = peer.is_usable() || assigned.has(at);
        let slots = self.shares.get(at).cloned().unwrap_or_default();
        shard(slots, serves.then_some(0), self.node(at).into_iter().collect())
    }

    /// Returns every node that is known to exist.
    pub(super) fn shown_nodes(&self) -> impl Iterator<Item = Node> {
        (0..self.peers.len()).filter(|at| self.is_shown(*at)).filter_map(|at| self.node(at))
    }

    /// Returns true unless this is another name of a node, or a node that has never answered and that only others name.
    fn is_shown(&self, at: usize) -> bool {
        let known = self.peers.get(at).is_some_and(|peer| peer.is_configured || peer.reply.is_some());
        known && self.alias(at).is_none()
    }

    fn node(&self, at: usize) -> Option<Node> {
        let peer = self.peers.get(at)?;
        Some(Node {
            endpoint: peer.endpoint.clone(),
            role: Role::Active,
            state: self.state(at, peer),
            run_id: peer.run_id().cloned(),
            rtt: peer.rtt.value(),
            lag: self.lag(at, peer),
        })
    }

    fn state(&self, at: usize, peer: &ActivePeer) -> NodeState {
        if peer.is_down() {
            return NodeState::Down;
        }
        let Some(reply) = peer.reply.as_ref().filter(|_| peer.contact != PeerContact::Unasked) else {
            return NodeState::Unproven;
        };
        match reply.service {
            WriteService::Loading => return NodeState::Loading,
            WriteService::Refuses(_) => return NodeState::Unproven,
            WriteService::Ready if reply.is_replica => return NodeState::Unproven,
            WriteService::Ready => {}
        }
        let leaves = |handover: &super::Handover| !handover.to.has(at) && self.present.has(at);
        match (peer.readiness.is_proven, peer.is_fit()) {
            (true, _) if reply.is_drained || self.handover.as_ref().is_some_and(leaves) => {
                NodeState::Draining
            }
            (true, _) => NodeState::Up,
            (false, true) => NodeState::Settling,
            // A node without masters has nothing to sync; others wait for links to come up.
            (false, false) if reply.masters.is_empty() => NodeState::Unproven,
            (false, false) => NodeState::Syncing,
        }
    }

    /// Returns the age that a node's data has at most, compared with the writes of the home node.
    fn lag(&self, at: usize, peer: &ActivePeer) -> Option<Duration> {
        let home = self.present.home?;
        if at == home { Some(Duration::ZERO) } else { self.lag_behind(peer, home) }
    }
}

fn shard(slots: Vec<(u16, u16)>, master: Option<usize>, nodes: Vec<Node>) -> Shard {
    Shard { slots, master, nodes, epoch: ConfigEpoch::default() }
}

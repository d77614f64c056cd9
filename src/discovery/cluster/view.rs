//! The view to publish: every shard at its place, with the states of its nodes.

use std::time::Duration;

use super::super::node_reply::{self, NodeRole, Service};
use super::super::peer::Contact;
use super::super::{Change, Reason};
use super::ClusterRules;
use super::PATIENCE;
use super::peers::ClusterPeer;
use super::picture::ClusterMember;
use super::replies::NodeId;
use super::shards::ShardPlace;
use crate::topology::{Endpoint, Node, NodeState, Role, Shard, View};

impl ClusterRules {
    /// Returns the change since the last publication.
    pub(super) fn change(&mut self, now: Duration) -> Option<Change> {
        if self.published.is_none() && !self.may_start(now) {
            return None;
        }
        let view = self.view()?;
        let reason = match &self.published {
            Some(before) if before.without_health() == view.without_health() => return None,
            Some(before) => self.reason(before, &view),
            None => Reason::Found,
        };
        if reason != Reason::Refreshed {
            self.refresh.changed();
        }
        let lowers = |before: &View| {
            before.shards.iter().zip(&view.shards).any(|(before, after)| after.epoch < before.epoch)
        };
        let may_lower_epoch = self.published.as_ref().is_some_and(lowers);
        let lost_at = self.take_ended_outage(&view);
        self.published = Some(view.clone());
        Some(Change { view, reason, lost_at, may_lower_epoch })
    }

    /// Returns true if all known endpoints were asked and most masters have reported, or if the start has waited long enough.
    fn may_start(&self, now: Duration) -> bool {
        let Some(first) = self.first_report_at else { return false };
        let asked = self.peers.all.values().all(|peer| peer.node.contact != Contact::Unasked);
        let voices = self.peers.reports().into_iter().map(|(_, report)| report.me).collect();
        (asked && self.is_quorum(voices)) || now >= first + PATIENCE
    }

    /// Returns the present view. `None`: no slot has had an owner yet, so there is no map.
    pub(super) fn view(&self) -> Option<View> {
        if self.shards.places.iter().all(|place| place.slots.is_empty()) {
            return self.published.clone();
        }
        let shards = self.shards.places.iter().map(|place| self.shard(place)).collect();
        Some(View { shards, asks_password: false })
    }

    fn shard(&self, place: &ShardPlace) -> Shard {
        let mut nodes = Vec::new();
        let mut master = None;
        for id in &place.members {
            let is_master = place.master == Some(*id);
            let Some(node) = self.node(*id, place, is_master) else { continue };
            if is_master {
                master = Some(nodes.len());
            }
            nodes.push(node);
        }
        Shard { slots: place.slots.clone(), master, nodes, epoch: place.epoch }
    }

    /// Returns one node of a shard. `None`: it has no address, or another node answers there.
    fn node(&self, id: NodeId, place: &ShardPlace, is_master: bool) -> Option<Node> {
        let member = self.member(id)?;
        let endpoint = member.endpoint.clone()?;
        let peer = self.peers.all.get(&endpoint);
        let moved = peer.and_then(ClusterPeer::live_report).is_some_and(|report| report.me != id);
        if moved {
            return None;
        }
        let role = if is_master { Role::Master } else { Role::Replica };
        Some(Node {
            role,
            state: peer.map_or(NodeState::Unproven, |peer| self.state(peer, member, place, role)),
            run_id: peer.and_then(|peer| peer.node.run_id.clone()),
            rtt: peer.and_then(|peer| peer.node.tracker.rtt()),
            lag: peer.and_then(|peer| self.lag(peer, place, is_master)),
            endpoint,
        })
    }

    pub(super) fn lag(&self, peer: &ClusterPeer, place: &ShardPlace, is_master: bool) -> Option<Duration> {
        if is_master {
            return Some(Duration::ZERO);
        }
        let master = self.peers.all.get(self.endpoint(place.master?)?)?;
        peer.node.tracker.lag_behind(&master.node.tracker, self.now)
    }

    fn state(&self, peer: &ClusterPeer, member: &ClusterMember, place: &ShardPlace, role: Role) -> NodeState {
        match state(peer, member, role) {
            // Its data is that of the other node, and not that of the master.
            NodeState::Up if role == Role::Replica && self.follows_another(peer, place) => NodeState::Syncing,
            state => state,
        }
    }

    /// Returns true if a replica says that it still follows another member. An address that only the replica knows proves nothing.
    fn follows_another(&self, peer: &ClusterPeer, place: &ShardPlace) -> bool {
        let followed = match peer.node.last_reply().map(|node| &node.role) {
            Some(NodeRole::Replica { master, .. }) => master.as_ref(),
            Some(NodeRole::Master { .. } | NodeRole::Unknown) | None => None,
        };
        let Some(followed) = followed else { return false };
        let followed = self.address_map.get(followed).unwrap_or(followed);
        let master = place.master.and_then(|master| self.endpoint(master));
        let mut members = self.picture.values();
        master != Some(followed) && members.any(|member| member.endpoint.as_ref() == Some(followed))
    }

    fn reason(&self, before: &View, after: &View) -> Reason {
        let pairs = || before.shards.iter().zip(&after.shards);
        let new_master = pairs().find_map(|(before, after)| {
            let (before, after) = (address(before), address(after)?);
            (before != Some(after)).then_some(after)
        });
        if let Some(endpoint) = new_master {
            let confirms =
                self.peers.all.get(endpoint).and_then(|peer| peer.node.last_reply()).is_some_and(is_master);
            return if confirms { Reason::Promoted } else { Reason::Switched };
        }
        let moved = before.shards.len() != after.shards.len()
            || pairs().any(|(before, after)| before.slots != after.slots);
        if moved { Reason::Resharded } else { Reason::Refreshed }
    }

    /// Returns the start of the longest outage that ends with this view: the master of the shard serves, or another one is named,
    /// which may not have said so itself yet.
    fn take_ended_outage(&mut self, view: &View) -> Option<Duration> {
        let published = self.published.as_ref();
        let has_ended = |index: usize| {
            let before = published.and_then(|view| view.shards.get(index)).and_then(address);
            let master = view.shards.get(index).and_then(Shard::master_node);
            master.is_some_and(|node| node.state == NodeState::Up || before != Some(&node.endpoint))
        };
        let ended: Vec<usize> = self.lost_at.keys().copied().filter(|index| has_ended(*index)).collect();
        ended.into_iter().filter_map(|index| self.lost_at.remove(&index)).min()
    }

    pub(super) fn published_master_is_down(&self, place: usize) -> bool {
        let shard = self.published.as_ref().and_then(|view| view.shards.get(place));
        shard.and_then(Shard::master_node).is_some_and(|node| node.state != NodeState::Up)
    }
}

fn address(shard: &Shard) -> Option<&Endpoint> {
    shard.master_node().map(|node| &node.endpoint)
}

fn is_master(reply: &node_reply::NodeReply) -> bool {
    match reply.role {
        NodeRole::Master { .. } => true,
        NodeRole::Replica { .. } | NodeRole::Unknown => false,
    }
}

fn state(peer: &ClusterPeer, member: &ClusterMember, role: Role) -> NodeState {
    if let Some(out) = peer.node.contact.down_state() {
        return out;
    }
    if member.failed && role == Role::Master {
        return NodeState::Down;
    }
    let Some(reply) = peer.node.last_reply() else { return NodeState::Unproven };
    match (role, &reply.role, &reply.service) {
        (_, _, Service::Loading) => NodeState::Loading,
        (Role::Master, NodeRole::Master { .. }, _) => NodeState::Up,
        (Role::Replica, NodeRole::Replica { linked: false, .. }, _) | (_, _, Service::MasterDown) => {
            NodeState::Syncing
        }
        (Role::Replica, NodeRole::Replica { .. }, Service::Ready) => NodeState::Up,
        // The node's own role is not the one in the map, or the node does not let the proxy ask.
        (Role::Master | Role::Replica | Role::Active, _, Service::Ready | Service::Refuses(_)) => {
            NodeState::Unproven
        }
    }
}

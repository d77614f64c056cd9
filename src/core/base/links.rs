//! The connections of lanes: when to connect, when a lane may be written to, and the next bytes for its node.

use super::ears;
use super::tell;
use crate::core::Effect;
use crate::core::shards::Gate;
use crate::failover::Loss;
use crate::ids::LaneId;
use crate::node::lane::Lane;
use crate::node::link::{Link, Up};
use crate::reasons::{NodeUse, RetryReason};
use crate::topology::hint::HintReason;

use super::Base;

impl Base {
    /// Sends discovery a hint that the lane's node was lost. A node that was demoted or broke the protocol is still there.
    pub(crate) fn hint_loss(&mut self, id: LaneId, loss: Loss) {
        let Some(lane) = self.lane(id) else { return };
        let was_up = lane.link.is_up();
        let Some(endpoint) = lane.link.target().map(|target| target.endpoint.clone()) else { return };
        let reason = match loss {
            Loss::Closed | Loss::Ended if was_up => HintReason::ConnectionLost,
            Loss::Closed | Loss::Ended => HintReason::ConnectRefused,
            Loss::Silent => HintReason::TimedOut,
            Loss::Demoted | Loss::Broken => return,
        };
        self.hint(endpoint, reason);
    }

    /// Returns true if requests may be written on this lane now.
    pub(crate) fn is_open(&self, id: LaneId) -> bool {
        let lane = self.lanes.get(id);
        lane.is_some_and(|lane| lane.is_ready() && self.shards.is_open(lane.key.shard, lane.key.use_))
    }

    /// Returns true if the lane's connection leads to another node than its gate does.
    pub(crate) fn leads_elsewhere(&self, id: LaneId) -> bool {
        let Some(lane) = self.lanes.get(id) else { return false };
        let gate = self.shards.gate(lane.key.shard, lane.key.use_);
        lane.link.target().is_some_and(|target| *gate != Gate::Closed && !gate.leads_to(target))
    }

    /// Returns true if [`Self::is_open`] would be true but for the silence of the lane's node.
    fn would_be_open(&self, lane: &Lane) -> bool {
        lane.link.takes_requests() && self.shards.is_open(lane.key.shard, lane.key.use_)
    }

    /// Connects a lane that is wanted, if its shard has a node and the pause after the last attempt is over.
    pub(crate) fn open_link(&mut self, id: LaneId) {
        let Some((shard, use_)) = self.lane(id).map(|lane| (lane.key.shard, lane.key.use_)) else { return };
        let Gate::Open(target) = self.shards.gate(shard, use_).clone() else { return };
        let now = self.now;
        let Some(lane) = self.lane(id) else { return };
        let Link::Down { retry_at } = lane.link else { return };
        if now < retry_at || !lane.is_wanted() {
            return;
        }
        if lane.needs_ear() && ears::id_of_ear(self, id, &target).is_none() {
            return ears::open_ear(self, id);
        }
        let Some(lane) = self.lane(id) else { return };
        lane.connection = lane.connection.wrapping_add(1);
        let connection = lane.connection;
        let (endpoint, own) = (target.endpoint.clone(), lane.is_dedicated());
        lane.link = Link::Opening { target, since: now };
        self.effects.push(Effect::Connect { lane: id, connection, endpoint, own });
    }

    /// Closes the lane's connection, if it has one.
    pub(crate) fn disconnect(&mut self, id: LaneId) {
        tell::tell_lost(self, id);
        let Some(lane) = self.lane(id) else { return };
        let kind = node_use(lane.is_dedicated());
        let counted = match &lane.link {
            Link::Down { .. } => return,
            Link::Opening { .. } => None,
            Link::Greeting { target, .. } | Link::Up(Up { target, .. }) => Some(target.endpoint.clone()),
        };
        self.effects.push(Effect::Disconnect { lane: id });
        if let Some(endpoint) = counted {
            self.metrics.node_connections(&endpoint, kind, -1);
        }
    }

    /// Returns the next bytes for the lane's node.
    pub(crate) fn lane_output(&self, id: LaneId) -> &[u8] {
        let Some(lane) = self.lanes.get(id) else { return &[] };
        match &lane.link {
            Link::Greeting { greeting, .. } => greeting.unwritten(),
            Link::Up(_) if let Some(probe) = &lane.probe => probe.unwritten(),
            Link::Up(_) if self.is_open(id) => lane.unwritten(),
            // A silent node still gets the rest of a request that it has begun to receive, and questions about
            // channels, which are no commands.
            Link::Up(_) if lane.link.silent().is_some() && self.would_be_open(lane) => match lane.listening {
                Some(_) => lane.unwritten(),
                None => lane.rest_of_begun(),
            },
            // The node answers nothing more before it has the rest of the request.
            Link::Up(_) if lane.link.refusing() == Some(RetryReason::ClusterDown) => lane.rest_of_begun(),
            Link::Up(_) | Link::Down { .. } | Link::Opening { .. } => &[],
        }
    }

    /// Notes that the worker has written what it could.
    pub(crate) fn lane_flushed(&mut self, id: LaneId) {
        if let Some(lane) = self.lane(id) {
            lane.dirty = false;
        }
    }
}

pub(crate) fn node_use(dedicated: bool) -> NodeUse {
    if dedicated { NodeUse::Dedicated } else { NodeUse::Shared }
}

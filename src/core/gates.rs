//! The consequences of a new topology and of a node that ends: lanes, and what waits on them, follow their gates.

use crate::core::base::tell;
use crate::failover::Loss;
use crate::ids::LaneId;
use crate::node::lane::{Lane, Use};
use crate::node::link::Link;
use crate::reasons::RetryReason;
use crate::topology::Topology;

use super::shards::{Gate, is_same};
use super::shutdowns::heard_when_asked;
use super::{Core, retry};

/// A node that was not heard for longer than this is taken to be hung, in microseconds.
const HEARD_LATELY: u64 = 1_000_000;

impl Core {
    /// Applies a new topology. Connections to a node that is no master any more are closed before anything else is sent.
    pub(crate) fn set_topology(&mut self, topology: &Topology) {
        let changed = self.base.shards.update(topology, &self.base.settings, self.base.now);
        let gate = |lane: &Lane| (lane.key.shard, lane.key.use_.gate());
        // Probes come last: they tell the other lanes whether their node is alive.
        let asks = |lane: &&Lane| lane.key.use_ == Use::Probe;
        let (last, first): (Vec<&Lane>, Vec<&Lane>) = self.base.lanes.iter().partition(asks);
        let ids: Vec<_> = first.into_iter().chain(last).map(|lane| (lane.id, gate(lane))).collect();
        for (id, gate) in ids {
            if changed.gates.contains(&gate) {
                self.follow_gate(id);
            }
            if changed.owners {
                retry::unblock_moved_client(&mut self.base, id);
                retry::move_disowned(&mut self.base, id);
            }
        }
        self.hub.follow_topology(&mut self.base, changed.owners);
        self.shutdowns.forget(&self.base);
        self.settling.mark_sent(&self.base, topology.generation);
        retry::route_strays(&mut self.base, true);
    }

    /// Brings a lane in line with the gate of its shard.
    pub(super) fn follow_gate(&mut self, id: LaneId) {
        if self.base.audience_at(id).is_some() {
            return self.hub.follow_gate(&mut self.base, id);
        }
        let Some((shard, use_)) = self.base.lane(id).map(|lane| (lane.key.shard, lane.key.use_)) else {
            return;
        };
        let gate = self.base.shards.gate(shard, use_).clone();
        let Some(lane) = self.base.lane(id) else { return };
        match (&gate, lane.link.target()) {
            // Requests in flight may still be answered; nothing new is written.
            (Gate::Closed, _) => {
                self.base.update_held(id);
                self.memory.accepted.accept_held_from_memory(&mut self.base, &mut self.hub, id);
            }
            (Gate::Open(target), Some(current)) if is_same(target, current) => self.send_held(id),
            (Gate::Open(_), Some(_)) => {
                lane.failures = 0;
                if !retry::unblock_client(&mut self.base, id) && !self.await_late_replies(id) {
                    self.lose(id, Loss::Demoted);
                }
            }
            (Gate::Open(_), None) => {
                lane.failures = 0;
                lane.link = Link::Down { retry_at: 0 };
                self.base.open_link(id);
            }
        }
    }

    pub(super) fn follow_gates(&mut self, shard: u16) {
        let of_master = |lane: &Lane| {
            lane.key.shard == shard && lane.key.use_ != Use::Probe && lane.key.use_.gate() == Use::Master
        };
        let lanes = self.base.lanes.iter().filter(|lane| of_master(lane));
        for id in lanes.map(|lane| lane.id).collect::<Vec<_>>() {
            self.follow_gate(id);
        }
    }

    /// Checks the nodes that end, and asks those that owe replies and are silent. Returns the microseconds to the next check.
    pub(super) fn watch_nodes(&mut self) -> u64 {
        for shard in self.shutdowns.shards() {
            self.check_shutdown(shard);
        }
        self.shutdowns.ask_quiet(&mut self.base)
    }

    pub(super) fn check_shutdown(&mut self, shard: u16) {
        if self.shutdowns.end_if_gone(&mut self.base, shard) {
            self.follow_gates(shard);
        }
    }

    /// Keeps the connection to a former master for a short time, if the node was heard lately and owes replies. It
    /// will probably answer, with a refusal if it is no master any more, and that is better than an unknown outcome.
    /// Returns false if there is nothing to wait for.
    fn await_late_replies(&mut self, id: LaneId) -> bool {
        let now = self.base.now;
        let asked = heard_when_asked(&self.base, id);
        let Some(lane) = self.base.lane(id) else { return false };
        let written = lane.stream.written();
        let owes = lane.queue.front().is_some_and(|head| head.end <= written && !head.kind.may_take_long());
        let heard_lately = now.saturating_sub(lane.heard.max(asked)) < HEARD_LATELY;
        if !(lane.link.is_up() && owes && heard_lately) || lane.input.streaming.is_some() {
            return false;
        }
        let why = lane.link.refusing().unwrap_or(RetryReason::ReadOnly);
        if let Some(refusing) = lane.link.refuse(why) {
            refusing.late_since = refusing.late_since.or(Some(now));
        }
        self.base.update_held(id);
        // What the next master changes is not told on this connection.
        tell::tell_all(&mut self.base, id);
        true
    }

    /// Lets other nodes serve the shard's reads, since the lane's node has failed. Call it before the lane reconnects.
    pub(super) fn pass_over_reader(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.key.use_ == Use::Reads) else { return };
        let shard = lane.key.shard;
        let Some(failed) = lane.link.target().map(|target| target.endpoint.clone()) else { return };
        if self.base.shards.fail_reader(shard, &failed, self.base.now) {
            self.follow_readers(shard, Some(id));
        }
    }

    /// Makes nodes available for reads again that failed a while ago.
    pub(super) fn retry_readers(&mut self) {
        for shard in self.base.shards.retry_readers(self.base.now) {
            self.follow_readers(shard, None);
        }
    }

    fn follow_readers(&mut self, shard: u16, besides: Option<LaneId>) {
        let readers = self.base.lanes.iter().filter(|lane| {
            lane.key.shard == shard && lane.key.use_ == Use::Reads && Some(lane.id) != besides
        });
        for id in readers.map(|lane| lane.id).collect::<Vec<_>>() {
            self.follow_gate(id);
        }
    }
}

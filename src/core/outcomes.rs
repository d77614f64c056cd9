//! Refusals and losses, on the side of the connection. [`super::retry`] decides on each request.

use crate::failover::Loss;
use crate::ids::LaneId;
use crate::node::lane::{Lane, Use};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, RetryReason};
use crate::topology::hint::HintReason;

use super::Core;
use super::retry::{self, Next};
use super::silence::{answer_overdue, is_stuck};

/// The pause before a node that serves nothing is tried again, in microseconds.
const PAUSE: u64 = 20_000;

/// The largest answer about the ends of streams that is kept until it is whole, in bytes.
const MOST_TOLD: usize = 1 << 20;

impl Core {
    /// Handles the loss of the lane's connection, which is gone or given up. Every request gets its verdict; those
    /// that are kept wait in order.
    pub(super) fn lose(&mut self, id: LaneId, loss: Loss) {
        if self.base.audience_at(id).is_some() {
            return self.hub.lose(&mut self.base, id, loss);
        }
        self.base.hint_loss(id, loss);
        self.pass_over_reader(id);
        let in_order = self.shutdowns.has_ended_in_order(&self.base, id, loss);
        retry::lose(&mut self.base, id, loss, in_order);
    }

    /// Handles a reply that is not simply the client's.
    pub(super) fn judge_reply(&mut self, id: LaneId, entry: &Entry, kind: u8, frame: &[u8]) {
        match retry::judge_reply(&mut self.base, id, entry, kind, frame) {
            Next::Wait => return,
            Next::Deliver(result) => self.finish(id, entry, frame, result),
            Next::Done => {}
        }
        self.end_refusal(id);
    }

    /// Delivers an error after which the node reads no more of the connection and closes it. The request is not sent
    /// again, since the result would be the same.
    pub(super) fn left_unread(&mut self, id: LaneId, entry: &Entry, frame: &[u8]) {
        self.finish(id, entry, frame, CommandResult::Error);
        self.lose(id, Loss::Closed);
    }

    /// Gives the connection up once nothing is in flight behind a refusal. After a pause, a new connection shows
    /// whether the node takes requests again.
    pub(super) fn end_refusal(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.link.refusing().is_some()) else { return };
        // A request that has begun to leave is answered as well, so it counts as in flight.
        let in_flight = lane.queue.front().is_some_and(|entry| entry.start < lane.stream.written());
        if in_flight && (lane.link.refusing() == Some(RetryReason::ClusterDown) || is_sent(lane)) {
            return;
        }
        let was_left = self.base.leads_elsewhere(id);
        let Some(lane) = self.base.lane(id) else { return };
        match lane.link.refusing() {
            // The shard has another master: whatever this node refuses with, it is not asked again.
            _ if was_left => self.lose(id, Loss::Demoted),
            Some(RetryReason::ClusterDown) => self.pause(id),
            // If half of a request is on this connection, no other request can follow it.
            _ if lane.may_take_it_now() && !in_flight => self.ask_again(id),
            _ => {
                lane.failures += 1;
                self.lose(id, Loss::Demoted);
            }
        }
    }

    /// Pauses a connection whose node serves nothing for the moment: all requests without an answer wait on it, in order.
    pub(super) fn pause(&mut self, id: LaneId) {
        let until = self.base.now + PAUSE;
        retry::pause_until(&mut self.base, id, until);
        self.base.tick_soon = true;
        self.fail_without_hold(id);
    }

    /// Sends the first waiting request at once, instead of after a pause.
    pub(super) fn ask_again(&mut self, id: LaneId) {
        let now = self.base.now;
        retry::pause_until(&mut self.base, id, now);
        self.end_pause(id);
    }

    /// Bounds the answer about the ends of streams, which contains the first and the last entry of each. If it grows
    /// too large, the XREAD is sent as it came.
    pub(super) fn bound_stream_ends(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.input.partial.len() > MOST_TOLD) else {
            return;
        };
        let Some(head) = lane.queue.front().copied().filter(|head| head.kind == EntryKind::StreamEnds) else {
            return;
        };
        self.base.pop(id, &head);
        self.lose(id, Loss::Broken);
        retry::finish_stream_ends(&mut self.base, id, &head, b"");
    }

    /// Closes the connection of a node that has broken the protocol, and isolates the command at fault. `within`:
    /// some of the reply at hand was well-formed; otherwise the fault may be in the end of the reply before.
    pub(super) fn lose_broken(&mut self, id: LaneId, within: bool) {
        self.memory.isolated.note_suspect(&self.base, id, within);
        // The node will most likely do so again.
        if let Some(lane) = self.base.lane(id) {
            lane.replyless_connections += 1;
        }
        self.lose(id, Loss::Broken);
    }

    /// Marks the lane's node as silent, for longer than `node_timeout`: it gets no more requests, and discovery gets a hint.
    pub(super) fn note_silence(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.link.silent().is_none()) else { return };
        lane.link.set_silent(Some(lane.heard));
        let (shard, is_master) = (lane.key.shard, lane.key.use_ == Use::Master);
        if let Some(endpoint) = lane.link.target().map(|target| target.endpoint.clone()) {
            self.base.hint(endpoint, HintReason::TimedOut);
        }
        if is_master {
            self.base.shards.set_failing(shard, true);
        }
        // Input of clients that wait for this lane is held from now on, and bounded by the hold budget.
        if let Some(lane) = self.base.lane(id) {
            let waiting = std::mem::take(&mut lane.waiting);
            self.base.resumed.extend(waiting);
        }
        self.base.update_held(id);
        self.fail_without_hold(id);
    }

    /// Ends the silence of the lane's node: the held requests go out behind those that it is answering.
    pub(super) fn end_silence(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.link.silent().is_some()) else { return };
        lane.link.set_silent(None);
        let served = (lane.key.use_ == Use::Master).then_some(lane.key.shard);
        if let Some(shard) = served {
            self.base.shards.set_failing(shard, false);
        }
        self.send_held(id);
    }

    /// Answers requests that were sent longer than `command_timeout` ago. The connection is kept, since requests of
    /// other clients are behind them. It is closed only if the node has not even taken all of a request: nothing can
    /// follow that, and it certainly did not run.
    pub(super) fn time_out_commands(&mut self, id: LaneId) {
        if self.base.settings.command_timeout == 0 {
            return;
        }
        answer_overdue(&mut self.base, id);
        if self.base.lane(id).is_some_and(|lane| lane.link.is_up()) && is_stuck(&mut self.base, id) {
            self.lose(id, Loss::Silent);
        }
    }
}

/// Returns true for an error such as `-ERR Protocol error: invalid bulk length`. A node gives it for a request above
/// its `proto-max-bulk-len`, as soon as it has read the length.
pub(super) fn is_left_unread(frame: &[u8]) -> bool {
    frame.starts_with(b"-ERR Protocol error")
}

fn is_sent(lane: &Lane) -> bool {
    lane.queue.front().is_some_and(|entry| entry.end <= lane.stream.written())
}

//! Refusals, losses and what follows from them: [`super::retry`] says what becomes of each request; what becomes of the
//! connection is done here.

use crate::failover::Loss;
use crate::ids::LaneId;
use crate::node::lane::{Lane, Use};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, RetryReason};
use crate::topology::hint::HintReason;

use super::Core;
use super::retry::{self, Next};
use super::silence::{answer_overdue, is_stuck};

/// Before a node that serves nothing is tried again, in microseconds.
const PAUSE: u64 = 20_000;

/// Bytes of what a node tells of streams that are kept until it has told all.
const MOST_TOLD: usize = 1 << 20;

impl Core {
    /// The lane's connection is gone or given up. Every request gets its verdict; the kept ones wait in order.
    pub(super) fn lose(&mut self, id: LaneId, loss: Loss) {
        if self.base.audience_at(id).is_some() {
            return self.hub.lose(&mut self.base, id, loss);
        }
        self.base.hint_loss(id, loss);
        self.pass_over_reader(id);
        let in_order = self.shutdowns.has_ended_in_order(&self.base, id, loss);
        retry::lose(&mut self.base, id, loss, in_order);
    }

    /// A reply that is not simply the client's.
    pub(super) fn careful_reply(&mut self, id: LaneId, entry: &Entry, kind: u8, frame: &[u8]) {
        match retry::careful_reply(&mut self.base, id, entry, kind, frame) {
            Next::Wait => return,
            Next::Deliver(result) => self.finish(id, entry, frame, result),
            Next::Done => {}
        }
        self.end_refusal(id);
    }

    /// The node reads no more of what the client asks, and closes the connection. Sent again it would be the same.
    pub(super) fn left_unread(&mut self, id: LaneId, entry: &Entry, frame: &[u8]) {
        self.finish(id, entry, frame, CommandResult::Error);
        self.lose(id, Loss::Closed);
    }

    /// Once nothing is in flight behind a refusal, the connection is given up: the node does not take what it is
    /// asked, and after a pause it is asked anew whether it does.
    pub(super) fn end_refusal(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.link.refusing().is_some()) else { return };
        // One that has begun to leave is answered as well.
        let in_flight = lane.queue.front().is_some_and(|entry| entry.start < lane.stream.written());
        if in_flight && (lane.link.refusing() == Some(RetryReason::ClusterDown) || is_sent(lane)) {
            return;
        }
        match lane.link.refusing() {
            Some(RetryReason::ClusterDown) => self.pause(id),
            // Half of a request on this connection could not be followed by another.
            _ if lane.may_take_it_now() && !in_flight => self.ask_again(id),
            _ => {
                lane.failures += 1;
                self.lose(id, Loss::Demoted);
            }
        }
    }

    /// The node serves nothing for the moment: everything that it has not answered waits, in order, on the connection
    /// that it has.
    pub(super) fn pause(&mut self, id: LaneId) {
        let until = self.base.now + PAUSE;
        retry::pause_until(&mut self.base, id, until);
        self.base.hurry = true;
        self.fail_without_hold(id);
    }

    /// The same without a pause: the first one that waits goes out at once.
    pub(super) fn ask_again(&mut self, id: LaneId) {
        let now = self.base.now;
        retry::pause_until(&mut self.base, id, now);
        self.end_pause(id);
    }

    /// Where a stream ends is told together with its first and its last entry. If they are too large to be kept for that,
    /// the XREAD goes out as it came.
    pub(super) fn bound_position(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.input.partial.len() > MOST_TOLD) else {
            return;
        };
        let Some(head) = lane.queue.front().copied().filter(|head| head.kind == EntryKind::Position) else {
            return;
        };
        self.base.pop(id, &head);
        self.lose(id, Loss::Broken);
        retry::finish_position(&mut self.base, id, &head, b"");
    }

    /// The lane's node has broken the protocol: its connection is closed, and whose reply it was is remembered.
    /// `within`: some of the reply at hand was well-formed; else it may be the end of the one before.
    pub(super) fn lose_broken(&mut self, id: LaneId, within: bool) {
        self.memory.isolated.note_suspect(&self.base, id, within);
        // It will most likely do so again.
        if let Some(lane) = self.base.lane(id) {
            lane.fruitless += 1;
        }
        self.lose(id, Loss::Broken);
    }

    /// The lane's node has been silent for longer than `node_timeout`: it gets nothing more, and discovery looks at it.
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
        // What they have to say is held from now on, and bounded by that.
        if let Some(lane) = self.base.lane(id) {
            let waiting = std::mem::take(&mut lane.waiting);
            self.base.resumed.extend(waiting);
        }
        self.base.rehold(id);
        self.fail_without_hold(id);
    }

    /// It has said something: what was held goes out behind what it is answering.
    pub(super) fn end_silence(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.link.silent().is_some()) else { return };
        lane.link.set_silent(None);
        let served = (lane.key.use_ == Use::Master).then_some(lane.key.shard);
        if let Some(shard) = served {
            self.base.shards.set_failing(shard, false);
        }
        self.let_through(id);
    }

    /// Answers what was sent longer than `command_timeout` ago. The connection stays, for others' commands are behind it, but
    /// where the node has not even taken all of a command: nothing can follow that, and it certainly did not run.
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

/// `-ERR Protocol error: invalid bulk length`: more than the node's `proto-max-bulk-len`, which it says as soon as it is told
/// the length.
pub(super) fn is_left_unread(frame: &[u8]) -> bool {
    frame.starts_with(b"-ERR Protocol error")
}

fn is_sent(lane: &Lane) -> bool {
    lane.queue.front().is_some_and(|entry| entry.end <= lane.stream.written())
}

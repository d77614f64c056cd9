//! Nodes that are silent with requests in flight. Silence is a reason to look, never an outcome: what was sent waits for
//! the node, for the end of its connection, or for another master; what comes meanwhile is held, so it certainly did not
//! run.
//!
//! Where another node could serve at once, silence for `node_timeout` still counts as a loss.

use crate::client::ClientId;
use crate::discovery::HintReason;
use crate::failover::{Verdict, may_run_twice};
use crate::metrics::reasons::HoldOutcome;
use crate::node::lane::{Lane, LaneId, Use};
use crate::node::queue::{Entry, EntryKind};

use super::Core;
use super::settings::{LANE_LOW, Patience, Settings};

/// Of a request that was answered already: whatever comes for it is dropped.
const ANSWERED: ClientId = ClientId { slot: u32::MAX, generation: 0 };

/// What the silence of a lane's node means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Its requests wait on.
    Wait,
    /// It is taken to be gone.
    Loss,
}

/// `for_`: microseconds of silence, more than `node_timeout`.
pub(super) fn silence(lane: &Lane, settings: &Settings, for_: u64) -> Silence {
    let head = lane.queue.front();
    let waits = head.is_some_and(|head| matches!(head.kind, EntryKind::Blocking | EntryKind::Wait));
    let may_read_elsewhere = lane.key.use_ == Use::Reads && settings.reads_may_run_twice();
    let patience = match settings.patience {
        Patience::Never => return Silence::Loss,
        // No command is lost with any of these: a greeting, a question about the node, a read, one that waits on.
        _ if !lane.link.is_up() || lane.key.use_ == Use::Probe || may_read_elsewhere => return Silence::Loss,
        _ if waits && settings.policy.goes_on_waiting() => return Silence::Loss,
        Patience::Hold => settings.hold.max(settings.node_timeout),
        Patience::Connection => u64::MAX,
    };
    if for_ > patience { Silence::Loss } else { Silence::Wait }
}

impl Settings {
    fn reads_may_run_twice(&self) -> bool {
        may_run_twice(self.policy.retry, crate::command::ReplayClass::Read)
    }
}

impl Core {
    pub(super) fn meaning_of_silence(&self, id: LaneId) -> Silence {
        let lane = self.lanes.get(id.slot as usize).filter(|lane| lane.id == id);
        lane.map_or(Silence::Loss, |lane| silence(lane, &self.settings, self.now.saturating_sub(lane.heard)))
    }

    /// The lane's node has been silent for longer than `node_timeout`: it gets nothing more, and discovery looks at it.
    pub(super) fn note_silence(&mut self, id: LaneId) {
        let Some(lane) = self.lane(id).filter(|lane| lane.silent.is_none()) else { return };
        lane.silent = Some(lane.heard);
        let (shard, is_master) = (lane.key.shard, lane.key.use_ == Use::Master);
        if let Some(endpoint) = lane.link.target().map(|target| target.endpoint.clone()) {
            self.hint(endpoint, HintReason::TimedOut);
        }
        if is_master {
            self.shards.set_failing(shard, true);
        }
        // What they have to say is held from now on, and bounded by that.
        if let Some(lane) = self.lane(id) {
            let waiting = std::mem::take(&mut lane.waiting);
            self.resumed.extend(waiting);
        }
        self.rehold(id);
        self.fail_without_hold(id);
    }

    /// It has said something: what was held goes out behind what it is answering.
    pub(super) fn end_silence(&mut self, id: LaneId) {
        let Some(lane) = self.lane(id).filter(|lane| lane.silent.is_some()) else { return };
        lane.silent = None;
        let served = (lane.key.use_ == Use::Master).then_some(lane.key.shard);
        if let Some(shard) = served {
            self.shards.set_failing(shard, false);
        }
        self.let_through(id);
    }

    /// Answers what was sent longer than `command_timeout` ago. The connection stays: others' commands are behind it.
    pub(super) fn time_out_commands(&mut self, id: LaneId) {
        let (now, limit) = (self.now, self.settings.command_timeout);
        if limit == 0 {
            return;
        }
        let Some(lane) = self.lane(id).filter(|lane| lane.link.is_up()) else { return };
        let written = lane.stream.written();
        let is_over = |entry: &Entry| now.saturating_sub(entry.sent) > limit && is_timed(entry);
        let sent = lane.queue.iter_mut().take_while(|entry| entry.end <= written);
        let over: Vec<Entry> = sent
            .filter(|entry| entry.client != ANSWERED && is_over(entry))
            .map(|entry| std::mem::replace(entry, Entry { client: ANSWERED, ..*entry }))
            .collect();
        let begun = lane.streaming.and(lane.queue.front()).map(|head| head.start);
        for entry in over {
            let verdict = if begun == Some(entry.start) { Verdict::CloseClient } else { Verdict::Uncertain };
            self.give_up(&entry, verdict, "the node did not answer within command_timeout");
        }
    }

    /// Takes those that have not begun to leave, and are to go, off the end of a lane. They are given in their order.
    pub(super) fn take_unsent(&mut self, id: LaneId, goes: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let Some(lane) = self.lanes.get_mut(id.slot as usize).filter(|lane| lane.id == id) else {
            return Vec::new();
        };
        let first = lane.begun();
        if !lane.queue.iter().skip(first).any(&goes) {
            return Vec::new();
        }
        let unsent = lane.queue.split_off(first);
        let end = unsent.front().map_or(lane.stream.appended(), |entry| entry.start);
        let bytes = lane.stream.split_off(end);
        let mut taken = Vec::new();
        for mut entry in unsent {
            if goes(&entry) {
                taken.push(entry);
                continue;
            }
            entry.start = lane.stream.push_from(&bytes, &entry, &mut self.segments);
            entry.end = lane.stream.appended();
            lane.queue.push_back(entry);
        }
        bytes.release(&mut self.segments);
        if lane.stream.unanswered() < LANE_LOW {
            self.resumed.append(&mut lane.waiting);
        }
        taken
    }

    /// Answers those whose time in hold is over behind requests that are still in flight, or that came later.
    pub(super) fn expire_behind(&mut self, id: LaneId) {
        let (now, hold) = (self.now, self.settings.hold);
        let is_over = |entry: &Entry| now.saturating_sub(entry.held_since()) >= hold || entry.until <= now;
        let Some(lane) = self.lanes.get(id.slot as usize).filter(|lane| lane.id == id) else { return };
        // Whoever came first waits longest, but for those that came from another lane; and a client's own lane has some with a
        // time-out of their own.
        let first = lane.queue.get(lane.begun());
        if lane.is_trying(hold)
            || !first.is_some_and(|first| lane.is_dedicated() || lane.mixed || is_over(first))
        {
            return;
        }
        let over = self.take_unsent(id, is_over);
        let reason = self.why_expired(id);
        for entry in over {
            self.metrics.hold_finished(HoldOutcome::Expired, self.elapsed(entry.held_since()));
            match entry.until <= now {
                true => self.end_wait(&entry),
                false => self.give_up(&entry, Verdict::NotExecuted, &reason),
            }
        }
        self.rehold(id);
    }
}

/// Whether `command_timeout` is about it: one that may take long carries a time-out of its own.
fn is_timed(entry: &Entry) -> bool {
    !entry.kind.may_take_long()
}

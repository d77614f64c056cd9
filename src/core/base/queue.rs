//! The queue of a lane: a request joins at the end, is held while the lane is not open, and leaves from the head.

use super::caches;
use std::collections::HashSet;

use crate::client::Stall;
use crate::core::rewrite::end_of_wait;
use crate::core::settings::{LANE_LOW, UPLOAD_LOW, held_cost};
use crate::ids::{ClientId, LaneId};
use crate::node::hold::Ticket;
use crate::node::lane::Lane;
use crate::node::queue::{Entry, EntryKind, FOREVER};
use crate::reasons::HoldOutcome;

use super::Base;

pub(crate) const NO_NODE: &str = "no node for this slot";
pub(crate) const NO_ROOM: &str = "the hold buffer is full";

impl Base {
    /// Frees the bytes of an upload that its node has taken already.
    pub(crate) fn forget_uploaded(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let is_upload = |entry: &Entry| matches!(entry.kind, EntryKind::Upload | EntryKind::Uploaded);
        let Some(head) = lane.queue.front().filter(|head| is_upload(head)) else { return };
        // The bytes of requests behind the upload are kept: these may have to be sent again.
        let taken = lane.stream.written().min(head.end);
        lane.stream.advance_answered(taken, &mut self.segments);
        let relieved = lane.stream.unanswered() < UPLOAD_LOW;
        let Some(owner) = lane.key.owner.filter(|_| relieved) else { return };
        if self.client(owner).is_some_and(|client| client.stall == Stall::Upload) {
            self.resumed.push(owner);
        }
    }

    /// Puts a request at the end of a lane. `held` is its ticket if it has to wait there.
    pub(crate) fn enqueue(&mut self, lane_id: LaneId, mut entry: Entry, bytes: &[u8], held: Option<Ticket>) {
        let Some(lane) = self.lanes.get_mut(lane_id) else {
            return held.into_iter().for_each(|ticket| self.holds.release(ticket));
        };
        if lane.queue.is_empty() {
            lane.heard = self.now;
            lane.mixed_ages = false;
        }
        lane.used = self.now;
        entry.start = lane.stream.push(bytes, &mut self.segments);
        entry.end = lane.stream.appended();
        lane.queue.push_back(entry);
        lane.may_watch |= entry.kind == EntryKind::Watch;
        lane.had_operator |= entry.kind == EntryKind::Operator;
        let is_heard_elsewhere = entry.tracked && lane.needs_ear();
        if let Some(ticket) = held {
            let waits = lane.queue.iter().rev().nth(1).map(Entry::held_since);
            lane.mixed_ages |= waits.is_some_and(|since| since > entry.held_since());
            lane.held.join(ticket);
            self.metrics.held_at(lane.key.shard, 1);
            self.open_link(lane_id);
        } else if !lane.dirty {
            lane.dirty = true;
            self.dirty_lanes.push(lane_id);
        }
        if is_heard_elsewhere {
            // What it reads may change, and that be told, before its reply is here.
            caches::note_reads(self, lane_id, &entry);
        }
    }

    /// Holds a request for this lane, or returns the reason why it cannot wait.
    pub(crate) fn hold_on(&mut self, lane_id: LaneId, bytes: usize) -> Result<Ticket, &'static str> {
        let (hold, now) = (self.settings.hold, self.now);
        if let Some(lane) = self.lanes.get(lane_id).filter(|_| hold == 0) {
            let failed = lane.is_backing_off(now) || lane.link.silent().is_some();
            if failed || !self.shards.is_open(lane.key.shard, lane.key.use_) {
                return Err(NO_NODE);
            }
        }
        self.holds.try_hold(bytes).ok_or(NO_ROOM)
    }

    pub(crate) fn hold_unless_open(
        &mut self,
        lane_id: LaneId,
        bytes: usize,
    ) -> Result<Option<Ticket>, &'static str> {
        if self.is_open(lane_id) { Ok(None) } else { self.hold_on(lane_id, bytes).map(Some) }
    }

    /// Takes the head off the queue and its bytes off the stream.
    pub(crate) fn pop(&mut self, id: LaneId, entry: &Entry) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        lane.queue.pop_front();
        lane.input.answered = Some(entry.command);
        lane.stream.advance_answered(entry.end, &mut self.segments);
        // The node was on trial with this request. Whatever the outcome, the next request may follow.
        let tried = lane.link.end_trial();
        let own = lane.is_dedicated();
        if !lane.waiting.is_empty() && lane.stream.unanswered() < LANE_LOW {
            self.resumed.append(&mut lane.waiting);
        }
        if own && lane.queue.is_empty() {
            self.idle_own.push(id);
        }
        if tried {
            self.touch_lane(id);
        }
        if own {
            self.start_next_wait(id);
        }
    }

    /// Starts the time-out of the new head: the request before it was answered, so the node begins to wait for it only now.
    fn start_next_wait(&mut self, id: LaneId) {
        let now = self.now;
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let Some(head) = lane.queue.front_mut().filter(|head| head.until < FOREVER) else { return };
        let asked = || self.clients.get(head.client);
        head.until = match head.kind {
            EntryKind::StreamEnds => {
                let request = asked().and_then(|client| client.waiting_xread.as_deref());
                request.map_or(FOREVER, |request| end_of_wait(request, now))
            }
            EntryKind::Plain
            | EntryKind::Counted
            | EntryKind::Relayed
            | EntryKind::Blocking
            | EntryKind::Operator
            | EntryKind::Wait
            | EntryKind::Transaction
            | EntryKind::WatchedTransaction
            | EntryKind::Watch
            | EntryKind::Permission
            | EntryKind::Own
            | EntryKind::SessionChange
            | EntryKind::Upload
            | EntryKind::Uploaded => end_of_wait(lane.stream.request(head), now),
        };
    }

    /// Brings the metrics and the hold budget in line with what waits on this lane.
    pub(crate) fn update_held(&mut self, id: LaneId) {
        let open = self.is_open(id);
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let (commands, bytes) = if open { (0, 0) } else { waiting(lane) };
        let more = self.holds.replace(&mut lane.held, commands, bytes);
        self.metrics.held_at(lane.key.shard, more);
    }

    /// Takes the requests for which `goes` is true from those that have not begun to leave, in their order.
    pub(crate) fn take_unsent(&mut self, id: LaneId, goes: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let Some(lane) = self.lanes.get_mut(id) else {
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

    /// Drops held requests whose clients have gone: they did not run, and nobody is left to receive a reply.
    pub(crate) fn drop_abandoned(&mut self, id: LaneId) {
        let clients = &self.clients;
        let is_gone = |client: ClientId| clients.get(client).is_none_or(|held| held.id != client);
        let Some(lane) = self.lanes.get(id) else { return };
        let gone: HashSet<ClientId> = lane
            .queue
            .iter()
            .skip(lane.begun())
            .map(|entry| entry.client)
            .filter(|id| is_gone(*id))
            .collect();
        if gone.is_empty() {
            return;
        }
        for entry in self.take_unsent(id, |entry| gone.contains(&entry.client)) {
            self.metrics.hold_finished(HoldOutcome::Gone, self.elapsed(entry.since));
        }
    }
}

/// Returns how many requests have not been written, and what they take of the hold budget.
fn waiting(lane: &Lane) -> (usize, usize) {
    let unsent = lane.queue.iter().filter(|entry| entry.end > lane.stream.written());
    let aside = lane.link.refused().iter().map(|aside| &aside.entry);
    unsent
        .chain(aside)
        .fold((0, 0), |(commands, bytes), entry| (commands + 1, bytes + held_cost(entry.len())))
}

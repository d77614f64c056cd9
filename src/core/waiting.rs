//! Commands that wait at a node for what others do: their time, what ends it, and how they move to the next node.
//!
//! A time-out runs from the command's arrival, whichever node has it. While no node has it, it ends here.

use crate::client::Stall;
use crate::client::session::Watch;
use crate::command::stream_ends::{self, ends, question};
use crate::command::{Command, lookup};
use crate::failover::{Context, Loss};
use crate::ids::{ClientId, LaneId};
use crate::node::greeting;
use crate::node::lane::Link;
use crate::node::queue::{Entry, EntryKind, FOREVER};
use crate::reasons::RetryReason;
use crate::resp::request::Request;
use crate::resp::scan::{RequestScan, Scanned};
use crate::route::{Plan, Splitting, plan};

use super::base::meta::{Flow, Meta};
use super::rewrite::{end_of_wait, first_slot, with_time_left};
use super::shards::ONLY_SHARD;
use super::{Core, Effect};

/// Bytes of what a node tells of streams that are kept until it has told all.
const MOST_TOLD: usize = 1 << 20;

impl Core {
    /// What was held on a client's own lane is sent now: the first of it, if it waits, for the rest of its time. The time
    /// of what stands behind begins when that is answered.
    pub(super) fn renew_wait(&mut self, id: LaneId) {
        let now = self.base.now;
        let Some(lane) = self.base.lanes.get_mut(id) else { return };
        let written = lane.stream.written();
        let held = lane.queue.iter_mut().filter(|entry| entry.start >= written);
        held.filter(|entry| entry.kind.may_take_long()).for_each(|entry| entry.since = now);
        let is_unsent = |head: &&Entry| head.start >= written && head.arrived < now && head.until < FOREVER;
        // An upload lies in many pieces, and goes on where it ends.
        let uploads = lane.queue.iter().any(|entry| entry.kind.context() == Context::Upload);
        let head = lane.queue.front().filter(is_unsent);
        if uploads || head.is_none_or(|head| head.kind != EntryKind::Blocking) {
            return;
        }
        let (stream, mut queue) = (lane.stream.take(), std::mem::take(&mut lane.queue));
        for (index, entry) in queue.iter_mut().enumerate() {
            let bytes = stream.request(entry);
            let shorter = (index == 0).then(|| with_time_left(entry, bytes, now));
            entry.start = lane.stream.push(shorter.as_deref().unwrap_or(bytes), &mut self.base.segments);
            entry.end = lane.stream.appended();
        }
        lane.queue = queue;
        stream.release(&mut self.base.segments);
        lane.stream.rewind();
    }

    /// Where a stream ends is told together with its first and its last entry. If they are too large to be kept for that,
    /// the XREAD goes out as it came.
    pub(super) fn bound_position(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.partial.len() > MOST_TOLD) else { return };
        let Some(head) = lane.queue.front().copied().filter(|head| head.kind == EntryKind::Position) else {
            return;
        };
        self.base.pop(id, &head);
        self.lose(id, Loss::Broken);
        self.finish_position(id, &head, b"");
    }

    /// A client is blocked on a node that is no master any more. Whether it has got an element can only be told by
    /// that node, so it is asked to let go; what it answers then, or its silence, decides. Gives false where there
    /// is nothing to ask.
    pub(super) fn recall(&mut self, id: LaneId) -> bool {
        let now = self.base.now;
        let goes_on = self.base.settings.policy.goes_on_waiting();
        let undone = self.base.settings.sharding.undoes_what_is_late();
        let at = self.base.lanes.get(id).and_then(|lane| lane.link.target());
        let is_down = at.is_some_and(|target| self.base.shards.is_down(&target.endpoint));
        // What a former master still gives is undone, and a node that is down says nothing: neither gets more time than
        // for any other command.
        let hurries = goes_on && (undone || is_down);
        let Some(lane) = self.base.lane(id) else { return false };
        let written = lane.stream.written();
        let blocked =
            lane.queue.front().is_some_and(|head| head.kind == EntryKind::Blocking && head.end <= written);
        let (Link::Up { target }, Some(node_id), true) = (&lane.link, lane.node_connection_id, blocked)
        else {
            return false;
        };
        let endpoint = target.endpoint.clone();
        let bytes = greeting::unblock(lane.key.identity.as_deref(), node_id);
        lane.refusing = Some(RetryReason::Unblocked);
        lane.left = lane.left.or(hurries.then_some(now));
        lane.heard = now;
        self.base.rehold(id);
        self.base.hurry |= hurries;
        self.base.effects.push(Effect::Say { endpoint, bytes });
        true
    }

    /// An active node keeps a client blocked at a key that has another writer by now; a node of a cluster lets it go.
    pub(super) fn recall_from_moved(&mut self, id: LaneId) {
        let Some(map) = self.base.shards.map().filter(|map| !map.is_of_cluster()) else { return };
        let Some(lane) = self.base.lanes.get(id) else { return };
        let blocked = lane.queue.front().filter(|head| head.kind == EntryKind::Blocking);
        let slot = blocked.and_then(|head| first_slot(lane.stream.request(head), Some(map)));
        if lane.refusing.is_none() && slot.is_some_and(|slot| map.shard_of(slot) != Some(lane.key.shard)) {
            self.recall(id);
        }
    }

    pub(super) fn send_blocking(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        match self.asks_for_ends(id, request) {
            true => self.ask_for_ends(id, request, command),
            false => self.dispatch(id, request, command, self.blocking(request, command)),
        }
    }

    fn blocking(&self, request: &Request<'_>, command: Option<&'static Command>) -> Meta {
        let until = end_of_wait(request.raw(), self.base.now);
        Meta { until, ..Meta::of(command, EntryKind::Blocking, true) }
    }

    /// Whether an XREAD has to be told first where its streams end. A MULTI would end the client's WATCH.
    fn asks_for_ends(&self, id: ClientId, request: &Request<'_>) -> bool {
        let client = self.base.clients.get(id);
        self.base.settings.policy.goes_on_waiting()
            && client.is_some_and(|client| client.session.watch == Watch::None)
            && !ends(request).is_empty()
    }

    /// Asks the node where the streams end; the client waits for the outcome.
    fn ask_for_ends(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        let ends = ends(request);
        let replies = u32::try_from(ends.len()).unwrap_or(u32::MAX).saturating_add(2);
        let kind = EntryKind::Position;
        let meta = Meta { replies, kind, ..self.blocking(request, command) };
        let bytes = question(request, &ends);
        let owed = self.base.client(id).map_or(0, |client| client.in_flight);
        let planned = self.base.shards.map().map(|map| plan(request, command, map, Splitting::Never));
        let flow = match planned {
            None => self.send(id, ONLY_SHARD, &bytes, meta),
            Some(Plan::One { shard, .. }) => self.send(id, shard, &bytes, meta),
            Some(Plan::Unserved(_)) => self.send_astray(id, &bytes, meta),
            Some(Plan::Refused(error)) => self.base.answer_error(id, command, &error),
            Some(Plan::Split(_) | Plan::Info(_) | Plan::Everywhere(_) | Plan::Anywhere | Plan::Scan(_)) => {
                self.dispatch(id, request, command, self.blocking(request, command))
            }
        };
        if let Some(client) =
            self.base.client(id).filter(|client| flow == Flow::Taken && client.in_flight > owed)
        {
            client.position = Some(request.raw().into());
            client.stall = Stall::Proof;
        }
        flow
    }

    /// The XREAD goes out with what it was told, in the place of the question.
    pub(super) fn finish_position(&mut self, lane: LaneId, entry: &Entry, answer: &[u8]) {
        let shard = self.base.lane(lane).map(|lane| lane.key.shard);
        let (Some(shard), Some(bytes)) = (shard, self.base.forget_position(entry.client)) else { return };
        let told = with_answer(&bytes, answer);
        let bytes = told.as_deref().unwrap_or(&bytes);
        let entry = Entry { kind: EntryKind::Blocking, hops: 0, rounds: 0, asked: None, ..*entry };
        self.transfer(entry, bytes, shard, true);
        self.base.resumed.push(entry.client);
    }
}

fn with_answer(bytes: &[u8], answer: &[u8]) -> Option<Vec<u8>> {
    let mut scan = RequestScan::default();
    let Ok(Scanned::Complete(len)) = scan.scan(bytes, usize::MAX) else { return None };
    let request = scan.request(bytes, len);
    lookup(request.name())?;
    stream_ends::with_ends(&request, &ends(&request), answer)
}

/// The node should have let go of it by itself long ago.
pub(super) fn is_overdue(head: &Entry, now: u64, node_timeout: u64) -> bool {
    head.until < FOREVER && now.saturating_sub(head.until) > node_timeout
}

//! Commands that wait at a node for what others do: how they move to the next node.

use crate::command::lookup;
use crate::command::stream_ends::{self, ends};
use crate::core::Effect;
use crate::core::base::Base;
use crate::core::rewrite::{first_lot, with_time_left};
use crate::failover::Context;
use crate::ids::LaneId;
use crate::node::greeting;
use crate::node::link::{Link, Up};
use crate::node::queue::{Entry, EntryKind, FOREVER};
use crate::reasons::RetryReason;
use crate::resp::scan::{RequestScan, Scanned};

use super::keep::transfer;

/// What was held on a client's own lane is sent now: the first of it, if it waits, for the rest of its time. The time
/// of what stands behind begins when that is answered.
pub(crate) fn renew_wait(base: &mut Base, id: LaneId) {
    let now = base.now;
    let Some(lane) = base.lanes.get_mut(id) else { return };
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
        entry.start = lane.stream.push(shorter.as_deref().unwrap_or(bytes), &mut base.segments);
        entry.end = lane.stream.appended();
    }
    lane.queue = queue;
    stream.release(&mut base.segments);
    lane.stream.rewind();
}

/// A client is blocked on a node that is no master any more. Whether it has got an element can only be told by
/// that node, so it is asked to let go; what it answers then, or its silence, decides. Returns false where there
/// is nothing to ask.
pub(crate) fn recall(base: &mut Base, id: LaneId) -> bool {
    let now = base.now;
    let goes_on = base.settings.policy.goes_on_waiting();
    let undone = base.settings.sharding.undoes_late_writes();
    let at = base.lanes.get(id).and_then(|lane| lane.link.target());
    let is_down = at.is_some_and(|target| base.shards.is_down(&target.endpoint));
    // What a former master still gives is undone, and a node that is down says nothing: neither gets more time than
    // for any other command.
    let hurries = goes_on && (undone || is_down);
    let Some(lane) = base.lane(id) else { return false };
    let written = lane.stream.written();
    let blocked =
        lane.queue.front().is_some_and(|head| head.kind == EntryKind::Blocking && head.end <= written);
    let (Link::Up(Up { target, .. }), Some(node_id), true) = (&lane.link, lane.node_connection_id, blocked)
    else {
        return false;
    };
    let endpoint = target.endpoint.clone();
    let bytes = greeting::unblock(lane.key.identity.as_deref(), node_id);
    if let Some(refusing) = lane.link.refuse(RetryReason::Unblocked) {
        refusing.left = refusing.left.or(hurries.then_some(now));
    }
    lane.heard = now;
    base.rehold(id);
    base.hurry |= hurries;
    base.effects.push(Effect::Say { endpoint, bytes });
    true
}

/// An active node keeps a client blocked at a key that has another writer by now; a node of a cluster lets it go.
pub(crate) fn recall_from_moved(base: &mut Base, id: LaneId) {
    let owners = base.shards.owners();
    let Some(lane) = base.lanes.get(id) else { return };
    let blocked = lane.queue.front().filter(|head| head.kind == EntryKind::Blocking);
    let lot = blocked.and_then(|head| first_lot(lane.stream.request(head), owners));
    if lane.link.refusing().is_none() && lot.is_some_and(|lot| owners.has_left_silently(lot, lane.key.shard))
    {
        recall(base, id);
    }
}

/// The XREAD goes out with what it was told, in the place of the question.
pub(crate) fn finish_position(base: &mut Base, lane: LaneId, entry: &Entry, answer: &[u8]) {
    let shard = base.lane(lane).map(|lane| lane.key.shard);
    let (Some(shard), Some(bytes)) = (shard, base.forget_position(entry.client)) else { return };
    let told = with_answer(&bytes, answer);
    let bytes = told.as_deref().unwrap_or(&bytes);
    let entry = Entry { kind: EntryKind::Blocking, hops: 0, rounds: 0, asked: None, ..*entry };
    transfer(base, entry, bytes, shard, true);
    base.resumed.push(entry.client);
}

fn with_answer(bytes: &[u8], answer: &[u8]) -> Option<Vec<u8>> {
    let mut scan = RequestScan::default();
    let Ok(Scanned::Complete(len)) = scan.scan(bytes, usize::MAX) else { return None };
    let request = scan.request(bytes, len);
    lookup(request.name())?;
    stream_ends::with_ends(&request, &ends(&request), answer)
}

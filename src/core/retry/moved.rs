//! Requests that are held for a shard that no longer owns their slot.

use crate::core::base::Base;
use crate::core::rewrite::{first_lot, is_scan, without_asking};
use crate::failover::{Context, Verdict};
use crate::ids::LaneId;
use crate::node::queue::{Entry, EntryKind};

use super::requeue::{requeue, requeue_as_stray};

/// Moves requests off this lane whose slot its shard does not own any more. Checked once for each layout.
pub(crate) fn move_disowned(base: &mut Base, id: LaneId) {
    let layout = base.shards.layout();
    if base.is_open(id) {
        return;
    }
    let owners = base.shards.owners();
    let Some(lane) = base.lanes.get_mut(id) else { return };
    // Requests that have left, or were refused, are judged first: their bytes are in the middle of those that follow.
    let busy = lane.queue.front().is_some_and(|head| head.start < lane.stream.written());
    if lane.checked_layout == layout || busy || !lane.link.refused().is_empty() {
        return;
    }
    lane.checked_layout = layout;
    let gone = owners.has_gone(lane.key.shard);
    let leaves = |entry: &Entry| match first_lot(lane.stream.request(entry), owners) {
        Some(lot) => owners.shard_of(lot) != Some(lane.key.shard),
        None => gone,
    };
    let leaving: Vec<bool> = lane.queue.iter().map(leaves).collect();
    if leaving.contains(&true) {
        move_waiting(base, id, &leaving);
    }
}

fn move_waiting(base: &mut Base, id: LaneId, leaving: &[bool]) {
    let Some(lane) = base.lane(id) else { return };
    let dedicated = lane.is_dedicated();
    let (stream, queue) = (lane.stream.take(), std::mem::take(&mut lane.queue));
    for (entry, leaves) in queue.into_iter().zip(leaving) {
        let bytes = stream.request(&entry);
        match leaves {
            false => requeue(base, id, entry, bytes),
            true => leave_lane(base, entry, bytes, dedicated),
        }
    }
    stream.release(&mut base.segments);
    base.update_held(id);
}

/// Finds a new place for a request whose lane it cannot stay on, or answers it.
pub(crate) fn leave_lane(base: &mut Base, entry: Entry, bytes: &[u8], dedicated: bool) {
    let bytes = without_asking(bytes);
    if entry.kind.context() == Context::Upload {
        return base.fail_request(&entry, Verdict::NotExecuted, "its slot went to another shard");
    }
    if entry.kind == EntryKind::WatchedTransaction {
        // The watch is on this connection, and no other.
        return base.fail_request(&entry, Verdict::WatchFailed, "its slot went to another shard");
    }
    // A change of the session that was to be judged on this very lane cannot be judged on another.
    if entry.kind == EntryKind::SessionChange
        || (entry.part.is_some() && first_lot(bytes, base.shards.owners()).is_none())
    {
        // It is a part for each of the shards, and this shard does not exist any more.
        return answer_for_removed_shard(base, &entry, bytes);
    }
    requeue_as_stray(base, entry, bytes, dedicated, false);
}

fn answer_for_removed_shard(base: &mut Base, entry: &Entry, bytes: &[u8]) {
    match is_scan(bytes) {
        true => base.end_scan(entry),
        false => base.fail_request(entry, Verdict::NotExecuted, "its shard was removed"),
    }
}

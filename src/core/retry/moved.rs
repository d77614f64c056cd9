//! What is held for a shard that does not own its slot any more goes elsewhere.

use crate::core::base::Base;
use crate::core::rewrite::{first_lot, is_scan, without_asking};
use crate::failover::{Context, Verdict};
use crate::ids::LaneId;
use crate::node::queue::{Entry, EntryKind};

use super::keep::{go_astray, keep};

/// Moves what waits on a lane whose shard does not own its slot any more. Looks once at each new map.
pub(crate) fn evacuate(base: &mut Base, id: LaneId) {
    let layout = base.shards.layout();
    if base.is_open(id) {
        return;
    }
    let owners = base.shards.owners();
    let Some(lane) = base.lanes.get_mut(id) else { return };
    // What has left, or was refused, is judged first: its bytes stand in the middle of what follows.
    let busy = lane.queue.front().is_some_and(|head| head.start < lane.stream.written());
    if lane.sifted == layout || busy || !lane.link.refused().is_empty() {
        return;
    }
    lane.sifted = layout;
    let gone = owners.has_gone(lane.key.shard);
    let leaves = |entry: &Entry| match first_lot(lane.stream.request(entry), owners) {
        Some(lot) => owners.shard_of(lot) != Some(lane.key.shard),
        None => gone,
    };
    let leaving: Vec<bool> = lane.queue.iter().map(leaves).collect();
    if leaving.contains(&true) {
        move_out(base, id, &leaving);
    }
}

fn move_out(base: &mut Base, id: LaneId, leaving: &[bool]) {
    let Some(lane) = base.lane(id) else { return };
    let dedicated = lane.is_dedicated();
    let (stream, queue) = (lane.stream.take(), std::mem::take(&mut lane.queue));
    for (entry, leaves) in queue.into_iter().zip(leaving) {
        let bytes = stream.request(&entry);
        match leaves {
            false => keep(base, id, entry, bytes),
            true => leave(base, entry, bytes, dedicated),
        }
    }
    stream.release(&mut base.segments);
    base.rehold(id);
}

pub(crate) fn leave(base: &mut Base, entry: Entry, bytes: &[u8], dedicated: bool) {
    let bytes = without_asking(bytes);
    if entry.kind.context() == Context::Upload {
        return base.give_up(&entry, Verdict::NotExecuted, "its slot went to another shard");
    }
    if entry.kind == EntryKind::WatchedTransaction {
        // Nobody watches on another connection.
        return base.give_up(&entry, Verdict::WatchFailed, "its slot went to another shard");
    }
    // What was to be proved on this very lane cannot be proved on another.
    if entry.kind == EntryKind::Proof
        || (entry.part.is_some() && first_lot(bytes, base.shards.owners()).is_none())
    {
        // A part for every shard, of a shard that is none any more.
        return leave_shard(base, &entry, bytes);
    }
    go_astray(base, entry, bytes, dedicated, false);
}

fn leave_shard(base: &mut Base, entry: &Entry, bytes: &[u8]) {
    match is_scan(bytes) {
        true => base.end_scan(entry),
        false => base.give_up(entry, Verdict::NotExecuted, "its shard was removed"),
    }
}

//! What is held for a shard that does not own its slot any more goes elsewhere.

use crate::failover::{Context, Verdict};
use crate::ids::LaneId;
use crate::node::queue::{Entry, EntryKind, WHOLE};

use super::Core;
use super::rewrite::{first_slot, is_scan, without_asking};

impl Core {
    /// Moves what waits on a lane whose shard does not own its slot any more. Looks once at each new map.
    pub(super) fn evacuate(&mut self, id: LaneId) {
        let layout = self.base.shards.layout();
        if self.base.is_open(id) {
            return;
        }
        let (Some(lane), Some(map)) = (self.base.lanes.get_mut(id), self.base.shards.map()) else {
            return;
        };
        // What has left, or was refused, is judged first: its bytes stand in the middle of what follows.
        let busy = lane.queue.front().is_some_and(|head| head.start < lane.stream.written());
        if lane.sifted == layout || busy || !lane.set_aside.is_empty() {
            return;
        }
        lane.sifted = layout;
        let gone = map.has_gone(lane.key.shard);
        let leaves = |entry: &Entry| match first_slot(lane.stream.request(entry), Some(map)) {
            Some(slot) => map.shard_of(slot) != Some(lane.key.shard),
            None => gone,
        };
        let leaving: Vec<bool> = lane.queue.iter().map(leaves).collect();
        if leaving.contains(&true) {
            self.move_out(id, &leaving);
        }
    }

    fn move_out(&mut self, id: LaneId, leaving: &[bool]) {
        let Some(lane) = self.base.lane(id) else { return };
        let dedicated = lane.is_dedicated();
        let (stream, queue) = (lane.stream.take(), std::mem::take(&mut lane.queue));
        for (entry, leaves) in queue.into_iter().zip(leaving) {
            let bytes = stream.request(&entry);
            match leaves {
                false => self.keep(id, entry, bytes),
                true => self.leave(entry, bytes, dedicated),
            }
        }
        stream.release(&mut self.base.segments);
        self.base.rehold(id);
    }

    fn leave(&mut self, entry: Entry, bytes: &[u8], dedicated: bool) {
        let bytes = without_asking(bytes);
        if entry.kind.context() == Context::Upload {
            return self.base.give_up(&entry, Verdict::NotExecuted, "its slot went to another shard");
        }
        if entry.kind == EntryKind::WatchedTransaction {
            // Nobody watches on another connection.
            return self.base.give_up(&entry, Verdict::WatchFailed, "its slot went to another shard");
        }
        // What was to be proved on this very lane cannot be proved on another.
        if entry.kind == EntryKind::Proof
            || (entry.part != WHOLE && first_slot(bytes, self.base.shards.map()).is_none())
        {
            // A part for every shard, of a shard that is none any more.
            return self.leave_shard(&entry, bytes);
        }
        self.go_astray(entry, bytes, dedicated, false);
    }

    fn leave_shard(&mut self, entry: &Entry, bytes: &[u8]) {
        match is_scan(bytes) {
            true => self.base.end_scan(entry),
            false => self.base.give_up(entry, Verdict::NotExecuted, "its shard was removed"),
        }
    }
}

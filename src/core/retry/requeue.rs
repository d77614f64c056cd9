//! Requests that are kept to be sent again: at the end of their lane, of another lane, or among the strays.

use crate::client::Beside;
use crate::core::base::Base;
use crate::core::base::strays::Stray;
use crate::core::rewrite::{first_lot, replies_from_start, with_time_left, without_asking};
use crate::failover::{Context, Verdict};
use crate::ids::LaneId;
use crate::node::lane::Use;
use crate::node::queue::Entry;

/// The pause between two attempts to find a stray's shard, in microseconds: the first one and the longest.
const PAUSE: u64 = 10_000;
const LONGEST_PAUSE: u64 = 100_000;

/// Puts a request at the end of its lane, as if it had just been taken. Callers that have emptied the queue before rebuild it
/// in its order.
pub(super) fn requeue(base: &mut Base, id: LaneId, mut entry: Entry, bytes: &[u8]) {
    if entry.kind.context() == Context::Upload {
        // Its bytes are not kept, so it cannot be sent again; and none of it has been sent.
        return base.fail_request(&entry, Verdict::NotExecuted, "it was too large to wait");
    }
    if is_behind_stray(base, &entry, bytes) {
        let dedicated = base.lane(id).is_some_and(|lane| lane.is_dedicated());
        return requeue_as_stray(base, entry, without_asking(bytes), dedicated, false);
    }
    let Some(lane) = base.lanes.get_mut(id) else { return };
    entry.start = lane.stream.push(bytes, &mut base.segments);
    entry.end = lane.stream.appended();
    entry.refusal = None;
    entry.replies = replies_from_start(&entry, bytes);
    lane.queue.push_back(entry);
}

/// Holds a request as a stray until it is known where it belongs. `alone`: see [`Stray`].
pub(super) fn requeue_as_stray(base: &mut Base, entry: Entry, bytes: &[u8], dedicated: bool, alone: bool) {
    let mut entry = entry;
    let bytes = bytes.to_vec();
    let held = base.holds.hold(bytes.len());
    entry.rounds = entry.rounds.saturating_add(1);
    let lot = first_lot(&bytes, base.shards.owners());
    push_stray(base, Stray { entry, bytes, lot, dedicated, due: 0, unserved: None, alone, held });
}

/// Returns true if an earlier request of the same client to the same lot is a stray: this request has to wait behind it.
pub(super) fn is_behind_stray(base: &Base, entry: &Entry, bytes: &[u8]) -> bool {
    base.strays.has(entry.client)
        && first_lot(bytes, base.shards.owners()).is_some_and(|lot| base.strays.has_before(entry, lot))
}

/// Adds a stray, which is tried again after a pause.
pub(crate) fn push_stray(base: &mut Base, stray: Stray) {
    let pause = PAUSE << stray.entry.rounds.saturating_sub(1).min(4);
    base.strays.insert(Stray { due: base.now + pause.min(LONGEST_PAUSE), ..stray });
    base.tick_soon = true;
}

/// Puts a request at the end of another lane of its client's session.
pub(crate) fn transfer(base: &mut Base, entry: Entry, bytes: &[u8], shard: u16, dedicated: bool) {
    if base.client(entry.client).is_none() {
        return;
    }
    let lane = match dedicated {
        true => base.dedicated_lane(entry.client, shard, false),
        false => base.shared_lane(entry.client, shard, Use::Master),
    };
    if let Some(client) = base.client(entry.client).filter(|_| dedicated) {
        client.note_sent(Some(lane), Beside::Own);
    }
    let mut entry = entry;
    let bytes = with_time_left(&entry, bytes, base.now);
    entry.refusal = None;
    entry.replies = replies_from_start(&entry, &bytes);
    let held = (!base.is_open(lane)).then(|| base.holds.hold(bytes.len()));
    base.enqueue(lane, entry, &bytes, held);
}

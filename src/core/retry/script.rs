//! A node that does not know a script gets it with the command.

use crate::core::base::Base;
use crate::core::rewrite::{first_slot, without_asking};
use crate::core::scripts::with_body;
use crate::ids::LaneId;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::RetryReason;

use super::keep::transfer;

/// `-NOSCRIPT` to the request at the head: sent again with its script, if that is known and nothing that the
/// client sent to the same slot later is on its way. `false`: the error is the client's.
pub(super) fn heal_script(base: &mut Base, id: LaneId, entry: &Entry, frame: &[u8]) -> bool {
    if !frame.starts_with(b"-NOSCRIPT") || entry.kind != EntryKind::Plain {
        return false;
    }
    let Some(lane) = base.lanes.get(id) else { return false };
    let bytes = lane.stream.request(entry);
    // The order of commands about the same keys matters here, not where they go.
    let slot = first_slot(bytes);
    let is_later =
        |later: &Entry| later.client == entry.client && first_slot(lane.stream.request(later)) == slot;
    if lane.queue.iter().skip(1).any(is_later) {
        return false;
    }
    let (shard, dedicated) = (lane.key.shard, lane.is_dedicated());
    let Some(whole) = with_body(without_asking(bytes), |sha| base.settings.scripts.body(sha)) else {
        return false;
    };
    base.metrics.retried(RetryReason::NoScript);
    base.pop(id, entry);
    transfer(base, *entry, &whole, shard, dedicated);
    true
}

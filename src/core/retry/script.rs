//! Scripts for nodes that do not know them: an EVALSHA is sent again as EVAL.

use crate::core::base::Base;
use crate::core::rewrite::{first_slot, without_asking};
use crate::core::scripts::with_body;
use crate::ids::LaneId;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::RetryReason;

use super::requeue::transfer;

/// Sends the request at the head again with its script, after the error `-NOSCRIPT`. Returns false if the error is
/// the client's: the script is not known, or a later request of the client to the same slot is under way.
pub(super) fn resend_with_script(base: &mut Base, id: LaneId, entry: &Entry, frame: &[u8]) -> bool {
    if !frame.starts_with(b"-NOSCRIPT") || entry.kind != EntryKind::Plain {
        return false;
    }
    let Some(lane) = base.lanes.get(id) else { return false };
    let bytes = lane.stream.request(entry);
    // The order of a key's commands matters here, not the shard that they go to.
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

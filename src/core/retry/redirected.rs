//! MOVED, ASK, TRYAGAIN and CLUSTERDOWN. They are followed here, so that no client sees them.
//!
//! Requests behind a redirected one keep their order: the client sends nothing more until all of them are answered,
//! and while one of its requests is a stray, its replies are checked for having overtaken that.

use crate::client::{Client, Detour};
use crate::core::base::Base;
use crate::core::rewrite::{ASKING, first_lot, without_asking};
use crate::core::settings::HOPS;
use crate::ids::LaneId;
use crate::node::link::SetAside;
use crate::node::queue::Entry;
use crate::reasons::{RedirectReason, RetryReason};

use super::refused::set_aside;
use super::requeue::{is_behind_stray, requeue_as_stray, transfer};

/// Redirects the request at the head of the queue, which was refused because of where its slot is.
pub(super) fn redirected(base: &mut Base, id: LaneId, entry: &Entry, reason: RedirectReason, frame: &[u8]) {
    let Some(lane) = base.lane(id) else { return };
    let (own, dedicated) = (lane.key.shard, lane.is_dedicated());
    let bytes = without_asking(lane.stream.request(entry)).to_vec();
    let named = base.apply_redirect(id, frame).or(entry.redirect_shard);
    let target = match reason {
        // A node may find keys where none can be told from the arguments, as these are wrong: it knows where they belong.
        RedirectReason::Moved => match first_lot(&bytes, base.shards.owners()) {
            Some(lot) => base.shards.owners().shard_of(lot),
            None => named,
        },
        RedirectReason::Ask => named,
        RedirectReason::TryAgain | RedirectReason::ClusterDown => None,
    };
    // The shard has another master, and the request waits for that; or the node has named itself.
    if reason == RedirectReason::Moved && named == Some(own) {
        let entry = Entry { hops: entry.hops.saturating_add(1), ..*entry };
        return set_aside(base, id, &entry, reason.into());
    }
    if let Some(reason) = reason_to_stay(base, id, entry, &bytes) {
        return set_aside(base, id, entry, reason);
    }
    if matches!(reason, RedirectReason::Ask | RedirectReason::TryAgain) {
        let now = base.now;
        [Some(own), named].into_iter().flatten().for_each(|shard| base.shards.note_moving(shard, now));
    }
    base.metrics.retried(reason.into());
    base.pop(id, entry);
    base.client(entry.client).map(Client::drain_before_next);
    let mut entry = Entry { hops: entry.hops.saturating_add(1), redirect_shard: None, ..*entry };
    entry.note_without_node(base.now, base.settings.node_timeout);
    let follows = entry.hops <= HOPS && !is_behind_stray(base, &entry, &bytes);
    let target = target.filter(|shard| follows && *shard != own);
    match target.filter(|shard| goes_the_same_way(base, &entry, &bytes, *shard)) {
        Some(shard) if reason == RedirectReason::Ask => {
            let asking = [ASKING, &bytes].concat();
            transfer(base, entry, &asking, shard, dedicated);
        }
        Some(shard) => transfer(base, entry, &bytes, shard, dedicated),
        None => {
            let alone = reason == RedirectReason::TryAgain;
            requeue_as_stray(base, Entry { hops: 0, ..entry }, &bytes, dedicated, alone);
        }
    }
}

/// Returns the reason to stay: an earlier request of the client for the same lot was refused here, and waits.
fn reason_to_stay(base: &Base, id: LaneId, entry: &Entry, bytes: &[u8]) -> Option<RetryReason> {
    let owners = base.shards.owners();
    let lane = base.lanes.get(id)?;
    let lot = first_lot(bytes, owners);
    let is_before = |aside: &SetAside| {
        aside.entry.client == entry.client && first_lot(without_asking(&aside.bytes), owners) == lot
    };
    lane.link.refusing().filter(|_| lane.link.refused().iter().any(is_before))
}

/// Returns true if the request goes to the same shard as the other redirected requests of its client for the same lot. Nodes
/// that disagree may redirect two requests in different ways, and the later one could arrive first; then it has to wait.
fn goes_the_same_way(base: &mut Base, entry: &Entry, bytes: &[u8], shard: u16) -> bool {
    let lot = first_lot(bytes, base.shards.owners());
    let (Some(lot), Some(client)) = (lot, base.client(entry.client)) else { return true };
    let Some(detour) = client.detours.iter_mut().rfind(|detour| detour.lot == lot) else {
        client.detours.push(Detour { lot, shard, seq: entry.seq });
        return true;
    };
    let is_first = detour.seq.wrapping_sub(entry.seq) < u32::MAX / 2;
    if is_first {
        (detour.shard, detour.seq) = (shard, entry.seq);
    }
    is_first || detour.shard == shard
}

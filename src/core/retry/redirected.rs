//! MOVED, ASK, TRYAGAIN and CLUSTERDOWN: followed here, so that no client sees them.
//!
//! Whatever is behind a request that goes elsewhere keeps its order: the client sends nothing more until everything
//! of it is answered, and while one of its requests is astray its replies are looked at twice.

use crate::client::{Client, Detour};
use crate::core::base::Base;
use crate::core::rewrite::{ASKING, first_lot, without_asking};
use crate::core::settings::HOPS;
use crate::ids::LaneId;
use crate::node::link::SetAside;
use crate::node::queue::Entry;
use crate::reasons::{RedirectReason, RetryReason};

use super::keep::{go_astray, is_behind_stray, transfer};
use super::refused::set_aside;

/// The request at the head was refused because of where its slot is.
pub(super) fn redirected(base: &mut Base, id: LaneId, entry: &Entry, reason: RedirectReason, frame: &[u8]) {
    let Some(lane) = base.lane(id) else { return };
    let (own, dedicated) = (lane.key.shard, lane.is_dedicated());
    let bytes = without_asking(lane.stream.request(entry)).to_vec();
    let told = base.learn(id, frame).or(entry.asked);
    let target = match reason {
        RedirectReason::Moved => {
            first_lot(&bytes, base.shards.owners()).and_then(|lot| base.shards.owners().shard_of(lot))
        }
        RedirectReason::Ask => told,
        RedirectReason::TryAgain | RedirectReason::ClusterDown => None,
    };
    // The shard has another master: whatever is sent here waits for it. Or the node has named itself.
    if reason == RedirectReason::Moved && told == Some(own) {
        let entry = Entry { hops: entry.hops.saturating_add(1), ..*entry };
        return set_aside(base, id, &entry, reason.into());
    }
    if let Some(reason) = reason_to_stay(base, id, entry, &bytes) {
        return set_aside(base, id, entry, reason);
    }
    if matches!(reason, RedirectReason::Ask | RedirectReason::TryAgain) {
        let now = base.now;
        [Some(own), told].into_iter().flatten().for_each(|shard| base.shards.note_moving(shard, now));
    }
    base.metrics.retried(reason.into());
    base.pop(id, entry);
    base.client(entry.client).map(Client::be_wary);
    let mut entry = Entry { hops: entry.hops.saturating_add(1), asked: None, ..*entry };
    entry.cast_off(base.now, base.settings.node_timeout);
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
            go_astray(base, Entry { hops: 0, ..entry }, &bytes, dedicated, alone);
        }
    }
}

/// An earlier request of the client for the same slot was refused, and waits to be sent on this lane again.
fn reason_to_stay(base: &Base, id: LaneId, entry: &Entry, bytes: &[u8]) -> Option<RetryReason> {
    let owners = base.shards.owners();
    let lane = base.lanes.get(id)?;
    let lot = first_lot(bytes, owners);
    let is_before = |aside: &SetAside| {
        aside.entry.client == entry.client && first_lot(without_asking(&aside.bytes), owners) == lot
    };
    lane.link.refusing().filter(|_| lane.link.refused().iter().any(is_before))
}

/// Nodes that are of different minds may send on two requests of one client and slot on different ways, and the later one
/// could arrive first. It is put off then.
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

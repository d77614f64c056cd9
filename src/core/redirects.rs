//! MOVED, ASK, TRYAGAIN and CLUSTERDOWN: followed here, so that no client sees them.
//!
//! Whatever is behind a request that goes elsewhere keeps its order: the client sends nothing more until everything
//! of it is answered, and while one of its requests is astray its replies are looked at twice.

use crate::client::Detour;
use crate::ids::LaneId;
use crate::node::lane::{SetAside, Use};
use crate::node::queue::Entry;
use crate::reasons::{RedirectReason, RetryReason};

use super::Core;
use super::rewrite::{ASKING, first_slot, replies_from_start, with_time_left, without_asking};

/// Nodes in a row that may send a request on before it waits for them to agree.
const HOPS: u8 = 8;

impl Core {
    /// The request at the head was refused because of where its slot is.
    pub(super) fn redirected(&mut self, id: LaneId, entry: &Entry, reason: RedirectReason, frame: &[u8]) {
        let Some(lane) = self.base.lane(id) else { return };
        let (own, dedicated) = (lane.key.shard, lane.is_dedicated());
        let bytes = without_asking(lane.stream.request(entry)).to_vec();
        let told = self.base.learn(id, frame).or(entry.asked);
        let target = match reason {
            RedirectReason::Moved => first_slot(&bytes, self.base.shards.map())
                .and_then(|slot| self.base.shards.map()?.shard_of(slot)),
            RedirectReason::Ask => told,
            RedirectReason::TryAgain | RedirectReason::ClusterDown => None,
        };
        // The shard has another master: whatever is sent here waits for it. Or the node has named itself.
        if reason == RedirectReason::Moved && told == Some(own) {
            let entry = Entry { hops: entry.hops.saturating_add(1), ..*entry };
            return self.set_aside(id, &entry, reason.into());
        }
        if let Some(reason) = self.reason_to_stay(id, entry, &bytes) {
            return self.set_aside(id, entry, reason);
        }
        if matches!(reason, RedirectReason::Ask | RedirectReason::TryAgain) {
            let now = self.base.now;
            [Some(own), told]
                .into_iter()
                .flatten()
                .for_each(|shard| self.base.shards.note_moving(shard, now));
        }
        self.base.metrics.retried(reason.into());
        self.base.pop(id, entry);
        self.be_wary(entry);
        let mut entry = Entry { hops: entry.hops.saturating_add(1), asked: None, ..*entry };
        entry.cast_off(self.base.now, self.base.settings.node_timeout);
        let follows = entry.hops <= HOPS && !self.is_behind_stray(&entry, &bytes);
        let target = target.filter(|shard| follows && *shard != own);
        match target.filter(|shard| self.goes_the_same_way(&entry, &bytes, *shard)) {
            Some(shard) if reason == RedirectReason::Ask => {
                let asking = [ASKING, &bytes].concat();
                self.transfer(entry, &asking, shard, dedicated);
            }
            Some(shard) => self.transfer(entry, &bytes, shard, dedicated),
            None => {
                let alone = reason == RedirectReason::TryAgain;
                self.go_astray(Entry { hops: 0, ..entry }, &bytes, dedicated, alone);
            }
        }
    }

    /// An earlier request of the client for the same slot was refused, and waits to be sent on this lane again.
    fn reason_to_stay(&self, id: LaneId, entry: &Entry, bytes: &[u8]) -> Option<RetryReason> {
        let map = self.base.shards.map();
        let lane = self.base.lanes.get(id)?;
        let slot = first_slot(bytes, map);
        let is_before = |aside: &SetAside| {
            aside.entry.client == entry.client && first_slot(without_asking(&aside.bytes), map) == slot
        };
        lane.refusing.filter(|_| lane.set_aside.iter().any(is_before))
    }

    /// Nodes that are of different minds may send on two requests of one client and slot on different ways, and the later one
    /// could arrive first. It is put off then.
    fn goes_the_same_way(&mut self, entry: &Entry, bytes: &[u8], shard: u16) -> bool {
        let slot = first_slot(bytes, self.base.shards.map());
        let (Some(slot), Some(client)) = (slot, self.base.client(entry.client)) else { return true };
        let Some(detour) = client.detours.iter_mut().rfind(|detour| detour.slot == slot) else {
            client.detours.push(Detour { slot, shard, seq: entry.seq });
            return true;
        };
        let is_first = detour.seq.wrapping_sub(entry.seq) < u32::MAX / 2;
        if is_first {
            (detour.shard, detour.seq) = (shard, entry.seq);
        }
        is_first || detour.shard == shard
    }

    /// The client waits for all of its own before it sends anything more.
    fn be_wary(&mut self, entry: &Entry) {
        let version = self.base.shards.version();
        if let Some(client) = self.base.client(entry.client) {
            client.routed = version.wrapping_sub(1);
        }
    }

    /// Puts a request at the end of another lane of its client's session.
    pub(super) fn transfer(&mut self, entry: Entry, bytes: &[u8], shard: u16, dedicated: bool) {
        if self.base.client(entry.client).is_none() {
            return;
        }
        let lane = match dedicated {
            true => self.base.dedicated_lane(entry.client, shard, false),
            false => self.base.shared_lane(entry.client, shard, Use::Master),
        };
        if let Some(client) = self.base.client(entry.client).filter(|_| dedicated) {
            (client.lane, client.apart) = (Some(lane), true);
        }
        let mut entry = entry;
        let bytes = with_time_left(&entry, bytes, self.base.now);
        entry.refusal = None;
        entry.replies = replies_from_start(&entry, &bytes);
        let held = (!self.base.is_open(lane)).then(|| self.base.holds.hold(bytes.len()));
        self.base.enqueue(lane, entry, &bytes, held);
    }
}

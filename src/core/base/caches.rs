//! Clients that cache what they read, and what is known of their reads. [`super::follow`] says how they begin and end,
//! [`super::tell`] how they are told what to drop.
//!
//! A node tracks for a connection, which the clients with the same modes share ([`crate::node::modes`]). Each lane with such a
//! connection knows which of them have read what ([`crate::node::tracked`]). When the connection ends, nothing is told on it any
//! more: then all of them drop everything that they have read there.

use std::collections::{BTreeSet, HashMap};

use crate::core::rewrite::each_read_key;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::Lane;
use crate::node::queue::Entry;
use crate::node::tracked::Tracked;
use crate::resp::invalidation::Invalidation;

use super::Base;
use super::tell::tell_each;

/// The clients of this worker that cache, and what is known of all their reads.
#[derive(Default)]
pub(crate) struct Caches {
    /// The clients that track.
    pub(super) clients: BTreeSet<ClientId>,
    /// The clients to which others redirect, by the ids that CLIENT ID returns.
    pub(super) targets: HashMap<u64, ClientId>,
    /// The number of pairs of a key and a client that has read it, over all lanes.
    pairs: usize,
    /// The largest number of these pairs.
    most_pairs: usize,
    /// The layout of the shards for which the keys were last checked.
    pub(in crate::core) checked_layout: u32,
}

impl Caches {
    pub(super) fn new(tracked_keys: usize) -> Caches {
        Caches { most_pairs: tracked_keys, ..Caches::default() }
    }

    /// Takes this worker's share of the number of keys that the proxy may remember.
    pub(in crate::core) fn share_among(&mut self, workers: usize, tracked_keys: usize) {
        self.most_pairs = (tracked_keys / workers.max(1)).max(1);
    }

    /// Returns the number of clients that track, and that of the pairs of a key and a client that has read it.
    pub(in crate::core) fn counts(&self) -> (usize, usize) {
        (self.clients.len(), self.pairs)
    }

    /// Returns true if a client of this worker tracks.
    pub(in crate::core) fn is_any(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Changes what a lane has tracked. `None`: it tracks nothing.
    pub(in crate::core) fn change<T>(
        &mut self,
        lane: Option<&mut Lane>,
        change: impl FnOnce(&mut Lane, &mut Tracked) -> T,
    ) -> Option<T> {
        let lane = lane?;
        let mut tracked = lane.tracked.take()?;
        let before = tracked.pairs();
        let result = change(lane, &mut tracked);
        self.pairs = (self.pairs + tracked.pairs()).saturating_sub(before);
        lane.tracked = Some(tracked);
        Some(result)
    }

    /// Returns true if others have redirected to this client, and forgets it.
    pub(in crate::core) fn forget_target(&mut self, public_id: u64) -> bool {
        self.targets.remove(&public_id).is_some()
    }
}

/// Notes the keys that a request on this lane reads, and returns those that were not noted for its client.
pub(in crate::core) fn note_reads(base: &mut Base, id: LaneId, entry: &Entry) -> Vec<Box<[u8]>> {
    if base.clients.get(entry.client).is_none_or(|client| client.id != entry.client) {
        return Vec::new();
    }
    let mut fresh = Vec::new();
    base.caches.change(base.lanes.get_mut(id), |lane, tracked| {
        let needs_ear = lane.needs_ear();
        let is_script = each_read_key(lane.stream.request(entry), |key| {
            if tracked.note(key, entry.client) && needs_ear {
                fresh.push(key.into());
            }
        });
        if is_script {
            tracked.note_script(entry.client);
        }
    });
    fresh
}

/// Forgets reads of this lane until all lanes together have no more than they may. Their readers are told as if the keys had
/// changed.
pub(in crate::core) fn bound_tracked(base: &mut Base, id: LaneId) {
    while base.caches.pairs > base.caches.most_pairs {
        let place = base.settings.turns.random() as usize;
        let evicted = base.caches.change(base.lanes.get_mut(id), |_, tracked| tracked.evict(place)).flatten();
        let Some((key, readers)) = evicted else { return };
        tell_each(base, readers, &Invalidation::of_key(&key));
    }
}

/// Returns true if somebody may still have cached what was read on this lane. If so, it is not asked again for a while.
pub(in crate::core) fn keeps_track(base: &mut Base, id: LaneId) -> bool {
    let (now, clients) = (base.now, base.caches.clients.clone());
    let keeps = base.caches.change(base.lanes.get_mut(id), |lane, tracked| {
        // Without its own lane, a client with BCAST still follows the shared ones.
        let keeps =
            tracked.retain(|id| clients.contains(&id)) && !(lane.is_dedicated() && tracked.has_followers());
        lane.used = if keeps { now } else { lane.used };
        keeps
    });
    keeps.unwrap_or(false)
}

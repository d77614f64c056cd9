//! The strays: requests without a lane, kept by client, in the order of each client's requests.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use crate::command::Lot;
use crate::core::rewrite::have_common_key;
use crate::ids::ClientId;
use crate::node::hold::Ticket;
use crate::node::queue::Entry;

/// One request without a lane.
pub(crate) struct Stray {
    pub(crate) entry: Entry,
    pub(crate) bytes: Vec<u8>,
    pub(crate) lot: Option<Lot>,
    /// The request belongs on a lane of the client's own.
    pub(crate) dedicated: bool,
    /// The moment at which its shard is looked for again, in microseconds on the worker's clock.
    pub(crate) due: u64,
    /// The layout of the shards for which it was found that no shard takes the request.
    pub(crate) unserved: Option<u32>,
    /// No request of the client may follow before this one is answered: the node may refuse this one and
    /// take the next, which would swap them.
    pub(crate) alone: bool,
    pub(crate) held: Ticket,
}

impl Stray {
    /// Returns true if the request's shard is to be looked for now. `all`: even if its pause is not over.
    pub(crate) fn is_due(&self, all: bool, now: u64, layout: u32) -> bool {
        (all || self.due <= now) && self.unserved != Some(layout)
    }

    /// Returns true if the request has been held for too long, or its own time-out is over.
    pub(crate) fn is_over(&self, now: u64, hold: u64) -> bool {
        now.saturating_sub(self.entry.held_since()) >= hold || self.entry.until <= now
    }
}

/// The strays of all clients.
#[derive(Default)]
pub(crate) struct Strays(BTreeMap<ClientId, Vec<Stray>>);

impl Strays {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn has(&self, client: ClientId) -> bool {
        !self.0.is_empty() && self.0.contains_key(&client)
    }

    pub(crate) fn of(&self, client: ClientId) -> &[Stray] {
        self.0.get(&client).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn insert(&mut self, stray: Stray) {
        let own = self.0.entry(stray.entry.client).or_default();
        let place =
            own.iter().rposition(|other| is_before(&other.entry, &stray.entry)).map_or(0, |at| at + 1);
        own.insert(place, stray);
    }

    pub(crate) fn take(&mut self, client: ClientId) -> Vec<Stray> {
        self.0.remove(&client).unwrap_or_default()
    }

    /// Takes those requests that were sent before `entry` and have a key in common with it.
    pub(crate) fn take_before(&mut self, entry: &Entry, bytes: &[u8]) -> Vec<Stray> {
        let Place::Occupied(mut own) = self.0.entry(entry.client) else { return Vec::new() };
        let is_passed =
            |stray: &Stray| is_before(&stray.entry, entry) && have_common_key(&stray.bytes, bytes);
        let (before, kept) = std::mem::take(own.get_mut()).into_iter().partition(is_passed);
        *own.get_mut() = kept;
        if own.get().is_empty() {
            own.remove();
        }
        before
    }

    /// Takes all requests.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Stray> {
        std::mem::take(&mut self.0).into_values().flatten()
    }

    /// Returns the clients for whose strays `are_such` is true.
    pub(crate) fn clients(&self, are_such: impl Fn(ClientId, &[Stray]) -> bool) -> Vec<ClientId> {
        self.0.iter().filter(|(id, own)| are_such(**id, own)).map(|(id, _)| *id).collect()
    }

    pub(crate) fn has_before(&self, entry: &Entry, lot: Lot) -> bool {
        self.of(entry.client).iter().any(|stray| is_before(&stray.entry, entry) && stray.lot == Some(lot))
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stray> {
        self.0.values().flatten()
    }
}

/// Returns true if `one` was sent before `other`. Both are of the same client.
pub(crate) fn is_before(one: &Entry, other: &Entry) -> bool {
    (1..u32::MAX / 2).contains(&other.seq.wrapping_sub(one.seq))
}

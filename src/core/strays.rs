//! Requests that have no lane at the moment: nobody owns their slot, or the node that was named is not known yet.
//! They are held like those on a lane, and are routed anew at each new topology and after a short pause.

use std::collections::HashSet;

use crate::client::ClientId;
use crate::failover::Verdict;
use crate::metrics::reasons::HoldOutcome;
use crate::node::queue::{Entry, EntryKind};

use super::Core;
use super::requests::{Flow, Meta};
use super::rewrite::first_slot;
use super::sending::{NO_NODE, NO_ROOM, new_entry};

/// Between two attempts to find a stray's shard, in microseconds.
const PAUSE: u64 = 10_000;

/// One of them.
pub(super) struct Stray {
    pub(super) entry: Entry,
    pub(super) bytes: Vec<u8>,
    /// It belongs on a lane of the client's own.
    dedicated: bool,
    due: u64,
    /// What it has of the hold budget.
    held: usize,
}

impl Core {
    /// Holds a request whose slot has no owner.
    pub(super) fn send_astray(&mut self, id: ClientId, bytes: &[u8], meta: Meta) -> Flow {
        if self.settings.hold == 0 {
            return self.refuse(id, meta, NO_NODE);
        }
        let version = self.shards.version();
        let Some(client) = self.client(id) else { return Flow::Taken };
        if client.in_flight > 0 && (client.apart || meta.dedicated || client.routed != version) {
            return self.stall(id, crate::client::Stall::Drain);
        }
        if !self.budget.try_take(bytes.len()) {
            return self.refuse(id, meta, NO_ROOM);
        }
        let now = self.now;
        let Some(client) = self.client(id) else { return Flow::Taken };
        let entry = new_entry(client, meta, now);
        client.in_flight += 1;
        client.routed = version;
        client.apart = meta.dedicated;
        client.lane = None;
        self.push_stray(entry, bytes.to_vec(), meta.dedicated, bytes.len());
        Flow::Taken
    }

    /// Holds a request that a node has refused, until it is known where it belongs.
    pub(super) fn go_astray(&mut self, entry: Entry, bytes: Vec<u8>, dedicated: bool) {
        let held = self.budget.take_up_to(bytes.len());
        self.push_stray(entry, bytes, dedicated, held);
    }

    fn push_stray(&mut self, entry: Entry, bytes: Vec<u8>, dedicated: bool, held: usize) {
        self.held_commands += 1;
        self.held_bytes += held;
        self.metrics.held(self.held_commands, self.held_bytes);
        self.strays.push(Stray { entry, bytes, dedicated, due: self.now + PAUSE, held });
        self.hurry = true;
    }

    /// Sends on what has a shard now. `all`: also those whose pause is not over.
    pub(super) fn route_strays(&mut self, all: bool) {
        if self.strays.is_empty() {
            return;
        }
        let mut waiting = HashSet::new();
        for stray in std::mem::take(&mut self.strays) {
            // Those of one client stay in their order: the first that must wait stops the others.
            let due = (all || stray.due <= self.now) && !waiting.contains(&stray.entry.client);
            match self.shard_of_stray(&stray).filter(|_| due) {
                Some(shard) => self.route_stray(stray, shard),
                None => {
                    waiting.insert(stray.entry.client);
                    self.strays.push(stray);
                }
            }
        }
    }

    fn shard_of_stray(&self, stray: &Stray) -> Option<u16> {
        let map = self.shards.map()?;
        match first_slot(&stray.bytes) {
            Some(slot) => map.shard_of(slot),
            None => Some(self.home(stray.entry.client)),
        }
    }

    fn route_stray(&mut self, stray: Stray, shard: u16) {
        self.release_stray(&stray);
        if self.client(stray.entry.client).is_none() {
            let waited = self.elapsed(stray.entry.since);
            return self.metrics.hold_finished(HoldOutcome::Gone, waited);
        }
        self.transfer(stray.entry, &stray.bytes, shard, stray.dedicated);
    }

    pub(super) fn release_stray(&mut self, stray: &Stray) {
        self.held_commands -= 1;
        self.held_bytes -= stray.held;
        self.budget.give(stray.held);
        self.metrics.held(self.held_commands, self.held_bytes);
    }

    /// Answers those whose time is over, drops those whose clients have gone, and tries the others. Gives whether any are left.
    pub(super) fn tick_strays(&mut self) -> bool {
        self.route_strays(false);
        let (now, hold) = (self.now, self.settings.hold);
        let clients = &self.clients;
        let is_over = |stray: &Stray| {
            let client = clients.get(stray.entry.client.slot as usize);
            client.is_none_or(|held| held.id != stray.entry.client)
                || now.saturating_sub(stray.entry.since) >= hold
        };
        let (over, kept) = std::mem::take(&mut self.strays).into_iter().partition(is_over);
        self.strays = kept;
        let over: Vec<Stray> = over;
        for stray in over {
            self.metrics.hold_finished(HoldOutcome::Expired, self.elapsed(stray.entry.since));
            self.release_stray(&stray);
            self.give_up_stray(&stray.entry, "no node served its slot in time");
        }
        !self.strays.is_empty()
    }

    pub(super) fn give_up_stray(&mut self, entry: &Entry, reason: &str) {
        match entry.kind {
            EntryKind::WatchedTransaction => self.give_up(entry, Verdict::WatchFailed, reason),
            _ => self.give_up(entry, Verdict::NotExecuted, reason),
        }
    }

    /// Takes the client's strays that were sent before `seq` and belong to the same slot.
    pub(super) fn strays_before(&mut self, entry: &Entry, bytes: &[u8]) -> Vec<Stray> {
        let slot = first_slot(bytes);
        let is_before = |stray: &Stray| {
            stray.entry.client == entry.client
                && entry.seq.wrapping_sub(stray.entry.seq) < u32::MAX / 2
                && first_slot(&stray.bytes) == slot
        };
        let (before, kept) = std::mem::take(&mut self.strays).into_iter().partition(is_before);
        self.strays = kept;
        before
    }
}

//! What a reply changes beyond itself: sessions that moved, watches that hold.

use crate::client::proof::Proof;
use crate::client::session::Watch;
use crate::client::{Stall, local};
use crate::ids::{ClientId, LaneId};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::CommandResult;

use super::Core;

impl Core {
    pub(super) fn finish_marked(&mut self, lane: LaneId, entry: &Entry, reply: &[u8], result: CommandResult) {
        let succeeded = result == CommandResult::Ok;
        match entry.kind {
            EntryKind::Watch if succeeded => self.finish_watch(lane, entry.client),
            EntryKind::Watch => self.base.fail_watch(entry.client),
            EntryKind::Proof => return self.finish_proof(lane, entry, reply, result),
            EntryKind::Plain
            | EntryKind::Counted
            | EntryKind::Blocking
            | EntryKind::Wait
            | EntryKind::Position
            | EntryKind::Upload
            | EntryKind::Uploaded
            | EntryKind::Transaction
            | EntryKind::WatchedTransaction => {}
        }
        self.base.deliver(entry, reply, result);
    }

    fn finish_watch(&mut self, lane: LaneId, id: ClientId) {
        let shard = self.base.lane(lane).map(|lane| lane.key.shard);
        let Some(client) = self.base.client(id) else { return };
        if let (Some((_, watching)), Some(shard)) = (&mut client.session.watched, shard) {
            if client.session.watch == Watch::Active && *watching != shard {
                // The slot went to another shard between two WATCHes: no connection watches all of the keys.
                client.session.watch = Watch::Lost;
                return;
            }
            *watching = shard;
        }
        if client.session.watch == Watch::Asked {
            client.session.watch = Watch::Active;
        }
    }

    /// The session moves to the lane that took it, or stays what it was.
    pub(super) fn finish_proof(&mut self, lane: LaneId, entry: &Entry, reply: &[u8], result: CommandResult) {
        let Some(client) = self.base.client(entry.client) else {
            return self.base.deliver(entry, reply, result);
        };
        let Some(proof) = client.proof.take() else { return self.base.deliver(entry, reply, result) };
        client.stall = Stall::Drain;
        if result != CommandResult::Ok {
            return self.base.deliver(entry, reply, result);
        }
        let (mut own, mode) = (Vec::new(), self.base.settings.mask.mode());
        self.remember(&proof, reply);
        self.adopt(entry.client, &proof);
        if let Some(lane) = self.base.lane(lane).filter(|lane| lane.is_dedicated()) {
            // Proved on the watching connection itself, which has changed with it.
            lane.key.db = proof.db;
        }
        if let Some(client) = self.base.client(entry.client).filter(|_| proof.is_hello) {
            local::hello(client, mode, reply, &mut own);
        }
        self.base.deliver(entry, if proof.is_hello { &own } else { reply }, result);
    }

    /// The session is what was proved.
    pub(super) fn adopt(&mut self, id: ClientId, proof: &Proof) {
        let Some(client) = self.base.client(id) else { return };
        // Messages are to come in the new version, and only those that the new identity may have.
        let moves = client.session.proto != proof.proto || client.session.identity != proof.identity;
        let listens_otherwise = client.is_subscriber() && moves;
        client.session.proto = proof.proto;
        client.session.db = proof.db;
        client.session.identity = proof.identity.clone();
        client.shared = Default::default();
        if let Some(name) = &proof.name {
            client.session.name = name.clone();
        }
        if listens_otherwise {
            self.hub.change_audience(&mut self.base, id);
        }
    }
}

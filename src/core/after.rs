//! What a reply changes beyond itself: sessions that moved, watches that hold.

use crate::client::session::Watch;
use crate::client::{Stall, local};
use crate::ids::{ClientId, LaneId};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::CommandResult;

use super::Core;
use super::base::Base;
use super::known::adopt;

impl Core {
    pub(super) fn finish_marked(&mut self, lane: LaneId, entry: &Entry, reply: &[u8], result: CommandResult) {
        let succeeded = result == CommandResult::Ok;
        match entry.kind {
            EntryKind::Watch if succeeded => finish_watch(&mut self.base, lane, entry.client),
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
        let (mut own, mode) = (Vec::new(), self.base.settings.face.mode());
        self.memory.known.remember(&proof, reply);
        adopt(&mut self.base, &mut self.hub, entry.client, &proof);
        if let Some(lane) = self.base.lane(lane).filter(|lane| lane.is_dedicated()) {
            // Proved on the watching connection itself, which has changed with it.
            lane.key.db = proof.db;
        }
        if let Some(client) = self.base.client(entry.client).filter(|_| proof.is_hello) {
            local::hello(client, mode, reply, &mut own);
        }
        self.base.deliver(entry, if proof.is_hello { &own } else { reply }, result);
    }
}

pub(crate) fn finish_watch(base: &mut Base, lane: LaneId, id: ClientId) {
    let shard = base.lane(lane).map(|lane| lane.key.shard);
    let Some(client) = base.client(id) else { return };
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

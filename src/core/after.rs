//! The effects of a reply on the client's session: changes of the session that succeeded, and watches that were confirmed.

use crate::client::inquiry::{Inquiry, SentInquiry};
use crate::client::session::Watch;
use crate::client::session_change::Answer;
use crate::client::{Stall, local};
use crate::ids::{ClientId, LaneId};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::CommandResult;

use super::Core;
use super::accepted::apply_session_change;
use super::base::Base;

impl Core {
    /// Answers a request whose reply also concerns the client's session.
    pub(super) fn finish_with_session(
        &mut self,
        lane: LaneId,
        entry: &Entry,
        reply: &[u8],
        result: CommandResult,
    ) {
        let succeeded = result == CommandResult::Ok;
        match entry.kind {
            EntryKind::Watch if succeeded => finish_watch(&mut self.base, lane, entry.client),
            EntryKind::Watch => self.base.fail_watch(entry.client),
            EntryKind::SessionChange => return self.finish_session_change(lane, entry, reply, result),
            // The node has forgotten its WATCH, whatever became of the transaction.
            EntryKind::WatchedTransaction if succeeded => {
                if let Some(lane) = self.base.lane(lane) {
                    lane.note_unwatched();
                }
            }
            EntryKind::Plain
            | EntryKind::Counted
            | EntryKind::Relayed
            | EntryKind::Blocking
            | EntryKind::Operator
            | EntryKind::Wait
            | EntryKind::StreamEnds
            | EntryKind::Permission
            | EntryKind::Own
            | EntryKind::Upload
            | EntryKind::Uploaded
            | EntryKind::Transaction
            | EntryKind::WatchedTransaction => {}
        }
        self.base.deliver(entry, reply, result);
    }

    /// Changes the session if the node has accepted the change; otherwise the session stays as it was.
    pub(super) fn finish_session_change(
        &mut self,
        lane: LaneId,
        entry: &Entry,
        reply: &[u8],
        result: CommandResult,
    ) {
        let Some(client) = self.base.client(entry.client) else {
            return self.base.deliver(entry, reply, result);
        };
        let Some(change) = client.session_change.take() else {
            return self.base.deliver(entry, reply, result);
        };
        client.stall = Stall::Drain;
        if result != CommandResult::Ok {
            return self.base.deliver(entry, reply, result);
        }
        if change.answer == Answer::Tracking
            && let Some(tracking) = change.tracking.as_ref().filter(|tracking| tracking.redirect.is_some())
        {
            let sent = SentInquiry {
                inquiry: Inquiry::Redirect(tracking.clone()),
                asker: client.public_id,
                request: 0,
            };
            return self.memory.census.open(&mut self.base, *entry, sent);
        }
        let (mut own, mode) = (Vec::new(), self.base.settings.face.mode());
        self.memory.accepted.remember(&change, reply);
        apply_session_change(&mut self.base, &mut self.hub, entry.client, &change);
        if let Some(lane) = self.base.lane(lane).filter(|lane| lane.is_dedicated()) {
            // The change was judged on the watching connection itself, whose database has changed with it.
            lane.key.db = change.db;
        }
        let reply = match (change.answer, self.base.client(entry.client)) {
            (Answer::Hello, Some(client)) => {
                local::hello(client, mode, reply, &mut own);
                &own
            }
            (Answer::Tracking | Answer::Ok, _) => &b"+OK\r\n"[..],
            (Answer::Node, _) | (Answer::Hello, None) => reply,
        };
        self.base.deliver(entry, reply, result);
    }
}

/// Notes that a node has confirmed a WATCH.
pub(crate) fn finish_watch(base: &mut Base, lane: LaneId, id: ClientId) {
    let shard = base.lane(lane).map(|lane| lane.key.shard);
    let Some(client) = base.client(id) else { return };
    if let (Some((_, watching)), Some(shard)) = (&mut client.session.watched, shard) {
        if client.session.watch == Watch::Active && *watching != shard {
            // The slot went to another shard between two WATCHes, so no connection watches all of the keys.
            client.session.watch = Watch::Lost;
            return;
        }
        *watching = shard;
    }
    if client.session.watch == Watch::Asked {
        client.session.watch = Watch::Active;
    }
}

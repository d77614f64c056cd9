//! MULTI, EXEC, DISCARD and the watches around them. A transaction is queued here, and sent as one block.

use crate::client::Stall;
use crate::client::session::Watch;
use crate::client::transaction::{Own, Transaction};
use crate::command::{self as table, Command, unavailable};
use crate::core::base::meta::{Flow, Meta};
use crate::core::base::shares::Spoiled;
use crate::core::scripts::script_for_block;
use crate::core::settings::LARGE_REQUEST;
use crate::core::shards::ONLY_SHARD;
use crate::core::tracking::reads_what_is_not_named;
use crate::ids::ClientId;
use crate::node::queue::EntryKind;
use crate::resp::reply;
use crate::resp::request::Request;
use crate::route::{Plan, Splitting, plan};

use super::Requests;
use super::counts::{note_published, queue_counted};
use super::routing::{Placed, place_in_transaction, send_alone};
use super::sending::{hold_as_stray, send};

impl Requests<'_> {
    pub(super) fn queue_in_transaction(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        self.memory.scripts.note_script(self.base, id, request, command);
        let Some(session) = self.base.client(id).map(|client| &client.session) else { return Flow::Taken };
        let bound = session.transaction.as_ref().and_then(|transaction| transaction.lot);
        let watched = session.watched.filter(|_| session.watch != Watch::None).map(|(lot, _)| lot);
        let placed = place_in_transaction(self.base, request, command, bound.or(watched));
        let whole = script_for_block(self.base, id, request);
        let bytes = whole.as_deref().unwrap_or(request.raw());
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        let Some(transaction) = &mut client.session.transaction else { return Flow::Taken };
        match placed {
            Ok(Placed::In(lot)) => transaction.lot = lot,
            Ok(Placed::EachShard(merge)) => {
                return self.queue_own(id, request, command, Own::EachShard(merge));
            }
            Err(error) => {
                transaction.dirty = true;
                return self.base.answer_error(id, command, &error);
            }
        }
        if let Some(flow) = self.reason_not_to_queue(id, request, command, bytes.len()) {
            return flow;
        }
        if let Some(transaction) = self.base.client(id).and_then(|client| client.session.transaction.as_mut())
        {
            queue_counted(transaction, request, bytes);
        }
        self.base.answer(id, None, |out| reply::simple(out, "QUEUED"))
    }

    /// Queues a command in which the proxy has a part.
    pub(super) fn queue_own(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
        own: Own,
    ) -> Flow {
        if let Some(flow) = self.reason_not_to_queue(id, request, command, request.raw().len()) {
            return flow;
        }
        let own = match (own, plan(request, command, self.base.shards.owners(), Splitting::Never)) {
            (Own::Session(table::Session::Select), Plan::Refused(error)) => Own::Error(error),
            (own, _) => own,
        };
        if let Some(transaction) = self.base.client(id).and_then(|client| client.session.transaction.as_mut())
        {
            transaction.queue(request.raw(), Some(own));
        }
        self.base.answer(id, None, |out| reply::simple(out, "QUEUED"))
    }

    /// Returns what happens to a command that makes the transaction too large. `None`: there is room for it.
    fn reason_not_to_queue(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
        len: usize,
    ) -> Option<Flow> {
        let max_frame = self.base.settings.max_frame;
        let transaction = self.base.client(id)?.session.transaction.as_mut()?;
        let grown = transaction.len() + len;
        if grown > max_frame {
            transaction.dirty = true;
            let error = unavailable(request, "the transaction is larger than max_frame");
            return Some(self.base.answer_error(id, None, &error));
        }
        Some(match self.base.reason_to_spoil(id, grown)? {
            Spoiled::Later => self.base.stall(id, Stall::Drain),
            Spoiled::For(reason) => {
                self.base.spoil_transaction(id);
                self.base.refuse(id, Meta::of(command, EntryKind::Plain, false), reason)
            }
        })
    }

    pub(crate) fn exec(&mut self, id: ClientId, command: Option<&'static Command>) -> Flow {
        let may_move = !self.base.shards.owners().is_single();
        self.notice_moved_watch(id);
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        let Some(transaction) = client.session.transaction.take() else { return Flow::Taken };
        let (watch, proto) = (client.session.watch, client.session.proto);
        let is_refused = transaction.dirty || watch == Watch::Lost;
        let has_own = !is_refused && !transaction.own.is_empty();
        if client.in_flight > 0 && (has_own || watch != Watch::None && (may_move || is_refused)) {
            // A WATCH may be redirected until it is answered, and the transaction must follow it. Requests in flight
            // on a connection that is to be dropped, or in a session that is to change, are answered first.
            return self.delay_exec(id, transaction);
        }
        if is_refused {
            self.end_watch(id);
            self.base.release_share(id);
            return self.base.answer(id, command, |out| match transaction.dirty {
                true => reply::error(out, "EXECABORT Transaction discarded because of previous errors."),
                false => reply::null_array(out, proto),
            });
        }
        if has_own {
            return self.exec_own(id, transaction, command);
        }
        let mut bytes = transaction.bytes.clone();
        bytes.extend_from_slice(Transaction::EXEC);
        let meta = Meta { replies: transaction.queued + 2, ..self.meta_of_exec(id, &bytes, command) };
        let meta = Meta { edited: transaction.counts, ..meta };
        self.send_block(id, transaction, &bytes, meta)
    }

    /// Returns what is noted of a block that is to be sent.
    pub(super) fn meta_of_exec(
        &mut self,
        id: ClientId,
        block: &[u8],
        command: Option<&'static Command>,
    ) -> Meta {
        let watched = self.base.client(id).is_some_and(|client| client.session.watch != Watch::None);
        let kind = if watched { EntryKind::WatchedTransaction } else { EntryKind::Transaction };
        let apart = watched
            || block.len() > LARGE_REQUEST
            || self.memory.isolated.has_command(command)
            || reads_what_is_not_named(self.base, id, block);
        Meta::of(command, kind, apart)
    }

    /// Sends the block of a transaction, which is kept if that has to be done later.
    pub(super) fn send_block(
        &mut self,
        id: ClientId,
        transaction: Box<Transaction>,
        bytes: &[u8],
        meta: Meta,
    ) -> Flow {
        let place = self.base.client(id).map(|client| client.replies.next_place()).unwrap_or_default();
        let flow = match self.shard_of_transaction(id, &transaction) {
            Some(shard) if self.base.shards.is_moving(shard, self.base.now) => {
                send_alone(self.base, id, |base| send(base, id, shard, bytes, meta))
            }
            Some(shard) => send(self.base, id, shard, bytes, meta),
            None => hold_as_stray(self.base, id, bytes, meta),
        };
        if let Some(client) = self.base.client(id) {
            match flow {
                Flow::Taken => client.session.watch = Watch::None,
                Flow::Later => client.session.transaction = Some(transaction),
            }
        }
        if flow == Flow::Taken && bytes.len() > LARGE_REQUEST {
            self.base.note_large(id, bytes.len());
        }
        if flow == Flow::Taken {
            note_published(self.base, id, place, bytes);
        }
        flow
    }

    /// Marks the WATCH as lost if a watched key has another writer by now. An active node does not report that, and
    /// sees the writes of the other one too late.
    fn notice_moved_watch(&mut self, id: ClientId) {
        let owners = self.base.shards.owners();
        let client = self.base.clients.get_mut(id);
        let Some(session) = client.map(|client| &mut client.session) else { return };
        let moved = session.watched.is_some_and(|(lot, shard)| owners.has_left_silently(lot, shard));
        if moved && session.watch == Watch::Active {
            session.watch = Watch::Lost;
        }
    }

    fn delay_exec(&mut self, id: ClientId, transaction: Box<Transaction>) -> Flow {
        if let Some(client) = self.base.client(id) {
            client.session.transaction = Some(transaction);
        }
        self.base.stall(id, Stall::Drain)
    }

    /// Returns the shard that watches, or else the owner of the lot. `None`: the lot has no owner.
    fn shard_of_transaction(&mut self, id: ClientId, transaction: &Transaction) -> Option<u16> {
        let session = &self.base.client(id)?.session;
        match (session.watched.filter(|_| session.watch != Watch::None), transaction.lot) {
            (Some((_, shard)), _) => Some(shard),
            (None, Some(lot)) => self.base.shards.owners().shard_of(lot),
            (None, None) => Some(self.base.home(id)),
        }
    }

    pub(super) fn discard(&mut self, id: ClientId, command: Option<&'static Command>) -> Flow {
        match self.forget_transaction(id) {
            Flow::Taken => self.base.answer(id, command, |out| reply::simple(out, "OK")),
            Flow::Later => Flow::Later,
        }
    }

    /// Discards the transaction because the EXEC was refused.
    pub(super) fn abort(&mut self, id: ClientId, cause: &str, command: Option<&'static Command>) -> Flow {
        let cause = cause.strip_prefix("ERR ").unwrap_or(cause);
        let error = format!("EXECABORT Transaction discarded because of: {cause}");
        match self.forget_transaction(id) {
            Flow::Taken => self.base.answer_error(id, command, &error),
            Flow::Later => Flow::Later,
        }
    }

    fn forget_transaction(&mut self, id: ClientId) -> Flow {
        if self.end_watch_in_order(id) == Flow::Later {
            return Flow::Later;
        }
        if let Some(client) = self.base.client(id) {
            client.session.transaction = None;
        }
        self.base.release_share(id);
        Flow::Taken
    }

    pub(super) fn unwatch(&mut self, id: ClientId, command: Option<&'static Command>) -> Flow {
        match self.end_watch_in_order(id) {
            Flow::Taken => self.base.answer(id, command, |out| reply::simple(out, "OK")),
            Flow::Later => Flow::Later,
        }
    }

    /// Ends the client's WATCH, if it has one, once its requests in flight are answered.
    fn end_watch_in_order(&mut self, id: ClientId) -> Flow {
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        if client.session.watch != Watch::None && client.in_flight > 0 {
            return self.base.stall(id, Stall::Drain);
        }
        self.end_watch(id);
        Flow::Taken
    }

    /// Gives up the connection that watches. No request of the client may be in flight.
    fn end_watch(&mut self, id: ClientId) {
        let Some(client) = self.base.client(id) else { return };
        if std::mem::take(&mut client.session.watch) == Watch::None {
            return;
        }
        let shard = client.session.watched.take().map_or(ONLY_SHARD, |(_, shard)| shard);
        self.base.give_back_at(id, shard);
    }
}

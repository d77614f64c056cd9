//! EXEC of a transaction in which the proxy has parts. The node runs its commands in one block; then the parts are
//! carried out in the order of the queue, and what the node and the proxy have to say becomes one reply.
//!
//! Nothing of the proxy's parts is done before the node has run the block: if EXEC is answered with null or an error,
//! the session is what it was.

use crate::client::executing::ExecPart;
use crate::client::gathers::{Gather, PartReply};
use crate::client::inquiry::{Inquiry, SentInquiry};
use crate::client::session::Watch;
use crate::client::session_change::Answer;
use crate::client::transaction::Transaction;
use crate::client::{Beside, Stall, local, session_change};
use crate::command::{self as table, Command, Local, Merge, Subscribe, lookup};
use crate::core::accepted::apply_session_change;
use crate::core::base::meta::{Flow, Meta, new_entry};
use crate::core::base::tell::tell_each;
use crate::core::everywhere::has_effect;
use crate::core::permission::is_denial;
use crate::core::relays::{acceptance_on, relay_of};
use crate::core::retry::transfer;
use crate::core::rewrite::of_last;
use crate::ids::{ClientId, LaneId};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::CommandResult;
use crate::resp::elements::{Elements, is_error};
use crate::resp::invalidation::Invalidation;
use crate::resp::reply;
use crate::split::gather::Gathering;

use super::Requests;
use super::block::Block;
use super::routing::is_relayed;
use super::sending::ask_for_change;

/// The reply to a block without commands.
const OK: &[u8] = b"+OK\r\n";
const NONE_RAN: &[u8] = b"*0\r\n";
const MISFIT: &[u8] = b"-ERR tideover: the node's reply to EXEC does not fit the transaction\r\n";

impl Requests<'_> {
    /// Carries out EXEC. Nothing of the client's may be in flight.
    pub(super) fn exec_own(
        &mut self,
        id: ClientId,
        transaction: Box<Transaction>,
        command: Option<&'static Command>,
    ) -> Flow {
        let mode = self.base.settings.auth;
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        let watches = client.session.watch != Watch::None;
        if transaction.caches() {
            // Within the block all reads are tracked, which is safe.
            client.session.tracking.as_mut().map(|tracking| tracking.set_caching(b"yes"));
        }
        let block = Block::of(&transaction, &client.session, mode);
        let queued = transaction.queued;
        if block.commands == 0 && !watches {
            return self.exec_without_node(id, block, queued, command);
        }
        let meta = self.meta_of_exec(id, &block.bytes, command);
        let replies = u32::try_from(block.commands + 2).unwrap_or(u32::MAX);
        let dedicated = meta.dedicated || block.changes_connection;
        let meta = Meta { replies, dedicated, edited: true, ..meta };
        let flow = self.send_block(id, transaction, &block.bytes, meta);
        if let Some(client) = self.base.client(id).filter(|client| client.in_flight > 0) {
            client.executing = Some(Box::new(block.executing(queued)));
            client.stall = Stall::NodeAnswer;
        }
        flow
    }

    /// Carries out a transaction of which no node has a part.
    fn exec_without_node(
        &mut self,
        id: ClientId,
        block: Block,
        queued: u32,
        command: Option<&'static Command>,
    ) -> Flow {
        let now = self.base.now;
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        let entry = new_entry(client, Meta::of(command, EntryKind::Transaction, false), now);
        client.in_flight += 1;
        client.note_sent(None, Beside::Nothing);
        client.executing = Some(Box::new(block.executing(queued)));
        client.stall = Stall::NodeAnswer;
        self.finish_exec(None, &entry, NONE_RAN, CommandResult::Ok);
        Flow::Taken
    }

    /// Takes the reply to EXEC. If the node has run the block, the proxy's parts follow.
    pub(crate) fn finish_exec(
        &mut self,
        lane: Option<LaneId>,
        entry: &Entry,
        reply: &[u8],
        result: CommandResult,
    ) {
        let executing = self.base.client(entry.client).and_then(|client| client.executing.as_mut());
        if executing.is_some_and(|executing| executing.begin(entry, lane, reply)) {
            self.note_shard_of_block(entry.client, lane);
            self.go_on_executing(entry.client);
            return self.leave_changed_lane(entry.client);
        }
        self.base.abandon_exec(entry.client);
        match Elements::of(reply) {
            Some(_) => self.base.deliver(entry, MISFIT, CommandResult::Error),
            None => self.base.deliver(entry, reply, result),
        }
    }

    fn note_shard_of_block(&mut self, id: ClientId, lane: Option<LaneId>) {
        let shard = lane.and_then(|lane| self.base.lanes.get(lane)).map(|lane| lane.key.shard);
        let accepted = lane.and_then(|lane| acceptance_on(self.base, lane));
        self.base.executing_of(id, |executing| (executing.shard, executing.accepted) = (shard, accepted));
    }

    /// Closes the connection of the block if a part has to wait: until all are carried out, its lane's key does not say in which
    /// session it is.
    fn leave_changed_lane(&mut self, id: ClientId) {
        let executing = self.base.client(id).and_then(|client| client.executing.as_mut());
        let changed = executing.filter(|executing| executing.changes_connection);
        if let Some(lane) = changed.and_then(|executing| executing.lane.take()) {
            self.base.drop_own_lane(id, lane);
        }
    }

    /// Carries out the parts of the client's transaction, until one has to wait or all are carried out.
    pub(crate) fn go_on_executing(&mut self, id: ClientId) {
        while let Some(executing) = self.base.client(id).and_then(|client| client.executing.as_mut()) {
            if !executing.has_begun() {
                return;
            }
            match executing.next() {
                Some(part) => self.carry_out(id, part),
                None if executing.is_over() => return self.end_exec(id),
                None => return,
            }
        }
    }

    fn carry_out(&mut self, id: ClientId, part: ExecPart) {
        match part {
            ExecPart::Pass(count) => self.base.executing_of(id, |executing| executing.pass(count)),
            ExecPart::Say(bytes) => self.base.executing_of(id, |executing| executing.say(&bytes)),
            ExecPart::Local { local, request } => self.answer_in_exec(id, local, &request),
            ExecPart::Session { session, request } => self.change_in_exec(id, session, &request),
            ExecPart::Modes { session, request } => self.change_modes_in_exec(id, session, &request),
            ExecPart::Inquire(inquiry) => self.inquire_in_exec(id, *inquiry),
            ExecPart::EachShard { merge, request } => self.ask_other_shards(id, merge, &request),
            ExecPart::Subscribe { kind, request } => self.subscribe_in_exec(id, kind, &request),
        }
    }

    fn answer_in_exec(&mut self, id: ClientId, local: Local, request: &[u8]) {
        let now = self.base.now;
        let face = &self.base.settings.face;
        let Some(client) = self.base.clients.get_mut(id) else { return };
        let mut out = Vec::new();
        of_last(request, |request| local::answer(client, face, local, request, now, &mut out));
        let mode = client.session.reply_mode;
        if let Some(executing) = &mut client.executing {
            if !is_error(&out) {
                executing.follow(local, mode);
            }
            executing.say(&out);
        }
    }

    /// Changes the session if the node has changed that of its connection.
    fn change_in_exec(&mut self, id: ClientId, session: table::Session, request: &[u8]) {
        let (mode, face_mode) = (self.base.settings.auth, self.base.settings.face.mode());
        let Some(client) = self.base.clients.get_mut(id) else { return };
        let Some(executing) = &mut client.executing else { return };
        let mut answer = executing.take_reply();
        let change =
            of_last(request, |request| session_change::read(session, request, &client.session, mode));
        if let Some(Ok(change)) = change.filter(|_| !is_error(&answer)) {
            self.memory.accepted.remember(&change, &answer);
            apply_session_change(self.base, self.hub, id, &change);
            if let Some(client) = self.base.client(id).filter(|_| change.answer == Answer::Hello) {
                let told = std::mem::take(&mut answer);
                local::hello(client, face_mode, &told, &mut answer);
            }
        }
        self.base.executing_of(id, |executing| executing.say(&answer));
    }

    /// Has a node judge whether the client may have connections with these modes, if one is needed.
    fn change_modes_in_exec(&mut self, id: ClientId, session: table::Session, request: &[u8]) {
        let mode = self.base.settings.auth;
        let Some(client) = self.base.client(id) else { return };
        let change =
            of_last(request, |request| session_change::read(session, request, &client.session, mode));
        let Some(executing) = &mut client.executing else { return };
        executing.is_untracked = true;
        match (change, executing.entry) {
            (Some(Ok(change)), _) if change.question.is_empty() => {
                apply_session_change(self.base, self.hub, id, &change);
                self.base.executing_of(id, |executing| executing.say(OK));
            }
            (Some(Ok(change)), Some(entry)) => {
                executing.await_answer();
                ask_for_change(self.base, Entry { kind: EntryKind::SessionChange, ..within(&entry) }, change);
            }
            (Some(Err(error)), _) => {
                let mut out = Vec::new();
                reply::error(&mut out, &error);
                executing.say(&out);
            }
            (None, _) | (_, None) => {}
        }
    }

    /// Asks all workers, unless the node has refused the right to it: the user may have changed within the block.
    fn inquire_in_exec(&mut self, id: ClientId, inquiry: Inquiry) {
        let Some(client) = self.base.client(id) else { return };
        let asker = client.public_id;
        let Some(executing) = &mut client.executing else { return };
        let answer = executing.take_reply();
        if is_denial(&answer) {
            return executing.say(&answer);
        }
        executing.await_answer();
        let Some(entry) = executing.entry else { return };
        let sent = SentInquiry { inquiry, asker, request: Transaction::EXEC.len() };
        self.memory.census.open(self.base, within(&entry), sent);
    }

    /// Sends a command to the other shards, and to the replicas if they get it, unless the node of the block has refused it.
    fn ask_other_shards(&mut self, id: ClientId, merge: Merge, request: &[u8]) {
        let all = self.base.shards.owners().everywhere();
        let relayed = of_last(request, |request| is_relayed(self.base, request, lookup(request.name())))
            .unwrap_or(false);
        let Some(client) = self.base.clients.get_mut(id) else { return };
        let Some(executing) = &mut client.executing else { return };
        let answer = executing.take_reply();
        let own = executing.shard;
        let others: Vec<u16> = all.into_iter().filter(|shard| Some(*shard) != own).collect();
        let accepted = executing.accepted.clone().filter(|_| relayed);
        let relay = accepted.and_then(|accepted| relay_of(accepted, request));
        let under_way = others.len() + usize::from(relay.is_some());
        let Some(entry) = executing.entry.filter(|_| under_way > 0 && !is_error(&answer)) else {
            return executing.say(&answer);
        };
        let effect = of_last(request, has_effect).unwrap_or(true);
        let mut gather = Gather::parts(Gathering::new(merge, others.len() + 1), effect);
        if relay.is_none() {
            let own = PartReply { seq: entry.seq, part: 0, bytes: &answer, result: CommandResult::Ok };
            let _ = gather.part(own, self.base.shards.owners());
        }
        executing.await_shards(gather);
        client.in_flight += u32::try_from(under_way - 1).unwrap_or(u32::MAX);
        let (now, kind) = (self.base.now, if relayed { EntryKind::Relayed } else { EntryKind::Plain });
        for (part, shard) in (1..).zip(others) {
            let entry = Entry { part: Some(part), since: now, sent: now, kind, ..within(&entry) };
            transfer(self.base, entry, request, shard, false);
        }
        if let Some(relay) = relay {
            self.memory.relays.open(self.base, &within(&entry), relay, &answer);
        }
    }

    fn subscribe_in_exec(&mut self, id: ClientId, kind: Subscribe, request: &[u8]) {
        let Some(client) = self.base.client(id) else { return };
        let Some(executing) = &mut client.executing else { return };
        executing.await_confirmation();
        let Some(entry) = executing.entry else { return };
        of_last(request, |request| self.hub.subscribe_within(self.base, within(&entry), kind, request));
    }

    /// Gives the client EXEC's reply. The connection of the block is in the state of the session now.
    fn end_exec(&mut self, id: ClientId) {
        let Some(client) = self.base.client(id) else { return };
        let Some(executing) = client.executing.take() else { return };
        client.stall = Stall::Drain;
        client.session.reply_mode = executing.mode_after(client.session.reply_mode);
        if let Some(tracking) = &mut client.session.tracking {
            tracking.disarm();
        }
        let (lane, untracked) =
            (executing.lane.filter(|_| executing.changes_connection), executing.is_untracked);
        if let Some(entry) = executing.entry {
            let entry = Entry { silent: false, ..entry };
            self.base.deliver(&entry, &executing.into_reply(), CommandResult::Ok);
        }
        if let Some(lane) = lane {
            self.base.note_session_of(id, lane);
        }
        let tracks = self.base.client(id).is_some_and(|client| client.session.tracking.is_some());
        if untracked && tracks {
            // Behind the reply, as it may bring what is to be forgotten.
            tell_each(self.base, [id], &Invalidation::All);
        }
    }
}

/// Returns the entry of a part of the transaction, whose answer goes into EXEC's reply. It counts as in flight with EXEC.
fn within(exec: &Entry) -> Entry {
    Entry {
        part: Some(0),
        kind: EntryKind::Plain,
        edited: false,
        may_have_run: false,
        refusal: None,
        redirect_shard: None,
        hops: 0,
        rounds: 0,
        ..*exec
    }
}

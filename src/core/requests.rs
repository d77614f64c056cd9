//! Client bytes → requests → steps.

use crate::client::admission::{Step, admit, unavailable};
use crate::client::proof;
use crate::client::session::{ReplyMode, Transaction, Watch};
use crate::client::{ClientId, Life, Stall, local};
use crate::command::lookup;
use crate::command::{self as table, ClientCommand, Command, CommandId, Handling, Local};
use crate::metrics::reasons::{CloseReason, CommandResult, Direction, Family};
use crate::node::queue::EntryKind;
use crate::resp::reply;
use crate::resp::request::Request;
use crate::resp::scan::{ProtocolError, RequestScan, Scanned};

use super::Core;
use super::settings::{INPUT_HIGH, OUTPUT_HIGH, WHOLE_REQUEST, WINDOW};
use super::uploads::Begun;

/// Whether a request was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Taken,
    /// The client is stalled: the same bytes are to be looked at again later.
    Later,
}

/// What the entry of a request is to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub(super) command: CommandId,
    pub(super) family: Family,
    pub(super) kind: EntryKind,
    pub(super) replies: u32,
    pub(super) dedicated: bool,
}

impl Meta {
    pub(super) fn of(command: Option<&'static Command>, kind: EntryKind, dedicated: bool) -> Self {
        Meta {
            command: command.map_or(CommandId::OTHER, |command| command.id),
            family: command.map_or(Family::Other, Command::family),
            kind,
            replies: 1,
            dedicated,
        }
    }
}

impl Core {
    /// Takes what the client's socket held.
    pub(crate) fn client_input(&mut self, id: ClientId, bytes: &[u8]) {
        self.metrics.client_bytes(Direction::In, bytes.len());
        let now = self.now;
        let Some(client) = self.client(id).filter(|client| client.life == Life::Open) else { return };
        client.last_active = now;
        if client.stall == Stall::None && client.replies.unwritten().len() > OUTPUT_HIGH {
            client.stall = Stall::Output;
        }
        if !client.input.is_empty() {
            client.input.extend_from_slice(bytes);
            return self.consume_buffered(id);
        }
        let (used, expected) = self.consume(id, bytes);
        let rest = bytes.get(used..).unwrap_or_default();
        if let Some(client) = self.client(id).filter(|_| !rest.is_empty()) {
            client.input.reserve(expected.clamp(rest.len(), 64 * INPUT_HIGH));
            client.input.extend_from_slice(rest);
        }
    }

    /// Whether the driver should read this client's socket.
    pub(crate) fn wants_input(&self, id: ClientId) -> bool {
        let client = self.clients.get(id.slot as usize).filter(|client| client.id == id);
        client.is_some_and(|client| {
            let buffered = client.input.len() - client.consumed;
            client.life == Life::Open && !client.eof && (client.stall == Stall::None || buffered < INPUT_HIGH)
        })
    }

    /// Lets a stalled client go on with what it has sent already.
    pub(super) fn resume_client(&mut self, id: ClientId) {
        // It may be on the list twice, and have begun to prove a session change since the first time.
        let Some(client) = self.client(id).filter(|client| client.stall != Stall::Proof) else { return };
        client.stall = Stall::None;
        self.consume_buffered(id);
        self.effects.push(super::Effect::ReadClient { client: id });
        self.end_if_settled(id);
    }

    pub(super) fn consume_buffered(&mut self, id: ClientId) {
        let Some(client) = self.client(id) else { return };
        let (input, consumed) = (std::mem::take(&mut client.input), client.consumed);
        let (used, _) = self.consume(id, input.get(consumed..).unwrap_or_default());
        let Some(client) = self.client(id) else { return };
        client.input = input;
        client.consumed = consumed + used;
        if client.consumed == client.input.len() {
            client.input = Vec::new();
            client.consumed = 0;
        } else if client.consumed > INPUT_HIGH {
            client.input.drain(..client.consumed);
            client.consumed = 0;
        }
    }

    /// Takes whole requests from `buf` until it ends or the client is stalled. Gives the bytes taken, and the
    /// least length of the request that the rest begins.
    fn consume(&mut self, id: ClientId, buf: &[u8]) -> (usize, usize) {
        let Some(client) = self.client(id) else { return (buf.len(), 0) };
        let mut scan = std::mem::take(&mut client.scan);
        let (used, expected) = self.scan_requests(id, buf, &mut scan);
        if let Some(client) = self.client(id) {
            client.scan = scan;
        }
        (used, expected)
    }

    fn scan_requests(&mut self, id: ClientId, buf: &[u8], scan: &mut RequestScan) -> (usize, usize) {
        let max_frame = self.settings.max_frame;
        let mut at = self.upload_rest(id, buf);
        while self.client(id).is_some_and(|client| client.stall == Stall::None && client.life == Life::Open) {
            let rest = buf.get(at..).unwrap_or_default();
            let len = match scan.scan(rest, max_frame) {
                Ok(Scanned::Complete(len)) => len,
                Ok(Scanned::Partial(expected)) if expected <= WHOLE_REQUEST => return (at, expected),
                Ok(Scanned::Partial(expected)) => match self.begin_upload(id, scan, rest) {
                    Begun::Taken(len) => {
                        scan.reset();
                        at += len;
                        continue;
                    }
                    Begun::Later => {
                        scan.reset();
                        return (at, 0);
                    }
                    // Kept whole after all: what it is part of needs it so.
                    Begun::No => return (at, expected),
                },
                Err(error) => {
                    self.protocol_error(id, error);
                    return (buf.len(), 0);
                }
            };
            let request = scan.request(rest, len);
            let flow = if request.len() == 0 { Flow::Taken } else { self.request(id, &request) };
            scan.reset();
            match flow {
                Flow::Taken => at += len,
                Flow::Later => break,
            }
        }
        (at, 0)
    }

    /// The short way: a plain session and a command that is simply forwarded.
    fn request(&mut self, id: ClientId, request: &Request<'_>) -> Flow {
        let command = lookup(request.name());
        let Some(client) = self.client(id) else { return Flow::Taken };
        let forwarded = command
            .is_some_and(|command| command.handling == Handling::Forward && command.subcommands.is_empty());
        if forwarded && client.session.is_plain() && client.subscriptions.is_none() {
            return self.send(id, request.raw(), Meta::of(command, EntryKind::Plain, false));
        }
        self.step(id, request, command)
    }

    fn step(&mut self, id: ClientId, request: &Request<'_>, command: Option<&'static Command>) -> Flow {
        let Some(client) = self.client(id) else { return Flow::Taken };
        if command.is_none() && is_http(request.name()) {
            self.kill_client(id, CloseReason::Protocol);
            return Flow::Taken;
        }
        match admit(client, request, command) {
            Step::Send { kind: EntryKind::Wait, .. } => self.wait(id, request, command),
            Step::Send { kind, dedicated } => {
                self.send_marked(id, request, Meta::of(command, kind, dedicated))
            }
            Step::Queue => self.queue_in_transaction(id, request),
            Step::Spoil(error) => {
                if let Some(transaction) = &mut client.session.transaction {
                    transaction.dirty = true;
                }
                self.answer_error(id, command, &error)
            }
            Step::Error(error) => self.answer_error(id, command, &error),
            Step::Answer(local) => self.answer_locally(id, local, request, command),
            Step::Prove(session) => self.prove(id, session, request, command),
            Step::Multi => {
                client.session.transaction = Some(Box::new(Transaction::begin()));
                self.answer(id, command, |out| reply::simple(out, "OK"))
            }
            Step::Exec => self.exec(id, command),
            Step::Discard => self.discard(id, command),
            Step::Unwatch => self.unwatch(id, command),
            Step::Subscribe(kind) => self.subscribe(id, kind, request, command),
        }
    }

    /// Sends, and notes what the session must know of it.
    fn send_marked(&mut self, id: ClientId, request: &Request<'_>, meta: Meta) -> Flow {
        let flow = self.send(id, request.raw(), meta);
        if flow == Flow::Taken
            && meta.kind == EntryKind::Watch
            && let Some(client) = self.client(id).filter(|client| client.session.watch == Watch::None)
        {
            client.session.watch = Watch::Asked;
        }
        flow
    }

    /// WAIT counts from the last command of its own connection, so a PING goes before it: that makes it speak of
    /// everything that the master had taken by then, this client's writes among it.
    fn wait(&mut self, id: ClientId, request: &Request<'_>, command: Option<&'static Command>) -> Flow {
        let mut bytes = Vec::new();
        reply::command(&mut bytes, &[b"PING"]);
        bytes.extend_from_slice(request.raw());
        self.send(id, &bytes, Meta { replies: 2, ..Meta::of(command, EntryKind::Wait, true) })
    }

    fn queue_in_transaction(&mut self, id: ClientId, request: &Request<'_>) -> Flow {
        let max_frame = self.settings.max_frame;
        let Some(client) = self.client(id) else { return Flow::Taken };
        let Some(transaction) = &mut client.session.transaction else { return Flow::Taken };
        if transaction.bytes.len() + request.raw().len() > max_frame {
            transaction.dirty = true;
            return self.answer_error(
                id,
                None,
                &unavailable(request, "the transaction is larger than max_frame"),
            );
        }
        transaction.queue(request.raw());
        self.answer(id, None, |out| reply::simple(out, "QUEUED"))
    }

    fn exec(&mut self, id: ClientId, command: Option<&'static Command>) -> Flow {
        let Some(client) = self.client(id) else { return Flow::Taken };
        let Some(transaction) = client.session.transaction.take() else { return Flow::Taken };
        let (watch, proto) = (client.session.watch, client.session.proto);
        if transaction.dirty || watch == Watch::Lost {
            // What is in flight on the connection to be dropped is answered first.
            if watch != Watch::None && client.in_flight > 0 {
                client.session.transaction = Some(transaction);
                return self.stall(id, Stall::Drain);
            }
            self.end_watch(id);
            return self.answer(id, command, |out| match transaction.dirty {
                true => reply::error(out, "EXECABORT Transaction discarded because of previous errors."),
                false => reply::null_array(out, proto),
            });
        }
        let mut bytes = transaction.bytes.clone();
        bytes.extend_from_slice(Transaction::EXEC);
        let watched = watch != Watch::None;
        let kind = if watched { EntryKind::WatchedTransaction } else { EntryKind::Transaction };
        let replies = transaction.queued + 2;
        let flow = self.send(id, &bytes, Meta { replies, ..Meta::of(command, kind, watched) });
        if let Some(client) = self.client(id) {
            match flow {
                Flow::Taken => client.session.watch = Watch::None,
                Flow::Later => client.session.transaction = Some(transaction),
            }
        }
        flow
    }

    fn discard(&mut self, id: ClientId, command: Option<&'static Command>) -> Flow {
        let flow = self.unwatch(id, command);
        if let Some(client) = self.client(id).filter(|_| flow == Flow::Taken) {
            client.session.transaction = None;
        }
        flow
    }

    /// Whatever was watched is forgotten with the connection that watched it.
    fn unwatch(&mut self, id: ClientId, command: Option<&'static Command>) -> Flow {
        let Some(client) = self.client(id) else { return Flow::Taken };
        if client.session.watch != Watch::None {
            if client.in_flight > 0 {
                return self.stall(id, Stall::Drain);
            }
            self.end_watch(id);
        }
        self.answer(id, command, |out| reply::simple(out, "OK"))
    }

    /// Closes the connection that watches, unless the client's subscriptions live there too: then UNWATCH is said on
    /// it, on nobody's account. Nothing of the client's may be in flight.
    fn end_watch(&mut self, id: ClientId) {
        let Some(client) = self.client(id) else { return };
        if std::mem::take(&mut client.session.watch) == Watch::None {
            return;
        }
        if !client.is_subscriber() {
            return self.drop_dedicated(id);
        }
        let mode = std::mem::replace(&mut client.session.reply_mode, ReplyMode::Off);
        let mut bytes = Vec::new();
        reply::command(&mut bytes, &[b"UNWATCH"]);
        self.send(id, &bytes, Meta::of(lookup(b"UNWATCH"), EntryKind::Plain, true));
        if let Some(client) = self.client(id) {
            client.session.reply_mode = mode;
        }
    }

    fn prove(
        &mut self,
        id: ClientId,
        session: table::Session,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        let mode = self.settings.auth;
        let Some(client) = self.client(id) else { return Flow::Taken };
        if client.in_flight > 0 {
            return self.stall(id, Stall::Drain);
        }
        match proof::read(session, request, &client.session, mode) {
            Ok(proof) => self.send_proof(id, proof, Meta::of(command, EntryKind::Proof, false)),
            Err(error) => self.answer_error(id, command, error),
        }
    }

    fn answer_locally(
        &mut self,
        id: ClientId,
        local: Local,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        match local {
            Local::Quit => self.end_client(id, CloseReason::Quit),
            Local::Reset => {
                if self.client(id).is_some_and(|client| client.in_flight > 0) {
                    return self.stall(id, Stall::Drain);
                }
                self.reset_session(id);
            }
            Local::Ping
            | Local::Echo
            | Local::Command
            | Local::Role
            | Local::Client(_)
            | Local::UnknownSubcommand => {}
        }
        let now = self.now;
        let Some(client) = self.client(id) else { return Flow::Taken };
        let mut out = Vec::new();
        let silent = take_silence(client);
        local::answer(client, local, request, now, &mut out);
        let turned_on =
            local == Local::Client(ClientCommand::Reply) && client.session.reply_mode == ReplyMode::On;
        if silent && !turned_on {
            out.clear();
        }
        self.put_answer(id, command, &out)
    }

    /// One answer in the place of the next reply.
    pub(super) fn answer(
        &mut self,
        id: ClientId,
        command: Option<&'static Command>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Flow {
        let Some(client) = self.client(id) else { return Flow::Taken };
        let mut out = Vec::new();
        if !take_silence(client) {
            write(&mut out);
        }
        self.put_answer(id, command, &out)
    }

    pub(super) fn answer_error(
        &mut self,
        id: ClientId,
        command: Option<&'static Command>,
        text: &str,
    ) -> Flow {
        self.answer(id, command, |out| reply::error(out, text))
    }

    fn put_answer(&mut self, id: ClientId, command: Option<&'static Command>, bytes: &[u8]) -> Flow {
        let result = if bytes.first() == Some(&b'-') { CommandResult::Error } else { CommandResult::Ok };
        self.metrics.command(command.map_or(CommandId::OTHER, |command| command.id).0, result);
        let Some(client) = self.client(id) else { return Flow::Taken };
        let seq = client.replies.open();
        client.replies.complete(seq, bytes);
        rein_in(client);
        self.touch_client(id);
        Flow::Taken
    }

    fn protocol_error(&mut self, id: ClientId, error: ProtocolError) {
        self.answer_error(id, None, &format!("ERR Protocol error: {error}"));
        self.end_client(id, CloseReason::Protocol);
    }

    pub(super) fn stall(&mut self, id: ClientId, stall: Stall) -> Flow {
        if let Some(client) = self.client(id) {
            client.stall = stall;
        }
        Flow::Later
    }
}

/// No node slows down a client that we answer ourselves: one that reads slowly, or waits for a node's reply before
/// ours, is not listened to for a while.
pub(super) fn rein_in(client: &mut crate::client::Client) {
    let waits_for_node = client.replies.owed() > WINDOW || client.replies.parked_bytes() > OUTPUT_HIGH;
    if client.stall != Stall::None {
        return;
    }
    if client.replies.unwritten().len() > OUTPUT_HIGH {
        client.stall = Stall::Output;
    } else if client.in_flight > 0 && waits_for_node {
        client.stall = Stall::Drain;
    }
}

/// The first words of an HTTP request: a web page that was made to speak to us must not get a command through.
fn is_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

fn take_silence(client: &mut crate::client::Client) -> bool {
    let (silent, next) = client.session.reply_mode.take();
    client.session.reply_mode = next;
    silent
}

//! The way of requests: from a client's bytes to steps, each of which is answered here or sent to a shard.
//!
//! In reading order: this file (bytes → steps), [`locals`] and [`transactions`] (steps that stay here), [`block`] and
//! [`executing`] (transactions in which the proxy has parts), [`about_clients`]
//! (questions about all clients), [`blocking`] (commands that wait at a node), [`counts`] (questions about numbers of subscribers), [`info`], [`routing`] (the choice of
//! shards), [`sending`] (onto a lane), [`parts`] (one command on several lanes), [`large`] and [`uploads`] (large
//! requests, kept or streamed).

mod about_clients;
mod block;
mod blocking;
mod counts;
mod executing;
mod info;
mod large;
mod locals;
mod parts;
mod routing;
mod sending;
mod transactions;
mod uploads;

use crate::client::admission::{Step, admit};
use crate::client::inquiry::Inquiry;
use crate::client::transaction::Transaction;
use crate::client::{Life, Stall, session_change};
use crate::command::{self as table, Command, Handling, Local, lookup};
use crate::core::base::follow;
use crate::ids::ClientId;
use crate::node::queue::EntryKind;
use crate::reasons::{CloseReason, Direction};
use crate::resp::reply;
use crate::resp::request::Request;
use crate::resp::scan::{RequestScan, Scanned};

use counts::note_published;
use large::take_large;
use routing::{is_relayed, send_to_writers};
use sending::send_session_change;
use uploads::{Begun, upload_rest};

use super::accepted::{AcceptedSessions, apply_session_change};
use super::base::Base;
use super::base::meta::{Flow, Meta};
use super::census::Census;
use super::counted::is_counted_by_nodes;
use super::hub::{Hub, must_wait_for_confirmation};
use super::isolated::Isolated;
use super::monitors::{lines_of, note_lines};
use super::pause::waits_for_pause;
use super::permission::GrantedRights;
use super::relays::Relays;
use super::rewrite::end_of_wait;
use super::scripts::SeenScripts;
use super::settings::{INPUT_HIGH, LARGE_REQUEST, OUTPUT_HIGH};
use super::tracking::{asks_node, reads_what_is_not_named};
use super::unknown::waits_to_be_known;

/// What a worker remembers of its clients' commands.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) scripts: SeenScripts,
    pub(super) isolated: Isolated,
    pub(super) census: Census,
    pub(super) granted: GrantedRights,
    pub(super) accepted: AcceptedSessions,
    pub(super) relays: Relays,
}

/// The handling of a client's commands, during one call. See the module.
pub(super) struct Requests<'a> {
    pub(super) base: &'a mut Base,
    pub(super) hub: &'a mut Hub,
    pub(super) memory: &'a mut Memory,
}

impl Requests<'_> {
    /// Takes the bytes that were read from the client's socket.
    pub(crate) fn client_input(&mut self, id: ClientId, bytes: &[u8]) {
        self.base.metrics.client_bytes(Direction::In, bytes.len());
        let now = self.base.now;
        let Some(client) = self.base.client(id).filter(|client| client.life == Life::Open) else { return };
        client.last_active = now;
        if client.replies.owed() == 0 && client.input.is_empty() {
            client.others_ran = false;
        }
        if client.stall == Stall::None && client.replies.unwritten().len() > OUTPUT_HIGH {
            client.stall = Stall::Output;
        }
        if !client.input.is_empty() {
            client.input.extend_from_slice(bytes);
            return self.consume_buffered(id);
        }
        let used = self.consume(id, bytes);
        let rest = bytes.get(used..).unwrap_or_default();
        if let Some(client) = self.base.client(id).filter(|_| !rest.is_empty()) {
            // No room is reserved for the announced length of a request: a crowd of announcements would use up the memory.
            client.input.extend_from_slice(rest);
        }
    }

    /// Lets a stalled client go on with the input that it has sent already.
    pub(crate) fn resume_client(&mut self, id: ClientId) {
        // The client may be on the list twice, and wait for a node's answer since it was taken the first time.
        let Some(client) = self.base.client(id).filter(|client| client.stall != Stall::NodeAnswer) else {
            return;
        };
        client.stall = Stall::None;
        self.consume_buffered(id);
        self.base.effects.push(super::Effect::ReadClient { client: id });
        self.base.end_if_settled(id);
    }

    fn consume_buffered(&mut self, id: ClientId) {
        let Some(client) = self.base.client(id) else { return };
        let (input, consumed) = (std::mem::take(&mut client.input), client.consumed);
        let used = self.consume(id, input.get(consumed..).unwrap_or_default());
        let Some(client) = self.base.client(id) else { return };
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

    /// Takes whole requests from `buf` until it ends or the client is stalled. Returns the number of bytes taken.
    fn consume(&mut self, id: ClientId, buf: &[u8]) -> usize {
        let Some(client) = self.base.client(id) else { return buf.len() };
        let mut scan = std::mem::take(&mut client.scan);
        scan.set_of_stranger(self.base.is_stranger(id));
        let used = self.scan_requests(id, buf, &mut scan);
        if let Some(client) = self.base.client(id) {
            client.scan = scan;
        }
        used
    }

    fn scan_requests(&mut self, id: ClientId, buf: &[u8], scan: &mut RequestScan) -> usize {
        let max_frame = self.base.settings.max_frame;
        let mut at = upload_rest(self.base, id, buf);
        while self.base.client(id).is_some_and(|client| client.takes_requests()) {
            let rest = buf.get(at..).unwrap_or_default();
            let len = match scan.scan(rest, max_frame) {
                Ok(Scanned::Complete(len)) => len,
                Ok(Scanned::Partial(expected)) if expected <= LARGE_REQUEST => return at,
                Ok(Scanned::Partial(expected)) => match take_large(self.base, id, scan, rest, expected) {
                    Begun::Taken(len) => {
                        scan.reset();
                        at += len;
                        at += upload_rest(self.base, id, buf.get(at..).unwrap_or_default());
                        continue;
                    }
                    Begun::Later => {
                        scan.reset();
                        return at;
                    }
                    // The request is kept until it is whole.
                    Begun::No => return at,
                },
                Err(error) => {
                    self.base.protocol_error(id, error);
                    return buf.len();
                }
            };
            let request = scan.request(rest, len);
            self.base.more_input = rest.len() > len;
            let flow = if request.len() == 0 { Flow::Taken } else { self.request(id, &request) };
            scan.reset();
            if len > LARGE_REQUEST && flow == Flow::Taken {
                self.base.note_large(id, len);
            }
            match flow {
                Flow::Taken => at += len,
                Flow::Later => break,
            }
        }
        at
    }

    /// Takes one request, unless a pause is in force; with its lines for MONITOR, if somebody looks.
    fn request(&mut self, id: ClientId, request: &Request<'_>) -> Flow {
        let command = lookup(request.name());
        if self.base.paused.is_some() && waits_for_pause(self.base, id, request, command) {
            self.base.metrics.client_paused();
            return self.base.stall(id, Stall::Paused);
        }
        if waits_to_be_known(self.base, command) {
            return self.base.stall(id, Stall::Unlearned);
        }
        if !self.base.monitors.is_watched() {
            return self.take(id, request, command);
        }
        let lines = lines_of(self.base, id, request, command);
        let flow = self.take(id, request, command);
        if flow == Flow::Taken {
            note_lines(self.base, &lines);
        }
        flow
    }

    /// Takes the short way for a plain session and a command that is simply forwarded.
    fn take(&mut self, id: ClientId, request: &Request<'_>, command: Option<&'static Command>) -> Flow {
        let forwarded = command.is_some_and(|command| {
            let is_sent_as_it_is = command.handling == Handling::Forward
                || command.handling == Handling::Counts && is_counted_by_nodes(self.base);
            is_sent_as_it_is && command.subcommands.is_empty()
        });
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        client.command = command;
        if forwarded && client.session.is_plain() && client.subscriptions.is_none() {
            return self.dispatch(id, request, command, Meta::of(command, EntryKind::Plain, false));
        }
        self.take_long(id, request, command)
    }

    /// The long way: the session or the command needs more than to be forwarded.
    #[inline(never)]
    fn take_long(&mut self, id: ClientId, request: &Request<'_>, command: Option<&'static Command>) -> Flow {
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        let (place, is_queued) = (client.replies.next_place(), client.session.transaction.is_some());
        let flow = self.step(id, request, command);
        if flow == Flow::Taken {
            follow::end_caching_word(self.base, id, command);
            let publishes = command.is_some_and(|command| command.handling == Handling::Counts);
            if publishes && !is_queued {
                note_published(self.base, id, place, request.raw());
            }
        }
        flow
    }

    fn step(&mut self, id: ClientId, request: &Request<'_>, command: Option<&'static Command>) -> Flow {
        if command.is_none() && is_http(request.name()) {
            self.base.kill_client(id, CloseReason::Protocol);
            return Flow::Taken;
        }
        if must_wait_for_confirmation(self.base, id) {
            return self.base.stall(id, Stall::Drain);
        }
        let is_stranger = self.base.is_stranger(id);
        let client = self.base.clients.get_mut(id);
        let Some(client) = client.filter(|client| client.id.generation == id.generation) else {
            return Flow::Taken;
        };
        client.command = command.map(|command| command.subcommand(request).unwrap_or(command));
        match admit(client, &self.base.settings.face, request, command, is_stranger) {
            Step::Send { kind: EntryKind::Wait, .. } => self.wait(id, request, command),
            Step::Send { kind: EntryKind::Blocking, .. } => self.send_blocking(id, request, command),
            Step::Send { kind: EntryKind::Counted, dedicated } => {
                self.send_counted(id, request, command, dedicated)
            }
            Step::Send { kind: EntryKind::Plain, dedicated } if is_relayed(self.base, request, command) => {
                self.dispatch(id, request, command, Meta::of(command, EntryKind::Relayed, dedicated))
            }
            Step::Send { kind, dedicated } => {
                let apart = dedicated || reads_what_is_not_named(self.base, id, request.raw());
                self.send_and_note_watch(id, request, command, Meta::of(command, kind, apart))
            }
            Step::EndScript => {
                let meta = Meta { any_db: true, ..Meta::of(command, EntryKind::Plain, true) };
                self.dispatch(id, request, command, meta)
            }
            Step::Queue(None) => self.queue_in_transaction(id, request, command),
            Step::Queue(Some(own)) => self.queue_own(id, request, command, own),
            Step::Spoil(error) => {
                self.base.spoil_transaction(id);
                self.base.answer_error(id, command, &error)
            }
            Step::Error(error) => self.base.answer_error(id, command, &error),
            // Its answer comes behind what the node has told before.
            Step::Answer(Local::Ping) if asks_node(self.base, id) => {
                self.dispatch(id, request, command, Meta::of(command, EntryKind::Plain, false))
            }
            Step::Abort(cause) => self.abort(id, &cause, command),
            Step::Answer(Local::Monitor) => self.ask_all(id, Inquiry::Monitor, request, command),
            Step::Answer(Local::Clients(sub)) => self.inquire(id, sub, request, command),
            Step::Answer(local) => self.answer_locally(id, local, request, command),
            Step::ChangeSession(session) => self.change_session(id, session, request, command),
            Step::Multi => {
                if let Some(client) = self.base.client(id) {
                    client.session.transaction = Some(Box::new(Transaction::begin()));
                }
                self.base.answer(id, command, |out| reply::simple(out, "OK"))
            }
            Step::Exec => self.exec(id, command),
            Step::Discard => self.discard(id, command),
            Step::Unwatch => self.unwatch(id, command),
            Step::Subscribe(kind) => self.hub.subscribe(self.base, id, kind, request, command),
        }
    }

    /// Sends a request, and notes a WATCH in the session.
    fn send_and_note_watch(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
        meta: Meta,
    ) -> Flow {
        let owed = self.base.client(id).map_or(0, |client| client.in_flight);
        let flow = self.dispatch(id, request, command, meta);
        if flow == Flow::Taken
            && meta.kind == EntryKind::Watch
            && let Some(client) = self.base.client(id).filter(|client| client.in_flight > owed)
        {
            client.session.note_watch(request.len().saturating_sub(1));
        }
        flow
    }

    /// Sends a WAIT. It counts from the last command of its own connection, so a PING goes before it: that makes the
    /// WAIT cover all commands that the master had taken by then, this client's writes among them. If there are
    /// several masters, the result is the smallest of their numbers.
    fn wait(&mut self, id: ClientId, request: &Request<'_>, command: Option<&'static Command>) -> Flow {
        let mut bytes = Vec::new();
        reply::command(&mut bytes, &[b"PING"]);
        bytes.extend_from_slice(request.raw());
        let until = end_of_wait(&bytes, self.base.now);
        let meta = Meta { replies: 2, until, ..Meta::of(command, EntryKind::Wait, true) };
        send_to_writers(self.base, id, request, &bytes, meta)
    }

    fn change_session(
        &mut self,
        id: ClientId,
        session: table::Session,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        let mode = self.base.settings.auth;
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        if client.in_flight > 0 {
            return self.base.stall(id, Stall::Drain);
        }
        match session_change::read(session, request, &client.session, mode) {
            // What no node has a part in.
            Ok(change) if change.question.is_empty() => {
                apply_session_change(self.base, self.hub, id, &change);
                self.base.answer(id, command, |out| reply::simple(out, "OK"))
            }
            Ok(change) if self.memory.accepted.has_accepted(self.base, id, self.base.home(id), &change) => {
                self.memory.accepted.accept_from_memory(self.base, self.hub, id, &change, command)
            }
            Ok(change) => {
                send_session_change(self.base, id, change, Meta::of(command, EntryKind::SessionChange, false))
            }
            Err(error) => self.base.answer_error(id, command, &error),
        }
    }
}

/// Returns true for the first words of an HTTP request: a web page that was made to send requests to the proxy must
/// not get a command through.
fn is_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

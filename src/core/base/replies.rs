//! Replies to clients, in their turn: those of nodes, and our own in place of them.

use std::sync::Arc;

use crate::client::gathers::{PartReply, empty_page, result_of};
use crate::client::session::Watch;
use crate::client::telling::{Told, not_executed, unknown_outcome, waited_in_vain};
use crate::client::{Client, Stall};
use crate::command::by_id;
use crate::core::settings::OUTPUT_LOW;
use crate::failover::Verdict;
use crate::ids::ClientId;
use crate::node::lane::Lane;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CloseReason, CommandResult, Direction};
use crate::resp::reply;

use super::Base;

/// Buffers kept for clients that will have output again.
const POOLED_BUFFERS: usize = 256;
/// A buffer that grew beyond this is not kept.
const POOLED_BUFFER: usize = 64 << 10;

impl Base {
    /// Returns the client its reply, in its turn.
    pub(crate) fn deliver(&mut self, entry: &Entry, reply: &[u8], result: CommandResult) {
        if let Some(part) = entry.part {
            let reply = PartReply { seq: entry.seq, part, bytes: reply, result };
            if let Some((whole, result)) = self.gather(entry.client, reply) {
                self.tell(&Entry { part: None, ..*entry }, &whole, result);
            }
            return;
        }
        self.metrics.command(entry.command.0, result);
        self.metrics.latency(entry.family, self.elapsed(entry.arrived));
        let Some(client) = self.clients.get_mut(entry.client) else {
            return;
        };
        if !client.replies.has_buffer()
            && let Some(buffer) = self.buffers.pop()
        {
            client.replies.lend_buffer(buffer);
        }
        client.replies.complete(entry.seq, if entry.silent { b"" } else { reply });
        client.in_flight = client.in_flight.saturating_sub(1);
        client.reply_size.reply(reply.len());
        client.ran = client.replies.owed() > 0 || !client.input.is_empty();
        if !client.dirty {
            client.dirty = true;
            self.dirty_clients.push(entry.client);
        }
        let has_share = !client.share.is_empty();
        if client.stall != Stall::None || client.eof {
            resume_if_ready(client, &mut self.resumed);
        }
        let is_over = client.replies.waiting() > self.settings.output_buffer;
        if has_share {
            self.settle_share(entry.client);
        }
        if is_over {
            self.kill_client(entry.client, CloseReason::OutputLimit);
        }
    }

    pub(crate) fn deliver_part(&mut self, entry: &Entry, bytes: &[u8]) {
        let limit = self.settings.output_buffer;
        let Some(client) = self.client(entry.client).filter(|_| !entry.silent) else { return };
        client.replies.part(entry.seq, bytes, true);
        client.reply_size.part(bytes.len());
        let over = client.replies.waiting() > limit;
        self.touch_client(entry.client);
        if over {
            self.kill_client(entry.client, CloseReason::OutputLimit);
        }
    }

    /// Returns what waits to be written to a client.
    pub(crate) fn client_output(&mut self, id: ClientId) -> &[u8] {
        self.client(id).map(|client| client.replies.unwritten()).unwrap_or_default()
    }

    pub(crate) fn client_written(&mut self, id: ClientId, bytes: usize) {
        self.metrics.client_bytes(Direction::Out, bytes);
        let Some(client) = self.client(id) else { return };
        let buffer = client.replies.advance_written(bytes);
        let relieved = client.stall == Stall::Output && client.replies.unwritten().len() < OUTPUT_LOW;
        if let Some(buffer) =
            buffer.filter(|buffer| buffer.capacity() <= POOLED_BUFFER && self.buffers.len() < POOLED_BUFFERS)
        {
            self.buffers.push(buffer);
        }
        if relieved {
            self.resumed.push(id);
        }
    }

    /// The reply to one part. Returns the reply to the whole, once it is complete.
    fn gather(&mut self, id: ClientId, reply: PartReply<'_>) -> Option<(Vec<u8>, CommandResult)> {
        let limit = self.settings.output_buffer;
        let client = self.clients.get_mut(id)?;
        let whole = client.gathers.part(reply, self.shards.map(), &self.settings.face);
        let Some(whole) = whole else {
            client.in_flight = client.in_flight.saturating_sub(1);
            if client.gathers.bytes() + client.replies.waiting() > limit {
                self.kill_client(id, CloseReason::OutputLimit);
            }
            return None;
        };
        let result = result_of(&whole);
        Some((whole, result))
    }

    /// A SCAN whose shard has gone: nothing more is there.
    pub(crate) fn end_scan(&mut self, entry: &Entry) {
        self.deliver(entry, &empty_page(), CommandResult::Ok);
    }

    /// The reply that the proxy makes itself. `Deliver` and `Retry` are no verdicts to give up with.
    pub(crate) fn give_up(&mut self, entry: &Entry, verdict: Verdict, reason: &str) {
        let in_vain = entry.kind == EntryKind::Blocking && self.settings.policy.goes_on_waiting();
        let verdict = match verdict {
            Verdict::NotExecuted if entry.may_have_run && !in_vain => Verdict::Uncertain,
            other => other,
        };
        let proto = self.client(entry.client).map(|client| client.session.proto).unwrap_or_default();
        let (text, result) = match verdict {
            Verdict::Uncertain => {
                self.metrics.uncertain();
                (unknown_outcome(reason).into_bytes(), CommandResult::Uncertain)
            }
            Verdict::NotExecuted if entry.may_have_run => {
                (waited_in_vain(reason).into_bytes(), CommandResult::TryAgain)
            }
            Verdict::NotExecuted => (not_executed(reason).into_bytes(), CommandResult::TryAgain),
            Verdict::NoneAcknowledged => (none_acknowledged(entry), CommandResult::Ok),
            Verdict::WatchFailed => {
                let mut null = Vec::new();
                reply::null_array(&mut null, proto);
                (null, CommandResult::Ok)
            }
            Verdict::CloseClient => return self.kill_client(entry.client, CloseReason::Broken),
            Verdict::Deliver | Verdict::Retry(_) | Verdict::Redirect(_) => return,
        };
        self.answer_entry(entry, &text, result);
    }

    /// A reply in place of the node's; a session change that was asked for is off.
    pub(crate) fn answer_entry(&mut self, entry: &Entry, text: &[u8], result: CommandResult) {
        // One that has come whole is not the one that the client is sending.
        if entry.kind == EntryKind::Upload {
            self.abandon_upload(entry.client);
        }
        if entry.kind == EntryKind::Watch {
            self.fail_watch(entry.client);
        }
        if entry.kind == EntryKind::Proof
            && let Some(client) = self.client(entry.client)
        {
            client.proof = None;
            client.stall = Stall::Drain;
        }
        if entry.kind == EntryKind::Position {
            self.forget_position(entry.client);
        }
        self.tell(entry, text, result);
    }

    /// A reply of our own, or one that was put together of such. The client gets it in its words.
    pub(crate) fn tell(&mut self, entry: &Entry, text: &[u8], result: CommandResult) {
        let settings = Arc::clone(&self.settings);
        let Some(client) = self.client(entry.client).filter(|_| entry.part.is_none()) else {
            return self.deliver(entry, text, result);
        };
        let ran = client.ran;
        // What stands behind an upload is not known before it has come.
        let alone = !ran && client.in_flight <= 1 && client.input.is_empty() && client.upload.is_none();
        match settings.telling.told(&client.session, text, result, alone) {
            Told::Line(line) => self.deliver(entry, &line, result),
            Told::Close(reason) => {
                self.end_client_before(entry.client, entry.seq, reason);
                self.deliver(entry, b"", result);
            }
        }
        if let Some(client) = self.client(entry.client).filter(|_| result != CommandResult::Ok) {
            client.ran &= ran;
        }
    }

    /// The client was told that its WATCH failed: it watches nothing, unless another one is still on its way.
    pub(crate) fn fail_watch(&mut self, id: ClientId) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let is_watch = |entry: &Entry| entry.kind == EntryKind::Watch;
        let asks = |lane: &Lane| {
            lane.queue.iter().any(is_watch) || lane.link.refused().iter().any(|aside| is_watch(&aside.entry))
        };
        let own = client.dedicated.iter().filter_map(|lane| self.lanes.get(*lane));
        let others =
            own.into_iter().any(asks) || self.strays.of(id).iter().any(|stray| is_watch(&stray.entry));
        if let Some(client) = self.client(id).filter(|client| !others && client.session.watch == Watch::Asked)
        {
            client.session.watch = Watch::None;
        }
    }

    /// The request that the question was for, if there still is one.
    pub(crate) fn forget_position(&mut self, id: ClientId) -> Option<Box<[u8]>> {
        let client = self.client(id)?;
        let request = client.position.take()?;
        client.stall = Stall::Drain;
        Some(request)
    }

    /// The time of a command that no node has is over: it is answered as a node would have done.
    pub(crate) fn end_wait(&mut self, entry: &Entry) {
        if entry.kind == EntryKind::Wait {
            return self.give_up(entry, Verdict::NoneAcknowledged, "");
        }
        if entry.kind == EntryKind::Position {
            self.forget_position(entry.client);
        }
        let Some(proto) = self.client(entry.client).map(|client| client.session.proto) else { return };
        let mut null = Vec::new();
        reply::null_array(&mut null, proto);
        self.deliver(entry, &null, CommandResult::Ok);
    }

    /// The request will not be finished: whatever the client still sends of it is dropped.
    pub(crate) fn abandon_upload(&mut self, id: ClientId) {
        let Some(client) = self.client(id) else { return };
        if let Some(upload) = &mut client.upload {
            upload.lane = None;
        }
        if client.stall == Stall::Upload {
            self.resumed.push(id);
        }
    }

    pub(crate) fn give_up_stray(&mut self, entry: &Entry, reason: &str) {
        match entry.kind {
            EntryKind::WatchedTransaction => self.give_up(entry, Verdict::WatchFailed, reason),
            _ => self.give_up(entry, Verdict::NotExecuted, reason),
        }
    }
}

/// The reply of WAIT and WAITAOF when nothing is known.
fn none_acknowledged(entry: &Entry) -> Vec<u8> {
    let of_aof = by_id(entry.command).is_some_and(|command| command.name == "waitaof");
    if of_aof { b"*2\r\n:0\r\n:0\r\n".to_vec() } else { b":0\r\n".to_vec() }
}

/// A stalled client goes on when what it waited for has come.
fn resume_if_ready(client: &mut Client, resumed: &mut Vec<ClientId>) {
    let ready = match client.stall {
        Stall::Drain => client.in_flight == 0,
        Stall::Window => client.in_flight <= client.window / 2,
        Stall::None => client.eof && client.in_flight == 0,
        Stall::Lane | Stall::Output | Stall::Proof | Stall::Upload => false,
    };
    if ready {
        resumed.push(client.id);
    }
}

//! Replies to clients, each in the place of its request: those of nodes, and those that the proxy makes in place of them.

use std::sync::Arc;

use crate::client::executing::Executing;
use crate::client::failure_replies::{FailureReply, not_executed, unknown_outcome, waited_in_vain};
use crate::client::gathers::{PartReply, empty_page, result_of};
use crate::client::inquiry::PendingInquiry;
use crate::client::session::Watch;
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

/// The number of buffers that are kept for clients that will have output again.
const POOLED_BUFFERS: usize = 256;
/// The capacity beyond which a buffer is not kept, in bytes.
const POOLED_BUFFER: usize = 64 << 10;

impl Base {
    /// Gives the client its reply, in the place of the request.
    pub(crate) fn deliver(&mut self, entry: &Entry, reply: &[u8], result: CommandResult) {
        if let Some(part) = entry.part {
            let reply = PartReply { seq: entry.seq, part, bytes: reply, result };
            if let Some((whole, result)) = self.gather(entry.client, reply) {
                self.deliver_own_reply(&Entry { part: None, ..*entry }, &whole, result);
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
        client.others_ran = client.replies.owed() > 0 || !client.input.is_empty();
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
            self.release_share(entry.client);
        }
        if is_over {
            self.kill_client(entry.client, CloseReason::OutputLimit);
        }
    }

    /// Gives the client a part of a reply that has not arrived whole.
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

    /// Returns the bytes that wait to be written to a client.
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

    /// Takes in the reply to one part of a command. Returns the reply to the whole command once that is complete.
    fn gather(&mut self, id: ClientId, reply: PartReply<'_>) -> Option<(Vec<u8>, CommandResult)> {
        let limit = self.settings.output_buffer;
        let client = self.clients.get_mut(id)?;
        if let Some(executing) = &mut client.executing {
            if !executing.arrive(reply, self.shards.owners()) {
                client.in_flight = client.in_flight.saturating_sub(1);
                return None;
            }
            let is_over = executing.bytes() + client.replies.waiting() > limit;
            self.executing.push(id);
            if is_over {
                self.kill_client(id, CloseReason::OutputLimit);
            }
            return None;
        }
        let mut gathers = std::mem::take(&mut client.gathers);
        let about = || self.proxy_info();
        let whole = gathers.part(reply, self.shards.owners(), &self.settings.face, about);
        let client = self.clients.get_mut(id)?;
        client.gathers = gathers;
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

    /// Answers a SCAN whose shard was removed: the shard has no more keys.
    pub(crate) fn end_scan(&mut self, entry: &Entry) {
        self.deliver(entry, &empty_page(), CommandResult::Ok);
    }

    /// Answers a request in the proxy's own words, as the verdict says. `Deliver`, `Retry` and `Redirect` are no such
    /// verdicts and do nothing.
    pub(crate) fn fail_request(&mut self, entry: &Entry, verdict: Verdict, reason: &str) {
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

    /// Gives the client a reply in place of the node's, and undoes what the client's session expected of the node's reply.
    pub(crate) fn answer_entry(&mut self, entry: &Entry, text: &[u8], result: CommandResult) {
        // A request that has come whole (`Uploaded`) is not the one that the client is still sending.
        if entry.kind == EntryKind::Upload {
            self.abandon_upload(entry.client);
        }
        if entry.kind == EntryKind::Watch {
            self.fail_watch(entry.client);
        }
        if entry.kind == EntryKind::SessionChange
            && let Some(client) = self.client(entry.client)
        {
            client.session_change = None;
            client.stall = Stall::Drain;
        }
        if entry.kind == EntryKind::StreamEnds {
            self.take_waiting_xread(entry.client);
        }
        if entry.kind == EntryKind::Permission {
            self.take_inquiry(entry.client);
        }
        if matches!(entry.kind, EntryKind::Transaction | EntryKind::WatchedTransaction) {
            self.abandon_exec(entry.client);
        }
        self.deliver_own_reply(entry, text, result);
    }

    /// Gives the client a reply that the proxy has made, or that was merged from such replies, in the form that the
    /// operator has chosen for this client.
    pub(crate) fn deliver_own_reply(&mut self, entry: &Entry, text: &[u8], result: CommandResult) {
        let settings = Arc::clone(&self.settings);
        let Some(client) = self.client(entry.client).filter(|_| entry.part.is_none()) else {
            return self.deliver(entry, text, result);
        };
        let ran = client.others_ran;
        // What the client has sent behind an upload is not known before the upload is complete.
        let alone = !ran && client.in_flight <= 1 && client.input.is_empty() && client.upload.is_none();
        match settings.failures.reply_for(&client.session, text, result, alone) {
            FailureReply::Line(line) => self.deliver(entry, &line, result),
            FailureReply::Close(reason) => {
                self.end_client_before(entry.client, entry.seq, reason);
                self.deliver(entry, b"", result);
            }
        }
        if let Some(client) = self.client(entry.client).filter(|_| result != CommandResult::Ok) {
            client.others_ran &= ran;
        }
    }

    /// Ends the client's WATCH, which has failed, unless another WATCH of it is still on its way.
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

    /// Returns the XREAD for which the position of its streams was asked, if there still is one, and forgets it.
    pub(crate) fn take_waiting_xread(&mut self, id: ClientId) -> Option<Box<[u8]>> {
        let client = self.client(id)?;
        let request = client.waiting_xread.take()?;
        client.stall = Stall::Drain;
        Some(request)
    }

    /// Returns the inquiry that waits for the node's permission, and forgets it.
    pub(crate) fn take_inquiry(&mut self, id: ClientId) -> Option<PendingInquiry> {
        let client = self.client(id)?;
        let pending = client.inquiry.take()?;
        client.stall = Stall::Drain;
        Some(*pending)
    }

    /// Gives up a transaction in which the proxy has parts: it did not run, or nobody knows. A connection of the client's own whose
    /// session it may have changed is closed.
    pub(crate) fn abandon_exec(&mut self, id: ClientId) {
        let Some(client) = self.client(id) else { return };
        let Some(executing) = client.executing.take() else { return };
        client.stall = Stall::Drain;
        if executing.changes_connection {
            self.drop_dedicated(id);
        }
    }

    /// Calls `act` with the client's transaction in which the proxy has parts, if there is one.
    pub(crate) fn executing_of(&mut self, id: ClientId, act: impl FnOnce(&mut Executing)) {
        if let Some(executing) = self.client(id).and_then(|client| client.executing.as_mut()) {
            act(executing);
        }
    }

    /// Answers a command whose own time-out is over while no node has it, as a node would have done.
    pub(crate) fn answer_timed_out(&mut self, entry: &Entry) {
        if entry.kind == EntryKind::Wait {
            return self.fail_request(entry, Verdict::NoneAcknowledged, "");
        }
        if entry.kind == EntryKind::StreamEnds {
            self.take_waiting_xread(entry.client);
        }
        let Some(proto) = self.client(entry.client).map(|client| client.session.proto) else { return };
        let mut null = Vec::new();
        reply::null_array(&mut null, proto);
        self.deliver(entry, &null, CommandResult::Ok);
    }

    /// Marks the client's upload as given up: what the client still sends of it is read and dropped.
    pub(crate) fn abandon_upload(&mut self, id: ClientId) {
        let Some(client) = self.client(id) else { return };
        if let Some(upload) = &mut client.upload {
            upload.lane = None;
        }
        if client.stall == Stall::Upload {
            self.resumed.push(id);
        }
    }

    pub(crate) fn fail_stray(&mut self, entry: &Entry, reason: &str) {
        match entry.kind {
            EntryKind::WatchedTransaction => self.fail_request(entry, Verdict::WatchFailed, reason),
            _ => self.fail_request(entry, Verdict::NotExecuted, reason),
        }
    }
}

/// Returns the reply of WAIT and WAITAOF if no acknowledgement is known.
fn none_acknowledged(entry: &Entry) -> Vec<u8> {
    let of_aof = by_id(entry.command).is_some_and(|command| command.name == "waitaof");
    if of_aof { b"*2\r\n:0\r\n:0\r\n".to_vec() } else { b":0\r\n".to_vec() }
}

/// Lets a stalled client go on if what it waited for has come.
fn resume_if_ready(client: &mut Client, resumed: &mut Vec<ClientId>) {
    let ready = match client.stall {
        Stall::Drain => client.in_flight == 0,
        Stall::Window => client.in_flight <= client.window / 2,
        Stall::None => client.eof && client.in_flight == 0,
        Stall::Paused
        | Stall::Unlearned
        | Stall::Lane
        | Stall::Output
        | Stall::NodeAnswer
        | Stall::Upload => false,
    };
    if ready {
        resumed.push(client.id);
    }
}

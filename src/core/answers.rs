//! Node bytes → replies → the clients they belong to.
//!
//! Replies are scanned, not decoded. Anything but an error goes to the client as it came; errors are looked at
//! once more, in [`super::loss`].

use crate::client::{Client, Stall};
use crate::ids::{ClientId, LaneId};
use crate::node::lane::{Lane, Link, Use};
use crate::node::queue::{Entry, EntryKind, WHOLE};
use crate::reasons::{CloseReason, CommandResult, Direction};

use super::Core;
use super::refusals::is_left_unread;
use super::settings::{LANE_LOW, WHOLE_REPLY};

/// Buffers kept for clients that will have output again.
const POOLED_BUFFERS: usize = 256;
/// A buffer that grew beyond this is not kept.
const POOLED_BUFFER: usize = 64 << 10;

impl Core {
    /// Takes what a node connection held. `connection` tells which of the lane's connections it was.
    pub(crate) fn node_input(&mut self, id: LaneId, connection: u32, bytes: &[u8]) {
        self.metrics.node_bytes(Direction::In, bytes.len());
        let now = self.now;
        let Some(lane) = self.lane(id).filter(|lane| lane.connection == connection) else { return };
        lane.heard = now;
        if lane.silent.is_some() {
            self.end_silence(id);
        }
        let Some(lane) = self.lane(id) else { return };
        if lane.partial.is_empty() {
            if let Some(rest) = self.replies(id, connection, bytes, 0) {
                let tail = self.hand_on(id, bytes.get(rest.start..).unwrap_or_default(), rest.scanned);
                self.keep_partial(
                    id,
                    bytes.get(rest.start + tail..).unwrap_or_default().to_vec(),
                    rest.scanned - tail,
                );
            }
            return;
        }
        // The bytes stay where they are from read to read: a large message is copied once.
        let mut whole = std::mem::take(&mut lane.partial);
        whole.extend_from_slice(bytes);
        let scanned = lane.scanned;
        if let Some(rest) = self.replies(id, connection, &whole, scanned) {
            let tail = self.hand_on(id, whole.get(rest.start..).unwrap_or_default(), rest.scanned);
            whole.drain(..rest.start + tail);
            self.keep_partial(id, whole, rest.scanned - tail);
        }
    }

    /// Goes through `buf`, of which the first `scanned` bytes were looked at before. Gives what is left of it: a
    /// reply that has not arrived whole.
    fn replies(&mut self, id: LaneId, connection: u32, buf: &[u8], mut scanned: usize) -> Option<Rest> {
        let mut start = 0;
        while start < buf.len() {
            let lane = self.lane(id).filter(|lane| lane.connection == connection)?;
            let Ok((used, done)) = lane.scan.scan(buf.get(start + scanned..).unwrap_or_default()) else {
                self.lose_broken(id, scanned > 0);
                return None;
            };
            scanned += used;
            if !done {
                return Some(Rest { start, scanned });
            }
            self.frame(id, buf.get(start..start + scanned).unwrap_or_default());
            (start, scanned) = (start + scanned, 0);
        }
        None
    }

    /// Gives the client what a large reply has so far; gives the number of bytes that are gone with it.
    fn hand_on(&mut self, id: LaneId, rest: &[u8], scanned: usize) -> usize {
        let Some(lane) = self.lanes.get_mut(id) else { return 0 };
        let large = rest.len() > WHOLE_REPLY && rest.first() != Some(&b'>');
        if !(lane.streaming.is_some() || large) || !can_stream(lane) {
            return 0;
        }
        // It may have to be read again.
        if lane.streaming.is_none() && lane.queue.front().is_some_and(|head| self.strays.has(head.client)) {
            return 0;
        }
        // No refusal of a server is so long: this error is a script's.
        let is_error = rest.first() == Some(&b'-');
        let result = if is_error { CommandResult::Error } else { CommandResult::Ok };
        lane.streaming.get_or_insert(result);
        if let Some(entry) = lane.queue.front().copied() {
            self.deliver_part(&entry, rest.get(..scanned).unwrap_or_default());
        }
        scanned
    }

    /// Keeps the beginning of a reply until the rest has come.
    fn keep_partial(&mut self, id: LaneId, rest: Vec<u8>, scanned: usize) {
        if let Some(lane) = self.lane(id) {
            lane.partial = rest;
            lane.scanned = scanned;
        }
        self.bound_position(id);
    }

    /// One complete frame, or the end of one that was handed on in parts.
    fn frame(&mut self, id: LaneId, frame: &[u8]) {
        let Some(lane) = self.lane(id) else { return };
        lane.scanned = 0;
        if matches!(&lane.link, Link::Greeting { .. }) {
            return self.greeting_reply(id, frame);
        }
        let streamed = lane.streaming.take();
        let kind = frame.first().copied().unwrap_or_default();
        if lane.key.use_ == Use::Listening {
            return self.listening_frame(id, kind, frame);
        }
        if lane.key.use_ == Use::Probe {
            return self.probe_frame(id, frame);
        }
        if streamed.is_none() && kind == b'>' {
            // Nobody on such a connection has asked for pushes.
            return;
        }
        let is_unread = kind == b'-' && is_left_unread(frame);
        let answered = lane.being_answered().filter(|entry| !(is_unread && entry.replies > 1));
        let Some(entry) = answered.copied() else {
            return match lane.queue.front().copied().filter(|head| is_unread && lane.has_begun(head)) {
                Some(head) => self.left_unread(id, &head, frame),
                // A reply to nothing: from here on no reply could be trusted.
                None => self.lose_broken(id, false),
            };
        };
        // What is with the client for the most part cannot be taken back, whatever has become of the node.
        let is_whole = streamed.is_none();
        if is_whole && (kind == b'-' || entry.replies > 1 || lane.refusing.is_some()) {
            return self.careful_reply(id, entry, kind, frame);
        }
        lane.failures = 0;
        lane.fruitless = 0;
        if is_whole && self.strays.has(entry.client) {
            return self.careful_reply(id, entry, kind, frame);
        }
        self.finish(id, &entry, frame, streamed.unwrap_or(CommandResult::Ok));
        if !is_whole {
            self.end_refusal(id);
        }
    }

    /// The queue's head is answered with `reply`, which the client gets.
    pub(super) fn finish(&mut self, id: LaneId, entry: &Entry, reply: &[u8], result: CommandResult) {
        match entry.kind {
            EntryKind::Plain | EntryKind::Blocking | EntryKind::Wait | EntryKind::Uploaded => {
                self.pop(id, entry);
                self.deliver(entry, reply, result);
            }
            EntryKind::Counted
            | EntryKind::Position
            | EntryKind::Upload
            | EntryKind::Transaction
            | EntryKind::WatchedTransaction
            | EntryKind::Watch
            | EntryKind::Proof => self.finish_otherwise(id, entry, reply, result),
        }
    }

    fn finish_otherwise(&mut self, id: LaneId, entry: &Entry, reply: &[u8], result: CommandResult) {
        let counts = entry.counts || entry.kind == EntryKind::Counted;
        let told = if counts { self.counted(id, entry, reply) } else { None };
        let reply = told.as_deref().unwrap_or(reply);
        self.pop(id, entry);
        match entry.kind {
            EntryKind::Plain
            | EntryKind::Counted
            | EntryKind::Blocking
            | EntryKind::Wait
            | EntryKind::Uploaded => self.deliver(entry, reply, result),
            EntryKind::Position => self.finish_position(id, entry, reply),
            EntryKind::Upload => self.finish_early(entry, reply, result),
            EntryKind::Transaction | EntryKind::WatchedTransaction | EntryKind::Watch | EntryKind::Proof => {
                self.finish_marked(id, entry, reply, result);
            }
        }
    }

    /// Takes the head off the queue and its bytes off the stream.
    pub(super) fn pop(&mut self, id: LaneId, entry: &Entry) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        lane.queue.pop_front();
        lane.answered = Some(entry.command);
        lane.stream.advance_answered(entry.end, &mut self.segments);
        // The node was tried with this one; whatever came of it, the next may follow.
        let tried = std::mem::take(&mut lane.probing);
        let own = lane.is_dedicated();
        if !lane.waiting.is_empty() && lane.stream.unanswered() < LANE_LOW {
            self.resumed.append(&mut lane.waiting);
        }
        if tried {
            self.touch_lane(id);
        }
        if own {
            self.begin_wait(id);
        }
    }

    /// Gives the client its reply, in its turn.
    pub(super) fn deliver(&mut self, entry: &Entry, reply: &[u8], result: CommandResult) {
        if entry.part != WHOLE {
            if let Some((whole, result)) = self.gather(entry, reply, result) {
                self.tell(&Entry { part: WHOLE, ..*entry }, &whole, result);
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

    fn deliver_part(&mut self, entry: &Entry, bytes: &[u8]) {
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

    /// What waits to be written to a client.
    pub(crate) fn client_output(&mut self, id: ClientId) -> &[u8] {
        self.client(id).map(|client| client.replies.unwritten()).unwrap_or_default()
    }

    /// The driver has nothing more to write for now; the client may become dirty again.
    pub(crate) fn client_flushed(&mut self, id: ClientId) {
        if let Some(client) = self.client(id) {
            client.dirty = false;
        }
        self.end_if_settled(id);
    }

    pub(crate) fn client_written(&mut self, id: ClientId, bytes: usize) {
        self.metrics.client_bytes(Direction::Out, bytes);
        let Some(client) = self.client(id) else { return };
        let buffer = client.replies.advance_written(bytes);
        let relieved =
            client.stall == Stall::Output && client.replies.unwritten().len() < super::settings::OUTPUT_LOW;
        if let Some(buffer) =
            buffer.filter(|buffer| buffer.capacity() <= POOLED_BUFFER && self.buffers.len() < POOLED_BUFFERS)
        {
            self.buffers.push(buffer);
        }
        if relieved {
            self.resumed.push(id);
        }
    }
}

/// The end of what a node connection held: a reply that is not whole.
struct Rest {
    start: usize,
    /// Bytes from `start` on that were looked at.
    scanned: usize,
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

/// Only the reply that is the client's as it comes can be handed on before it is whole.
fn can_stream(lane: &Lane) -> bool {
    lane.link.is_up()
        && lane.refusing.is_none()
        && lane.partial.is_empty()
        && lane.queue.front().is_some_and(|entry| {
            entry.replies == 1
                && entry.part == WHOLE
                && !entry.counts
                && entry.end <= lane.stream.written()
                && matches!(entry.kind, EntryKind::Plain | EntryKind::Blocking | EntryKind::Transaction)
        })
}

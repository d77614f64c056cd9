//! The way of replies: from the bytes of a node to the clients that they belong to.
//!
//! Replies are scanned, not decoded. Anything but an error goes to the client as it came; errors are looked at once
//! more, in [`super::retry`].

use crate::core::base::caches;
use crate::failover::Loss;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::{Lane, Use};
use crate::node::link::Link;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, Direction};

use super::base::Base;
use super::counted::counted;
use super::made_replica::note_role;
use super::outcomes::is_left_unread;
use super::permission::finish_permission;
use super::relays::relay_of_head;
use super::settings::WHOLE_REPLY;
use super::shutdowns::ProbeEffect;
use super::tracking::{finish_own, tell_after_reply, told_by_node};
use super::{Core, retry};

impl Core {
    /// Takes the bytes that were read from a node. `connection` says which of the lane's connections they came on.
    pub(crate) fn node_input(&mut self, id: LaneId, connection: u32, bytes: &[u8]) {
        self.base.metrics.node_bytes(Direction::In, bytes.len());
        let now = self.base.now;
        let Some(lane) = self.base.lane(id).filter(|lane| lane.connection == connection) else { return };
        lane.heard = now;
        if lane.link.silent().is_some() {
            self.end_silence(id);
        }
        let Some(lane) = self.base.lane(id) else { return };
        if lane.input.partial.is_empty() {
            if let Some(rest) = self.take_replies(id, connection, bytes, 0) {
                let tail = self.stream_reply(id, bytes.get(rest.start..).unwrap_or_default(), rest.scanned);
                self.keep_partial(
                    id,
                    bytes.get(rest.start + tail..).unwrap_or_default().to_vec(),
                    rest.scanned - tail,
                );
            }
            return;
        }
        // The bytes of an incomplete reply stay in one buffer from read to read, so a large message is copied only once.
        let mut whole = std::mem::take(&mut lane.input.partial);
        whole.extend_from_slice(bytes);
        let scanned = lane.input.scanned;
        if let Some(rest) = self.take_replies(id, connection, &whole, scanned) {
            let tail = self.stream_reply(id, whole.get(rest.start..).unwrap_or_default(), rest.scanned);
            whole.drain(..rest.start + tail);
            self.keep_partial(id, whole, rest.scanned - tail);
        }
    }

    /// Handles all complete replies in `buf`, whose first `scanned` bytes were scanned before. Returns the end of
    /// `buf` if it is an incomplete reply.
    fn take_replies(&mut self, id: LaneId, connection: u32, buf: &[u8], mut scanned: usize) -> Option<Rest> {
        let mut start = 0;
        while start < buf.len() {
            let lane = self.base.lane(id).filter(|lane| lane.connection == connection)?;
            let Ok((used, done)) = lane.input.scan.scan(buf.get(start + scanned..).unwrap_or_default())
            else {
                self.lose_broken(id, scanned > 0);
                return None;
            };
            scanned += used;
            if !done {
                return Some(Rest { start, scanned });
            }
            self.handle_frame(id, buf.get(start..start + scanned).unwrap_or_default());
            (start, scanned) = (start + scanned, 0);
        }
        None
    }

    /// Gives the client the part of a large reply that has come so far. Returns the number of bytes that were passed on.
    fn stream_reply(&mut self, id: LaneId, rest: &[u8], scanned: usize) -> usize {
        let Some(lane) = self.base.lanes.get_mut(id) else { return 0 };
        let large = rest.len() > WHOLE_REPLY && rest.first() != Some(&b'>');
        if !(lane.input.streaming.is_some() || large) || !can_stream(lane) {
            return 0;
        }
        // The client has strays, so this reply may turn out to be one that has to be read again.
        if lane.input.streaming.is_none()
            && lane.queue.front().is_some_and(|head| self.base.strays.has(head.client))
        {
            return 0;
        }
        // No refusal of a server is so long, so this error is a script's own.
        let is_error = rest.first() == Some(&b'-');
        let result = if is_error { CommandResult::Error } else { CommandResult::Ok };
        lane.input.streaming.get_or_insert(result);
        if let Some(entry) = lane.queue.front().copied() {
            self.base.deliver_part(&entry, rest.get(..scanned).unwrap_or_default());
        }
        scanned
    }

    /// Keeps the beginning of a reply until the rest has come.
    fn keep_partial(&mut self, id: LaneId, rest: Vec<u8>, scanned: usize) {
        if let Some(lane) = self.base.lane(id) {
            lane.input.partial = rest;
            lane.input.scanned = scanned;
        }
        self.bound_stream_ends(id);
    }

    /// Handles one complete frame, or the end of one that was passed on in parts.
    fn handle_frame(&mut self, id: LaneId, frame: &[u8]) {
        let Some(lane) = self.base.lane(id) else { return };
        lane.input.scanned = 0;
        if matches!(&lane.link, Link::Greeting { .. }) {
            return self.greeting_reply(id, frame);
        }
        let streamed = lane.input.streaming.take();
        let kind = frame.first().copied().unwrap_or_default();
        if lane.key.use_ == Use::Listening {
            return self.hub.listening_frame(&mut self.base, id, kind, frame);
        }
        if lane.key.use_ == Use::Ear && kind == b'>' {
            return self.heard_by_ear(id, frame);
        }
        if lane.key.use_ == Use::Probe {
            return self.probe_frame(id, frame);
        }
        if streamed.is_none() && kind == b'>' {
            // Nothing else on such a connection has asked for pushes.
            return told_by_node(&mut self.base, id, frame);
        }
        let is_unread = kind == b'-' && is_left_unread(frame);
        let answered = lane.being_answered().filter(|entry| !(is_unread && entry.replies > 1));
        let Some(entry) = answered.copied() else {
            return match lane.queue.front().copied().filter(|head| is_unread && lane.has_begun(head)) {
                Some(head) => self.left_unread(id, &head, frame),
                // This is a reply to no request: from here on no reply could be trusted.
                None => self.lose_broken(id, false),
            };
        };
        if entry.kind == EntryKind::Own {
            return self.finish(id, &entry, frame, CommandResult::Ok);
        }
        // A reply of which most is with the client already cannot be taken back, whatever has become of the node.
        let is_whole = streamed.is_none();
        if is_whole && (kind == b'-' || entry.replies > 1 || lane.link.refusing().is_some()) {
            return self.judge_reply(id, &entry, kind, frame);
        }
        lane.failures = 0;
        lane.replyless_connections = 0;
        if is_whole && self.base.strays.has(entry.client) {
            return self.judge_reply(id, &entry, kind, frame);
        }
        self.finish(id, &entry, frame, streamed.unwrap_or(CommandResult::Ok));
        if !is_whole {
            self.end_refusal(id);
        }
    }

    /// Takes a push on a connection that hears for another one.
    fn heard_by_ear(&mut self, id: LaneId, frame: &[u8]) {
        if let Some(lane) = self.base.lanes.get(id).and_then(|ear| ear.hears_for) {
            told_by_node(&mut self.base, lane, frame);
        }
    }

    /// Takes the answer to a question that a node was asked about its own end.
    pub(super) fn probe_frame(&mut self, id: LaneId, frame: &[u8]) {
        match self.shutdowns.probe_frame(&mut self.base, id, frame) {
            ProbeEffect::Nothing => {}
            ProbeEffect::Gate(shard) => self.follow_gates(shard),
            ProbeEffect::Broken => self.lose(id, Loss::Broken),
        }
    }

    /// Answers the request at the head of the queue with `reply`.
    pub(super) fn finish(&mut self, id: LaneId, entry: &Entry, reply: &[u8], result: CommandResult) {
        if entry.tracked {
            return self.finish_tracked(id, entry, reply, result);
        }
        match entry.kind {
            EntryKind::Plain | EntryKind::Blocking | EntryKind::Wait | EntryKind::Uploaded => {
                self.base.pop(id, entry);
                self.base.deliver(entry, reply, result);
            }
            EntryKind::Operator
            | EntryKind::Counted
            | EntryKind::Relayed
            | EntryKind::StreamEnds
            | EntryKind::Permission
            | EntryKind::Own
            | EntryKind::Upload
            | EntryKind::Transaction
            | EntryKind::WatchedTransaction
            | EntryKind::Watch
            | EntryKind::SessionChange => self.finish_special(id, entry, reply, result),
        }
    }

    /// Does the same for a request that reads what its client may cache. What is told of the keys comes behind the reply.
    #[cold]
    fn finish_tracked(&mut self, id: LaneId, entry: &Entry, reply: &[u8], result: CommandResult) {
        let fresh = caches::note_reads(&mut self.base, id, entry);
        self.finish(id, &Entry { tracked: false, ..*entry }, reply, result);
        tell_after_reply(&mut self.base, id, entry.client, fresh);
    }

    fn finish_special(&mut self, id: LaneId, entry: &Entry, reply: &[u8], result: CommandResult) {
        if entry.kind == EntryKind::Operator {
            note_role(&self.base, id, entry, reply);
        }
        let edited = entry.edited || entry.kind == EntryKind::Counted;
        let corrected = match edited && result == CommandResult::Ok {
            true => counted(&self.base, id, entry, reply),
            false => retry::with_reason(&mut self.base, id, entry, reply),
        };
        let reply = corrected.as_deref().unwrap_or(reply);
        let accepted = entry.kind == EntryKind::Relayed && result == CommandResult::Ok;
        let relay = if accepted { relay_of_head(&self.base, id, entry) } else { None };
        self.base.pop(id, entry);
        if let Some(relay) = relay {
            return self.memory.relays.open(&mut self.base, entry, relay, reply);
        }
        match entry.kind {
            EntryKind::Plain
            | EntryKind::Counted
            | EntryKind::Relayed
            | EntryKind::Blocking
            | EntryKind::Operator
            | EntryKind::Wait
            | EntryKind::Uploaded => self.base.deliver(entry, reply, result),
            EntryKind::StreamEnds => retry::finish_stream_ends(&mut self.base, id, entry, reply),
            EntryKind::Own => finish_own(&mut self.base, id, entry, reply),
            EntryKind::Permission => finish_permission(&mut self.base, &mut self.memory, id, entry, reply),
            EntryKind::Upload => finish_early(&mut self.base, entry, reply, result),
            EntryKind::Transaction | EntryKind::WatchedTransaction if self.executes(entry) => {
                self.requests().finish_exec(Some(id), entry, reply, result);
            }
            EntryKind::Transaction
            | EntryKind::WatchedTransaction
            | EntryKind::Watch
            | EntryKind::SessionChange => {
                self.finish_with_session(id, entry, reply, result);
            }
        }
    }

    /// Returns true if the proxy has parts in this transaction.
    fn executes(&self, entry: &Entry) -> bool {
        self.base.clients.get(entry.client).is_some_and(|client| client.executing.is_some())
    }

    /// Notes that the worker has nothing more to write for the client at present. The client may become dirty again.
    pub(crate) fn client_flushed(&mut self, id: ClientId) {
        if let Some(client) = self.base.client(id) {
            client.dirty = false;
        }
        self.base.end_if_settled(id);
    }
}

/// The end of the bytes that were read: a reply that is not whole.
struct Rest {
    start: usize,
    /// The number of bytes from `start` on that were scanned.
    scanned: usize,
}

/// Returns true if the reply at the head may be passed on before it is whole: it goes to the client exactly as it comes.
fn can_stream(lane: &Lane) -> bool {
    lane.link.is_up()
        && lane.link.refusing().is_none()
        && lane.input.partial.is_empty()
        && lane.queue.front().is_some_and(|entry| {
            entry.replies == 1
                && entry.part.is_none()
                && !entry.edited
                && entry.end <= lane.stream.written()
                && matches!(entry.kind, EntryKind::Plain | EntryKind::Blocking | EntryKind::Transaction)
        })
}

/// Delivers an error that the node gave before it had the whole upload. The connection is of no use any more.
fn finish_early(base: &mut Base, entry: &Entry, reply: &[u8], result: CommandResult) {
    base.abandon_upload(entry.client);
    base.drop_dedicated(entry.client);
    base.deliver(entry, reply, result);
}

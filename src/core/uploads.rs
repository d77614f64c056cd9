//! Requests too large to be kept whole: over the client's own connection, as fast as the node takes them.
//!
//! What has been written is forgotten, so such a request is never sent again. If its node is lost before the end,
//! it did not run, and the rest of it is read and dropped. Nothing else of its client's is in flight beside it.

use crate::client::{Stall, Upload};
use crate::command::{Command, Handling, lookup};
use crate::ids::{ClientId, LaneId};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CloseReason, CommandResult};
use crate::resp::reply_scan::ReplyScan;
use crate::resp::request::Request;
use crate::resp::scan::RequestScan;
use crate::route::shard_of_beginning;

use super::Core;
use super::base::meta::{Flow, Meta};
use super::settings::{FIRST_PIECE, UPLOAD_HIGH, UPLOAD_LOW};
use super::shards::ONLY_SHARD;

/// What became of a large request's beginning.
pub(super) enum Begun {
    /// So many bytes were taken; the rest is an upload.
    Taken(usize),
    /// The client is stalled; the same bytes are to be looked at again.
    Later,
    /// Part of something that has to be kept whole.
    No,
}

impl Core {
    /// `rest` begins with a request that is to be streamed, as far as it has arrived.
    pub(super) fn begin_upload(&mut self, id: ClientId, scan: &RequestScan, rest: &[u8]) -> Begun {
        let beginning = scan.request(rest, rest.len());
        let command = lookup(beginning.name());
        let forwarded = command.is_some_and(|command| {
            matches!(command.handling, Handling::Forward | Handling::Counts) && command.subcommands.is_empty()
        });
        let Some(client) = self.base.client(id) else { return Begun::No };
        if !forwarded || !client.session.is_plain() || client.is_confined() {
            return Begun::No;
        }
        // First, since it looks at one key only: the rest may come in a thousand pieces.
        let Some(shard) = self.shard_of_beginning(&beginning, command) else { return Begun::No };
        if self.base.client(id).is_some_and(|client| client.in_flight > 0) {
            self.base.stall(id, Stall::Drain);
            return Begun::Later;
        }
        let mut scan = ReplyScan::default();
        // The rest of what has come follows when its connection stands: until then each piece is held.
        let piece = rest.get(..FIRST_PIECE).unwrap_or(rest);
        let Ok((taken, false)) = scan.scan(piece) else { return Begun::No };
        let meta = Meta::of(command, EntryKind::Upload, true);
        let first = rest.get(..taken).unwrap_or_default();
        // What stands behind it is not known yet.
        self.base.behind = true;
        match self.send(id, shard, first, meta) {
            Flow::Later => Begun::Later,
            Flow::Taken => {
                let Some(client) = self.base.client(id) else { return Begun::Taken(rest.len()) };
                // Refused at once: the rest goes nowhere.
                let lane = client.lane.filter(|_| client.in_flight > 0);
                client.upload = Some(Box::new(Upload { scan, lane }));
                self.throttle_upload(id);
                self.base.settle_share(id);
                Begun::Taken(taken)
            }
        }
    }

    /// Where it goes, if what has arrived says it: the owner of its only key.
    fn shard_of_beginning(&self, beginning: &Request<'_>, command: Option<&Command>) -> Option<u16> {
        let Some(map) = self.base.shards.map() else { return Some(ONLY_SHARD) };
        shard_of_beginning(beginning, command?, map)
    }

    /// Hands on what continues a large request; gives the bytes taken.
    pub(super) fn upload_rest(&mut self, id: ClientId, buf: &[u8]) -> usize {
        let Some(client) = self.base.client(id) else { return 0 };
        let Some(upload) = client.upload.as_mut().filter(|_| client.stall == Stall::None) else { return 0 };
        let lane = upload.lane;
        let Ok((taken, done)) = upload.scan.scan(buf) else {
            self.base.kill_client(id, CloseReason::Protocol);
            return buf.len();
        };
        if done {
            client.upload = None;
        }
        if let Some(lane) = lane {
            self.append_upload(lane, buf.get(..taken).unwrap_or_default(), done);
            self.throttle_upload(id);
        }
        taken
    }

    fn append_upload(&mut self, id: LaneId, bytes: &[u8], done: bool) {
        let now = self.base.now;
        let Some(lane) = self.base.lanes.get_mut(id) else { return };
        let Some(entry) = lane.queue.back_mut().filter(|entry| entry.kind == EntryKind::Upload) else {
            return;
        };
        lane.stream.push(bytes, &mut self.base.segments);
        entry.end = lane.stream.appended();
        if done {
            entry.kind = EntryKind::Uploaded;
        }
        lane.used = now;
        self.base.touch_lane(id);
    }

    /// Stops reading the client while its node has enough to take, or takes nothing.
    fn throttle_upload(&mut self, id: ClientId) {
        let Some(lane) =
            self.base.client(id).and_then(|client| client.upload.as_ref()).and_then(|upload| upload.lane)
        else {
            return;
        };
        let waiting = self.base.lane(lane).map_or(0, |lane| lane.stream.unanswered());
        let high = if self.base.is_open(lane) { UPLOAD_HIGH } else { 0 };
        if let Some(client) = self.base.client(id).filter(|_| waiting > high) {
            client.stall = Stall::Upload;
        }
    }

    /// What a node has taken of a large request is not needed any more.
    pub(super) fn forget_uploaded(&mut self, id: LaneId) {
        let Some(lane) = self.base.lanes.get_mut(id) else { return };
        let is_upload = |entry: &Entry| matches!(entry.kind, EntryKind::Upload | EntryKind::Uploaded);
        let Some(head) = lane.queue.front().filter(|head| is_upload(head)) else { return };
        // What stands behind it may have to be sent again.
        let taken = lane.stream.written().min(head.end);
        lane.stream.advance_answered(taken, &mut self.base.segments);
        let relieved = lane.stream.unanswered() < UPLOAD_LOW;
        let Some(owner) = lane.key.owner.filter(|_| relieved) else { return };
        if self.base.client(owner).is_some_and(|client| client.stall == Stall::Upload) {
            self.base.resumed.push(owner);
        }
    }

    /// The node has answered before it had the whole request: an error. The connection is of no use any more.
    pub(super) fn finish_early(&mut self, entry: &Entry, reply: &[u8], result: CommandResult) {
        self.base.abandon_upload(entry.client);
        self.base.drop_dedicated(entry.client);
        self.base.deliver(entry, reply, result);
    }
}

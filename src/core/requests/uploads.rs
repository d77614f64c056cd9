//! Uploads: requests too large to be kept are passed on over the client's own connection as the node takes them.
//!
//! Bytes that were written are forgotten, so an upload is never sent again. If its node is lost before its end, it
//! did not run, and the rest of it is read and dropped. Nothing else of the client's is in flight beside it.

use crate::client::{Stall, Upload};
use crate::command::{Command, Handling, lookup};
use crate::core::base::Base;
use crate::core::base::meta::{Flow, Meta};
use crate::core::settings::{FIRST_PIECE, UPLOAD_HIGH};
use crate::ids::{ClientId, LaneId};
use crate::node::queue::EntryKind;
use crate::reasons::CloseReason;
use crate::resp::reply_scan::ReplyScan;
use crate::resp::request::Request;
use crate::resp::scan::RequestScan;
use crate::route;

use super::sending::send;

/// The decision about the beginning of a large request.
pub(super) enum Begun {
    /// So many bytes were taken; the rest of the request is an upload, or is dropped.
    Taken(usize),
    /// The client is stalled: the same bytes are to be looked at again.
    Later,
    /// The request has to be kept until it is whole.
    No,
}

/// Begins to stream a request. `rest` begins with the part of it that has arrived.
pub(super) fn begin_upload(base: &mut Base, id: ClientId, scan: &RequestScan, rest: &[u8]) -> Begun {
    let beginning = scan.request(rest, rest.len());
    let command = lookup(beginning.name());
    let forwarded = command.is_some_and(|command| {
        matches!(command.handling, Handling::Forward | Handling::Counts) && command.subcommands.is_empty()
    });
    let Some(client) = base.client(id) else { return Begun::No };
    if !forwarded || !client.session.is_plain() || client.is_confined() {
        return Begun::No;
    }
    // This comes first, since it looks at one key only: the rest may come in a thousand pieces.
    let Some(shard) = shard_of_beginning(base, &beginning, command) else { return Begun::No };
    if base.client(id).is_some_and(|client| client.in_flight > 0) {
        base.stall(id, Stall::Drain);
        return Begun::Later;
    }
    let mut scan = ReplyScan::default();
    // The rest of the bytes follow when the connection is established; until then each piece is held.
    let piece = rest.get(..FIRST_PIECE).unwrap_or(rest);
    let Ok((taken, false)) = scan.scan(piece) else { return Begun::No };
    let meta = Meta::of(command, EntryKind::Upload, true);
    let first = rest.get(..taken).unwrap_or_default();
    // It is not known yet what comes behind the upload.
    base.more_input = true;
    match send(base, id, shard, first, meta) {
        Flow::Later => Begun::Later,
        Flow::Taken => {
            let Some(client) = base.client(id) else { return Begun::Taken(rest.len()) };
            // If the request was refused at once, the rest of it is dropped.
            let lane = client.lane.filter(|_| client.in_flight > 0);
            client.upload = Some(Box::new(Upload { scan, lane }));
            throttle_upload(base, id);
            base.release_share(id);
            Begun::Taken(taken)
        }
    }
}

/// Passes on bytes that continue an upload. Returns the number of bytes taken.
pub(super) fn upload_rest(base: &mut Base, id: ClientId, buf: &[u8]) -> usize {
    let Some(client) = base.client(id) else { return 0 };
    let Some(upload) = client.upload.as_mut().filter(|_| client.stall == Stall::None) else { return 0 };
    let lane = upload.lane;
    let Ok((taken, done)) = upload.scan.scan(buf) else {
        base.kill_client(id, CloseReason::Protocol);
        return buf.len();
    };
    if done {
        client.upload = None;
    }
    if let Some(lane) = lane {
        append_upload(base, lane, buf.get(..taken).unwrap_or_default(), done);
        throttle_upload(base, id);
    }
    taken
}

/// Returns the owner of the upload's only key, if enough has arrived to tell.
fn shard_of_beginning(base: &Base, beginning: &Request<'_>, command: Option<&Command>) -> Option<u16> {
    route::shard_of_beginning(beginning, command, base.shards.owners())
}

fn append_upload(base: &mut Base, id: LaneId, bytes: &[u8], done: bool) {
    let now = base.now;
    let Some(lane) = base.lanes.get_mut(id) else { return };
    let Some(entry) = lane.queue.back_mut().filter(|entry| entry.kind == EntryKind::Upload) else {
        return;
    };
    lane.stream.push(bytes, &mut base.segments);
    entry.end = lane.stream.appended();
    if done {
        entry.kind = EntryKind::Uploaded;
    }
    lane.used = now;
    base.touch_lane(id);
}

/// Stops reading the client while its node has enough bytes to take, or takes none.
fn throttle_upload(base: &mut Base, id: ClientId) {
    let Some(lane) = base.client(id).and_then(|client| client.upload.as_ref()).and_then(|upload| upload.lane)
    else {
        return;
    };
    let waiting = base.lane(lane).map_or(0, |lane| lane.stream.unanswered());
    let high = if base.is_open(lane) { UPLOAD_HIGH } else { 0 };
    if let Some(client) = base.client(id).filter(|_| waiting > high) {
        client.stall = Stall::Upload;
    }
}

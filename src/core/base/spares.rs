//! Spare lanes: own lanes that no client has at the moment. A client that needs one takes a spare with the user, database and RESP
//! version of its session, which is connected already; and gives it back when nothing on it is the client's any more.
//!
//! What a client may have left on a connection is its WATCH alone: a transaction is sent as one block, a connection that had a command
//! about its node is not given away, and all else is a part of the lane's key. So a connection that may watch is told UNWATCH first, and is taken only after its node has said OK to that.

use crate::ids::{ClientId, LaneId};
use crate::node::lane::{Lane, LaneKey};
use crate::node::modes::Modes;

use super::Base;
use super::ears::send_own;

/// The largest number of spare lanes of a worker.
const MOST: usize = 32;

const UNWATCH: &[u8] = b"*1\r\n$7\r\nUNWATCH\r\n";

/// Returns an own lane for a client with this key: a spare one if there is one.
pub(super) fn take(base: &mut Base, key: LaneKey) -> LaneId {
    let spare_key = LaneKey { owner: Some(ClientId::NOBODY), ..key.clone() };
    let fits = |base: &Base, id: LaneId| {
        base.lanes.get(id).is_some_and(|lane| lane.key == spare_key && is_free(base, lane))
    };
    let found = base.spares.iter().rposition(|id| fits(base, *id));
    let taken = found.map(|place| base.spares.remove(place));
    let id = match taken {
        Some(id) => id,
        None => base.add_lane(key.clone()),
    };
    if let Some(lane) = base.lane(id) {
        lane.key = key;
    }
    keep_one(base, spare_key);
    id
}

/// Connects a spare lane for the next client with this key, if there is none.
fn keep_one(base: &mut Base, key: LaneKey) {
    base.spares =
        std::mem::take(&mut base.spares).into_iter().filter(|id| base.lanes.get(*id).is_some()).collect();
    let has_one = base.spares.iter().any(|id| base.lanes.get(*id).is_some_and(|lane| lane.key == key));
    let is_served = base.shards.is_open(key.shard, key.use_) && !base.shards.is_failing(key.shard);
    if has_one || !is_served || key.modes != Modes::default() || base.spares.len() >= MOST {
        return;
    }
    let id = base.add_lane(key);
    base.spares.push(id);
    base.open_link(id);
}

/// Gives up a client's own lane: it becomes a spare one, or is removed if something on its connection may be the client's.
pub(in crate::core) fn give_back(base: &mut Base, id: LaneId) {
    let is_clean = base.lanes.get(id).is_some_and(|lane| is_clean(base, lane));
    if !is_clean || base.spares.len() >= MOST {
        return base.remove_lane(id);
    }
    let now = base.now;
    let Some(lane) = base.lane(id) else { return };
    (lane.key.owner, lane.used) = (Some(ClientId::NOBODY), now);
    let may_watch = lane.may_watch;
    base.spares.push(id);
    if may_watch {
        send_own(base, id, b"unwatch", UNWATCH);
    }
}

/// Ends the WATCH on a client's own lane that it keeps, since it may have cached what it has read there. Returns false if it does
/// not keep the lane.
pub(super) fn is_kept(base: &mut Base, id: LaneId) -> bool {
    let caches =
        base.lanes.get(id).is_some_and(|lane| lane.tracked.as_ref().is_some_and(|tracked| tracked.has_any()));
    let is_kept = caches && base.is_open(id);
    if is_kept {
        send_own(base, id, b"unwatch", UNWATCH);
    }
    is_kept
}

/// Takes a client's own lanes from it that carried a request, and carry none now. Called at the end of a turn.
pub(in crate::core) fn take_back_idle(base: &mut Base) {
    while let Some(id) = base.idle_own.pop() {
        let Some(lane) = base.lanes.get(id) else { continue };
        let Some(owner) = lane.key.owner.filter(|_| is_clean(base, lane)) else { continue };
        let streams =
            base.clients.get(owner).is_none_or(|client| client.id != owner || client.upload.is_some());
        if !streams && !base.is_watching(id) {
            if let Some(client) = base.client(owner) {
                client.dedicated.retain(|own| *own != id);
            }
            give_back(base, id);
        }
    }
}

/// Takes the reply to UNWATCH. A node that refuses it leaves the connection as it was, so that nobody else may have it.
pub(in crate::core) fn wiped(base: &mut Base, id: LaneId, reply: &[u8]) {
    let Some(lane) = base.lane(id) else { return };
    match reply.first() {
        Some(b'+') => lane.note_unwatched(),
        _ => base.remove_lane(id),
    }
}

/// Returns true if a client can have the lane at once, or as soon as it is connected.
fn is_free(base: &Base, lane: &Lane) -> bool {
    let is_coming = lane.link.target().is_some() && !lane.link.is_up();
    lane.queue.is_empty() && (is_coming || is_clean(base, lane) && !lane.may_watch)
}

/// Returns true if nothing is under way on the lane's connection, and its node takes requests.
fn is_clean(base: &Base, lane: &Lane) -> bool {
    let is_between =
        lane.queue.is_empty() && lane.input.is_between_replies() && lane.stream.unanswered() == 0;
    let is_quiet = lane.link.refused().is_empty() && lane.link.silent().is_none();
    let is_plain = lane.key.modes == Modes::default() && !lane.had_operator;
    is_between && is_quiet && is_plain && base.is_open(lane.id)
}

//! Sending onto a lane: which lane it is, whether it may take more, and what is noted of the request.

use crate::client::session::Watch;
use crate::client::session_change::SessionChange;
use crate::client::{Beside, Client, Stall};
use crate::core::base::Base;
use crate::core::base::meta::{Flow, Meta, new_entry};
use crate::core::base::queue::{NO_NODE, NO_ROOM};
use crate::core::base::strays::Stray;
use crate::core::retry;
use crate::core::rewrite::first_lot;
use crate::core::settings::{FAIR_WINDOW, LANE_HIGH, LEAST_WINDOW, OUTPUT_HIGH, REPLIES_HIGH, WINDOW};
use crate::failover::Verdict;
use crate::ids::{ClientId, LaneId};
use crate::node::hold::Ticket;
use crate::node::lane::{Lane, LaneKey, Use};
use crate::node::queue::{Entry, EntryKind};

/// Sends a request on the session's lane for the shard, or holds it there. `Later`: stalled, and nothing was noted.
pub(crate) fn send(base: &mut Base, id: ClientId, shard: u16, bytes: &[u8], meta: Meta) -> Flow {
    if meta.kind == EntryKind::Operator && !base.shards.is_open(shard, meta.use_) {
        // It is not for the process that comes next.
        return base.refuse(id, meta, NO_NODE);
    }
    let lane = match meta.dedicated {
        true if base.own_is_busy(id, shard, meta.any_db) => {
            return base.stall(id, Stall::Drain);
        }
        true => base.dedicated_lane(id, shard, meta.any_db),
        false => base.shared_lane(id, shard, meta.use_),
    };
    send_on(base, id, lane, bytes, meta)
}

fn send_on(base: &mut Base, id: ClientId, lane_id: LaneId, bytes: &[u8], meta: Meta) -> Flow {
    let version = base.shards.version();
    let (Some(client), Some(lane)) = (base.clients.get_mut(id), base.lanes.get_mut(lane_id)) else {
        debug_assert!(base.clients.get(id).is_none(), "a client's request would have no reply");
        return Flow::Taken;
    };
    if let Some(stall) = reason_to_wait(client, lane, version) {
        if stall == Stall::Lane {
            lane.waiting.push(id);
        }
        client.window = window(client, lane);
        return base.stall(id, stall);
    }
    let open = lane.is_ready() && base.shards.is_open(lane.key.shard, lane.key.use_);
    let held = match open {
        true => None,
        false => match base.hold_on(lane_id, bytes.len()) {
            Ok(ticket) => Some(ticket),
            Err(reason) => return base.refuse(id, meta, reason),
        },
    };
    append(base, id, lane_id, bytes, meta, held);
    Flow::Taken
}

pub(crate) fn append(
    base: &mut Base,
    id: ClientId,
    lane_id: LaneId,
    bytes: &[u8],
    meta: Meta,
    held: Option<Ticket>,
) {
    let (now, version) = (base.now, base.shards.version());
    let Some(client) = base.clients.get_mut(id) else { return };
    let entry = new_entry(client, meta, now);
    client.in_flight += 1;
    client.note_sent(Some(lane_id), if meta.dedicated { Beside::Own } else { Beside::Shared { version } });
    base.enqueue(lane_id, entry, bytes, held);
}

/// Holds a request whose slot has no owner.
pub(super) fn hold_as_stray(base: &mut Base, id: ClientId, bytes: &[u8], meta: Meta) -> Flow {
    if base.settings.hold == 0 {
        return base.refuse(id, meta, NO_NODE);
    }
    let version = base.shards.version();
    let Some(client) = base.client(id) else { return Flow::Taken };
    if client.in_flight > 0 && (meta.dedicated || client.beside != (Beside::Shared { version })) {
        return base.stall(id, Stall::Drain);
    }
    let Some(held) = base.holds.try_hold(bytes.len()) else {
        return base.refuse(id, meta, NO_ROOM);
    };
    let now = base.now;
    let Some(client) = base.clients.get_mut(id) else { return Flow::Taken };
    let entry = new_entry(client, meta, now);
    client.in_flight += 1;
    // Nothing goes beside it, since it may concern more slots than the one that has no owner.
    client.note_sent(None, Beside::Nothing);
    let lot = first_lot(bytes, base.shards.owners());
    let (bytes, dedicated) = (bytes.to_vec(), meta.dedicated);
    retry::push_stray(
        base,
        Stray { entry, bytes, lot, dedicated, due: 0, unserved: None, alone: false, held },
    );
    Flow::Taken
}

/// Sends a change of the session on the lane that it would move to. The client is stalled until it is judged.
pub(super) fn send_session_change(
    base: &mut Base,
    id: ClientId,
    mut change: SessionChange,
    meta: Meta,
) -> Flow {
    let backend = base.settings.backend_credentials.clone();
    let home = base.home(id);
    let Some(client) = base.client(id) else { return Flow::Taken };
    // A watching client stays on its own connection, which changes with the session.
    let watching = client.session.watch != Watch::None;
    let shard = client.session.watched.map_or(home, |(_, shard)| shard);
    let question = std::mem::take(&mut change.question);
    let identity = change.identity.clone().or(backend);
    let lane = match watching {
        true => base.dedicated_lane(id, shard, false),
        false => {
            let (db, proto, modes) = (change.db, change.proto, change.modes(id));
            base.lane_for(LaneKey { shard, use_: Use::Master, identity, db, proto, modes, owner: None })
        }
    };
    let flow = send_on(base, id, lane, &question, meta);
    if let Some(client) = base.client(id).filter(|client| flow == Flow::Taken && client.in_flight > 0) {
        client.session_change = Some(Box::new(change));
        client.stall = Stall::NodeAnswer;
    }
    flow
}

/// Sends a change of the session as a part of another request, which is in flight, and answers `entry`.
pub(super) fn ask_for_change(base: &mut Base, entry: Entry, mut change: SessionChange) {
    let id = entry.client;
    let shard = base.home(id);
    let identity = change.identity.clone().or(base.settings.backend_credentials.clone());
    let (db, proto, modes) = (change.db, change.proto, change.modes(id));
    let lane = base.lane_for(LaneKey { shard, use_: Use::Master, identity, db, proto, modes, owner: None });
    let question = std::mem::take(&mut change.question);
    let held = base.hold_unless_open(lane, question.len());
    if let Some(client) = base.client(id).filter(|_| held.is_ok()) {
        client.session_change = Some(Box::new(change));
    }
    match held {
        Ok(held) => base.enqueue(lane, entry, &question, held),
        Err(reason) => base.fail_request(&entry, Verdict::NotExecuted, reason),
    }
}

/// Returns the reason why this client's next request cannot go onto this lane yet.
fn reason_to_wait(client: &Client, lane: &Lane, version: u32) -> Option<Stall> {
    if client.in_flight > 0 && !client.may_join(lane, version) {
        return Some(Stall::Drain);
    }
    if has_parked_enough(client) {
        return Some(Stall::Drain);
    }
    if has_enough_in_flight(client, lane) {
        return Some(Stall::Window);
    }
    lane.is_full(LANE_HIGH).then_some(Stall::Lane)
}

fn has_enough_in_flight(client: &Client, lane: &Lane) -> bool {
    let count = client.in_flight;
    let is_crowd = count >= WINDOW || count >= FAIR_WINDOW && lane.queue.len() > WINDOW as usize;
    count >= LEAST_WINDOW && (is_crowd || client.reply_size.exceeds(count, REPLIES_HIGH))
}

/// Returns how many commands the client may have in flight, considering what its lane has to carry.
pub(super) fn window(client: &Client, lane: &Lane) -> u32 {
    let most = if lane.queue.len() > WINDOW as usize { FAIR_WINDOW } else { WINDOW };
    client.reply_size.window(REPLIES_HIGH, LEAST_WINDOW, most)
}

/// Returns true if many replies of other shards wait for one that holds up all of them: more of them would only cost memory.
pub(super) fn has_parked_enough(client: &Client) -> bool {
    client.in_flight > 0 && client.replies.parked_bytes() + client.gathers.bytes() > OUTPUT_HIGH
}

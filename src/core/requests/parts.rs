//! One command on several lanes. Its parts are taken together or not at all, and answered as one.

use crate::client::gathers::Gather;
use crate::client::{Beside, Stall};
use crate::core::base::Base;
use crate::core::base::meta::{Flow, Meta, new_entry};
use crate::core::settings::LANE_HIGH;
use crate::ids::{ClientId, LaneId};
use crate::node::hold::Ticket;
use crate::node::queue::Entry;

use super::sending::{has_parked_enough, window};

/// Sends the parts of one command, each to its shard. `Later`: the client is stalled, and nothing was noted.
pub(super) fn send_parts(
    base: &mut Base,
    id: ClientId,
    parts: &[(u16, &[u8])],
    gather: Gather,
    meta: Meta,
) -> Flow {
    if meta.dedicated && parts.iter().any(|(shard, _)| base.own_is_busy(id, *shard, meta.any_db)) {
        return base.stall(id, Stall::Drain);
    }
    let lanes: Vec<LaneId> = parts
        .iter()
        .map(|(shard, _)| match meta.dedicated {
            true => base.dedicated_lane(id, *shard, meta.any_db),
            false => base.shared_lane(id, *shard, meta.use_),
        })
        .collect();
    if let Some(stall) = reason_for_parts_to_wait(base, id, &lanes, meta) {
        return base.stall(id, stall);
    }
    let held = match hold_parts(base, &lanes, parts) {
        Ok(held) => held,
        Err(reason) => return base.refuse(id, meta, reason),
    };
    let (now, version) = (base.now, base.shards.version());
    let Some(client) = base.client(id) else { return Flow::Taken };
    let entry = new_entry(client, meta, now);
    client.gathers.open(entry.seq, gather);
    client.in_flight += u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let is_one = lanes.windows(2).all(|two| two.first() == two.last());
    let (lane, beside) = match meta.dedicated {
        false => (lanes.last().copied(), Beside::Shared { version }),
        true if is_one => (lanes.last().copied(), Beside::Own),
        // A part may be redirected, and then come behind the requests that follow.
        true => (None, Beside::Nothing),
    };
    client.note_sent(lane, beside);
    for ((part, held), (lane, (_, bytes))) in (0..).zip(held).zip(lanes.into_iter().zip(parts)) {
        base.enqueue(lane, Entry { part: Some(part), ..entry }, bytes, held);
    }
    Flow::Taken
}

fn reason_for_parts_to_wait(base: &mut Base, id: ClientId, lanes: &[LaneId], meta: Meta) -> Option<Stall> {
    let version = base.shards.version();
    let client = base.clients.get(id)?;
    let known = |id: &LaneId| base.lanes.get(*id);
    let beside = !meta.dedicated && lanes.iter().filter_map(known).all(|lane| client.may_join(lane, version));
    if client.in_flight > 0 && (!beside || has_parked_enough(client)) {
        return Some(Stall::Drain);
    }
    let window = lanes.iter().filter_map(known).map(|lane| window(client, lane)).min().unwrap_or_default();
    let is_full = |id: &&LaneId| known(id).is_some_and(|lane| lane.is_full(LANE_HIGH));
    let full = lanes.iter().find(is_full).copied();
    if client.in_flight >= window {
        base.client(id)?.window = window;
        return Some(Stall::Window);
    }
    let full = full?;
    base.lane(full)?.waiting.push(id);
    Some(Stall::Lane)
}

/// Holds all parts that must wait, or returns the reason why one of them cannot.
fn hold_parts(
    base: &mut Base,
    lanes: &[LaneId],
    parts: &[(u16, &[u8])],
) -> Result<Vec<Option<Ticket>>, &'static str> {
    let mut held = Vec::with_capacity(parts.len());
    for (lane, (_, bytes)) in lanes.iter().zip(parts) {
        match base.hold_unless_open(*lane, bytes.len()) {
            Ok(ticket) => held.push(ticket),
            Err(reason) => {
                held.into_iter().flatten().for_each(|ticket| base.holds.release(ticket));
                return Err(reason);
            }
        }
    }
    Ok(held)
}

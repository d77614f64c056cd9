//! Onto a lane: which one, whether it may take more, and what is noted of the request.

use crate::client::proof::Proof;
use crate::client::session::Watch;
use crate::client::{Client, Stall};
use crate::ids::{ClientId, LaneId};
use crate::node::hold::Ticket;
use crate::node::lane::{Lane, LaneKey, Use};

use super::base::meta::{Flow, Meta, new_entry};
use super::base::queue::{NO_NODE, NO_ROOM};
use super::base::strays::Stray;
use super::rewrite::first_slot;
use super::settings::{FAIR_WINDOW, LANE_HIGH, LEAST_WINDOW, OUTPUT_HIGH, REPLIES_HIGH, WINDOW};
use super::{Core, retry};

impl Core {
    /// Holds a request whose slot has no owner.
    pub(super) fn send_astray(&mut self, id: ClientId, bytes: &[u8], meta: Meta) -> Flow {
        if self.base.settings.hold == 0 {
            return self.base.refuse(id, meta, NO_NODE);
        }
        let version = self.base.shards.version();
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        if client.in_flight > 0 && (client.apart || meta.dedicated || client.routed != version) {
            return self.base.stall(id, Stall::Drain);
        }
        let Some(held) = self.base.holds.try_hold(bytes.len()) else {
            return self.base.refuse(id, meta, NO_ROOM);
        };
        let now = self.base.now;
        let Some(client) = self.base.clients.get_mut(id) else { return Flow::Taken };
        let entry = new_entry(client, meta, now);
        client.in_flight += 1;
        // Nothing goes beside it: it may belong to more slots than the one that has no owner.
        client.routed = version.wrapping_sub(1);
        client.apart = meta.dedicated;
        client.lane = None;
        let slot = first_slot(bytes, self.base.shards.map());
        let (bytes, dedicated) = (bytes.to_vec(), meta.dedicated);
        retry::push_stray(
            &mut self.base,
            Stray { entry, bytes, slot, dedicated, due: 0, unserved: None, alone: false, held },
        );
        Flow::Taken
    }

    /// Sends on the session's lane for the shard, or holds there. `Later`: the client is stalled, nothing was noted.
    pub(super) fn send(&mut self, id: ClientId, shard: u16, bytes: &[u8], meta: Meta) -> Flow {
        let lane = match meta.dedicated {
            true if self.base.own_is_busy(id, shard, meta.any_db) => {
                return self.base.stall(id, Stall::Drain);
            }
            true => self.base.dedicated_lane(id, shard, meta.any_db),
            false => self.base.shared_lane(id, shard, meta.use_),
        };
        self.send_on(id, lane, bytes, meta)
    }

    /// Asks the lane that the session would move to; the client waits for the outcome.
    pub(super) fn send_proof(&mut self, id: ClientId, mut proof: Proof, meta: Meta) -> Flow {
        let backend = self.base.settings.backend_credentials.clone();
        let home = self.base.home(id);
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        // A watching client stays on its own connection, which changes with it.
        let watching = client.session.watch != Watch::None;
        let shard = client.session.watched.map_or(home, |(_, shard)| shard);
        let question = std::mem::take(&mut proof.question);
        let identity = proof.identity.clone().or(backend);
        let lane = match watching {
            true => self.base.dedicated_lane(id, shard, false),
            false => {
                let (db, proto) = (proof.db, proof.proto);
                self.base.lane_for(LaneKey { shard, use_: Use::Master, identity, db, proto, owner: None })
            }
        };
        let flow = self.send_on(id, lane, &question, meta);
        if let Some(client) =
            self.base.client(id).filter(|client| flow == Flow::Taken && client.in_flight > 0)
        {
            client.proof = Some(Box::new(proof));
            client.stall = Stall::Proof;
        }
        flow
    }

    fn send_on(&mut self, id: ClientId, lane_id: LaneId, bytes: &[u8], meta: Meta) -> Flow {
        let version = self.base.shards.version();
        let (Some(client), Some(lane)) = (self.base.clients.get_mut(id), self.base.lanes.get_mut(lane_id))
        else {
            return Flow::Taken;
        };
        if let Some(stall) = reason_to_wait(client, lane, version) {
            if stall == Stall::Lane {
                lane.waiting.push(id);
            }
            client.window = window(client, lane);
            return self.base.stall(id, stall);
        }
        let open = lane.is_ready() && self.base.shards.is_open(lane.key.shard, lane.key.use_);
        let held = match open {
            true => None,
            false => match self.base.hold_on(lane_id, bytes.len()) {
                Ok(ticket) => Some(ticket),
                Err(reason) => return self.base.refuse(id, meta, reason),
            },
        };
        self.append(id, lane_id, bytes, meta, held);
        Flow::Taken
    }

    fn append(&mut self, id: ClientId, lane_id: LaneId, bytes: &[u8], meta: Meta, held: Option<Ticket>) {
        let (now, version) = (self.base.now, self.base.shards.version());
        let Some(client) = self.base.clients.get_mut(id) else { return };
        let entry = new_entry(client, meta, now);
        client.in_flight += 1;
        client.routed = version;
        client.lane = Some(lane_id);
        client.apart = meta.dedicated;
        self.base.enqueue(lane_id, entry, bytes, held);
    }
}

/// Why this client's next request cannot go onto this lane yet.
fn reason_to_wait(client: &Client, lane: &Lane, version: u32) -> Option<Stall> {
    if client.in_flight > 0 && !may_join(client, lane, version) {
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

/// How many commands the client may have in flight beside what its lane has to carry.
pub(super) fn window(client: &Client, lane: &Lane) -> u32 {
    let most = if lane.queue.len() > WINDOW as usize { FAIR_WINDOW } else { WINDOW };
    client.reply_size.window(REPLIES_HIGH, LEAST_WINDOW, most)
}

/// Replies of other shards wait for the one that holds up all of them: more of them would only cost memory.
pub(super) fn has_parked_enough(client: &Client) -> bool {
    client.in_flight > 0 && client.replies.parked_bytes() + client.gathers.bytes() > OUTPUT_HIGH
}

/// Whether a request on this lane may be in flight beside the client's others. Those on shared lanes may, as long as
/// every slot is where it was when they were routed; nothing goes beside one on the client's own lane but its like.
pub(super) fn may_join(client: &Client, lane: &Lane, version: u32) -> bool {
    match client.apart || lane.is_dedicated() {
        true => client.lane == Some(lane.id),
        false => client.routed == version,
    }
}

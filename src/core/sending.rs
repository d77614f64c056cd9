//! Onto a lane: which one, whether it may take more, and what is noted of the request.

use crate::client::proof::Proof;
use crate::client::session::{Session, Watch};
use crate::client::telling::{Told, not_executed};
use crate::client::{Client, SHARED_LANES, Stall};
use crate::config::Credentials;
use crate::ids::{ClientId, LaneId};
use crate::node::hold::Ticket;
use crate::node::lane::{Lane, LaneKey, Use};
use crate::node::queue::{Entry, WHOLE};
use crate::reasons::{CommandResult, HoldOutcome};
use crate::resp::reply::Proto;

use std::sync::Arc;
use std::time::Duration;

use super::Core;
use super::locals::rein_in;
use super::requests::{Flow, Meta};
use super::settings::{FAIR_WINDOW, LANE_HIGH, LEAST_WINDOW, OUTPUT_HIGH, REPLIES_HIGH, WINDOW};

impl Core {
    /// Sends on the session's lane for the shard, or holds there. `Later`: the client is stalled, nothing was noted.
    pub(super) fn send(&mut self, id: ClientId, shard: u16, bytes: &[u8], meta: Meta) -> Flow {
        let lane = match meta.dedicated {
            true if self.own_is_busy(id, shard, meta.any_db) => return self.stall(id, Stall::Drain),
            true => self.dedicated_lane(id, shard, meta.any_db),
            false => self.shared_lane(id, shard, meta.use_),
        };
        self.send_on(id, lane, bytes, meta)
    }

    /// Asks the lane that the session would move to; the client waits for the outcome.
    pub(super) fn send_proof(&mut self, id: ClientId, mut proof: Proof, meta: Meta) -> Flow {
        let backend = self.settings.backend_credentials.clone();
        let home = self.home(id);
        let Some(client) = self.client(id) else { return Flow::Taken };
        // A watching client stays on its own connection, which changes with it.
        let watching = client.session.watch != Watch::None;
        let shard = client.session.watched.map_or(home, |(_, shard)| shard);
        let question = std::mem::take(&mut proof.question);
        let identity = proof.identity.clone().or(backend);
        let lane = match watching {
            true => self.dedicated_lane(id, shard, false),
            false => {
                let (db, proto) = (proof.db, proof.proto);
                self.lane_for(LaneKey { shard, use_: Use::Master, identity, db, proto, owner: None })
            }
        };
        let flow = self.send_on(id, lane, &question, meta);
        if let Some(client) = self.client(id).filter(|client| flow == Flow::Taken && client.in_flight > 0) {
            client.proof = Some(Box::new(proof));
            client.stall = Stall::Proof;
        }
        flow
    }

    fn send_on(&mut self, id: ClientId, lane_id: LaneId, bytes: &[u8], meta: Meta) -> Flow {
        let version = self.shards.version();
        let (Some(client), Some(lane)) = (self.clients.get_mut(id), self.lanes.get_mut(lane_id)) else {
            return Flow::Taken;
        };
        if let Some(stall) = reason_to_wait(client, lane, version) {
            if stall == Stall::Lane {
                lane.waiting.push(id);
            }
            client.window = window(client, lane);
            return self.stall(id, stall);
        }
        let open = lane.is_ready() && self.shards.is_open(lane.key.shard, lane.key.use_);
        let held = match open {
            true => None,
            false => match self.hold_on(lane_id, bytes.len()) {
                Ok(ticket) => Some(ticket),
                Err(reason) => return self.refuse(id, meta, reason),
            },
        };
        self.append(id, lane_id, bytes, meta, held);
        Flow::Taken
    }

    fn append(&mut self, id: ClientId, lane_id: LaneId, bytes: &[u8], meta: Meta, held: Option<Ticket>) {
        let (now, version) = (self.now, self.shards.version());
        let Some(client) = self.clients.get_mut(id) else { return };
        let entry = new_entry(client, meta, now);
        client.in_flight += 1;
        client.routed = version;
        client.lane = Some(lane_id);
        client.apart = meta.dedicated;
        self.enqueue(lane_id, entry, bytes, held);
    }

    /// Puts a request at the end of a lane. `held`: it has to wait there.
    pub(super) fn enqueue(&mut self, lane_id: LaneId, mut entry: Entry, bytes: &[u8], held: Option<Ticket>) {
        let Some(lane) = self.lanes.get_mut(lane_id) else {
            return held.into_iter().for_each(|ticket| self.holds.release(ticket));
        };
        if lane.queue.is_empty() {
            lane.heard = self.now;
            lane.mixed = false;
        }
        lane.used = self.now;
        entry.start = lane.stream.push(bytes, &mut self.segments);
        entry.end = lane.stream.appended();
        lane.queue.push_back(entry);
        if let Some(ticket) = held {
            let waits = lane.queue.iter().rev().nth(1).map(Entry::held_since);
            lane.mixed |= waits.is_some_and(|since| since > entry.held_since());
            lane.held.join(ticket);
            self.metrics.held_at(lane.key.shard, 1);
            return self.open_link(lane_id);
        }
        if !lane.dirty {
            lane.dirty = true;
            self.dirty_lanes.push(lane_id);
        }
    }

    /// Holds a request for this lane, or says why it cannot wait.
    fn hold_on(&mut self, lane_id: LaneId, bytes: usize) -> Result<Ticket, &'static str> {
        let (hold, now) = (self.settings.hold, self.now);
        if let Some(lane) = self.lanes.get(lane_id).filter(|_| hold == 0) {
            let failed = lane.is_backing_off(now) || lane.silent.is_some();
            if failed || !self.shards.is_open(lane.key.shard, lane.key.use_) {
                return Err(NO_NODE);
            }
        }
        self.holds.try_hold(bytes).ok_or(NO_ROOM)
    }

    pub(super) fn hold_unless_open(
        &mut self,
        lane_id: LaneId,
        bytes: usize,
    ) -> Result<Option<Ticket>, &'static str> {
        if self.is_open(lane_id) { Ok(None) } else { self.hold_on(lane_id, bytes).map(Some) }
    }

    pub(super) fn refuse(&mut self, id: ClientId, meta: Meta, reason: &str) -> Flow {
        let reason = if reason == NO_NODE { self.with_cause(reason, None) } else { reason.to_owned() };
        self.metrics.hold_finished(HoldOutcome::Refused, Duration::ZERO);
        self.metrics.command(meta.command.0, CommandResult::TryAgain);
        let (settings, behind) = (Arc::clone(&self.settings), self.behind);
        let Some(client) = self.client(id) else { return Flow::Taken };
        let (silent, next) = client.session.reply_mode.take();
        client.session.reply_mode = next;
        let (seq, text) = (client.replies.open(), not_executed(&reason));
        let alone = !client.ran && client.in_flight == 0 && !behind;
        match settings.telling.told(&client.session, text.as_bytes(), CommandResult::TryAgain, alone) {
            Told::Line(line) => client.replies.complete(seq, if silent { b"" } else { &line }),
            Told::Close(reason) => {
                self.end_client_before(id, seq, reason);
                return Flow::Taken;
            }
        }
        rein_in(client);
        self.touch_client(id);
        Flow::Taken
    }

    /// The lane that the client shares with everyone of its identity, database and RESP version.
    pub(super) fn shared_lane(&mut self, id: ClientId, shard: u16, use_: Use) -> LaneId {
        let place = (usize::from(shard) * 2 + use_ as usize) % SHARED_LANES;
        let cached = self.client(id).and_then(|client| client.shared.get(place).copied().flatten());
        let fits = |lane: &Lane| lane.key.shard == shard && lane.key.use_ == use_;
        if let Some(lane) = cached.filter(|lane| self.lane(*lane).is_some_and(|lane| fits(lane))) {
            return lane;
        }
        let key = LaneKey { use_, ..self.session_key(id, shard, None) };
        let lane = self.lane_for(key);
        if let Some(cache) = self.client(id).and_then(|client| client.shared.get_mut(place)) {
            *cache = Some(lane);
        }
        lane
    }

    /// The client's own lane to a shard, which is made anew when it was of another session.
    pub(super) fn dedicated_lane(&mut self, id: ClientId, shard: u16, any_db: bool) -> LaneId {
        let key = self.own_key(id, shard, any_db);
        if let Some(lane) = self.own_lane(id, shard) {
            if self.lane(lane).is_some_and(|lane| lane.key == key) {
                return lane;
            }
            self.drop_own_lane(id, lane);
        }
        let lane = self.add_lane(key);
        if let Some(client) = self.client(id) {
            client.dedicated.push(lane);
        }
        lane
    }

    /// The client's own lane to a shard is of another session, and carries requests that the client waits for.
    pub(super) fn own_is_busy(&mut self, id: ClientId, shard: u16, any_db: bool) -> bool {
        if self.client(id).is_none_or(|client| client.in_flight == 0) {
            return false;
        }
        let key = self.own_key(id, shard, any_db);
        let own = self.own_lane(id, shard).and_then(|lane| self.lane(lane));
        own.is_some_and(|lane| lane.is_wanted() && lane.key != key)
    }

    fn own_key(&mut self, id: ClientId, shard: u16, any_db: bool) -> LaneKey {
        let key = self.session_key(id, shard, Some(id));
        if any_db { LaneKey { db: 0, ..key } } else { key }
    }

    /// The client's own lane to a shard, if it has one.
    pub(super) fn own_lane(&mut self, id: ClientId, shard: u16) -> Option<LaneId> {
        let client = self.clients.get(id)?;
        let mut own = client.dedicated.iter();
        own.find(|lane| self.lanes.get(**lane).is_some_and(|lane| lane.key.shard == shard)).copied()
    }

    pub(super) fn lane_for(&mut self, key: LaneKey) -> LaneId {
        if let Some(lane) = self.shared.get(&key) {
            return *lane;
        }
        let lane = self.add_lane(key.clone());
        self.shared.insert(key, lane);
        lane
    }

    pub(super) fn add_lane(&mut self, key: LaneKey) -> LaneId {
        let now = self.now;
        self.lanes.insert(|id| Lane::new(id, key, now))
    }

    fn session_key(&mut self, id: ClientId, shard: u16, owner: Option<ClientId>) -> LaneKey {
        let backend: Option<Arc<Credentials>> = self.settings.backend_credentials.clone();
        let default = Session::default();
        let session = self.client(id).map_or(&default, |client| &client.session);
        let (db, proto): (u32, Proto) = (session.db, session.proto);
        let identity = session.identity.clone().or(backend);
        LaneKey { shard, use_: Use::Master, identity, db, proto, owner }
    }
}

pub(super) const NO_NODE: &str = "no node for this slot";
pub(super) const NO_ROOM: &str = "the hold buffer is full";

/// What is noted of a request that has no place on a lane yet.
pub(super) fn new_entry(client: &mut Client, meta: Meta, now: u64) -> Entry {
    if client.in_flight == 0 && !client.detours.is_empty() {
        client.detours = Vec::new();
    }
    let (silent, next) = client.session.reply_mode.take();
    client.session.reply_mode = next;
    Entry {
        client: client.id,
        seq: client.replies.open(),
        part: WHOLE,
        hops: 0,
        rounds: 0,
        asked: None,
        start: 0,
        end: 0,
        arrived: now,
        since: now,
        sent: now,
        until: meta.until,
        adrift: None,
        command: meta.command,
        family: meta.family,
        kind: meta.kind,
        replies: meta.replies,
        refusal: None,
        may_have_run: false,
        counts: meta.counts,
        silent,
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

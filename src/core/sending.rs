//! Onto a lane: which one, whether it may take more, and what is noted of the request.

use crate::client::proof::Proof;
use crate::client::session::Session;
use crate::client::{Client, ClientId, Stall};
use crate::config::Credentials;
use crate::metrics::reasons::{CommandResult, HoldOutcome};
use crate::node::lane::{Lane, LaneId, LaneKey};
use crate::node::queue::Entry;
use crate::resp::reply::Proto;

use std::sync::Arc;
use std::time::Duration;

use super::locals::rein_in;
use super::requests::{Flow, Meta};
use super::settings::{LANE_HIGH, WINDOW};
use super::{Core, Gate};

/// Every kind of backend that has one master publishes one shard.
const ONLY_SHARD: u16 = 0;

impl Core {
    /// Sends on the session's lane, or holds there. `Later`: the client is stalled, nothing was noted.
    pub(super) fn send(&mut self, id: ClientId, bytes: &[u8], meta: Meta) -> Flow {
        let lane = if meta.dedicated { self.dedicated_lane(id) } else { self.shared_lane(id) };
        self.send_on(id, lane, bytes, meta)
    }

    /// Asks the lane that the session would move to; the client waits for the outcome.
    pub(super) fn send_proof(&mut self, id: ClientId, mut proof: Proof, meta: Meta) -> Flow {
        let backend = self.settings.backend_credentials.clone();
        let Some(client) = self.client(id) else { return Flow::Taken };
        // A watching client stays on its own connection, which changes with it.
        let watching = client.session.watch != crate::client::session::Watch::None;
        let question = std::mem::take(&mut proof.question);
        let lane = match watching {
            true => self.dedicated_lane(id),
            false => self.lane_for(key(proof.identity.clone().or(backend), proof.db, proof.proto, None)),
        };
        let flow = self.send_on(id, lane, &question, meta);
        if let Some(client) = self.client(id).filter(|client| flow == Flow::Taken && client.in_flight > 0) {
            client.proof = Some(Box::new(proof));
            client.stall = Stall::Proof;
        }
        flow
    }

    fn send_on(&mut self, id: ClientId, lane_id: LaneId, bytes: &[u8], meta: Meta) -> Flow {
        let open_gate = matches!(self.gate, Gate::Open(_));
        let (Some(client), Some(lane)) =
            (self.clients.get_mut(id.slot as usize), self.lanes.get_mut(lane_id.slot as usize))
        else {
            return Flow::Taken;
        };
        if let Some(stall) = reason_to_wait(client, lane, lane_id) {
            if stall == Stall::Lane {
                lane.waiting.push(id);
            }
            return self.stall(id, stall);
        }
        let open = open_gate && lane.link.is_up() && lane.refusing.is_none();
        if !open && let Some(reason) = self.reason_to_refuse(lane_id, bytes.len()) {
            return self.refuse(id, meta, reason);
        }
        self.append(id, lane_id, bytes, meta, open);
        Flow::Taken
    }

    fn append(&mut self, id: ClientId, lane_id: LaneId, bytes: &[u8], meta: Meta, open: bool) {
        let (Some(client), Some(lane)) =
            (self.clients.get_mut(id.slot as usize), self.lanes.get_mut(lane_id.slot as usize))
        else {
            return;
        };
        let (silent, next) = client.session.reply_mode.take();
        client.session.reply_mode = next;
        client.in_flight += 1;
        client.lane = Some(lane_id);
        if lane.queue.is_empty() {
            lane.heard = self.now;
        }
        lane.used = self.now;
        let entry = Entry {
            client: id,
            seq: client.replies.open(),
            start: lane.stream.push(bytes, &mut self.segments),
            end: lane.stream.appended(),
            arrived: self.now,
            since: self.now,
            command: meta.command,
            family: meta.family,
            kind: meta.kind,
            replies: meta.replies,
            refusal: None,
            may_have_run: false,
            silent,
        };
        lane.queue.push_back(entry);
        if open {
            if !lane.dirty {
                lane.dirty = true;
                self.dirty_lanes.push(lane_id);
            }
        } else {
            self.note_held(lane_id, bytes.len());
            self.open_link(lane_id);
        }
    }

    fn note_held(&mut self, lane_id: LaneId, bytes: usize) {
        if let Some(lane) = self.lane(lane_id) {
            lane.held_commands += 1;
            lane.held_bytes += bytes;
            self.held_commands += 1;
            self.held_bytes += bytes;
            self.metrics.held(self.held_commands, self.held_bytes);
        }
    }

    /// Takes the bytes from the hold budget, or says why the command cannot wait.
    fn reason_to_refuse(&mut self, lane_id: LaneId, bytes: usize) -> Option<&'static str> {
        let (hold, closed, now) = (self.settings.hold, self.gate == Gate::Closed, self.now);
        let failed = self.lane(lane_id).is_some_and(|lane| lane.is_backing_off(now));
        if hold == 0 && (closed || failed) {
            return Some("no node for this slot");
        }
        (!self.budget.try_take(bytes)).then_some("the hold buffer is full")
    }

    fn refuse(&mut self, id: ClientId, meta: Meta, reason: &str) -> Flow {
        self.metrics.hold_finished(HoldOutcome::Refused, Duration::ZERO);
        self.metrics.command(meta.command.0, CommandResult::TryAgain);
        let text = not_executed(reason);
        let Some(client) = self.client(id) else { return Flow::Taken };
        let (silent, next) = client.session.reply_mode.take();
        client.session.reply_mode = next;
        let seq = client.replies.open();
        client.replies.complete(seq, if silent { b"" } else { text.as_bytes() });
        rein_in(client);
        self.touch_client(id);
        Flow::Taken
    }

    /// The lane that the client shares with everyone of its identity, database and RESP version.
    fn shared_lane(&mut self, id: ClientId) -> LaneId {
        let cached = self.client(id).and_then(|client| client.shared);
        if let Some(lane) = cached.filter(|lane| self.lane(*lane).is_some()) {
            return lane;
        }
        let key = self.session_key(id, None);
        let lane = self.lane_for(key);
        if let Some(client) = self.client(id) {
            client.shared = Some(lane);
        }
        lane
    }

    /// The client's own lane, which is made anew when the session has changed since.
    pub(super) fn dedicated_lane(&mut self, id: ClientId) -> LaneId {
        let key = self.session_key(id, Some(id));
        let current = self.client(id).and_then(|client| client.dedicated);
        if let Some(lane) = current
            && self.lane(lane).is_some_and(|lane| lane.key == key)
        {
            return lane;
        }
        self.drop_dedicated(id);
        let lane = self.add_lane(key);
        if let Some(client) = self.client(id) {
            client.dedicated = Some(lane);
        }
        lane
    }

    fn lane_for(&mut self, key: LaneKey) -> LaneId {
        if let Some(lane) = self.shared.get(&key) {
            return *lane;
        }
        let lane = self.add_lane(key.clone());
        self.shared.insert(key, lane);
        lane
    }

    fn add_lane(&mut self, key: LaneKey) -> LaneId {
        self.lane_serial = self.lane_serial.wrapping_add(1);
        let slot = self.lanes.vacant_key() as u32;
        let id = LaneId { slot, serial: self.lane_serial };
        self.lanes.insert(Lane::new(id, key, self.now));
        id
    }

    fn session_key(&mut self, id: ClientId, owner: Option<ClientId>) -> LaneKey {
        let backend = self.settings.backend_credentials.clone();
        let default = Session::default();
        let session = self.client(id).map_or(&default, |client| &client.session);
        key(session.identity.clone().or(backend), session.db, session.proto, owner)
    }
}

fn key(identity: Option<Arc<Credentials>>, db: u32, proto: Proto, owner: Option<ClientId>) -> LaneKey {
    LaneKey { shard: ONLY_SHARD, identity, db, proto, owner }
}

/// Why this client's next request cannot go onto this lane yet.
fn reason_to_wait(client: &Client, lane: &Lane, lane_id: LaneId) -> Option<Stall> {
    if client.in_flight > 0 && client.lane != Some(lane_id) {
        return Some(Stall::Drain);
    }
    if client.in_flight >= WINDOW {
        return Some(Stall::Window);
    }
    // A held lane is bounded by the hold budget instead.
    (lane.link.is_up() && lane.stream.unanswered() > LANE_HIGH).then_some(Stall::Lane)
}

/// The whole reply to a command that was not executed.
pub(super) fn not_executed(reason: &str) -> String {
    format!("-TRYAGAIN tideover: {reason}; not executed\r\n")
}

/// The whole reply to a command of unknown outcome.
pub(super) fn unknown_outcome(reason: &str) -> String {
    format!("-UNCERTAIN tideover: {reason}; outcome unknown\r\n")
}

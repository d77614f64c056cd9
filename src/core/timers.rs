//! Time-outs. All are checked in one coarse tick that the worker calls and that looks at the heads of queues; nothing
//! has a timer of its own.

use crate::core::base::caches;
use crate::failover::Loss;
use crate::ids::LaneId;
use crate::node::lane::{Lane, Use};
use crate::node::link::{Link, Up};
use crate::node::queue::{Entry, FOREVER};
use crate::reasons::CloseReason;

use super::hub::deaf::may_stop_listening_first;
use super::owners::{forgotten, left_behind};
use super::pause::tick_pause;
use super::settings::{CONNECT_MICROS, LANE_IDLE_MICROS};
use super::silence::{Silence, meaning_of_silence};
use super::tracking::probe_tracked;
use super::unknown::tick_learning;
use super::{Core, retry};

/// The time between two ticks, in microseconds.
const TICK: u64 = 50_000;
/// The same while a lane waits for a connection: clients feel each tick as a pause.
pub(super) const TICK_WHILE_DOWN: u64 = 5_000;

/// The time between two counts of the clients that wait, in microseconds.
const COUNTING: u64 = 250_000;

/// The time that a former master has to answer what it was sent, in microseconds.
const LATE_REPLIES: u64 = 50_000;

/// What is due on a lane.
enum Due {
    Nothing,
    Connect,
    Silent,
    Unused,
    /// A former master has had its time to answer.
    LateRepliesOver,
}

impl Core {
    /// Notes that the worker was busy or stopped for so many microseconds. No node could be heard in that time, so
    /// none counts as silent.
    pub(crate) fn was_away(&mut self, micros: u64) {
        if micros == 0 {
            return;
        }
        for lane in self.base.lanes.iter_mut() {
            lane.heard += micros;
            match &mut lane.link {
                Link::Opening { since, .. } | Link::Greeting { since, .. } => *since += micros,
                Link::Down { .. } | Link::Up(_) => {}
            }
        }
    }

    /// Looks at what is due. Returns the microseconds until the next call.
    pub(crate) fn tick(&mut self) -> u64 {
        let watched = self.watch_nodes();
        if self.base.now >= self.next_round {
            self.next_round = self.base.now + self.round();
        }
        watched.min(self.next_round - self.base.now)
    }

    /// Looks at every lane and client. Returns the microseconds until the next look.
    fn round(&mut self) -> u64 {
        self.retry_readers();
        let mut down = retry::tick_strays(&mut self.base) | self.hub.tick(&mut self.base);
        let ids = self.base.lanes.ids();
        for id in ids {
            down |= self.tick_lane(id);
        }
        retry::fulfil_unblock_orders(&mut self.base);
        let paused = tick_pause(&mut self.base);
        down |= tick_learning(&mut self.base);
        self.memory.relays.tick(&mut self.base);
        self.close_idle_clients();
        let (clients, keys) = self.base.caches.counts();
        self.base.metrics.tracking(clients, keys);
        if self.base.now >= self.next_count {
            self.next_count = self.base.now + COUNTING;
            self.base.count_clients();
        }
        self.give_back();
        debug_assert_eq!(forgotten(&self.base).map(|(client, wait)| (client.id, wait)), None);
        debug_assert_eq!(left_behind(&self.base).map(|lane| lane.id), None);
        let next = if down { TICK_WHILE_DOWN } else { TICK };
        paused.map_or(next, |left| next.min(left))
    }

    /// Gives back the memory of a crowd that has left, as far as nobody sits behind the free slots.
    pub(crate) fn give_back(&mut self) {
        self.base.clients.give_back();
        self.base.lanes.give_back();
    }

    /// Does what is due on one lane. Returns true if the lane waits for a connection.
    fn tick_lane(&mut self, id: LaneId) -> bool {
        self.end_pause(id);
        self.hub.update_wanted(&mut self.base, id);
        self.hub.probe_listening(&mut self.base, id);
        probe_tracked(&mut self.base, id);
        if !self.base.is_open(id) {
            retry::move_disowned(&mut self.base, id);
            retry::expire(&mut self.base, id);
        }
        let (now, node_timeout, hold) =
            (self.base.now, self.base.settings.node_timeout, self.base.settings.hold);
        let is_ending = self.shutdowns.is_ending(&self.base, id);
        self.time_out_commands(id);
        let meaning = meaning_of_silence(&self.base, id);
        let Some(lane) = self.base.lane(id) else { return false };
        // The node may save its data for long before it ends.
        let saves = is_ending && now.saturating_sub(lane.heard) < hold;
        match due(lane, now, node_timeout) {
            Due::Nothing => {}
            Due::Connect => self.base.open_link(id),
            Due::Unused => self.remove_if_unused(id),
            Due::LateRepliesOver => self.lose(id, Loss::Demoted),
            Due::Silent if saves => {}
            Due::Silent if meaning == Silence::Wait => self.note_silence(id),
            Due::Silent => {
                lane.failures += u32::from(!lane.link.is_up());
                let hung = (lane.key.use_ == Use::Master).then_some(lane.key.shard);
                remember_abandoned(lane);
                if let Some(shard) = hung {
                    self.base.shards.set_failing(shard, true);
                }
                self.lose(id, Loss::Silent);
                self.fail_without_hold(id);
            }
        }
        self.base
            .lane(id)
            .is_some_and(|lane| lane.is_wanted() && !(lane.link.is_up() && lane.link.paused().is_none()))
    }

    /// Ends the pause of a lane that is over: the node is tried with one request, or all requests that waited for
    /// listening connections go out.
    pub(super) fn end_pause(&mut self, id: LaneId) {
        let now = self.base.now;
        let early = may_stop_listening_first(&self.base, id);
        let is_over = |lane: &&mut Lane| lane.link.paused().is_some_and(|(until, _)| until <= now || early);
        let Some(lane) = self.base.lane(id).filter(is_over) else { return };
        lane.link.resume();
        self.send_held(id);
    }

    pub(super) fn remove_if_unused(&mut self, id: LaneId) {
        let owner = self.base.lane(id).and_then(|lane| lane.key.owner);
        match owner {
            _ if self.base.is_watching(id) || caches::keeps_track(&mut self.base, id) => {}
            Some(owner) => self.base.drop_own_lane(owner, id),
            None => self.remove_lane(id),
        }
    }

    /// Removes a lane that is no client's own.
    pub(super) fn remove_lane(&mut self, id: LaneId) {
        match self.base.audience_at(id) {
            Some(_) => self.hub.remove_listening_lane(&mut self.base, id),
            None => self.base.remove_lane(id),
        }
    }

    fn close_idle_clients(&mut self) {
        let (now, limit) = (self.base.now, self.base.settings.idle_timeout);
        if limit == 0 {
            return;
        }
        let idle = self.base.clients.iter().filter(|client| {
            client.is_settled()
                && !client.is_subscriber()
                && !self.base.monitors.has(client.id)
                && now.saturating_sub(client.last_active) > limit
        });
        for id in idle.map(|client| client.id).collect::<Vec<_>>() {
            self.base.kill_client(id, CloseReason::Idle);
        }
    }
}

fn due(lane: &Lane, now: u64, node_timeout: u64) -> Due {
    match &lane.link {
        Link::Down { retry_at } if lane.is_wanted() || lane.is_dedicated() && *retry_at > 0 => Due::Connect,
        Link::Opening { since, .. } if now.saturating_sub(*since) > CONNECT_MICROS.min(node_timeout) => {
            Due::Silent
        }
        Link::Greeting { since, .. } if now.saturating_sub(*since) > node_timeout => Due::Silent,
        Link::Up(_)
            if lane.link.late_since().is_some_and(|since| now.saturating_sub(since) >= LATE_REPLIES) =>
        {
            Due::LateRepliesOver
        }
        Link::Up(_) if is_silent(lane, now, node_timeout) => Due::Silent,
        Link::Down { .. } | Link::Opening { .. } | Link::Greeting { .. } | Link::Up(_) => {
            let idle = now.saturating_sub(lane.used) > LANE_IDLE_MICROS;
            if idle && !lane.is_wanted() { Due::Unused } else { Due::Nothing }
        }
    }
}

/// Returns true if the node owes a reply and has sent nothing for longer than it may.
fn is_silent(lane: &Lane, now: u64, node_timeout: u64) -> bool {
    let written = lane.stream.written();
    // A blocking command may take its time only once the node has all of it.
    let owes = lane.queue.front().is_some_and(|head| {
        let patient = head.kind.may_take_long()
            && lane.link.refusing().is_none()
            && !is_overdue(head, now, node_timeout);
        head.start < written && (head.end > written || !patient)
    });
    let owes = owes
        || lane.listening.as_ref().is_some_and(|listening| listening.is_owed())
        || lane.probe.as_ref().is_some_and(|probe| probe.is_owed());
    owes && now.saturating_sub(lane.heard) > node_timeout
}

/// Remembers a connection given up in silence. Its requests may still run, so the next connection kills it by its id.
fn remember_abandoned(lane: &mut Lane) {
    if let (Link::Up(Up { target, .. }), Some(id)) = (&lane.link, lane.node_connection_id) {
        lane.abandoned = Some((target.endpoint.clone(), id));
    }
}

/// Returns true if the node should have ended this command by itself long ago.
fn is_overdue(head: &Entry, now: u64, node_timeout: u64) -> bool {
    head.until < FOREVER && now.saturating_sub(head.until) > node_timeout
}

//! Time-outs, all from one coarse tick: the driver calls it, queue heads are looked at, nothing has a timer.

use crate::failover::Loss;
use crate::ids::LaneId;
use crate::node::lane::{Lane, Use};
use crate::node::link::{Link, Up};
use crate::node::queue::{Entry, FOREVER};
use crate::reasons::CloseReason;

use super::hub::deaf::may_stop_listening_first;
use super::owners::forgotten;
use super::settings::{CONNECT_MICROS, LANE_IDLE_MICROS};
use super::silence::{Silence, meaning_of_silence};
use super::{Core, retry};

/// Between two ticks, in microseconds.
const TICK: u64 = 50_000;
/// The same while a lane waits for a connection: each tick is a pause that the clients feel.
pub(super) const TICK_WHILE_DOWN: u64 = 5_000;

/// How long a former master may take to answer what it was sent, in microseconds.
const LINGER: u64 = 50_000;

/// What the tick found to be due on a lane.
enum Due {
    Nothing,
    Connect,
    Silent,
    Unused,
    /// A former master has had its time to answer.
    Leave,
}

impl Core {
    /// The worker was busy or stopped for so long (microseconds): no node could be heard meanwhile, so none was silent.
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

    /// Looks at every lane and client; gives the microseconds until it wants to be called again.
    pub(crate) fn tick(&mut self) -> u64 {
        let watched = self.watch_nodes();
        if self.base.now >= self.next_round {
            self.next_round = self.base.now + self.round();
        }
        watched.min(self.next_round - self.base.now)
    }

    /// Looks at everything; gives the microseconds until it is to be done again.
    fn round(&mut self) -> u64 {
        self.retry_readers();
        let mut down = retry::tick_strays(&mut self.base) | self.hub.tick(&mut self.base);
        let ids = self.base.lanes.ids();
        for id in ids {
            down |= self.tick_lane(id);
        }
        self.close_idle_clients();
        self.give_back();
        debug_assert_eq!(forgotten(&self.base).map(|(client, wait)| (client.id, wait)), None);
        if down { TICK_WHILE_DOWN } else { TICK }
    }

    /// After a crowd has left, its places are given back as far as nobody holds one behind them.
    pub(crate) fn give_back(&mut self) {
        self.base.clients.give_back();
        self.base.lanes.give_back();
    }

    /// Returns whether the lane waits for a connection.
    fn tick_lane(&mut self, id: LaneId) -> bool {
        self.end_pause(id);
        self.hub.review(&mut self.base, id);
        self.hub.probe_listening(&mut self.base, id);
        if !self.base.is_open(id) {
            retry::evacuate(&mut self.base, id);
            retry::expire(&mut self.base, id);
        }
        let (now, node_timeout, hold) =
            (self.base.now, self.base.settings.node_timeout, self.base.settings.hold);
        let is_ending = self.shutdowns.is_ending(&self.base, id);
        self.time_out_commands(id);
        let meaning = meaning_of_silence(&self.base, id);
        let Some(lane) = self.base.lane(id) else { return false };
        // It may save its data for long before it ends.
        let saves = is_ending && now.saturating_sub(lane.heard) < hold;
        match due(lane, now, node_timeout) {
            Due::Nothing => {}
            Due::Connect => self.base.open_link(id),
            Due::Unused => self.remove_if_unused(id),
            Due::Leave => self.lose(id, Loss::Demoted),
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

    /// The node is tried again, with one request; or all that had to wait for its messages to be heard goes out.
    pub(super) fn end_pause(&mut self, id: LaneId) {
        let now = self.base.now;
        let early = may_stop_listening_first(&self.base, id);
        let is_over = |lane: &&mut Lane| lane.link.paused().is_some_and(|(until, _)| until <= now || early);
        let Some(lane) = self.base.lane(id).filter(is_over) else { return };
        lane.link.go_on();
        self.let_through(id);
    }

    pub(super) fn remove_if_unused(&mut self, id: LaneId) {
        let owner = self.base.lane(id).and_then(|lane| lane.key.owner);
        match owner {
            _ if self.base.is_watching(id) => {}
            Some(owner) => self.base.drop_own_lane(owner, id),
            None => self.remove_lane(id),
        }
    }

    /// Takes away a lane that is nobody's own.
    pub(super) fn remove_lane(&mut self, id: LaneId) {
        match self.base.audience_at(id) {
            Some(_) => self.hub.end_lane(&mut self.base, id),
            None => self.base.remove_lane(id),
        }
    }

    fn close_idle_clients(&mut self) {
        let (now, limit) = (self.base.now, self.base.settings.idle_timeout);
        if limit == 0 {
            return;
        }
        let idle = self.base.clients.iter().filter(|client| {
            client.is_settled() && !client.is_subscriber() && now.saturating_sub(client.last_active) > limit
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
        Link::Up(_) if lane.link.left().is_some_and(|since| now.saturating_sub(since) >= LINGER) => {
            Due::Leave
        }
        Link::Up(_) if is_silent(lane, now, node_timeout) => Due::Silent,
        Link::Down { .. } | Link::Opening { .. } | Link::Greeting { .. } | Link::Up(_) => {
            let idle = now.saturating_sub(lane.used) > LANE_IDLE_MICROS;
            if idle && !lane.is_wanted() { Due::Unused } else { Due::Nothing }
        }
    }
}

/// The node owes a reply and has said nothing for longer than it may.
fn is_silent(lane: &Lane, now: u64, node_timeout: u64) -> bool {
    let written = lane.stream.written();
    // A blocking command takes its time only once the node has all of it.
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

/// What an abandoned connection still carries may run late: it is killed by its id from the next one.
fn remember_abandoned(lane: &mut Lane) {
    if let (Link::Up(Up { target, .. }), Some(id)) = (&lane.link, lane.node_connection_id) {
        lane.abandoned = Some((target.endpoint.clone(), id));
    }
}

/// The node should have let go of it by itself long ago.
fn is_overdue(head: &Entry, now: u64, node_timeout: u64) -> bool {
    head.until < FOREVER && now.saturating_sub(head.until) > node_timeout
}

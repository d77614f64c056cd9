//! The life of a lane's connection: made, greeted, used and lost.

use crate::core::base::ears;
use crate::failover::{Loss, Verdict};
use crate::ids::LaneId;
use crate::node::greeting::{Greeting, GreetingPlan, Rejection};
use crate::node::lane::{Lane, Use};
use crate::node::link::Link;
use crate::reasons::{CommandResult, HoldOutcome};
use crate::topology::hint::HintReason;

use super::base::links::node_use;
use super::hub::deaf::listen_first;
use super::{Core, retry};

/// The time until it is tried again whether there is a descriptor for a connection, in microseconds.
const SHORTAGE: u64 = 50_000;

impl Core {
    /// Returns true if messages for subscribers come on this lane.
    pub(crate) fn brings_messages(&self, id: LaneId) -> bool {
        self.base.lanes.get(id).is_some_and(|lane| lane.key.use_ == Use::Listening)
    }

    /// Begins the greeting on a connection that the worker has made. Returns false if the connection is not wanted any more.
    pub(crate) fn connected(&mut self, id: LaneId, connection: u32) -> bool {
        let (name, now) = (self.base.settings.connection_name.clone(), self.base.now);
        let before = self.base.settings.backend_credentials.clone();
        let Some(lane) = self.base.lane(id).filter(|lane| lane.connection == connection) else {
            return false;
        };
        let Link::Opening { target, .. } = &lane.link else { return false };
        let target = target.clone();
        let needs_ear = lane.needs_ear();
        let kill = lane.abandoned.take().filter(|(node, _)| *node == target.endpoint).map(|(_, id)| id);
        let redirect = ears::id_of_ear(&self.base, id, &target);
        let Some(lane) = self.base.lane(id) else { return false };
        if needs_ear && redirect.is_none() {
            // The ear was lost meanwhile.
            lane.link = Link::Down { retry_at: 0 };
            self.base.tick_soon = true;
            return false;
        }
        let greeting = Greeting::new(&GreetingPlan {
            proto: lane.key.proto,
            credentials: lane.key.identity.as_deref(),
            before: before.as_deref(),
            db: lane.key.db,
            modes: &lane.key.modes,
            redirect,
            is_ear: lane.hears_for.is_some(),
            name: &name,
            check: &target.check,
            kill,
        });
        let kind = node_use(lane.is_dedicated());
        self.base.metrics.node_connections(&target.endpoint, kind, 1);
        if let Some(lane) = self.base.lane(id) {
            lane.forget_replies();
            lane.link = Link::Greeting { target, since: now, greeting: Box::new(greeting) };
        }
        self.base.touch_lane(id);
        true
    }

    /// Handles a connection that could not be made, or has ended. `loss`: `Ended` if everything was read that the
    /// node had written, else `Closed`.
    pub(crate) fn link_closed(&mut self, id: LaneId, connection: u32, loss: Loss) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.connection == connection) else { return };
        if lane.link.target().is_none() {
            return;
        }
        match lane.link.is_up() {
            true => lane.replyless_connections += 1,
            false => lane.failures += 1,
        }
        let shard = lane.key.shard;
        let refused = (!lane.link.is_up() && lane.key.use_ == Use::Master).then_some(shard);
        if let Some(shard) = refused {
            self.base.shards.set_failing(shard, true);
        }
        self.lose(id, loss);
        self.memory.accepted.accept_held_from_memory(&mut self.base, &mut self.hub, id);
        self.fail_without_hold(id);
        self.check_shutdown(shard);
    }

    /// Handles a connection for which there is no descriptor. That is no fault of the node, so requests wait on.
    pub(crate) fn link_deferred(&mut self, id: LaneId, connection: u32) {
        let now = self.base.now;
        let Some(lane) = self.base.lane(id).filter(|lane| lane.connection == connection) else { return };
        if lane.is_spare() {
            return self.base.remove_lane(id);
        }
        lane.link = Link::Down { retry_at: now + SHORTAGE };
        self.base.tick_soon = true;
        self.base.update_held(id);
        self.fail_without_hold(id);
        self.close_an_unused_one();
    }

    /// Closes a client's own connection that is only kept for its next request, to make room for one that is needed now.
    fn close_an_unused_one(&mut self) {
        let is_unused = |lane: &Lane| lane.is_dedicated() && lane.link.is_up() && !lane.is_wanted();
        let unused: Vec<LaneId> =
            self.base.lanes.iter().filter(|lane| is_unused(lane)).map(|lane| lane.id).collect();
        if let Some(id) = unused.into_iter().find(|id| !self.base.is_watching(*id)) {
            self.remove_if_unused(id);
        }
    }

    /// Fails all requests on the lane that could not be sent at once, if `hold` is 0.
    pub(super) fn fail_without_hold(&mut self, id: LaneId) {
        if self.base.settings.hold == 0 {
            retry::expire(&mut self.base, id);
            self.hub.fail_listening(&mut self.base, id);
        }
    }

    pub(super) fn greeting_reply(&mut self, id: LaneId, frame: &[u8]) {
        let Some(lane) = self.base.lane(id) else { return };
        let Link::Greeting { greeting, .. } = &mut lane.link else { return };
        match greeting.reply(frame) {
            Ok(_) => self.finish_greeting_if_over(id),
            Err(rejection) => self.rejected(id, &rejection),
        }
    }

    fn finish_greeting_if_over(&mut self, id: LaneId) {
        if self
            .base
            .lane(id)
            .is_some_and(|lane| matches!(&lane.link, Link::Greeting { greeting, .. } if greeting.is_over()))
        {
            self.finish_greeting(id);
        }
    }

    fn finish_greeting(&mut self, id: LaneId) {
        let now = self.base.now;
        let Some(lane) = self.base.lane(id) else { return };
        let Link::Greeting { target, greeting, .. } = &lane.link else { return };
        lane.node_connection_id = greeting.connection_id();
        lane.run_id = greeting.found_run_id();
        lane.link = Link::up(target.clone());
        lane.heard = now;
        lane.stream.rewind();
        if let Some(tracked) = &mut lane.tracked {
            tracked.is_live = true;
        }
        let served = (lane.key.use_ != Use::Reads).then_some(lane.key.shard);
        if let Some(shard) = served {
            self.base.shards.set_failing(shard, false);
        }
        ears::use_ear(&mut self.base, id);
        listen_first(&mut self.base, id);
        self.send_held(id);
    }

    /// Sends the held requests of a lane that is open, in order. Those whose clients have gone are dropped.
    pub(super) fn send_held(&mut self, id: LaneId) {
        self.base.drop_abandoned(id);
        if !self.base.is_open(id) {
            return;
        }
        let now = self.base.now;
        let Some(lane) = self.base.lanes.get_mut(id) else { return };
        if lane.held.commands > 0 {
            lane.heard = now;
            let written = lane.stream.written();
            for entry in lane.queue.iter_mut().filter(|entry| entry.end > written) {
                entry.sent = now;
                let waited = std::time::Duration::from_micros(now.saturating_sub(entry.since));
                self.base.metrics.hold_finished(HoldOutcome::Sent, waited);
            }
        }
        if lane.is_dedicated() {
            retry::renew_wait(&mut self.base, id);
        }
        self.base.update_held(id);
        self.base.touch_lane(id);
        self.hub.recheck_all(&mut self.base, id);
    }

    fn rejected(&mut self, id: LaneId, rejection: &Rejection) {
        let Some(lane) = self.base.lane(id) else { return };
        lane.failures += 1;
        let endpoint = lane.link.target().map(|target| target.endpoint.clone());
        match (rejection, endpoint) {
            (Rejection::Refused(line), _) => {
                self.fail_all(id, line);
                if let Some(lane) = self.base.lane(id).and_then(|ear| ear.hears_for) {
                    self.fail_all(lane, line);
                }
                self.hub.refuse_listening(&mut self.base, id, line);
            }
            (Rejection::NotMaster, Some(endpoint)) => self.base.hint(endpoint, HintReason::ReadOnly),
            (Rejection::OtherProcess, Some(endpoint)) => self.base.hint(endpoint, HintReason::WrongIdentity),
            (Rejection::NotYet, Some(endpoint)) => self.base.hint(endpoint, HintReason::Loading),
            (_, None) => {}
        }
        self.lose(id, Loss::Demoted);
        // A lane that its node refuses is removed if nobody needs it: otherwise guesses at passwords would pile up lanes.
        if self.base.lane(id).is_some_and(|lane| !lane.is_dedicated() && !lane.is_wanted()) {
            self.remove_lane(id);
        }
    }

    /// Answers all requests that wait on this lane with the node's error: none of them was sent.
    fn fail_all(&mut self, id: LaneId, line: &[u8]) {
        while let Some(entry) = self.base.lane(id).and_then(|lane| lane.queue.front().copied()) {
            self.base.pop(id, &entry);
            if entry.may_have_run {
                self.base.fail_request(&entry, Verdict::Uncertain, "no node took it again");
            } else {
                self.base.answer_entry(&entry, line, CommandResult::Error);
            }
        }
    }

    pub(crate) fn lane_written(&mut self, id: LaneId, bytes: usize) {
        self.base.metrics.node_bytes(crate::reasons::Direction::Out, bytes);
        let now = self.base.now;
        let Some(lane) = self.base.lane(id) else { return };
        match &mut lane.link {
            Link::Greeting { greeting, .. } => {
                greeting.advance_written(bytes);
                self.finish_greeting_if_over(id);
            }
            Link::Up(_) if let Some(probe) = &mut lane.probe => probe.advance_written(bytes),
            Link::Up(_) if let Some(listening) = &mut lane.listening => {
                listening.advance_written(bytes);
                self.hub.send_questions(&mut self.base, id);
            }
            Link::Up(_) => {
                lane.stream.advance_written(bytes);
                if lane.is_dedicated() {
                    lane.heard = now;
                    self.base.forget_uploaded(id);
                }
            }
            Link::Down { .. } | Link::Opening { .. } => {}
        }
    }
}

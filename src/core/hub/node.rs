//! Listening lanes: what their nodes say, and what follows when one is lost.

use crate::core::settings::HOPS;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::client::Life;
use crate::command::is_key_event;
use crate::core::base::Base;
use crate::core::base::queue::NO_NODE;
use crate::core::shards::{Gate, is_same};
use crate::failover::Loss;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::Use;
use crate::node::link::Link;
use crate::node::listening::Asked;
use crate::reasons::{CloseReason, HoldOutcome};
use crate::resp::pubsub::{Event, Name, Space, event};
use crate::resp::reply::ErrorCode;
use crate::route::redirect;

use super::Hub;
use super::deaf::{forget_deaf, note_deaf};

/// What becomes of a subscription that a node has refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// Somebody else may take it, or the same node later.
    Passing,
    /// It is the answer to whoever asked.
    Final,
}

impl Hub {
    /// One frame on a listening connection.
    pub(crate) fn listening_frame(&mut self, base: &mut Base, id: LaneId, kind: u8, frame: &[u8]) {
        let understood = match kind {
            b'-' => self.refused_name(base, id, frame),
            b'*' | b'>' => self.listening_event(base, id, kind, frame),
            _ => self.pong(base, id),
        };
        match understood {
            true => self.pump(base, id),
            false => self.lose(base, id, Loss::Broken),
        }
    }

    fn listening_event(&mut self, base: &mut Base, id: LaneId, kind: u8, frame: &[u8]) -> bool {
        match event(frame) {
            Event::Message { space, name, channel } => self.message(base, id, space, name, channel, frame),
            Event::Confirmed { space, subscribed, name } => {
                return self.confirmed(base, id, space, subscribed, name);
            }
            Event::Pong => return self.pong(base, id),
            // A push that nobody has asked for.
            Event::Other => return kind == b'>',
        }
        true
    }

    fn pong(&mut self, base: &mut Base, id: LaneId) -> bool {
        let listening = base.lane(id).and_then(|lane| lane.listening.as_mut());
        listening.and_then(|listening| listening.answered()) == Some(Asked::Ping)
    }

    /// What every node knows is taken from one of them.
    fn message(
        &mut self,
        base: &mut Base,
        id: LaneId,
        space: Space,
        name: &[u8],
        channel: &[u8],
        frame: &[u8],
    ) {
        let now = base.now;
        let Some((index, shard)) = base.audience_at(id) else { return };
        let Some(audience) = self.audiences.get_mut(index) else { return };
        if space == Space::Shard || is_key_event(channel) || audience.is_due(shard, frame, now) {
            self.pass_on(base, index, space, name, frame);
        }
    }

    /// To those who listen to it.
    pub(super) fn pass_on(&mut self, base: &mut Base, index: usize, space: Space, name: &[u8], frame: &[u8]) {
        let limit = base.settings.output_buffer;
        let Some(topic) = self.audiences.get(index).and_then(|held| held.topic(space, name)) else { return };
        let mut slow = Vec::new();
        for id in &topic.listeners {
            let client = base.clients.get_mut(*id);
            let Some(client) = client.filter(|client| client.id == *id && client.life == Life::Open) else {
                continue;
            };
            if !client.replies.has_buffer()
                && let Some(buffer) = base.buffers.pop()
            {
                client.replies.lend_buffer(buffer);
            }
            client.replies.push(frame);
            if client.replies.waiting() > limit {
                slow.push(*id);
            }
            if !client.dirty {
                client.dirty = true;
                base.dirty_clients.push(*id);
            }
        }
        for id in slow {
            base.kill_client(id, CloseReason::OutputLimit);
        }
    }

    /// The answer to a question, or what the node says of itself when a slot has left it. False: it is neither.
    fn confirmed(
        &mut self,
        base: &mut Base,
        id: LaneId,
        space: Space,
        subscribed: bool,
        name: Option<&[u8]>,
    ) -> bool {
        let Some((index, shard)) = base.audience_at(id) else { return true };
        let Some(lane) = base.lane(id) else { return true };
        (lane.failures, lane.fruitless) = (0, 0);
        let Some(listening) = &mut lane.listening else { return true };
        let asked = listening.is_answered_by(space, name, subscribed);
        let Some(name) = name else { return asked || !subscribed };
        let name = self.name_in(index, space, name);
        let Some(topic) = self.audiences.get_mut(index).and_then(|held| held.topic_mut(space, &name)) else {
            return asked || !subscribed;
        };
        if !asked && subscribed {
            return false;
        }
        match asked {
            true => topic.answered(shard, false),
            false => topic.let_go(shard),
        }
        let confirmed = topic.is_confirmed(shard);
        if confirmed {
            topic.hops = 0;
        }
        self.settle_leaving(base, index, space, &name);
        if confirmed {
            self.settle(base, index, space, &name);
            self.recount(base, index, space, &name);
        } else {
            self.sync(base, index, space, &name);
        }
        true
    }

    /// An error is the answer to the question at the head.
    fn refused_name(&mut self, base: &mut Base, id: LaneId, frame: &[u8]) -> bool {
        let Some((index, shard)) = base.audience_at(id) else { return true };
        let code = ErrorCode::of(frame);
        let slot = redirect::parse(frame).map(|redirect| redirect.slot);
        let clustered = base.settings.sharding.redirects();
        let Some(listening) = base.lane(id).and_then(|lane| lane.listening.as_mut()) else { return true };
        if clustered && is_about_slot(code) && !listening.is_next_of_slot(slot) {
            // The answer to an UNSUBSCRIBE that the node had forestalled.
            return true;
        }
        let (space, name, subscribes) = match listening.answered() {
            Some(Asked::Name { space, name, subscribes }) => (space, name, subscribes),
            // The user may not say PING: the node lives.
            Some(Asked::Ping) => return true,
            None => return false,
        };
        let Some(topic) = self.audiences.get_mut(index).and_then(|held| held.topic_mut(space, &name)) else {
            return true;
        };
        topic.answered(shard, subscribes);
        self.settle_leaving(base, index, space, &name);
        match (subscribes, refusal(code, clustered)) {
            (true, Refusal::Passing) => self.ask_elsewhere(base, id, space, &name, frame),
            (true, Refusal::Final) => self.refuse_topic(base, index, space, &name, frame),
            (false, _) => self.sync(base, index, space, &name),
        }
        true
    }

    fn ask_elsewhere(&mut self, base: &mut Base, id: LaneId, space: Space, name: &Name, frame: &[u8]) {
        let Some((index, shard)) = base.audience_at(id) else { return };
        let told = base.learn(id, frame);
        let Some(topic) = self.audiences.get_mut(index).and_then(|held| held.topic_mut(space, name)) else {
            return;
        };
        topic.hops = topic.hops.saturating_add(1);
        if told.is_some_and(|told| told != shard) && topic.hops <= HOPS {
            return self.sync(base, index, space, name);
        }
        topic.hops = 0;
        self.try_later(base, index, space, name);
    }

    /// A client that waits for its confirmation gets the error. One that was confirmed before is closed: it would miss messages without
    /// knowing.
    fn refuse_topic(&mut self, base: &mut Base, index: usize, space: Space, name: &Name, line: &[u8]) {
        if let Some(marked) = self.audiences.get_mut(index).and_then(|held| held.refuse_mark(space, name)) {
            self.recount(base, index, space, &marked);
        }
        let Some(topic) = self.audiences.get(index).and_then(|held| held.topic(space, name)) else { return };
        let asking: Vec<ClientId> = topic.waiting.iter().chain(&topic.promised).copied().collect();
        let listening: Vec<ClientId> = topic.listeners.iter().copied().collect();
        // All at once: what one of them leaves is not to be asked for again on behalf of the next.
        if let Some(audience) = self.audiences.get_mut(index) {
            asking.iter().chain(&listening).for_each(|id| audience.leave(space, name, *id));
        }
        for id in asking {
            self.refuse_pending(base, id, line);
        }
        for id in listening {
            base.kill_client(id, CloseReason::Broken);
        }
        self.sync(base, index, space, name);
    }

    /// The node does not take the identity: that is the answer to everything on this lane.
    pub(crate) fn refuse_listening(&mut self, base: &mut Base, id: LaneId, line: &[u8]) {
        let Some((index, shard)) = base.audience_at(id) else { return };
        for (space, name) in self.topics_at(base, index, shard) {
            self.refuse_topic(base, index, space, &name, line);
        }
        self.review(base, id);
    }

    /// A listening connection is gone. What every node knows is heard from another one, if there is any.
    pub(crate) fn lose(&mut self, base: &mut Base, id: LaneId, loss: Loss) {
        base.hint_loss(id, loss);
        let Some((index, shard)) = base.audience_at(id) else { return };
        base.disconnect(id);
        let now = base.now;
        let Some(lane) = base.lane(id) else { return };
        // What the driver still has of the old connection is void.
        lane.connection = lane.connection.wrapping_add(1);
        lane.forget_replies();
        lane.link = Link::Down { retry_at: now + lane.backoff() };
        if let Some(listening) = &mut lane.listening {
            listening.forget();
        }
        let was_next = self.stop_moving_to(index, shard);
        self.forget_shard(base, index, shard);
        note_deaf(base, id);
        self.end_listeners(base, index, shard);
        self.hold_subscribing(base, index);
        base.hurry = true;
        match was_next {
            true => self.move_elsewhere(base, index),
            false => self.leave_lost_home(base, index, shard),
        }
        self.review(base, id);
        base.open_link(id);
    }

    /// Until the subscription stands again messages are missed, and nobody knows which. Whoever learns of what is not known by
    /// the end of its connection looks again then.
    fn end_listeners(&mut self, base: &mut Base, index: usize, shard: u16) {
        let mut listening: BTreeSet<ClientId> = BTreeSet::new();
        for (space, name) in self.topics_at(base, index, shard) {
            let topic = self.audiences.get(index).and_then(|held| held.topic(space, &name));
            listening.extend(topic.into_iter().flat_map(|topic| topic.listeners.iter().copied()));
        }
        let settings = Arc::clone(&base.settings);
        listening
            .retain(|id| base.client(*id).is_some_and(|client| settings.telling.closes(&client.session)));
        for id in listening {
            base.end_client(id, CloseReason::Unknown);
        }
    }

    /// `hold = 0`: whoever waits for a confirmation is not kept waiting.
    pub(crate) fn fail_listening(&mut self, base: &mut Base, id: LaneId) {
        let Some((index, _)) = base.audience_at(id) else { return };
        for id in self.subscribing_in(base, index) {
            self.give_up_pending(base, id, HoldOutcome::Expired, NO_NODE);
        }
    }

    /// The gate of the lane's shard is another one, or has become what it was.
    pub(crate) fn follow_gate(&mut self, base: &mut Base, id: LaneId) {
        let Some((_, shard)) = base.audience_at(id) else { return };
        let gate = base.shards.gate(shard, Use::Listening).clone();
        let Some(lane) = base.lane(id) else { return };
        match (&gate, lane.link.target()) {
            (Gate::Closed, _) => {}
            (Gate::Open(target), Some(current)) if is_same(target, current) => self.look_at_all(base, id),
            (Gate::Open(_), Some(_)) => {
                lane.failures = 0;
                if !self.leaves_for_another_home(base, id) {
                    self.lose(base, id, Loss::Demoted);
                }
            }
            (Gate::Open(_), None) => {
                lane.failures = 0;
                lane.link = Link::Down { retry_at: 0 };
                base.open_link(id);
            }
        }
    }

    /// Takes the lane away, and nothing is subscribed there any more.
    pub(crate) fn end_lane(&mut self, base: &mut Base, id: LaneId) {
        forget_deaf(base, id);
        if let Some((index, shard)) = base.audience_at(id) {
            self.forget_shard(base, index, shard);
            if let Some(audience) = self.audiences.get_mut(index) {
                audience.lanes.remove(&shard);
            }
            self.tidy_audience(index);
        }
        base.remove_lane(id);
    }

    fn forget_shard(&mut self, base: &mut Base, index: usize, shard: u16) {
        let Some(audience) = self.audiences.get_mut(index) else { return };
        let names = audience.names_at(shard);
        let left = audience.forget_shard(shard);
        for (space, name) in names {
            self.recount(base, index, space, &name);
        }
        left.into_iter().for_each(|id| self.one_less_to_leave(base, id));
    }

    /// A node that is silent may be dead, or have nothing to tell: it is asked.
    pub(crate) fn probe_listening(&mut self, base: &mut Base, id: LaneId) {
        let (now, patience) = (base.now, base.settings.node_timeout / 2);
        if !base.is_open(id) {
            return;
        }
        let Some(lane) = base.lane(id) else { return };
        let silent = now.saturating_sub(lane.heard) > patience;
        let Some(listening) = &lane.listening else { return };
        if silent && listening.wanted && !listening.is_owed() {
            lane.heard = now;
            self.ping_listening(base, id);
        }
    }

    pub(super) fn ping_listening(&mut self, base: &mut Base, id: LaneId) {
        if let Some(listening) = base.lane(id).and_then(|lane| lane.listening.as_mut()) {
            listening.ping();
            base.touch_lane(id);
        }
    }
}

/// Said of shard channels alone.
fn is_about_slot(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Moved | ErrorCode::Ask | ErrorCode::TryAgain | ErrorCode::ClusterDown)
}

/// Refused for now, or for good.
fn refusal(code: ErrorCode, clustered: bool) -> Refusal {
    match code {
        _ if clustered && is_about_slot(code) => Refusal::Passing,
        ErrorCode::Loading | ErrorCode::MasterDown | ErrorCode::ReadOnly | ErrorCode::MaxClients => {
            Refusal::Passing
        }
        _ => Refusal::Final,
    }
}

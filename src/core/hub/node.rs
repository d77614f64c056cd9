//! Listening lanes: the answers and messages of their nodes, and the consequences of a loss.

use crate::core::settings::HOPS;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::client::{Client, Life};
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
use crate::resp::pubsub::{Event, Name, Space, content, event};
use crate::resp::reply::ErrorCode;
use crate::route::redirect;

use super::Hub;
use super::deaf::{forget_deaf, note_deaf};
use super::order::ping_listening;

/// The kind of a refused subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// Another node may take it, or the same node later.
    Passing,
    /// The client that asked gets the error.
    Final,
}

impl Hub {
    /// Handles one frame from a listening connection.
    pub(crate) fn listening_frame(&mut self, base: &mut Base, id: LaneId, kind: u8, frame: &[u8]) {
        let understood = match kind {
            b'-' => self.refused_name(base, id, frame),
            b'*' | b'>' => self.listening_event(base, id, kind, frame),
            _ => self.pong(base, id),
        };
        match understood {
            true => self.send_questions(base, id),
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
            // A push that nothing has asked for is ignored.
            Event::Other => return kind == b'>',
        }
        true
    }

    fn pong(&mut self, base: &mut Base, id: LaneId) -> bool {
        let listening = base.lane(id).and_then(|lane| lane.listening.as_mut());
        match listening.and_then(|listening| listening.take_question()) {
            Some(Asked::Ping { batch }) => self.order.pinged(base, batch),
            Some(Asked::Name { .. }) | None => return false,
        }
        true
    }

    /// Handles a message. Messages that every node has are taken from one node only.
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
        if space == Space::Shard || is_key_event(channel) || audience.delivers_now(shard, frame, now) {
            self.forward(base, index, space, name, frame);
        }
    }

    /// Gives a message to the clients that listen to it.
    pub(super) fn forward(&mut self, base: &mut Base, index: usize, space: Space, name: &[u8], frame: &[u8]) {
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
            push_message(client, frame);
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

    /// Handles a confirmation: the answer to a question, or the news that the node has ended a subscription because
    /// its slot has left. Returns false if it can be neither.
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
        (lane.failures, lane.replyless_connections) = (0, 0);
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
            false => topic.ended_by_node(shard),
        }
        let confirmed = topic.is_confirmed(shard);
        if confirmed {
            topic.hops = 0;
        }
        self.notify_left(base, index, space, &name);
        if confirmed {
            self.notify_waiting(base, index, space, &name);
            self.recount(base, index, space, &name);
        } else {
            self.sync(base, index, space, &name);
        }
        true
    }

    /// Handles an error, which answers the question at the head.
    fn refused_name(&mut self, base: &mut Base, id: LaneId, frame: &[u8]) -> bool {
        let Some((index, shard)) = base.audience_at(id) else { return true };
        let code = ErrorCode::of(frame);
        let slot = redirect::parse(frame).map(|redirect| redirect.slot);
        let clustered = base.settings.sharding.redirects();
        let Some(listening) = base.lane(id).and_then(|lane| lane.listening.as_mut()) else { return true };
        if clustered && is_about_slot(code) && !listening.is_next_of_slot(slot) {
            // This answers an UNSUBSCRIBE for a name that the node had ended of its own accord before.
            return true;
        }
        let (space, name, subscribes) = match listening.take_question() {
            Some(Asked::Name { space, name, subscribes }) => (space, name, subscribes),
            // The user may not say PING, but the node is alive.
            Some(Asked::Ping { batch }) => {
                self.order.pinged(base, batch);
                return true;
            }
            None => return false,
        };
        let Some(topic) = self.audiences.get_mut(index).and_then(|held| held.topic_mut(space, &name)) else {
            return true;
        };
        topic.answered(shard, subscribes);
        self.notify_left(base, index, space, &name);
        match (subscribes, refusal(code, clustered)) {
            (true, Refusal::Passing) => self.ask_elsewhere(base, id, space, &name, frame),
            (true, Refusal::Final) => self.refuse_topic(base, index, space, &name, frame),
            (false, _) => self.sync(base, index, space, &name),
        }
        true
    }

    fn ask_elsewhere(&mut self, base: &mut Base, id: LaneId, space: Space, name: &Name, frame: &[u8]) {
        let Some((index, shard)) = base.audience_at(id) else { return };
        let named = base.apply_redirect(id, frame);
        let Some(topic) = self.audiences.get_mut(index).and_then(|held| held.topic_mut(space, name)) else {
            return;
        };
        topic.hops = topic.hops.saturating_add(1);
        if named.is_some_and(|named| named != shard) && topic.hops <= HOPS {
            return self.sync(base, index, space, name);
        }
        topic.hops = 0;
        self.recheck_later(base, index, space, name);
    }

    /// Refuses a topic for good. A client that waits for its confirmation gets the error. A client that was confirmed
    /// before is closed, since it would miss messages without knowing.
    fn refuse_topic(&mut self, base: &mut Base, index: usize, space: Space, name: &Name, line: &[u8]) {
        if let Some(marked) = self.audiences.get_mut(index).and_then(|held| held.refuse_mark(space, name)) {
            self.recount(base, index, space, &marked);
        }
        let Some(topic) = self.audiences.get(index).and_then(|held| held.topic(space, name)) else { return };
        let asking: Vec<ClientId> = topic.waiting.iter().chain(&topic.promised).copied().collect();
        let listening: Vec<ClientId> = topic.listeners.iter().copied().collect();
        // All clients leave before the first is answered; else the topic would be asked for again on behalf of the others.
        if let Some(audience) = self.audiences.get_mut(index) {
            asking.iter().chain(&listening).for_each(|id| audience.remove_listener(space, name, *id));
        }
        for id in asking {
            self.refuse_pending(base, id, line);
        }
        for id in listening {
            base.kill_client(id, CloseReason::Broken);
        }
        self.sync(base, index, space, name);
    }

    /// Answers all questions on this lane with the error line of a node that does not accept the lane's identity.
    pub(crate) fn refuse_listening(&mut self, base: &mut Base, id: LaneId, line: &[u8]) {
        let Some((index, shard)) = base.audience_at(id) else { return };
        for (space, name) in self.topics_at(base, index, shard) {
            self.refuse_topic(base, index, space, &name, line);
        }
        self.update_wanted(base, id);
    }

    /// Handles the loss of a listening connection. Another node, if there is one, sends the messages that every node has.
    pub(crate) fn lose(&mut self, base: &mut Base, id: LaneId, loss: Loss) {
        base.hint_loss(id, loss);
        let Some((index, shard)) = base.audience_at(id) else { return };
        base.disconnect(id);
        self.order.give_up(base, id);
        let now = base.now;
        let Some(lane) = base.lane(id) else { return };
        // Events that the worker still has of the old connection are void.
        lane.connection = lane.connection.wrapping_add(1);
        lane.forget_replies();
        lane.link = Link::Down { retry_at: now + lane.backoff() };
        if let Some(listening) = &mut lane.listening {
            listening.forget();
        }
        let was_next = self.cancel_changeover_to(base, index, shard);
        self.forget_shard(base, index, shard);
        note_deaf(base, id);
        self.end_listeners(base, index, shard);
        self.hold_subscribing(base, index);
        base.tick_soon = true;
        match was_next {
            true => self.replace_next_home(base, index),
            false => self.replace_lost_home(base, index, shard),
        }
        self.update_wanted(base, id);
        base.open_link(id);
    }

    /// Ends the connections of those listeners that learn of unknown outcomes in this way: until the subscription is
    /// back messages are missed, and nobody knows which. They look for changes when they connect again.
    fn end_listeners(&mut self, base: &mut Base, index: usize, shard: u16) {
        let mut listening: BTreeSet<ClientId> = BTreeSet::new();
        for (space, name) in self.topics_at(base, index, shard) {
            let topic = self.audiences.get(index).and_then(|held| held.topic(space, &name));
            listening.extend(topic.into_iter().flat_map(|topic| topic.listeners.iter().copied()));
        }
        let settings = Arc::clone(&base.settings);
        listening
            .retain(|id| base.client(*id).is_some_and(|client| settings.failures.closes(&client.session)));
        for id in listening {
            base.end_client(id, CloseReason::Unknown);
        }
    }

    /// Answers all clients of the audience that wait for a confirmation. Called if `hold` is 0.
    pub(crate) fn fail_listening(&mut self, base: &mut Base, id: LaneId) {
        let Some((index, _)) = base.audience_at(id) else { return };
        for id in self.subscribing_in(base, index) {
            self.fail_subscribe(base, id, HoldOutcome::Expired, NO_NODE);
        }
    }

    /// Brings a listening lane in line with the gate of its shard.
    pub(crate) fn follow_gate(&mut self, base: &mut Base, id: LaneId) {
        let Some((_, shard)) = base.audience_at(id) else { return };
        let gate = base.shards.gate(shard, Use::Listening).clone();
        let Some(lane) = base.lane(id) else { return };
        match (&gate, lane.link.target()) {
            (Gate::Closed, _) => {}
            (Gate::Open(target), Some(current)) if is_same(target, current) => self.recheck_all(base, id),
            (Gate::Open(_), Some(_)) => {
                lane.failures = 0;
                if !self.leave_gradually(base, id) {
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

    /// Removes a listening lane and all that was subscribed on it.
    pub(crate) fn remove_listening_lane(&mut self, base: &mut Base, id: LaneId) {
        forget_deaf(base, id);
        self.order.give_up(base, id);
        if let Some((index, shard)) = base.audience_at(id) {
            self.forget_shard(base, index, shard);
            if let Some(audience) = self.audiences.get_mut(index) {
                audience.lanes.remove(&shard);
            }
            self.drop_unused_audience(index);
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
        left.into_iter().for_each(|id| self.count_left_name(base, id));
    }

    /// Sends a PING to a node that has been silent: it may be dead, or just have no messages.
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
            ping_listening(base, id, None);
        }
    }
}

/// Puts a message among the client's replies: one of its own behind the reply to the command that has published it.
fn push_message(client: &mut Client, frame: &[u8]) {
    let Client { subscriptions, replies, .. } = client;
    let own = subscriptions.as_mut().map(|held| &mut held.own).filter(|own| !own.is_empty());
    let place = own.zip(content(frame)).and_then(|(own, (channel, text))| {
        own.forget_answered(|seq| replies.owes(seq));
        own.place_of(channel, text)
    });
    match place {
        Some(seq) => replies.push_after(seq, frame),
        None => replies.push(frame),
    }
}

/// Returns true if a node gives this error only for shard channels.
fn is_about_slot(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Moved | ErrorCode::Ask | ErrorCode::TryAgain | ErrorCode::ClusterDown)
}

/// Returns whether the refusal may pass, or is final.
fn refusal(code: ErrorCode, clustered: bool) -> Refusal {
    match code {
        _ if clustered && is_about_slot(code) => Refusal::Passing,
        ErrorCode::Loading | ErrorCode::MasterDown | ErrorCode::ReadOnly | ErrorCode::MaxClients => {
            Refusal::Passing
        }
        _ => Refusal::Final,
    }
}

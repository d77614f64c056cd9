//! The questions to the nodes: a topic is subscribed once at each node with messages for it, however many clients listen.
//!
//! Every change marks topics on lanes to be checked. The lane then compares what is wanted of its node with what the
//! node was told, and sends the difference. So a lost connection, a moved slot and a new home need no rules of their
//! own: the questions are asked again, and the clients notice nothing.

use std::collections::BTreeSet;

use crate::client::Client;
use crate::core::base::Base;
use crate::core::shards::ONLY_SHARD;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::{LaneKey, Use};
use crate::node::listening::Listening;
use crate::node::modes::Modes;
use crate::resp::pubsub::{Name, Space};

use super::Hub;
use super::audience::{Audience, AudienceKey, Reach, TopicPart};
use super::deaf::note_hearing;

/// The pause between two attempts to find the node that takes a subscription, in microseconds.
const PAUSE: u64 = 10_000;

/// The number of entries beyond twice the topics at which the list of a lane is replaced by one without duplicates.
const MANY: usize = 1024;

/// A topic that is to be checked again after a pause.
pub(super) struct Recheck {
    due: u64,
    audience: usize,
    space: Space,
    name: Name,
}

impl Hub {
    /// Returns the audience of the client's session, which is made if it is new.
    pub(super) fn audience_of(&mut self, base: &Base, client: &Client) -> usize {
        let key = audience_key(base, client);
        if let Some(known) = self.audience_keys.get(&key) {
            return *known;
        }
        let home = base.shards.home(client.id.slot);
        let index = self.audiences.insert(Audience::new(key.clone(), home, base.shards.version()));
        self.audience_keys.insert(key, index);
        index
    }

    pub(super) fn name_in(&self, audience: usize, space: Space, name: &[u8]) -> Name {
        self.audiences.get(audience).map_or_else(|| Name::from(name), |held| held.name(space, name))
    }

    /// Returns the shards at which a topic of this reach is to be subscribed.
    pub(super) fn shards_for(&self, base: &Base, audience: &Audience, reach: Reach) -> Vec<u16> {
        let Some(map) = base.shards.owners().cluster() else { return vec![ONLY_SHARD] };
        match reach {
            Reach::Home => map.shards().filter(|shard| audience.is_home(*shard)).collect(),
            Reach::Everywhere => map.shards().collect(),
            Reach::Slot(slot) => map.shard_of(slot).into_iter().collect(),
        }
    }

    fn shards_wanted(&self, base: &Base, audience: &Audience) -> BTreeSet<u16> {
        let mut wanted = BTreeSet::new();
        if audience.reaches_home() {
            wanted.extend(self.shards_for(base, audience, Reach::Home));
        }
        if audience.reaches_everywhere() {
            wanted.extend(self.shards_for(base, audience, Reach::Everywhere));
        }
        for slot in audience.slots() {
            wanted.extend(self.shards_for(base, audience, Reach::Slot(slot)));
        }
        wanted
    }

    /// Returns true if nodes have confirmed each of these names, or lanes are open on which it is asked for now.
    pub(super) fn is_heard(&self, base: &Base, audience: usize, space: Space, names: &[Name]) -> bool {
        let Some(audience) = self.audiences.get(audience) else { return false };
        let is_open = |shard: &u16| audience.lanes.get(shard).is_some_and(|lane| base.is_open(*lane));
        names.iter().all(|name| {
            let shards = self.shards_for(base, audience, Reach::of(space, name));
            self.is_confirmed(base, audience, space, name)
                || (!shards.is_empty() && shards.iter().all(is_open))
        })
    }

    /// Returns true if a connection may come up at once: the gate is open and no attempt has just failed.
    pub(super) fn may_come_up(&self, base: &Base, audience: usize) -> bool {
        let Some(audience) = self.audiences.get(audience) else { return false };
        let failed = audience
            .lanes
            .values()
            .any(|id| base.lanes.get(*id).is_some_and(|lane| lane.is_backing_off(base.now)));
        !failed && base.shards.is_open(audience.home, Use::Listening)
    }

    /// Returns true if every node has confirmed the topic that has messages for it and can be reached.
    fn is_confirmed(&self, base: &Base, audience: &Audience, space: Space, name: &[u8]) -> bool {
        let Some(topic) = audience.topic(space, name) else { return false };
        let shards = self.shards_for(base, audience, topic.reach);
        topic.is_confirmed_anywhere()
            && shards.iter().all(|shard| {
                let is_there =
                    base.shards.is_open(*shard, Use::Listening) && !audience.is_being_replaced(*shard);
                topic.is_confirmed(*shard) || !is_there
            })
    }

    /// Brings what the nodes were told of a topic in line with what is wanted.
    pub(crate) fn sync(&mut self, base: &mut Base, index: usize, space: Space, name: &Name) {
        let Some(audience) = self.audiences.get(index) else { return };
        let Some(topic) = audience.topic(space, name) else { return self.drop_unused_audience(index) };
        let wanted = if topic.is_alive() { self.shards_for(base, audience, topic.reach) } else { Vec::new() };
        let mut lanes: Vec<LaneId> =
            topic.places().filter_map(|shard| audience.lanes.get(&shard)).copied().collect();
        for shard in wanted {
            let lane = self.listening_lane(base, index, shard);
            if let Some(listening) = base.lane(lane).and_then(|lane| lane.listening.as_mut()) {
                listening.wanted = true;
            }
            if !lanes.contains(&lane) {
                lanes.push(lane);
            }
        }
        for lane in lanes {
            self.recheck(base, lane, space, name);
        }
        self.recount(base, index, space, name);
        // A client may have asked for the topic while another was leaving it.
        self.notify_left(base, index, space, name);
        if let Some(audience) = self.audiences.get_mut(index) {
            audience.drop_unused_topic(space, name);
        }
        self.drop_unused_audience(index);
    }

    fn recheck(&mut self, base: &mut Base, id: LaneId, space: Space, name: &Name) {
        if !base.is_open(id) {
            // All topics are checked when the lane opens.
            return base.open_link(id);
        }
        let topics = base.audience_at(id).and_then(|(index, _)| self.audiences.get(index)).map(Audience::len);
        let Some(listening) = base.lane(id).and_then(|lane| lane.listening.as_mut()) else { return };
        if listening.todo.len() > 2 * topics.unwrap_or_default() + MANY {
            // Topics that are subscribed and left again while the node takes nothing must not pile up here.
            return self.recheck_all(base, id);
        }
        listening.todo.push_back((space, name.clone()));
        self.send_questions(base, id);
    }

    fn listening_lane(&mut self, base: &mut Base, index: usize, shard: u16) -> LaneId {
        let audience = self.audiences.get(index);
        if let Some(lane) = audience.and_then(|audience| audience.lanes.get(&shard)) {
            return *lane;
        }
        let AudienceKey { identity, proto, .. } =
            audience.map(|audience| audience.key.clone()).unwrap_or_default();
        let modes = Modes::default();
        let key = LaneKey { shard, identity, db: 0, proto, modes, owner: None, use_: Use::Listening };
        // The lane is found by its audience alone: two audiences of the same identity may have one each.
        let lane = base.add_lane(key);
        if let Some(lane) = base.lane(lane) {
            lane.listening = Some(Box::new(Listening::new(index)));
        }
        if let Some(audience) = self.audiences.get_mut(index) {
            audience.lanes.insert(shard, lane);
        }
        lane
    }

    /// Sends the questions of a listening lane, as many as its node takes.
    pub(crate) fn send_questions(&mut self, base: &mut Base, id: LaneId) {
        if !base.is_open(id) {
            return;
        }
        loop {
            let listening = base.lane(id).and_then(|lane| lane.listening.as_mut());
            let Some(listening) = listening.filter(|listening| !listening.is_full()) else { break };
            let Some((space, name)) = listening.todo.pop_front() else { break };
            self.ask_difference(base, id, space, &name);
        }
        note_hearing(base, id);
        let listening = base.lane(id).and_then(|lane| lane.listening.as_ref());
        if listening.is_some_and(|listening| !listening.unwritten().is_empty()) {
            base.touch_lane(id);
        }
    }

    fn ask_difference(&mut self, base: &mut Base, id: LaneId, space: Space, name: &Name) {
        let Some((index, shard)) = base.audience_at(id) else { return };
        let Some(audience) = self.audiences.get(index) else { return };
        let Some(topic) = audience.topic(space, name) else { return };
        let wanted = topic.is_alive() && self.shards_for(base, audience, topic.reach).contains(&shard);
        let topic = self.audiences.get_mut(index).and_then(|audience| audience.topic_mut(space, name));
        let Some(subscribes) = topic.and_then(|topic| topic.next_step(shard, wanted)) else { return };
        let now = base.now;
        let Some(lane) = base.lane(id) else { return };
        lane.used = now;
        let Some(listening) = &mut lane.listening else { return };
        if !listening.is_owed() {
            lane.heard = now;
        }
        listening.ask(space, name, subscribes);
    }

    /// Checks all topics on a listening lane that has just opened.
    pub(crate) fn recheck_all(&mut self, base: &mut Base, id: LaneId) {
        let Some((index, _)) = base.audience_at(id) else { return };
        let names = self.audiences.get(index).map(Audience::names).unwrap_or_default();
        if let Some(listening) = base.lane(id).and_then(|lane| lane.listening.as_mut()) {
            listening.todo = names.into();
        }
        self.send_questions(base, id);
    }

    /// Checks all topics of an audience, on every lane.
    pub(super) fn sync_all(&mut self, base: &mut Base, index: usize) {
        let names = self.audiences.get(index).map(Audience::names).unwrap_or_default();
        self.sync_each(base, index, &names);
    }

    fn sync_each(&mut self, base: &mut Base, index: usize, names: &[(Space, Name)]) {
        let Some(audience) = self.audiences.get(index) else { return };
        let wanted = self.shards_wanted(base, audience);
        for shard in &wanted {
            self.listening_lane(base, index, *shard);
        }
        let version = base.shards.version();
        let Some(audience) = self.audiences.get_mut(index) else { return };
        audience.synced = version;
        for (shard, id) in audience.lanes.clone() {
            if let Some(listening) = base.lane(id).and_then(|lane| lane.listening.as_mut()) {
                listening.wanted = wanted.contains(&shard);
            }
            if base.is_open(id) {
                names.iter().for_each(|(space, name)| self.recheck(base, id, *space, name));
            }
            base.open_link(id);
        }
        self.notify_all_waiting(base, index);
    }

    pub(super) fn notify_all_waiting(&mut self, base: &mut Base, index: usize) {
        let awaited = self.audiences.get(index).map(Audience::awaited).unwrap_or_default();
        for (space, name) in awaited {
            self.notify_waiting(base, index, space, &name);
        }
    }

    /// Tells the clients that wait for the topic, if it is confirmed.
    pub(crate) fn notify_waiting(&mut self, base: &mut Base, index: usize, space: Space, name: &Name) {
        let Some(audience) = self.audiences.get(index) else { return };
        if !self.is_confirmed(base, audience, space, name) {
            return;
        }
        let waiting: Vec<ClientId> =
            audience.topic(space, name).into_iter().flat_map(|topic| topic.waiting.iter().copied()).collect();
        for id in waiting {
            if let Some(audience) = self.audiences.get_mut(index) {
                audience.join(space, name, id, TopicPart::Promised);
            }
            self.count_confirmed_name(base, id);
        }
    }

    /// Returns the topics that are wanted at a shard.
    pub(super) fn topics_at(&self, base: &Base, index: usize, shard: u16) -> Vec<(Space, Name)> {
        let Some(audience) = self.audiences.get(index) else { return Vec::new() };
        let is_there = |(space, name): &(Space, Name)| {
            let topic = audience.topic(*space, name);
            topic.is_some_and(|topic| self.shards_for(base, audience, topic.reach).contains(&shard))
        };
        audience.names().into_iter().filter(is_there).collect()
    }

    /// Notes on a listening lane whether it is needed.
    pub(crate) fn update_wanted(&mut self, base: &mut Base, id: LaneId) {
        let Some((index, shard)) = base.audience_at(id) else { return };
        let wanted = self.audiences.get(index).is_some_and(|held| self.wants(base, held, shard));
        if let Some(listening) = base.lane(id).and_then(|lane| lane.listening.as_mut()) {
            listening.wanted = wanted;
        }
        note_hearing(base, id);
    }

    fn wants(&self, base: &Base, audience: &Audience, shard: u16) -> bool {
        let is_there = |reach| self.shards_for(base, audience, reach).contains(&shard);
        audience.reaches_home() && is_there(Reach::Home)
            || audience.reaches_everywhere() && is_there(Reach::Everywhere)
            || audience.slots().any(|slot| match base.shards.owners().cluster() {
                Some(map) => map.shard_of(slot) == Some(shard),
                None => true,
            })
    }

    pub(super) fn recheck_later(&mut self, base: &mut Base, audience: usize, space: Space, name: &Name) {
        self.rechecks.push(Recheck { due: base.now + PAUSE, audience, space, name: name.clone() });
        base.tick_soon = true;
    }

    /// Checks the topics that are due, and those of audiences for which slots have new owners.
    pub(super) fn recheck_due(&mut self, base: &mut Base) {
        let now = base.now;
        let (due, kept) =
            std::mem::take(&mut self.rechecks).into_iter().partition(|recheck| recheck.due <= now);
        self.rechecks = kept;
        let due: Vec<Recheck> = due;
        for Recheck { audience, space, name, .. } in due {
            self.sync(base, audience, space, &name);
        }
        let version = base.shards.version();
        let behind = self.audiences.iter().filter(|(_, audience)| audience.synced != version);
        let behind: Vec<_> = behind.map(|(index, audience)| (index, audience.names_of_owners())).collect();
        for (index, names) in behind {
            self.sync_each(base, index, &names);
        }
    }

    /// Closes the connections of the audience if it is one client's own.
    pub(super) fn end_own_audience(&mut self, base: &mut Base, key: &AudienceKey) {
        if let Some(index) = self.audience_keys.get(key).filter(|_| key.owner.is_some()) {
            self.end_audience(base, *index);
        }
    }

    /// Closes the connections of an audience that was one client's own.
    pub(super) fn end_audience(&mut self, base: &mut Base, index: usize) {
        let audience = self.audiences.get(index).filter(|held| held.key.owner.is_some());
        let lanes: Vec<LaneId> =
            audience.map(|held| held.lanes.values().copied().collect()).unwrap_or_default();
        lanes.into_iter().for_each(|lane| self.remove_listening_lane(base, lane));
    }

    pub(super) fn drop_unused_audience(&mut self, index: usize) {
        if self.audiences.get(index).is_some_and(Audience::is_empty) {
            let audience = self.audiences.remove(index);
            self.audience_keys.remove(&audience.key);
        }
    }
}

/// Returns the key of the audience that this client belongs to.
pub(crate) fn audience_key(base: &Base, client: &Client) -> AudienceKey {
    let (identity, proto) = (client.session.identity.clone(), client.session.proto);
    let owner = (!base.settings.shares_subscriptions).then_some(client.id);
    AudienceKey { identity: identity.or(base.settings.backend_credentials.clone()), proto, owner }
}

//! An audience: subscriptions that all clients of one identity and RESP version share. A node sees each channel once.
//!
//! A topic is alive while a client listens to it, waits for it or was promised it; a mark is alive while it is needed
//! for the number of another topic's listeners. The reach of a topic says where it is to be subscribed, its places
//! say where it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::client::marks;
use crate::command::Slot;
use crate::config::Credentials;
use crate::ids::{ClientId, LaneId};
use crate::resp::pubsub::{Name, SPACES, Space};
use crate::resp::reply::Proto;

use super::changeover::{Changeover, Side};
use super::keyspace::tells_of_keys;

/// The nodes that have the messages of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Any one node has all messages.
    Home,
    /// Each node has the messages about its own keys.
    Everywhere,
    /// The owner of the slot has all messages.
    Slot(Slot),
}

impl Reach {
    pub(crate) fn of(space: Space, name: &[u8]) -> Reach {
        match space {
            Space::Shard => Reach::Slot(Slot::of_key(name)),
            Space::Channel | Space::Pattern if tells_of_keys(space, name) => Reach::Everywhere,
            Space::Channel | Space::Pattern => Reach::Home,
        }
    }
}

/// The state of a topic at one node.
#[derive(Clone, Copy, Debug)]
struct NodeSubscription {
    shard: u16,
    /// The latest command that the node was given: SUBSCRIBE or UNSUBSCRIBE.
    subscribes: bool,
    /// The number of commands that the node has not answered. Only the answer to the latest one tells the state.
    unanswered: u32,
}

/// The relation of a client to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicPart {
    /// No node has confirmed the topic since the client asked for it.
    Waiting,
    /// The topic is confirmed, but other names of the client's command are not.
    Promised,
    /// The client gets the topic's messages.
    Listening,
}

/// One channel or pattern.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) reach: Reach,
    pub(crate) listeners: BTreeSet<ClientId>,
    pub(crate) promised: BTreeSet<ClientId>,
    pub(crate) waiting: BTreeSet<ClientId>,
    /// Clients that have left, and are told so when the nodes have confirmed it.
    pub(crate) leaving: BTreeSet<ClientId>,
    /// The nodes that were told of the topic, by shard.
    places: Vec<NodeSubscription>,
    /// The topic is a mark, and is needed for the number of another topic's listeners.
    marks: bool,
    /// The marks that express the number of the topic's own listeners, see [`marks`].
    marked: u32,
    /// A node has refused a mark of the topic, so it gets none.
    unmarkable: bool,
    /// The number of nodes in a row that have redirected the subscription.
    pub(crate) hops: u8,
}

impl Topic {
    fn new(reach: Reach) -> Self {
        Topic {
            reach,
            listeners: BTreeSet::new(),
            promised: BTreeSet::new(),
            waiting: BTreeSet::new(),
            leaving: BTreeSet::new(),
            places: Vec::new(),
            marks: false,
            marked: 0,
            unmarkable: false,
            hops: 0,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.marks || !(self.listeners.is_empty() && self.promised.is_empty() && self.waiting.is_empty())
    }

    /// Returns true if the topic can be forgotten: no client has a part in it, no node holds it, and it has no marks.
    fn is_unused(&self) -> bool {
        !self.is_alive() && self.places.is_empty() && self.marked == 0
    }

    /// Returns true if no client has a part in the topic any more, and a node has not confirmed its end yet.
    fn is_being_left(&self) -> bool {
        !self.is_alive() && !self.places.is_empty()
    }

    /// Returns true if the client has asked for the topic.
    pub(crate) fn has(&self, client: ClientId) -> bool {
        self.listeners.contains(&client) || self.promised.contains(&client) || self.waiting.contains(&client)
    }

    /// Returns true if the node of this shard sends the topic's messages.
    pub(super) fn is_confirmed(&self, shard: u16) -> bool {
        self.places.iter().any(|place| place.shard == shard && place.subscribes && place.unanswered == 0)
    }

    pub(super) fn is_confirmed_anywhere(&self) -> bool {
        self.places.iter().any(|place| self.is_confirmed(place.shard))
    }

    /// Returns the number of listeners, and the shards whose nodes were told of the topic. Without these the number is 0.
    fn standing(&self) -> (usize, Vec<u16>) {
        let subscribed = self.places.iter().filter(|place| place.subscribes);
        let shards: Vec<u16> = subscribed.map(|place| place.shard).collect();
        (if shards.is_empty() { 0 } else { self.listeners.len() }, shards)
    }

    fn marks_wanted(&self) -> u32 {
        if self.unmarkable { 0 } else { marks::wanted(self.listeners.len()) }
    }

    pub(super) fn is_marked_wrongly(&self) -> bool {
        self.marked != self.marks_wanted()
    }

    /// Returns the shards whose nodes were told of the topic.
    pub(crate) fn places(&self) -> impl Iterator<Item = u16> {
        self.places.iter().map(|place| place.shard)
    }

    /// Returns the next command for the shard's node, and notes it: `Some(true)` is SUBSCRIBE, `Some(false)` UNSUBSCRIBE.
    pub(super) fn next_step(&mut self, shard: u16, wanted: bool) -> Option<bool> {
        match self.places.iter_mut().find(|place| place.shard == shard) {
            None if wanted => self.places.push(NodeSubscription { shard, subscribes: true, unanswered: 1 }),
            Some(place) if place.subscribes != wanted => {
                place.subscribes = wanted;
                place.unanswered += 1;
            }
            None | Some(_) => return None,
        }
        Some(wanted)
    }

    /// Notes that the node has answered a command; `refused`: with an error.
    pub(crate) fn answered(&mut self, shard: u16, refused: bool) {
        if let Some(place) = self.places.iter_mut().find(|place| place.shard == shard) {
            place.unanswered = place.unanswered.saturating_sub(1);
            if place.unanswered == 0 && (refused || !place.subscribes) {
                self.forget_place(shard);
            }
        }
    }

    /// Notes that the node has ended the subscription of its own accord. While it owes answers, these tell more.
    pub(crate) fn ended_by_node(&mut self, shard: u16) {
        if self.is_confirmed(shard) {
            self.forget_place(shard);
        }
    }

    fn forget_place(&mut self, shard: u16) {
        self.places.retain(|place| place.shard != shard);
    }
}

/// The properties that clients have in common who see the same messages in the same form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct AudienceKey {
    pub(crate) identity: Option<Arc<Credentials>>,
    pub(crate) proto: Proto,
    /// The only client of the audience, if it shares its subscriptions with nobody.
    pub(crate) owner: Option<ClientId>,
}

/// The shared subscriptions. See the module.
#[derive(Debug)]
pub(crate) struct Audience {
    pub(crate) key: AudienceKey,
    /// The shard whose node sends the messages that every node has.
    pub(crate) home: u16,
    /// The change to another home, if one is under way.
    pub(crate) changeover: Option<Box<Changeover>>,
    /// The listening lanes, one for each shard.
    pub(crate) lanes: BTreeMap<u16, LaneId>,
    /// The version of the slots' owners for which all topics were checked last.
    pub(crate) synced: u32,
    /// The topics in each [`Space`].
    topics: [HashMap<Name, Topic>; 3],
    /// The numbers of living topics of each reach.
    home_topics: usize,
    everywhere_topics: usize,
    slots: BTreeMap<Slot, usize>,
}

impl Audience {
    pub(crate) fn new(key: AudienceKey, home: u16, synced: u32) -> Self {
        Audience {
            key,
            home,
            changeover: None,
            lanes: BTreeMap::new(),
            synced,
            topics: Default::default(),
            home_topics: 0,
            everywhere_topics: 0,
            slots: BTreeMap::new(),
        }
    }

    /// Returns true if this shard's node is to send the messages that every node has.
    pub(super) fn is_home(&self, shard: u16) -> bool {
        let asked = self.changeover.as_ref().filter(|changeover| changeover.asks());
        shard == self.home || asked.and_then(|changeover| changeover.next_home()) == Some(shard)
    }

    pub(super) fn next_home(&self) -> Option<u16> {
        self.changeover.as_ref().and_then(|changeover| changeover.next_home())
    }

    /// Returns true if another home is about to replace this one, whose node may stop sending messages at any time.
    pub(super) fn is_being_replaced(&self, shard: u16) -> bool {
        self.next_home().is_some() && shard == self.home
    }

    /// Returns true if the shard's node has confirmed all topics except those of one slot alone.
    pub(super) fn has_confirmed_all(&self, shard: u16) -> bool {
        let mut topics = self.topics.iter().flat_map(HashMap::values).filter(|topic| topic.is_alive());
        topics.all(|topic| matches!(topic.reach, Reach::Slot(_)) || topic.is_confirmed(shard))
    }

    /// Returns true if a message that every node has is to be delivered, now that this shard's node has sent it.
    pub(crate) fn delivers_now(&mut self, shard: u16, message: &[u8], now: u64) -> bool {
        let (home, next) = (self.home, self.next_home());
        match &mut self.changeover {
            None => shard == home,
            Some(changeover) if shard == home => {
                let side = if next.is_some() { Side::Former } else { Side::Next };
                changeover.delivers_now(side, message, now)
            }
            Some(changeover) => next == Some(shard) && changeover.delivers_now(Side::Next, message, now),
        }
    }

    /// Returns the number of a topic's listeners, and the shards whose masters were told to send its messages. A home
    /// that is about to be replaced may be no master any more, so it is left out.
    pub(super) fn standing(&self, space: Space, name: &[u8]) -> (usize, Vec<u16>) {
        let (clients, mut shards) = self.topic(space, name).map(Topic::standing).unwrap_or_default();
        shards.retain(|shard| !self.is_being_replaced(*shard));
        (clients, shards)
    }

    /// Returns true if the audience has neither lanes nor topics.
    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.is_empty() && self.topics.iter().all(HashMap::is_empty)
    }

    /// Returns the number of topics, living or not.
    pub(crate) fn len(&self) -> usize {
        self.topics.iter().map(HashMap::len).sum()
    }

    pub(crate) fn topic(&self, space: Space, name: &[u8]) -> Option<&Topic> {
        self.topics.get(space as usize)?.get(name)
    }

    pub(super) fn topic_mut(&mut self, space: Space, name: &[u8]) -> Option<&mut Topic> {
        self.topics.get_mut(space as usize)?.get_mut(name)
    }

    /// Returns the name, sharing the memory of an equal name if there is one.
    pub(crate) fn name(&self, space: Space, name: &[u8]) -> Name {
        let held = self.topics.get(space as usize).and_then(|topics| topics.get_key_value(name));
        held.map_or_else(|| Arc::from(name), |(held, _)| held.clone())
    }

    /// Returns all topics, in an order that does not change.
    pub(crate) fn names(&self) -> Vec<(Space, Name)> {
        self.names_of(|_| true)
    }

    /// Returns the topics that clients wait for.
    pub(super) fn awaited(&self) -> Vec<(Space, Name)> {
        self.names_of(|topic| !topic.waiting.is_empty())
    }

    /// Returns the topics that depend on the owners of slots.
    pub(super) fn names_of_owners(&self) -> Vec<(Space, Name)> {
        self.names_of(|topic| topic.reach != Reach::Home)
    }

    /// Returns the topics of which the shard's node was told.
    pub(super) fn names_at(&self, shard: u16) -> Vec<(Space, Name)> {
        self.names_of(|topic| topic.places().any(|place| place == shard))
    }

    fn names_of(&self, fits: impl Fn(&Topic) -> bool) -> Vec<(Space, Name)> {
        let mut names = Vec::new();
        for (space, topics) in SPACES.into_iter().zip(&self.topics) {
            let fitting = topics.iter().filter(|(_, topic)| fits(topic));
            names.extend(fitting.map(|(name, _)| (space, name.clone())));
        }
        names.sort();
        names
    }

    /// Gives the client a part in a topic in place of its former part. Returns false if it had this part already.
    pub(crate) fn join(&mut self, space: Space, name: &Name, client: ClientId, part: TopicPart) -> bool {
        let Some(topics) = self.topics.get_mut(space as usize) else { return false };
        let topic = topics.entry(name.clone()).or_insert_with(|| Topic::new(Reach::of(space, name)));
        let (alive, reach) = (topic.is_alive(), topic.reach);
        let joined = match part {
            TopicPart::Waiting => topic.waiting.insert(client),
            TopicPart::Promised => {
                topic.waiting.remove(&client);
                topic.promised.insert(client)
            }
            TopicPart::Listening => {
                topic.waiting.remove(&client);
                topic.promised.remove(&client);
                topic.listeners.insert(client)
            }
        };
        if !alive {
            self.count(reach, true);
        }
        joined
    }

    /// Ends the client's part in the topic.
    pub(crate) fn remove_listener(&mut self, space: Space, name: &[u8], client: ClientId) {
        self.remove_part(space, name, client, false);
    }

    /// Ends the client's part in the topic, unless the client listens to it already.
    pub(super) fn withdraw(&mut self, space: Space, name: &[u8], client: ClientId) {
        self.remove_part(space, name, client, true);
    }

    fn remove_part(&mut self, space: Space, name: &[u8], client: ClientId, listens_on: bool) {
        let Some(topic) = self.topic_mut(space, name) else { return };
        let (alive, reach) = (topic.is_alive(), topic.reach);
        topic.waiting.remove(&client);
        topic.promised.remove(&client);
        if !listens_on {
            topic.listeners.remove(&client);
        }
        if alive && !topic.is_alive() {
            self.count(reach, false);
        }
    }

    /// Brings the marks of a topic in line with the number of its listeners. Returns the marks that have changed.
    pub(super) fn update_marks(&mut self, space: Space, name: &[u8]) -> Vec<Name> {
        let Some(topic) = self.topic_mut(space, name) else { return Vec::new() };
        let wanted = topic.marks_wanted();
        let changed = std::mem::replace(&mut topic.marked, wanted) ^ wanted;
        let mut names = Vec::new();
        for digit in marks::digits(changed) {
            let Some(mark) = marks::mark(space, name, digit) else { break };
            self.set_mark(space, &mark, wanted & 1 << digit != 0);
            names.push(mark);
        }
        names
    }

    fn set_mark(&mut self, space: Space, mark: &Name, marks: bool) {
        let Some(topics) = self.topics.get_mut(space as usize) else { return };
        let topic = topics.entry(mark.clone()).or_insert_with(|| Topic::new(Reach::of(space, mark)));
        let (before, reach) = (topic.is_alive(), topic.reach);
        topic.marks = marks;
        let after = topic.is_alive();
        if before != after {
            self.count(reach, after);
        }
    }

    /// Notes that a node has refused a mark. Returns the name that gets no marks any more, if the topic is a mark.
    pub(super) fn refuse_mark(&mut self, space: Space, mark: &[u8]) -> Option<Name> {
        self.topic(space, mark).filter(|topic| topic.marks)?;
        let name = self.name(space, marks::base(mark)?.0);
        self.topic_mut(space, &name)?.unmarkable = true;
        Some(name)
    }

    fn count(&mut self, reach: Reach, up: bool) {
        let change = |count: &mut usize| *count = if up { *count + 1 } else { count.saturating_sub(1) };
        match reach {
            Reach::Home => change(&mut self.home_topics),
            Reach::Everywhere => change(&mut self.everywhere_topics),
            Reach::Slot(slot) => {
                let count = self.slots.entry(slot).or_default();
                change(count);
                if *count == 0 {
                    self.slots.remove(&slot);
                }
            }
        }
    }

    /// Removes the topic if it can be forgotten. One with marks stays until [`Audience::update_marks`] has ended them:
    /// nothing else knows that they are not needed any more.
    pub(super) fn drop_unused_topic(&mut self, space: Space, name: &[u8]) {
        if self.topic(space, name).is_some_and(Topic::is_unused)
            && let Some(topics) = self.topics.get_mut(space as usize)
        {
            topics.remove(name);
        }
    }

    /// Forgets what was subscribed on the connection to this shard, which is gone. Returns the clients that have now
    /// left a topic for good, once for each topic.
    pub(super) fn forget_shard(&mut self, shard: u16) -> Vec<ClientId> {
        let mut left = Vec::new();
        for topics in &mut self.topics {
            topics.retain(|_, topic| {
                topic.forget_place(shard);
                if !topic.is_being_left() {
                    left.extend(std::mem::take(&mut topic.leaving));
                }
                !topic.is_unused()
            });
        }
        left
    }

    /// Takes the clients that have left the topic for good.
    pub(super) fn take_left(&mut self, space: Space, name: &[u8]) -> BTreeSet<ClientId> {
        let topic = self.topic_mut(space, name).filter(|topic| !topic.is_being_left());
        topic.map(|topic| std::mem::take(&mut topic.leaving)).unwrap_or_default()
    }

    /// Returns true if the client has to wait until the nodes have confirmed the end of the topic that it has left.
    pub(super) fn waits_to_leave(&mut self, space: Space, name: &[u8], client: ClientId) -> bool {
        let topic = self.topic_mut(space, name).filter(|topic| topic.is_being_left());
        topic.is_some_and(|topic| topic.leaving.insert(client))
    }

    /// Returns true if a topic needs every node.
    pub(super) fn reaches_everywhere(&self) -> bool {
        self.everywhere_topics > 0
    }

    /// Returns true if a topic needs the home shard.
    pub(super) fn reaches_home(&self) -> bool {
        self.home_topics + self.everywhere_topics > 0
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.slots.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: u16 = 3;

    fn client(slot: u32) -> ClientId {
        ClientId { slot, generation: 1 }
    }

    /// The commands that a shard's node is given, and the state there: `+` wanted, `-` not wanted, `a` answered, `e`
    /// refused, `g` ended by the node.
    #[test]
    fn commands_to_a_node_and_the_state_after_its_answers() {
        for (events, commands, confirmed, held) in [
            ("", "", false, false),
            ("-", "", false, false),
            ("+", "S", false, true),
            ("++", "S", false, true),
            ("+a", "S", true, true),
            ("+a-", "SU", false, true),
            ("+a-a", "SU", false, false),
            ("+-", "SU", false, true),
            ("+-a", "SU", false, true),
            ("+-aa", "SU", false, false),
            ("+-+", "SUS", false, true),
            ("+-+a", "SUS", false, true),
            ("+-+aa", "SUS", false, true),
            ("+-+aaa", "SUS", true, true),
            ("+e", "S", false, false),
            ("+-ea", "SU", false, false),
            ("+-+eaa", "SUS", true, true),
            ("+ag", "S", false, false),
            ("+ag+", "SS", false, true),
            ("+g", "S", false, true),
            ("+a-g", "SU", false, true),
            ("+a-ga", "SU", false, false),
        ] {
            let (mut topic, mut out) = (Topic::new(Reach::Home), String::new());
            for event in events.chars() {
                match event {
                    '+' | '-' => out.extend(
                        topic
                            .next_step(SHARD, event == '+')
                            .map(|subscribes| if subscribes { 'S' } else { 'U' }),
                    ),
                    'g' => topic.ended_by_node(SHARD),
                    _ => topic.answered(SHARD, event == 'e'),
                }
            }
            assert_eq!(
                (out.as_str(), topic.is_confirmed(SHARD), topic.places().next().is_some()),
                (commands, confirmed, held),
                "{events}"
            );
        }
    }

    #[test]
    fn a_topic_lives_as_long_as_somebody_has_a_part_in_it() {
        let mut audience = Audience::new(AudienceKey::default(), 0, 0);
        let name: Name = Arc::from(&b"a"[..]);
        assert!(audience.join(Space::Channel, &name, client(1), TopicPart::Waiting));
        assert!(!audience.join(Space::Channel, &name, client(1), TopicPart::Waiting));
        assert!(audience.join(Space::Channel, &name, client(1), TopicPart::Promised));
        assert!(audience.join(Space::Channel, &name, client(1), TopicPart::Listening));
        assert!(audience.reaches_home() && audience.awaited().is_empty());
        if let Some(topic) = audience.topic_mut(Space::Channel, b"a") {
            topic.next_step(SHARD, true);
        }
        audience.withdraw(Space::Channel, b"a", client(1));
        assert!(audience.reaches_home());
        audience.remove_listener(Space::Channel, b"a", client(1));
        audience.drop_unused_topic(Space::Channel, b"a");
        assert!(!audience.reaches_home() && !audience.is_empty(), "the node still holds it");
        audience.forget_shard(SHARD);
        assert!(audience.is_empty());
    }

    /// Listeners come and go. Expected are the weights of the marks that are alive.
    #[test]
    fn living_marks_follow_the_number_of_listeners() {
        let mut audience = Audience::new(AudienceKey::default(), 0, 0);
        let name: Name = Arc::from(&b"a"[..]);
        for (listeners, refused, expected) in [
            (1, false, vec![]),
            (2, false, vec![1]),
            (3, false, vec![2]),
            (4, false, vec![1, 2]),
            (6, false, vec![1, 4]),
            (2, false, vec![1]),
            (3, true, vec![]),
            (9, false, vec![]),
            (0, false, vec![]),
        ] {
            for index in 0..10 {
                match index < listeners {
                    true => drop(audience.join(Space::Channel, &name, client(index), TopicPart::Listening)),
                    false => audience.remove_listener(Space::Channel, &name, client(index)),
                }
            }
            audience.update_marks(Space::Channel, &name);
            if refused {
                assert_eq!(audience.refuse_mark(Space::Channel, b"a#tideover+2"), Some(name.clone()));
                assert_eq!(audience.refuse_mark(Space::Channel, b"a"), None);
                audience.update_marks(Space::Channel, &name);
            }
            let names = audience.names_of(Topic::is_alive);
            let weights: Vec<i64> = names.iter().filter_map(|(_, name)| Some(marks::base(name)?.1)).collect();
            assert_eq!(weights, expected, "{listeners} {refused}");
        }
    }

    #[test]
    fn the_slots_of_shard_channels_are_counted() {
        let mut audience = Audience::new(AudienceKey::default(), 0, 0);
        let names: [Name; 2] = [Arc::from(&b"{a}1"[..]), Arc::from(&b"{a}2"[..])];
        for name in &names {
            audience.join(Space::Shard, name, client(1), TopicPart::Waiting);
        }
        assert_eq!(audience.slots().collect::<Vec<_>>(), [Slot::of_key(b"a")]);
        for name in &names {
            audience.remove_listener(Space::Shard, name, client(1));
        }
        assert_eq!(audience.slots().count(), 0);
    }
}

//! Subscriptions that all clients of one identity and RESP version share: each node sees one for each channel.
//!
//! A topic is alive while somebody listens to it, waits for it or was promised it, and while it is a mark that tells the
//! nodes of the number of listeners of another. Where it is to be subscribed is its reach; where it is, its places.

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

/// Which nodes have messages for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Any node has all of them.
    Home,
    /// Each node has some: events of its own keys.
    Everywhere,
    /// The owner of the slot.
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

/// What one node was told of a topic.
#[derive(Clone, Copy, Debug)]
struct ToldNode {
    shard: u16,
    /// The latest that was said: SUBSCRIBE or UNSUBSCRIBE.
    subscribes: bool,
    /// Of what was said so far: only the answer to the latest tells how things stand.
    unanswered: u32,
}

/// What a client is to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicPart {
    /// No node has confirmed it since the client asked.
    Waiting,
    /// Confirmed, but not all other names of the client's command are.
    Promised,
    /// Gets its messages.
    Listening,
}

/// One channel or pattern.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) reach: Reach,
    pub(crate) listeners: BTreeSet<ClientId>,
    pub(crate) promised: BTreeSet<ClientId>,
    pub(crate) waiting: BTreeSet<ClientId>,
    /// They have left, and are told so when the nodes have let go of it.
    pub(crate) leaving: BTreeSet<ClientId>,
    places: Vec<ToldNode>,
    /// It tells of listeners of the topic that it is a mark of.
    marks: bool,
    /// The marks that tell of its own listeners, see [`marks`].
    marked: u32,
    /// No node takes its marks.
    unmarkable: bool,
    /// Nodes in a row that have sent it on.
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

    /// Nobody has a part in it any more, and a node is still to let go of it.
    fn is_being_left(&self) -> bool {
        !self.is_alive() && !self.places.is_empty()
    }

    /// The client has asked for it.
    pub(crate) fn has(&self, client: ClientId) -> bool {
        self.listeners.contains(&client) || self.promised.contains(&client) || self.waiting.contains(&client)
    }

    /// The node of this shard sends its messages.
    pub(super) fn is_confirmed(&self, shard: u16) -> bool {
        self.places.iter().any(|place| place.shard == shard && place.subscribes && place.unanswered == 0)
    }

    pub(super) fn is_confirmed_anywhere(&self) -> bool {
        self.places.iter().any(|place| self.is_confirmed(place.shard))
    }

    /// Its listeners, and the shards whose nodes send its messages as far as they were told. Without such nobody listens.
    fn standing(&self) -> (usize, Vec<u16>) {
        let told = self.places.iter().filter(|place| place.subscribes);
        let shards: Vec<u16> = told.map(|place| place.shard).collect();
        (if shards.is_empty() { 0 } else { self.listeners.len() }, shards)
    }

    fn marks_wanted(&self) -> u32 {
        if self.unmarkable { 0 } else { marks::wanted(self.listeners.len()) }
    }

    pub(super) fn is_marked_wrongly(&self) -> bool {
        self.marked != self.marks_wanted()
    }

    /// The shards whose nodes were told of it.
    pub(crate) fn places(&self) -> impl Iterator<Item = u16> {
        self.places.iter().map(|place| place.shard)
    }

    /// Returns what is to be said at this shard: `Some(true)`, SUBSCRIBE; `Some(false)`, UNSUBSCRIBE. Notes it as said.
    pub(super) fn next_step(&mut self, shard: u16, wanted: bool) -> Option<bool> {
        match self.places.iter_mut().find(|place| place.shard == shard) {
            None if wanted => self.places.push(ToldNode { shard, subscribes: true, unanswered: 1 }),
            Some(place) if place.subscribes != wanted => {
                place.subscribes = wanted;
                place.unanswered += 1;
            }
            None | Some(_) => return None,
        }
        Some(wanted)
    }

    /// The node has answered what it was told; `refused`: with an error.
    pub(crate) fn answered(&mut self, shard: u16, refused: bool) {
        if let Some(place) = self.places.iter_mut().find(|place| place.shard == shard) {
            place.unanswered = place.unanswered.saturating_sub(1);
            if place.unanswered == 0 && (refused || !place.subscribes) {
                self.forget_place(shard);
            }
        }
    }

    /// The node has let it go of itself. What it is still to answer tells more.
    pub(crate) fn let_go(&mut self, shard: u16) {
        if self.is_confirmed(shard) {
            self.forget_place(shard);
        }
    }

    fn forget_place(&mut self, shard: u16) {
        self.places.retain(|place| place.shard != shard);
    }
}

/// Clients that see the same messages in the same form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct AudienceKey {
    pub(crate) identity: Option<Arc<Credentials>>,
    pub(crate) proto: Proto,
    /// The only one of them, which shares its subscriptions with nobody.
    pub(crate) owner: Option<ClientId>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Audience {
    pub(crate) key: AudienceKey,
    /// The shard whose node tells what every node knows.
    pub(crate) home: u16,
    /// The way to another home.
    pub(crate) changeover: Option<Box<Changeover>>,
    /// The listening lanes, one for each shard.
    pub(crate) lanes: BTreeMap<u16, LaneId>,
    /// The version of the slots' owners that all topics were looked at with.
    pub(crate) synced: u32,
    topics: [HashMap<Name, Topic>; 3],
    /// Living topics of each reach.
    homely: usize,
    everywhere: usize,
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
            homely: 0,
            everywhere: 0,
            slots: BTreeMap::new(),
        }
    }

    /// Returns whether this shard's node is to tell what every node knows.
    pub(super) fn is_home(&self, shard: u16) -> bool {
        let asked = self.changeover.as_ref().filter(|changeover| changeover.asks());
        shard == self.home || asked.and_then(|changeover| changeover.next_home()) == Some(shard)
    }

    pub(super) fn next_home(&self) -> Option<u16> {
        self.changeover.as_ref().and_then(|changeover| changeover.next_home())
    }

    /// The home of which it is not known how long it tells on: another takes over.
    pub(super) fn is_left(&self, shard: u16) -> bool {
        self.next_home().is_some() && shard == self.home
    }

    /// The shard's node has confirmed everything that is listened to and not one slot's alone.
    pub(super) fn is_told_at(&self, shard: u16) -> bool {
        let mut topics = self.topics.iter().flat_map(HashMap::values).filter(|topic| topic.is_alive());
        topics.all(|topic| matches!(topic.reach, Reach::Slot(_)) || topic.is_confirmed(shard))
    }

    /// Returns whether a message of what every node knows is to be told now that this shard's node has told it.
    pub(crate) fn is_due(&mut self, shard: u16, message: &[u8], now: u64) -> bool {
        let (home, next) = (self.home, self.next_home());
        match &mut self.changeover {
            None => shard == home,
            Some(changeover) if shard == home => {
                let side = if next.is_some() { Side::Former } else { Side::Next };
                changeover.is_due(side, message, now)
            }
            Some(changeover) => next == Some(shard) && changeover.is_due(Side::Next, message, now),
        }
    }

    /// The listeners of a topic, and the shards whose masters send its messages as far as they were told. A home that is
    /// about to be left may be no master any more.
    pub(super) fn standing(&self, space: Space, name: &[u8]) -> (usize, Vec<u16>) {
        let (clients, mut shards) = self.topic(space, name).map(Topic::standing).unwrap_or_default();
        shards.retain(|shard| !self.is_left(*shard));
        (clients, shards)
    }

    /// Nothing is left of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.is_empty() && self.topics.iter().all(HashMap::is_empty)
    }

    /// Topics, living or not.
    pub(crate) fn len(&self) -> usize {
        self.topics.iter().map(HashMap::len).sum()
    }

    pub(crate) fn topic(&self, space: Space, name: &[u8]) -> Option<&Topic> {
        self.topics.get(space as usize)?.get(name)
    }

    pub(super) fn topic_mut(&mut self, space: Space, name: &[u8]) -> Option<&mut Topic> {
        self.topics.get_mut(space as usize)?.get_mut(name)
    }

    /// The name as all others hold it.
    pub(crate) fn name(&self, space: Space, name: &[u8]) -> Name {
        let held = self.topics.get(space as usize).and_then(|topics| topics.get_key_value(name));
        held.map_or_else(|| Arc::from(name), |(held, _)| held.clone())
    }

    /// All topics, in an order that does not change.
    pub(crate) fn names(&self) -> Vec<(Space, Name)> {
        self.names_of(|_| true)
    }

    /// The topics that clients wait for.
    pub(super) fn awaited(&self) -> Vec<(Space, Name)> {
        self.names_of(|topic| !topic.waiting.is_empty())
    }

    /// The topics for which it matters who owns a slot.
    pub(super) fn names_of_owners(&self) -> Vec<(Space, Name)> {
        self.names_of(|topic| topic.reach != Reach::Home)
    }

    /// The topics of which a shard's node was told.
    pub(super) fn names_at(&self, shard: u16) -> Vec<(Space, Name)> {
        self.names_of(|topic| topic.places().any(|told| told == shard))
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

    /// Returns the client a part in a topic in place of the one it had. False: it had a higher one already.
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

    /// The client has no part in the topic any more.
    pub(crate) fn leave(&mut self, space: Space, name: &[u8], client: ClientId) {
        self.part_with(space, name, client, false);
    }

    /// The client has no part in the topic any more, unless it listens to it already.
    pub(super) fn give_way(&mut self, space: Space, name: &[u8], client: ClientId) {
        self.part_with(space, name, client, true);
    }

    fn part_with(&mut self, space: Space, name: &[u8], client: ClientId, listens_on: bool) {
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

    /// Brings the marks of a topic in line with the number of its listeners. Returns those that are to be looked at.
    pub(super) fn remark(&mut self, space: Space, name: &[u8]) -> Vec<Name> {
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

    /// A node has refused a mark. Returns the name that is not to have any, if it is one.
    pub(super) fn refuse_mark(&mut self, space: Space, mark: &[u8]) -> Option<Name> {
        self.topic(space, mark).filter(|topic| topic.marks)?;
        let name = self.name(space, marks::base(mark)?.0);
        self.topic_mut(space, &name)?.unmarkable = true;
        Some(name)
    }

    fn count(&mut self, reach: Reach, up: bool) {
        let change = |count: &mut usize| *count = if up { *count + 1 } else { count.saturating_sub(1) };
        match reach {
            Reach::Home => change(&mut self.homely),
            Reach::Everywhere => change(&mut self.everywhere),
            Reach::Slot(slot) => {
                let count = self.slots.entry(slot).or_default();
                change(count);
                if *count == 0 {
                    self.slots.remove(&slot);
                }
            }
        }
    }

    /// Drops the topic if nobody is interested and no node holds it.
    pub(super) fn tidy(&mut self, space: Space, name: &[u8]) {
        if self.topic(space, name).is_some_and(|topic| !topic.is_alive() && topic.places.is_empty())
            && let Some(topics) = self.topics.get_mut(space as usize)
        {
            topics.remove(name);
        }
    }

    /// The connection to this shard is gone, and what was subscribed there. Returns who has left a topic for good by this, once
    /// for each topic.
    pub(super) fn forget_shard(&mut self, shard: u16) -> Vec<ClientId> {
        let mut left = Vec::new();
        for topics in &mut self.topics {
            topics.retain(|_, topic| {
                topic.forget_place(shard);
                if !topic.is_being_left() {
                    left.extend(std::mem::take(&mut topic.leaving));
                }
                topic.is_alive() || !topic.places.is_empty()
            });
        }
        left
    }

    /// Takes those who have left the topic for good.
    pub(super) fn take_left(&mut self, space: Space, name: &[u8]) -> BTreeSet<ClientId> {
        let topic = self.topic_mut(space, name).filter(|topic| !topic.is_being_left());
        topic.map(|topic| std::mem::take(&mut topic.leaving)).unwrap_or_default()
    }

    /// Returns whether the client has to wait until the nodes have let go of the topic that it has left.
    pub(super) fn waits_to_leave(&mut self, space: Space, name: &[u8], client: ClientId) -> bool {
        let topic = self.topic_mut(space, name).filter(|topic| topic.is_being_left());
        topic.is_some_and(|topic| topic.leaving.insert(client))
    }

    /// Something is to be heard from every node.
    pub(super) fn reaches_everywhere(&self) -> bool {
        self.everywhere > 0
    }

    /// Something is to be heard from the home shard.
    pub(super) fn reaches_home(&self) -> bool {
        self.homely + self.everywhere > 0
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

    /// What is said at a shard, and how things stand there: `+` wanted, `-` not wanted, `a` answered, `e` refused, `g`
    /// let go by the node.
    #[test]
    fn what_is_said_and_what_the_answers_mean() {
        for (events, said, confirmed, held) in [
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
                    'g' => topic.let_go(SHARD),
                    _ => topic.answered(SHARD, event == 'e'),
                }
            }
            assert_eq!(
                (out.as_str(), topic.is_confirmed(SHARD), topic.places().next().is_some()),
                (said, confirmed, held),
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
        audience.give_way(Space::Channel, b"a", client(1));
        assert!(audience.reaches_home());
        audience.leave(Space::Channel, b"a", client(1));
        audience.tidy(Space::Channel, b"a");
        assert!(!audience.reaches_home() && !audience.is_empty(), "the node still holds it");
        audience.forget_shard(SHARD);
        assert!(audience.is_empty());
    }

    /// Listeners come and go, and the topics that are alive beside the one that they listen to.
    #[test]
    fn marks_live_as_the_number_of_listeners_wants_it() {
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
                    false => audience.leave(Space::Channel, &name, client(index)),
                }
            }
            audience.remark(Space::Channel, &name);
            if refused {
                assert_eq!(audience.refuse_mark(Space::Channel, b"a#tideover+2"), Some(name.clone()));
                assert_eq!(audience.refuse_mark(Space::Channel, b"a"), None);
                audience.remark(Space::Channel, &name);
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
            audience.leave(Space::Shard, name, client(1));
        }
        assert_eq!(audience.slots().count(), 0);
    }
}

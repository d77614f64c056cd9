//! What holds of the nodes and of their messages when the storm is over.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::marks;
use crate::core::tests::simulation::{Conn, Person, Socket, Topic, World, fits};
use crate::ids::ClientId;
use crate::resp::pubsub::Space;

use super::people::Listener;
use super::{Crowd, NAMES, SHARDS, Session};

/// Those who share connections: the version of the protocol, and the only one of them if each has its own.
type Group = (bool, Option<ClientId>);

/// The marks that stand for the listeners of a topic that a node does not count.
fn marks_of((space, name): &Topic, listeners: usize) -> Vec<Topic> {
    let digits = marks::digits(marks::wanted(listeners));
    let marks = digits.filter_map(|digit| marks::mark(*space, name.as_bytes(), digit));
    marks.map(|mark| (*space, String::from_utf8_lossy(&mark).into_owned())).collect()
}

impl World<Crowd> {
    fn listeners(&self) -> impl Iterator<Item = &Person<Listener>> {
        self.people.iter().filter(|person| !person.closed)
    }

    /// Checks that every node has what is wanted of it, on one connection for those who share it, and nothing else.
    pub(super) fn check_nodes(&self) {
        let told = self.told();
        let is_shared = self.core.base.settings.shares_subscriptions;
        let group = |person: &Person<Listener>| (person.resp3, (!is_shared).then_some(person.id));
        let groups: BTreeSet<Group> = self.listeners().map(group).collect();
        assert!(told.keys().all(|(group, _)| groups.contains(group)), "nobody listens there");
        for group in groups {
            self.check_group(group, &told);
        }
    }

    /// The topics that each node was told, by the group that they are for.
    fn told(&self) -> BTreeMap<(Group, usize), BTreeSet<Topic>> {
        let mut told = BTreeMap::new();
        for socket in self.sockets.values().filter(|socket| !socket.conn.topics.is_empty()) {
            let Conn { resp3, topics, .. } = &socket.conn;
            let key = ((*resp3, self.owner_of(socket)), socket.conn.shard());
            assert!(told.insert(key, topics.clone()).is_none(), "two connections");
        }
        told
    }

    /// The client whose connection it is, where each listener has its own.
    fn owner_of(&self, socket: &Socket<Crowd>) -> Option<ClientId> {
        let (audience, _) = self.core.base.audience_at(socket.lane).expect("a listening lane");
        self.core.hub.audiences[audience].key.owner
    }

    fn check_group(&self, (resp3, owner): Group, told: &BTreeMap<(Group, usize), BTreeSet<Topic>>) {
        let there = self.listeners().filter(|person| person.resp3 == resp3);
        let there: Vec<_> = there.filter(|person| owner.is_none_or(|owner| owner == person.id)).collect();
        let held: BTreeSet<&Topic> = there.iter().flat_map(|person| &person.topics).collect();
        let marks = held.iter().flat_map(|topic| {
            marks_of(topic, there.iter().filter(|person| person.topics.contains(*topic)).count())
        });
        let wanted: BTreeSet<Topic> = marks.chain(held.iter().copied().cloned()).collect();
        let at = |shard| told.get(&((resp3, owner), shard)).into_iter().flatten();
        assert_eq!((0..SHARDS).flat_map(at).cloned().collect::<BTreeSet<Topic>>(), wanted);
        for topic in &wanted {
            let places = (0..SHARDS).flat_map(at).filter(|told| *told == topic).count();
            let is_everywhere = topic.1 == "*" || topic.1.starts_with("__key");
            assert_eq!(places, if is_everywhere { self.kind.slots.owners().len() } else { 1 }, "{topic:?}");
        }
    }

    /// Checks that whichever node takes a message, what it says of its connections becomes the number of those who hear it.
    pub(super) fn check_counts(&self) {
        for shard in self.kind.slots.owners() {
            for (space, channels) in [NAMES[0], NAMES[2], (Space::Channel, &["other", "newer"])] {
                channels.iter().for_each(|channel| self.check_count(shard, space, channel));
            }
        }
    }

    fn check_count(&self, shard: usize, space: Space, channel: &str) {
        let hears = |(of, name): &&Topic| match (space, of) {
            (Space::Channel, Space::Pattern) => fits(name, channel),
            _ => space == *of && name == channel,
        };
        let conns = self.sockets.values().map(|socket| &socket.conn);
        let here = conns.filter(|conn| conn.shard() == shard);
        let number = here.flat_map(|conn: &Conn<Session>| &conn.topics).filter(hears).count();
        let hearing = self.listeners().flat_map(|person| &person.topics).filter(hears).count();
        // A message of a shard channel leaves its node to nobody else.
        let hearing = if space == Space::Shard && number == 0 { 0 } else { hearing };
        let tally = &self.core.base.settings.tally;
        let told = tally.published(space, channel.as_bytes(), shard as u16, number as i64);
        assert_eq!(told, hearing as i64, "{space:?} {channel} at {shard}");
    }

    /// Publishes one message of each kind, and checks that whoever listens hears it once.
    pub(super) fn check_messages(&mut self) {
        self.people.iter_mut().for_each(|person| person.messages.clear());
        let shards = self.kind.slots.owners();
        for channel in ["news", "weather", "other"] {
            self.say_to_all(Space::Channel, channel, "end", None);
        }
        for shard in &shards {
            self.say_to_all(Space::Channel, "__keyevent@0__:set", &format!("end{shard}"), Some(*shard));
        }
        for channel in NAMES[2].1 {
            self.say_to_all(Space::Shard, channel, "end", None);
        }
        (0..100).for_each(|_| self.step());
        self.listeners().for_each(|person| check_heard(person, shards.len()));
    }
}

fn check_heard(person: &Person<Listener>, shards: usize) {
    let (held, heard) = (&person.topics, &person.messages);
    let unique: BTreeSet<_> = heard.iter().collect();
    assert_eq!(unique.len(), heard.len(), "twice: {heard:?}");
    let messages = |(space, name): &Topic| match (space, name.as_str()) {
        (Space::Pattern, "*") => 3 + shards,
        (Space::Channel | Space::Pattern, name) if name.starts_with("__key") => shards,
        _ => 1,
    };
    assert_eq!(heard.len(), held.iter().map(messages).sum::<usize>(), "{held:?} heard {heard:?}");
}

//! Subscribers of a cluster while nodes die, slots move and the topology is late: who has heard a confirmation hears the
//! messages, nobody hears others, and in the end every node knows exactly what is wanted.

mod checks;
mod people;

use crate::core::settings::Settings;
use crate::core::tests::rig::{map, node, shard};
use crate::resp::pubsub::Space;
use crate::route::owners::Sharding;

use super::{About, Conn, Kind, Rng, Slots, Topic, Words, World, play_all, subscription};

use people::Listener;

const SEEDS: u64 = 40;
const SHARDS: usize = 3;
/// What people listen to.
const NAMES: [(Space, &[&str]); 3] = [
    (Space::Channel, &["news", "weather", "__keyevent@0__:set"]),
    (Space::Pattern, &["*", "new*", "__key*"]),
    (Space::Shard, &["foo", "bar", "hello", "world"]),
];

struct Crowd {
    alive: [bool; SHARDS],
    slots: Slots,
    published: u64,
}

/// A node keeps nothing of its own about a connection.
#[derive(Default)]
struct Session;

impl Kind for Crowd {
    type Session = Session;
    type Script = Listener;
    const TROUBLE: usize = 15;

    fn settings(&self, rng: &mut Rng, settings: Settings) -> Settings {
        Settings { sharding: Sharding::Cluster, shares_subscriptions: rng.chance(70), ..settings }
    }

    fn publish(world: &mut World<Self>) {
        let Crowd { alive, slots, .. } = &world.kind;
        let nodes = |index| vec![node(index as u16 + 1, Some("run"))];
        let shards = (0..SHARDS).map(|index| shard(&slots.ranges(index), alive[index], nodes(index)));
        world.publish(&map(shards));
    }

    fn is_dead(&self, port: u16) -> bool {
        !self.alive[usize::from(port) - 1]
    }

    fn trouble(world: &mut World<Self>) {
        let shard = world.rng.below(SHARDS);
        match world.rng.below(7) {
            0 => {
                world.kind.alive[shard] = false;
                world.end_all_of(shard as u16 + 1);
            }
            1 => world.kind.alive[shard] = true,
            2 | 3 => Self::publish(world),
            4 => world.end_any(),
            5 => world.move_slots(shard),
            _ => {
                world.someone_leaves();
                world.arrive();
            }
        }
    }

    fn run(world: &mut World<Self>) {
        let World { kind, sockets, .. } = world;
        for conn in sockets.values_mut().map(|socket| &mut socket.conn).filter(|conn| !conn.ended) {
            while let Some(words) = conn.queue.pop_front() {
                conn.command(&words, kind);
            }
        }
        if world.stormy && world.rng.chance(40) {
            world.publish_something();
        }
    }

    fn heal(&mut self) {
        self.alive = [true; SHARDS];
    }

    fn healed(world: &mut World<Self>) {
        for _ in 0..500 {
            // Some of what is wrong is put right after seconds only.
            world.now += 100_000;
            world.step();
        }
        world.check_nodes();
        world.check_counts();
        world.check_messages();
    }

    fn left(world: &World<Self>) {
        assert!(world.sockets.values().all(|socket| socket.conn.topics.is_empty()));
    }
}

impl Conn<Session> {
    fn shard(&self) -> usize {
        usize::from(self.port) - 1
    }

    fn command(&mut self, words: &Words, crowd: &Crowd) {
        let is_of_slot = matches!(subscription(words), Some((Space::Shard, _)));
        let slot = Slots::of(words.get(1).map(Vec::as_slice).unwrap_or_default());
        match crowd.slots.owner(slot).filter(|owner| is_of_slot && *owner != self.shard()) {
            Some(owner) => self.say(&format!("-MOVED {slot} node:{}", owner + 1)),
            None if self.subscribed(words) => {}
            None => self.about(words, &About { is_replica: false, run_id: "run", is_ending: false }),
        }
    }
}

impl World<Crowd> {
    /// A third of the slots gets another owner; the former ones let their listeners go.
    fn move_slots(&mut self, to: usize) {
        let third = Slots::third(self.rng.below(SHARDS) as u16);
        self.kind.slots.give(third, Some(to));
        let World { kind, sockets, .. } = self;
        for conn in sockets.values_mut().map(|socket| &mut socket.conn).filter(|conn| !conn.ended) {
            let here = Some(conn.shard());
            let is_gone = |(space, name): &Topic| {
                *space == Space::Shard && kind.slots.owner(Slots::of(name.as_bytes())) != here
            };
            let gone: Vec<Topic> = conn.topics.iter().filter(|topic| is_gone(topic)).cloned().collect();
            gone.into_iter().for_each(|(space, name)| conn.let_go(space, &name));
        }
    }

    fn publish_something(&mut self) {
        self.kind.published += 1;
        let (space, names) = self.rng.one_of(&NAMES);
        let channel = self.rng.one_of(names).trim_end_matches('*');
        let space = if space == Space::Shard { space } else { Space::Channel };
        let text = format!("m{}", self.kind.published);
        self.say_to_all(space, channel, &text, None);
    }

    /// As the cluster spreads it. `from`: an event of keys, which one shard alone tells.
    fn say_to_all(&mut self, space: Space, channel: &str, text: &str, from: Option<usize>) {
        let told = self.conns().filter(|conn| from.is_none_or(|shard| conn.shard() == shard));
        told.for_each(|conn| conn.message(space, channel, text));
    }
}

#[test]
fn every_listener_is_served_whatever_happens() {
    let crowd = |_: &mut Rng| Crowd { alive: [true; SHARDS], slots: Slots::new(), published: 0 };
    play_all(SEEDS, crowd, &[(|told| told.messages, 1000), (|told| told.tryagain, 10)]);
}

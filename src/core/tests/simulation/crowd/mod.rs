//! Subscribers of a cluster while nodes die, slots move and the topology is late: who has heard a confirmation hears the
//! messages, nobody hears others, and in the end every node knows exactly what is wanted.

mod checks;
mod people;

use std::collections::{BTreeMap, BTreeSet};

use crate::command::Slot;
use crate::core::settings::{Settings, Sharding};
use crate::resp::pubsub::Space;
use crate::topology::{ConfigEpoch, Endpoint, Generation, Node, NodeState, Role, Shard, Topology};

use super::conn::{About, Conn, Words};
use super::listening::subscription;
use super::promises::Told;
use super::rng::Rng;
use super::world::World;
use super::{Kind, play_all};

use people::Listener;

const SEEDS: u64 = 60;
const SHARDS: usize = 3;
/// What people listen to.
const NAMES: [(Space, &[&str]); 3] = [
    (Space::Channel, &["news", "weather", "__keyevent@0__:set"]),
    (Space::Pattern, &["*", "new*", "__key*"]),
    (Space::Shard, &["foo", "bar", "hello", "world"]),
];

struct Crowd {
    alive: [bool; SHARDS],
    /// The truth: from which slot on who owns them.
    owners: BTreeMap<u16, usize>,
    published: u64,
}

/// A node keeps nothing of its own about a connection.
#[derive(Default)]
struct Session;

impl Crowd {
    fn new() -> Self {
        let owners = BTreeMap::from([(0, 0), (5000, 1), (11_000, 2)]);
        Crowd { alive: [true; SHARDS], owners, published: 0 }
    }

    fn owner(&self, slot: u16) -> usize {
        self.owners.range(..=slot).next_back().map(|(_, owner)| *owner).expect("an owner of the first slot")
    }

    /// The shards that own slots.
    fn owning(&self) -> BTreeSet<usize> {
        self.owners.values().copied().collect()
    }

    fn topology(&self) -> Topology {
        let starts: Vec<(u16, usize)> = self.owners.iter().map(|(start, owner)| (*start, *owner)).collect();
        let ends = starts.iter().skip(1).map(|(start, _)| start - 1).chain([16383]);
        let ranges: Vec<(usize, (u16, u16))> =
            starts.iter().zip(ends).map(|((start, owner), end)| (*owner, (*start, end))).collect();
        let shards = (0..SHARDS).map(|shard| {
            let slots = ranges.iter().filter(|(owner, _)| *owner == shard).map(|(_, range)| *range).collect();
            let (master, nodes) = (self.alive[shard].then_some(0), vec![node(shard)]);
            Shard { slots, master, nodes, epoch: ConfigEpoch(1) }
        });
        Topology { generation: Generation(2), shards: shards.collect() }
    }
}

/// The only node of a shard.
fn node(shard: usize) -> Node {
    Node {
        endpoint: Endpoint::new("node", shard as u16 + 1),
        role: Role::Master,
        state: NodeState::Up,
        run_id: Some("run".into()),
        rtt: None,
        lag: None,
    }
}

impl Kind for Crowd {
    type Session = Session;
    type Script = Listener;
    const TROUBLE: usize = 15;

    fn settings(&self, rng: &mut Rng, settings: Settings) -> Settings {
        Settings { sharding: Sharding::Cluster, shares_subscriptions: rng.chance(70), ..settings }
    }

    fn publish(world: &mut World<Self>) {
        let topology = world.kind.topology();
        world.publish(&topology);
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
        (0..500).for_each(|_| world.step());
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
        if let Some((Space::Shard, _)) = subscription(words) {
            let slot = Slot::of_key(&words[1]).0;
            let owner = crowd.owner(slot);
            if owner != self.shard() {
                return self.say(&format!("-MOVED {slot} node:{}", owner + 1));
            }
        }
        if !self.subscribed(words) {
            self.about(words, &About { is_replica: false, run_id: "run", is_ending: false });
        }
    }
}

impl World<Crowd> {
    /// A range of slots gets another owner; the former one lets its listeners go.
    fn move_slots(&mut self, to: usize) {
        let at = self.rng.below(self.kind.owners.len());
        self.kind.owners.values_mut().nth(at).into_iter().for_each(|owner| *owner = to);
        let World { kind, sockets, .. } = self;
        for conn in sockets.values_mut().map(|socket| &mut socket.conn) {
            let here = conn.shard();
            let is_gone = |name: &str| kind.owner(Slot::of_key(name.as_bytes()).0) != here;
            for (space, name) in conn.topics.clone() {
                if space == Space::Shard && is_gone(&name) {
                    conn.let_go(space, &name);
                }
            }
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
        let told = self.conns().filter(|conn| !conn.ended && from.is_none_or(|shard| conn.shard() == shard));
        told.for_each(|conn| conn.message(space, channel, text));
    }
}

#[test]
fn every_listener_is_served_whatever_happens() {
    play_all(SEEDS, |_: &mut Rng| Crowd::new(), |told: &Told| told.messages > 1000 && told.tryagain > 10);
}

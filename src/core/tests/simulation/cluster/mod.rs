//! A cluster, or active nodes: slots move, shards fail over, maps come late, wrong or not at all.

mod nodes;
mod people;
mod serving;

use std::sync::Arc;

use crate::config::{Flush, Writer, WriterRule};
use crate::core::settings::Settings;
use crate::core::tests::rig::{Piece, cluster};
use crate::route::owners::Sharding;
use crate::route::testing::active_config;
use crate::route::writers::Writers;

use super::{Kind, Rng, SOME_OF_ALL, Slots, World, play_all};

use nodes::{Model, Mood, port};
use people::{Keeper, tag};
use serving::Session;

const SEEDS: u64 = 40;

/// Of each shard: its master's port and its slots.
type Map = Vec<(Option<u16>, Vec<(u16, u16)>)>;

struct Cluster {
    model: Model,
    /// The maps that were published and right at that time.
    maps: Vec<Map>,
    /// The last shard may only be known once it was found.
    known: usize,
    /// No node dies, nobody leaves: slots move, that is all.
    is_calm: bool,
    moved_at: usize,
}

impl Cluster {
    fn new(rng: &mut Rng, is_active: bool) -> Self {
        let model = Model::new(is_active);
        Cluster { model, maps: Vec::new(), known: 3, is_calm: rng.chance(40), moved_at: 0 }
    }

    fn true_map(&self) -> Map {
        let own: Map = (0..self.known)
            .map(|shard| (self.model.living_master(shard), self.model.slots.ranges(shard)))
            .collect();
        if !self.model.is_active {
            return own;
        }
        // Home is the first that lives; nobody goes aside.
        let home = own.iter().find_map(|(master, _)| *master);
        [(home, Vec::new()), (None, Vec::new())].into_iter().chain(own).collect()
    }
}

impl Kind for Cluster {
    type Session = Session;
    type Script = Keeper;
    const TROUBLE: usize = 15;

    fn settings(&self, _: &mut Rng, settings: Settings) -> Settings {
        let is_active = self.model.is_active;
        let sharding = if is_active { by_key() } else { Sharding::Cluster };
        Settings { sharding, checks_role: !is_active, ..settings }
    }

    fn begin(world: &mut World<Self>) {
        if world.rng.chance(80) {
            Self::publish(world);
        }
    }

    fn publish(world: &mut World<Self>) {
        let map = world.kind.true_map();
        world.kind.maps.push(map.clone());
        world.publish_map(&map);
    }

    fn is_dead(&self, port: u16) -> bool {
        self.model.mood(port) == Mood::Dead
    }

    fn trouble(world: &mut World<Self>) {
        let shard = world.rng.below(world.kind.model.shards.len());
        match if world.kind.is_calm { world.rng.one_of(&[5, 6, 7, 11, 12]) } else { world.rng.below(14) } {
            0 => world.set_mood(shard, Mood::Dead),
            1 => world.set_mood(shard, Mood::Hung),
            2 => world.set_mood(shard, Mood::Up),
            3 | 4 => world.fail_over(shard),
            // A slot does not come back so soon that what was sent before meets what was sent after.
            5 | 6 if world.steps > world.kind.moved_at + 40 => world.move_a_slot(shard),
            7 => world.kind.model.is_down = world.rng.chance(50),
            8 => world.end_any(),
            9 => world.arrive(),
            10 => world.someone_leaves(),
            11 if world.kind.model.is_active => {
                world.kind.model.loading = Some(shard).filter(|_| world.rng.chance(50));
            }
            11 => world.kind.model.is_confused = world.rng.chance(50),
            _ => world.publish_some(),
        }
    }

    fn pass(world: &mut World<Self>) {
        if world.rng.chance(if world.stormy { 15 } else { 50 }) {
            world.kind.model.move_on();
        }
    }

    fn run(world: &mut World<Self>) {
        let World { kind, sockets, truth, rng, .. } = world;
        for socket in sockets.values_mut() {
            for _ in 0..rng.below(if kind.is_calm { 3 } else { 8 }) {
                socket.conn.run(&mut kind.model, truth, rng);
            }
        }
    }

    /// A node of a cluster lets go by itself.
    fn unblocks(&self, port: u16) -> bool {
        self.model.is_active && self.model.mood(port) == Mood::Up
    }

    fn heal(&mut self) {
        self.model.heal();
        self.known = self.model.shards.len();
    }
}

impl World<Cluster> {
    fn publish_map(&mut self, map: &Map) {
        let shards: Vec<Piece<'_>> = map.iter().map(|(master, slots)| (*master, slots.as_slice())).collect();
        self.publish(&cluster(&shards));
    }

    /// Publishes a map that is right, out of date, or lacks something.
    fn publish_some(&mut self) {
        let mut map = self.kind.true_map();
        let shard = self.rng.below(map.len());
        match self.rng.below(10) {
            5..7 if !self.kind.maps.is_empty() => {
                let at = self.rng.below(self.kind.maps.len());
                map = self.kind.maps[at].clone();
                // A shard keeps its place for life.
                map.resize(map.len().max(self.kind.known), (None, Vec::new()));
            }
            0..7 => return Cluster::publish(self),
            7 => map[shard].0 = None,
            8 => drop(map[shard].1.pop()),
            _ => return self.kind.known = self.kind.model.shards.len(),
        }
        self.publish_map(&map);
    }

    /// A slot begins to move, and somebody says most of what it says about it.
    fn move_a_slot(&mut self, shard: usize) {
        self.kind.moved_at = self.steps;
        let (at, hot) = (self.rng.below(self.people.len()), self.rng.below(4));
        self.people.iter_mut().for_each(|person| person.script.hot = None);
        let person = &mut self.people[at];
        person.script.hot = Some(hot);
        let slot = Slots::of(tag(person.number, hot).as_bytes());
        self.kind.model.begin_move(slot, shard);
    }

    fn set_mood(&mut self, shard: usize, mood: Mood) {
        let model = &mut self.kind.model.shards[shard];
        let node = model.master;
        model.moods[node] = mood;
        if mood == Mood::Dead {
            self.end_all_of(port(shard, node));
        }
    }

    fn fail_over(&mut self, shard: usize) {
        let heir = (shard + 1 + self.rng.below(self.kind.known - 1)) % self.kind.known;
        let model = &mut self.kind.model;
        match model.is_active {
            true => model.slots.hand_over(shard, heir),
            false => model.fail_over(shard),
        }
        if self.rng.chance(70) {
            Cluster::publish(self);
        }
    }
}

/// Most keys have writers of their own; those of one client are at home.
fn by_key() -> Sharding {
    let rule = WriterRule { prefix: "{2.".into(), writer: Writer::Nearest };
    let config = active_config(Writer::Key, vec![rule], Flush::Refuse);
    Sharding::Active(Arc::new(Writers::of(&config)))
}

#[test]
fn every_promise_holds_while_slots_move_and_shards_fail() {
    play_all(SEEDS, |rng: &mut Rng| Cluster::new(rng, false), SOME_OF_ALL);
}

#[test]
fn every_promise_holds_while_keys_change_their_writer_and_active_nodes_fail() {
    play_all(SEEDS / 2, |rng: &mut Rng| Cluster::new(rng, true), SOME_OF_ALL);
}

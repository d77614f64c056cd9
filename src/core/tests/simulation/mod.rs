//! Random clients, nodes and faults under simulated time, from a seed.
//!
//! A [`World`] is the same whatever stands behind the proxy: the clock, the core, the connections, the people, and the
//! checks after each step and at the end. A [`Kind`] says which nodes there are, what they answer, what goes wrong and what the
//! proxy is told of it; its [`Script`] says what people say, and what they may hear.
//!
//! - [`single`]: one master of several servers, as Sentinel would name it
//! - [`cluster`]: a cluster, or active nodes: slots move, shards fail over, maps come late, wrong or not at all
//! - [`crowd`]: subscribers of a cluster
//!
//! `TIDEOVER_SEED=n` plays one seed, `TIDEOVER_SEEDS=n` plays so many.

pub(super) mod books;
mod cluster;
pub(super) mod conn;
mod crowd;
mod expect;
pub(super) mod listening;
mod person;
mod promises;
mod rng;
mod single;
mod slots;
pub(super) mod truth;
mod worker;
mod world;

use crate::core::settings::Settings;

use conn::{About, Conn, Words, request, uid};
use expect::{Confirmations, Expect, Script};
use listening::{fits, subscription};
use person::{Moment, Person, Topic};
use promises::{Asked, Meaning, Promises, Stake, Told};
use rng::{Rng, play_seeds};
use slots::Slots;
use truth::{CLIENT, Run, Truth};
use world::{Socket, World};

/// What stands behind the proxy, and who talks to it.
trait Kind: Sized {
    /// What only a node of this kind knows of a connection.
    type Session: Default;
    type Script: Script;
    /// In so many percent of the steps something goes wrong, or gets better.
    const TROUBLE: usize;

    fn settings(&self, _: &mut Rng, settings: Settings) -> Settings {
        settings
    }

    /// The proxy has just started, and its first clients have come.
    fn begin(world: &mut World<Self>) {
        Self::publish(world);
    }

    /// Publishes a map that is right.
    fn publish(world: &mut World<Self>);

    fn is_dead(&self, port: u16) -> bool;

    fn trouble(world: &mut World<Self>);

    /// A step begins.
    fn pass(_: &mut World<Self>) {}

    /// The nodes run some of what they were asked.
    fn run(world: &mut World<Self>);

    /// The proxy has closed a connection that its node had not ended.
    fn abandoned(&mut self, _: Conn<Self::Session>) {}

    /// Returns true if the node lets a connection go that blocks when it is asked to.
    fn unblocks(&self, _port: u16) -> bool {
        false
    }

    /// The storm is over: all nodes live.
    fn heal(&mut self);

    /// Checks what holds when everybody has got what was owed to them.
    fn healed(_: &mut World<Self>) {}

    /// Checks what holds a while after all clients have left.
    fn left(_: &World<Self>) {}
}

/// Something that clients are told, and how often at least.
type Least = (fn(&Told) -> u64, u64);

/// Plays so many seeds from the beginning to the end. A simulation in which nothing happens proves nothing: of each of these,
/// clients must have been told so often in all.
fn play_all<K: Kind>(seeds: u64, kind: impl Fn(&mut Rng) -> K, least: &[Least]) {
    let told = play_seeds(seeds, |seed| World::new(Rng::new(seed), &kind).play());
    for (count, least) in least.iter().filter(|_| !told.is_empty()) {
        assert!(told.iter().map(count).sum::<u64>() > *least, "{told:?}");
    }
}

const SOME_OF_ALL: &[Least] =
    &[(|told| told.good, 100), (|told| told.tryagain, 100), (|told| told.uncertain, 100)];

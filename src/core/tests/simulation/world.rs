//! The world of one seed, and its course: a storm, peace, and the end of everybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::client::ClientEnds;
use crate::config::RetryPolicy;
use crate::core::Core;
use crate::core::settings::{HoldBudget, Settings};
use crate::core::tests::rig::{SECOND, core, policy, settings};
use crate::ids::{ClientId, LaneId};
use crate::resp::reply::Proto;
use crate::topology::Topology;

use super::{Conn, Kind, Moment, Person, Promises, Rng, Script, Told, Truth, books};

/// Steps of the storm.
const STEPS: usize = 300;
/// Steps after which everything must have come to its end.
const PATIENCE: usize = 4000;

pub(super) struct World<K: Kind> {
    pub(super) rng: Rng,
    pub(super) now: u64,
    pub(super) next_tick: u64,
    pub(super) core: Core,
    budget: Arc<HoldBudget>,
    hold_bytes: usize,
    policy: RetryPolicy,
    pub(super) kind: K,
    pub(super) connections: u64,
    /// Connections that are asked for: lane, number, port.
    pub(super) wanted: Vec<(LaneId, u32, u16)>,
    pub(super) sockets: BTreeMap<u32, Socket<K>>,
    pub(super) people: Vec<Person<K::Script>>,
    pub(super) dirty_lanes: Vec<LaneId>,
    pub(super) dirty_clients: Vec<ClientId>,
    pub(super) truth: Truth,
    pub(super) promises: Promises,
    /// Faults may still happen.
    pub(super) stormy: bool,
    pub(super) steps: usize,
}

pub(super) struct Socket<K: Kind> {
    pub(super) lane: LaneId,
    pub(super) connection: u32,
    pub(super) conn: Conn<K::Session>,
}

impl<K: Kind> World<K> {
    pub(super) fn new(mut rng: Rng, kind: impl Fn(&mut Rng) -> K) -> Self {
        let kind = kind(&mut rng);
        use RetryPolicy::{Always, Idempotent, Never, Reads};
        let retry = rng.one_of(&[Never, Reads, Idempotent, Always]);
        let hold_bytes = if rng.chance(20) { 500 } else { 1 << 20 };
        let hold = rng.one_of(&[0, SECOND, 5 * SECOND, 60 * SECOND]);
        let budget = Arc::new(HoldBudget::new(hold_bytes));
        let settings =
            kind.settings(&mut rng, Settings { hold, policy: policy(retry), relays: true, ..settings() });
        let mut world = World {
            rng,
            now: SECOND,
            next_tick: 0,
            core: core(settings, &budget),
            budget,
            hold_bytes,
            policy: retry,
            kind,
            connections: 0,
            wanted: Vec::new(),
            sockets: BTreeMap::new(),
            people: Vec::new(),
            dirty_lanes: Vec::new(),
            dirty_clients: Vec::new(),
            truth: Truth::default(),
            promises: Promises::default(),
            stormy: true,
            steps: 0,
        };
        world.core.set_now(world.now);
        (0..3 + world.rng.below(6)).for_each(|_| world.arrive());
        K::begin(&mut world);
        world
    }

    pub(super) fn play(mut self) -> Told {
        for _ in 0..STEPS {
            self.step();
        }
        self.heal();
        K::healed(&mut self);
        self.everybody_leaves();
        self.promises.check(&self.truth, self.policy);
        self.promises.told
    }

    pub(super) fn step(&mut self) {
        self.steps += 1;
        self.pass_time();
        if self.stormy && self.rng.chance(K::TROUBLE) {
            K::trouble(self);
        }
        K::pass(self);
        for _ in 0..4 {
            self.connect();
            self.clients_talk();
            self.settle();
            self.lanes_write();
            K::run(self);
            self.nodes_answer();
            self.settle();
            self.clients_listen();
            self.settle();
        }
        books::check(&self.core, &self.budget, self.hold_bytes);
        self.check_sessions();
        assert_eq!(self.core.base.metrics.protocols_broken(), 0, "every node speaks as it should");
    }

    /// Checks that a connection on which nothing is under way is in the session that its lane is for.
    fn check_sessions(&self) {
        for Socket { lane, connection, conn } in self.sockets.values() {
            let known = self.core.base.lanes.get(*lane).filter(|lane| lane.connection == *connection);
            let is_idle = conn.queue.is_empty() && conn.out.is_empty() && !conn.ended;
            let Some(lane) = known.filter(|lane| lane.link.is_up() && lane.queue.is_empty() && is_idle)
            else {
                continue;
            };
            let (db, is_resp3) = (lane.key.db, lane.key.proto == Proto::Resp3);
            assert_eq!((conn.db, conn.resp3), (db, is_resp3), "{:?}", lane.id);
        }
    }

    fn pass_time(&mut self) {
        let paces: &[u64] = &[100, 1_000, 10_000, 60_000, 700_000];
        self.now += self.rng.one_of(if self.stormy { paces } else { &paces[..4] });
        self.promises.now = self.now;
        self.core.set_now(self.now);
        if self.now >= self.next_tick {
            self.next_tick = self.now + self.core.tick();
        }
    }

    /// The storm is over: everybody must get what is owed to them.
    fn heal(&mut self) {
        self.stormy = false;
        self.kind.heal();
        for step in 0..PATIENCE {
            if step % 50 == 0 {
                K::publish(self);
            }
            self.step();
            if self.people.iter().all(Person::is_content) {
                return;
            }
        }
        let left = self.people.iter().filter(|person| !person.is_content());
        let left: Vec<String> = left.map(Person::waits_for).collect();
        panic!("not answered: {left:#?} {:#?}", books::state(&self.core));
    }

    fn everybody_leaves(&mut self) {
        for person in self.people.iter_mut().filter(|person| !person.closed) {
            person.closed = true;
            self.core.client_gone(person.id);
        }
        for step in 0..PATIENCE {
            self.step();
            if step == 100 {
                K::left(self);
            }
            if step > 100 && self.core.is_idle() {
                break;
            }
        }
        books::assert_nothing_left(&self.core, &self.budget, self.hold_bytes);
    }

    pub(super) fn publish(&mut self, topology: &Topology) {
        self.core.set_topology(topology);
        self.settle();
    }

    pub(super) fn arrive(&mut self) {
        let number = self.people.len() as u64 + 1;
        let mut person = Person::new(self.core.open_client(number, ClientEnds::default()), number);
        K::Script::enter(&mut person, &mut Moment { promises: &mut self.promises, rng: &mut self.rng });
        self.people.push(person);
    }

    pub(super) fn someone_leaves(&mut self) {
        let at = self.rng.below(self.people.len());
        let person = &mut self.people[at];
        if person.closed || person.eof {
            return;
        }
        match self.rng.chance(50) {
            true => {
                person.closed = true;
                self.core.client_gone(person.id);
            }
            // What it has said and we have not read is read before the end is seen.
            false => person.eof = true,
        }
    }

    /// Breaks a connection: what the proxy's kernel has of it can still be read.
    pub(super) fn end(&mut self, slot: u32) {
        let Some(socket) = self.sockets.get_mut(&slot) else { return };
        let left = self.rng.below(socket.conn.out.len() + 1);
        socket.conn.out.truncate(left);
        socket.conn.ended = true;
        self.count_loss();
    }

    pub(super) fn end_any(&mut self) {
        let at = self.rng.below(self.sockets.len());
        if let Some(slot) = self.sockets.keys().nth(at).copied() {
            self.end(slot);
        }
    }

    pub(super) fn end_all_of(&mut self, port: u16) {
        let there = self.sockets.iter().filter(|(_, socket)| socket.conn.port == port);
        let slots: Vec<u32> = there.map(|(slot, _)| *slot).collect();
        slots.into_iter().for_each(|slot| self.end(slot));
    }

    pub(super) fn count_loss(&mut self) {
        self.people.iter_mut().for_each(|person| person.losses += 1);
    }

    /// The connections that their nodes have not ended.
    pub(super) fn conns(&mut self) -> impl Iterator<Item = &mut Conn<K::Session>> {
        self.sockets.values_mut().map(|socket| &mut socket.conn).filter(|conn| !conn.ended)
    }
}

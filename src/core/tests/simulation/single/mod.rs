//! Servers of which one at a time is the master, as Sentinel would name it: they fail over, restart, hang and end.

mod people;
mod server;

use crate::core::tests::rig::topology;

use super::{Conn, Kind, Rng, SOME_OF_ALL, World, play_all};

use people::Caller;
use server::{Mood, Server, Session};

const SEEDS: u64 = 40;

struct Single {
    servers: Vec<Server>,
    /// So many times has one begun to run.
    runs: u64,
    /// Connections that the proxy has closed: what they hold still runs.
    orphans: Vec<Conn<Session>>,
}

impl Single {
    fn new() -> Self {
        let server = |port| Server { port, run_id: format!("run{port}"), mood: Mood::Replica };
        let mut servers: Vec<Server> = (1..4).map(server).collect();
        servers[0].mood = Mood::Master;
        Single { servers, runs: 10, orphans: Vec::new() }
    }

    fn server(&self, port: u16) -> Option<&Server> {
        self.servers.iter().find(|server| server.port == port)
    }

    fn begin_to_run(&mut self, at: usize, mood: Mood) {
        self.runs += 1;
        (self.servers[at].run_id, self.servers[at].mood) = (format!("run{}", self.runs), mood);
    }
}

impl Kind for Single {
    type Session = Session;
    type Script = Caller;
    const TROUBLE: usize = 12;

    fn publish(world: &mut World<Self>) {
        world.name_master(Some(0));
    }

    fn is_dead(&self, port: u16) -> bool {
        self.server(port).is_none_or(|server| server.mood == Mood::Dead)
    }

    fn trouble(world: &mut World<Self>) {
        let at = world.rng.below(world.kind.servers.len());
        match world.rng.below(10) {
            0 => world.kill(at),
            1 | 2 => world.fail_over(at),
            3 => world.name_master(None),
            4 => {
                let moods = [Mood::Hung, Mood::Loading, Mood::Master, Mood::Replica];
                world.kind.servers[at].mood = world.rng.one_of(&moods);
            }
            5 => world.end_any(),
            6 => world.arrive(),
            7 => world.someone_leaves(),
            8 => {
                world.restart(at);
                world.name_master((world.kind.servers[at].mood == Mood::Master).then_some(at));
            }
            _ => world.shut_down(at),
        }
    }

    fn run(world: &mut World<Self>) {
        let mut kills = Vec::new();
        let World { kind: Single { servers, orphans, .. }, sockets, truth, rng, .. } = world;
        for conn in sockets.values_mut().map(|socket| &mut socket.conn).chain(orphans.iter_mut()) {
            let Some(server) = servers.iter().find(|server| server.port == conn.port) else { continue };
            for _ in 0..rng.below(8) {
                conn.run(server, truth, rng);
            }
            if !conn.topics.is_empty() && !conn.ended && rng.chance(3) {
                conn.publish(rng);
            }
            kills.extend(conn.own.kills.take().map(|serial| (conn.port, serial)));
        }
        orphans.retain(|orphan| !kills.contains(&(orphan.port, orphan.serial)) && !orphan.is_quiet());
    }

    fn abandoned(&mut self, mut conn: Conn<Session>) {
        // What a server puts off does not run any more once its client has gone.
        if self.server(conn.port).is_some_and(|server| server.mood != Mood::Ending) {
            conn.own.is_orphan = true;
            self.orphans.push(conn);
        }
    }

    fn unblocks(&self, port: u16) -> bool {
        self.server(port).is_some_and(|server| !matches!(server.mood, Mood::Dead | Mood::Hung))
    }

    fn heal(&mut self) {
        for at in 0..self.servers.len() {
            match self.servers[at].mood {
                Mood::Dead => self.begin_to_run(at, Mood::Replica),
                _ => self.servers[at].mood = Mood::Replica,
            }
        }
        self.servers[0].mood = Mood::Master;
    }
}

impl World<Single> {
    fn name_master(&mut self, master: Option<usize>) {
        let named = master.map(|index| &self.kind.servers[index]);
        let topology = topology(named.map(|server| (server.port, server.run_id.as_str())));
        self.publish(&topology);
    }

    fn kill(&mut self, at: usize) {
        self.kind.servers[at].mood = Mood::Dead;
        let port = self.kind.servers[at].port;
        self.end_all_of(port);
        self.kind.orphans.retain(|orphan| orphan.port != port);
    }

    fn restart(&mut self, at: usize) {
        if self.kind.servers[at].mood != Mood::Dead {
            self.kill(at);
        }
        let mood = self.rng.one_of(&[Mood::Master, Mood::Replica, Mood::Loading]);
        self.kind.begin_to_run(at, mood);
    }

    fn fail_over(&mut self, to: usize) {
        if self.kind.servers[to].mood == Mood::Dead {
            self.restart(to);
        }
        let masters = self.kind.servers.iter_mut();
        masters
            .filter(|server| matches!(server.mood, Mood::Master | Mood::Ending))
            .for_each(|server| server.mood = Mood::Replica);
        self.kind.servers[to].mood = Mood::Master;
        if self.rng.chance(80) {
            self.name_master(Some(to));
        }
    }

    /// A master begins to end, ends, or does not end after all.
    fn shut_down(&mut self, at: usize) {
        match self.kind.servers[at].mood {
            Mood::Master => self.kind.servers[at].mood = Mood::Ending,
            Mood::Ending if self.rng.chance(30) => self.kind.servers[at].mood = Mood::Master,
            Mood::Ending => {
                self.kind.servers[at].mood = Mood::Dead;
                let port = self.kind.servers[at].port;
                let conns = self.conns().filter(|conn| conn.port == port);
                conns.for_each(|conn| (conn.ended, conn.in_order) = (true, true));
                self.kind.orphans.retain(|orphan| orphan.port != port);
            }
            Mood::Replica | Mood::Loading | Mood::Hung | Mood::Dead => {}
        }
    }
}

#[test]
fn every_promise_holds_whatever_happens() {
    play_all(SEEDS, |_: &mut Rng| Single::new(), SOME_OF_ALL);
}

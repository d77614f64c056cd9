//! Random subscribers before a model of a cluster, while nodes die, slots move and the topology is late: who has heard
//! a confirmation hears the messages, nobody hears others, and in the end every node knows exactly what is wanted.
//!
//! `TIDEOVER_SEED=n` plays one seed, `TIDEOVER_SEEDS=n` plays so many.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::client::marks;
use crate::command::Slot;
use crate::core::settings::Settings;
use crate::ids::{ClientId, LaneId};
use crate::reasons::CloseReason;
use crate::resp::pubsub::{Event, SPACES, Space, event};
use crate::resp::reply;
use crate::resp::reply_scan::ReplyScan;
use crate::resp::scan::{RequestScan, Scanned};
use crate::route::owners::Sharding;
use crate::topology::{ConfigEpoch, Endpoint, Generation, Node, NodeState, Role, Shard, Topology};

use super::model::Rng;
use super::rig::{Rig, SECOND, settings};

const SEEDS: u64 = 60;
const STEPS: usize = 250;
const SHARDS: usize = 3;
const NAMES: [(Space, &[&str]); 3] = [
    (Space::Channel, &["news", "weather", "__keyevent@0__:set"]),
    (Space::Pattern, &["*", "new*", "__key*"]),
    (Space::Shard, &["foo", "bar", "hello", "world"]),
];

type Topic = (Space, String);

fn fits(pattern: &str, channel: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == channel, |start| channel.starts_with(start))
}

/// One connection of the proxy, the node's side.
struct Conn {
    lane: LaneId,
    connection: u32,
    shard: usize,
    input: Vec<u8>,
    out: Vec<u8>,
    resp3: bool,
    names: BTreeSet<Topic>,
}

impl Conn {
    fn frame(&mut self, words: &[&str], count: Option<usize>) {
        let elements = words.len() + usize::from(count.is_some());
        let kind = if self.resp3 { '>' } else { '*' };
        self.out.extend(format!("{kind}{elements}\r\n").bytes());
        words.iter().for_each(|word| reply::bulk(&mut self.out, word.as_bytes()));
        if let Some(count) = count {
            reply::integer(&mut self.out, count as i64);
        }
    }

    fn run(&mut self, owners: &BTreeMap<u16, usize>) {
        let mut scan = RequestScan::default();
        while let Scanned::Complete(len) = scan.scan(&self.input, usize::MAX).expect("whole requests") {
            let words: Vec<String> = scan
                .request(&self.input, len)
                .args()
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            scan.reset();
            self.input.drain(..len);
            self.command(&words, owners);
        }
    }

    fn command(&mut self, words: &[String], owners: &BTreeMap<u16, usize>) {
        let word = words[0].to_lowercase();
        for space in SPACES {
            for subscribes in [true, false] {
                if space.word(subscribes) == word {
                    assert_eq!(words.len(), 2, "one name each");
                    return self.listen(space, &words[1], subscribes, owners);
                }
            }
        }
        let said: &[u8] = match word.as_str() {
            "hello" => {
                self.resp3 = words.get(1).is_some_and(|version| version == "3");
                b"%0\r\n"
            }
            "role" => b"*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n",
            "info" => b"$12\r\nrun_id:run\r\n\r\n",
            "client" if words[1] == "ID" => b":7\r\n",
            "ping" if !self.resp3 && !self.names.is_empty() => b"*2\r\n$4\r\npong\r\n$0\r\n\r\n",
            "ping" => b"+PONG\r\n",
            _ => b"+OK\r\n",
        };
        self.out.extend_from_slice(said);
    }

    fn listen(&mut self, space: Space, name: &str, subscribes: bool, owners: &BTreeMap<u16, usize>) {
        let slot = Slot::of_key(name.as_bytes()).0;
        let owner = owners[&slot_start(slot, owners)];
        if space == Space::Shard && owner != self.shard {
            return self.out.extend(format!("-MOVED {slot} node:{}\r\n", owner + 1).bytes());
        }
        let topic = (space, name.to_owned());
        // The node may just have let a shard channel go of itself.
        let known = !subscribes && space != Space::Shard;
        assert!(!(subscribes && self.names.contains(&topic)), "{name} is asked for twice");
        assert!(!known || self.names.contains(&topic), "{name} is given up twice");
        match subscribes {
            true => self.names.insert(topic),
            false => self.names.remove(&topic),
        };
        let count = self.names.len();
        self.frame(&[space.word(subscribes), name], Some(count));
    }

    fn message(&mut self, space: Space, channel: &str, text: &str) {
        let held: Vec<Topic> = self.names.iter().cloned().collect();
        for (of, name) in held {
            match (space, of) {
                (Space::Shard, Space::Shard) if name == channel => {
                    self.frame(&["smessage", channel, text], None)
                }
                (Space::Channel, Space::Channel) if name == channel => {
                    self.frame(&["message", channel, text], None);
                }
                (Space::Channel, Space::Pattern) if fits(&name, channel) => {
                    self.frame(&["pmessage", &name, channel, text], None);
                }
                _ => {}
            }
        }
    }
}

/// The key of the range that the slot is in.
fn slot_start(slot: u16, owners: &BTreeMap<u16, usize>) -> u16 {
    owners.range(..=slot).next_back().map(|(start, _)| *start).unwrap_or_default()
}

/// The marks that stand for the listeners of a topic that a node does not count.
fn marks_of((space, name): &Topic, listeners: usize) -> Vec<Topic> {
    let digits = marks::digits(marks::wanted(listeners));
    let marks = digits.filter_map(|digit| marks::mark(*space, name.as_bytes(), digit));
    marks.map(|mark| (*space, String::from_utf8_lossy(&mark).into_owned())).collect()
}

struct Listener {
    id: ClientId,
    resp3: bool,
    /// HELLO 3 was said, and not answered.
    asks: bool,
    /// Commands that are not answered: their space, whether they subscribe, and the names to be confirmed.
    expects: VecDeque<(Space, bool, VecDeque<String>)>,
    held: BTreeSet<Topic>,
    heard: Vec<(Topic, String, String)>,
    input: Vec<u8>,
    closed: bool,
}

impl Listener {
    fn hear(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        loop {
            let mut scan = ReplyScan::default();
            let (used, done) = scan.scan(&self.input).expect("well-formed replies");
            if !done {
                return;
            }
            let frame: Vec<u8> = self.input.drain(..used).collect();
            self.frame(&frame);
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        let text = String::from_utf8_lossy(frame).into_owned();
        if self.asks {
            (self.asks, self.resp3) = (false, text.starts_with("%7"));
            return assert!(self.resp3 || text.starts_with("-TRYAGAIN tideover"), "{text}");
        }
        if text.starts_with("-TRYAGAIN tideover") {
            let (_, subscribes, names) = self.expects.pop_front().expect("a command that may fail");
            assert!(subscribes && !names.is_empty());
            return;
        }
        assert!(text.starts_with(if self.resp3 { '>' } else { '*' }), "{text}");
        let name_of = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        match event(frame) {
            Event::Message { space, name, channel } => {
                let topic = (space, name_of(name));
                assert!(self.held.contains(&topic), "{topic:?} is not held");
                let payload = text.trim_end().rsplit("\r\n").next().unwrap_or_default().to_owned();
                self.heard.push((topic, name_of(channel), payload));
            }
            Event::Confirmed { space, subscribed, name: Some(name) } => {
                self.confirmed(space, subscribed, &name_of(name), &text);
            }
            other => panic!("{other:?}: {text}"),
        }
    }

    fn confirmed(&mut self, space: Space, subscribed: bool, name: &str, text: &str) {
        let (of, subscribes, names) = self.expects.front_mut().expect("a confirmation of something");
        assert_eq!((space, subscribed), (*of, *subscribes), "{text}");
        assert_eq!(names.pop_front().as_deref(), Some(name), "{text}");
        if names.is_empty() {
            self.expects.pop_front();
        }
        match subscribed {
            true => self.held.insert((space, name.to_owned())),
            false => self.held.remove(&(space, name.to_owned())),
        };
        let alike = |(of, _): &&Topic| (*of == Space::Shard) == (space == Space::Shard);
        let count = self.held.iter().filter(alike).count();
        assert!(text.ends_with(&format!(":{count}\r\n")), "{text} with {:?}", self.held);
    }
}

struct World {
    rng: Rng,
    rig: Rig,
    conns: BTreeMap<u32, Conn>,
    people: Vec<Listener>,
    alive: [bool; SHARDS],
    /// The truth: from which slot on who owns them.
    owners: BTreeMap<u16, usize>,
    published: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let hold = [SECOND, 5 * SECOND, 60 * SECOND][rng.below(3)];
        let shares_subscriptions = rng.chance(70);
        let rig =
            Rig::new(Settings { sharding: Sharding::Cluster, hold, shares_subscriptions, ..settings() });
        let owners = BTreeMap::from([(0, 0), (5000, 1), (11_000, 2)]);
        let mut world = World {
            rng,
            rig,
            conns: BTreeMap::new(),
            people: Vec::new(),
            alive: [true; SHARDS],
            owners,
            published: 0,
        };
        world.publish_topology();
        (0..2 + world.rng.below(6)).for_each(|_| world.arrive());
        world
    }

    fn arrive(&mut self) {
        let (id, resp3) = (self.rig.client(), self.rng.chance(40));
        if resp3 {
            self.rig.say(id, "HELLO 3");
        }
        let listener = Listener {
            id,
            resp3,
            asks: resp3,
            expects: VecDeque::new(),
            held: BTreeSet::new(),
            heard: Vec::new(),
            input: Vec::new(),
            closed: false,
        };
        self.people.push(listener);
    }

    fn publish_topology(&mut self) {
        let starts: Vec<(u16, usize)> = self.owners.iter().map(|(start, owner)| (*start, *owner)).collect();
        let ends = starts.iter().skip(1).map(|(start, _)| start - 1).chain([16383]);
        let ranges: Vec<(usize, (u16, u16))> =
            starts.iter().zip(ends).map(|((start, owner), end)| (*owner, (*start, end))).collect();
        let shards = (0..SHARDS).map(|shard| {
            let node = Node {
                endpoint: Endpoint::new("node", shard as u16 + 1),
                role: Role::Master,
                state: NodeState::Up,
                run_id: Some("run".into()),
                rtt: None,
                lag: None,
            };
            let slots = ranges.iter().filter(|(owner, _)| *owner == shard).map(|(_, range)| *range).collect();
            let master = self.alive[shard].then_some(0);
            Shard { slots, master, nodes: vec![node], epoch: ConfigEpoch(1) }
        });
        self.rig.core.set_topology(&Topology { generation: Generation(2), shards: shards.collect() });
        self.turn();
    }

    fn turn(&mut self) {
        self.rig.turn();
        let links = &self.rig.links;
        self.conns
            .retain(|slot, conn| links.get(slot).is_some_and(|link| *link == (conn.lane, conn.connection)));
        for (id, reason) in std::mem::take(&mut self.rig.closed) {
            assert_eq!(reason, CloseReason::Gone, "{id:?}");
        }
    }

    fn step(&mut self, stormy: bool) {
        self.rig.wait([100, 1_000, 50_000, 400_000][self.rng.below(4)]);
        self.turn();
        if stormy && self.rng.chance(15) {
            self.trouble();
        }
        if stormy {
            self.people_talk();
        }
        for _ in 0..3 {
            self.connect(stormy);
            self.nodes_run(stormy);
            self.people_listen();
        }
    }

    fn trouble(&mut self) {
        let shard = self.rng.below(SHARDS);
        match self.rng.below(7) {
            0 => {
                self.alive[shard] = false;
                self.cut(|conn| conn.shard == shard);
            }
            1 => self.alive[shard] = true,
            2 | 3 => self.publish_topology(),
            4 => {
                let at = self.rng.below(self.conns.len());
                let slot = self.conns.keys().nth(at).copied();
                self.cut(|conn| Some(conn.lane.slot) == slot);
            }
            5 => self.move_slots(shard),
            _ => {
                let at = self.rng.below(self.people.len());
                let gone = &mut self.people[at];
                if !std::mem::replace(&mut gone.closed, true) {
                    self.rig.core.client_gone(gone.id);
                }
                self.arrive();
            }
        }
        self.turn();
    }

    fn cut(&mut self, which: impl Fn(&Conn) -> bool) {
        let lost: Vec<LaneId> =
            self.conns.values().filter(|conn| which(conn)).map(|conn| conn.lane).collect();
        for lane in lost {
            self.conns.remove(&lane.slot);
            self.rig.lose(lane);
        }
    }

    /// A range of slots gets another owner; the former one lets its listeners go.
    fn move_slots(&mut self, to: usize) {
        let at = self.rng.below(self.owners.len());
        let Some(owner) = self.owners.values_mut().nth(at) else { return };
        *owner = to;
        let owners = &self.owners;
        for conn in self.conns.values_mut() {
            let gone: Vec<Topic> = conn
                .names
                .iter()
                .filter(|(space, name)| {
                    let slot = Slot::of_key(name.as_bytes()).0;
                    *space == Space::Shard && owners[&slot_start(slot, owners)] != conn.shard
                })
                .cloned()
                .collect();
            for (space, name) in gone {
                conn.names.remove(&(space, name.clone()));
                let count = conn.names.len();
                conn.frame(&[space.word(false), &name], Some(count));
            }
        }
    }

    fn connect(&mut self, stormy: bool) {
        for (slot, (lane, connection, port)) in std::mem::take(&mut self.rig.wanted) {
            let shard = usize::from(port) - 1;
            if stormy && self.rng.chance(30) {
                self.rig.wanted.insert(slot, (lane, connection, port));
            } else if !self.alive[shard] {
                self.rig.core.link_closed(lane, connection, crate::failover::Loss::Closed);
            } else if self.rig.core.connected(lane, connection) {
                self.rig.links.insert(slot, (lane, connection));
                let conn = Conn {
                    lane,
                    connection,
                    shard,
                    input: Vec::new(),
                    out: Vec::new(),
                    resp3: false,
                    names: BTreeSet::new(),
                };
                self.conns.insert(slot, conn);
            }
        }
        self.turn();
    }

    fn nodes_run(&mut self, stormy: bool) {
        for slot in self.conns.keys().copied().collect::<Vec<_>>() {
            let Some(conn) = self.conns.get_mut(&slot) else { continue };
            let output = self.rig.core.lane_output(conn.lane).to_vec();
            let taken = if stormy { self.rng.below(output.len() + 1) } else { output.len() };
            conn.input.extend_from_slice(&output[..taken]);
            if taken > 0 {
                self.rig.core.lane_written(conn.lane, taken);
            }
            conn.run(&self.owners);
            let len = if stormy { self.rng.below(conn.out.len() + 1) } else { conn.out.len() };
            let bytes: Vec<u8> = conn.out.drain(..len).collect();
            let (lane, connection) = (conn.lane, conn.connection);
            self.rig.core.node_input(lane, connection, &bytes);
            self.turn();
        }
        if stormy && self.rng.chance(40) {
            self.published += 1;
            let (space, names) = NAMES[self.rng.below(3)];
            let name = names[self.rng.below(names.len())].trim_end_matches('*').to_owned();
            let space = if space == Space::Shard { space } else { Space::Channel };
            let text = format!("m{}", self.published);
            self.say_to_all(space, &name, &text, None);
        }
    }

    /// As the cluster spreads it. `from`: an event of keys, which one shard alone tells.
    fn say_to_all(&mut self, space: Space, channel: &str, text: &str, from: Option<usize>) {
        for conn in self.conns.values_mut().filter(|conn| from.is_none_or(|shard| conn.shard == shard)) {
            conn.message(space, channel, text);
        }
    }

    fn people_talk(&mut self) {
        for at in 0..self.people.len() {
            let person = &mut self.people[at];
            if person.closed || person.expects.len() > 3 || !self.rng.chance(30) {
                continue;
            }
            let (space, all) = NAMES[self.rng.below(3)];
            let subscribes = self.rng.chance(60);
            let names: VecDeque<String> =
                (0..1 + self.rng.below(3)).map(|_| all[self.rng.below(all.len())].to_owned()).collect();
            let words: Vec<&str> =
                std::iter::once(space.word(subscribes)).chain(names.iter().map(String::as_str)).collect();
            let line = words.join(" ");
            let id = person.id;
            person.expects.push_back((space, subscribes, names));
            self.rig.say(id, &line);
        }
        self.turn();
    }

    fn people_listen(&mut self) {
        for person in self.people.iter_mut().filter(|person| !person.closed) {
            let heard = self.rig.heard(person.id);
            person.hear(heard.as_bytes());
        }
    }

    fn heal(&mut self) {
        self.alive = [true; SHARDS];
        self.publish_topology();
        for _ in 0..500 {
            self.step(false);
        }
        for person in self.people.iter().filter(|person| !person.closed) {
            assert!(person.expects.is_empty(), "{:?} of {:?}", person.expects, person.id);
        }
    }

    /// Whose connection it is, where each listener has its own.
    fn owner_of(&self, conn: &Conn) -> Option<ClientId> {
        let (audience, _) = self.rig.core.base.audience_at(conn.lane).expect("a listening lane");
        self.rig.core.hub.audiences[audience].key.owner
    }

    fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.people.iter().filter(|person| !person.closed)
    }

    /// Every node has what is wanted of it, on one connection for those who share it, and nothing else.
    fn check_nodes(&self) {
        let mut told: BTreeMap<(bool, Option<ClientId>, usize), BTreeSet<Topic>> = BTreeMap::new();
        for conn in self.conns.values().filter(|conn| !conn.names.is_empty()) {
            let key = (conn.resp3, self.owner_of(conn), conn.shard);
            assert!(told.insert(key, conn.names.clone()).is_none(), "two connections");
        }
        let alone = self.rig.core.base.settings.shares_subscriptions.then_some(None);
        let groups: BTreeSet<(bool, Option<ClientId>)> =
            self.listeners().map(|person| (person.resp3, alone.unwrap_or(Some(person.id)))).collect();
        for (resp3, owner) in groups {
            let there: Vec<&Listener> = self
                .listeners()
                .filter(|person| person.resp3 == resp3 && owner.is_none_or(|owner| owner == person.id))
                .collect();
            let held: BTreeSet<Topic> = there.iter().flat_map(|person| person.held.iter().cloned()).collect();
            let marks = held.iter().flat_map(|topic| {
                let listeners = there.iter().filter(|person| person.held.contains(topic)).count();
                marks_of(topic, listeners)
            });
            let wanted: BTreeSet<Topic> = held.iter().cloned().chain(marks).collect();
            let at = |shard: usize| told.get(&(resp3, owner, shard)).cloned().unwrap_or_default();
            let all: BTreeSet<Topic> = (0..SHARDS).flat_map(at).collect();
            assert_eq!(all, wanted);
            let owning: BTreeSet<usize> = self.owners.values().copied().collect();
            for topic in &wanted {
                let places = (0..SHARDS).filter(|shard| at(*shard).contains(topic)).count();
                let everywhere = topic.1 == "*" || topic.1.starts_with("__key");
                assert_eq!(places, if everywhere { owning.len() } else { 1 }, "{topic:?}");
            }
        }
        assert!(told.values().flatten().next().is_none() || self.listeners().next().is_some());
    }

    /// Whichever node takes a message, what it says of its connections becomes the number of those who hear it.
    fn check_counts(&self) {
        let tally = &self.rig.core.base.settings.tally;
        for shard in self.owners.values().copied().collect::<BTreeSet<_>>() {
            for (space, channels) in [NAMES[0], NAMES[2], (Space::Channel, &["other", "newer"])] {
                for channel in channels {
                    let hears = |(of, name): &&Topic| match (space, of) {
                        (Space::Channel, Space::Pattern) => fits(name, channel),
                        _ => space == *of && name == channel,
                    };
                    let held = self.conns.values().filter(|conn| conn.shard == shard);
                    let number = held.flat_map(|conn| conn.names.iter().filter(hears)).count();
                    let hearing =
                        self.listeners().flat_map(|person| person.held.iter().filter(hears)).count();
                    // A message of a shard channel leaves its node to nobody else.
                    let hearing = if space == Space::Shard && number == 0 { 0 } else { hearing };
                    let told = tally.published(space, channel.as_bytes(), shard as u16, number as i64);
                    assert_eq!(told, hearing as i64, "{space:?} {channel} at {shard}");
                }
            }
        }
    }

    /// One message of each kind: whoever listens hears it once.
    fn check_messages(&mut self) {
        self.people.iter_mut().for_each(|person| person.heard.clear());
        for channel in ["news", "weather", "other"] {
            self.say_to_all(Space::Channel, channel, "end", None);
        }
        for shard in self.owners.values().copied().collect::<BTreeSet<_>>() {
            self.say_to_all(Space::Channel, "__keyevent@0__:set", &format!("end{shard}"), Some(shard));
        }
        for channel in NAMES[2].1 {
            self.say_to_all(Space::Shard, channel, "end", None);
        }
        for _ in 0..10 {
            self.step(false);
        }
        let shards = self.owners.values().collect::<BTreeSet<_>>().len();
        for person in self.people.iter().filter(|person| !person.closed) {
            let unique: BTreeSet<_> = person.heard.iter().collect();
            assert_eq!(unique.len(), person.heard.len(), "twice: {:?}", person.heard);
            let expected: usize = person
                .held
                .iter()
                .map(|(space, name)| match (space, name.as_str()) {
                    (Space::Pattern, "*") => 3 + shards,
                    (Space::Channel | Space::Pattern, name) if name.starts_with("__key") => shards,
                    _ => 1,
                })
                .sum();
            assert_eq!(person.heard.len(), expected, "{:?} heard {:?}", person.held, person.heard);
        }
    }

    fn everybody_leaves(&mut self) {
        for person in self.people.iter_mut().filter(|person| !person.closed) {
            person.closed = true;
            self.rig.core.client_gone(person.id);
        }
        for _ in 0..20 {
            self.step(false);
        }
        assert!(self.conns.values().all(|conn| conn.names.is_empty()));
        self.rig.assert_nothing_left();
        assert!(self.rig.core.hub.audiences.is_empty() && self.rig.core.hub.subscribing.is_empty());
        assert!(self.rig.core.base.settings.tally.needs_no_correction(true));
    }
}

fn play(seed: u64) -> usize {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step(true);
    }
    let heard = world.people.iter().map(|person| person.heard.len()).sum();
    world.heal();
    world.check_nodes();
    world.check_counts();
    world.check_messages();
    world.everybody_leaves();
    heard
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn every_listener_is_served_whatever_happens() {
    if let Some(seed) = number("TIDEOVER_SEED") {
        let _ = play(seed);
        return;
    }
    let mut heard = 0;
    for seed in 0..number("TIDEOVER_SEEDS").unwrap_or(SEEDS) {
        match catch_unwind(AssertUnwindSafe(|| play(seed))) {
            Ok(count) => heard += count,
            Err(_) => panic!("play it again with TIDEOVER_SEED={seed}"),
        }
    }
    // A simulation in which nothing happens proves nothing.
    assert!(heard > 1000, "{heard} messages");
}

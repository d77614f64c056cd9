//! A model of a cluster: shards of two nodes with the same data, slots that move key by key, and the refusals of each.
//!
//! Written values are the numbers of their commands, and every reply bears the key or number that it belongs to.

use std::collections::{HashMap, HashSet, VecDeque};

use super::model::CLIENT;
use crate::command::Slot;
use crate::core::tests::model::Rng;
use crate::resp::reply;
use crate::resp::scan::{RequestScan, Scanned};

type Words = Vec<Vec<u8>>;
type Key = Vec<u8>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Up,
    Hung,
    Dead,
}

pub(super) struct ShardModel {
    /// Which of the two nodes is the master, if it lives.
    pub(super) master: usize,
    pub(super) moods: [Mood; 2],
    data: HashMap<Key, u64>,
}

pub(super) struct Moving {
    slot: u16,
    from: usize,
    to: usize,
}

pub(super) struct Cluster {
    pub(super) owners: Vec<Option<usize>>,
    pub(super) shards: Vec<ShardModel>,
    pub(super) moving: Option<Moving>,
    pub(super) down: bool,
    /// Nodes that do not own a slot may tell nonsense about who does.
    pub(super) confused: bool,
    /// All nodes have all keys and take whatever they are asked; slots are of interest to the proxy only.
    pub(super) active: bool,
    /// This one refuses writes, of active nodes.
    pub(super) loading: Option<usize>,
    touched: HashMap<Key, u64>,
}

/// What really happened.
#[derive(Default)]
pub(super) struct Truth {
    /// How often each ran, on the key where it ran most.
    runs: HashMap<u64, u32>,
    times: HashMap<(u64, Key), u32>,
    pub(super) whole: HashSet<u64>,
    /// The connection on which a WATCH, or the first command of a transaction, ran last.
    pub(super) ran_on: HashMap<u64, u64>,
    latest: HashMap<Key, u64>,
    /// Of a key: a write that ran after a later one.
    pub(super) overtaken: Vec<(u64, u64)>,
}

impl Truth {
    pub(super) fn runs(&self, uid: u64) -> u32 {
        self.runs.get(&uid).copied().unwrap_or_default()
    }

    fn ran(&mut self, uid: u64, key: &[u8], connection: u64) {
        let times = self.times.entry((uid, key.to_vec())).or_default();
        *times += 1;
        let most = self.runs.entry(uid).or_default();
        *most = (*most).max(*times);
        let latest = self.latest.entry(key.to_vec()).or_default();
        if uid < *latest && *times == 1 {
            self.overtaken.push((uid, *latest));
        }
        *latest = uid.max(*latest);
        self.ran_on.insert(uid, connection);
    }
}

pub(super) fn port(shard: usize, node: usize) -> u16 {
    7000 + 10 * shard as u16 + node as u16
}

impl Cluster {
    pub(super) fn new(active: bool) -> Self {
        let shard = || ShardModel { master: 0, moods: [Mood::Up; 2], data: HashMap::new() };
        Cluster {
            owners: (0..16384).map(|slot| Some(slot / 5462)).collect(),
            shards: (0..4).map(|_| shard()).collect(),
            moving: None,
            down: false,
            confused: false,
            active,
            loading: None,
            touched: HashMap::new(),
        }
    }

    pub(super) fn mood(&self, port: u16) -> Mood {
        let (shard, node) = place(port);
        self.shards[shard].moods[node]
    }

    fn redirect(&self, code: &str, slot: u16, shard: usize) -> String {
        format!("-{code} {slot} node:{}", port(shard, self.shards[shard].master))
    }

    pub(super) fn begin_move(&mut self, slot: u16, to: usize) {
        if let (None, Some(from)) = (&self.moving, self.owners[usize::from(slot)].filter(|from| *from != to))
        {
            self.moving = Some(Moving { slot, from, to });
        }
    }

    /// Moves one key, or the slot if none is left.
    pub(super) fn move_on(&mut self) {
        let Some(Moving { slot, from, to }) = self.moving else { return };
        if self.active {
            // First nobody has it, then the other one.
            let owner = &mut self.owners[usize::from(slot)];
            let on_its_way = owner.is_none();
            *owner = Some(to).filter(|_| on_its_way);
            self.moving = self.moving.take().filter(|_| !on_its_way);
            return;
        }
        let mut keys: Vec<Key> =
            self.shards[from].data.keys().filter(|key| Slot::of_key(key).0 == slot).cloned().collect();
        keys.sort();
        match keys.into_iter().next() {
            Some(key) => {
                let value = self.shards[from].data.remove(&key).expect("it is there");
                *self.touched.entry(key.clone()).or_default() += 1;
                self.shards[to].data.insert(key, value);
            }
            None => {
                self.owners[usize::from(slot)] = Some(to);
                self.moving = None;
            }
        }
    }

    /// The error that the node answers with, before anything runs.
    fn refusal(&self, port: u16, words: &Words, asked: bool, rng: &mut Rng) -> Option<String> {
        let keys = keys(words);
        let slot = Slot::of_key(keys.first()?).0;
        let (shard, node) = place(port);
        if self.active {
            let writes = !matches!(words[0].as_slice(), b"GET" | b"MGET" | b"WATCH");
            let refuses = writes && self.loading == Some(shard);
            return refuses.then(|| "-LOADING KeyDB is loading the dataset in memory".into());
        }
        let owner = self.owners[usize::from(slot)];
        if self.shards[shard].master != node {
            return Some(self.redirect("MOVED", slot, owner.unwrap_or(shard)));
        }
        if self.down {
            return Some("-CLUSTERDOWN The cluster is down".into());
        }
        let Some(owner) = owner else { return Some("-CLUSTERDOWN Hash slot not served".into()) };
        let missing = keys.iter().filter(|key| !self.shards[shard].data.contains_key(**key)).count();
        let tryagain = || Some("-TRYAGAIN Multiple keys request during rehashing of slot".into());
        let moving = self.moving.as_ref().filter(|moving| moving.slot == slot);
        match moving {
            Some(moving) if owner == shard && missing == keys.len() => {
                Some(self.redirect("ASK", slot, moving.to))
            }
            Some(_) if owner == shard && missing > 0 => tryagain(),
            Some(moving) if moving.to == shard && asked => {
                if missing > 0 && keys.len() > 1 {
                    tryagain()
                } else {
                    None
                }
            }
            _ if owner == shard => None,
            _ if self.confused && rng.chance(30) => {
                Some(format!("-MOVED {slot} node:{}", [port, 9999, 7000, 7010, 7020][rng.below(5)]))
            }
            _ => Some(self.redirect("MOVED", slot, owner)),
        }
    }

    fn data_of(&self, shard: usize) -> usize {
        if self.active { 0 } else { shard }
    }

    fn touch(&mut self, shard: usize, key: &[u8], value: Option<u64>) -> bool {
        *self.touched.entry(key.to_vec()).or_default() += 1;
        let at = self.data_of(shard);
        let data = &mut self.shards[at].data;
        match value {
            Some(value) => data.insert(key.to_vec(), value).is_some(),
            None => data.remove(key).is_some(),
        }
    }
}

fn place(port: u16) -> (usize, usize) {
    (usize::from((port - 7000) / 10), usize::from(port % 10))
}

/// One connection of the proxy to a node, the node's side.
pub(super) struct Conn {
    pub(super) serial: u64,
    pub(super) port: u16,
    input: Vec<u8>,
    scan: RequestScan,
    queue: VecDeque<Words>,
    pub(super) out: Vec<u8>,
    multi: Option<Vec<Words>>,
    dirty: bool,
    asking: bool,
    watched: HashMap<Key, u64>,
    blocked: Option<Words>,
    pub(super) ended: bool,
}

impl Conn {
    pub(super) fn new(serial: u64, port: u16) -> Self {
        Conn {
            serial,
            port,
            input: Vec::new(),
            scan: RequestScan::default(),
            queue: VecDeque::new(),
            out: Vec::new(),
            multi: None,
            dirty: false,
            asking: false,
            watched: HashMap::new(),
            blocked: None,
            ended: false,
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8], truth: &mut Truth) {
        self.input.extend_from_slice(bytes);
        while let Scanned::Complete(len) = self.scan.scan(&self.input, usize::MAX).expect("whole requests") {
            let words: Words = self.scan.request(&self.input, len).args().map(<[u8]>::to_vec).collect();
            self.scan.reset();
            self.input.drain(..len);
            truth.whole.extend(uid(&words));
            self.queue.push_back(words);
        }
    }

    /// CLIENT UNBLOCK.
    pub(super) fn let_go(&mut self) {
        if self.blocked.take().is_some() {
            self.say("*-1");
        }
    }

    fn say(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    pub(super) fn run(&mut self, cluster: &mut Cluster, truth: &mut Truth, rng: &mut Rng) {
        if self.ended || cluster.mood(self.port) != Mood::Up {
            return;
        }
        if let Some(words) = self.blocked.take() {
            return self.go_on_blocking(words, cluster, truth, rng);
        }
        if let Some(words) = self.queue.pop_front() {
            self.command(words, cluster, truth, rng);
        }
    }

    fn go_on_blocking(&mut self, words: Words, cluster: &mut Cluster, truth: &mut Truth, rng: &mut Rng) {
        let uid = uid(&words).expect("a number");
        if let Some(refusal) =
            cluster.refusal(self.port, &words, true, rng).filter(|text| text.contains("MOVED"))
        {
            self.say(&refusal);
        } else if rng.chance(20) {
            truth.ran(uid, &words[1], self.serial);
            self.say(&format!("*2\r\n$1\r\nk\r\n:{uid}"));
        } else {
            self.blocked = Some(words);
        }
    }

    fn command(&mut self, words: Words, cluster: &mut Cluster, truth: &mut Truth, rng: &mut Rng) {
        let name = words[0].to_ascii_uppercase();
        match name.as_slice() {
            b"EXEC" => return self.exec(cluster, truth, rng),
            b"ASKING" => {
                self.asking = true;
                return self.say("+OK");
            }
            b"MULTI" => {
                (self.multi, self.dirty) = (Some(Vec::new()), false);
                return self.say("+OK");
            }
            _ => {}
        }
        let asked = if self.multi.is_some() { self.asking } else { std::mem::take(&mut self.asking) };
        if let Some(refusal) = cluster.refusal(self.port, &words, asked, rng) {
            self.dirty |= self.multi.is_some();
            return self.say(&refusal);
        }
        match &mut self.multi {
            Some(queued) => {
                queued.push(words);
                self.say("+QUEUED");
            }
            None if name == b"BLPOP" => self.blocked = Some(words),
            None if name == b"WATCH" => {
                let uid = uid(&words).expect("a number");
                truth.ran_on.insert(uid, self.serial);
                let version = cluster.touched.get(&words[1]).copied().unwrap_or_default();
                self.watched.insert(words[1].clone(), version);
                self.say(&format!("+OK.{uid}"));
            }
            None => self.data(&words, cluster, truth),
        }
    }

    fn exec(&mut self, cluster: &mut Cluster, truth: &mut Truth, rng: &mut Rng) {
        let (asked, watched) = (std::mem::take(&mut self.asking), std::mem::take(&mut self.watched));
        let Some(queued) = self.multi.take() else { return self.say("-ERR EXEC without MULTI") };
        if self.dirty {
            return self.say("-EXECABORT Transaction discarded because of previous errors.");
        }
        // The keys of all commands count as those of one.
        let mut all: Words = vec![b"MGET".to_vec()];
        all.extend(queued.iter().flat_map(|words| keys(words).into_iter().cloned()));
        if let Some(refusal) = cluster.refusal(self.port, &all, asked, rng) {
            return self.say(&refusal);
        }
        let is_touched =
            |(key, version): (&Key, &u64)| cluster.touched.get(key).copied().unwrap_or_default() != *version;
        if watched.iter().any(is_touched) {
            return self.say("*-1");
        }
        reply::array(&mut self.out, queued.len());
        queued.iter().for_each(|words| self.data(words, cluster, truth));
    }

    fn data(&mut self, words: &Words, cluster: &mut Cluster, truth: &mut Truth) {
        let (shard, _) = place(self.port);
        let uid = uid(words).unwrap_or_default();
        match words[0].to_ascii_uppercase().as_slice() {
            b"SET" | b"RPUSH" | b"MSET" => {
                for key in keys(words) {
                    truth.ran(uid, key, self.serial);
                    cluster.touch(shard, key, Some(uid));
                }
                self.say(&if words[0] == b"RPUSH" { format!(":{uid}") } else { format!("+OK.{uid}") });
            }
            b"GET" => self.value(shard, &words[1], cluster),
            b"MGET" => {
                reply::array(&mut self.out, words.len() - 1);
                words[1..].iter().for_each(|key| self.value(shard, key, cluster));
            }
            b"DEL" => {
                let count = words[1..].iter().filter(|key| cluster.touch(shard, key, None)).count();
                self.say(&format!(":{count}"));
            }
            b"DBSIZE" => self.say(&format!(":{}", 100u64.pow(shard as u32))),
            b"SCAN" => self.say("*2\r\n$1\r\n0\r\n*0"),
            b"ROLE" if cluster.shards[shard].master != place(self.port).1 => {
                self.say("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1");
            }
            b"ROLE" => self.say("*3\r\n$6\r\nmaster\r\n:1\r\n*0"),
            b"INFO" => reply::bulk(&mut self.out, b"# Server\r\nrun_id:run\r\n"),
            b"CLIENT" if words[1].eq_ignore_ascii_case(b"ID") => self.say(&format!(":{}", self.serial)),
            _ => self.say("+OK"),
        }
    }

    fn value(&mut self, shard: usize, key: &Key, cluster: &Cluster) {
        let value = cluster.shards[cluster.data_of(shard)].data.get(key).copied().unwrap_or_default();
        reply::bulk(&mut self.out, format!("{}={value}", String::from_utf8_lossy(key)).as_bytes());
    }
}

fn keys(words: &Words) -> Vec<&Key> {
    match words[0].to_ascii_uppercase().as_slice() {
        b"SET" | b"GET" | b"RPUSH" | b"BLPOP" => vec![&words[1]],
        b"MGET" | b"DEL" | b"WATCH" => words[1..].iter().collect(),
        b"MSET" => words[1..].iter().step_by(2).collect(),
        _ => Vec::new(),
    }
}

/// The number of a write is its value, that of others stands behind the colon of their key.
fn uid(words: &Words) -> Option<u64> {
    let text = match words[0].as_slice() {
        b"SET" | b"RPUSH" | b"MSET" => std::str::from_utf8(words.get(2)?).ok()?.split('.').next()?,
        b"BLPOP" | b"WATCH" => std::str::from_utf8(words.get(1)?).ok()?.rsplit_once(':')?.1,
        _ => return None,
    };
    text.parse().ok().filter(|number| *number > CLIENT)
}

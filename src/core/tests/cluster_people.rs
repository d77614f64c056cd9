//! Simulated clients of a cluster: each writes keys of its own, so it knows what it must read.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::command::ReplayClass;
use crate::config::RetryPolicy;
use crate::failover::may_run_twice;
use crate::ids::ClientId;
use crate::resp::reply;
use crate::resp::reply_scan::ReplyScan;

use super::cluster_nodes::Truth;
use super::model::{CLIENT, Rng};

#[derive(Debug)]
enum Expect {
    Own(&'static str),
    /// What is written, where; `None` deletes.
    Write {
        uid: Option<u64>,
        keys: Vec<String>,
        reply: String,
    },
    Read {
        keys: Vec<String>,
        single: bool,
        /// Connections that had been lost when it was said.
        losses: u64,
    },
    Exec {
        uid: u64,
        key: String,
        also_read: bool,
        watched: bool,
    },
    Watch(u64),
    /// With the moment at which its time-out is over, at the earliest.
    Blocked {
        uid: u64,
        until: Option<u64>,
    },
    Size,
    Scan,
    /// A write without a reply.
    Silent {
        uid: u64,
        key: String,
    },
}

pub(super) struct Person {
    pub(super) id: ClientId,
    number: u64,
    said: u64,
    pub(super) to_send: VecDeque<u8>,
    expects: VecDeque<Expect>,
    heard: Vec<u8>,
    scan: ReplyScan,
    scanned: usize,
    /// What each key may hold; 0 for nothing.
    values: HashMap<String, Vec<u64>>,
    watching: Vec<(u64, usize)>,
    pub(super) eof: bool,
    pub(super) closed: bool,
    /// Connections to nodes that were lost so far.
    pub(super) losses: u64,
    /// Most of what it says is about this tag.
    pub(super) hot: Option<usize>,
}

/// What has to hold at the very end.
#[derive(Default)]
pub(super) struct Promises {
    not_run: Vec<u64>,
    said: Vec<(u64, ReplayClass)>,
    /// Those that block: one whose node was lost may run again at the next.
    pops: Vec<u64>,
    /// The moment of the step.
    pub(super) now: u64,
    /// WATCHes and the first command of the transaction behind them.
    watched: Vec<(u64, u64)>,
    confirmed: HashSet<u64>,
    pub(super) good: u64,
    pub(super) tryagain: u64,
    pub(super) uncertain: u64,
}

impl Promises {
    pub(super) fn check(&self, truth: &Truth, policy: RetryPolicy) {
        for uid in &self.not_run {
            assert_eq!(truth.runs(*uid), 0, "{uid} was called not executed");
        }
        for (uid, class) in &self.said {
            let runs = truth.runs(*uid);
            assert!(runs <= 1 || may_run_twice(policy, *class), "{uid} ran {runs} times under {policy:?}");
        }
        for uid in &self.pops {
            let runs = truth.runs(*uid);
            assert!(runs <= 1 || policy != RetryPolicy::Never, "{uid} was popped {runs} times");
        }
        for (earlier, later) in &truth.overtaken {
            let settled = truth.runs(*later) == 1 && self.confirmed.contains(later);
            assert!(!settled, "{earlier} ran after {later}");
        }
        for (watch, first) in &self.watched {
            if truth.runs(*first) > 0 {
                assert_eq!(truth.ran_on.get(watch), truth.ran_on.get(first), "{first} ran without {watch}");
            }
        }
    }
}

impl Person {
    pub(super) fn new(id: ClientId, number: u64) -> Self {
        Person {
            id,
            number,
            said: 0,
            to_send: VecDeque::new(),
            expects: VecDeque::new(),
            heard: Vec::new(),
            scan: ReplyScan::default(),
            scanned: 0,
            values: HashMap::new(),
            watching: Vec::new(),
            eof: false,
            closed: false,
            losses: 0,
            hot: None,
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn is_content(&self) -> bool {
        let owed = self.expects.iter().any(|expect| !matches!(expect, Expect::Silent { .. }));
        self.closed || (self.to_send.is_empty() && !owed)
    }

    pub(super) fn waits_for(&self) -> String {
        format!("{} {:?}: {} bytes, {:?}", self.number, self.id, self.to_send.len(), self.expects.front())
    }

    /// Tags of the hash: so many slots does a client use.
    pub(super) fn tag(number: u64, tag: usize) -> String {
        format!("{{{number}.{tag}}}")
    }

    fn key(&self, tag: usize, rng: &mut Rng) -> String {
        format!("{}{}", Self::tag(self.number, tag), rng.below(3))
    }

    fn uid(&mut self) -> u64 {
        self.said += 1;
        self.number * CLIENT + self.said
    }

    fn say(&mut self, words: &[&str]) {
        let mut out = Vec::new();
        reply::command(&mut out, &words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
        self.to_send.extend(out);
    }

    pub(super) fn act(&mut self, promises: &mut Promises, rng: &mut Rng) {
        if self.closed || self.eof || self.expects.len() > 60 {
            return;
        }
        let tag = self.hot.filter(|_| rng.chance(70)).unwrap_or_else(|| rng.below(4));
        match rng.below(100) {
            0..22 => self.write(promises, "SET", vec![self.key(tag, rng)], ReplayClass::Idempotent),
            22..28 => {
                let list = format!("{}l", Self::tag(self.number, tag));
                self.write(promises, "RPUSH", vec![list], ReplayClass::NotIdempotent);
            }
            28..45 => self.read("GET", vec![self.key(tag, rng)]),
            45..60 => {
                let keys = self.some_keys(tag, rng);
                self.read("MGET", keys);
            }
            60..72 => {
                let keys = self.some_keys(tag, rng);
                self.write(promises, "MSET", keys, ReplayClass::Idempotent);
            }
            72..75 => {
                let keys = self.some_keys(tag, rng);
                let mut words = vec!["DEL"];
                words.extend(keys.iter().map(String::as_str));
                self.say(&words);
                self.expects.push_back(Expect::Write { uid: None, keys, reply: ":".into() });
            }
            75..83 => self.transaction(promises, tag, rng),
            83..86 if self.watching.is_empty() || rng.chance(30) => self.watch(tag),
            86..89 => {
                let uid = self.uid();
                promises.pops.push(uid);
                let (timeout, millis) = [("0", None), ("0.5", Some(500))][rng.below(2)];
                self.say(&["BLPOP", &format!("{}b:{uid}", Self::tag(self.number, tag)), timeout]);
                let until = millis.map(|millis| promises.now + millis * 1000);
                self.expects.push_back(Expect::Blocked { uid, until });
            }
            89..91 => {
                self.say(&["DBSIZE"]);
                self.expects.push_back(Expect::Size);
            }
            91 => {
                self.say(&["SCAN", "0"]);
                self.expects.push_back(Expect::Scan);
            }
            92..94 => {
                self.say(&["CLIENT", "REPLY", "SKIP"]);
                let (uid, key) = (self.uid(), self.key(tag, rng));
                promises.said.push((uid, ReplayClass::Idempotent));
                self.say(&["SET", &key, &uid.to_string()]);
                self.expects.push_back(Expect::Silent { uid, key });
            }
            94..98 => {
                self.say(&["ECHO", "x"]);
                self.expects.push_back(Expect::Own("$1\r\nx\r\n"));
            }
            98 => self.upload(promises, tag, rng),
            _ => {}
        }
    }

    /// In one slot, or in several.
    fn some_keys(&self, tag: usize, rng: &mut Rng) -> Vec<String> {
        let several = rng.chance(if self.hot == Some(tag) { 20 } else { 60 });
        let mut keys: Vec<String> = (0..2 + rng.below(3))
            .map(|_| {
                let tag = if several { rng.below(4) } else { tag };
                self.key(tag, rng)
            })
            .collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn write(&mut self, promises: &mut Promises, name: &str, keys: Vec<String>, class: ReplayClass) {
        let uid = self.uid();
        promises.said.push((uid, class));
        let value = uid.to_string();
        let mut words = vec![name];
        keys.iter().for_each(|key| words.extend([key.as_str(), &value]));
        self.say(&words);
        let reply = if name == "RPUSH" { format!(":{uid}\r\n") } else { format!("+OK.{uid}\r\n") };
        self.expects.push_back(Expect::Write { uid: Some(uid), keys, reply });
    }

    /// A request too large to be kept.
    fn upload(&mut self, promises: &mut Promises, tag: usize, rng: &mut Rng) {
        let (uid, key) = (self.uid(), self.key(tag, rng));
        promises.said.push((uid, ReplayClass::Idempotent));
        self.say(&["SET", &key, &format!("{uid}.{}", "v".repeat(250_000 + rng.below(100_000)))]);
        let reply = format!("+OK.{uid}\r\n");
        self.expects.push_back(Expect::Write { uid: Some(uid), keys: vec![key], reply });
    }

    fn read(&mut self, name: &str, keys: Vec<String>) {
        let mut words = vec![name];
        words.extend(keys.iter().map(String::as_str));
        self.say(&words);
        self.expects.push_back(Expect::Read { keys, single: name == "GET", losses: self.losses });
    }

    fn watch(&mut self, tag: usize) {
        let tag = self.watching.first().map_or(tag, |(_, tag)| *tag);
        let uid = self.uid();
        self.say(&["WATCH", &format!("{}w:{uid}", Self::tag(self.number, tag))]);
        self.watching.push((uid, tag));
        self.expects.push_back(Expect::Watch(uid));
    }

    fn transaction(&mut self, promises: &mut Promises, tag: usize, rng: &mut Rng) {
        let tag = self.watching.first().map_or(tag, |(_, tag)| *tag);
        let (uid, key, also_read) = (self.uid(), self.key(tag, rng), rng.chance(50));
        self.say(&["MULTI"]);
        self.say(&["SET", &key, &uid.to_string()]);
        self.expects.extend([Expect::Own("+OK\r\n"), Expect::Own("+QUEUED\r\n")]);
        if also_read {
            self.say(&["GET", &key]);
            self.expects.push_back(Expect::Own("+QUEUED\r\n"));
        }
        self.say(&["EXEC"]);
        promises.said.push((uid, ReplayClass::Idempotent));
        let watched = std::mem::take(&mut self.watching);
        promises.watched.extend(watched.iter().map(|(watch, _)| (*watch, uid)));
        self.expects.push_back(Expect::Exec { uid, key, also_read, watched: !watched.is_empty() });
    }

    pub(super) fn hear(&mut self, bytes: &[u8], truth: &Truth, promises: &mut Promises) {
        self.heard.extend_from_slice(bytes);
        loop {
            let (used, done) = self.scan.scan(&self.heard[self.scanned..]).expect("well-formed replies");
            self.scanned += used;
            if !done {
                return;
            }
            let frame: Vec<u8> = self.heard.drain(..self.scanned).collect();
            self.scanned = 0;
            self.frame(&String::from_utf8_lossy(&frame), truth, promises);
        }
    }

    fn holds(&mut self, key: &str) -> &mut Vec<u64> {
        self.values.entry(key.to_owned()).or_insert_with(|| vec![0])
    }

    fn frame(&mut self, text: &str, truth: &Truth, promises: &mut Promises) {
        while let Some(Expect::Silent { uid, key }) = self.expects.front() {
            let (uid, key) = (*uid, key.clone());
            self.expects.pop_front();
            self.holds(&key).push(uid);
        }
        let Some(expect) = self.expects.pop_front() else {
            panic!("{}: a reply to nothing: {text}", self.number)
        };
        match text {
            _ if text.starts_with("-TRYAGAIN tideover") => {
                promises.tryagain += 1;
                self.not_executed(&expect, text, truth, promises);
            }
            _ if text.starts_with("-UNCERTAIN tideover") => {
                promises.uncertain += 1;
                self.uncertain(expect, text, truth);
            }
            _ => {
                promises.good += 1;
                self.good(expect, text, truth, promises);
            }
        }
    }

    fn not_executed(&mut self, expect: &Expect, text: &str, truth: &Truth, promises: &mut Promises) {
        let uid = match expect {
            Expect::Write { uid, .. } => *uid,
            Expect::Blocked { .. } if text.ends_with("; outcome unknown\r\n") => None,
            Expect::Exec { uid, .. } | Expect::Blocked { uid, .. } => Some(*uid),
            Expect::Read { .. } | Expect::Watch(_) | Expect::Size | Expect::Scan => None,
            Expect::Own(_) | Expect::Silent { .. } => panic!("{text} for {expect:?}"),
        };
        if let Expect::Watch(uid) = expect {
            self.watching.retain(|(watch, _)| watch != uid);
            promises.watched.retain(|(watch, _)| watch != uid);
        }
        if let Some(uid) = uid {
            assert_eq!(truth.runs(uid), 0, "{uid} ran, and was called not executed: {text}");
            promises.not_run.push(uid);
        }
    }

    fn uncertain(&mut self, expect: Expect, text: &str, truth: &Truth) {
        let (uid, keys) = match expect {
            Expect::Write { uid, keys, .. } => (uid, keys),
            Expect::Exec { uid, key, .. } => (Some(uid), vec![key]),
            Expect::Blocked { uid, .. } => (Some(uid), Vec::new()),
            // Under the policy that repeats nothing.
            Expect::Read { .. } | Expect::Size | Expect::Scan => (None, Vec::new()),
            _ => panic!("{text} for {expect:?}"),
        };
        assert!(uid.is_none_or(|uid| truth.whole.contains(&uid)), "{uid:?} never left whole, but: {text}");
        for key in keys {
            self.holds(&key).push(uid.unwrap_or_default());
        }
    }

    fn good(&mut self, expect: Expect, text: &str, truth: &Truth, promises: &mut Promises) {
        match expect {
            Expect::Own(reply) => assert_eq!(text, reply),
            Expect::Write { uid, keys, reply, .. } => {
                assert!(text.starts_with(&reply), "{text} for {reply}");
                assert!(uid.is_none_or(|uid| truth.runs(uid) > 0), "{uid:?} never ran");
                promises.confirmed.extend(uid);
                for key in keys {
                    *self.holds(&key) = vec![uid.unwrap_or_default()];
                }
            }
            Expect::Read { keys, single, losses } => {
                let values: Vec<&str> = text.split("\r\n").filter(|line| line.contains('=')).collect();
                assert_eq!(values.len(), keys.len(), "{text} for {keys:?}");
                assert_eq!(text.starts_with('$'), single, "{text}");
                for (key, value) in keys.iter().zip(values) {
                    self.is_held(key, value, losses != self.losses);
                }
            }
            Expect::Exec { watched: true, .. } if text == "*-1\r\n" => {}
            Expect::Exec { uid, key, also_read, .. } => {
                let count = 1 + usize::from(also_read);
                assert!(text.starts_with(&format!("*{count}\r\n+OK.{uid}\r\n")), "{text} for {uid}");
                assert!(truth.runs(uid) > 0);
                promises.confirmed.insert(uid);
                *self.holds(&key) = vec![uid];
                if let Some(value) = text.split("\r\n").find(|line| line.contains('=')) {
                    self.is_held(&key, value, false);
                }
            }
            Expect::Watch(uid) => assert_eq!(text, format!("+OK.{uid}\r\n")),
            Expect::Blocked { until, .. } if text == "*-1\r\n" => {
                assert!(until.is_some_and(|until| until <= promises.now), "{text} before {until:?}");
            }
            Expect::Blocked { uid, .. } => {
                assert!(text.ends_with(&format!(":{uid}\r\n")), "{text} for {uid}");
                promises.confirmed.insert(uid);
            }
            Expect::Size => {
                let sum: u64 = text[1..].trim_end().parse().unwrap_or_else(|_| panic!("{text} for a size"));
                assert!(sum.to_string().chars().all(|digit| matches!(digit, '0' | '1')), "{text}");
            }
            Expect::Scan => assert!(text.starts_with("*2\r\n$"), "{text} for a scan"),
            Expect::Silent { .. } => panic!("{text} for a silent one"),
        }
    }

    /// `again`: it may have been read again after a loss, and then see what was said behind it.
    fn is_held(&mut self, key: &str, value: &str, again: bool) {
        let number = self.number;
        let mut held = self.holds(key).clone();
        let later = self.expects.iter().filter(|_| again).filter_map(|expect| match expect {
            Expect::Write { uid, keys, .. } => {
                keys.iter().any(|one| one == key).then(|| uid.unwrap_or_default())
            }
            Expect::Exec { uid, key: one, .. } | Expect::Silent { uid, key: one } => {
                (one == key).then_some(*uid)
            }
            _ => None,
        });
        held.extend(later);
        let (named, value) = value.split_once('=').expect("key and value");
        assert_eq!(named, key, "{number}");
        let value: u64 = value.parse().expect("a number");
        assert!(held.contains(&value), "{number}: {key} holds {value}, not any of {held:?}");
    }
}

//! Simulated clients: what they say, and what they may hear.

use std::collections::{BTreeSet, HashSet, VecDeque};

use crate::command::ReplayClass;
use crate::config::RetryPolicy;
use crate::failover::may_run_twice;
use crate::ids::ClientId;
use crate::resp::reply;
use crate::resp::reply_scan::ReplyScan;

use super::model::{CLIENT, Rng, Truth, data_reply};

/// One reply that is still to come.
#[derive(Debug)]
enum Expect {
    /// The proxy's own answer.
    Own(Vec<u8>),
    /// A node's answer; the number of the command, or 0 for a session change.
    Node {
        uid: u64,
        class: ReplayClass,
        reply: Vec<u8>,
    },
    Hello(u8),
    /// With the moment at which its time-out is over, at the earliest.
    Blocked {
        uid: u64,
        until: Option<u64>,
    },
    Watch(u64),
    Exec {
        uids: Vec<u64>,
        class: ReplayClass,
        reply: Vec<u8>,
        watched: bool,
    },
    Aborted,
    Reset,
    Pong(u64),
    /// Confirmations, in this order or in any.
    Confirm {
        kind: &'static str,
        names: Vec<String>,
        ordered: bool,
    },
}

pub(super) struct Person {
    pub(super) id: ClientId,
    number: u64,
    said: u64,
    /// Not given to the proxy yet.
    pub(super) to_send: VecDeque<u8>,
    expects: VecDeque<Expect>,
    heard: Vec<u8>,
    scan: ReplyScan,
    scanned: usize,
    resp3: bool,
    channels: BTreeSet<String>,
    /// The WATCH in force, as far as was said; and whether it was confirmed.
    watching: Option<u64>,
    watch: Option<u64>,
    pub(super) eof: bool,
    pub(super) closed: bool,
    quitting: bool,
}

/// What has to hold at the very end.
#[derive(Default)]
pub(super) struct Promises {
    /// Told not to have run.
    not_run: Vec<u64>,
    said: Vec<(u64, ReplayClass)>,
    /// Those that block: one whose node was lost may run again at the next.
    pops: Vec<u64>,
    /// The moment of the step.
    pub(super) now: u64,
    /// A confirmed WATCH, and the first command of the transaction behind it.
    watched: Vec<(u64, u64)>,
    /// Answered by a node.
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
            // A read from a node that had just lost its role is asked again, whatever the policy.
            let repeatable = *class == ReplayClass::Read || may_run_twice(policy, *class);
            assert!(runs <= 1 || repeatable, "{uid} ({class:?}) ran {runs} times under {policy:?}");
        }
        for uid in &self.pops {
            let runs = truth.runs(*uid);
            assert!(runs <= 1 || policy != RetryPolicy::Never, "{uid} was popped {runs} times");
        }
        for (earlier, later) in &truth.overtaken {
            // A later one of unknown outcome may have run, or may not: nobody can rely on the order. One that ran
            // again behind the earlier one has put the order right.
            let settled = truth.runs(*later) == 1 && self.confirmed.contains(later);
            assert!(!settled, "{earlier} ran after {later}");
        }
        for (watch, first) in &self.watched {
            if truth.runs(*first) > 0 {
                assert_eq!(truth.ran_on.get(watch), truth.ran_on.get(first), "{first} ran without its watch");
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
            resp3: false,
            channels: BTreeSet::new(),
            watching: None,
            watch: None,
            eof: false,
            closed: false,
            quitting: false,
        }
    }

    pub(super) fn is_content(&self) -> bool {
        self.closed || (self.to_send.is_empty() && self.expects.is_empty())
    }

    pub(super) fn waits_for(&self) -> String {
        format!(
            "client {}: {} bytes to say, expects {:?}",
            self.number,
            self.to_send.len(),
            self.expects.front()
        )
    }

    fn say(&mut self, words: &[&str], rng: &mut Rng) {
        if rng.chance(10) && words.iter().all(|word| !word.is_empty()) {
            self.to_send.extend(format!("{}\r\n", words.join(" ")).bytes());
            return;
        }
        let mut out = Vec::new();
        reply::command(&mut out, &words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
        self.to_send.extend(out);
    }

    fn uid(&mut self) -> u64 {
        self.said += 1;
        self.number * CLIENT + self.said
    }

    /// Says something more, whatever is allowed at the moment.
    pub(super) fn act(&mut self, promises: &mut Promises, rng: &mut Rng) {
        if self.closed || self.eof || self.quitting || self.expects.len() > 60 {
            return;
        }
        // What may be said next depends on these.
        let changing =
            |expect: &Expect| matches!(expect, Expect::Confirm { .. } | Expect::Hello(_) | Expect::Reset);
        if self.expects.iter().any(changing) {
            return;
        }
        if !self.resp3 && !self.channels.is_empty() {
            return self.listen(rng);
        }
        match rng.below(100) {
            0..50 => self.data(promises, true, rng),
            50..60 => self.own(rng),
            60..70 => self.transaction(promises, rng),
            70..76 => self.watch(promises, rng),
            76..80 => self.block(promises, rng),
            80..84 => self.listen(rng),
            84..90 => self.session(rng),
            90..93 => {
                self.say(&["CLIENT", "REPLY", "SKIP"], rng);
                self.data(promises, false, rng);
            }
            93 => self.wait(promises, rng),
            94 => self.upload(promises, rng),
            95 if rng.chance(20) => {
                self.say(&["QUIT"], rng);
                self.expects.push_back(Expect::Own(b"+OK\r\n".to_vec()));
                self.quitting = true;
            }
            96 if rng.chance(30) => {
                self.say(&["RESET"], rng);
                self.expects.push_back(Expect::Reset);
            }
            _ => {}
        }
    }

    fn data(&mut self, promises: &mut Promises, heard: bool, rng: &mut Rng) {
        let uid = self.uid();
        let (name, key, class) = one(uid, rng);
        promises.said.push((uid, class));
        match name {
            "SET" => self.say(&[name, &key, "value"], rng),
            _ => self.say(&[name, &key], rng),
        }
        if heard {
            let reply = data_reply(name.as_bytes(), key.as_bytes(), uid);
            self.expects.push_back(Expect::Node { uid, class, reply });
        }
    }

    /// A request too large to be kept.
    fn upload(&mut self, promises: &mut Promises, rng: &mut Rng) {
        let uid = self.uid();
        let value = "v".repeat(250_000 + rng.below(100_000));
        let words = ["SET".to_owned(), format!("w:{uid}"), value];
        let mut out = Vec::new();
        reply::command(&mut out, &words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
        self.to_send.extend(out);
        promises.said.push((uid, ReplayClass::Idempotent));
        let reply = data_reply(b"SET", b"", uid);
        self.expects.push_back(Expect::Node { uid, class: ReplayClass::Idempotent, reply });
    }

    fn own(&mut self, rng: &mut Rng) {
        let uid = self.uid();
        let mut answer = Vec::new();
        if rng.chance(50) {
            self.say(&["PING", &uid.to_string()], rng);
            return self.expects.push_back(Expect::Pong(uid));
        }
        self.say(&["ECHO", &uid.to_string()], rng);
        reply::bulk(&mut answer, uid.to_string().as_bytes());
        self.expects.push_back(Expect::Own(answer));
    }

    fn transaction(&mut self, promises: &mut Promises, rng: &mut Rng) {
        self.say(&["MULTI"], rng);
        self.expects.push_back(Expect::Own(b"+OK\r\n".to_vec()));
        let count = 1 + rng.below(4);
        let (mut uids, mut class, mut inner) = (Vec::new(), ReplayClass::Read, Vec::new());
        reply::array(&mut inner, count);
        for _ in 0..count {
            let uid = self.uid();
            let (name, key, own_class) = loop {
                let one = one(uid, rng);
                // The proxy refuses to queue what it does not know.
                if one.0 != "XTAG" {
                    break one;
                }
            };
            match name {
                "SET" => self.say(&[name, &key, "value"], rng),
                _ => self.say(&[name, &key], rng),
            }
            self.expects.push_back(Expect::Own(b"+QUEUED\r\n".to_vec()));
            inner.extend(data_reply(name.as_bytes(), key.as_bytes(), uid));
            uids.push(uid);
            class = class.max(own_class);
        }
        let (watched, watch) = (self.watching.take().is_some(), self.watch.take());
        match rng.below(10) {
            0 => {
                self.say(&["DISCARD"], rng);
                self.expects.push_back(Expect::Own(b"+OK\r\n".to_vec()));
            }
            1 => {
                self.say(&["NOSUCHCOMMAND"], rng);
                self.say(&["EXEC"], rng);
                self.expects.push_back(Expect::Aborted);
                self.expects.push_back(Expect::Aborted);
            }
            _ => {
                self.say(&["EXEC"], rng);
                promises.said.extend(uids.iter().map(|uid| (*uid, class)));
                promises.watched.extend(watch.map(|watch| (watch, uids[0])));
                self.expects.push_back(Expect::Exec { uids, class, reply: inner, watched });
            }
        }
    }

    fn watch(&mut self, promises: &mut Promises, rng: &mut Rng) {
        if self.watching.is_some() && rng.chance(30) {
            self.say(&["UNWATCH"], rng);
            (self.watching, self.watch) = (None, None);
            return self.expects.push_back(Expect::Own(b"+OK\r\n".to_vec()));
        }
        if self.watching.is_some() {
            return self.data(promises, true, rng);
        }
        let uid = self.uid();
        self.say(&["WATCH", &format!("k:{uid}")], rng);
        self.watching = Some(uid);
        self.expects.push_back(Expect::Watch(uid));
    }

    fn block(&mut self, promises: &mut Promises, rng: &mut Rng) {
        let uid = self.uid();
        promises.pops.push(uid);
        let (timeout, millis) = [("0", None), ("0.5", Some(500)), ("3", Some(3000))][rng.below(3)];
        self.say(&["BLPOP", &format!("b:{uid}"), timeout], rng);
        self.expects
            .push_back(Expect::Blocked { uid, until: millis.map(|millis| promises.now + millis * 1000) });
    }

    fn wait(&mut self, promises: &mut Promises, rng: &mut Rng) {
        let uid = self.uid();
        promises.said.push((uid, ReplayClass::Connection));
        self.say(&["WAIT", &uid.to_string(), "0"], rng);
        let reply = data_reply(b"WAIT", b"", uid);
        self.expects.push_back(Expect::Node { uid, class: ReplayClass::Connection, reply });
    }

    fn listen(&mut self, rng: &mut Rng) {
        if rng.chance(20) {
            return self.own_ping(rng);
        }
        if rng.chance(50) && !self.channels.is_empty() {
            let all = rng.chance(50);
            let names: Vec<String> = self.channels.iter().take(if all { 99 } else { 1 }).cloned().collect();
            let mut words = vec!["UNSUBSCRIBE"];
            if !all {
                words.extend(names.iter().map(String::as_str));
            }
            self.say(&words, rng);
            return self.expects.push_back(Expect::Confirm { kind: "unsubscribe", names, ordered: !all });
        }
        let names: Vec<String> = (0..1 + rng.below(3)).map(|_| format!("ch:{}", self.uid())).collect();
        let words: Vec<&str> = std::iter::once("SUBSCRIBE").chain(names.iter().map(String::as_str)).collect();
        self.say(&words, rng);
        self.expects.push_back(Expect::Confirm { kind: "subscribe", names, ordered: true });
    }

    fn own_ping(&mut self, rng: &mut Rng) {
        let uid = self.uid();
        self.say(&["PING", &uid.to_string()], rng);
        self.expects.push_back(Expect::Pong(uid));
    }

    fn session(&mut self, rng: &mut Rng) {
        let ok = Expect::Node { uid: 0, class: ReplayClass::Connection, reply: b"+OK\r\n".to_vec() };
        match rng.below(4) {
            0 | 1 => {
                self.say(&["SELECT", &rng.below(3).to_string()], rng);
                self.expects.push_back(ok);
            }
            2 if self.watching.is_none() => {
                let version = 2 + rng.below(2) as u8;
                // A listener that goes back to RESP2 would have to stop talking at once.
                if version == 3 || self.channels.is_empty() {
                    self.say(&["HELLO", &version.to_string()], rng);
                    self.expects.push_back(Expect::Hello(version));
                }
            }
            3 if self.watching.is_none() => {
                let good = rng.chance(60);
                self.say(&["AUTH", if good { "good" } else { "bad" }], rng);
                let wrong = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n".to_vec();
                self.expects.push_back(match good {
                    true => ok,
                    false => Expect::Node { uid: 0, class: ReplayClass::Connection, reply: wrong },
                });
            }
            _ => {}
        }
    }

    /// Takes what the proxy said, and judges it.
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
            self.frame(&frame, truth, promises);
        }
    }

    fn frame(&mut self, frame: &[u8], truth: &Truth, promises: &mut Promises) {
        let text = String::from_utf8_lossy(frame).into_owned();
        if text[1..].starts_with("3\r\n$7\r\nmessage\r\n$") {
            let name = text.split("\r\n").nth(4).unwrap_or_default();
            assert!(self.channels.contains(name), "{}: a message for another, {name}", self.number);
            return;
        }
        let confirmation =
            text[1..].starts_with("3\r\n$9\r\nsubscribe") || text[1..].starts_with("3\r\n$11\r\nunsubscribe");
        if confirmation {
            return self.confirmed(&text);
        }
        let Some(expect) = self.expects.pop_front() else {
            panic!("{}: a reply to nothing: {text}", self.number)
        };
        if text.starts_with("-TRYAGAIN tideover") {
            let in_vain = matches!(expect, Expect::Blocked { .. }) && text.ends_with("; outcome unknown\r\n");
            promises.tryagain += 1;
            if !in_vain {
                self.not_executed(&expect, truth, promises);
            }
            return;
        }
        if text.starts_with("-UNCERTAIN tideover") {
            return uncertain(&expect, &text, truth, promises);
        }
        promises.good += 1;
        match &expect {
            Expect::Blocked { until, .. } if is_null(&text) => {
                assert!(until.is_some_and(|until| until <= promises.now), "{text} for {expect:?}");
                return;
            }
            // WAIT whose node was lost.
            Expect::Node { class: ReplayClass::Connection, .. } if text == ":0\r\n" => return,
            Expect::Node { uid, .. } | Expect::Blocked { uid, .. } => drop(promises.confirmed.insert(*uid)),
            Expect::Exec { uids, .. } if text.len() > 6 => promises.confirmed.extend(uids),
            _ => {}
        }
        self.good(expect, &text, truth);
    }

    fn good(&mut self, expect: Expect, text: &str, truth: &Truth) {
        let is = |reply: &[u8]| {
            assert!(text.as_bytes() == reply, "{text:.200} for {}", String::from_utf8_lossy(reply))
        };
        match expect {
            Expect::Own(reply) => is(&reply),
            Expect::Node { uid, reply, .. } => {
                is(&reply);
                assert!(uid == 0 || truth.runs(uid) > 0, "{uid} never ran");
            }
            Expect::Hello(version) => {
                assert!(text.starts_with(if version == 3 { "%7" } else { "*14" }), "{text}");
                self.resp3 = version == 3;
            }
            Expect::Blocked { uid, .. } => {
                assert!(text.ends_with(&format!("\r\n{uid}\r\n")), "{text} for {uid}")
            }
            Expect::Watch(uid) => {
                is(format!("+OK.{uid}\r\n").as_bytes());
                // Unless EXEC was already said behind it.
                if self.watching == Some(uid) {
                    self.watch = Some(uid);
                }
            }
            Expect::Exec { uids, reply, watched, .. } => {
                if watched && (text == "*-1\r\n" || text == "_\r\n") {
                    return;
                }
                is(&reply);
                assert!(uids.iter().all(|uid| truth.runs(*uid) > 0), "{uids:?}");
            }
            Expect::Reset => {
                is(b"+RESET\r\n");
                (self.resp3, self.watching, self.watch) = (false, None, None);
                self.channels.clear();
            }
            Expect::Aborted => {
                assert!(text.starts_with("-ERR unknown") || text.starts_with("-EXECABORT"), "{text}")
            }
            Expect::Pong(uid) => assert!(text.ends_with(&format!("\r\n{uid}\r\n")), "{text} for {uid}"),
            Expect::Confirm { .. } => panic!("{}: {text} for {expect:?}", self.number),
        }
    }

    fn confirmed(&mut self, text: &str) {
        let mut lines = text.split("\r\n");
        let (kind, name) = (lines.nth(2).unwrap_or_default(), lines.nth(1).unwrap_or_default().to_owned());
        let Some(Expect::Confirm { kind: expected, names, ordered }) = self.expects.front_mut() else {
            panic!("{}: a confirmation of nothing: {text} before {:?}", self.number, self.expects.front());
        };
        assert_eq!(kind, *expected);
        let place = names.iter().position(|expected| *expected == name);
        assert!(place.is_some_and(|place| place == 0 || !*ordered), "{}: {text} of {names:?}", self.number);
        names.remove(place.unwrap_or_default());
        if names.is_empty() {
            self.expects.pop_front();
        }
        if kind == "subscribe" {
            self.channels.insert(name);
        } else {
            self.channels.remove(&name);
        }
    }

    fn not_executed(&mut self, expect: &Expect, truth: &Truth, promises: &mut Promises) {
        let uids = match expect {
            Expect::Node { class: ReplayClass::Read, .. } => Vec::new(),
            Expect::Exec { class: ReplayClass::Read, .. } => Vec::new(),
            Expect::Node { uid: 0, .. } | Expect::Hello(_) | Expect::Confirm { .. } => Vec::new(),
            // A WATCH may have been asked of a node that was lost; it changes nothing there.
            Expect::Watch(_) => Vec::new(),
            Expect::Node { uid, .. } | Expect::Blocked { uid, .. } => vec![*uid],
            Expect::Exec { uids, .. } => uids.clone(),
            Expect::Own(_) | Expect::Aborted | Expect::Reset | Expect::Pong(_) => {
                panic!("TRYAGAIN for {expect:?}")
            }
        };
        for uid in uids {
            assert_eq!(truth.runs(uid), 0, "{uid} ran, and was called not executed");
            promises.not_run.push(uid);
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "*-1\r\n" | "_\r\n")
}

fn uncertain(expect: &Expect, text: &str, truth: &Truth, promises: &mut Promises) {
    promises.uncertain += 1;
    let (uid, class) = match expect {
        Expect::Node { uid, class, .. } if *uid != 0 => (*uid, *class),
        Expect::Blocked { uid, .. } => (*uid, ReplayClass::NotIdempotent),
        Expect::Exec { uids, class, .. } => (uids[0], *class),
        _ => panic!("{text} for {expect:?}"),
    };
    assert!(truth.whole.contains(&uid), "{uid} ({class:?}) never left whole, but: {text}");
}

/// Name, key and class of one random data command.
fn one(uid: u64, rng: &mut Rng) -> (&'static str, String, ReplayClass) {
    match rng.below(20) {
        0..8 => ("GET", format!("r:{uid}"), ReplayClass::Read),
        8 => ("GET", format!("big:{uid}"), ReplayClass::Read),
        9..14 => ("SET", format!("w:{uid}"), ReplayClass::Idempotent),
        14..18 => ("INCR", format!("n:{uid}"), ReplayClass::NotIdempotent),
        _ => ("XTAG", format!("x:{uid}"), ReplayClass::NotIdempotent),
    }
}

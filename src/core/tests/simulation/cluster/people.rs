//! The clients of a cluster: each writes keys of its own, so it knows what it must read.

use std::collections::HashMap;

use crate::command::ReplayClass;
use crate::core::tests::simulation::{Asked, Expect, Moment, Person, Promises, Rng, Script};

/// What one of them knows of an answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// The keys that are written or deleted, and what the reply begins with.
    Write(Vec<String>, String),
    /// The keys that are read, what the reply begins with, and the connections that had been lost when it was said.
    Read(Vec<String>, char, u64),
    /// The key that is written, and true if it is read as well.
    Exec(String, bool),
    Size,
    Scan,
}

impl Answer {
    /// The keys that are written.
    fn written(&self) -> &[String] {
        match self {
            Answer::Write(keys, _) => keys,
            Answer::Exec(key, _) => std::slice::from_ref(key),
            Answer::Read(..) | Answer::Size | Answer::Scan => &[],
        }
    }
}

/// The value that a command leaves: its number, or 0 of one that deletes.
fn value(asked: &Asked) -> u64 {
    asked.uids.first().copied().unwrap_or_default()
}

/// The value of the expected write to this key, if it is one.
fn writes(expect: &Expect<Answer>, key: &String) -> Option<u64> {
    match expect {
        Expect::Node(asked, answer) => answer.written().contains(key).then(|| value(asked)),
        Expect::Silent(asked, one) => (one == key).then(|| value(asked)),
        _ => None,
    }
}

/// What one of them knows.
#[derive(Default)]
pub(super) struct Keeper {
    /// What each key may hold; 0 for nothing.
    values: HashMap<String, Vec<u64>>,
    /// The WATCHes in force, and the tag of their keys.
    watching: Vec<(u64, usize)>,
    /// Most of what it says is about this tag.
    pub(super) hot: Option<usize>,
}

/// A hash tag: so many slots does a client use.
pub(super) fn tag(number: u64, tag: usize) -> String {
    format!("{{{number}.{tag}}}")
}

impl Script for Keeper {
    type Answer = Answer;

    fn act(person: &mut Person<Self>, at: &mut Moment<'_>) {
        let tag = person.script.hot.filter(|_| at.rng.chance(70)).unwrap_or_else(|| at.rng.below(4));
        let key = person.key(tag, at.rng);
        match at.rng.below(100) {
            0..22 => person.write("SET", vec![key], ReplayClass::Idempotent, at),
            22..28 => {
                let list = vec![format!("{}l", person.tag(tag))];
                person.write("RPUSH", list, ReplayClass::NotIdempotent, at);
            }
            28..45 => person.read("GET", vec![key], at),
            45..60 => {
                let keys = person.some_keys(tag, at.rng);
                person.read("MGET", keys, at);
            }
            60..72 => {
                let keys = person.some_keys(tag, at.rng);
                person.write("MSET", keys, ReplayClass::Idempotent, at);
            }
            72..75 => person.delete(tag, at),
            75..83 => person.transaction(tag, at),
            83..86 if person.script.watching.is_empty() || at.rng.chance(30) => person.watch(tag, at),
            86..89 => {
                let uid = person.uid();
                person.block(uid, &format!("{}b:{uid}", person.tag(tag)), at);
            }
            89..91 => person.ask_plainly("DBSIZE", &[], Answer::Size, at),
            91 => person.ask_plainly("SCAN", &["0".into()], Answer::Scan, at),
            92..94 => {
                let uid = person.uid();
                let asked = Asked::one(uid, ReplayClass::Idempotent);
                person.write_silently(asked, &["SET", &key, &uid.to_string()], at);
            }
            94..96 => person.echo(at),
            96..98 => person.watch(tag, at),
            98 => person.upload(key, at),
            _ => {}
        }
    }

    fn answered(person: &mut Person<Self>, asked: &Asked, answer: Answer, text: &str) {
        for key in answer.written() {
            *person.holds(key) = vec![value(asked)];
        }
        match answer {
            Answer::Write(_, reply) => assert!(text.starts_with(&reply), "{text} for {reply}"),
            Answer::Read(keys, begin, losses) => {
                assert!(text.starts_with(begin), "{text}");
                person.check_values(text, &keys, losses != person.losses);
            }
            Answer::Exec(key, also_read) => {
                let begin = format!("*{}\r\n+OK.{}\r\n", 1 + usize::from(also_read), value(asked));
                assert!(text.starts_with(&begin), "{text} for {begin}");
                let read: &[String] = if also_read { &[key] } else { &[] };
                person.check_values(text, read, false);
            }
            Answer::Size => {
                let sum: u64 = text[1..].trim_end().parse().unwrap_or_else(|_| panic!("{text} for a size"));
                assert!(sum.to_string().chars().all(|digit| matches!(digit, '0' | '1')), "{text}");
            }
            Answer::Scan => assert!(text.starts_with("*2\r\n$"), "{text} for a scan"),
        }
    }

    fn unknown(person: &mut Person<Self>, asked: &Asked, answer: Answer) {
        answer.written().iter().for_each(|key| person.holds(key).push(value(asked)));
    }

    fn passed(person: &mut Person<Self>, asked: &Asked, key: &str) {
        person.holds(key).push(value(asked));
    }

    fn watch_failed(person: &mut Person<Self>, uid: u64, promises: &mut Promises) {
        person.script.watching.retain(|(watch, _)| *watch != uid);
        promises.watched.retain(|(watch, _)| *watch != uid);
    }
}

impl Person<Keeper> {
    fn tag(&self, number: usize) -> String {
        tag(self.number, number)
    }

    fn key(&self, tag: usize, rng: &mut Rng) -> String {
        format!("{}{}", self.tag(tag), rng.below(3))
    }

    /// In one slot, or in several.
    fn some_keys(&self, tag: usize, rng: &mut Rng) -> Vec<String> {
        let several = rng.chance(if self.script.hot == Some(tag) { 20 } else { 60 });
        let count = 2 + rng.below(3);
        let key = |_| self.key(if several { rng.below(4) } else { tag }, rng);
        let mut keys: Vec<String> = (0..count).map(key).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn write(&mut self, name: &str, keys: Vec<String>, class: ReplayClass, at: &mut Moment<'_>) {
        let uid = self.uid();
        let value = uid.to_string();
        let mut words = vec![name];
        keys.iter().for_each(|key| words.extend([key.as_str(), &value]));
        self.say(&words, at.rng);
        let reply = if name == "RPUSH" { format!(":{uid}\r\n") } else { format!("+OK.{uid}\r\n") };
        self.expect(Expect::Node(Asked::one(uid, class), Answer::Write(keys, reply)), at.promises);
    }

    /// A request too large to be kept.
    fn upload(&mut self, key: String, at: &mut Moment<'_>) {
        let uid = self.uid();
        self.say(&["SET", &key, &format!("{uid}.{}", at.rng.large_value())], at.rng);
        let answer = Answer::Write(vec![key], format!("+OK.{uid}\r\n"));
        self.expect(Expect::Node(Asked::one(uid, ReplayClass::Idempotent), answer), at.promises);
    }

    /// Says a command about these keys that bears no number.
    fn ask_plainly(&mut self, name: &str, keys: &[String], answer: Answer, at: &mut Moment<'_>) {
        let words: Vec<&str> = [name].into_iter().chain(keys.iter().map(String::as_str)).collect();
        let is_read = answer.written().is_empty();
        let class = if is_read { ReplayClass::Read } else { ReplayClass::Idempotent };
        self.ask(&words, Expect::Node(Asked { uids: Vec::new(), class, watched: false }, answer), at);
    }

    fn delete(&mut self, tag: usize, at: &mut Moment<'_>) {
        let keys = self.some_keys(tag, at.rng);
        self.ask_plainly("DEL", &keys, Answer::Write(keys.clone(), ":".into()), at);
    }

    fn read(&mut self, name: &str, keys: Vec<String>, at: &mut Moment<'_>) {
        let answer = Answer::Read(keys.clone(), if name == "GET" { '$' } else { '*' }, self.losses);
        self.ask_plainly(name, &keys, answer, at);
    }

    fn watch(&mut self, tag: usize, at: &mut Moment<'_>) {
        let tag = self.script.watching.first().map_or(tag, |(_, tag)| *tag);
        let uid = self.uid();
        self.script.watching.push((uid, tag));
        let key = format!("{}w:{uid}", self.tag(tag));
        self.ask(&["WATCH", &key], Expect::Watch(uid), at);
        // The EXEC has to wait until it is known where the WATCH is.
        if at.rng.chance(80) {
            self.transaction(tag, at);
        }
    }

    fn transaction(&mut self, tag: usize, at: &mut Moment<'_>) {
        let tag = self.script.watching.first().map_or(tag, |(_, tag)| *tag);
        let (uid, key, also_read) = (self.uid(), self.key(tag, at.rng), at.rng.chance(50));
        self.ask(&["MULTI"], Expect::Own("+OK\r\n".into()), at);
        self.ask(&["SET", &key, &uid.to_string()], Expect::Own("+QUEUED\r\n".into()), at);
        if also_read {
            self.ask(&["GET", &key], Expect::Own("+QUEUED\r\n".into()), at);
        }
        let watched = std::mem::take(&mut self.script.watching);
        at.promises.watched.extend(watched.iter().map(|(watch, _)| (*watch, uid)));
        let asked = Asked { watched: !watched.is_empty(), ..Asked::one(uid, ReplayClass::Idempotent) };
        self.ask(&["EXEC"], Expect::Node(asked, Answer::Exec(key, also_read)), at);
    }

    fn holds(&mut self, key: &str) -> &mut Vec<u64> {
        self.script.values.entry(key.to_owned()).or_insert_with(|| vec![0])
    }

    fn check_values(&mut self, text: &str, keys: &[String], again: bool) {
        let values: Vec<&str> = text.split("\r\n").filter(|line| line.contains('=')).collect();
        assert_eq!(values.len(), keys.len(), "{text} for {keys:?}");
        keys.iter().zip(values).for_each(|(key, value)| self.check_value(key, value, again));
    }

    /// `again`: it may have been read again after a loss, and then see what was said behind it.
    fn check_value(&mut self, key: &String, value: &str, again: bool) {
        let mut held = self.holds(key).clone();
        held.extend(self.expects.iter().filter(|_| again).filter_map(|expect| writes(expect, key)));
        let (named, value) = value.split_once('=').expect("key and value");
        assert_eq!(named, key, "{}", self.number);
        let value: u64 = value.parse().expect("a number");
        assert!(held.contains(&value), "{}: {key} holds {value}, not any of {held:?}", self.number);
    }
}

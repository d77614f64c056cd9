//! The clients of a cluster: each writes keys of its own, so it knows what it must read.

use std::collections::HashMap;

use crate::command::ReplayClass;
use crate::core::tests::simulation::expect::{Expect, Script};
use crate::core::tests::simulation::person::{Moment, Person};
use crate::core::tests::simulation::promises::{Meaning, Promises, Stake};
use crate::core::tests::simulation::rng::Rng;

/// What only these clients expect.
#[derive(Debug)]
pub(super) enum Own {
    /// The keys that are written, or deleted by a command without a number.
    Write {
        uid: Option<u64>,
        class: ReplayClass,
        keys: Vec<String>,
        reply: String,
    },
    /// `losses`: the connections that had been lost when it was said.
    Read {
        keys: Vec<String>,
        single: bool,
        losses: u64,
    },
    Exec {
        uid: u64,
        key: String,
        also_read: bool,
        watched: bool,
    },
    Size,
    Scan,
}

/// The number of the expected write to this key, if it is one; 0 if it deletes.
fn writes(expect: &Expect<Own>, key: &str) -> Option<u64> {
    match expect {
        Expect::Of(Own::Write { uid, keys, .. }) => {
            keys.iter().any(|one| one == key).then(|| uid.unwrap_or_default())
        }
        Expect::Of(Own::Exec { uid, key: one, .. }) | Expect::Silent { uid, key: one, .. } => {
            (one == key).then_some(*uid)
        }
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
    type Expect = Own;

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
            89..91 => person.ask(&["DBSIZE"], Expect::Of(Own::Size), at),
            91 => person.ask(&["SCAN", "0"], Expect::Of(Own::Scan), at),
            92..94 => {
                let uid = person.uid();
                person.write_silently(uid, ReplayClass::Idempotent, &["SET", &key, &uid.to_string()], at);
            }
            94..98 => person.ask(&["ECHO", "x"], Expect::Own("$1\r\nx\r\n".into()), at),
            98 => person.upload(key, at),
            _ => {}
        }
    }

    fn stake(expect: &Own) -> Stake {
        let runs = |uids, class, watched| Stake::Runs { uids, class, watched };
        match expect {
            Own::Write { uid, class, .. } => runs(uid.iter().copied().collect(), *class, false),
            Own::Exec { uid, watched, .. } => runs(vec![*uid], ReplayClass::Idempotent, *watched),
            Own::Read { .. } | Own::Size | Own::Scan => runs(Vec::new(), ReplayClass::Read, false),
        }
    }

    fn answered(person: &mut Person<Self>, expect: Own, text: &str) {
        match expect {
            Own::Write { uid, keys, reply, .. } => {
                assert!(text.starts_with(&reply), "{text} for {reply}");
                keys.iter().for_each(|key| *person.holds(key) = vec![uid.unwrap_or_default()]);
            }
            Own::Read { keys, single, losses } => {
                assert_eq!(text.starts_with('$'), single, "{text}");
                person.check_values(text, &keys, losses != person.losses);
            }
            Own::Exec { uid, key, also_read, .. } => {
                let count = 1 + usize::from(also_read);
                assert!(text.starts_with(&format!("*{count}\r\n+OK.{uid}\r\n")), "{text} for {uid}");
                *person.holds(&key) = vec![uid];
                let read: &[String] = if also_read { &[key] } else { &[] };
                person.check_values(text, read, false);
            }
            Own::Size => {
                let sum: u64 = text[1..].trim_end().parse().unwrap_or_else(|_| panic!("{text} for a size"));
                assert!(sum.to_string().chars().all(|digit| matches!(digit, '0' | '1')), "{text}");
            }
            Own::Scan => assert!(text.starts_with("*2\r\n$"), "{text} for a scan"),
        }
    }

    fn failed(person: &mut Person<Self>, expect: Own, meaning: Meaning) {
        let (uid, keys) = match expect {
            Own::Write { uid, keys, .. } => (uid, keys),
            Own::Exec { uid, key, .. } => (Some(uid), vec![key]),
            Own::Read { .. } | Own::Size | Own::Scan => (None, Vec::new()),
        };
        let written = keys.iter().filter(|_| meaning == Meaning::Unknown);
        written.for_each(|key| person.holds(key).push(uid.unwrap_or_default()));
    }

    fn passed(person: &mut Person<Self>, uid: u64, key: &str) {
        person.holds(key).push(uid);
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
        self.expect(Expect::Of(Own::Write { uid: Some(uid), class, keys, reply }), at.promises);
    }

    /// A request too large to be kept.
    fn upload(&mut self, key: String, at: &mut Moment<'_>) {
        let (uid, class) = (self.uid(), ReplayClass::Idempotent);
        self.say(&["SET", &key, &format!("{uid}.{}", at.rng.large_value())], at.rng);
        let (keys, reply) = (vec![key], format!("+OK.{uid}\r\n"));
        self.expect(Expect::Of(Own::Write { uid: Some(uid), class, keys, reply }), at.promises);
    }

    fn delete(&mut self, tag: usize, at: &mut Moment<'_>) {
        let keys = self.some_keys(tag, at.rng);
        self.say(&command("DEL", &keys), at.rng);
        let (class, reply) = (ReplayClass::Idempotent, ":".into());
        self.expect(Expect::Of(Own::Write { uid: None, class, keys, reply }), at.promises);
    }

    fn read(&mut self, name: &str, keys: Vec<String>, at: &mut Moment<'_>) {
        self.say(&command(name, &keys), at.rng);
        let read = Own::Read { keys, single: name == "GET", losses: self.losses };
        self.expect(Expect::Of(read), at.promises);
    }

    fn watch(&mut self, tag: usize, at: &mut Moment<'_>) {
        let tag = self.script.watching.first().map_or(tag, |(_, tag)| *tag);
        let uid = self.uid();
        self.script.watching.push((uid, tag));
        let key = format!("{}w:{uid}", self.tag(tag));
        self.ask(&["WATCH", &key], Expect::Watch(uid), at);
        // The EXEC has to wait until it is known where the WATCH is.
        if at.rng.chance(50) {
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
        let watched = !watched.is_empty();
        self.ask(&["EXEC"], Expect::Of(Own::Exec { uid, key, also_read, watched }), at);
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
    fn check_value(&mut self, key: &str, value: &str, again: bool) {
        let mut held = self.holds(key).clone();
        held.extend(self.expects.iter().filter(|_| again).filter_map(|expect| writes(expect, key)));
        let (named, value) = value.split_once('=').expect("key and value");
        assert_eq!(named, key, "{}", self.number);
        let value: u64 = value.parse().expect("a number");
        assert!(held.contains(&value), "{}: {key} holds {value}, not any of {held:?}", self.number);
    }
}

fn command<'a>(name: &'a str, keys: &'a [String]) -> Vec<&'a str> {
    [name].into_iter().chain(keys.iter().map(String::as_str)).collect()
}

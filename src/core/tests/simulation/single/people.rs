//! The clients of one master. Every command bears its own number and comes back with it.

use crate::command::ReplayClass;
use crate::core::tests::simulation::{Asked, Confirmations, Expect, Moment, Person, Rng, Script};
use crate::resp::pubsub::Space;

use super::server::data_reply;

/// The state of one of them, as far as it knows.
#[derive(Default)]
pub(super) struct Caller {
    /// The WATCH in force, as far as was said; and whether it was confirmed.
    watching: Option<u64>,
    watch: Option<u64>,
}

impl Script for Caller {
    /// The reply.
    type Answer = String;

    fn act(person: &mut Person<Self>, at: &mut Moment<'_>) {
        // What may be said next depends on these.
        let changes =
            |expect: &Expect<_>| matches!(expect, Expect::Confirm(_) | Expect::Hello(_) | Expect::Reset);
        if person.expects.iter().any(changes) {
            return;
        }
        if !person.resp3 && !person.topics.is_empty() {
            return person.subscriptions(at);
        }
        match at.rng.below(100) {
            0..50 => person.data(at),
            50..55 => person.ping(at),
            55..60 => person.echo(at),
            60..70 => person.transaction(at),
            70..76 => person.watch(at),
            76..80 => {
                let uid = person.uid();
                person.block(uid, &format!("b:{uid}"), at);
            }
            80..84 => person.subscriptions(at),
            84..90 => person.session(at),
            90..93 => {
                let uid = person.uid();
                let (words, class) = one(uid, at.rng);
                person.write_silently(Asked::one(uid, class), &words, at);
            }
            93 => {
                let uid = person.uid();
                person.ask_node(uid, ReplayClass::Connection, &["WAIT", &uid.to_string(), "0"], at);
            }
            94 => {
                let (uid, value) = (person.uid(), at.rng.large_value());
                person.ask_node(uid, ReplayClass::Idempotent, &["SET", &format!("w:{uid}"), &value], at);
            }
            95 if at.rng.chance(20) => {
                person.ask(&["QUIT"], Expect::Own("+OK\r\n".into()), at);
                person.quitting = true;
            }
            96 if at.rng.chance(30) => person.ask(&["RESET"], Expect::Reset, at),
            _ => {}
        }
    }

    fn answered(_: &mut Person<Self>, _: &Asked, reply: String, text: &str) {
        assert!(text == reply, "{text:.200} for {reply:.200}");
    }

    /// Unless EXEC was already said behind it.
    fn watches(person: &mut Person<Self>, uid: u64) {
        person.script.watch = person.script.watching.filter(|watching| *watching == uid);
    }
}

impl Person<Caller> {
    fn data(&mut self, at: &mut Moment<'_>) {
        let uid = self.uid();
        let (words, class) = one(uid, at.rng);
        self.ask_node(uid, class, &words, at);
    }

    fn ask_node(&mut self, uid: u64, class: ReplayClass, words: &[impl AsRef<str>], at: &mut Moment<'_>) {
        let reply = data_reply(words[0].as_ref(), words[1].as_ref(), uid);
        self.ask(words, Expect::Node(Asked::one(uid, class), reply), at);
    }

    fn transaction(&mut self, at: &mut Moment<'_>) {
        self.ask(&["MULTI"], Expect::Own("+OK\r\n".into()), at);
        let count = 1 + at.rng.below(4);
        let abouts: Vec<bool> = (0..count).map(|place| place > 0 && at.rng.chance(20)).collect();
        let (mut uids, mut class, mut reply) = (Vec::new(), ReplayClass::Read, format!("*{count}\r\n"));
        for is_about in abouts {
            if is_about {
                reply += self.about_itself(at);
                continue;
            }
            let uid = self.uid();
            let (words, own_class) = queueable(uid, at.rng);
            self.ask(&words, Expect::Own("+QUEUED\r\n".into()), at);
            reply += &data_reply(&words[0], &words[1], uid);
            uids.push(uid);
            class = class.max(own_class);
        }
        let Caller { watching, watch } = std::mem::take(&mut self.script);
        match at.rng.below(10) {
            0 => self.ask(&["DISCARD"], Expect::Own("+OK\r\n".into()), at),
            1 => {
                self.ask(&["NOSUCHCOMMAND"], Expect::Refused, at);
                self.ask(&["EXEC"], Expect::Refused, at);
            }
            _ => {
                at.promises.watched.extend(watch.map(|watch| (watch, uids[0])));
                let asked = Asked { uids, class, watched: watching.is_some() };
                self.ask(&["EXEC"], Expect::Node(asked, reply), at);
            }
        }
    }

    /// Queues a command about its connection. Returns the reply within EXEC's.
    fn about_itself(&mut self, at: &mut Moment<'_>) -> &'static str {
        let db = at.rng.below(3).to_string();
        let (words, reply) = match at.rng.below(3) {
            0 => (vec!["CLIENT", "GETREDIR"], ":-1\r\n"),
            1 => (vec!["MONITOR"], "-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n"),
            _ => (vec!["SELECT", &db], "+OK\r\n"),
        };
        self.ask(&words, Expect::Own("+QUEUED\r\n".into()), at);
        reply
    }

    fn watch(&mut self, at: &mut Moment<'_>) {
        match self.script.watching {
            None => {
                let uid = self.uid();
                self.script.watching = Some(uid);
                self.ask(&["WATCH", &format!("k:{uid}")], Expect::Watch(uid), at);
            }
            Some(_) if at.rng.chance(30) => {
                self.script = Caller::default();
                self.ask(&["UNWATCH"], Expect::Own("+OK\r\n".into()), at);
            }
            Some(_) => self.data(at),
        }
    }

    fn subscriptions(&mut self, at: &mut Moment<'_>) {
        if at.rng.chance(20) {
            return self.ping(at);
        }
        let space = Space::Channel;
        if at.rng.chance(50) && !self.topics.is_empty() {
            let all = at.rng.chance(50);
            let names = self.topics.iter().map(|(_, name)| name.clone());
            let names = names.take(if all { usize::MAX } else { 1 }).collect();
            return self.listen(Confirmations { space, subscribes: false, names, ordered: !all }, at);
        }
        let names = (0..1 + at.rng.below(3)).map(|_| format!("ch:{}", self.uid())).collect();
        self.listen(Confirmations { space, subscribes: true, names, ordered: true }, at);
    }

    fn session(&mut self, at: &mut Moment<'_>) {
        let is_free = self.script.watching.is_none();
        match at.rng.below(4) {
            0 | 1 => {
                let db = at.rng.below(3).to_string();
                self.ask(&["SELECT", &db], Expect::Session("+OK\r\n".into()), at);
            }
            2 if is_free => {
                let version = 2 + at.rng.below(2) as u8;
                // A listener that goes back to RESP2 would have to stop talking at once.
                if version == 3 || self.topics.is_empty() {
                    self.ask(&["HELLO", &version.to_string()], Expect::Hello(version), at);
                }
            }
            3 if is_free => {
                let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
                let (word, reply) = if at.rng.chance(60) { ("good", "+OK\r\n") } else { ("bad", wrong) };
                self.ask(&["AUTH", word], Expect::Session(reply.into()), at);
            }
            _ => {}
        }
    }
}

/// One random data command, and its class.
fn one(uid: u64, rng: &mut Rng) -> (Vec<String>, ReplayClass) {
    let (name, key, class) = match rng.below(21) {
        // Replicas get it too, so that its reply waits for them.
        20 => {
            let words = ["CONFIG", "SET", &uid.to_string(), "value"].map(str::to_owned);
            return (words.into(), ReplayClass::NotIdempotent);
        }
        0..8 => ("GET", "r", ReplayClass::Read),
        8 => ("GET", "big", ReplayClass::Read),
        9..14 => ("SET", "w", ReplayClass::Idempotent),
        14..18 => ("INCR", "n", ReplayClass::NotIdempotent),
        _ => ("XTAG", "x", ReplayClass::NotIdempotent),
    };
    let mut words = vec![name.to_owned(), format!("{key}:{uid}")];
    words.extend((name == "SET").then(|| "value".into()));
    (words, class)
}

/// The same, of those that the proxy knows: it refuses to queue others.
fn queueable(uid: u64, rng: &mut Rng) -> (Vec<String>, ReplayClass) {
    loop {
        let (words, class) = one(uid, rng);
        if words[0] != "XTAG" {
            return (words, class);
        }
    }
}

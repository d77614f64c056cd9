//! One client of the proxy: what it has said and not sent yet, and the replies that it still expects, in their order.

use std::collections::{BTreeSet, VecDeque};

use crate::ids::ClientId;
use crate::resp::pubsub::{Event, Space, event};
use crate::resp::reply_scan::ReplyScan;

use super::{Asked, CLIENT, Confirmations, Expect, Promises, Rng, Script, Truth, request};

/// A channel or pattern.
pub(super) type Topic = (Space, String);

/// The moment at which somebody says something.
pub(super) struct Moment<'a> {
    pub(super) promises: &'a mut Promises,
    pub(super) rng: &'a mut Rng,
}

pub(super) struct Person<S: Script> {
    pub(super) id: ClientId,
    pub(super) number: u64,
    said: u64,
    /// Not given to the proxy yet.
    pub(super) to_send: VecDeque<u8>,
    pub(super) expects: VecDeque<Expect<S::Answer>>,
    heard: Vec<u8>,
    scan: ReplyScan,
    scanned: usize,
    pub(super) resp3: bool,
    /// What it listens to: confirmed, and not given up.
    pub(super) topics: BTreeSet<Topic>,
    /// The messages that it heard: for which topic, on which channel, and what.
    pub(super) messages: Vec<(Topic, String, String)>,
    /// It will say no more, and ends the connection when all is sent.
    pub(super) eof: bool,
    pub(super) closed: bool,
    pub(super) quitting: bool,
    /// Connections to nodes that were lost so far.
    pub(super) losses: u64,
    pub(super) script: S,
}

impl<S: Script> Person<S> {
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
            topics: BTreeSet::new(),
            messages: Vec::new(),
            eof: false,
            closed: false,
            quitting: false,
            losses: 0,
            script: S::default(),
        }
    }

    /// Returns true if nothing is owed to it.
    pub(super) fn is_content(&self) -> bool {
        self.closed || (self.to_send.is_empty() && self.expects.iter().all(Expect::is_silent))
    }

    pub(super) fn waits_for(&self) -> String {
        let (number, id, expected) = (self.number, self.id, self.expects.front());
        format!("{number} {id:?}: {} bytes to say, expects {expected:?}", self.to_send.len())
    }

    pub(super) fn act(&mut self, at: &mut Moment<'_>) {
        if !(self.closed || self.eof || self.quitting || self.expects.len() > 60) {
            S::act(self, at);
        }
    }

    pub(super) fn uid(&mut self) -> u64 {
        self.said += 1;
        self.number * CLIENT + self.said
    }

    /// Says a command, sometimes inline.
    pub(super) fn say(&mut self, words: &[impl AsRef<str>], rng: &mut Rng) {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let is_short = words.iter().all(|word| (1..1000).contains(&word.len()));
        if is_short && rng.chance(10) {
            return self.to_send.extend(format!("{}\r\n", words.join(" ")).bytes());
        }
        self.to_send.extend(request(&words));
    }

    pub(super) fn expect(&mut self, expect: Expect<S::Answer>, promises: &mut Promises) {
        promises.said(&expect.stake());
        self.expects.push_back(expect);
    }

    pub(super) fn ask(&mut self, words: &[impl AsRef<str>], expect: Expect<S::Answer>, at: &mut Moment<'_>) {
        self.say(words, at.rng);
        self.expect(expect, at.promises);
    }

    /// Writes a key, and does not want to be told.
    pub(super) fn write_silently(&mut self, asked: Asked, words: &[impl AsRef<str>], at: &mut Moment<'_>) {
        self.say(&["CLIENT", "REPLY", "SKIP"], at.rng);
        self.ask(words, Expect::Silent(asked, words[1].as_ref().to_owned()), at);
    }

    /// Asks for what the proxy answers itself.
    pub(super) fn ping(&mut self, at: &mut Moment<'_>) {
        let uid = self.uid();
        self.ask(&["PING", &uid.to_string()], Expect::Pong(uid), at);
    }

    pub(super) fn echo(&mut self, at: &mut Moment<'_>) {
        let uid = self.uid().to_string();
        let reply = format!("${}\r\n{uid}\r\n", uid.len());
        self.ask(&["ECHO", &uid], Expect::Own(reply), at);
    }

    /// Waits for an element of a list, for a while or for ever.
    pub(super) fn block(&mut self, uid: u64, list: &str, at: &mut Moment<'_>) {
        let (timeout, millis) = at.rng.one_of(&[("0", None), ("0.5", Some(500)), ("3", Some(3000))]);
        let until = millis.map(|millis: u64| at.promises.now + millis * 1000);
        self.ask(&["BLPOP", list, timeout], Expect::Blocked(uid, until), at);
    }

    /// Subscribes to these names or gives them up; without an order: all that it has, whichever they are.
    pub(super) fn listen(&mut self, names: Confirmations, at: &mut Moment<'_>) {
        let named = names.names.iter().filter(|_| names.ordered).map(String::as_str);
        let words: Vec<&str> = [names.space.word(names.subscribes)].into_iter().chain(named).collect();
        self.say(&words, at.rng);
        self.expect(Expect::Confirm(names), at.promises);
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
            self.frame(&String::from_utf8_lossy(&frame), truth, promises);
        }
    }

    fn frame(&mut self, text: &str, truth: &Truth, promises: &mut Promises) {
        if self.is_event(text, promises) {
            return assert_eq!(text.starts_with('>'), self.resp3, "{text:.200}");
        }
        self.pass_silent();
        let Some(expect) = self.expects.pop_front() else {
            panic!("{}: a reply to nothing: {text:.200}", self.number)
        };
        let meaning = promises.heard(&expect.stake(), text, truth);
        self.told(expect, meaning, text, promises);
    }

    fn pass_silent(&mut self) {
        while let Some(Expect::Silent(asked, key)) = self.expects.pop_front_if(|expect| expect.is_silent()) {
            S::passed(self, &asked, &key);
        }
    }

    /// Takes in a message or a confirmation. Returns false if it is neither.
    fn is_event(&mut self, text: &str, promises: &mut Promises) -> bool {
        let string = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        match event(text.as_bytes()) {
            Event::Message { space, name, channel } => {
                let topic = (space, string(name));
                assert!(self.topics.contains(&topic), "{}: a message for another, {topic:?}", self.number);
                let said = text.trim_end().rsplit("\r\n").next().unwrap_or_default().to_owned();
                self.messages.push((topic, string(channel), said));
                promises.told.messages += 1;
            }
            Event::Confirmed { space, subscribed, name: Some(name) } => {
                self.pass_silent();
                self.confirmed(space, subscribed, string(name), text);
            }
            Event::Confirmed { name: None, .. } => panic!("{}: {text}", self.number),
            Event::Pong | Event::Other => return false,
        }
        true
    }

    fn confirmed(&mut self, space: Space, subscribed: bool, name: String, text: &str) {
        let Some(Expect::Confirm(expected)) = self.expects.front_mut() else {
            panic!("{}: a confirmation of nothing: {text} before {:?}", self.number, self.expects.front());
        };
        assert_eq!((space, subscribed), (expected.space, expected.subscribes), "{text}");
        let place = expected.names.iter().position(|expected| *expected == name);
        let place = place.filter(|place| *place == 0 || !expected.ordered);
        expected.names.remove(place.unwrap_or_else(|| panic!("{text} of {expected:?}")));
        if expected.names.is_empty() {
            self.expects.pop_front();
        }
        match subscribed {
            true => drop(self.topics.insert((space, name))),
            false => drop(self.topics.remove(&(space, name))),
        }
        let is_alike = |(of, _): &&Topic| (*of == Space::Shard) == (space == Space::Shard);
        let count = self.topics.iter().filter(is_alike).count();
        assert!(text.ends_with(&format!(":{count}\r\n")), "{text} with {:?}", self.topics);
    }
}

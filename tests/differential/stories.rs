//! What a client says in one go: commands of the table, transactions, subscriptions, changes of its session, faults.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::common::Random;
use crate::common::cluster::slot;
use crate::common::compare::Value;
use crate::common::conn::Conn;
use crate::grammar::{CHANNELS, Filling};
use crate::line::Line;
use crate::looks::names;
use crate::mutation::{in_any_case, spoil};
use crate::rules::{self, Situation};
use crate::scripting::loadable;
use crate::table::Shape;
use crate::tame::{random_key, tame};
use crate::words;

/// What every client says its things from.
pub(crate) struct Source {
    /// The commands that may come anywhere.
    pub(crate) shapes: Vec<Shape>,
    /// Values as DUMP shows them.
    pub(crate) dumped: Vec<Vec<u8>>,
    /// What stands in front of keys, so that they are in the same slot: one of these for each story.
    pub(crate) tags: &'static [&'static str],
    /// A server that knows the keys of a command, if these may be in several slots.
    pub(crate) guide: Option<RefCell<Conn>>,
}

impl Source {
    /// Returns the slots of a command's keys.
    fn slots(&self, args: &[Vec<u8>]) -> BTreeSet<u16> {
        let Some(guide) = &self.guide else { return BTreeSet::new() };
        let question: Vec<&[u8]> =
            [&b"COMMAND"[..], b"GETKEYS"].into_iter().chain(args.iter().map(Vec::as_slice)).collect();
        let reply = Value::of(&guide.borrow_mut().call_args(&question));
        reply.elements().iter().map(|key| slot(key.bytes())).collect()
    }

    /// Returns true if a command can be sent to a cluster: its keys are in one slot, that of its story if others stand around it,
    /// or it can be split.
    fn fits(&self, args: &[Vec<u8>], home: Option<&str>) -> bool {
        let slots = self.slots(args);
        let home = home.map(|tag| slot(tag.as_bytes()));
        match home {
            Some(home) => slots.iter().all(|slot| *slot == home),
            None => slots.len() < 2 || is_one_of(args, &SPLIT),
        }
    }

    fn is_cluster(&self) -> bool {
        self.guide.is_some()
    }
}

/// The commands whose keys may be in any slots of a cluster.
const SPLIT: [&str; 6] = ["mget", "mset", "del", "unlink", "exists", "touch"];

/// One client, as far as its author knows.
#[derive(Default)]
pub(crate) struct Author {
    /// It may have subscriptions.
    listens: bool,
    /// Its last pipeline was cut.
    pub(crate) is_cut: bool,
}

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Alone,
    /// Behind a WATCH.
    Watch,
    Transaction,
}

/// A part of a story under way.
pub(crate) struct Writing<'a> {
    pub(crate) source: &'a Source,
    pub(crate) random: &'a mut Random,
    pub(crate) lines: Vec<Line>,
    /// What stands in front of the keys of this story.
    pub(crate) tag: &'static str,
}

impl Writing<'_> {
    /// Adds what a client says next.
    pub(crate) fn go_on(&mut self, author: &mut Author) {
        match self.random.below(100) {
            0..62 => (0..1 + self.random.below(4)).for_each(|_| self.command(author, Place::Alone)),
            62..74 => self.transaction(author),
            74..80 => self.watch(author),
            80..84 => self.subscribe(author),
            84..87 => self.leave(author),
            87..92 => self.session(author),
            92..95 => self.without_replies(author),
            95..99 => self.odd(),
            _ => self.end(author),
        }
    }

    fn say(&mut self, text: &str) {
        let word = |word: &str| if word == "s0" { format!("{}s0", self.tag) } else { word.to_owned() };
        self.lines.push(Line::of(text.split(' ').map(|text| word(text).into_bytes()).collect()));
    }

    fn one_of(&mut self, texts: &[&str]) {
        let text = self.random.of(texts);
        self.say(text);
    }

    fn key(&mut self) -> String {
        words::key(self.random, "", self.tag)
    }

    /// Adds a command of the table, right or spoiled, that may stand here.
    fn command(&mut self, author: &Author, place: Place) {
        loop {
            let shape = &self.source.shapes[self.random.below(self.source.shapes.len())];
            let is_split = place == Place::Alone && SPLIT.contains(&shape.words[0].as_str());
            let tags = if is_split { self.source.tags } else { std::slice::from_ref(&self.tag) };
            let mut args = Filling::command(self.random, shape, tags, &self.source.dumped);
            let is_spoiled = self.random.chance(12);
            if is_spoiled {
                spoil(self.random, &mut args, shape.words.len());
            }
            in_any_case(self.random, &mut args[0]);
            tame(&mut args);
            let home = (place != Place::Alone).then_some(self.tag);
            let may_cross = self.source.is_cluster() && (is_spoiled || shape.group == "scripting");
            if (!may_cross || self.source.fits(&args, home))
                && !rules::avoid(&args, self.situation(author, place))
            {
                return self.push(args);
            }
        }
    }

    fn situation(&self, author: &Author, place: Place) -> Situation {
        Situation {
            in_transaction: place == Place::Transaction,
            listens: author.listens,
            in_cluster: self.source.is_cluster(),
        }
    }

    /// Adds a command, and behind it what takes a random effect back.
    fn push(&mut self, args: Vec<Vec<u8>>) {
        let key = random_key(&args);
        self.lines.push(Line { inline: self.random.chance(4), ..Line::of(args) });
        if let Some(key) = key {
            self.lines.push(Line { glued: true, ..Line::of(vec![b"DEL".to_vec(), key]) });
        }
    }

    fn transaction(&mut self, author: &mut Author) {
        let subscribes = self.random.chance(5);
        self.one_of(&["MULTI", "MULTI", "multi"]);
        for _ in 0..self.random.below(9) {
            match self.random.below(40) {
                0 => self.say("MULTI"),
                1 => self.say("WATCH s0"),
                2 => self.say("UNWATCH"),
                3 => self.say("NOSUCH a b"),
                4 => self.select(),
                5 => self.one_of(&["HELLO 3", "HELLO 2", "HELLO 3 SETNAME inside", "HELLO 9"]),
                6 => self.one_of(&["CLIENT SETNAME in", "CLIENT GETNAME", "AUTH nosuch x"]),
                7 if subscribes => {
                    let text = format!(
                        "{} {}",
                        self.random.of(&["SUBSCRIBE", "PSUBSCRIBE"]),
                        self.random.of(&CHANNELS)
                    );
                    author.listens = true;
                    self.say(&text);
                }
                _ => self.command(
                    &Author { listens: author.listens || subscribes, is_cut: false },
                    Place::Transaction,
                ),
            }
        }
        self.one_of(&["EXEC", "EXEC", "EXEC", "exec", "DISCARD", "EXEC x"]);
        if self.random.chance(5) {
            self.say("DISCARD");
        }
    }

    /// A cluster has one database.
    fn select(&mut self) {
        match self.source.is_cluster() {
            true => self.one_of(&["SELECT 0", "SELECT x"]),
            false => self.one_of(&["SELECT 0", "SELECT 0", "SELECT 1", "SELECT 16", "SELECT x"]),
        }
    }

    fn watch(&mut self, author: &mut Author) {
        let text = format!("WATCH {} {}", self.key(), self.key());
        self.say(&text);
        for _ in 0..self.random.below(3) {
            match self.random.below(4) {
                0 => self.select(),
                _ => self.command(author, Place::Watch),
            }
        }
        if self.random.chance(80) {
            self.say("MULTI");
            (0..self.random.below(4)).for_each(|_| self.command(author, Place::Transaction));
            self.one_of(&["EXEC", "EXEC", "DISCARD"]);
        }
        self.say("UNWATCH");
    }

    fn subscribe(&mut self, author: &mut Author) {
        author.listens = true;
        let name = self.random.of(&["SUBSCRIBE", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"]);
        let mut text = name.to_owned();
        for _ in 0..1 + self.random.below(3) {
            text += " ";
            if name == "SSUBSCRIBE" {
                text += self.tag;
            }
            text += if name == "PSUBSCRIBE" {
                self.random.of(&["c*", "c?", "c1"])
            } else {
                self.random.of(&CHANNELS)
            };
        }
        self.say(&text);
        for _ in 0..self.random.below(3) {
            self.one_of(&["PING", "PING x", "PING x y", "SUBSCRIBE", "GET s0", "MULTI", "DISCARD", "ECHO x"]);
        }
        self.say("DISCARD");
    }

    /// Ends subscriptions, once the messages under way are there.
    fn leave(&mut self, author: &mut Author) {
        self.say("DISCARD");
        self.say("PING");
        self.cut();
        let one = self.random.of(&[
            "UNSUBSCRIBE c0",
            "UNSUBSCRIBE c1 c2",
            "PUNSUBSCRIBE c*",
            "SUNSUBSCRIBE",
            "UNSUBSCRIBE nosuch",
        ]);
        self.say(one);
        if self.random.chance(60) {
            ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"].iter().for_each(|all| self.say(all));
            author.listens = false;
        }
    }

    fn session(&mut self, author: &mut Author) {
        match self.random.below(8) {
            0 => self.say("HELLO 2"),
            1 | 2 => self.say("HELLO 3"),
            3 => self.one_of(&[
                "HELLO",
                "HELLO 1",
                "HELLO x",
                "HELLO 3 SETNAME me",
                "HELLO 2 AUTH default x",
                "HELLO 4",
            ]),
            4 => self.reset(author),
            5 => self.one_of(&["AUTH x", "AUTH default x", "AUTH nosuch x", "AUTH", "AUTH a b c"]),
            6 => self.one_of(&["CLIENT SETNAME me", "CLIENT GETNAME", "CLIENT SETNAME ", "CLIENT GETREDIR"]),
            _ => self.select(),
        }
    }

    /// Ends everything that the client has set up, once the messages under way are there.
    fn reset(&mut self, author: &mut Author) {
        self.say("PING");
        self.cut();
        if self.random.chance(30) {
            self.say("MULTI");
            self.say("GET s0");
        }
        self.say("RESET");
        author.listens = false;
    }

    fn without_replies(&mut self, author: &Author) {
        if author.listens {
            return;
        }
        if self.random.chance(50) {
            self.say("CLIENT REPLY SKIP");
            self.quiet();
            return self.say("PING");
        }
        self.say("CLIENT REPLY OFF");
        (0..self.random.below(4)).for_each(|_| self.quiet());
        if self.random.chance(30) {
            self.say("MULTI");
            (0..self.random.below(3)).for_each(|_| self.quiet());
            self.say("EXEC");
        }
        self.say("CLIENT REPLY ON");
    }

    /// Adds a command that changes nothing of the session.
    fn quiet(&mut self) {
        let name = self.random.of(&[
            "SET {} 1",
            "GET {}",
            "LPUSH {} a b",
            "HGETALL {}",
            "DEL {}",
            "NOSUCH {}",
            "GET {} x",
            "INCR {}",
        ]);
        let text = name.replace("{}", &self.key());
        self.say(&text);
    }

    fn odd(&mut self) {
        match self.random.below(9) {
            8 => self.load_scripts_again(),
            0 => self.one_of(&["NOSUCH", "nosuch a b c", "CONFIG NOSUCH", "OBJECT NOSUCH s0", "XGROUP"]),
            1 => self.one_of(&["EXEC", "DISCARD", "MULTI x", "WATCH", "UNWATCH x", "EXEC x"]),
            2 => self.lines.push(Line::raw(b"\r\n", true)),
            3 => self.lines.push(Line::raw(b"*0\r\n", true)),
            4 => self.lines.push(Line::raw(b"*-1\r\n", true)),
            5 => self.lines.push(Line::raw(b"  PING   \"a\\x00b\"  \r\n", false)),
            6 => self.one_of(&[
                "QUIT x y",
                "RESET x",
                "CLIENT NOSUCH",
                "CLIENT KILL 1.2.3.4:5",
                "CLIENT KILL ID 0",
            ]),
            _ => self.lines.push(Line::raw(b"GET s0\n", false)),
        }
    }

    fn load_scripts_again(&mut self) {
        self.say("SCRIPT FLUSH");
        for script in loadable() {
            let args = ["SCRIPT", "LOAD", script].map(|word| word.as_bytes().to_vec()).to_vec();
            self.lines.push(Line { glued: true, ..Line::of(args) });
        }
    }

    /// Ends the connection, once the messages under way are there.
    fn end(&mut self, author: &mut Author) {
        author.listens = false;
        self.say("PING");
        self.cut();
        match self.random.below(6) {
            0 => self.lines.push(Line::raw(b"*1\r\n+PING\r\n", false)),
            1 => self.lines.push(Line::raw(b"*x\r\n", false)),
            2 => self.lines.push(Line::raw(b"*1\r\n$-5\r\n", false)),
            3 => self.lines.push(Line::raw(b"GET \"unbalanced\r\n", false)),
            _ => self.say("QUIT"),
        }
        self.lines.last_mut().unwrap().closes = true;
        self.cut();
    }

    /// Lets a pipeline end here. In front of the next one all messages are there.
    fn cut(&mut self) {
        self.lines.last_mut().unwrap().cut = true;
    }
}

/// Returns true if the name of a command is one of these.
pub(crate) fn is_one_of(args: &[Vec<u8>], list: &[&str]) -> bool {
    let (name, both) = names(args);
    list.contains(&name.as_str()) || list.contains(&both.as_str())
}

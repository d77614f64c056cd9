//! What a client says in one go: commands of the table, and transactions of them. `sessions` has the rest.

use crate::common::Random;
use crate::grammar::{CHANNELS, Filling};
use crate::line::Line;
use crate::mutation::{in_any_case, spoil};
use crate::rules::{self, Situation};
use crate::source::{SPLIT, Source};
use crate::tame::{random_key, tame};
use crate::words;

/// The commands that come seldom, as each costs its time-out.
const BLOCKING: [&str; 8] =
    ["blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop"];

/// One client, as far as its author knows.
#[derive(Default)]
pub(crate) struct Author {
    /// It may have subscriptions.
    pub(crate) listens: bool,
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

    pub(crate) fn say(&mut self, text: &str) {
        let word = |word: &str| if word == "s0" { format!("{}s0", self.tag) } else { word.to_owned() };
        self.lines.push(Line::of(text.split(' ').map(|text| word(text).into_bytes()).collect()));
    }

    pub(crate) fn one_of(&mut self, texts: &[&str]) {
        let text = self.random.of(texts);
        self.say(text);
    }

    pub(crate) fn key(&mut self) -> String {
        words::key(self.random, "", self.tag)
    }

    /// Adds a command of the table, right or spoiled, that may stand here.
    fn command(&mut self, author: &Author, place: Place) {
        loop {
            let shape = &self.source.shapes[self.random.below(self.source.shapes.len())];
            if BLOCKING.contains(&shape.words[0].as_str()) && !self.random.chance(20) {
                continue;
            }
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
                // PING of a subscriber behind HELLO 2: a row of "Transactions".
                5 if author.listens || subscribes => self.one_of(&["HELLO 3", "HELLO 9"]),
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
    pub(crate) fn select(&mut self) {
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
}

//! Makes the arguments of a command by the server's grammar.

use crate::common::Random;
use crate::table::{Arg, Kind, Shape};
use crate::words;

/// The parameters that may be set; each has its default back when the next episode begins.
pub(crate) const PARAMETERS: [(&str, &str); 6] = [
    ("hash-max-listpack-entries", "512"),
    ("set-max-intset-entries", "512"),
    ("zset-max-listpack-entries", "128"),
    ("list-max-listpack-size", "-2"),
    ("stream-node-max-entries", "100"),
    ("lazyfree-lazy-user-del", "no"),
];

/// Fills in one command.
pub(crate) struct Filling<'a> {
    pub(crate) random: &'a mut Random,
    /// One of these stands in front of each key.
    pub(crate) tags: &'a [&'static str],
    /// Values as DUMP shows them.
    pub(crate) dumped: &'a [Vec<u8>],
    group: &'a str,
    command: String,
    args: Vec<Vec<u8>>,
    /// Where the number of keys stands.
    count_at: Option<usize>,
    keys: usize,
}

impl<'a> Filling<'a> {
    pub(crate) fn command(
        random: &'a mut Random,
        shape: &'a Shape,
        tags: &'a [&'static str],
        dumped: &'a [Vec<u8>],
    ) -> Vec<Vec<u8>> {
        let args = shape.words.iter().map(|word| word.to_uppercase().into_bytes()).collect();
        let command = shape.words.join("|");
        let group = shape.group.as_str();
        let mut filling = Self { random, tags, dumped, group, command, args, count_at: None, keys: 0 };
        filling.all(&shape.arguments);
        filling.args
    }

    fn all(&mut self, arguments: &[Arg]) {
        arguments.iter().for_each(|arg| self.fill(arg));
    }

    fn fill(&mut self, arg: &Arg) {
        if arg.optional && self.random.chance(60) {
            return;
        }
        let times = self.times(arg);
        for at in 0..times {
            if let Some(token) = arg.token.as_ref().filter(|_| at == 0 || arg.multiple_token) {
                self.args.push(token.clone().into_bytes());
            }
            self.one(arg);
        }
        if arg.kind == Kind::Key && arg.multiple {
            self.keys = times;
            if let Some(at) = self.count_at.take() {
                self.args[at] = times.to_string().into_bytes();
            }
        }
    }

    /// Returns how often an argument comes: the ids of XREAD as often as its keys.
    fn times(&mut self, arg: &Arg) -> usize {
        match arg.name.as_str() {
            _ if !arg.multiple => 1,
            "id" if self.keys > 0 && self.command.starts_with("xread") => self.keys,
            _ => 1 + self.random.below(3),
        }
    }

    fn one(&mut self, arg: &Arg) {
        match arg.kind {
            Kind::Token => {}
            Kind::Block => self.all(&arg.arguments),
            Kind::OneOf => {
                let chosen = &arg.arguments[self.random.below(arg.arguments.len())];
                // What is chosen is there.
                self.fill(&Arg { optional: false, ..chosen.clone() });
            }
            _ => {
                if arg.name == "numkeys" {
                    self.count_at = Some(self.args.len());
                }
                let word = self.word(arg);
                self.args.push(word);
            }
        }
    }

    fn word(&mut self, arg: &Arg) -> Vec<u8> {
        if let Some(word) = self.special(&arg.name) {
            return word;
        }
        let random = &mut *self.random;
        let random_tag = self.tags[random.below(self.tags.len())];
        match arg.kind {
            Kind::Key => words::key(random, self.group, random_tag).into_bytes(),
            Kind::Integer => random.number().into_bytes(),
            Kind::Double => random.double().into_bytes(),
            Kind::Pattern => random.pattern().into_bytes(),
            Kind::UnixTime => {
                random.of(&["1", "0", "-1", "9999999999", "9999999999999", "x"]).as_bytes().to_vec()
            }
            _ => random.value(),
        }
    }

    /// Returns the words of arguments whose name says more than their type.
    fn special(&mut self, name: &str) -> Option<Vec<u8>> {
        let (group, random) = (self.group, &mut *self.random);
        let word = match name {
            "field" | "member" | "member1" | "member2" | "pivot" => return Some(random.member()),
            "value" | "element" | "message" if random.chance(30) => return Some(random.member()),
            "serialized-value" => return Some(self.dumped[random.below(self.dumped.len())].clone()),
            "id" | "start" | "end" | "last-id" | "threshold" if group == "stream" => random.stream_id(),
            "min" | "max" if self.command.contains("lex") => {
                random.of(&["-", "+", "[a", "(b", "[c", "(1", "x", "["]).to_owned()
            }
            "min" | "max" | "start" | "stop" if group == "sorted-set" && random.chance(30) => {
                random.of(&["-inf", "+inf", "(1", "(2", "[a", "-", "+", "1.5"]).to_owned()
            }
            "longitude" | "latitude" if random.chance(90) => {
                format!("{}.{}", random.below(9), random.below(9))
            }
            "radius" | "width" | "height" if random.chance(90) => (random.below(900) + 1).to_string(),
            "group" | "groupname" => random.of(&["g0", "g1", "g1", "g2"]).to_owned(),
            "consumer" | "consumername" => random.of(&["c0", "c1", "c2"]).to_owned(),
            "encoding" => random.of(&["u8", "i5", "u1", "i64", "u63", "u64", "i0", "x"]).to_owned(),
            "bit" | "value" if group == "bitmap" => random.of(&["0", "1", "1", "2"]).to_owned(),
            "operation" => random.of(&["AND", "OR", "xor", "NOT", "NAND"]).to_owned(),
            "cursor" => random.of(&["0", "0", "0", "0", "7", "x", "18446744073709551616"]).to_owned(),
            "timeout" => random
                .of(&["0.05", "0.05", "5e-2", "-1", "x", "nan", "0.05x", "9223372036854775807"])
                .to_owned(),
            "type" => random.of(&["string", "list", "SET", "zset", "hash", "stream", "nosuch"]).to_owned(),
            "channel" => random.of(&CHANNELS).to_owned(),
            "shardchannel" => format!("{}{}", self.tags[0], random.of(&CHANNELS)),
            "script" => random.script(),
            "sha1" => random.sha(),
            "function" => random.of(&["f1", "f1", "f2", "f2", "F1", "nosuch"]).to_owned(),
            "library-name" | "library-name-pattern" => random.of(&["one", "two", "o*", "nosuch"]).to_owned(),
            "function-code" => random.library(),
            "parameter" => PARAMETERS[random.below(PARAMETERS.len())].0.to_owned(),
            "value" if self.command == "config|set" => {
                random.of(&["0", "1", "3", "64", "128", "yes", "no", "-2", "-1"]).to_owned()
            }
            "numkeys" => random.of(&["0", "0", "0", "1", "2", "-1", "x"]).to_owned(),
            "index" | "db" | "index1" | "index2" | "destination-db" if group != "list" => {
                random.of(&["0", "0", "0", "1", "2", "15", "16", "-1", "x"]).to_owned()
            }
            "section" => random.of(&["server", "keyspace", "nosuch", "everything", "REPLICATION"]).to_owned(),
            "ip:port" => random.of(&["1.2.3.4:5", "x", "1.2.3.4"]).to_owned(),
            "username" => random.of(&["default", "default", "nosuch"]).to_owned(),
            "categoryname" => random.of(&["read", "WRITE", "nosuch"]).to_owned(),
            "event" => random.of(&["command", "nosuch", "fork"]).to_owned(),
            "min-idle-time" => random.of(&["0", "0", "0", "3600001", "x", "-1"]).to_owned(),
            _ => return None,
        };
        Some(word.into_bytes())
    }
}

/// The channels that clients listen to.
pub(crate) const CHANNELS: [&str; 3] = ["c0", "c1", "c2"];

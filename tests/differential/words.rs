//! The words that stand for arguments: keys of few names, values of several kinds and sizes, numbers within and out of range.

use crate::common::Random;

/// Keys begin with a letter for what they mostly hold.
const KEYS: [(&str, char); 9] = [
    ("string", 's'),
    ("list", 'l'),
    ("set", 't'),
    ("sorted-set", 'z'),
    ("hash", 'h'),
    ("stream", 'x'),
    ("hyperloglog", 'p'),
    ("geo", 'g'),
    ("bitmap", 'b'),
];
const LETTERS: [char; 9] = ['s', 'l', 't', 'z', 'h', 'x', 'p', 'g', 'b'];
/// Number of keys of each letter.
const OF_EACH: usize = 3;

/// The internal boundaries around which sizes are chosen.
const EDGES: [usize; 9] = [44, 64, 127, 512, 1024, 4096, 16_384, 32_768, 65_536];

const VALUES: [&str; 22] = [
    "1",
    "-3",
    "hello",
    "a",
    "b",
    "c",
    "99999999999999999999",
    "3.5",
    "2",
    "",
    "\0\r\nbinary\r\n",
    "\u{e9}",
    "-0",
    "1e400",
    " 1",
    "nan",
    "-inf",
    "9223372036854775807",
    "0.1",
    "x\"y'z\\",
    "10",
    "*1\r\n$4\r\nPING\r\n",
];
const MEMBERS: [&str; 8] = ["a", "b", "c", "d", "1", "2", "-7", "m\r\n"];
const NUMBERS: [&str; 14] =
    ["0", "1", "2", "3", "4", "5", "-1", "-2", "-3", "7", "10", "100", "1000", "-100"];
const ODD: [&str; 16] = [
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "99999999999999999999",
    "4294967296",
    "1e3",
    "nan",
    "inf",
    "-0",
    "+1",
    " 1",
    "",
    "0x10",
    "3.0",
    "abc",
    "2147483648",
];
const DOUBLES: [&str; 14] =
    ["0", "1", "2", "-1", "0.5", "3.25", "-1.5", "100", "1e3", "inf", "-inf", "0.1", "1.7e308", "nan"];
const PATTERNS: [&str; 9] = ["*", "s*", "?1", "[a-z]*", "{a}*", "nosuch", "m\\*", "*1*", "c*"];

impl Random {
    /// Returns true in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn number(&mut self) -> String {
        if self.chance(4) { self.of(&ODD) } else { self.of(&NUMBERS) }.to_owned()
    }

    pub(crate) fn double(&mut self) -> String {
        if self.chance(4) { self.of(&ODD) } else { self.of(&DOUBLES) }.to_owned()
    }

    pub(crate) fn pattern(&mut self) -> String {
        self.of(&PATTERNS).to_owned()
    }

    pub(crate) fn member(&mut self) -> Vec<u8> {
        if self.chance(5) { self.value() } else { self.of(&MEMBERS).as_bytes().to_vec() }
    }

    /// Returns a short value, seldom one as long as a boundary.
    pub(crate) fn value(&mut self) -> Vec<u8> {
        if self.below(200) > 0 {
            return self.of(&VALUES).as_bytes().to_vec();
        }
        let edge = EDGES[self.below(EDGES.len())];
        let size = (edge + self.below(40)).saturating_sub(self.below(60));
        let first = self.below(26);
        (0..size).map(|at| b"abcdefghijklmnopqrstuvwxyz"[(first + at % 23) % 26]).collect()
    }

    /// Returns an argument that fits nowhere in particular.
    pub(crate) fn garbage(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 => self.value(),
            1 => self.of(&ODD).as_bytes().to_vec(),
            2 => self.number().into_bytes(),
            _ => self
                .of(&["COUNT", "LIMIT", "nx", "XX", "STORE", "WITHSCORES", "GET", "s0", "l1", "~", "="])
                .as_bytes()
                .to_vec(),
        }
    }

    /// Returns the id of an entry of a stream: mostly a small one, so that they meet.
    pub(crate) fn stream_id(&mut self) -> String {
        match self.below(12) {
            0 => self
                .of(&[
                    "-",
                    "+",
                    "$",
                    ">",
                    "0",
                    "0-0",
                    "(3",
                    "(3-1",
                    "x-1",
                    "18446744073709551615-18446744073709551615",
                ])
                .to_owned(),
            1 => format!("{}-*", self.below(40)),
            2 => self.below(40).to_string(),
            _ => format!("{}-{}", self.below(40), self.below(3)),
        }
    }
}

/// Returns a key for the commands of a group, or of any.
pub(crate) fn key(random: &mut Random, group: &str, tag: &str) -> String {
    let own = KEYS.iter().find(|(known, _)| *known == group).map(|(_, letter)| *letter);
    let letter = own.filter(|_| !random.chance(12)).unwrap_or_else(|| LETTERS[random.below(LETTERS.len())]);
    format!("{tag}{letter}{}", random.below(OF_EACH))
}

/// Returns all keys that have this tag.
pub(crate) fn all_keys(tag: &str) -> Vec<String> {
    LETTERS.iter().flat_map(|letter| (0..OF_EACH).map(move |n| format!("{tag}{letter}{n}"))).collect()
}

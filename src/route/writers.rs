//! Who writes which key, where every node could: the config's rules, compiled once.
//!
//! Two nodes that write the same key at the same time may end with different values, so each key has one writer. Keys
//! that one node writes have a slot of their own beyond those of a cluster, and so their own place in the slot map.

use crate::command::Slot;
use crate::config::{Active, Flush, Writer};

/// The slot of keys that the home node writes.
pub(crate) const HOME_SLOT: Slot = Slot(Slot::COUNT);
/// The slot of keys that go aside: to the nearest where home is the first, and the other way round.
pub(crate) const ASIDE_SLOT: Slot = Slot(Slot::COUNT + 1);
/// Slots with these two.
pub(super) const ALL_SLOTS: u16 = Slot::COUNT + 2;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Writers {
    default: WriterSeat,
    /// The longest prefix first.
    rules: Vec<(Box<[u8]>, WriterSeat)>,
    uniform: bool,
    pub(super) flush: Flush,
}

/// Where a key's writer is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriterSeat {
    Home,
    Aside,
    ByKey,
}

impl Writers {
    pub(crate) fn of(config: &Active) -> Writers {
        let seat = |writer| seat_of(writer, config.writer);
        let rule = |rule: &crate::config::WriterRule| (rule.prefix.as_bytes().into(), seat(rule.writer));
        let mut rules: Vec<(Box<[u8]>, WriterSeat)> = config.rules.iter().map(rule).collect();
        rules.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let default = seat(config.writer);
        let uniform = default == WriterSeat::Home && rules.iter().all(|(_, seat)| *seat == WriterSeat::Home);
        Writers { default, rules, uniform, flush: config.flush }
    }

    /// All keys have the same writer: nobody needs to look at them.
    #[inline]
    pub(super) fn is_uniform(&self) -> bool {
        self.uniform
    }

    #[inline]
    pub(super) fn slot_of(&self, key: &[u8]) -> Slot {
        let rule = self.rules.iter().find(|(prefix, _)| key.starts_with(prefix));
        match rule.map_or(self.default, |(_, seat)| *seat) {
            WriterSeat::Home => HOME_SLOT,
            WriterSeat::Aside => ASIDE_SLOT,
            WriterSeat::ByKey => Slot::of_key(key),
        }
    }
}

/// Home follows the default; where that is by key, the nearest.
fn seat_of(writer: Writer, default: Writer) -> WriterSeat {
    match (writer, default) {
        (Writer::Key, _) => WriterSeat::ByKey,
        (Writer::Nearest, Writer::Nearest | Writer::Key) | (Writer::First, Writer::First) => WriterSeat::Home,
        (Writer::First, Writer::Nearest | Writer::Key) | (Writer::Nearest, Writer::First) => {
            WriterSeat::Aside
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::testing::writers;
    use Writer::{First, Key, Nearest};

    #[test]
    fn each_key_has_the_writer_that_the_rules_give_it() {
        let by_key = Slot::of_key;
        let rules = [("a", First), ("ab", Key), ("abc", Nearest), ("{ab", Key)];
        let cases: [(Writer, &str, Slot); 16] = [
            (Nearest, "x", HOME_SLOT),
            (Nearest, "a", ASIDE_SLOT),
            (Nearest, "ab", by_key(b"ab")),
            (Nearest, "abx", by_key(b"abx")),
            (Nearest, "abcd", HOME_SLOT),
            (Nearest, "{ab}1", by_key(b"ab")),
            (Nearest, "", HOME_SLOT),
            (First, "x", HOME_SLOT),
            (First, "a", HOME_SLOT),
            (First, "ab", by_key(b"ab")),
            (First, "abcd", ASIDE_SLOT),
            (Key, "x", by_key(b"x")),
            (Key, "a", ASIDE_SLOT),
            (Key, "abcd", HOME_SLOT),
            (Key, "ab", by_key(b"ab")),
            (Key, "A", by_key(b"A")),
        ];
        for (default, key, expected) in cases {
            assert_eq!(writers(default, &rules).slot_of(key.as_bytes()), expected, "{default:?} {key}");
        }
    }

    type Rules<'a> = &'a [(&'a str, Writer)];

    #[test]
    fn keys_need_no_look_where_all_have_the_same_writer() {
        let cases: [(Writer, Rules<'_>, bool); 7] = [
            (Nearest, &[], true),
            (First, &[], true),
            (Key, &[], false),
            (Nearest, &[("a", Nearest)], true),
            (Nearest, &[("a", First)], false),
            (First, &[("a", Key)], false),
            (Key, &[("", Nearest)], false),
        ];
        for (default, rules, expected) in cases {
            assert_eq!(writers(default, rules).is_uniform(), expected, "{default:?} {rules:?}");
        }
    }
}

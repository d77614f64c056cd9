//! Who writes which key, where every node could: the config's rules, compiled once.
//!
//! Two nodes that write the same key at the same time may end with different values, so each key has one writer. Keys
//! that one node writes are a lot of their own beside the slots of a cluster, and so have their own place in the map.

use crate::command::{Lot, Slot};
use crate::config::{Active, Flush, Writer};

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
    pub(super) fn lot_of(&self, key: &[u8]) -> Lot {
        let rule = self.rules.iter().find(|(prefix, _)| key.starts_with(prefix));
        match rule.map_or(self.default, |(_, seat)| *seat) {
            WriterSeat::Home => Lot::Home,
            WriterSeat::Aside => Lot::Aside,
            WriterSeat::ByKey => Lot::Slot(Slot::of_key(key)),
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
        let by_key = |key: &[u8]| Lot::Slot(Slot::of_key(key));
        let rules = [("a", First), ("ab", Key), ("abc", Nearest), ("{ab", Key)];
        let cases: [(Writer, &str, Lot); 16] = [
            (Nearest, "x", Lot::Home),
            (Nearest, "a", Lot::Aside),
            (Nearest, "ab", by_key(b"ab")),
            (Nearest, "abx", by_key(b"abx")),
            (Nearest, "abcd", Lot::Home),
            (Nearest, "{ab}1", by_key(b"ab")),
            (Nearest, "", Lot::Home),
            (First, "x", Lot::Home),
            (First, "a", Lot::Home),
            (First, "ab", by_key(b"ab")),
            (First, "abcd", Lot::Aside),
            (Key, "x", by_key(b"x")),
            (Key, "a", Lot::Aside),
            (Key, "abcd", Lot::Home),
            (Key, "ab", by_key(b"ab")),
            (Key, "A", by_key(b"A")),
        ];
        for (default, key, expected) in cases {
            assert_eq!(writers(default, &rules).lot_of(key.as_bytes()), expected, "{default:?} {key}");
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

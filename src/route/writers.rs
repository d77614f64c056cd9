//! The writer of each key with active nodes, where every node could write it: the config's rules, compiled once.
//!
//! Two nodes that write the same key at the same time may end with different values, so each key has one writer. The keys
//! without a writer of their own form the lots `Home` and `Aside`; those that are divided by key belong to slots.

use crate::command::{Lot, Slot};
use crate::config::{Active, Flush, Writer};

/// The rules that say which node writes a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Writers {
    default: WriterPlace,
    /// Key prefixes with their writers, the longest prefix first.
    rules: Vec<(Box<[u8]>, WriterPlace)>,
    uniform: bool,
    pub(super) flush: Flush,
}

/// The place of a key's writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriterPlace {
    Home,
    Aside,
    ByKey,
}

impl Writers {
    pub(crate) fn of(config: &Active) -> Writers {
        let place = |writer| place_of(writer, config.writer);
        let rule = |rule: &crate::config::WriterRule| (rule.prefix.as_bytes().into(), place(rule.writer));
        let mut rules: Vec<(Box<[u8]>, WriterPlace)> = config.rules.iter().map(rule).collect();
        rules.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let default = place(config.writer);
        let uniform =
            default == WriterPlace::Home && rules.iter().all(|(_, place)| *place == WriterPlace::Home);
        Writers { default, rules, uniform, flush: config.flush }
    }

    /// Returns true if all keys have the same writer, so that nobody needs to look at them.
    #[inline]
    pub(super) fn is_uniform(&self) -> bool {
        self.uniform
    }

    #[inline]
    pub(super) fn lot_of(&self, key: &[u8]) -> Lot {
        let rule = self.rules.iter().find(|(prefix, _)| key.starts_with(prefix));
        match rule.map_or(self.default, |(_, place)| *place) {
            WriterPlace::Home => Lot::Home,
            WriterPlace::Aside => Lot::Aside,
            WriterPlace::ByKey => Lot::Slot(Slot::of_key(key)),
        }
    }
}

/// Returns the place of a rule's writer. Home is the node of the default writer, or the nearest node if the default is by key.
fn place_of(writer: Writer, default: Writer) -> WriterPlace {
    match (writer, default) {
        (Writer::Key, _) => WriterPlace::ByKey,
        (Writer::Nearest, Writer::Nearest | Writer::Key) | (Writer::First, Writer::First) => {
            WriterPlace::Home
        }
        (Writer::First, Writer::Nearest | Writer::Key) | (Writer::Nearest, Writer::First) => {
            WriterPlace::Aside
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

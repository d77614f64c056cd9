//! Readers for each type of value that a key may have.
//!
//! If a value is not allowed, a reader records a fault and returns the default, so that the keys that follow are checked
//! as well. A config with a fault is never used.

use std::ops::RangeBounds;
use std::time::Duration;

use super::fault::{Place, quoted};
use super::section::Section;
use super::tree::{Item, TreeNode};
use super::units;

/// A string and the place where it was written.
pub(super) struct Text {
    pub(super) place: Place,
    pub(super) value: String,
}

impl Section<'_> {
    /// Reads a string. `None`: it is missing or not a string. `allowed` describes the allowed strings for the message.
    pub(super) fn text(&self, key: &'static str, allowed: &str) -> Option<Text> {
        let node = self.node(key)?;
        if let Item::Text(value) | Item::Untyped(value) = &node.item {
            return Some(Text { place: node.place.clone(), value: value.clone() });
        }
        self.wrong_type(key, node, allowed);
        None
    }

    /// Reads a list of one string or more. An untyped text is split at its commas.
    pub(super) fn list(&self, key: &'static str, allowed: &str) -> Vec<Text> {
        let Some(node) = self.node(key) else {
            self.require(key, format!("a list of {allowed}"));
            return Vec::new();
        };
        match &node.item {
            Item::List(list) if list.is_empty() => {
                self.fault(key, format!("is empty; allowed: a list of {allowed}"));
                Vec::new()
            }
            Item::List(list) => {
                list.iter().filter_map(|entry| self.list_entry(key, entry, allowed)).collect()
            }
            Item::Untyped(value) => value
                .split(',')
                .map(|part| Text { place: node.place.clone(), value: part.trim().to_owned() })
                .collect(),
            Item::Table(_)
            | Item::Text(_)
            | Item::Integer(_)
            | Item::Bool(_)
            | Item::Other
            | Item::Faulty => {
                self.wrong_type(key, node, format!("a list of {allowed}"));
                Vec::new()
            }
        }
    }

    fn list_entry(&self, key: &str, entry: &TreeNode, allowed: &str) -> Option<Text> {
        if let Item::Text(value) | Item::Untyped(value) = &entry.item {
            return Some(Text { place: entry.place.clone(), value: value.clone() });
        }
        if !matches!(entry.item, Item::Faulty) {
            self.wrong_type(key, entry, allowed);
        }
        None
    }

    /// Reads a table of strings whose keys the file chooses.
    pub(super) fn map(&self, key: &'static str, allowed: &str) -> Vec<(String, Text)> {
        let section = self.table(key);
        let entries = section.entries();
        entries
            .filter_map(|(name, node)| Some((name.clone(), section.list_entry(name, node, allowed)?)))
            .collect()
    }

    /// Reads one of several words.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)], default: T) -> T {
        let allowed = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let Some(text) = self.text(key, &allowed) else { return default };
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            self.fault(key, format!("{} is not allowed; allowed: {allowed}", quoted(&text.value)));
        }
        found.map_or(default, |(_, value)| *value)
    }

    pub(super) fn boolean(&self, key: &'static str, default: bool) -> bool {
        let Some(node) = self.node(key) else { return default };
        match &node.item {
            Item::Bool(truth) => *truth,
            Item::Untyped(text) if text == "true" => true,
            Item::Untyped(text) if text == "false" => false,
            Item::Table(_)
            | Item::List(_)
            | Item::Text(_)
            | Item::Untyped(_)
            | Item::Integer(_)
            | Item::Other
            | Item::Faulty => {
                self.wrong_type(key, node, "true, false");
                default
            }
        }
    }

    pub(super) fn integer(
        &self,
        key: &'static str,
        default: usize,
        range: impl RangeBounds<usize>,
        allowed: &str,
    ) -> usize {
        let Some(node) = self.node(key) else { return default };
        let found = match &node.item {
            Item::Integer(number) => usize::try_from(*number).ok(),
            Item::Untyped(text) => text.parse().ok(),
            Item::Table(_) | Item::List(_) | Item::Text(_) | Item::Bool(_) | Item::Other | Item::Faulty => {
                self.wrong_type(key, node, allowed);
                return default;
            }
        };
        let found = found.filter(|number| range.contains(number));
        if found.is_none() {
            self.fault(key, format!("{} is out of range; allowed: {allowed}", written(&node.item)));
        }
        found.unwrap_or(default)
    }

    pub(super) fn duration(&self, key: &'static str, default: Duration) -> Duration {
        self.with_unit(key, default, units::duration, "duration", units::DURATION_ALLOWED)
    }

    /// Reads a size of at least `least` bytes.
    pub(super) fn size(&self, key: &'static str, default: usize, least: usize) -> usize {
        let found = self.with_unit(key, default, units::size, "size", units::SIZE_ALLOWED);
        if found >= least {
            return found;
        }
        let (found, least) = (units::show_size(found), units::show_size(least));
        self.fault(key, format!("\"{found}\" is too small; allowed: \"{least}\" or more"));
        default
    }

    fn with_unit<T>(
        &self,
        key: &'static str,
        default: T,
        read: fn(&str) -> Option<T>,
        what: &str,
        allowed: &str,
    ) -> T {
        let Some(node) = self.node(key) else { return default };
        let text = written(&node.item);
        let found = match &node.item {
            Item::Text(text) | Item::Untyped(text) => read(text),
            Item::Integer(number) => read(&number.to_string()),
            Item::Table(_) | Item::List(_) | Item::Bool(_) | Item::Other | Item::Faulty => None,
        };
        if found.is_none() {
            self.fault(key, format!("{text} is not a {what}; allowed: {allowed}"));
        }
        found.unwrap_or(default)
    }
}

fn written(item: &Item) -> String {
    match item {
        Item::Text(text) | Item::Untyped(text) => quoted(text),
        Item::Integer(number) => number.to_string(),
        Item::Bool(truth) => truth.to_string(),
        Item::Table(_) | Item::List(_) | Item::Other | Item::Faulty => item.type_name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fault::Faults;
    use crate::config::tree;

    fn faults_of(source: &str, read: impl Fn(&Section<'_>)) -> Vec<String> {
        let faults = Faults::default();
        let table = tree::parse("f", source, &|_| None, &faults).unwrap();
        let section = Section::root(table, Place::File { file: "f".into(), line: 1 }, &faults);
        read(&section);
        section.finish();
        faults.into_sorted().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_unknown_key_names_the_known_ones() {
        let faults = faults_of("a = \"1s\"\nc = 1\n", |section| {
            section.duration("a", Duration::ZERO);
            section.boolean("b", true);
        });
        assert_eq!(faults, ["f:2: c: unknown key; allowed: a, b"]);
    }

    #[test]
    fn each_reader_refuses_what_is_not_its_type() {
        type Read = fn(&Section<'_>);
        let cases: [(&str, Read); 9] = [
            ("\"x\"", |section| assert!(section.boolean("k", true))),
            ("\"4\"", |section| assert_eq!(section.integer("k", 1, 1.., "1 or more"), 1)),
            ("0", |section| assert_eq!(section.integer("k", 1, 1.., "1 or more"), 1)),
            ("30", |section| assert_eq!(section.duration("k", Duration::ZERO), Duration::ZERO)),
            ("\"30MiB\"", |section| assert_eq!(section.duration("k", Duration::ZERO), Duration::ZERO)),
            ("\"10B\"", |section| assert_eq!(section.size("k", 64, 64), 64)),
            ("\"c\"", |section| assert_eq!(section.choice("k", &[("a", 1), ("b", 2)], 2), 2)),
            ("\"a\"", |section| assert!(section.list("k", "a host").is_empty())),
            ("[1]", |section| assert!(section.list("k", "a host").is_empty())),
        ];
        for (value, read) in cases {
            let faults = faults_of(&format!("k = {value}\n"), read);
            assert_eq!(faults.len(), 1, "{value}: {faults:?}");
            assert!(faults[0].starts_with("f:1: k: ") && faults[0].contains("; allowed: "), "{faults:?}");
        }
    }

    #[test]
    fn an_absent_key_is_its_default() {
        let faults = faults_of("", |section| {
            assert_eq!(section.integer("a", 7, 1.., ""), 7);
            assert_eq!(section.size("b", 9, 1), 9);
            assert!(section.text("c", "").is_none());
            assert!(section.tables("d").is_empty());
            section.not_available(&["e"]);
        });
        assert!(faults.is_empty(), "{faults:?}");
    }
}

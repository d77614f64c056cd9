//! The faults of a config: the place in the file, the key, and the values that are allowed.
//!
//! All faults are collected, so that an operator can repair a file in one go. A fault never shows a secret.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// One fault, shown as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    /// A dotted path such as `proxy.failover.hold`; empty for a fault of the whole file.
    pub(crate) key: String,
    pub(crate) what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.what)
    }
}

/// The place where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A line of a file, counted from 1; line 0 stands for the whole of a file that cannot be read.
    File { file: Arc<str>, line: usize },
    /// An option of the command line, such as `--listen` or `--set failover.hold`.
    Option(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { file, line: 0 } => write!(f, "{file}"),
            Place::File { file, line } => write!(f, "{file}:{line}"),
            Place::Option(name) => write!(f, "{name}"),
        }
    }
}

/// The faults found so far, shared by every section that is being read.
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, place: &Place, key: &str, what: impl Into<String>) {
        self.0.borrow_mut().push(Fault { place: place.clone(), key: key.to_owned(), what: what.into() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Returns the faults in the order of the lines.
    pub(super) fn into_sorted(self) -> Vec<Fault> {
        let mut faults = self.0.into_inner();
        faults.sort_by(|one, other| one.place.cmp(&other.place));
        faults.dedup();
        faults
    }
}

/// Quotes a value for a message, on one line and cut if it is long.
pub(super) fn quoted(value: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = value.chars().take(LONGEST).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_with_place_and_key() {
        let cases = [
            (Place::File { file: "a.toml".into(), line: 3 }, "log.level", "a.toml:3: log.level: wrong"),
            (Place::File { file: "a.toml".into(), line: 0 }, "", "a.toml: wrong"),
            (Place::Option("--set failover.hold".into()), "k", "--set failover.hold: k: wrong"),
        ];
        for (place, key, expected) in cases {
            assert_eq!(Fault { place, key: key.into(), what: "wrong".into() }.to_string(), expected);
        }
    }

    #[test]
    fn a_quoted_value_stays_short_and_on_one_line() {
        assert_eq!(quoted("a\nb"), r#""a\nb""#);
        assert!(quoted(&"x".repeat(1000)).chars().count() < 70);
    }

    #[test]
    fn faults_come_in_the_order_of_lines() {
        let faults = Faults::default();
        for line in [10, 9, 2] {
            faults.add(&Place::File { file: "a".into(), line }, "k", "w");
        }
        let lines: Vec<String> = faults.into_sorted().iter().map(|fault| fault.place.to_string()).collect();
        assert_eq!(lines, ["a:2", "a:9", "a:10"]);
    }
}

//! Parses the output of a suite into an outcome for each test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The outcome of one test; if several have the same name, the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Ok,
    Err,
    Hang,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) tests: BTreeMap<String, (Outcome, String)>,
    /// The number of tests that were ok, those of the same name counted one by one.
    pub(crate) ok: usize,
    /// The tests that were not run, as the call asked.
    pub(crate) skipped: BTreeSet<String>,
    /// The errors between the tests.
    pub(crate) exceptions: Vec<String>,
    /// True if the unit came to its end.
    pub(crate) ended: bool,
}

impl Outcomes {
    pub(crate) fn of(output: &str) -> Self {
        let mut outcomes = Self::default();
        // The suite repeats all failures at its end.
        let output = output.split("The End").next().unwrap_or_default();
        let lines: Vec<&str> = output.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            outcomes.take(line, lines.get(at + 1).copied().unwrap_or_default());
        }
        outcomes
    }

    /// Parses what `report.py` has written about the tests of one file.
    pub(crate) fn of_report(report: &str, file: &str) -> Self {
        let mut outcomes = Self::default();
        let file = format!("tests/{file}.py");
        for line in report.lines() {
            let mut parts = line.splitn(3, '\t');
            let mut next = || parts.next().unwrap_or_default();
            let (outcome, test, detail) = (next(), next(), next());
            let name = test.strip_prefix(&file).map(|name| name.trim_start_matches("::"));
            match (outcome, name) {
                ("ok", Some(name)) => outcomes.enter(name, Outcome::Ok, ""),
                ("err", Some(name)) => outcomes.enter(name, Outcome::Err, detail),
                ("exception", Some(_)) => outcomes.exceptions.push(detail.to_owned()),
                ("skip", Some(name)) => {
                    outcomes.skipped.insert(name.to_owned());
                }
                ("done", _) => outcomes.ended = true,
                _ => {}
            }
        }
        outcomes
    }

    /// Parses the output of a test binary of Rust.
    pub(crate) fn of_libtest(output: &str) -> Self {
        let mut outcomes = Self::default();
        let detail = |name: &str| {
            let told = output.split_once(&format!("---- {name} stdout ----")).map_or("", |(_, told)| told);
            let told: Vec<&str> = told.lines().filter(|line| !line.is_empty()).take(3).collect();
            told.join(" ")
        };
        for line in output.lines() {
            let test = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "));
            match test {
                Some((name, "ok")) => outcomes.enter(name, Outcome::Ok, ""),
                Some((name, "FAILED")) => outcomes.enter(name, Outcome::Err, &detail(name)),
                Some((name, _)) => {
                    outcomes.skipped.insert(name.to_owned());
                }
                None => outcomes.ended |= line.starts_with("test result: "),
            }
        }
        outcomes
    }

    /// Parses the output of hiredis' tests: `#1 its name: PASSED`, in colours, under a heading for each way to connect.
    pub(crate) fn of_hiredis(output: &str) -> Self {
        let mut outcomes = Self::default();
        let mut heading = "";
        for line in output.lines() {
            heading =
                line.strip_prefix("Testing ").and_then(|rest| rest.split(" (").next()).unwrap_or(heading);
            outcomes.ended |= line.starts_with("ALL TESTS PASSED") || line.ends_with(" TESTS FAILED ***");
            let test = line
                .strip_prefix('#')
                .and_then(|rest| rest.split_once(' '))
                .and_then(|(_, rest)| rest.rsplit_once(": "));
            let Some((name, said)) = test else { continue };
            let name = format!("{heading}: {name}");
            match said {
                said if said.contains("PASSED") => outcomes.enter(&name, Outcome::Ok, ""),
                said if said.contains("SKIPPED") => outcomes.enter(&name, Outcome::Err, "skipped"),
                _ => outcomes.enter(&name, Outcome::Err, ""),
            }
        }
        outcomes
    }

    fn take(&mut self, line: &str, next: &str) {
        if let Some(rest) = line.strip_prefix("[ok]: ") {
            let name = rest.rsplit_once(" (").map_or(rest, |(name, _)| name);
            self.enter(name, Outcome::Ok, "");
        } else if let Some(rest) = line.strip_prefix("[err]: ") {
            match rest.rsplit_once(" in tests/") {
                Some((name, _)) => self.enter(name, Outcome::Err, next),
                None => self.exceptions.push(format!("{rest} {next}")),
            }
        } else if let Some(name) = line.strip_prefix("[skip]: ") {
            self.skipped.insert(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("[exception]: ") {
            self.exceptions.push(format!("{rest} {next}"));
        } else if let Some((_, name)) = line.split_once(" => (IN PROGRESS) ") {
            self.enter(name, Outcome::Hang, "no end");
        } else if line.contains(" done]: ") {
            self.ended = true;
        }
    }

    fn enter(&mut self, name: &str, outcome: Outcome, detail: &str) {
        self.ok += usize::from(outcome == Outcome::Ok);
        let known = self.tests.entry(name.to_owned()).or_insert((outcome, detail.to_owned()));
        if outcome > known.0 {
            *known = (outcome, detail.to_owned());
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Outcome> {
        self.tests.get(name).map(|(outcome, _)| *outcome)
    }

    pub(crate) fn count(&self, wanted: Outcome) -> usize {
        self.tests.values().filter(|(outcome, _)| *outcome == wanted).count()
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ok, err, hang) = (self.count(Outcome::Ok), self.count(Outcome::Err), self.count(Outcome::Hang));
        let end = if self.ended { "" } else { ", no end" };
        write!(f, "{ok} ok, {err} err, {hang} hang, {} exceptions{end}", self.exceptions.len())
    }
}

#[test]
fn outcomes_of_hiredis_are_read_from_its_coloured_lines() {
    let printed = "#01 format: a: \u{1b}[0;32mPASSED\u{1b}[0;0m\n\nTesting against TCP connection (h:1):\n\
        #02 b: \u{1b}[0;31mFAILED\u{1b}[0;0m\n#03 c: \u{1b}[01;33mSKIPPED\u{1b}[0;0m\n*** 1 TESTS FAILED ***\n";
    let outcomes = Outcomes::of_hiredis(printed);
    assert_eq!(outcomes.get(": format: a"), Some(Outcome::Ok));
    assert_eq!(outcomes.get("against TCP connection: b"), Some(Outcome::Err));
    assert_eq!(outcomes.tests["against TCP connection: c"], (Outcome::Err, "skipped".to_owned()));
    assert!(outcomes.ended && outcomes.ok == 1);
}

#[test]
fn outcomes_are_read_as_the_suite_prints_them() {
    let printed = "[ready]: 7\nTesting unit/x\n[ok]: a (b) c (3 ms)\n[err]: d in e in tests/unit/x.tcl\nExpected '1'\n\
        [err]: no such thing\n    while executing\n[TIMEOUT]: clients state report follows.\n\
        sock1 => (IN PROGRESS) f\n\n   The End\n\n*** [err]: g in tests/unit/x.tcl\n";
    let outcomes = Outcomes::of(printed);
    assert_eq!(outcomes.get("a (b) c"), Some(Outcome::Ok));
    assert_eq!(outcomes.tests["d in e"], (Outcome::Err, "Expected '1'".to_owned()));
    assert_eq!(outcomes.get("f"), Some(Outcome::Hang));
    assert_eq!(outcomes.get("g"), None);
    assert_eq!(outcomes.exceptions, ["no such thing     while executing"]);
    assert!(!outcomes.ended);
}

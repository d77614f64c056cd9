//! The table of tests that may differ from their result on a bare server, and the reasons.

use super::outcome::{Outcome, Outcomes};
use super::unit::Kind;

/// The expected difference of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// It runs, and fails.
    Fails,
    /// It runs, and fails with some workers or at some moments.
    Varies,
    /// It is not run: it would never end, or break the tests behind it.
    LeftOut,
}

/// One entry of the table.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) unit: String,
    kinds: Vec<Kind>,
    what: What,
    test: String,
}

pub(crate) struct Expected(Vec<Line>);

impl Expected {
    /// Returns the table about Redis' own suite.
    pub(crate) fn of_redis() -> Self {
        Self::of(include_str!("expected.txt"))
    }

    /// Returns the table about the tests of client libraries.
    pub(crate) fn of_clients() -> Self {
        Self::of(include_str!("expected_clients.txt"))
    }

    fn of(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(Line::of).collect())
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.0
    }

    /// Returns the tests of a unit that are not run.
    pub(crate) fn left_out(&self, unit: &str, kind: Kind) -> Vec<&str> {
        let of_unit = self.about(unit, kind).filter(|line| line.what == What::LeftOut);
        of_unit.map(|line| line.test.as_str()).collect()
    }

    /// Returns the differences that the table does not expect, and the expected ones that did not occur.
    pub(crate) fn faults(&self, unit: &str, kind: Kind, bare: &Outcomes, through: &Outcomes) -> Vec<String> {
        let well = bare.tests.iter().filter(|(_, (outcome, _))| *outcome == Outcome::Ok);
        let mut faults: Vec<_> =
            well.filter_map(|(name, _)| fault(name, self.what(unit, kind, name), through)).collect();
        // An error between the tests that the bare server has too is no fault of the proxy.
        let further = through.exceptions.iter().skip(bare.exceptions.len());
        faults.extend(further.map(|text| format!("an exception: {text}")));
        if !bare.ended || !through.ended {
            faults.push(format!("no end: bare {bare}; through the proxy {through}"));
        }
        let unknown = self.about(unit, kind).filter(|line| match line.what {
            What::Fails => bare.get(&line.test) != Some(Outcome::Ok),
            // It may also fail on the bare server.
            What::Varies => bare.get(&line.test).is_none(),
            What::LeftOut => !bare.skipped.contains(&line.test),
        });
        faults.extend(
            unknown.map(|line| format!("{}: has a line, and is no test that is well elsewhere", line.test)),
        );
        faults
    }

    fn what(&self, unit: &str, kind: Kind, test: &str) -> Option<What> {
        self.about(unit, kind).find(|line| line.test == test).map(|line| line.what)
    }

    fn about(&self, unit: &str, kind: Kind) -> impl Iterator<Item = &Line> {
        self.0.iter().filter(move |line| line.unit == unit && line.kinds.contains(&kind))
    }
}

/// Returns what is wrong with a test that passes on the bare server.
fn fault(name: &str, expected: Option<What>, through: &Outcomes) -> Option<String> {
    let Some((found, detail)) = through.tests.get(name) else {
        return Some(format!("{name}: did not run"));
    };
    match (found, expected) {
        (Outcome::Ok, Some(What::Fails)) => Some(format!("{name}: is ok now: take its line out")),
        (Outcome::Ok, _) | (Outcome::Err, Some(What::Fails | What::Varies)) => None,
        _ => Some(format!("{name}: {found:?}: {detail}")),
    }
}

impl Line {
    /// Parses `unit | kinds | what | the test's name | the reason`; the name may contain a bar.
    fn of(text: &str) -> Self {
        let mut parts = text.splitn(4, " | ");
        let mut next = || parts.next().unwrap_or_else(|| panic!("not a line of this table: {text}")).trim();
        let (unit, kinds, what, rest) = (next(), next(), next(), next());
        let (test, reason) = rest.rsplit_once(" | ").unwrap_or_else(|| panic!("no reason: {text}"));
        assert!(!reason.trim().is_empty(), "no reason: {text}");
        let kinds = match kinds {
            "all" => vec![Kind::Fixed, Kind::Sentinel, Kind::Cluster],
            "fixed" => vec![Kind::Fixed],
            "sentinel" => vec![Kind::Sentinel],
            "cluster" => vec![Kind::Cluster],
            _ => panic!("no kinds: {text}"),
        };
        let what = match what {
            "fails" => What::Fails,
            "varies" => What::Varies,
            "left out" => What::LeftOut,
            _ => panic!("neither fails, varies nor left out: {text}"),
        };
        Self { unit: unit.to_owned(), kinds, what, test: test.trim().to_owned() }
    }
}

#[test]
fn a_test_that_varies_may_fail_on_both_sides_and_has_to_run() {
    let expected =
        Expected(vec![Line::of("u | all | varies | t | why"), Line::of("u | all | fails | f | why")]);
    let faults = |bare: [&str; 2], through: [&str; 2]| {
        let outcomes = |[t, f]: [&str; 2]| {
            let line = |said: &str, name: &str| match said {
                "ok" => format!("[ok]: {name} (1 ms)\n"),
                "err" => format!("[err]: {name} in tests/u.tcl\nwhy\n"),
                _ => String::new(),
            };
            Outcomes::of(&format!("{}{}[1/1 done]: u\n", line(t, "t"), line(f, "f")))
        };
        expected.faults("u", Kind::Fixed, &outcomes(bare), &outcomes(through)).len()
    };
    for (bare, through, expected) in [
        (["ok", "ok"], ["ok", "err"], 0),
        (["ok", "ok"], ["err", "err"], 0),
        (["err", "ok"], ["ok", "err"], 0),
        (["err", "ok"], ["err", "err"], 0),
        (["none", "ok"], ["ok", "err"], 1),
        (["ok", "ok"], ["none", "err"], 1),
        (["ok", "ok"], ["ok", "ok"], 1),
        (["ok", "err"], ["ok", "err"], 1),
    ] {
        assert_eq!(faults(bare, through), expected, "{bare:?} {through:?}");
    }
}

//! What the test suites have shown: the numbers that their runs have noted, and the tests whose result is another one, with the reason.

use std::collections::BTreeMap;

const RESULTS: &str = include_str!("../../tests/suites/results.txt");
const OF_REDIS: &str = include_str!("../../tests/suites/expected.txt");
const OF_CLIENTS: &str = include_str!("../../tests/suites/expected_clients.txt");

/// The numbers of one suite before one kind of backend.
#[derive(Default)]
struct Shown {
    units: usize,
    bare: usize,
    through: usize,
}

pub(super) fn suites() -> String {
    let mut page = include_str!("suites.md").to_owned();
    for ((suite, version, kind), shown) in shown() {
        let Shown { units, bare, through } = shown;
        page.push_str(&format!("| {suite} | {version} | `{kind}` | {units} | {bare} | {through} |\n"));
    }
    page.push_str("\n### Tests of Redis whose result differs\n\n");
    page.push_str(&differences(OF_REDIS));
    page.push_str("\n### Tests of client libraries whose result differs\n\n");
    page.push_str(&differences(OF_CLIENTS));
    page
}

fn shown() -> BTreeMap<(&'static str, &'static str, &'static str), Shown> {
    let mut all: BTreeMap<_, Shown> = BTreeMap::new();
    for line in lines(RESULTS) {
        let words: Vec<&str> = line.split(" | ").collect();
        let [suite, version, kind, _, bare, through] = words[..] else { panic!("not a result: {line}") };
        let count = |word: &str| word.parse::<usize>().expect("a number");
        let shown = all.entry((suite, version, kind)).or_default();
        shown.units += 1;
        shown.bare += count(bare);
        shown.through += count(through);
    }
    all
}

fn differences(table: &'static str) -> String {
    let mut page = "| unit | before | | test | why |\n|---|---|---|---|---|\n".to_owned();
    for line in lines(table) {
        let (place, reason) = line.rsplit_once(" | ").expect("a reason");
        let place =
            place.splitn(4, " | ").map(|word| word.replace('|', "\\|")).collect::<Vec<_>>().join(" | ");
        page.push_str(&format!("| {place} | {reason} |\n"));
    }
    page
}

fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

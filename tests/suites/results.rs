//! Notes what the suites have shown in `results.txt`, of which docs/compatibility.md is made. Only runs with `TIDEOVER_RECORD` do so:
//! those of `make test-suites` and `make test-clients`.

use std::collections::BTreeSet;
use std::path::Path;

use super::outcome::Outcomes;
use super::unit::Kind;

const FILE: &str = "tests/suites/results.txt";

/// A suite as the page names it.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl Suite {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned() }
    }

    /// Notes how many tests of a unit were ok on a bare server and through the proxy.
    pub(crate) fn note(&self, kind: Kind, unit: &str, bare: &Outcomes, through: &Outcomes) {
        if std::env::var_os("TIDEOVER_RECORD").is_none() {
            return;
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let numbers = format!("{} | {}", bare.ok, through.ok);
        let kind = format!("{kind:?}").to_lowercase();
        std::fs::write(path, noted(&text, &[&self.name, &self.version, &kind, unit], &numbers)).unwrap();
    }
}

/// Returns the file with this line in place of the one about the same unit, whatever version that was of.
fn noted(text: &str, place: &[&str; 4], numbers: &str) -> String {
    let [suite, version, kind, unit] = place;
    let about = |line: &str| {
        let words: Vec<&str> = line.split(" | ").collect();
        words.first() == Some(suite) && words.get(2) == Some(kind) && words.get(3) == Some(unit)
    };
    let (head, lines): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    let kept = lines.into_iter().filter(|line| !about(line)).map(str::to_owned);
    let mut lines: BTreeSet<String> = kept.collect();
    lines.insert(format!("{suite} | {version} | {kind} | {unit} | {numbers}"));
    head.into_iter().map(str::to_owned).chain(lines).map(|line| line + "\n").collect()
}

#[test]
fn a_line_takes_the_place_of_the_one_about_the_same_unit() {
    let text = "# head\na | 1 | fixed | u | 3 | 2\na | 1 | fixed | v | 5 | 5\n";
    assert_eq!(
        noted(text, &["a", "2", "fixed", "u"], "4 | 4"),
        "# head\na | 1 | fixed | v | 5 | 5\na | 2 | fixed | u | 4 | 4\n"
    );
    assert_eq!(
        noted("# head\n", &["a", "1", "cluster", "u"], "1 | 1"),
        "# head\na | 1 | cluster | u | 1 | 1\n"
    );
}

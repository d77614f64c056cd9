//! Runs the examples of fred, a client library of Rust, from its crate, which has no tests: each against a server of its own, and compares
//! what they print. They check their replies themselves, and fail if one is wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The examples that need one server, no cluster, module or TLS, and no file that the crate lacks.
pub(crate) const EXAMPLES: &[&str] =
    &["blocking", "custom", "events", "pipeline", "pubsub", "scan", "serde_json", "transactions"];

/// The examples that print ids, random names or the end of a race: only their end is compared.
pub(crate) const VARYING: &[&str] = &["client_tracking", "events", "monitor", "pool", "streams"];

const FEATURES: &str = "i-all,subscriber-client,monitor,sha-1,serde-json,transactions";

/// Time after which an example that does not end is killed.
const ENDS: &str = "60";

/// The crate, made ready by `scripts/install-client-suites.sh`.
pub(crate) struct Fred(PathBuf);

impl Fred {
    pub(crate) fn installed() -> Option<Self> {
        std::env::var_os("TIDEOVER_FRED").map(|place| Self(place.into()))
    }

    /// Compiles the examples.
    pub(crate) fn build(&self) {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--features", FEATURES]);
        cargo.args([EXAMPLES, VARYING].concat().into_iter().flat_map(|example| ["--example", example]));
        cargo.current_dir(&self.0).env("CARGO_TARGET_DIR", self.0.join("target"));
        let output = cargo.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns what an example printed, how often each line; nothing if that varies.
    pub(crate) fn run(&self, example: &str, at: SocketAddr) -> BTreeMap<String, usize> {
        let mut command = Command::new("timeout");
        command.args(["-k", "5", ENDS]).arg(self.0.join("target/debug/examples").join(example));
        command.env("REDIS", format!("redis://{at}")).stdin(Stdio::null());
        let output = command.output().unwrap();
        let (told, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{example} at {at}: {told}{errors}");
        let mut lines = BTreeMap::new();
        for line in told.lines().filter(|_| !VARYING.contains(&example)) {
            *lines.entry(comparable(line)).or_default() += 1;
        }
        lines
    }
}

/// Replaces what differs from one run to the next: ports, times, and names of connections.
fn comparable(line: &str) -> String {
    let mut text = String::new();
    let mut number = String::new();
    for letter in line.chars().chain([' ']) {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        text += if number.len() > 3 { "N" } else { &number };
        number.clear();
        text.push(letter);
    }
    text.trim_end().to_owned()
}

#[test]
fn long_numbers_are_not_compared() {
    for (line, expected) in [
        ("127.0.0.1:6379: Invalidate [1]", "127.0.0.1:N: Invalidate [1]"),
        ("foo-12 17958507-0", "foo-12 N-0"),
        ("", ""),
    ] {
        assert_eq!(comparable(line), expected);
    }
}

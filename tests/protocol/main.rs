//! Sends the same bytes to a bare server and through the proxy, right and wrong ones, and compares what comes back up to
//! the end of the connection. A case that differs has a line in `differs`, which names its section of
//! `docs/deviations.md`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/mod.rs"]
mod common;

mod arity;
mod behind;
mod client;
mod differs;
mod faults;
mod framing;
mod replies;
mod sessions;
mod strangers;
mod subscribers;
mod transactions;

use std::collections::BTreeMap;
use std::io::ErrorKind;

use behind::Behind;
use common::Rig;
use common::conn::Conn;

/// A bare server, and the proxy before another one, which have got the same commands.
struct Pair {
    bare: Rig,
    through: Behind,
}

impl Pair {
    fn start() -> Self {
        Self { bare: Rig::start(), through: Behind::one_server(Rig::start()) }
    }

    /// Returns the answers of both, as text.
    fn answers(&self, bytes: &[u8]) -> (String, String) {
        (answer(self.bare.direct(), bytes), answer(self.through.client(), bytes))
    }
}

/// Returns everything that is answered to these bytes and a QUIT behind them, which is answered unless the connection
/// was closed before, and whether the connection was closed at all.
fn answer(mut conn: Conn, bytes: &[u8]) -> String {
    let _ = conn.try_write(&[bytes, b"*1\r\n$4\r\nQUIT\r\n"].concat());
    let mut all = Vec::new();
    loop {
        match conn.try_piece() {
            Ok(piece) if piece.is_empty() => return masked(&all),
            Ok(piece) => all.extend_from_slice(&piece),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return masked(&all),
            Err(error) => return format!("{} NO END: {error}", masked(&all)),
        }
    }
}

/// Makes text of an answer, without the numbers that differ each time.
fn masked(answer: &[u8]) -> String {
    let text = answer.escape_ascii().to_string();
    let mut parts = text.split(r"$2\r\nid\r\n:");
    let mut masked = parts.next().unwrap().to_owned();
    for part in parts {
        masked += r"$2\r\nid\r\n:N";
        masked += part.trim_start_matches(|char: char| char.is_ascii_digit());
    }
    masked
}

/// Compares the answers to all cases, and those that differ with the table of these.
struct Comparison {
    name: &'static str,
    cases: usize,
    /// The cases that are answered in different ways.
    different: usize,
    /// Whether a case of the table differs, with any bytes in front of it.
    differ: BTreeMap<Vec<u8>, bool>,
    faults: Vec<String>,
}

impl Comparison {
    fn of(name: &'static str) -> Self {
        Self { name, cases: 0, different: 0, differ: BTreeMap::new(), faults: Vec::new() }
    }

    /// Takes the answers to a case. `key` is what the table of differences calls it.
    fn take(&mut self, key: &[u8], bytes: &[u8], (bare, through): (String, String)) {
        self.cases += 1;
        self.different += usize::from(bare != through);
        let expected = differs::expected(key);
        if differs::has_line(key) {
            *self.differ.entry(key.to_vec()).or_default() |= bare != through;
        }
        if bare != through && !expected.is_some_and(|part| through.contains(part)) {
            let (case, bare, through) = (shown(&bytes.escape_ascii()), shown(&bare), shown(&through));
            self.faults.push(format!("{case}\n  bare    {bare}\n  through {through}"));
        }
    }

    fn end(mut self) {
        println!("{}: {} cases, {} answered in another way", self.name, self.cases, self.different);
        let same = self.differ.iter().filter(|(_, differs)| !**differs).map(|(key, _)| key.escape_ascii());
        self.faults.extend(same.map(|key| format!("{key}\n  is the same now: take its line out")));
        let Self { name, cases, faults, .. } = self;
        assert!(faults.is_empty(), "{name}: {} of {cases} are wrong:\n{}", faults.len(), faults.join("\n"));
    }
}

/// Returns the beginning of a text, for a message.
fn shown(text: &impl ToString) -> String {
    text.to_string().chars().take(600).collect()
}

/// Writes the commands of a case, which are separated by ` ; ` and written as inline commands are.
fn lines(case: &str) -> Vec<u8> {
    case.split(" ; ").flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect()
}

/// Compares cases of commands in both versions of the protocol. `situation` is what the table of differences puts before them.
fn compare_commands(name: &'static str, situation: &str, pair: &Pair, cases: &[&str]) {
    let mut comparison = Comparison::of(name);
    for case in cases {
        for version in ["", "HELLO 3 ; "] {
            let bytes = lines(&format!("{version}{case}"));
            comparison.take(format!("{situation}{case}").as_bytes(), &bytes, pair.answers(&bytes));
        }
    }
    comparison.end();
}

//! The cases whose answer through the proxy is another one than the server's.

use std::collections::BTreeSet;

use super::{behind, client, faults, framing, replies, sessions, strangers, subscribers, transactions};

/// One such case: its section of `docs/deviations.md`, the case, and a part of the proxy's answer, which is empty if the case is
/// sent in several forms that are answered differently.
struct Line(&'static str, &'static [u8], &'static str);

const LINE_ENDS: &str = "The ends of lines and arguments";
const HELLO_WHOLE: &str = "HELLO that is refused";
const NEWER: &str = "Commands and arguments of newer servers";
const CLIENTS: &str = "Users in CLIENT KILL";
const PASSWORDS: &str = "Passwords and names of users";
const UTF8: &str = "Bytes in error texts";
const NOT_HERE: &str = "Commands that are not available";
const BY_HASH: &str = "Scripts by their hash";
const WATCHING: &str = "HELLO and AUTH beside a WATCH";

const LINES: &[Line] = &[
    Line(LINE_ENDS, b"*1\rX$4\r\nPING\r\n", "invalid multibulk length"),
    Line(LINE_ENDS, b"*1\r\r\n$4\r\nPING\r\n", "invalid multibulk length"),
    Line(LINE_ENDS, b"*1\r\n$4\rXPING\r\n", "invalid bulk length"),
    Line(LINE_ENDS, b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", "invalid bulk terminator"),
    Line(LINE_ENDS, b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\n\n*1\r\n$4\r\nPING\r\n", "invalid bulk terminator"),
    Line(LINE_ENDS, b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\0\0PING\r\n", "invalid bulk terminator"),
    Line(LINE_ENDS, b"*2\r\n$4\r\nECHO\r\n$2\r\nabc\r\nPING\r\n", "invalid bulk terminator"),
    Line(LINE_ENDS, b"*2\r\n$4\r\nECHO\r\n$5\r\nabc\r\nPING\r\n", "invalid bulk terminator"),
    Line(HELLO_WHOLE, b"HELLO 3 SETNAME a NOSUCH ; CLIENT GETNAME", r"option \'NOSUCH\'\r\n"),
    Line(
        HELLO_WHOLE,
        b"as a stranger: HELLO 3 AUTH default secret NOSUCH ; GET k",
        r"option \'NOSUCH\'\r\n-NOAUTH",
    ),
    Line(NEWER, b"CLIENT SETINFO lib-name x", r"+OK\r\n+OK"),
    Line(NEWER, b"as a stranger: CLIENT SETINFO lib-name x", "-NOAUTH"),
    Line(NEWER, b"CLIENT SETINFO", "wrong number of arguments"),
    Line(NEWER, b"CLIENT LIST ID 1 x", "-ERR syntax error"),
    Line(NEWER, b"COMMAND GETKEYS GET", "Invalid number of arguments"),
    Line(NEWER, b"COMMAND GETKEYS PING", "The command has no key arguments"),
    Line(NEWER, b"COMMAND GETKEYS NOSUCH", "Invalid command specified"),
    Line(NEWER, b"COMMAND GETKEYS EVAL x 1", "Invalid arguments specified"),
    Line(NEWER, b"COMMAND GETKEYS EVAL x -1 a", "Invalid arguments specified"),
    Line(NEWER, b"COMMAND GETKEYS EVAL x y a", "Invalid arguments specified"),
    Line(NEWER, b"COMMAND GETKEYSANDFLAGS PING", "The command has no key arguments"),
    Line(NEWER, b"COMMAND GETKEYSANDFLAGS SET a b", "access"),
    Line(NEWER, b"COMMAND GETKEYSANDFLAGS SET k v", "access"),
    Line(NEWER, b"COMMAND HELP", "COMMAND <subcommand>"),
    Line(NEWER, b"COMMAND DOCS get", "summary"),
    Line(NEWER, b"arity of command|getkeys", ""),
    Line(NEWER, b"arity of command|getkeysandflags", ""),
    Line(NEWER, b"arity of zrank", ""),
    Line(NEWER, b"arity of zrevrank", ""),
    Line(NEWER, b"arity of script|debug", ""),
    Line(NEWER, b"arity of cluster|replicate", ""),
    Line(CLIENTS, b"CLIENT KILL USER nosuch", ":0"),
    Line(PASSWORDS, b"AUTH \"\\xff\"", "-WRONGPASS"),
    Line(UTF8, b"HELLO 3 \"\\xff\"", "Syntax error in HELLO option"),
    Line(NOT_HERE, b"subscriber and module|load", "Can"),
    Line(NOT_HERE, b"subscriber and module|loadex", "Can"),
    Line(NOT_HERE, b"subscriber and module|unload", "Can"),
    Line(NOT_HERE, b"subscriber and debug", "Can"),
    Line(
        BY_HASH,
        b"MULTI ; EVAL 'return 1234567' 0 ; DISCARD ; EVALSHA af813b6f13bac60163cec0fb74e989be63c968cf 0",
        ":1234567",
    ),
    Line(WATCHING, b"WATCH w ; HELLO 3 ; SET w 3 ; MULTI ; PING ; EXEC", "a WATCH is active"),
];

/// The sections about what cannot be compared: a server does not answer it, or answers it in different ways.
const ELSEWHERE: &[&str] = &[
    "A NUL inside a line",
    "The length of inline commands",
    "The size of requests",
    "QUIT",
    "Time-outs of a few milliseconds",
    "Messages to oneself",
    "Messages and replies",
    "INFO",
    // Its table is compared by tests/transactions.
    "Transactions",
];

/// Returns a part of the answer that is expected of the proxy where it differs.
pub(crate) fn expected(case: &[u8]) -> Option<&'static str> {
    let without = case.strip_prefix(behind::SENTINELS.as_bytes());
    line(case).or_else(|| line(without?)).map(|line| line.2)
}

/// Returns true if the case itself has a line, so that it must differ.
pub(crate) fn has_line(case: &[u8]) -> bool {
    line(case).is_some()
}

fn line(case: &[u8]) -> Option<&'static Line> {
    LINES.iter().find(|line| line.1 == case)
}

#[test]
fn every_difference_has_its_section_and_every_section_its_differences() {
    let page = include_str!("../../docs/deviations.md");
    let sections: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let named = LINES.iter().map(|line| line.0).chain(ELSEWHERE.iter().copied());
    assert_eq!(named.collect::<BTreeSet<_>>(), sections);
}

#[test]
fn every_difference_is_of_a_case_that_is_sent() {
    let lists = [
        sessions::HELLO,
        strangers::AUTH,
        sessions::SELECT,
        transactions::CASES,
        client::CASES,
        faults::CASES,
        subscribers::CASES,
        replies::CASES,
    ];
    let commands: Vec<&[u8]> = lists.concat().iter().map(|case| case.as_bytes()).collect();
    for Line(_, case, _) in LINES {
        // The server names these.
        let is_of_all_commands =
            [&b"arity of "[..], b"subscriber and ", b"module"].iter().any(|start| case.starts_with(start));
        let situations = [strangers::STRANGER, behind::SENTINELS].map(str::as_bytes);
        let case = situations.iter().find_map(|situation| case.strip_prefix(*situation)).unwrap_or(case);
        let is_sent = commands.contains(&case) || framing::CASES.contains(&case);
        assert!(is_sent || is_of_all_commands, "{}", case.escape_ascii());
    }
}

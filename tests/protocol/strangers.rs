//! AUTH, and what is answered to a client that has not authenticated.

use super::behind::Behind;
use super::common::Rig;
use super::{Comparison, Pair, compare_commands};

pub(crate) const AUTH: &[&str] = &[
    "AUTH",
    "AUTH x",
    "AUTH default x",
    "AUTH nosuch x",
    "AUTH a b c",
    "AUTH a b c d",
    "AUTH ''",
    "AUTH '' ''",
    "AUTH \"\\xff\"",
    "AUTH \"\\xff\" \"\\xff\"",
    "AUTH \"a\\x00b\" x",
    "AUTH default secret",
    "AUTH secret",
    "AUTH wrong ; GET k ; AUTH secret ; GET k",
    "AUTH default wrong ; GET k ; AUTH default secret ; GET k",
    "GET k",
    "GET",
    "NOSUCH",
    "PING",
    "PING x y z",
    "ECHO x",
    "COMMAND COUNT",
    "SELECT 1",
    "SELECT x",
    "CLIENT ID",
    "CLIENT SETNAME x",
    "CLIENT NOSUCH",
    "CLIENT",
    "CLIENT GETNAME",
    "CLIENT SETINFO lib-name x",
    "CLIENT REPLY ON",
    "CLIENT NO-EVICT on",
    "CLIENT LIST",
    "CLIENT KILL ID 1",
    "CLIENT PAUSE 0",
    "CLIENT UNPAUSE",
    "CLIENT UNBLOCK 1",
    "CLIENT TRACKINGINFO",
    "CLIENT GETREDIR",
    "CLIENT CACHING YES",
    "CLIENT HELP",
    "MONITOR",
    "ROLE",
    "HELLO",
    "HELLO 2",
    "HELLO 4",
    "HELLO x",
    "HELLO 3 NOSUCH",
    "HELLO 3 SETNAME x",
    "HELLO 3 AUTH default wrong",
    "HELLO 3 AUTH default secret ; GET k",
    "HELLO 3 AUTH default secret SETNAME x ; CLIENT GETNAME",
    "HELLO 3 SETNAME x AUTH default secret ; CLIENT GETNAME",
    "HELLO 3 SETNAME 'a b' AUTH default secret ; GET k",
    "HELLO 3 AUTH default secret NOSUCH ; GET k",
    "HELLO AUTH default secret ; GET k",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH k",
    "UNWATCH",
    "SUBSCRIBE c",
    "UNSUBSCRIBE",
    "UNSUBSCRIBE c",
    "PUNSUBSCRIBE",
    "SUNSUBSCRIBE",
    "PSUBSCRIBE c",
    "SSUBSCRIBE c",
    "PUBLISH c m",
    "PUBSUB CHANNELS",
    "RESET",
    "QUIT",
    "WAIT 0 0",
    "BLPOP k 1",
    "SCRIPT KILL",
    "CLUSTER INFO",
    "READONLY",
    "ASKING",
    "EVAL 'return 1' 0",
    "AUTH secret ; RESET ; GET k",
    "AUTH secret ; AUTH wrong ; GET k",
    "AUTH secret ; AUTH nosuch x ; GET k",
    "AUTH secret ; MULTI ; AUTH secret ; EXEC",
    "HELLO 3 AUTH default secret ; AUTH wrong ; GET k",
    "AUTH secret ; RESET ; PING ; HELLO",
    "AUTH secret ; SELECT 3 ; AUTH secret ; SET in3 x ; SELECT 0 ; GET in3",
];

/// The client has not authenticated, as it would have to.
pub(crate) const STRANGER: &str = "as a stranger: ";

#[test]
fn auth_answers_as_the_server_without_a_password() {
    compare_commands("auth", "", &Pair::start(), &AUTH[..12]);
}

#[test]
fn who_has_not_authenticated_is_answered_as_by_the_server() {
    let pair = Pair {
        bare: Rig::protected("secret", &[]),
        through: Behind::one_server(Rig::protected("secret", &[])),
    };
    compare_commands("password", STRANGER, &pair, AUTH);
    let mut comparison = Comparison::of("strangers");
    let many = |count: usize| format!("*{count}\r\n$6\r\nEXISTS\r\n{}", "$1\r\nk\r\n".repeat(count - 1));
    let long = |len: usize| format!("*2\r\n$4\r\nECHO\r\n${len}\r\n{}\r\n", "x".repeat(len));
    let auth = "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n";
    for case in [many(9), many(10), many(11), many(100), long(16_384), long(16_385)] {
        for before in ["", auth] {
            let bytes = format!("{before}{case}").into_bytes();
            comparison.take(case.as_bytes(), &bytes, pair.answers(&bytes));
        }
    }
    comparison.end();
}

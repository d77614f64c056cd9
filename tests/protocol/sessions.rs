//! Commands about the connection: HELLO, SELECT, RESET and QUIT.

use super::{Pair, answer, compare_commands, lines};

pub(crate) const HELLO: &[&str] = &[
    "HELLO",
    "HELLO 2",
    "HELLO 3",
    "HELLO 3 ; HELLO",
    "HELLO 3 ; HELLO 2 ; GET nosuch",
    "HELLO 1",
    "HELLO 4",
    "HELLO 0",
    "HELLO -1",
    "HELLO x",
    "HELLO 3x",
    "HELLO ''",
    "HELLO 03",
    "HELLO +3",
    "HELLO ' 3'",
    "HELLO 3.0",
    "HELLO 9223372036854775807",
    "HELLO 9223372036854775808",
    "HELLO AUTH default x",
    "HELLO 3 AUTH",
    "HELLO 3 AUTH default",
    "HELLO 3 AUTH default x",
    "HELLO 3 AUTH nosuch x",
    "HELLO 3 AUTH default x ; PING",
    "HELLO 3 SETNAME",
    "HELLO 3 SETNAME me ; CLIENT GETNAME",
    "HELLO 3 setname me ; CLIENT GETNAME",
    "HELLO 3 SETNAME ''",
    "HELLO 3 SETNAME 'a b'",
    "HELLO 3 SETNAME \"a\\n\"",
    "HELLO 3 SETNAME \"a\\x00\"",
    "HELLO 3 SETNAME \"\\xff\"",
    "HELLO 3 SETNAME a SETNAME b ; CLIENT GETNAME",
    "HELLO 3 NOSUCH",
    "HELLO 3 NOSUCH x",
    "HELLO 3 AUTH default x NOSUCH",
    "HELLO 3 SETNAME a NOSUCH ; CLIENT GETNAME",
    "HELLO 3 \"NO\\r\\nSUCH\"",
    "HELLO 3 \"\\xff\"",
    "HELLO 2 SETNAME me AUTH default x ; CLIENT GETNAME",
    "HELLO 4 NOSUCH",
    "HELLO 4 AUTH default x",
    "HELLO 9 SETNAME 'a b'",
    "MULTI ; HELLO",
    "MULTI ; HELLO 3 NOSUCH ; EXEC",
    "SUBSCRIBE c ; HELLO 3 ; PING",
    "SUBSCRIBE c ; HELLO 2",
    "CLIENT SETNAME old ; HELLO 3 ; CLIENT GETNAME",
    "CLIENT SETNAME old ; HELLO 3 SETNAME '' ; CLIENT GETNAME",
];

pub(crate) const SELECT: &[&str] = &[
    "SELECT",
    "SELECT 0",
    "SELECT 15",
    "SELECT 16",
    "SELECT -1",
    "SELECT x",
    "SELECT ''",
    "SELECT 1 2",
    "SELECT 01",
    "SELECT +1",
    "SELECT ' 1'",
    "SELECT 1.0",
    "SELECT 2147483647",
    "SELECT 2147483648",
    "SELECT -2147483648",
    "SELECT -2147483649",
    "SELECT 4294967296",
    "SELECT 9223372036854775807",
    "SELECT 9223372036854775808",
    "SELECT \"1\\x00\"",
    "SELECT 3 ; SET s 1 ; SELECT 16 ; GET s ; SELECT 0 ; GET s ; SELECT 3 ; DEL s",
    "SUBSCRIBE c ; SELECT 1",
    "SWAPDB 0 1",
    "SWAPDB 0 16",
    "SWAPDB 0 x",
    "SWAPDB x 0",
    "SWAPDB -1 0",
    "MOVE k 16",
    "MOVE k x",
    "MOVE k 0",
    "COPY k l DB 16",
    "COPY k l DB x",
];

#[test]
fn hello_answers_as_the_server() {
    compare_commands("hello", "", &Pair::start(), HELLO);
}

#[test]
fn select_answers_as_the_server() {
    compare_commands("select", "", &Pair::start(), SELECT);
}

/// The server keeps such a connection for ever, as it closes one only behind a reply.
#[test]
fn quit_closes_also_if_replies_are_off() {
    let pair = Pair::start();
    for case in ["CLIENT REPLY SKIP", "CLIENT REPLY OFF"] {
        assert_eq!(answer(pair.through.client(), &lines(case)), "", "{case}");
    }
}

//! Tests MULTI, EXEC, DISCARD and WATCH through the proxy against the server's own answers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use common::conn::{Conn, bulk};
use common::{Rig, until};

/// Sends the same lines to both sides; every reply must be the same bytes.
fn same(rig: &Rig, lines: &[&str]) {
    let (mut proxied, mut direct) = (rig.client(), rig.direct());
    rig.direct().call("FLUSHALL");
    let through: Vec<String> = lines.iter().map(|line| proxied.call(line)).collect();
    rig.direct().call("FLUSHALL");
    let itself: Vec<String> = lines.iter().map(|line| direct.call(line)).collect();
    for ((line, through), itself) in lines.iter().zip(&through).zip(&itself) {
        assert_eq!(through, itself, "{line} in {lines:?}");
    }
}

#[test]
fn transactions_answer_as_the_server_does() {
    let rig = Rig::start();
    same(&rig, &["MULTI", "SET k 1", "INCR k", "GET k", "EXEC", "GET k"]);
    same(&rig, &["MULTI", "SET k 1", "DISCARD", "GET k", "EXEC"]);
    same(&rig, &["EXEC", "DISCARD", "MULTI", "MULTI", "SET k 1", "EXEC"]);
    same(&rig, &["MULTI", "SET k", "SET k 1", "EXEC", "GET k"]);
    same(&rig, &["MULTI", "NOSUCH a b", "SET k 1", "EXEC", "GET k"]);
    same(&rig, &["MULTI", "WATCH k", "SET k 1", "EXEC"]);
    same(&rig, &["SET k x", "MULTI", "INCR k", "LPUSH k 1", "SET j 1", "EXEC", "GET j"]);
    same(&rig, &["MULTI", "EXEC"]);
    same(&rig, &["MULTI", "PING", "ECHO hello", "PING x", "EXEC"]);
    same(&rig, &["WATCH k", "UNWATCH", "UNWATCH", "MULTI", "UNWATCH", "EXEC"]);
    same(&rig, &["WATCH k", "SET k 1", "MULTI", "GET k", "EXEC"]);
    same(&rig, &["WATCH k", "MULTI", "DISCARD", "SET k 1", "MULTI", "GET k", "EXEC"]);
    same(&rig, &["MULTI", "BLPOP l 0", "EXEC", "PING"]);
    same(&rig, &["MULTI x", "EXEC"]);
    same(&rig, &["MULTI", "HSET h f v", "HGETALL h", "GET none", "EXEC"]);
    same(&rig, &["WATCH", "MULTI", "WATCH", "EXEC"]);
}

#[test]
fn a_foreign_write_after_watch_stops_the_transaction() {
    let rig = Rig::start();
    let (mut client, mut other) = (rig.client(), rig.client());
    for (between, expected) in [("SET k 2", "*-1\r\n"), ("SET unrelated 2", "*1\r\n+OK\r\n")] {
        assert_eq!(client.call("WATCH k"), "+OK\r\n");
        assert!(!client.call("GET k").is_empty());
        assert_eq!(other.call(between), "+OK\r\n");
        assert_eq!(client.call("MULTI"), "+OK\r\n");
        assert_eq!(client.call("SET k 3"), "+QUEUED\r\n");
        assert_eq!(client.call("EXEC"), expected, "{between}");
    }
    assert!(client.call("HELLO 3").starts_with('%'));
    assert_eq!(client.call("WATCH k"), "+OK\r\n");
    assert_eq!(other.call("SET k 9"), "+OK\r\n");
    assert_eq!(client.call("MULTI"), "+OK\r\n");
    assert_eq!(client.call("EXEC"), "_\r\n");
}

#[test]
fn unwatch_and_discard_forget_what_was_watched() {
    let rig = Rig::start();
    let (mut client, mut other) = (rig.client(), rig.client());
    for forget in [&["UNWATCH"][..], &["MULTI", "DISCARD"]] {
        assert_eq!(client.call("WATCH k"), "+OK\r\n");
        assert_eq!(other.call("SET k 2"), "+OK\r\n");
        for line in forget {
            assert_eq!(client.call(line), "+OK\r\n");
        }
        assert_eq!(client.call("MULTI"), "+OK\r\n");
        assert_eq!(client.call("PING"), "+QUEUED\r\n");
        assert_eq!(client.call("EXEC"), "*1\r\n+PONG\r\n");
    }
}

#[test]
fn the_commands_of_a_transaction_run_together() {
    let rig = Rig::start();
    let mut clients: Vec<Conn> = (0..4).map(|_| rig.client()).collect();
    let block = common::conn::pipeline(&["MULTI", "INCR n", "INCR n", "INCR n", "EXEC"]);
    for _ in 0..100 {
        clients.iter_mut().for_each(|client| client.write(&block));
    }
    for client in &mut clients {
        for _ in 0..100 {
            let replies: Vec<String> = (0..5).map(|_| client.reply()).collect();
            let values: Vec<i64> =
                replies[4].split("\r\n:").skip(1).map(|n| n.trim_end().parse().unwrap()).collect();
            assert_eq!(values, [values[0], values[0] + 1, values[0] + 2]);
        }
    }
    assert_eq!(rig.client().call("GET n"), bulk("1200"));
}

#[test]
fn the_connection_that_watched_is_told_to_forget_it_when_its_client_has_gone() {
    let rig = Rig::start();
    let mut client = rig.client();
    assert_eq!(client.call("WATCH k"), "+OK\r\n");
    assert_eq!(rig.server_clients("cmd=watch"), 1);
    drop(client);
    until("the watching connection is wiped", || rig.server_clients("cmd=unwatch") == 1);
    assert_eq!(rig.server_clients("cmd=watch"), 0);
}

#[test]
fn a_node_that_restarts_fails_the_watch_not_the_client() {
    let mut rig = Rig::start();
    let mut client = rig.client();
    assert_eq!(client.call("WATCH k"), "+OK\r\n");
    rig.restart_server();
    assert_eq!(client.call("MULTI"), "+OK\r\n");
    assert_eq!(client.call("SET k 1"), "+QUEUED\r\n");
    assert_eq!(client.call("EXEC"), "*-1\r\n");
    assert_eq!(client.call("GET k"), "$-1\r\n");
}

#[test]
fn a_pipeline_of_watched_and_spoilt_transactions_loses_no_reply() {
    let rig = Rig::start();
    let lines = [
        "SET k 1", "WATCH k", "MULTI", "INCR k", "EXEC", "MULTI", "GET", "EXEC", "WATCH k", "UNWATCH",
        "WATCH k", "MULTI", "GET", "EXEC", "WATCH k", "MULTI", "DISCARD", "MULTI", "INCR k", "EXEC", "GET k",
    ];
    let (mut proxied, mut direct) = (rig.client(), rig.direct());
    for _ in 0..20 {
        let [through, itself] = [&mut proxied, &mut direct].map(|conn| {
            conn.write(&common::conn::pipeline(&lines));
            lines.map(|_| conn.reply())
        });
        assert_eq!(through, itself);
    }
}

/// The transaction is larger than what a socket takes at once: the node answers its first commands before the last are
/// written.
#[test]
fn a_transaction_of_any_size_is_sent_once() {
    let rig = Rig::start();
    let mut client = rig.client();
    for values in [1, 4, 15] {
        let value = vec![b'v'; 1 << 20];
        client.call("MULTI");
        for _ in 0..values {
            assert_eq!(client.call_args(&[b"APPEND".as_slice(), b"k", &value]), b"+QUEUED\r\n");
        }
        client.call("STRLEN k");
        let sizes: Vec<String> = (1..=values).chain([values]).map(|n| format!(":{}\r\n", n << 20)).collect();
        assert_eq!(client.call("EXEC"), format!("*{}\r\n{}", values + 1, sizes.concat()));
        client.call("DEL k");
    }
    let (_, metrics) = rig.admin("/metrics");
    for none in [
        "retries_total{proxy=\"default\",reason=\"connection\"} 0",
        "protocol_broken_total{proxy=\"default\"} 0",
    ] {
        assert!(metrics.contains(none), "{none}");
    }
}

#[test]
fn what_speaks_of_the_connection_is_refused_inside_a_transaction() {
    let rig = Rig::start();
    let (mut client, mut other) = (rig.client(), rig.client());
    other.call("GET k");
    for line in
        ["CLIENT SETNAME mine", "CLIENT GETNAME", "CLIENT ID", "CLIENT REPLY OFF", "SELECT 1", "HELLO 3"]
    {
        assert_eq!(client.call("MULTI"), "+OK\r\n");
        let reply = client.call(line);
        assert!(
            reply.starts_with("-ERR tideover: ") && reply.contains("inside a transaction"),
            "{line}: {reply}"
        );
        assert!(client.call("EXEC").starts_with("-EXECABORT"), "{line}");
    }
    assert_eq!(rig.server_clients("name=mine"), 0, "the connection to the node is everybody's");
    assert_eq!(client.call("CLIENT SETNAME mine"), "+OK\r\n");
    assert_eq!(other.call("CLIENT GETNAME"), "$-1\r\n");
}

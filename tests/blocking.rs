//! Tests blocking commands, with and without data, and that they keep no other client waiting.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::time::Duration;

use common::conn::{Conn, bulk, pipeline};
use common::{Rig, until};

const BLOCKED: &str = "flags=b";

fn blocked(rig: &Rig, line: &str) -> Conn {
    let mut client = rig.client();
    let before = rig.server_clients(BLOCKED);
    client.send(line);
    until("the node holds the command", || rig.server_clients(BLOCKED) == before + 1);
    client
}

#[test]
fn a_time_out_is_the_nodes_own() {
    let rig = Rig::start();
    rig.direct().call("XGROUP CREATE s g $ MKSTREAM");
    for line in [
        "BLPOP l 0.05",
        "BRPOP l m 0.05",
        "BLMOVE l m LEFT RIGHT 0.05",
        "BRPOPLPUSH l m 0.05",
        "BZPOPMIN z 0.05",
        "BZPOPMAX z 0.05",
        "BLMPOP 0.05 2 l m LEFT",
        "BZMPOP 0.05 1 z MIN",
        "XREAD BLOCK 50 STREAMS s $",
        "XREADGROUP GROUP g c BLOCK 50 STREAMS s >",
    ] {
        assert_eq!(rig.client().call(line), rig.direct().call(line), "{line}");
        let (mut client, mut direct) = (rig.client(), rig.direct());
        client.call("HELLO 3");
        direct.call("HELLO 3");
        assert_eq!(client.call(line), direct.call(line), "{line}");
    }
}

#[test]
fn data_that_comes_later_wakes_the_client() {
    let rig = Rig::start();
    rig.direct().call("XGROUP CREATE s g $ MKSTREAM");
    for (line, wake, expected) in [
        ("BLPOP l 0", "RPUSH l v", "*2\r\n$1\r\nl\r\n$1\r\nv\r\n"),
        ("BRPOP other l 0", "RPUSH l v", "*2\r\n$1\r\nl\r\n$1\r\nv\r\n"),
        ("BLMOVE l m LEFT RIGHT 0", "RPUSH l v", "$1\r\nv\r\n"),
        ("BZPOPMIN z 0", "ZADD z 1 v", "*3\r\n$1\r\nz\r\n$1\r\nv\r\n$1\r\n1\r\n"),
        ("BLMPOP 0 1 l LEFT", "RPUSH l v", "*2\r\n$1\r\nl\r\n*1\r\n$1\r\nv\r\n"),
        (
            "XREAD BLOCK 0 STREAMS t $",
            "XADD t 1-1 f v",
            "*1\r\n*2\r\n$1\r\nt\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n",
        ),
        (
            "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
            "XADD s 1-1 f v",
            "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n",
        ),
    ] {
        let mut client = blocked(&rig, line);
        assert!(!rig.client().call(wake).starts_with('-'));
        assert_eq!(client.reply(), expected, "{line}");
    }
}

#[test]
fn nobody_waits_for_a_blocked_client() {
    let rig = Rig::start();
    let mut waiting: Vec<Conn> = (0..10).map(|_| blocked(&rig, "BLPOP l 0")).collect();
    let mut other = rig.client();
    for n in 0..50 {
        assert_eq!(other.call(&format!("SET k {n}")), "+OK\r\n");
    }
    for client in &mut waiting {
        other.call("RPUSH l v");
        assert_eq!(client.reply(), "*2\r\n$1\r\nl\r\n$1\r\nv\r\n");
    }
}

#[test]
fn what_follows_in_the_pipeline_waits_for_the_blocked_command() {
    let rig = Rig::start();
    let mut client = rig.client();
    client.write(&pipeline(&["SET k 1", "BLPOP l 0", "SET k 2", "PING", "GET k"]));
    until("the node holds the command", || rig.server_clients(BLOCKED) == 1);
    assert_eq!(rig.client().call("GET k"), bulk("1"));
    rig.client().call("RPUSH l v");
    for expected in ["+OK\r\n", "*2\r\n$1\r\nl\r\n$1\r\nv\r\n", "+OK\r\n", "+PONG\r\n", "$1\r\n2\r\n"] {
        assert_eq!(client.reply(), expected);
    }
}

#[test]
fn a_blocked_client_that_vanishes_takes_nothing_with_it() {
    let rig = Rig::start();
    for reset in [false, true] {
        let client = blocked(&rig, "BLPOP l 0");
        if reset {
            client.reset()
        } else {
            drop(client)
        }
        until("its connection to the node is closed", || rig.server_clients(BLOCKED) == 0);
        assert_eq!(rig.client().call("RPUSH l v"), ":1\r\n");
        assert_eq!(rig.client().call("LPOP l"), bulk("v"));
    }
}

#[test]
fn a_blocked_command_moves_to_the_restarted_node() {
    let mut rig = Rig::start();
    let mut client = blocked(&rig, "XREAD BLOCK 0 STREAMS s 0");
    rig.restart_server();
    until("the node holds it again", || rig.server_clients(BLOCKED) == 1);
    rig.client().call("XADD s 1-1 f v");
    assert!(client.reply().contains("1-1"));
}

#[test]
fn a_pop_that_was_lost_with_its_node_goes_on_at_the_next() {
    let mut rig = Rig::start();
    let mut client = blocked(&rig, "BLPOP l 0");
    rig.restart_server();
    until("the node holds it again", || rig.server_clients(BLOCKED) == 1);
    rig.client().call("RPUSH l v");
    assert_eq!(client.reply(), "*2\r\n$1\r\nl\r\n$1\r\nv\r\n");
}

#[test]
fn wait_tells_what_the_replica_has() {
    let rig = Rig::start();
    let mut replica = rig.replica();
    let mut client = rig.client();
    assert_eq!(client.call("SET k 1"), "+OK\r\n");
    assert_eq!(client.call("WAIT 1 5000"), ":1\r\n");
    replica.process().stop();
    client.write(&pipeline(&["SET k 2", "WAIT 1 100"]));
    assert_eq!([client.reply(), client.reply()], ["+OK\r\n", ":0\r\n"]);
    assert_eq!(client.call("WAIT 0 100"), ":0\r\n");
    replica.process().cont();
    assert_eq!(client.call("SET k 3"), "+OK\r\n");
    assert_eq!(client.call("WAIT 1 5000"), ":1\r\n");
}

#[test]
fn waiting_longer_than_the_node_time_out_is_no_silence() {
    let rig = Rig::set(&["failover.node_timeout=200ms"]);
    let mut client = blocked(&rig, "BLPOP l 1");
    client.patience(Duration::from_secs(10));
    assert_eq!(client.reply(), "*-1\r\n");
}

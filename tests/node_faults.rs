//! Tests what clients see of a node that dies, is silent, loads, or answers with nonsense.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::time::Duration;

use common::conn::{Conn, bulk, pipeline};
use common::fake::{FakeNode, command};
use common::{LIMIT, Rig, proxy, runtime, until};
use tideover_testbed::front::ProxyProcess;

/// Starts a proxy in front of a node that the test plays.
fn played(settings: &[&str]) -> (FakeNode, ProxyProcess) {
    let node = FakeNode::start();
    let proxy = proxy(&runtime(), node.address(), settings);
    (node, proxy)
}

fn expect(node: &mut Conn, commands: &[&str]) {
    for expected in commands {
        assert_eq!(command(node).unwrap(), *expected);
    }
}

#[test]
fn commands_are_held_while_the_node_is_away() {
    let mut rig = Rig::start();
    let mut clients: Vec<Conn> = (0..5).map(|_| rig.client()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.call("SET k 1"), "+OK\r\n"));
    rig.server.process().kill();
    for (n, client) in clients.iter_mut().enumerate() {
        client.write(&pipeline(&["INCR n".to_owned(), format!("SET k{n} {n}"), format!("GET k{n}")]));
    }
    until("all of them are held", || metric(&rig, "tideover_held_commands") == 15);
    rig.restart_server();
    let mut sum = 0;
    for (n, client) in clients.iter_mut().enumerate() {
        sum += client.reply().trim_start_matches(':').trim_end().parse::<i64>().unwrap();
        assert_eq!([client.reply(), client.reply()], ["+OK\r\n".to_owned(), bulk(&n.to_string())]);
    }
    assert_eq!(sum, 1 + 2 + 3 + 4 + 5, "each INCR ran once");
    assert_eq!(metric(&rig, "tideover_held_commands"), 0);
}

fn metric(rig: &Rig, name: &str) -> i64 {
    let (_, text) = rig.admin("/metrics");
    let lines = text.lines().filter(|line| line.starts_with(name) && line.as_bytes()[name.len()] == b'{');
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as i64).sum()
}

#[test]
fn a_command_that_waited_too_long_was_not_executed() {
    let mut rig = Rig::set(&["failover.hold=200ms"]);
    let mut client = rig.client();
    client.call("SET k 1");
    rig.server.process().kill();
    let reply = client.call("INCR k");
    assert!(reply.starts_with("-LOADING tideover: ") && reply.ends_with("; not executed\r\n"), "{reply}");
    assert_eq!(client.call("PING"), "+PONG\r\n");
    rig.restart_server();
    assert_eq!(client.call("GET k"), "$-1\r\n");
}

#[test]
fn without_hold_a_command_fails_at_once() {
    let mut rig = Rig::set(&["failover.hold=0s"]);
    let mut client = rig.client();
    client.call("SET k 1");
    rig.server.process().kill();
    let reply = client.call("INCR k");
    assert!(reply.starts_with("-LOADING tideover: "), "{reply}");
    rig.restart_server();
    until("the node is used again", || client.call("INCR k").starts_with(':'));
}

#[test]
fn beyond_the_hold_buffer_a_command_fails_at_once() {
    let mut rig = Rig::set(&["failover.hold_bytes=1MiB"]);
    let (mut client, mut other) = (rig.client(), rig.client());
    client.call("SET k 1");
    rig.server.process().kill();
    client.send("GET k");
    until("it is held", || metric(&rig, "tideover_held_commands") == 1);
    let reply = other.call(&format!("SET large {}", "x".repeat(2 << 20)));
    assert!(reply.starts_with("-TRYAGAIN tideover: ") && reply.ends_with("; not executed\r\n"), "{reply}");
    rig.restart_server();
    assert_eq!(client.reply(), "$-1\r\n");
}

#[test]
fn a_silent_node_keeps_what_it_was_sent_and_gets_nothing_new() {
    let mut rig = Rig::set(&["failover.node_timeout=300ms"]);
    let (mut writer, mut reader, mut late) = (rig.client(), rig.client(), rig.client());
    assert_eq!(writer.call("INCR n"), ":1\r\n");
    rig.server.process().stop();
    writer.send("INCR n");
    reader.send("GET n");
    let mut sent = 0;
    until("a command is held", || {
        late.send("INCR n");
        sent += 1;
        metric(&rig, "tideover_held_commands") > 0
    });
    rig.server.process().cont();
    assert!(writer.reply().starts_with(':'));
    assert!(reader.reply().starts_with('$'));
    for _ in 0..sent {
        assert!(late.reply().starts_with(':'));
    }
    assert_eq!(late.call("GET n"), bulk(&(2 + sent).to_string()), "each of them ran once");
    assert_eq!(metric(&rig, "tideover_uncertain_total"), 0);
}

#[test]
fn a_silent_node_that_is_killed_leaves_the_outcome_unknown() {
    let mut rig = Rig::set(&["failover.node_timeout=300ms", "failover.retry=never"]);
    let mut writer = rig.client();
    assert_eq!(writer.call("INCR n"), ":1\r\n");
    rig.server.process().stop();
    writer.send("INCR n");
    let mut late = rig.client();
    until("it is known to be silent", || {
        late.send("GET n");
        metric(&rig, "tideover_held_commands") > 0
    });
    rig.server.process().kill();
    let reply = writer.reply();
    assert!(
        reply.starts_with("-UNCERTAIN tideover: ") && reply.ends_with("; outcome unknown\r\n"),
        "{reply}"
    );
}

#[test]
fn a_command_that_takes_longer_than_it_may_is_uncertain_and_costs_the_others_nothing() {
    let mut rig = Rig::set(&["failover.node_timeout=300ms", "failover.command_timeout=1s"]);
    let (mut writer, mut other) = (rig.client(), rig.client());
    assert_eq!(writer.call("INCR n"), ":1\r\n");
    rig.server.process().stop();
    writer.send("INCR n");
    let reply = writer.reply();
    assert!(reply.starts_with("-UNCERTAIN tideover: the node did not answer within"), "{reply}");
    other.send("INCR n");
    rig.server.process().cont();
    assert_eq!(other.reply(), ":3\r\n");
    assert_eq!(writer.call("GET n"), bulk("3"), "the late reply reached nobody");
}

#[test]
fn a_loading_node_is_waited_for() {
    let mut rig = Rig::with(&["key-load-delay 1000", "enable-debug-command yes"], &["failover.hold=60s"]);
    assert_eq!(rig.direct().call("DEBUG POPULATE 1500"), "+OK\r\n");
    assert_eq!(rig.direct().call("SAVE"), "+OK\r\n");
    rig.server.process().kill();
    let clients = std::thread::scope(|scope| {
        let address = rig.proxy.address();
        let waiting = scope.spawn(move || {
            let mut client = Conn::open(address);
            [client.call("GET key:1"), client.call("INCR n")]
        });
        rig.restart_server();
        waiting.join().unwrap()
    });
    assert_eq!(clients, [bulk("value:1"), ":1\r\n".to_owned()]);
}

#[test]
fn an_unasked_reply_ends_the_connection_and_reaches_nobody() {
    let (node, proxy) = played(&[]);
    let mut clients: Vec<Conn> = (0..4).map(|_| Conn::open(proxy.address())).collect();
    clients[0].send("GET a");
    let mut conn = node.next();
    expect(&mut conn, &["GET a"]);
    conn.write(b"$1\r\nA\r\n$7\r\nforeign\r\n");
    assert_eq!(clients[0].reply(), bulk("A"));
    conn.expect_close();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&format!("GET k{n}"));
    }
    let mut served = 0;
    while served < clients.len() {
        let mut conn = node.next();
        conn.patience(Duration::from_millis(300));
        while let Ok(line) = command(&mut conn) {
            conn.write(bulk(line.trim_start_matches("GET ")).as_bytes());
            served += 1;
        }
    }
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.reply(), bulk(&format!("k{n}")));
    }
}

#[test]
fn a_reply_in_single_bytes_is_the_same_reply() {
    let (node, proxy) = played(&[]);
    let mut client = Conn::open(proxy.address());
    client.write(&pipeline(&["GET a", "LRANGE l 0 -1", "INCR n"]));
    let mut conn = node.next();
    expect(&mut conn, &["GET a", "LRANGE l 0 -1", "INCR n"]);
    let replies = ["$5\r\na\r\nbc\r\n", "*3\r\n$-1\r\n*1\r\n:5\r\n$0\r\n\r\n", "-ERR value is not\r\n"];
    for byte in replies.concat().bytes() {
        conn.write(&[byte]);
    }
    for reply in replies {
        assert_eq!(client.reply(), reply);
    }
}

#[test]
fn garbage_from_the_node_is_no_reply() {
    for garbage in
        ["HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "$x\r\n", "*99999999999999999999\r\n", "\0\0\0\0\r\n"]
    {
        let (node, proxy) = played(&[]);
        let (mut reader, mut writer) = (Conn::open(proxy.address()), Conn::open(proxy.address()));
        reader.send("GET a");
        let mut conn = node.next();
        expect(&mut conn, &["GET a"]);
        conn.write(garbage.as_bytes());
        conn.expect_close();
        let mut conn = node.next();
        expect(&mut conn, &["GET a"]);
        conn.write(b"$1\r\n1\r\n");
        assert_eq!(reader.reply(), bulk("1"), "{garbage:?}");
        writer.send("INCR n");
        let mut conn = one_of(&node, conn, "INCR n");
        conn.write(garbage.as_bytes());
        assert!(
            writer.reply().starts_with("-UNCERTAIN tideover: the node broke the protocol"),
            "{garbage:?}"
        );
    }
}

/// Returns the connection on which this command arrives: the one in use, or that of another worker.
fn one_of(node: &FakeNode, mut used: Conn, line: &str) -> Conn {
    used.patience(Duration::from_millis(500));
    if command(&mut used).is_ok_and(|found| found == line) {
        return used;
    }
    let mut conn = node.next();
    expect(&mut conn, &[line]);
    conn
}

#[test]
fn half_a_large_reply_cannot_be_taken_back() {
    let (node, proxy) = played(&[]);
    let (mut client, mut other) = (Conn::open(proxy.address()), Conn::open(proxy.address()));
    client.send("GET a");
    let mut conn = node.next();
    expect(&mut conn, &["GET a"]);
    conn.write(b"$1000000\r\n");
    conn.write(&vec![b'x'; 500_000]);
    drop(conn);
    let got = client.rest();
    assert!(got.starts_with(b"$1000000\r\nxxx") && got.len() < 600_000, "{}", got.len());
    other.send("GET b");
    let mut conn = node.next();
    expect(&mut conn, &["GET b"]);
    conn.write(b"$-1\r\n");
    assert_eq!(other.reply(), "$-1\r\n");
}

#[test]
fn half_a_small_reply_is_asked_for_again() {
    let (node, proxy) = played(&[]);
    let mut client = Conn::open(proxy.address());
    client.send("GET a");
    let mut conn = node.next();
    expect(&mut conn, &["GET a"]);
    conn.write(b"$10\r\n12345");
    drop(conn);
    let mut conn = node.next();
    expect(&mut conn, &["GET a"]);
    conn.write(b"$1\r\n1\r\n");
    assert_eq!(client.reply(), bulk("1"));
}

#[test]
fn reads_behind_a_refused_write_are_not_served_from_the_demoted_node() {
    let (node, proxy) = played(&[]);
    let mut client = Conn::open(proxy.address());
    let lines = ["SET k 1", "SET k 2", "GET k", "INCR n", "GET k"];
    client.write(&pipeline(&lines));
    let mut conn = node.next();
    expect(&mut conn, &lines);
    conn.write(b"+OK\r\n-READONLY You can't write against a read only replica.\r\n$5\r\nstale\r\n");
    conn.write(b"-READONLY You can't write against a read only replica.\r\n$5\r\nstale\r\n");
    assert_eq!(client.reply(), "+OK\r\n");
    let mut conn = node.next();
    expect(&mut conn, &lines[1..]);
    conn.write(b"+OK\r\n$1\r\n2\r\n:1\r\n$1\r\n2\r\n");
    for reply in ["+OK\r\n", "$1\r\n2\r\n", ":1\r\n", "$1\r\n2\r\n"] {
        assert_eq!(client.reply(), reply);
    }
}

#[test]
fn refusals_that_prove_no_execution_are_sent_again() {
    for refusal in [
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
        "-READONLY You can't write against a read only replica.\r\n",
        "-ERR max number of clients reached\r\n",
    ] {
        let (node, proxy) = played(&[]);
        let mut client = Conn::open(proxy.address());
        client.send("INCR n");
        let mut conn = node.next();
        expect(&mut conn, &["INCR n"]);
        conn.write(refusal.as_bytes());
        let mut conn = node.next();
        expect(&mut conn, &["INCR n"]);
        conn.write(b":1\r\n");
        assert_eq!(client.reply(), ":1\r\n", "{refusal}");
    }
}

#[test]
fn a_refusal_inside_a_transaction_repeats_the_whole_of_it() {
    let (node, proxy) = played(&[]);
    let mut client = Conn::open(proxy.address());
    let lines = ["MULTI", "INCR n", "GET n", "EXEC"];
    client.write(&pipeline(&lines));
    let mut conn = node.next();
    expect(&mut conn, &lines);
    conn.write(b"+OK\r\n-READONLY You can't write against a read only replica.\r\n+QUEUED\r\n");
    conn.write(b"-EXECABORT Transaction discarded because of previous errors.\r\n");
    let mut conn = node.next();
    expect(&mut conn, &lines);
    conn.write(b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n$1\r\n1\r\n");
    let replies: Vec<String> = (0..4).map(|_| client.reply()).collect();
    assert_eq!(replies, ["+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "*2\r\n:1\r\n$1\r\n1\r\n"]);
}

#[test]
fn a_transaction_that_was_lost_on_its_way_is_uncertain() {
    let (node, proxy) = played(&[]);
    let mut client = Conn::open(proxy.address());
    let lines = ["MULTI", "INCR n", "EXEC"];
    client.write(&pipeline(&lines));
    let mut conn = node.next();
    expect(&mut conn, &lines);
    conn.write(b"+OK\r\n+QUEUED\r\n");
    drop(conn);
    let replies: Vec<String> = (0..3).map(|_| client.reply()).collect();
    assert!(replies[2].starts_with("-UNCERTAIN tideover: "), "{replies:?}");
}

#[test]
fn a_pipeline_that_loses_its_node_repeats_only_what_may_run_twice() {
    let (node, proxy) = played(&[]);
    let mut client = Conn::open(proxy.address());
    let lines = ["GET a", "INCR n", "SET b 1", "LPUSH l 1", "GET c"];
    client.write(&pipeline(&lines));
    let mut conn = node.next();
    expect(&mut conn, &lines);
    conn.write(b"$1\r\n1\r\n");
    assert_eq!(client.reply(), bulk("1"));
    drop(conn);
    assert!(client.reply().starts_with("-UNCERTAIN"));
    let mut conn = node.next();
    expect(&mut conn, &["SET b 1", "GET c"]);
    conn.write(b"+OK\r\n$1\r\nc\r\n");
    assert_eq!(client.reply(), "+OK\r\n");
    assert!(client.reply().starts_with("-UNCERTAIN"));
    assert_eq!(client.reply(), bulk("c"));
    client.patience(LIMIT);
}

#[test]
fn a_proxy_that_was_stopped_itself_reads_before_it_calls_a_node_silent() {
    let (node, mut proxy) = played(&["failover.node_timeout=400ms"]);
    let mut client = Conn::open(proxy.address());
    client.send("INCR n");
    let mut conn = node.next();
    expect(&mut conn, &["INCR n"]);
    proxy.process().stop();
    conn.write(b":1\r\n");
    // The test is about a silence longer than the node's time-out, so it sleeps.
    std::thread::sleep(Duration::from_millis(1200));
    proxy.process().cont();
    assert_eq!(client.reply(), ":1\r\n");
}

//! Tests the limits of one client: in number, in time and in size.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::time::Duration;

use common::conn::{Conn, bulk, pipeline, words};
use common::{Random, Rig, until};

fn metric(rig: &Rig, line: &str) -> bool {
    rig.admin("/metrics").1.contains(line)
}

#[test]
fn one_client_too_many_is_told_so_and_closed() {
    let rig = Rig::set(&["clients.max_clients=5"]);
    // The probe of the start may still be counted.
    until("nobody is counted", || metric(&rig, "tideover_clients{proxy=\"default\"} 0"));
    let mut clients: Vec<Conn> = (0..5).map(|_| rig.client()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.call("PING"), "+PONG\r\n"));
    let mut late = rig.client();
    assert_eq!(late.reply(), "-ERR max number of clients reached\r\n");
    late.expect_close();
    assert_eq!(clients[0].call("SET k 1"), "+OK\r\n");
    clients.pop();
    until("there is room again", || rig.client().call("PING") == "+PONG\r\n");
}

#[test]
fn an_idle_client_is_closed_and_a_busy_or_waiting_one_is_not() {
    let rig = Rig::set(&["clients.idle_timeout=400ms"]);
    let (mut idle, mut busy, mut blocked, mut subscribed) =
        (rig.client(), rig.client(), rig.client(), rig.client());
    assert_eq!(idle.call("PING"), "+PONG\r\n");
    blocked.send("BLPOP l 0");
    subscribed.call("SUBSCRIBE c");
    idle.patience(Duration::from_millis(20));
    until("the idle one is closed", || {
        assert_eq!(busy.call("PING"), "+PONG\r\n");
        idle.try_frame().is_err_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof)
    });
    busy.call("PUBLISH c m");
    assert!(subscribed.reply().contains("message"));
    busy.call("RPUSH l v");
    assert!(blocked.reply().contains('v'));
}

#[test]
fn a_client_that_does_not_read_costs_no_more_than_its_buffer() {
    let mut rig = Rig::set(&["clients.output_buffer=4MiB"]);
    let mut other = rig.client();
    let value = "x".repeat(1 << 20);
    assert_eq!(other.call(&format!("SET large {value}")), "+OK\r\n");
    let before = rig.memory();
    let mut greedy = rig.client();
    let _ = greedy.try_write(&words("GET large").repeat(500));
    let mut most = 0;
    for n in 0..300 {
        assert_eq!(other.call(&format!("SET k {n}")), "+OK\r\n");
        most = most.max(rig.memory());
    }
    let grown = most.saturating_sub(before);
    println!("500 GETs of 1 MiB, nobody reads: the proxy grew by {grown} KiB");
    assert!(grown < 100_000, "the proxy grew by {grown} KiB");
    rig.check_alive();
}

#[test]
fn a_client_that_reads_slowly_gets_everything() {
    let rig = Rig::set(&["clients.output_buffer=256MiB"]);
    let value = "y".repeat(1 << 20);
    let mut client = rig.client();
    assert_eq!(client.call(&format!("SET large {value}")), "+OK\r\n");
    let mut bytes = words("GET large").repeat(40);
    bytes.extend(words("PING"));
    client.write(&bytes);
    let mut other = rig.client();
    for _ in 0..40 {
        assert_eq!(other.call("SET k 1"), "+OK\r\n");
        assert_eq!(client.reply().len(), bulk(&value).len());
    }
    assert_eq!(client.reply(), "+PONG\r\n");
}

#[test]
fn a_frame_beyond_the_limit_is_refused_before_it_is_there() {
    let mut rig = Rig::set(&["clients.max_frame=1MiB"]);
    let mut client = rig.client();
    assert_eq!(client.call(&format!("SET k {}", "x".repeat(900_000))), "+OK\r\n");
    let before = rig.memory();
    for head in ["*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000000\r\n", "*2000000\r\n"] {
        let mut client = rig.client();
        client.write(head.as_bytes());
        if client.try_write(&b"$1\r\nx\r\n".repeat(300_000)).is_ok() {
            assert!(client.reply().starts_with("-ERR Protocol error: "), "{head:?}");
        }
    }
    assert!(rig.memory().saturating_sub(before) < 30_000);
    rig.check_alive();
    assert_eq!(client.call("STRLEN k"), ":900000\r\n");
}

/// Returns bytes without a repetition nearby.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let block: Vec<u8> = (0..65_521).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
    block.iter().copied().cycle().take(len).collect()
}

#[test]
fn large_values_come_through_whole_while_others_go_on() {
    let rig = Rig::start();
    for (version, size) in [(2, 1 << 20), (3, 1 << 20), (2, 64 << 20), (3, 64 << 20)] {
        let value = noise(size, 5);
        let mut client = rig.client();
        client.call(&format!("HELLO {version}"));
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let small = scope.spawn(|| {
                let (mut other, mut calls) = (rig.client(), 0);
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    assert_eq!(other.call(&format!("SET small {calls}")), "+OK\r\n");
                    assert_eq!(other.call("GET small"), bulk(&calls.to_string()));
                    calls += 1;
                }
                calls
            });
            let key = format!("large{size}");
            assert_eq!(client.call_args(&[b"SET", key.as_bytes(), &value]), b"+OK\r\n");
            let reply = client.call_args(&[b"GET", key.as_bytes()]);
            let head = format!("${size}\r\n");
            let body = &reply[head.len()..reply.len() - 2];
            assert!(reply.starts_with(head.as_bytes()) && body == value, "{size} bytes differ");
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            println!(
                "{size} bytes, version {version}: {} small commands meanwhile",
                2 * small.join().unwrap()
            );
        });
        client.call(&format!("DEL large{size}"));
    }
}

#[test]
fn a_large_array_is_whole() {
    let rig = Rig::start();
    let mut client = rig.client();
    for block in 0..20 {
        let members: Vec<String> = (0..5_000).map(|n| format!("member-{block}-{n}")).collect();
        client.call(&format!("RPUSH l {}", members.join(" ")));
    }
    client.write(&pipeline(&["LRANGE l 0 -1", "PING"]));
    let reply = client.reply();
    assert!(reply.starts_with("*100000\r\n") && reply.ends_with("member-19-4999\r\n"));
    assert_eq!(client.reply(), "+PONG\r\n");
}

#[test]
fn a_pipeline_of_large_requests_is_answered_to_the_end() {
    let rig = Rig::start();
    for size in [262_000, 262_144, 262_145, 512_000, 3 << 20, (16 << 20) + 1] {
        let mut client = rig.client();
        let value = noise(size, 9);
        let requests: Vec<u8> = (0..5)
            .flat_map(|n| tideover_testbed::client::encode(&[b"SET", format!("k{n}").as_bytes(), &value]))
            .collect();
        let mut writer = client.writer();
        let writing = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &requests));
        for n in 0..5 {
            assert_eq!(client.reply(), "+OK\r\n", "request {n} of {size} bytes");
        }
        writing.join().unwrap().unwrap();
        assert_eq!(client.call("STRLEN k4"), format!(":{size}\r\n"));
    }
}

/// The node answers before it has the value, and closes the connection.
#[test]
fn a_value_that_the_node_does_not_take_is_refused_with_its_words() {
    const REFUSED: &str = "-ERR Protocol error: invalid bulk length\r\n";
    let rig = Rig::start();
    rig.direct().call("CONFIG SET proto-max-bulk-len 1mb");
    let (mut client, mut other) = (rig.client(), rig.client());
    for size in [2 << 20, 15 << 20, 20 << 20] {
        let value = noise(size, 3);
        assert_eq!(client.call_args(&[b"SET".as_slice(), b"k", &value]), REFUSED.as_bytes(), "{size} bytes");
        assert_eq!([client.call("PING"), other.call("SET small 1")], ["+PONG\r\n", "+OK\r\n"]);
    }
    client.call("MULTI");
    assert_eq!(client.call_args(&[b"SET".as_slice(), b"k", &noise(15 << 20, 3)]), b"+QUEUED\r\n");
    assert_eq!([client.call("EXEC").as_str(), &client.call("EXISTS k")], [REFUSED, ":0\r\n"]);
    assert!(rig.admin("/metrics").1.contains("protocol_broken_total{proxy=\"default\"} 0"));
}

#[test]
fn a_crowd_of_half_sent_values_costs_no_more_than_the_hold_buffer() {
    let mut rig = Rig::set(&["failover.hold_bytes=16MiB"]);
    let before = rig.memory();
    let size = 4 << 20;
    let mut half = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${size}\r\n").into_bytes();
    half.resize(size / 2, b'v');
    let mut clients: Vec<Conn> = (0..60).map(|_| rig.client()).collect();
    clients.iter_mut().for_each(|client| client.write(&half));
    let growth = rig.memory().saturating_sub(before);
    println!("60 halves of {size} bytes cost {growth} KiB");
    assert!(growth < 48 << 10, "{growth} KiB for 120 MiB of half-sent values");
    // A client that goes on gets its answer, whether its value was kept or streamed.
    for client in clients.iter_mut().step_by(7) {
        let head = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${size}\r\n").len();
        client.write(&vec![b'v'; size + head - size / 2]);
        client.write(b"\r\n");
        assert_eq!(client.reply(), "+OK\r\n");
    }
    drop(clients);
    let mut client = rig.client();
    assert_eq!(client.call("STRLEN k"), format!(":{size}\r\n"));
    rig.check_alive();
}

//! Tests clients that are hostile or broken: the proxy survives, and no other client notices.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::time::Duration;

use common::conn::{Conn, bulk, pipeline};
use common::{Random, Rig, until};

/// A well-behaved client that must never notice anything.
struct Witness {
    conn: Conn,
    calls: usize,
}

impl Witness {
    fn of(rig: &Rig) -> Self {
        Self { conn: rig.client(), calls: 0 }
    }

    fn look(&mut self) {
        self.calls += 1;
        assert_eq!(self.conn.call(&format!("SET witness {}", self.calls)), "+OK\r\n");
        assert_eq!(self.conn.call("GET witness"), bulk(&self.calls.to_string()));
    }
}

#[test]
fn malformed_requests_end_their_own_connection_only() {
    let mut rig = Rig::start();
    let mut witness = Witness::of(&rig);
    let nested = "*1\r\n".repeat(16 << 10);
    for text in [
        nested.as_str(),
        "*1\r\n$9223372036854775808\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$-9223372036854775808\r\n",
        "*9223372036854775807\r\n",
        "*2\r\n$3\r\nGET\r\n$-1\r\n",
        "*1\r\n$4\r\nPINGxx*1\r\n",
        "*1\r\n%1\r\n",
        "*\r\n",
        "$4\r\nPING\r\n\"\r\n",
        "*1\r\n$1000000000000\r\n",
        "*2147483648\r\n",
    ] {
        let mut client = rig.client();
        let _ = client.try_write(text.as_bytes());
        let answer = String::from_utf8_lossy(&client.rest()).into_owned();
        assert!(answer.contains("-ERR "), "{:?}: {answer:?}", &text[..text.len().min(60)]);
        witness.look();
    }
    rig.check_alive();
}

#[test]
fn an_endless_line_is_cut_off() {
    let mut rig = Rig::start();
    let mut witness = Witness::of(&rig);
    for start in ["GET ", "*", "*1\r\n$"] {
        let mut client = rig.client();
        let _ = client.try_write(start.as_bytes());
        let _ = client.try_write(&vec![b'1'; 200_000]);
        assert!(String::from_utf8_lossy(&client.rest()).starts_with("-ERR Protocol error: "), "{start:?}");
        witness.look();
    }
    rig.check_alive();
}

#[test]
fn an_http_request_is_turned_away() {
    let rig = Rig::start();
    rig.client().call("SET k 1");
    let mut client = rig.client();
    client.write(
        b"POST / HTTP/1.1\r\nHost: localhost:6379\r\nContent-Length: 20\r\n\r\nFLUSHALL\r\nSET k 2\r\n",
    );
    client.rest();
    assert_eq!(rig.client().call("GET k"), bulk("1"), "a web page must not be able to send commands");
}

#[test]
fn random_bytes_harm_nobody() {
    let mut rig = Rig::start();
    let mut witness = Witness::of(&rig);
    let alphabet = b"*$123-\r\n\r\n\r\nGETSET k\"'\x00\xff";
    for seed in 1..=200 {
        let mut random = Random(seed);
        let bytes: Vec<u8> =
            (0..random.below(3000)).map(|_| alphabet[random.below(alphabet.len())]).collect();
        let mut client = rig.client();
        client.patience(Duration::from_millis(1));
        let _ = client.try_write(&bytes);
        client.rest();
        witness.look();
    }
    rig.check_alive();
}

#[test]
fn a_client_that_vanishes_in_its_pipeline_leaves_no_reply_behind() {
    let mut rig = Rig::start();
    let mut witness = Witness::of(&rig);
    let lines: Vec<String> = (0..1000).map(|n| format!("SET vanished {n}")).collect();
    let bytes = pipeline(&lines);
    let mut random = Random(3);
    for _ in 0..40 {
        let mut client = rig.client();
        client.write(&bytes[..random.below(bytes.len())]);
        if random.below(2) == 0 {
            client.reply();
        }
        client.reset();
        // This client gets the place that has become free.
        let mut next = rig.client();
        assert_eq!(next.call("ECHO mine"), bulk("mine"));
        assert_eq!(next.call("GET none"), "$-1\r\n");
        witness.look();
    }
    rig.check_alive();
}

#[test]
fn a_client_that_only_ended_its_writing_gets_its_replies() {
    let rig = Rig::start();
    for text in [
        "SET a 1\r\nGET a\r\n",
        "PING\r\n",
        "SET a 1\r\nPING\r\nMULTI\r\nGET a\r\nEXEC\r\nSELECT 3\r\nSELECT 0\r\nGET a\r\n",
        "WATCH a\r\nMULTI\r\nGET a\r\nEXEC\r\nUNWATCH\r\n",
        "HELLO 2\r\nAUTH x\r\nGET a\r\n",
    ] {
        let mut answers = [rig.direct(), rig.client()].map(|mut client| {
            client.write(text.as_bytes());
            client.end_writing();
            String::from_utf8(client.rest()).unwrap()
        });
        // The id in HELLO is the one thing that differs.
        answers.iter_mut().for_each(|text| *text = text.rsplit("\r\nmodules").next().unwrap().to_owned());
        assert_eq!(answers[0], answers[1], "{text:?}");
    }
}

#[test]
fn a_half_closed_pipeline_of_large_replies_is_whole() {
    let rig = Rig::start();
    let value = "x".repeat(1 << 20);
    rig.client().call(&format!("SET large {value}"));
    let mut client = rig.client();
    client.write(&pipeline(&["GET large"; 30]));
    client.end_writing();
    assert_eq!(client.rest().len(), 30 * bulk(&value).len());
}

/// Returns the number of clients: as many as the limit of open files allows, at most ten thousand.
fn crowd() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: usize = line.split_whitespace().nth(3).unwrap().parse().unwrap_or(10_000);
    (soft - soft.min(500)).min(9_900)
}

#[test]
fn thousands_of_half_sent_requests_cost_little_and_the_next_crowd_costs_no_more() {
    let mut rig = Rig::start();
    let mut witness = Witness::of(&rig);
    (0..50).for_each(|_| witness.look());
    let before = rig.memory();
    let count = crowd();
    // The allocator keeps part of what the first crowds freed, in pieces that the next cannot all use; a leak goes on
    // in the crowds that follow.
    let peaks = [0; 6].map(|_| crowd_comes_and_goes(&mut rig, &mut witness, count));
    println!(
        "{count} clients with half a request, six times: {before} KiB before, then {peaks:?}, {} after",
        rig.memory()
    );
    let growth = peaks[0].saturating_sub(before);
    assert!(growth * 1024 / count < 10_000, "{growth} KiB for {count} clients");
    assert!(peaks[5] < peaks[2] + growth / 2, "each crowd costs more: {peaks:?}");
    rig.check_alive();
}

/// Returns the memory of the proxy while all of them wait in the middle of a request.
fn crowd_comes_and_goes(rig: &mut Rig, witness: &mut Witness, count: usize) -> usize {
    let idle_before = rig.memory();
    let mut clients = Vec::with_capacity(count);
    for n in 0..count {
        clients.push(rig.client());
        if n % 500 == 0 {
            witness.look();
        }
    }
    assert_eq!(clients.last_mut().unwrap().call("PING"), "+PONG\r\n");
    let per_idle = rig.memory().saturating_sub(idle_before) * 1024 / count;
    println!("{per_idle} bytes for an idle client");
    assert!(per_idle < 8_000, "{per_idle} bytes for an idle client");
    for client in &mut clients {
        client.write(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$400\r\npart of a value");
    }
    witness.look();
    assert_eq!(rig.client().call("PING"), "+PONG\r\n");
    let peak = rig.memory();
    drop(clients);
    until("all have gone", || {
        witness.look();
        rig.admin("/metrics").1.contains("tideover_clients{proxy=\"default\"} 1\n")
    });
    peak
}

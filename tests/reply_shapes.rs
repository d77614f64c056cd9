//! Tests replies that are well-formed but unusual: they pass byte for byte, and no other client notices.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};

use common::Rig;
use common::conn::Conn;

/// Scripts whose replies are nested, wide or long, or look malformed.
const SCRIPTS: [&str; 9] = [
    "local a={}; local b={a}; a[1]=b; return a",
    "local a={1}; for i=1,120 do a={a,i} end return a",
    "local a={}; for i=1,100000 do a[i]=i end return a",
    "local a={}; for i=1,3000 do a[i]={{},{i,{i}}} end return a",
    "return redis.error_reply('ERR '..string.rep('x',1000000))",
    "return redis.error_reply('READONLY '..string.rep('x',1000000))",
    "return redis.error_reply('ERR a'..string.char(13,10)..'-MOVED 1 b:1'..string.char(13,10)..'$-2')",
    "return redis.status_reply(string.rep('x',1000000))",
    "return redis.status_reply('a'..string.char(13,10)..'+b'..string.char(10)..'!')",
];

/// Ends the busy clients, even if the test fails.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Returns everything that is answered to this, up to the end of the connection.
fn whole(mut client: Conn, script: &str, proto: &str) -> Vec<u8> {
    client.write(&tideover_testbed::client::encode(&["HELLO", proto]));
    client.frame();
    for _ in 0..2 {
        client.write(&tideover_testbed::client::encode(&["EVAL", script, "0"]));
        client.write(b"*2\r\n$4\r\nECHO\r\n$3\r\nend\r\n");
    }
    client.write(b"QUIT\r\n");
    client.rest()
}

fn calls_of_a_busy_client(mut client: Conn, key: usize, done: &AtomicBool) -> usize {
    let mut calls = 0;
    while !done.load(Ordering::Relaxed) {
        calls += 1;
        assert_eq!(client.call(&format!("INCR busy{key}")), format!(":{calls}\r\n"));
    }
    calls
}

#[test]
fn replies_of_any_shape_come_through_and_cost_nobody_else_anything() {
    let rig = Rig::start();
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let busy: Vec<_> = (0..6)
            .map(|key| (rig.client(), key))
            .map(|(client, key)| scope.spawn(move || calls_of_a_busy_client(client, key, done)))
            .collect();
        let end = Done(done);
        for proto in ["2", "3"] {
            for script in SCRIPTS {
                let (bare, through) =
                    (whole(rig.direct(), script, proto), whole(rig.client(), script, proto));
                assert!(bare == through, "{script}: {} bytes, {} through", bare.len(), through.len());
                assert!(bare.ends_with(b"$3\r\nend\r\n+OK\r\n"), "{script}");
            }
        }
        drop(end);
        let calls: Vec<usize> = busy.into_iter().map(|busy| busy.join().unwrap()).collect();
        println!("calls of the busy clients: {calls:?}");
        assert!(calls.iter().all(|calls| *calls > 0));
    });
    let (_, metrics) = rig.admin("/metrics");
    for line in [
        "tideover_uncertain_total{proxy=\"default\"} 0",
        "tideover_protocol_broken_total{proxy=\"default\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

//! Tests a process with few file descriptors and far more clients than they allow.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use common::conn::Conn;
use common::{LIMIT, http, runtime, until};
use tempfile::TempDir;
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::server::{RedisOptions, RedisServer};
use tokio::runtime::Runtime;

const FILES: usize = 256;
const CLIENTS: usize = 600;
const FULL: &str = "-ERR max number of clients reached\r\n";

/// Writes a program that runs the proxy with these limits of open files.
fn limited(dir: &TempDir, soft: usize, hard: usize) -> std::path::PathBuf {
    let path = dir.path().join("tideover-limited");
    let program = Path::new(env!("CARGO_BIN_EXE_tideover")).display();
    let script = format!("#!/bin/sh\nulimit -Sn {soft}\nulimit -Hn {hard}\nexec {program} \"$@\"\n");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

struct Narrow {
    proxy: ProxyProcess,
    server: RedisServer,
    runtime: Runtime,
    _dir: TempDir,
}

impl Narrow {
    fn start(settings: &[&str]) -> Narrow {
        let runtime = runtime();
        let dir = tempfile::tempdir().unwrap();
        let server = runtime.block_on(RedisServer::start(RedisOptions::default())).unwrap();
        let url = format!("redis://{}", server.address());
        let args: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        // The soft limit alone would not suffice.
        let program = limited(&dir, 64, FILES);
        let args = [&["--workers", "2"], args.as_slice()].concat();
        let proxy = runtime.block_on(ProxyProcess::start(&program, &url, &args)).unwrap();
        Narrow { proxy, server, runtime, _dir: dir }
    }

    /// Connects as many clients as asked, and separates those that are served from those that are refused.
    fn crowd(&self) -> (Vec<Conn>, usize) {
        let all: Vec<Conn> = (0..CLIENTS).map(|_| Conn::open(self.proxy.address())).collect();
        let (mut served, mut refused) = (Vec::new(), 0);
        for mut client in all {
            // A client that is refused may learn it before it has sent anything.
            let _ = client.try_write(b"*1\r\n$4\r\nPING\r\n");
            match client.reply().as_str() {
                "+PONG\r\n" => served.push(client),
                FULL => {
                    client.expect_close();
                    refused += 1;
                }
                other => panic!("{other}"),
            }
        }
        (served, refused)
    }

    fn log(&mut self) -> String {
        self.proxy.process().log_tail()
    }

    fn check_health(&self) {
        for page in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(http(self.proxy.admin(), page).0, 200, "{page}");
        }
    }
}

/// Returns a number from the log.
fn said(log: &str, name: &str) -> usize {
    let (_, rest) = log.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {log}"));
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn clients_take_what_is_left_and_the_rest_is_refused_in_redis_words() {
    let mut narrow = Narrow::start(&[]);
    let log = narrow.log();
    let max_clients = said(&log, "max_clients");
    assert_eq!(said(&log, "files"), FILES, "the soft limit was raised: {log}");
    assert_eq!(said(&log, "configured"), 10_000, "{log}");
    let (mut served, refused) = narrow.crowd();
    println!("{} clients were served, {refused} refused", served.len());
    // The PING of the start may still be counted for a moment.
    assert!((max_clients - 1..=max_clients).contains(&served.len()), "{} served: {log}", served.len());
    narrow.check_health();
    served.iter_mut().for_each(|client| assert_eq!(client.call("INCR n").get(..1), Some(":")));
    served.truncate(served.len() / 2);
    until("there is room again", || Conn::open(narrow.proxy.address()).call("PING") == "+PONG\r\n");
    let log = narrow.log();
    assert!(log.lines().count() < 15, "{log}");
}

#[test]
fn a_blocking_command_without_a_descriptor_is_answered_in_time_and_a_killed_node_is_found_again() {
    let mut narrow = Narrow::start(&["failover.hold=20s"]);
    let (mut served, _) = narrow.crowd();
    let began = Instant::now();
    served.iter_mut().for_each(|client| client.send("BLPOP none 1.5"));
    narrow.check_health();
    for client in &mut served {
        assert_eq!(client.reply(), "*-1\r\n");
    }
    let took = began.elapsed();
    println!("{} clients waited for 1.5 s: {} ms", served.len(), took.as_millis());
    assert!(took < LIMIT, "none waited for the end of hold");

    // All clients wait for ever, and the node is lost: enough descriptors are reserved to reach it again.
    let (mut waiting, mut plain) = (served.split_off(served.len() / 2), served);
    waiting.iter_mut().for_each(|client| client.send("BLPOP l 0"));
    narrow.runtime.block_on(narrow.server.restart(None)).unwrap();
    plain.iter_mut().for_each(|client| assert_eq!(client.call("SET k v"), "+OK\r\n"));
    narrow.check_health();
    for _ in 0..waiting.len() {
        assert_eq!(plain[0].call("RPUSH l v").get(..1), Some(":"));
    }
    // The clients that had to wait for a connection which another client no longer needs are included.
    waiting.iter_mut().for_each(|client| assert_eq!(client.reply(), "*2\r\n$1\r\nl\r\n$1\r\nv\r\n"));
    let log = narrow.log();
    assert!(log.lines().count() < 20, "{log}");
}

#[test]
fn a_flood_of_refused_clients_costs_the_log_nothing() {
    let mut narrow = Narrow::start(&["clients.max_clients=10"]);
    for _ in 0..3 {
        let (served, refused) = narrow.crowd();
        assert!(served.len() <= 10 && refused >= CLIENTS - 10);
    }
    let log = narrow.log();
    assert!(log.contains("max_clients=10") && !log.contains("configured="), "{log}");
    assert!(log.lines().count() < 10, "{log}");
    until("the places are free again", || Conn::open(narrow.proxy.address()).call("PING") == "+PONG\r\n");
}

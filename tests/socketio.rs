//! Tests three socket.io servers behind the proxy against three at a bare server: each adapter waits for as many
//! answers as PUBSUB says that there are subscribers.
//!
//! `scripts/install-programs.sh` installs the packages; tests whose packages are missing say that they are skipped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::cluster::ClusterRig;
use common::{Rig, proxy, runtime};

/// The adapters, each with a client library that it is used with.
const ADAPTERS: [(&str, &str); 5] = [
    ("redis", "redis"),
    ("sharded", "redis"),
    ("sharded", "ioredis"),
    ("streams", "ioredis"),
    ("emitter", "redis"),
];

/// Returns the paths of node and its packages; `None`, with a message, if they are not installed.
fn node() -> Option<(PathBuf, PathBuf)> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let found = named("TIDEOVER_NODE").zip(named("TIDEOVER_NODE_MODULES"));
    let found = found.filter(|(_, modules)| modules.join("socket.io").exists());
    if found.is_none() {
        println!("SKIPPED: socket.io is not installed: see scripts/install-programs.sh");
        eprintln!("SKIPPED: socket.io is not installed: see scripts/install-programs.sh");
    }
    found
}

/// Returns the output of three servers at these addresses.
fn said((adapter, library): (&str, &str), places: [SocketAddr; 3]) -> String {
    let (node, modules) = node().unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/apps/socketio.mjs");
    let output = Command::new(node)
        .arg(program)
        .env("TIDEOVER_NODE_MODULES", modules)
        .env("ADAPTER", adapter)
        .env("LIBRARY", library)
        .env("REDIS", places.map(|place| place.to_string()).join(","))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{adapter} with {library}: {text}{errors}");
    text
}

#[test]
fn every_adapter_finds_what_it_finds_before_a_bare_server() {
    if node().is_none() {
        return;
    }
    let (rig, runtime) = (Rig::start(), runtime());
    let other = proxy(&runtime, rig.server.address(), &[]);
    let (bare, here, there) = (rig.server.address(), rig.proxy.address(), other.address());
    for adapter in ADAPTERS {
        let expected = said(adapter, [bare; 3]);
        assert!(expected.contains("server 2, fetchSockets: 6"), "{expected}");
        for places in [[here; 3], [here, there, here]] {
            assert_eq!(said(adapter, places), expected, "{adapter:?} at {places:?}");
        }
    }
}

#[test]
#[ignore = "make test-failovers"]
fn servers_that_share_no_subscription_find_the_same() {
    if node().is_none() {
        return;
    }
    let alone = ["clients.share_subscriptions=false"];
    let (rig, runtime) = (Rig::set(&alone), runtime());
    let other = proxy(&runtime, rig.server.address(), &alone);
    let (bare, here, there) = (rig.server.address(), rig.proxy.address(), other.address());
    for adapter in [("redis", "redis"), ("sharded", "ioredis")] {
        assert_eq!(said(adapter, [here, there, here]), said(adapter, [bare; 3]), "{adapter:?}");
    }
}

#[test]
#[ignore = "make test-failovers"]
fn servers_before_a_cluster_find_the_same() {
    if node().is_none() {
        return;
    }
    let rig = ClusterRig::start(&[]);
    let (one, here) = (rig.one.address(), rig.proxy.address());
    for adapter in [("redis", "redis"), ("sharded", "ioredis"), ("streams", "redis")] {
        assert_eq!(said(adapter, [here; 3]), said(adapter, [one; 3]), "{adapter:?}");
    }
}

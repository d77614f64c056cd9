//! Programs that use every feature of ioredis and of node-redis, step by step (`apps`): each step must have the same result through the
//! proxy as before what the library expects there, a bare server, sentinels or a cluster. `table` names the steps that differ, with the
//! reason.
//!
//! `scripts/install-programs.sh` installs the libraries; without them the tests say loudly that they are skipped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/mod.rs"]
mod common;

mod places;
mod steps;
mod table;

use std::net::SocketAddr;

use common::runtime;
use places::{Behind, Face, Place, original, proxied};
use steps::{Steps, installed};
use table::differs;

const PLAIN: [&str; 4] = ["ioredis_data", "ioredis_connection", "node_redis_data", "node_redis_connection"];
const OF_CLUSTERS: [&str; 2] = ["ioredis_cluster", "node_redis_cluster"];
const OF_SENTINELS: [&str; 2] = ["ioredis_sentinel", "node_redis_sentinel"];
const WITH_DATABASES: [&str; 2] = ["ioredis_databases", "node_redis_databases"];

#[test]
fn each_step_of_plain_clients_is_as_before_a_bare_server() {
    go_as_the_original(
        Face::Standalone,
        &[Behind::Fixed],
        &[PLAIN.as_slice(), WITH_DATABASES.as_slice()].concat(),
    );
}

#[test]
#[ignore = "takes long: make test-clients"]
fn each_step_of_clients_of_a_cluster_is_as_before_a_real_one() {
    go_as_the_original(Face::Cluster, &[Behind::Cluster], &OF_CLUSTERS);
}

#[test]
#[ignore = "takes long: make test-clients"]
fn each_step_of_clients_of_sentinels_is_as_before_real_ones() {
    go_as_the_original(Face::Sentinel, &[Behind::Sentinel], &OF_SENTINELS);
}

#[test]
#[ignore = "takes long: make test-clients"]
fn each_step_of_every_client_is_as_before_the_original_whatever_the_backend() {
    go_as_the_original(Face::Standalone, &[Behind::Sentinel, Behind::Cluster], &PLAIN);
    go_as_the_original(Face::Standalone, &[Behind::Sentinel], &WITH_DATABASES);
    go_as_the_original(Face::Cluster, &[Behind::Fixed, Behind::Sentinel], &OF_CLUSTERS);
    go_as_the_original(Face::Sentinel, &[Behind::Fixed, Behind::Cluster], &OF_SENTINELS);
}

/// Runs each program at the original and, at the same time, at a proxy with this face before each of these kinds of backend.
fn go_as_the_original(face: Face, kinds: &[Behind], programs: &[&str]) {
    if !installed() {
        return;
    }
    let runtime = runtime();
    let original = original(&runtime, face);
    let proxied: Vec<Place> = kinds.iter().map(|behind| proxied(&runtime, face, *behind)).collect();
    let addresses: Vec<SocketAddr> =
        [&original].into_iter().chain(&proxied).map(|place| place.address).collect();
    let mut faults = Vec::new();
    for program in programs {
        let mut all = run_at(program, &addresses).into_iter();
        let expected = all.next().unwrap();
        expected.check(program);
        for (behind, found) in kinds.iter().zip(all) {
            println!("{program} before {behind:?}: {} steps", found.len());
            faults.extend(expected.faults(&found, |step| differs(program, *behind, step)).map(|fault| {
                println!("  {fault}");
                format!("{program} before {behind:?}: {fault}")
            }));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn run_at(program: &str, addresses: &[SocketAddr]) -> Vec<Steps> {
    std::thread::scope(|scope| {
        let runs: Vec<_> =
            addresses.iter().map(|address| scope.spawn(|| Steps::run(program, *address))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

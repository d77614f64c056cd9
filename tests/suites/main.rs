//! Runs Redis' own test suite, in its mode for a server that it did not start, and the tests of client libraries: each unit
//! against a bare server and, at the same time, against one through the proxy. A test that passes on the bare server must pass
//! through the proxy, except those that `expected.txt` and `expected_clients.txt` name with a reason.
//! `scripts/install-suites.sh` and `scripts/install-client-suites.sh` get them; `make test-suites` and `make test-clients` run
//! all of them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/mod.rs"]
mod common;

mod clients;
mod expected;
mod fred;
mod hiredis;
mod outcome;
mod redis_py;
mod redis_rs;
mod results;
mod unit;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use common::Rig;
use common::cluster::ClusterRig;
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;

use expected::Expected;
use outcome::Outcomes;
use results::Suite;
use unit::{Kind, Unit};

/// One unit runs at a time: its two servers keep the machine busy.
static ROOM: Mutex<()> = Mutex::new(());

/// The units about connection state and data that are short, for every test run.
const SOON: &[&str] =
    &["unit/protocol", "unit/quit", "unit/multi", "unit/pubsub", "unit/querybuf", "unit/keyspace"];

/// About what one server tells of itself or of its clients: in front of a cluster each shard tells it.
const BEFORE_ONE_SERVER: &[&str] = &[
    "unit/tracking",
    "unit/info-command",
    "unit/introspection",
    "unit/pause",
    "unit/slowlog",
    "unit/violations",
];

const LATER: &[&str] = &[
    "unit/functions",
    "unit/other",
    "unit/bitfield",
    "unit/type/incr",
    "unit/type/hash",
    "integration/redis-cli",
    "unit/introspection-2",
    "unit/latency-monitor",
    "unit/scripting",
    "unit/scan",
    "unit/expire",
    "unit/dump",
    "unit/sort",
    "unit/bitops",
    "unit/geo",
    "unit/lazyfree",
    "unit/hyperloglog",
    "unit/type/string",
    "unit/type/list",
    "unit/type/list-2",
    "unit/type/list-3",
    "unit/type/set",
    "unit/type/zset",
    "unit/type/stream",
    "unit/type/stream-cgroups",
];

#[test]
fn units_that_are_done_soon_go_as_before_a_bare_server() {
    go_as_bare(Kind::Fixed, SOON);
}

#[test]
#[ignore = "takes long: make test-suites"]
fn further_units_go_as_before_a_bare_server() {
    go_as_bare(Kind::Fixed, &[LATER, BEFORE_ONE_SERVER].concat());
}

#[test]
#[ignore = "takes long: make test-suites"]
fn all_units_go_before_a_cluster_as_before_a_bare_server() {
    go_as_bare(Kind::Cluster, &[SOON, LATER].concat());
}

#[test]
fn what_is_expected_of_the_suites_is_of_units_that_run() {
    for line in Expected::of_redis().lines() {
        assert!([SOON, LATER, BEFORE_ONE_SERVER].concat().contains(&line.unit.as_str()), "{line:?}");
    }
    let python = [redis_py::PLAIN, redis_py::ASYNC].concat();
    let rust: Vec<String> = redis_rs::FILES.iter().map(|file| redis_rs::unit(file)).collect();
    for line in Expected::of_clients().lines() {
        let is_known =
            python.contains(&line.unit.as_str()) || rust.contains(&line.unit) || line.unit == hiredis::UNIT;
        assert!(is_known, "{line:?}");
    }
}

/// The version of the suite that `expected.txt` is about.
const VERSION: &str = "redis-7.0.15";

/// Returns the path of the suite; `None`, with a loud message, if there is none, or one of another version.
fn suite() -> Option<PathBuf> {
    let place = std::env::var_os("TIDEOVER_SUITE").map(PathBuf::from);
    let place = place.filter(|place| place.ends_with(VERSION));
    if place.is_none() {
        let why = format!(
            "SKIPPED: TIDEOVER_SUITE does not name the test suite of {VERSION}: see scripts/install-suites.sh"
        );
        println!("{why}");
        eprintln!("{why}");
    }
    place
}

/// Returns the units that `TIDEOVER_UNITS` names, separated by commas.
fn chosen(units: &[&str]) -> Vec<String> {
    let named = std::env::var("TIDEOVER_UNITS").unwrap_or_default();
    let named: Vec<&str> = named.split(',').filter(|name| !name.is_empty()).collect();
    let is_chosen = |unit: &&&str| named.is_empty() || named.contains(unit);
    units.iter().filter(is_chosen).map(|unit| (*unit).to_owned()).collect()
}

fn go_as_bare(kind: Kind, units: &[&str]) {
    let _room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(suite) = suite() else { return };
    let expected = Expected::of_redis();
    let mut faults = Vec::new();
    for name in chosen(units) {
        let unit = Unit { suite: &suite, name: &name, kind };
        let left_out = expected.left_out(&name, kind);
        let (bare, through) = both(&unit, &left_out);
        println!("{name} before {kind:?}: bare {bare}; through the proxy {through}");
        Suite::new("Redis", VERSION.trim_start_matches("redis-")).note(kind, &name, &bare, &through);
        for fault in expected.faults(&name, kind, &bare, &through) {
            println!("  {fault}");
            faults.push(format!("{name}: {fault}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Runs a unit against both at the same time, each with a server of its own.
fn both(unit: &Unit<'_>, left_out: &[&str]) -> (Outcomes, Outcomes) {
    std::thread::scope(|scope| {
        let bare = scope.spawn(|| before_a_bare_server(unit, left_out));
        let through = scope.spawn(|| through_the_proxy(unit, left_out));
        (bare.join().unwrap(), through.join().unwrap())
    })
}

fn before_a_bare_server(unit: &Unit<'_>, left_out: &[&str]) -> Outcomes {
    let rig = Rig::with(DEBUG, &[]);
    unit.run(rig.server.address(), left_out)
}

fn through_the_proxy(unit: &Unit<'_>, left_out: &[&str]) -> Outcomes {
    match unit.kind {
        Kind::Fixed => through_fixed(|address| unit.run(address, left_out)),
        Kind::Sentinel => through_sentinels(|address| unit.run(address, left_out)),
        Kind::Cluster => {
            let mut rig = ClusterRig::start(&[]);
            let outcomes = unit.run(rig.proxy.address(), left_out);
            rig.proxy.process().check_running().unwrap();
            outcomes
        }
    }
}

fn through_fixed<T>(run: impl FnOnce(SocketAddr) -> T) -> T {
    let mut rig = Rig::with(DEBUG, &["clients.debug=allow"]);
    let outcomes = run(rig.proxy.address());
    rig.check_alive();
    outcomes
}

fn through_sentinels<T>(run: impl FnOnce(SocketAddr) -> T) -> T {
    let runtime = common::runtime();
    let node_config = DEBUG.iter().map(|line| (*line).to_owned()).collect();
    let options = SentinelOptions { node_config, ..SentinelOptions::default() };
    let deployment = runtime.block_on(SentinelDeployment::start(options)).unwrap();
    runtime.block_on(deployment.wait_until_healthy(common::LIMIT)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
    let mut proxy = runtime.block_on(ProxyProcess::start(program, &deployment.url(), &[])).unwrap();
    let outcomes = run(proxy.address());
    proxy.process().check_running().unwrap();
    outcomes
}

/// The bare server permits DEBUG, so that a test which needs it can be told from one that fails everywhere.
const DEBUG: &[&str] = &["enable-debug-command yes"];

/// Makes a copy of the suite, which writes into its own directory, with the programs where it looks for them.
fn copy_of(suite: &Path) -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("tideover-suite-").tempdir().unwrap();
    let copied = std::process::Command::new("cp").arg("-r").arg(suite.join("tests")).arg(dir.path()).status();
    assert!(copied.unwrap().success());
    let programs = dir.path().join("src");
    std::fs::create_dir(&programs).unwrap();
    std::fs::create_dir_all(dir.path().join("tests/tmp")).unwrap();
    for program in ["redis-cli", "redis-server", "redis-benchmark"] {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&paths).map(|path| path.join(program)).find(|file| file.exists());
        std::os::unix::fs::symlink(found.expect(program), programs.join(program)).unwrap();
    }
    dir
}

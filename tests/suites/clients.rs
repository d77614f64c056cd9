//! The tests of client libraries, through the proxy beside a bare server.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::common::Rig;
use super::expected::Expected;
use super::fred::{EXAMPLES, Fred, VARYING};
use super::hiredis::{self, Hiredis};
use super::outcome::{Outcome, Outcomes};
use super::redis_py::{self, RedisPy, Run};
use super::redis_rs::RedisRs;
use super::results::Suite;
use super::unit::Kind;
use super::{DEBUG, ROOM, through_fixed, through_sentinels};

#[test]
#[ignore = "takes long: make test-clients"]
fn all_of_a_client_library_goes_as_before_a_bare_server() {
    client_goes_as_bare(Kind::Fixed, &all_runs());
}

#[test]
#[ignore = "takes long: make test-clients"]
fn all_of_a_client_library_goes_before_sentinels_as_before_a_bare_server() {
    client_goes_as_bare(Kind::Sentinel, &all_runs());
}

#[test]
#[ignore = "compiles the library: make test-clients"]
fn a_library_that_starts_its_own_servers_goes_as_before_a_bare_server() {
    let _room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(suite) = installed("redis-rs", RedisRs::installed()) else { return };
    suite.build();
    let faults = [2, 3].map(|version| {
        let (bare, through) = (suite.run(version, false), suite.run(version, true));
        client_faults(&suite.suite(), Kind::Fixed, version, &bare, &through)
    });
    assert!(faults.concat().is_empty(), "{}", faults.concat().join("\n"));
}

#[test]
#[ignore = "compiles the library: make test-clients"]
fn the_examples_of_a_library_print_what_they_print_before_a_bare_server() {
    let _room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(fred) = installed("fred", Fred::installed()) else { return };
    fred.build();
    let mut faults = Vec::new();
    for example in [EXAMPLES, VARYING].concat() {
        let bare = fred.run(example, Rig::start().server.address());
        for kind in [Kind::Fixed, Kind::Sentinel] {
            let run = |address| fred.run(example, address);
            let through = if kind == Kind::Fixed { through_fixed(run) } else { through_sentinels(run) };
            println!("{example} of fred before {kind:?}: {} lines", through.values().sum::<usize>());
            if through != bare {
                faults.push(format!("{example} before {kind:?}: {through:?} instead of {bare:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
#[ignore = "takes long to install: make test-clients"]
fn a_library_of_c_goes_as_before_a_bare_server() {
    let _room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(suite) = installed("hiredis", Hiredis::installed()) else { return };
    let (bare, through) = std::thread::scope(|scope| {
        let bare = scope.spawn(|| suite.run(Rig::with(DEBUG, &[]).server.address()));
        let through = scope.spawn(|| through_fixed(|address| suite.run(address)));
        (bare.join().unwrap(), through.join().unwrap())
    });
    println!("{} before Fixed: bare {bare}; through the proxy {through}", hiredis::UNIT);
    Suite::new(hiredis::UNIT, hiredis::VERSION).note(Kind::Fixed, hiredis::UNIT, &bare, &through);
    let faults = Expected::of_clients().faults(hiredis::UNIT, Kind::Fixed, &bare, &through);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn all_runs() -> Vec<Run> {
    let lists = [redis_py::PLAIN, redis_py::ASYNC];
    [2, 3].map(|version| lists.map(|files| Run { version, files })).concat()
}

/// Runs tests of redis-py, each against both at the same time.
fn client_goes_as_bare(kind: Kind, runs: &[Run]) {
    let _room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(suite) = installed("redis-py", RedisPy::installed()) else { return };
    let mut faults = Vec::new();
    for run in runs {
        let (bare, through) = std::thread::scope(|scope| {
            let bare = scope.spawn(|| suite.run(*run, Rig::with(DEBUG, &[]).server.address()));
            let through = scope.spawn(|| client_through_the_proxy(&suite, kind, *run));
            (bare.join().unwrap(), through.join().unwrap())
        });
        faults.extend(client_faults(&suite.suite(), kind, run.version, &bare, &through));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Prints the outcomes of a run of a client's tests, and returns what is not as expected.
fn client_faults(
    suite: &Suite,
    kind: Kind,
    version: u8,
    bare: &BTreeMap<String, Outcomes>,
    through: &BTreeMap<String, Outcomes>,
) -> Vec<String> {
    let expected = Expected::of_clients();
    let spoken = Suite { name: format!("{} in RESP{version}", suite.name), ..suite.clone() };
    let mut faults = Vec::new();
    for (file, bare) in bare {
        let through = &through[file];
        println!("{file} in RESP{version} before {kind:?}: bare {bare}; through the proxy {through}");
        spoken.note(kind, file, bare, through);
        for fault in expected.faults(file, kind, bare, through) {
            println!("  {fault}");
            faults.push(format!("{file} in RESP{version} before {kind:?}: {fault}"));
        }
    }
    let total =
        |all: &BTreeMap<String, Outcomes>, wanted| all.values().map(|file| file.count(wanted)).sum::<usize>();
    let [ok, err] = [Outcome::Ok, Outcome::Err].map(|wanted| (total(bare, wanted), total(through, wanted)));
    println!("RESP{version}: bare {} ok, {} err; through the proxy {} ok, {} err", ok.0, err.0, ok.1, err.1);
    faults
}

/// Says so loudly if the tests of a library are not there.
fn installed<T>(name: &str, suite: Option<T>) -> Option<T> {
    if suite.is_none() {
        let why =
            format!("SKIPPED: the tests of {name} are not installed: see scripts/install-client-suites.sh");
        println!("{why}");
        eprintln!("{why}");
    }
    suite
}

fn client_through_the_proxy(suite: &RedisPy, kind: Kind, run: Run) -> BTreeMap<String, Outcomes> {
    match kind {
        Kind::Fixed => through_fixed(|address| suite.run(run, address)),
        Kind::Sentinel => through_sentinels(|address| suite.run(run, address)),
        Kind::Cluster => panic!("the tests are for one server"),
    }
}

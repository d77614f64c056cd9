//! Runs the same tests on other servers, if the environment names their executables, and says loudly if it does not.

use std::path::PathBuf;

use tideover_testbed::cluster::ClusterOptions;

use super::reshard::Way;
use super::support::run;
use super::{crash, planned, reshard};

/// Redis 8.
const REDIS8: &str = "TIDEOVER_REDIS8_SERVER";
/// Valkey 9.
const VALKEY: &str = "TIDEOVER_VALKEY_SERVER";

/// Runs the scenario on the server, if there is one.
fn on(variable: &str, replicas: usize, scenario: impl AsyncFnOnce(ClusterOptions)) {
    let Some(program) = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        println!("SKIPPED: {variable} names no server");
        eprintln!("SKIPPED: {variable} names no server");
        return;
    };
    assert!(program.exists(), "{variable} names {}, which is not there", program.display());
    run(scenario(ClusterOptions { program: Some(program), replicas, ..ClusterOptions::default() }));
}

#[test]
#[ignore = "make test-failovers"]
fn redis_8_kill() {
    on(REDIS8, 1, crash::killed);
}

#[test]
#[ignore = "make test-failovers"]
fn redis_8_planned() {
    on(REDIS8, 1, planned::handed_over);
}

#[test]
#[ignore = "make test-failovers"]
fn redis_8_reshard() {
    on(REDIS8, 0, async |options| reshard::resharded(options, 500, Way::Keys).await);
}

#[test]
#[ignore = "make test-failovers"]
fn valkey_9_kill() {
    on(VALKEY, 1, crash::killed);
}

#[test]
#[ignore = "make test-failovers"]
fn valkey_9_planned() {
    on(VALKEY, 1, planned::handed_over);
}

#[test]
#[ignore = "make test-failovers"]
fn valkey_9_reshard() {
    on(VALKEY, 0, async |options| reshard::resharded(options, 500, Way::Keys).await);
}

/// The slot moves in one piece: no ASK and no TRYAGAIN, only MOVED from one moment on.
#[test]
fn valkey_9_slots_at_once() {
    on(VALKEY, 0, async |options| reshard::resharded(options, 4000, Way::AtOnce).await);
}

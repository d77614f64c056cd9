//! `tideover demo` from outside: a real deployment, a real kill, and the promises to its clients.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

use std::process::Command;

#[test]
fn a_demo_with_one_failover_passes_and_leaves_nothing_behind() {
    let report = passes(&["demo", "sentinel", "--failovers", "1", "--json"]);
    assert_eq!(report["failovers"].as_array().map(Vec::len), Some(1));
    assert!(report.get("untouched").is_none());
}

#[test]
fn a_demo_of_a_cluster_kills_another_shard_each_time_and_shows_what_the_others_saw() {
    let report = passes(&["demo", "cluster", "--failovers", "2", "--json"]);
    let failovers = report["failovers"].as_array().unwrap();
    assert_eq!(failovers.len(), 2);
    assert_ne!(failovers[0]["killed"], failovers[1]["killed"]);
    assert!(failovers.iter().all(|failover| failover["untouched_stall_ms"].is_number()), "{report:#}");
    assert!(report["untouched"]["usual_stall_ms"].is_number(), "{report:#}");
}

/// The report of a demo that passes.
fn passes(args: &[&str]) -> serde_json::Value {
    let dir = tempfile::tempdir().unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_tideover")).args(args).env("TMPDIR", dir.path()).output().unwrap();
    let course = String::from_utf8_lossy(&output.stderr);
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{course}"));
    assert!(output.status.success(), "{report:#}\n{course}");
    assert_eq!(report["passed"], true);
    assert_eq!(report["doubled"], 0);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files were left behind");
    report
}

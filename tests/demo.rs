//! Runs `tideover demo`: a real deployment, a real kill, and the promises to its clients.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

/// The variable that names the executable of KeyDB.
const KEYDB: &str = "TIDEOVER_KEYDB_SERVER";

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

/// The search path has nothing but redis-server.
#[test]
fn a_demo_of_active_nodes_is_played_by_redis_where_there_is_no_keydb_and_says_so() {
    let path = std::env::var_os("PATH").unwrap();
    let redis = std::env::split_paths(&path).map(|folder| folder.join("redis-server"));
    let dir = tempfile::tempdir().unwrap();
    symlink(redis.into_iter().find(|file| file.exists()).unwrap(), dir.path().join("redis-server")).unwrap();
    let mut command = demo(&["demo", "active", "--failovers", "2", "--json"]);
    command.env_remove(KEYDB).env("PATH", dir.path());
    let (report, course) = outcome(&mut command);
    assert!(course.contains("NO KEYDB HERE"), "{course}");
    assert_eq!((&report["sharing"], &report["lost"]), (&"apart".into(), &0.into()), "{report:#}");
    active_nodes_took_turns(&report, 2);
}

#[test]
fn a_demo_of_active_nodes_is_played_by_keydb_where_there_is_one() {
    let Some(program) = std::env::var_os(KEYDB).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        println!("SKIPPED: {KEYDB} names no server");
        eprintln!("SKIPPED: {KEYDB} names no server");
        return;
    };
    assert!(program.exists(), "{KEYDB} names {}, which is not there", program.display());
    let report = passes(&["demo", "active", "--failovers", "2", "--json"]);
    assert_eq!(report["sharing"], "meshed");
    assert!(report["differing"].is_number(), "{report:#}");
    active_nodes_took_turns(&report, 2);
}

/// Each time another node took over, without an election. The goal is 100 ms; a busy machine may take longer.
fn active_nodes_took_turns(report: &serde_json::Value, failovers: usize) {
    let kills = report["failovers"].as_array().unwrap();
    assert_eq!(kills.len(), failovers);
    for kill in kills {
        assert_ne!(kill["killed"], kill["new_master"], "{report:#}");
        assert!(kill["outage_ms"].as_f64().unwrap() < 1000.0, "{report:#}");
        assert!(kill["stall_at_kill_ms"].as_f64().unwrap() < 1000.0, "{report:#}");
        assert!(kill["uncertain"].as_u64() <= kill["in_flight"].as_u64(), "{report:#}");
    }
}

/// Runs a demo that must pass and returns its report.
fn passes(args: &[&str]) -> serde_json::Value {
    outcome(&mut demo(args)).0
}

fn demo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tideover"));
    command.args(args);
    command
}

/// Runs a demo that must pass and returns its report and its output for people.
fn outcome(command: &mut Command) -> (serde_json::Value, String) {
    let dir = tempfile::tempdir().unwrap();
    let output = command.env("TMPDIR", dir.path()).output().unwrap();
    let course = String::from_utf8_lossy(&output.stderr);
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{course}"));
    assert!(output.status.success(), "{report:#}\n{course}");
    assert_eq!(report["passed"], true);
    assert_eq!(report["doubled"], 0);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files were left behind");
    (report, course.into_owned())
}

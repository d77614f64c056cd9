//! Tests real programs that wait for jobs, with the proxy between them and servers that die, hang, end and change
//! roles: no program may end, hang, or miss a job.
//!
//! All programs of `table` work in front of one deployment at the same time. `TIDEOVER_KILLS` says how often each fault
//! happens, by default once; `TIDEOVER_PROGRAMS` names the programs to run, by default all; and
//! `TIDEOVER_PROGRAM_SETTINGS` has settings for their proxies that replace those of `table`, such as
//! `failover.retry=reads`. Programs that `scripts/install-programs.sh` could not install are reported and skipped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/live.rs"]
mod live;

mod backend;
mod books;
mod ending;
mod faults;
mod installed;
mod progress;
mod pulse;
mod rig;
mod started;
mod states;
mod table;
mod verdict;

use std::time::Duration;

use backend::Kind;
use faults::Fault;
use rig::Rig;
use table::Program;
use tideover_testbed::active::Servers;
use tokio::sync::Semaphore;

/// There is one deployment with all programs at a time, as they keep two cores busy.
static ROOM: Semaphore = Semaphore::const_new(1);

/// The longest time for a start and an end with one fault; each further fault adds to it.
const LIMIT: Duration = Duration::from_secs(400);

/// The silence after which a master counts as down, in milliseconds.
const DOWN_AFTER: u64 = 2000;

/// An outage that is longer than the proxy holds commands: every program gets an error.
const LONG: u64 = 5000;

/// The time in which programs must go on by themselves after an outage with errors.
const BY_THEMSELVES: Duration = Duration::from_secs(5);

fn faults(kind: Kind, fault: Fault) {
    if kind == Kind::Active && fault == Fault::Planned && Servers::found() == Servers::Redis {
        println!(
            "SKIPPED: without KeyDB no node can be asked to hand over: TIDEOVER_KEYDB_SERVER names none"
        );
        return;
    }
    run(async |kills| {
        let Some(mut rig) = Rig::start(kind, DOWN_AFTER, &[], |_| true).await else { return none_there() };
        for _ in 0..kills {
            rig.fault(fault).await;
        }
        rig.finish().await;
    });
}

fn longer_than_hold(kind: Kind) {
    run(async |kills| {
        let Some(mut rig) = Rig::start(kind, LONG, &["failover.hold=1s"], bears_refusals).await else {
            return none_there();
        };
        for _ in 0..kills {
            let slowest = rig.fault(Fault::Killed).await;
            assert!(slowest < BY_THEMSELVES, "{slowest:?} until every program went on");
        }
        rig.finish().await;
    });
}

fn bears_refusals(program: &Program) -> bool {
    if !program.bears_refusals {
        println!("without {}: it needs commands to be held for longer than an outage lasts", program.name);
    }
    program.bears_refusals
}

/// Runs a test with the number of faults.
fn run(test: impl AsyncFnOnce(u32)) {
    let kills = std::env::var("TIDEOVER_KILLS").ok().map_or(1, |kills| kills.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _room = ROOM.acquire().await.unwrap();
        tokio::time::timeout(LIMIT * kills, test(kills)).await.expect("the test came to no end");
    });
}

fn none_there() {
    println!("SKIPPED: no program is installed");
}

/// Makes tests of one fault each; those that `make test` leaves to `make test-programs` say so.
macro_rules! faults {
    ($($(#[$attribute:meta])* $name:ident: $kind:ident $fault:ident;)*) => {
        $(#[test] $(#[$attribute])* fn $name() { faults(Kind::$kind, Fault::$fault); })*
    };
}

faults! {
    programs_live_through_the_kill_of_a_master_before_sentinels: Sentinel Killed;

    #[ignore = "make test-programs"]
    programs_live_through_the_kill_of_a_shards_master: Cluster Killed;
    #[ignore = "make test-programs"]
    programs_live_through_the_kill_of_a_single_node_that_is_started_again: Fixed Killed;
    #[ignore = "make test-programs"]
    programs_live_through_the_kill_of_the_active_node_in_use: Active Killed;

    #[ignore = "make test-programs"]
    programs_live_through_a_hanging_master_before_sentinels: Sentinel Stopped;
    #[ignore = "make test-programs"]
    programs_live_through_a_hanging_shards_master: Cluster Stopped;
    #[ignore = "make test-programs"]
    programs_live_through_a_hang_of_the_active_node_in_use: Active Stopped;
    #[ignore = "make test-programs"]
    programs_live_through_a_hang_of_a_single_node: Fixed Stopped;

    #[ignore = "make test-programs"]
    programs_live_through_an_orderly_end_of_a_master_before_sentinels: Sentinel Ended;
    #[ignore = "make test-programs"]
    programs_live_through_an_orderly_end_of_a_shards_master: Cluster Ended;
    #[ignore = "make test-programs"]
    programs_live_through_an_orderly_end_of_the_active_node_in_use: Active Ended;
    #[ignore = "make test-programs"]
    programs_live_through_an_orderly_restart_of_a_single_node: Fixed Ended;

    #[ignore = "make test-programs"]
    programs_live_through_a_planned_failover_before_sentinels: Sentinel Planned;
    #[ignore = "make test-programs"]
    programs_live_through_a_planned_failover_of_a_shard: Cluster Planned;
    #[ignore = "make test-programs"]
    programs_live_through_a_planned_handover_of_active_nodes: Active Planned;
}

#[test]
#[ignore = "make test-programs"]
fn programs_go_on_by_themselves_after_an_outage_longer_than_hold_before_sentinels() {
    longer_than_hold(Kind::Sentinel);
}

#[test]
#[ignore = "make test-programs"]
fn programs_go_on_by_themselves_after_an_outage_of_a_single_node_longer_than_hold() {
    longer_than_hold(Kind::Fixed);
}

//! Real programs that wait for jobs, with the proxy between them and servers that die, hang, end and change places: does
//! any of them end, hang, or miss a job?
//!
//! All programs of `table` work before one deployment at the same time. `TIDEOVER_KILLS` says how often each fault happens,
//! once where it is not set; `TIDEOVER_PROGRAMS` names the programs to run, all where it is not set. What
//! `scripts/install-programs.sh` could not install is left out, and told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/live.rs"]
mod live;

mod backend;
mod books;
mod installed;
mod pulse;
mod rig;
mod started;
mod table;
mod verdict;

use backend::{Fault, Kind};
use rig::Rig;
use std::time::Duration;
use tokio::sync::Semaphore;

/// One deployment with all programs at a time: they keep two cores busy.
static ROOM: Semaphore = Semaphore::const_new(1);

/// The longest that a start and an end with one fault may take; each further fault adds to it.
const LIMIT: Duration = Duration::from_secs(400);

fn faults(kind: Kind, fault: Fault) {
    let kills = std::env::var("TIDEOVER_KILLS").ok().map_or(1, |kills| kills.parse::<u32>().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _room = ROOM.acquire().await.unwrap();
        let test = async {
            let Some(mut rig) = Rig::start(kind, &[]).await else {
                println!("SKIPPED: no program is installed");
                return;
            };
            for _ in 0..kills {
                rig.fault(fault).await;
            }
            rig.finish().await;
        };
        tokio::time::timeout(LIMIT * kills, test).await.expect("the test came to no end");
    });
}

#[test]
fn programs_live_through_the_kill_of_a_master_before_sentinels() {
    faults(Kind::Sentinel, Fault::Killed);
}

#[test]
fn programs_live_through_the_kill_of_a_shards_master() {
    faults(Kind::Cluster, Fault::Killed);
}

#[test]
fn programs_live_through_the_kill_of_the_active_node_in_use() {
    faults(Kind::Active, Fault::Killed);
}

#[test]
fn programs_live_through_the_kill_of_a_single_node_that_is_started_again() {
    faults(Kind::Fixed, Fault::Killed);
}

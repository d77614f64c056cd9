//! Masters are killed and replaced, connections end and slots move, while readers cache: nothing in a cache is ever stale.
//! `TIDEOVER_KILLS` says how often.

use std::time::Duration;

use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::wait::wait_until;

use super::checker::{Checker, Seen, Shards};
use super::common::Rig;
use super::live::{LIMIT, proxy, run_within};

const MODES: [&str; 5] = ["", "OPTIN", "OPTOUT", "NOLOOP", "BCAST PREFIX k:"];
const SETTINGS: [&str; 3] = ["runtime.workers=2", "failover.hold=60s", "clients.tracked_keys=150"];

fn kills() -> usize {
    std::env::var("TIDEOVER_KILLS").ok().map_or(2, |kills| kills.parse().unwrap())
}

fn limit() -> Duration {
    LIMIT * (3 + u32::try_from(kills()).unwrap())
}

/// Waits until the writers have got so many more answers.
async fn advance(checker: &Checker, writes: u64) {
    let aim = checker.writes() + writes;
    wait_until("the writers go on", LIMIT, || async {
        checker.check_alive();
        if checker.writes() >= aim { Ok(()) } else { Err("too few writes".to_owned()) }
    })
    .await
    .unwrap();
}

/// Every reader has checked values, was told of changes, and was told to drop everything if `voids`.
fn assert_seen(checker: Checker, voids: bool) {
    let seen = checker.finish();
    println!("{seen:?}");
    for Seen { checked, dropped, voided } in seen {
        assert!(checked > 100 && dropped > 100 && (voided > 0 || !voids), "{checked} {dropped} {voided}");
    }
}

/// The checker itself: it finds no fault with a server.
#[test]
fn no_cache_is_stale_at_a_server() {
    let rig = Rig::start();
    for address in [rig.server.address(), rig.proxy.address()] {
        run_within(LIMIT, async {
            let checker = Checker::start(address, &MODES, Shards::One);
            advance(&checker, 3000).await;
            assert_seen(checker, false);
        });
    }
}

#[test]
fn no_cache_is_stale_when_masters_are_killed() {
    run_within(limit(), async {
        let mut deployment = SentinelDeployment::start(SentinelOptions::default()).await.unwrap();
        deployment.wait_until_healthy(LIMIT).await.unwrap();
        let proxy = proxy(&deployment.url(), &SETTINGS).await;
        let checker = Checker::start(proxy.address(), &MODES, Shards::One);
        for _ in 0..kills() {
            advance(&checker, 1000).await;
            let old = deployment.kill_master().await.unwrap();
            advance(&checker, 1000).await;
            deployment.wait_for_switch(old, LIMIT).await.unwrap();
            let index = deployment.index_of(old).unwrap();
            deployment.restart_node(index).await.unwrap();
            deployment.wait_until_healthy(LIMIT).await.unwrap();
        }
        advance(&checker, 1000).await;
        assert_seen(checker, true);
    });
}

/// A master that lives on as a replica would tell its connections of no change that the next one makes.
#[test]
fn no_cache_is_stale_when_masters_are_replaced_by_plan() {
    run_within(limit(), async {
        let deployment = SentinelDeployment::start(SentinelOptions::default()).await.unwrap();
        deployment.wait_until_healthy(LIMIT).await.unwrap();
        let proxy = proxy(&deployment.url(), &SETTINGS).await;
        let checker = Checker::start(proxy.address(), &MODES, Shards::One);
        for _ in 0..kills() {
            advance(&checker, 1000).await;
            let old = deployment.master().await.unwrap();
            wait_until("a sentinel takes the request", LIMIT, || async {
                deployment.planned_failover().await.map_err(|error| error.to_string())
            })
            .await
            .unwrap();
            deployment.wait_for_switch(old, LIMIT).await.unwrap();
            advance(&checker, 1000).await;
            deployment.wait_until_healthy(LIMIT).await.unwrap();
        }
        assert_seen(checker, true);
    });
}

#[test]
fn no_cache_is_stale_when_slots_move_and_masters_of_a_cluster_are_killed() {
    run_within(limit(), async {
        let mut cluster = ClusterDeployment::start(ClusterOptions::default()).await.unwrap();
        let proxy = proxy(&cluster.url(), &SETTINGS).await;
        let checker = Checker::start(proxy.address(), &MODES, Shards::Several);
        advance(&checker, 1000).await;
        for round in 0..kills() {
            let (from, to) = (cluster.master_of(0).await.unwrap(), cluster.master_of(12_000).await.unwrap());
            cluster.reshard(from, to, 0..=300).await.unwrap();
            advance(&checker, 500).await;
            cluster.reshard(to, from, 0..=300).await.unwrap();
            advance(&checker, 500).await;
            let slot = [6000, 12_000][round % 2];
            let old = cluster.master_of(slot).await.unwrap();
            cluster.kill(old);
            cluster.wait_for_switch(slot, old, LIMIT).await.unwrap();
            advance(&checker, 1000).await;
            cluster.restart(old).await.unwrap();
            cluster.wait_until_healthy(LIMIT).await.unwrap();
        }
        assert_seen(checker, true);
    });
}

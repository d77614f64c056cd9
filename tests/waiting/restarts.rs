//! Tests nodes that are ended by SIGTERM and started again under load, as in a rolling update of an orchestrator.
//!
//! A master with replicas announces its end, and then begins no more writes. So every command that it had not answered
//! is sent again, and nothing is uncertain.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::server::{RedisOptions, RedisServer};
use tideover_testbed::wait::wait_until;

use super::counters::Counters;
use super::live::{LIMIT, client, measured, metric, proxy, run, run_within};
use super::servers::{servers, times};

/// Number of rounds, each of which restarts every node once.
const ROUNDS: &str = "TIDEOVER_ROUNDS";
/// Number of restarts of one master.
const RESTARTS: &str = "TIDEOVER_RESTARTS";

/// Returns a time limit for any number of rounds.
fn limit(rounds: usize) -> Duration {
    3 * LIMIT + u32::try_from(rounds).unwrap_or(u32::MAX) * LIMIT
}

async fn assert_nothing_uncertain(proxy: &ProxyProcess) {
    assert_eq!(metric(proxy, "uncertain_total", &[]).await, 0.0);
}

/// Starts clients with one command in flight each, and as many with 32.
async fn crowd(proxy: &ProxyProcess) -> Vec<Counters> {
    let mut counters = Vec::new();
    for depth in [1, 32] {
        counters.push(Counters::start(proxy.address(), 12, depth, 4).await);
    }
    counters
}

async fn all_advance(counters: &[Counters]) {
    for counters in counters {
        counters.advance(20).await;
    }
}

async fn assert_unharmed(server: &str, counters: Vec<Counters>, proxy: &ProxyProcess) {
    for counters in counters {
        let waits = counters.assert_unharmed(proxy.address()).await;
        println!("{server}: {waits:?}");
    }
}

/// Starts a master with a replica, whose data outlives its restart.
async fn kept_master(program: Option<PathBuf>) -> (RedisServer, RedisServer) {
    let config = vec!["appendonly yes".to_owned()];
    let options = RedisOptions { program: program.clone(), config, ..RedisOptions::default() };
    let master = RedisServer::start(options).await.unwrap();
    let replica_of = Some(master.address());
    let replica = RedisServer::start(RedisOptions { program, replica_of, ..RedisOptions::default() }).await;
    (master, replica.unwrap())
}

/// Waits until it has its replica: only then a server waits before it ends.
async fn wait_for_replica(master: &RedisServer) {
    wait_until("the replica is in step", LIMIT, || async {
        let mut client = master.client().await.map_err(|error| error.to_string())?;
        let info = client.call(&["INFO", "replication"]).await.map_err(|error| error.to_string())?;
        let info = info.text().unwrap_or_default();
        if info.contains("state=online") { Ok(()) } else { Err(info) }
    })
    .await
    .unwrap();
}

#[test]
fn a_master_that_is_restarted_in_good_order_costs_nobody_a_command() {
    let restarts = times(RESTARTS, 2);
    for (name, program) in servers() {
        run_within(limit(restarts), async {
            let (mut master, _replica) = kept_master(program).await;
            wait_for_replica(&master).await;
            let proxy = proxy(&format!("redis://{}", master.address()), &[]).await;
            for depth in [1, 32] {
                // Removes the counters of the round before.
                client(proxy.address()).await.must(&["FLUSHDB"]).await.unwrap();
                let counters = Counters::start(proxy.address(), 12, depth, 4).await;
                for _ in 0..restarts {
                    let began = Instant::now();
                    master.restart_in_order().await.unwrap();
                    counters.advance(20).await;
                    measured("a restart until every client counted on", began);
                    wait_for_replica(&master).await;
                }
                let waits = counters.assert_unharmed(proxy.address()).await;
                println!("{name}, {depth} in flight: {waits:?}");
            }
            assert_nothing_uncertain(&proxy).await;
        });
    }
}

/// A server without a replica ends at once, and commands that it had read may have run.
#[test]
fn a_master_without_replicas_leaves_the_outcome_unknown() {
    run(async {
        let options = RedisOptions { config: vec!["appendonly yes".to_owned()], ..RedisOptions::default() };
        let mut master = RedisServer::start(options).await.unwrap();
        let proxy = proxy(&format!("redis://{}", master.address()), &[]).await;
        let mut counting = client(proxy.address()).await;
        let (mut sent, mut answered, mut unknown) = (0, 0, 0);
        for _ in 0..10 {
            let batch = tideover_testbed::client::encode(&["INCR", "n"]).repeat(1000);
            counting.write(&batch).await.unwrap();
            master.restart_in_order().await.unwrap();
            for _ in 0..1000 {
                match counting.reply().await.unwrap() {
                    tideover_testbed::client::Reply::Integer(_) => answered += 1,
                    other => {
                        assert_eq!(other.error_class(), Some("UNCERTAIN"), "{other:?}");
                        unknown += 1;
                    }
                }
            }
            sent += 1000;
        }
        let held = counting.call(&["GET", "n"]).await.unwrap().text().unwrap();
        let held: i64 = held.parse().unwrap();
        println!("{sent} sent, {answered} answered, {unknown} unknown, {held} ran");
        assert!(
            (answered..=answered + unknown).contains(&held),
            "{answered} answered, {unknown} unknown, {held} ran"
        );
    });
}

#[test]
#[ignore = "make test-failovers"]
fn the_nodes_of_a_sentinel_deployment_are_restarted_in_turn_without_a_trace() {
    let rounds = times(ROUNDS, 1);
    for (name, program) in servers() {
        run_within(limit(rounds), async {
            let options = SentinelOptions { program, ..SentinelOptions::default() };
            let mut deployment = SentinelDeployment::start(options).await.unwrap();
            deployment.wait_until_healthy(LIMIT).await.unwrap();
            let proxy = proxy(&deployment.url(), &["failover.hold=60s"]).await;
            let counters = crowd(&proxy).await;
            for _ in 0..rounds {
                roll(&mut deployment, &counters).await;
            }
            assert_unharmed(name, counters, &proxy).await;
            assert_nothing_uncertain(&proxy).await;
        });
    }
}

/// Restarts the replicas first, then the master, which another replaces.
async fn roll(deployment: &mut SentinelDeployment, counters: &[Counters]) {
    let master = deployment.wait_until_healthy(LIMIT).await.unwrap();
    let nodes = deployment.nodes();
    for node in nodes.iter().filter(|node| **node != master) {
        let index = deployment.index_of(*node).unwrap();
        deployment.node(index).unwrap().end_in_order().await.unwrap();
        deployment.restart_node(index).await.unwrap();
        all_advance(counters).await;
        deployment.wait_until_healthy(LIMIT).await.unwrap();
    }
    let began = Instant::now();
    let index = deployment.index_of(master).unwrap();
    deployment.node(index).unwrap().end_in_order().await.unwrap();
    deployment.wait_for_switch(master, LIMIT).await.unwrap();
    all_advance(counters).await;
    measured("from the end of the master until every client counted on", began);
    deployment.restart_node(index).await.unwrap();
    deployment.wait_until_healthy(LIMIT).await.unwrap();
}

#[test]
#[ignore = "make test-failovers"]
fn the_nodes_of_a_cluster_are_restarted_in_turn_without_a_trace() {
    let rounds = times(ROUNDS, 1);
    for (name, program) in servers() {
        run_within(limit(6 * rounds), async {
            let options = ClusterOptions { program, replicas: 1, ..ClusterOptions::default() };
            let mut cluster = ClusterDeployment::start(options).await.unwrap();
            let proxy = proxy(&cluster.url(), &["failover.hold=60s"]).await;
            let counters = crowd(&proxy).await;
            for _ in 0..rounds {
                roll_cluster(&mut cluster, &counters).await;
            }
            assert_unharmed(name, counters, &proxy).await;
            assert_nothing_uncertain(&proxy).await;
        });
    }
}

/// Restarts in each shard first the replica, then the master.
async fn roll_cluster(cluster: &mut ClusterDeployment, counters: &[Counters]) {
    for slot in [0, 6000, 12000] {
        let master = cluster.master_of(slot).await.expect("a master of the slot");
        for replica in cluster.replicas_of(master).await {
            cluster.node_at(replica).unwrap().restart_in_order().await.unwrap();
            all_advance(counters).await;
            cluster.wait_until_healthy(LIMIT).await.unwrap();
        }
        let began = Instant::now();
        cluster.node_at(master).unwrap().end_in_order().await.unwrap();
        cluster.wait_for_switch(slot, master, LIMIT).await.unwrap();
        all_advance(counters).await;
        measured("from the end of a master until every client counted on", began);
        cluster.restart(master).await.unwrap();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
    }
}

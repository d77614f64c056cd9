//! Tests shards that are added, removed, or lost as a whole.

use std::time::{Duration, Instant};

use tideover_testbed::cluster::ClusterOptions;

use super::support::{
    LIMIT, SLOTS, cluster, load, master_of, measured, metric, proxy, run, spread, topology, wait_for_metric,
    wait_for_state, within,
};

fn without_replicas() -> ClusterOptions {
    ClusterOptions { replicas: 0, ..ClusterOptions::default() }
}

#[test]
fn a_shard_is_added_and_removed_under_load() {
    run(async {
        let mut cluster = cluster(without_replicas()).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let jobs = [spread("c", &[0, 8]), within("t", 0..=300, &[0, 8])].concat();
        let load = load(&proxy, &jobs).await;
        let old = master_of(&cluster, SLOTS[0]).await;
        let new = cluster.add_node().await.unwrap();
        cluster.reshard(old, new, 0..=300).await.unwrap();
        load.advance(20).await.unwrap();
        let told = topology(&proxy).await.to_string();
        assert!(told.contains(&new.to_string()), "{told}");
        cluster.reshard(new, old, 0..=300).await.unwrap();
        load.advance(20).await.unwrap();
        cluster.remove_node(new).await.unwrap();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
        load.advance(20).await.unwrap();

        let books = load.finish().await.unwrap();
        books.assert_unnoticed(&cluster).await.unwrap();
        assert_eq!(books.older(), 0);
    });
}

/// The other shards go on; commands for the lost shard wait for it.
#[test]
fn without_full_coverage_a_lost_shard_is_waited_for_and_the_others_go_on() {
    run(async {
        let options = ClusterOptions { full_coverage: false, ..without_replicas() };
        let mut cluster = cluster(options).await;
        let proxy = proxy(&cluster.url(), &["failover.hold=60s"]).await;
        let lost = load(&proxy, &within("a", 0..=5460, &[0, 4])).await;
        let jobs = [within("b", 5461..=10921, &[0, 4]), within("c", 10922..=16383, &[0, 4])].concat();
        let others = load(&proxy, &jobs).await;
        others.take_slowest();
        others.advance(100).await.unwrap();
        let usual = others.take_slowest();
        let (node, other) = (master_of(&cluster, SLOTS[0]).await, master_of(&cluster, SLOTS[1]).await);
        cluster.kill(node);
        wait_for_metric(&proxy, "held_commands", &[], |held| held >= 2.0).await;
        wait_for_failed(&cluster, other, node).await;
        others.advance(50).await.unwrap();
        let longest = others.take_slowest();
        println!("clients of other shards: longest stall {longest:?}, usual {usual:?}");
        assert!(longest < usual + Duration::from_secs(1), "{longest:?}");

        let started = Instant::now();
        cluster.restart(node).await.unwrap();
        lost.advance(20).await.unwrap();
        measured("from the return of the shard until its clients were served", started);
        let (lost, others) = (lost.finish().await.unwrap(), others.finish().await.unwrap());
        others.assert_no_mix_up();
        others.assert_no_error();
        // It came back empty, so only the new writes can be checked.
        lost.assert_only_uncertain();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
        others.audit_cluster(&cluster).await.unwrap().assert_nothing_doubled();
    });
}

/// Waits until the others say that a node has failed.
async fn wait_for_failed(
    cluster: &tideover_testbed::cluster::ClusterDeployment,
    witness: std::net::SocketAddr,
    node: std::net::SocketAddr,
) {
    tideover_testbed::wait::wait_until("the node has failed", LIMIT, || async {
        let mut client = cluster.client(witness).await.map_err(|error| error.to_string())?;
        let nodes = client.call(&["CLUSTER", "NODES"]).await.map_err(|error| error.to_string())?;
        let nodes = nodes.text().unwrap_or_default();
        let line = nodes.lines().find(|line| line.contains(&node.to_string())).unwrap_or_default();
        if line.contains("master,fail ") { Ok(()) } else { Err(line.to_owned()) }
    })
    .await
    .unwrap();
}

/// All clients wait, since no node serves anything; then all go on.
#[test]
fn with_full_coverage_a_lost_shard_holds_everybody_until_it_returns() {
    run(async {
        let mut cluster = cluster(without_replicas()).await;
        let proxy = proxy(&cluster.url(), &["failover.hold=60s"]).await;
        let lost = load(&proxy, &within("a", 0..=5460, &[0, 4])).await;
        let jobs = [within("b", 5461..=10921, &[0, 4]), within("c", 10922..=16383, &[0, 4])].concat();
        let others = load(&proxy, &jobs).await;
        let (node, other) = (master_of(&cluster, SLOTS[0]).await, master_of(&cluster, SLOTS[1]).await);
        cluster.kill(node);
        wait_for_state(&cluster, other, "fail").await;
        wait_for_state(&cluster, master_of(&cluster, SLOTS[2]).await, "fail").await;
        wait_for_metric(&proxy, "held_commands", &[], |held| held >= 6.0).await;
        let before = others.rounds();

        let started = Instant::now();
        cluster.restart(node).await.unwrap();
        lost.advance(20).await.unwrap();
        others.advance(20).await.unwrap();
        measured("from the return of the shard until all were served", started);
        let (lost, others) = (lost.finish().await.unwrap(), others.finish().await.unwrap());
        assert!(before.iter().all(|steps| *steps > 0));
        others.assert_no_mix_up();
        others.assert_no_error();
        lost.assert_only_uncertain();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
        let audit = others.audit_cluster(&cluster).await.unwrap();
        audit.assert_nothing_doubled();
        audit.assert_nothing_lost();
        assert_eq!(others.older(), 0);
        assert_eq!(metric(&proxy, "held_bytes", &[]).await, 0.0);
    });
}

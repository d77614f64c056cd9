//! Tests reads from replicas through the proxy: which nodes serve them, and what happens when such a node fails.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "common/live.rs"]
mod live;

use std::net::SocketAddr;

use live::{LIMIT, client, proxy, run, wait_for_metric};
use tideover_testbed::client::{Client, Reply};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Parses the calls of a command that a node has served from its INFO commandstats.
fn calls(stats: &str, command: &str) -> u64 {
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|rest| rest.split(',').next()).map_or(0, |count| count.parse().unwrap())
}

async fn served(mut node: Client, command: &str) -> u64 {
    let stats = node.call(&["INFO", "commandstats"]).await.unwrap();
    calls(&stats.text().unwrap(), command)
}

/// Writes each key, and waits until all replicas of its master have it, so that any of them can serve it.
async fn write_all(address: SocketAddr, replicas: i64) {
    let mut plain = client(address).await;
    for key in KEYS {
        assert_eq!(plain.call(&["SET", key, key]).await.unwrap(), Reply::Simple("OK".into()));
    }
    let limit = LIMIT.as_millis().to_string();
    let reached = plain.call(&["WAIT", &replicas.to_string(), &limit]).await.unwrap();
    assert_eq!(reached, Reply::Integer(replicas));
}

async fn read_all(plain: &mut Client) {
    for key in KEYS {
        assert_eq!(plain.call(&["GET", key]).await.unwrap().text().as_deref(), Some(key));
    }
    let mut all = vec!["MGET"];
    all.extend(KEYS);
    let replies = plain.call(&all).await.unwrap();
    let texts: Vec<_> = replies.elements().iter().map(|reply| reply.text().unwrap()).collect();
    assert_eq!(texts, KEYS);
}

/// Waits until so many nodes serve as replicas without lag, as far as the proxy knows.
async fn wait_for_replicas(proxy: &ProxyProcess, count: usize) {
    let fits = |up: f64| up >= count as f64;
    wait_for_metric(proxy, "node_up", &["role=\"replica\""], fits).await;
}

#[test]
fn replicas_of_a_cluster_serve_reads_and_the_master_stands_in() {
    run(async {
        let mut cluster = ClusterDeployment::start(ClusterOptions::default()).await.unwrap();
        let proxy = proxy(&cluster.url(), &["reads.from=prefer-replica"]).await;
        wait_for_replicas(&proxy, 3).await;
        write_all(proxy.address(), 1).await;
        let mut masters = Vec::new();
        for slot in [0, 6000, 12000] {
            masters.push(cluster.master_of(slot).await.unwrap());
        }
        let mut before = Vec::new();
        for master in &masters {
            before.push(served(cluster.client(*master).await.unwrap(), "get").await);
        }
        let mut plain = client(proxy.address()).await;
        read_all(&mut plain).await;
        for (master, before) in masters.iter().zip(&before) {
            assert_eq!(served(cluster.client(*master).await.unwrap(), "get").await, *before, "{master}");
        }
        let replicas = cluster.replicas_of(masters[0]).await;
        for replica in replicas {
            cluster.kill(replica);
        }
        read_all(&mut plain).await;
        // A node whose reads hang is given up after node_timeout, and the read goes elsewhere.
        let hung = cluster.replicas_of(masters[1]).await[0];
        cluster.node_at(hung).unwrap().process().stop();
        read_all(&mut plain).await;
        cluster.node_at(hung).unwrap().process().cont();
    });
}

#[test]
fn replicas_behind_sentinel_serve_reads_and_writes_go_to_the_master() {
    run(async {
        let mut deployment = SentinelDeployment::start(SentinelOptions::default()).await.unwrap();
        let proxy = proxy(&deployment.url(), &["reads.from=prefer-replica"]).await;
        wait_for_replicas(&proxy, 2).await;
        write_all(proxy.address(), 2).await;
        let master = deployment.master().await.unwrap();
        let before = served(deployment.client(master).await.unwrap(), "get").await;
        let mut plain = client(proxy.address()).await;
        read_all(&mut plain).await;
        assert_eq!(served(deployment.client(master).await.unwrap(), "get").await, before);
        // Commands that do more than read keys stay with the master.
        assert_eq!(plain.call(&["GETSET", "a", "a"]).await.unwrap().text().as_deref(), Some("a"));
        assert_eq!(plain.call(&["MULTI"]).await.unwrap(), Reply::Simple("OK".into()));
        plain.call(&["GET", "a"]).await.unwrap();
        assert_eq!(plain.call(&["EXEC"]).await.unwrap().elements().len(), 1);
        assert_eq!(served(deployment.client(master).await.unwrap(), "get").await, before + 1);
        for node in deployment.nodes().into_iter().filter(|node| *node != master) {
            deployment.kill_node(node);
        }
        read_all(&mut plain).await;
    });
}

#[test]
fn a_replica_that_is_too_far_behind_serves_nothing() {
    run(async {
        let deployment = SentinelDeployment::start(SentinelOptions::default()).await.unwrap();
        let proxy = proxy(&deployment.url(), &["reads.from=replica", "reads.max_lag=500ms"]).await;
        wait_for_replicas(&proxy, 2).await;
        write_all(proxy.address(), 2).await;
        let master = deployment.master().await.unwrap();
        let mut plain = client(proxy.address()).await;
        // The replicas are cut off from new writes: none of them may be read.
        for node in deployment.nodes().into_iter().filter(|node| *node != master) {
            let mut direct = deployment.client(node).await.unwrap();
            direct.call(&["REPLICAOF", "127.0.0.1", "1"]).await.unwrap();
        }
        assert_eq!(plain.call(&["SET", "a", "new"]).await.unwrap(), Reply::Simple("OK".into()));
        wait_for_metric(&proxy, "node_up", &["role=\"replica\""], |up| up == 0.0).await;
        // The read waits some seconds, until Sentinel has made one of them a replica of the master again.
        assert_eq!(plain.call(&["GET", "a"]).await.unwrap().text().as_deref(), Some("new"));
    });
}

//! Tests nodes that answer late: commands that were sent get their own answers, and so do those that arrive meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "common/live.rs"]
mod live;

use std::net::SocketAddr;
use std::time::Instant;

use live::{LIMIT, client, measured, metric, proxy, run};
use tideover_testbed::client::{Client, Reply};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::server::{RedisOptions, RedisServer};

const SETTINGS: [&str; 1] = ["failover.node_timeout=500ms"];

fn debug() -> Vec<String> {
    vec!["enable-debug-command yes".to_owned()]
}

/// A client that increments a counter, one command at a time.
struct Counter {
    client: Client,
    key: String,
    asked: i64,
}

impl Counter {
    async fn open(proxy: &ProxyProcess, key: String) -> Self {
        let mut counter = Self { client: client(proxy.address()).await, key, asked: 0 };
        counter.ask().await;
        counter.answer().await;
        counter
    }

    async fn ask(&mut self) {
        self.asked += 1;
        self.client.send(&["INCR", &self.key]).await.unwrap();
    }

    async fn answer(&mut self) {
        assert_eq!(self.client.reply().await.unwrap(), Reply::Integer(self.asked), "{}", self.key);
    }
}

/// The node sleeps for four seconds while commands are in flight, and others arrive.
async fn slow(proxy: &ProxyProcess, node: SocketAddr) {
    let mut counters = Vec::new();
    for n in 0..16 {
        // The keys are in the same slot: in front of a cluster all of them belong to this node.
        counters.push(Counter::open(proxy, format!("{{k}}{n}")).await);
    }
    let began = Instant::now();
    let mut direct = client(node).await;
    direct.send(&["DEBUG", "SLEEP", "4"]).await.unwrap();
    let (sent, held) = counters.split_at_mut(8);
    for counter in sent.iter_mut() {
        counter.ask().await;
    }
    let mut held = held.iter_mut();
    while metric(proxy, "held_commands", &[]).await < 1.0 {
        match held.next() {
            Some(counter) => counter.ask().await,
            None => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
        assert!(began.elapsed() < LIMIT, "nothing is held");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    for counter in held {
        counter.ask().await;
    }
    for counter in &mut counters {
        counter.answer().await;
    }
    measured("until everybody had an answer", began);
    script(proxy).await;
    assert_eq!(metric(proxy, "uncertain_total", &[]).await, 0.0);
}

/// A script keeps its node busy, with other commands behind it.
async fn script(proxy: &ProxyProcess) {
    let began = Instant::now();
    let mut client = client(proxy.address()).await;
    let script = "local n = 0; for i = 1, 2e8 do n = n + i end; return redis.call('INCR', KEYS[1])";
    client.send(&["EVAL", script, "1", "{k}script"]).await.unwrap();
    client.send(&["INCR", "{k}script"]).await.unwrap();
    assert_eq!(client.reply().await.unwrap(), Reply::Integer(1));
    assert_eq!(client.reply().await.unwrap(), Reply::Integer(2));
    measured("a script of two hundred million turns", began);
}

#[test]
fn a_slow_single_node_answers_late() {
    run(async {
        let options = RedisOptions { config: debug(), ..RedisOptions::default() };
        let server = RedisServer::start(options).await.unwrap();
        let proxy = proxy(&format!("redis://{}", server.address()), &SETTINGS).await;
        slow(&proxy, server.address()).await;
    });
}

#[test]
fn a_slow_master_before_patient_sentinels_answers_late() {
    run(async {
        let options =
            SentinelOptions { down_after_ms: 30_000, node_config: debug(), ..SentinelOptions::default() };
        let deployment = SentinelDeployment::start(options).await.unwrap();
        let master = deployment.wait_until_healthy(LIMIT).await.unwrap();
        let proxy = proxy(&deployment.url(), &SETTINGS).await;
        slow(&proxy, master).await;
        assert_eq!(deployment.master().await, Some(master));
    });
}

#[test]
fn a_slow_shard_of_a_patient_cluster_answers_late() {
    run(async {
        let options =
            ClusterOptions { node_timeout_ms: 30_000, node_config: debug(), ..ClusterOptions::default() };
        let cluster = ClusterDeployment::start(options).await.unwrap();
        let proxy = proxy(&cluster.url(), &SETTINGS).await;
        let owner = owner_of(&cluster, "{k}").await;
        slow(&proxy, owner).await;
    });
}

async fn owner_of(cluster: &ClusterDeployment, key: &str) -> SocketAddr {
    for node in cluster.nodes() {
        let mut direct = client(node).await;
        if direct.call(&["SET", key, "v"]).await.unwrap().error_class().is_none() {
            return node;
        }
    }
    panic!("nobody owns the slot of {key}");
}

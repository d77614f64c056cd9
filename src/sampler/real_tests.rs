//! Tests the sampler against real servers that do not replicate, so that they differ as long as a test wants.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::task::JoinHandle;

use super::*;
use crate::topology::{ConfigEpoch, Node, Role, Shard, View};
use tideover_testbed::client::Client;
use tideover_testbed::server::{RedisOptions, RedisServer};

const PATIENCE: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_millis(400);

struct Rig {
    servers: Vec<RedisServer>,
    clients: Vec<Client>,
    cell: Arc<TopologyCell>,
    metrics: Arc<SamplerMetrics>,
    connections: PeerConnections,
    task: JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rig {
    /// Starts two servers with these lines in their config, both up.
    async fn start(config: &[&str]) -> Self {
        Self::of(None, config).await
    }

    /// Starts two servers of a program that may be another than Redis.
    async fn of(program: Option<PathBuf>, config: &[&str]) -> Self {
        let (mut servers, mut clients) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let config = config.iter().map(|line| (*line).to_owned()).collect();
            let password = Some("secret".to_owned());
            let options =
                RedisOptions { program: program.clone(), config, password, ..RedisOptions::default() };
            let server = RedisServer::start(options).await.unwrap();
            clients.push(server.client().await.unwrap());
            servers.push(server);
        }
        let nodes: Vec<String> = servers.iter().map(|server| server.address().to_string()).collect();
        let mut proxy = config::one_proxy(&format!("redis-active://:secret@{}", nodes.join(","))).unwrap();
        proxy.active.sampler = config::SamplerSettings { keys_per_second: 400, settle: SETTLE };
        assert!(is_wanted(&proxy));
        let cell = Arc::new(TopologyCell::new());
        let metrics = Arc::new(SamplerMetrics::default());
        let connections = PeerConnections::default();
        let task = tokio::spawn(run(proxy, Arc::clone(&cell), connections.clone(), Arc::clone(&metrics)));
        let rig = Rig { servers, clients, cell, metrics, connections, task };
        rig.publish([NodeState::Up, NodeState::Up]);
        rig
    }

    fn publish(&self, states: [NodeState; 2]) {
        let node = |(server, state): (&RedisServer, NodeState)| Node {
            endpoint: endpoint(server.address()),
            role: Role::Active,
            state,
            run_id: None,
            rtt: None,
            lag: None,
        };
        let nodes = self.servers.iter().zip(states).map(node).collect();
        let shard = Shard { slots: vec![(0, 16383)], master: Some(0), nodes, epoch: ConfigEpoch::default() };
        self.cell.publish(View { shards: vec![shard], asks_password: false });
    }

    async fn tell(&mut self, node: usize, command: &str) {
        let words: Vec<&str> = command.split(' ').collect();
        self.clients[node].must(&words).await.unwrap();
    }

    async fn tell_both(&mut self, command: &str) {
        self.tell(0, command).await;
        self.tell(1, command).await;
    }

    /// Waits until the metrics are as wanted.
    async fn until(&self, what: &str, is_so: impl Fn(&SamplerMetrics) -> bool) {
        let looked = async {
            while !is_so(&self.metrics) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let came = timeout(PATIENCE, looked).await;
        assert!(came.is_ok(), "did not come about: {what}; now {:?}", self.metrics);
    }

    /// Waits for so many more looks, whatever they find.
    async fn looks(&self, count: u64) {
        let all = |metrics: &SamplerMetrics| -> u64 {
            SampleResult::ALL.iter().map(|result| metrics.seen(*result)).sum()
        };
        let before = all(&self.metrics);
        self.until("more looks", |metrics| all(metrics) >= before + count).await;
    }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::new(&address.ip().to_string(), address.port())
}

/// Writes a key of every type, in another order on each server where the order does not count.
async fn fill(rig: &mut Rig) {
    rig.tell_both("SET string x").await;
    rig.tell_both("RPUSH list a b c").await;
    rig.tell(0, "SADD set a b c").await;
    rig.tell(1, "SADD set c b a").await;
    rig.tell(0, "HSET hash f 1 g 2").await;
    rig.tell(1, "HSET hash g 2 f 1").await;
    rig.tell_both("ZADD zset 1.5 a 2 b").await;
    rig.tell_both("XADD stream 1-1 f v").await;
}

/// The two ways of comparing: by the nodes' own digests, and by plain reads where those are forbidden.
const WAYS: [&[&str]; 2] = [&["enable-debug-command yes"], &["enable-debug-command no"]];

#[tokio::test]
async fn nodes_that_differ_for_longer_than_settle_have_diverged_until_they_agree() {
    for config in WAYS {
        let mut rig = Rig::start(config).await;
        fill(&mut rig).await;
        rig.looks(100).await;
        assert_eq!(rig.metrics.known(), 0, "{config:?}");
        // One key has another value, and another key exists at one node only.
        let differed = std::time::Instant::now();
        rig.tell(1, "SET string y").await;
        rig.tell(1, "SET alone z").await;
        rig.until("both have diverged", |metrics| metrics.known() == 2).await;
        assert!(differed.elapsed() > SETTLE, "{config:?}: {:?}", differed.elapsed());
        rig.tell(0, "SET string y").await;
        rig.tell(1, "DEL alone").await;
        rig.until("both have healed", |metrics| metrics.known() == 0).await;
        assert_eq!(rig.metrics.seen(SampleResult::Skipped), 0, "{config:?}");
    }
}

#[tokio::test]
async fn every_type_is_compared_by_its_elements() {
    let changes = ["RPUSH list d", "SADD set d", "HSET hash f 2", "ZADD zset 3 a", "XADD stream 2-1 f v"];
    for config in WAYS {
        let mut rig = Rig::start(config).await;
        fill(&mut rig).await;
        for (count, change) in (1..).zip(changes) {
            rig.tell(0, change).await;
            rig.until(change, |metrics| metrics.known() == count).await;
        }
        for change in changes {
            rig.tell(1, change).await;
        }
        rig.until("all have healed", |metrics| metrics.known() == 0).await;
    }
}

#[tokio::test]
async fn a_key_that_is_written_all_the_time_has_not_diverged_and_a_large_one_is_passed_over() {
    let mut rig = Rig::start(WAYS[0]).await;
    rig.tell_both(&format!("SETRANGE large 2000000 {}", "x".repeat(10))).await;
    rig.until("passed over", |metrics| metrics.seen(SampleResult::Skipped) > 0).await;
    rig.tell_both("DEL large").await;
    let started = std::time::Instant::now();
    let mut number = 0;
    while started.elapsed() < SETTLE * 4 {
        number += 1;
        rig.tell(0, &format!("SET busy {number}")).await;
        rig.tell(1, &format!("SET busy -{number}")).await;
        // The sampler must have looked in between.
        rig.looks(2).await;
    }
    assert!(rig.metrics.seen(SampleResult::Differs) > 10);
    assert_eq!(rig.metrics.known(), 0);
    rig.until("nobody writes any more", |metrics| metrics.known() == 1).await;
}

#[tokio::test]
async fn a_node_that_is_not_up_is_left_out() {
    let mut rig = Rig::start(WAYS[0]).await;
    let connected = |count| {
        let connections = rig.connections.clone();
        move |_: &SamplerMetrics| connections.snapshot().len() == count
    };
    rig.until("it has connected to both", connected(2)).await;
    rig.publish([NodeState::Up, NodeState::Syncing]);
    rig.until("it has left one", connected(1)).await;
    rig.tell(0, "SET string x").await;
    assert_eq!(rig.metrics.seen(SampleResult::Differs), 0);
    rig.publish([NodeState::Up, NodeState::Up]);
    rig.until("it looks again", |metrics| metrics.seen(SampleResult::Differs) > 0).await;
    rig.tell(1, "SET string x").await;
    let agrees = rig.metrics.seen(SampleResult::Agrees);
    rig.until("both agree", |metrics| metrics.seen(SampleResult::Agrees) > agrees).await;
    // The connections to one that died are given up, and opened again.
    rig.servers[1].restart(None).await.unwrap();
    rig.clients[1] = rig.servers[1].client().await.unwrap();
    let differs = rig.metrics.seen(SampleResult::Differs);
    rig.until("it is empty now", |metrics| metrics.seen(SampleResult::Differs) > differs).await;
}

/// KeyDB crashes when it is asked for the size or the digest of a nested hash.
#[tokio::test]
async fn keydb_outlives_looks_at_the_types_that_only_it_has() {
    let named = std::env::var_os("TIDEOVER_KEYDB_SERVER").filter(|path| !path.is_empty());
    let Some(program) = named.map(PathBuf::from) else {
        eprintln!("SKIPPED: TIDEOVER_KEYDB_SERVER names no server");
        return;
    };
    let mut rig = Rig::of(Some(program), &["server-threads 1"]).await;
    rig.tell_both("KEYDB.NHSET nested.field x").await;
    rig.tell_both("KEYDB.CRON cron SINGLE 1000000 return 0").await;
    rig.tell_both("SET string x").await;
    let seen = |metrics: &SamplerMetrics, result| metrics.seen(result) >= 10;
    rig.until("looks at keys of both kinds", |metrics| {
        seen(metrics, SampleResult::Skipped) && seen(metrics, SampleResult::Agrees)
    })
    .await;
    rig.tell_both("PING").await;
}

//! The replicas that may serve reads: real ones that are frozen, load or sync.

use super::*;
use crate::config::{ReadFrom, Reads};
use crate::reads::readers;
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};

const POLICY: Reads = Reads { from: ReadFrom::PreferReplica, max_lag: Duration::from_secs(1) };

fn reading(mut proxy: Proxy) -> Running {
    proxy.reads = POLICY;
    Running::start(proxy)
}

/// Returns true if this node would serve reads.
fn serves(topology: &Topology, endpoint: &Endpoint) -> bool {
    let mut readers = topology.shards.iter().flat_map(|shard| readers(shard, &POLICY, 0).0);
    readers.any(|reader| reader.endpoint == *endpoint && !reader.is_master)
}

fn state_of(topology: &Topology, endpoint: &Endpoint) -> Option<NodeState> {
    let mut nodes = topology.shards.iter().flat_map(|shard| &shard.nodes);
    nodes.find(|node| node.endpoint == *endpoint).map(|node| node.state)
}

/// Returns the lag that `/topology` and the metrics show.
fn lag_of(running: &Running, endpoint: &Endpoint) -> Option<Duration> {
    running.events.health.load().iter().find(|seen| seen.endpoint == *endpoint).and_then(|seen| seen.lag)
}

/// A writer that writes all the time until it is dropped.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    fn start(port: u16, command: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let write = move || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                Prober { stream: &mut stream }.ask(command);
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        Writer { stop, thread: Some(std::thread::spawn(write)) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn until_lag(running: &Running, endpoint: &Endpoint, least: Duration) {
    let deadline = Instant::now() + PATIENCE;
    while lag_of(running, endpoint).is_none_or(|lag| lag < least) {
        assert!(Instant::now() < deadline, "never {least:?} behind, but {:?}", lag_of(running, endpoint));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_frozen_replica_falls_behind_and_serves_nothing_until_it_has_caught_up() {
    let deployment = Deployment::start(30_000);
    let running = reading(deployment.proxy());
    let master = running.settled().await;
    let _writer = Writer::start(master.port, "INCR n");
    let [frozen, other] = [1, 2].map(|index| deployment.nodes[index].endpoint());
    running.until("both serve", |topology| serves(topology, &frozen) && serves(topology, &other)).await;
    for round in 0..2 {
        deployment.nodes[1].signal(Signal::SIGSTOP);
        let stopped = Instant::now();
        let (topology, at) =
            running.until("the frozen one serves no more", |topology| !serves(topology, &frozen)).await;
        println!("round {round}: serves nothing {:?} after it was stopped", at - stopped);
        assert!(serves(&topology, &other));
        // The allowed lag, and twice the time between two questions.
        assert!(at - stopped < POLICY.max_lag + Duration::from_millis(1000), "{:?}", at - stopped);
        until_lag(&running, &frozen, Duration::from_millis(2500)).await;
        assert!(
            lag_of(&running, &frozen).is_some_and(|lag| lag <= stopped.elapsed() + Duration::from_secs(1))
        );
        deployment.nodes[1].signal(Signal::SIGCONT);
        let (topology, _) = running.until("it serves again", |topology| serves(topology, &frozen)).await;
        assert_eq!((up(&topology), super::master(&topology)), (3, Some(master.clone())));
    }
}

#[tokio::test]
async fn a_replica_that_was_restarted_serves_only_when_it_has_loaded_and_synced() {
    let mut deployment = Deployment::start(30_000);
    let running = reading(deployment.proxy());
    let master = running.settled().await;
    let fill = "EVAL \"for i = 1, 10000 do redis.call('SET', i, string.rep('x', 100)) end\" 0";
    ask(master.port, None, fill);
    let replica = deployment.nodes[1].endpoint();
    let (before, _) = running.until("it serves", |topology| serves(topology, &replica)).await;
    deployment.nodes[1].kill();
    running.until("down", |topology| state_of(topology, &replica) == Some(NodeState::Down)).await;
    assert_eq!(lag_of(&running, &replica), None);

    // The sync begins after two seconds; loading 10,000 keys takes one.
    ask(master.port, None, "CONFIG SET repl-diskless-sync-delay 2");
    let slow = ["--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024"];
    deployment.nodes[1].restart_with(&slow);
    let mut changed = running.cell.subscribe();
    let mut states = vec![NodeState::Down];
    let deadline = Instant::now() + PATIENCE;
    while !serves(&running.cell.load(), &replica) {
        let state = state_of(&running.cell.load(), &replica).unwrap();
        if states.last() != Some(&state) {
            states.push(state);
        }
        assert!(tokio::time::timeout_at(deadline.into(), changed.changed()).await.is_ok(), "{states:?}");
    }
    println!("{states:?}");
    assert!(states.contains(&NodeState::Syncing) && states.contains(&NodeState::Loading), "{states:?}");
    let identity = |topology: &Topology| {
        let nodes = &topology.shards[0].nodes;
        nodes.iter().find(|node| node.endpoint == replica).and_then(|node| node.run_id.clone())
    };
    assert_ne!(identity(&before), identity(&running.cell.load()));
    assert_eq!(lag_of(&running, &replica), Some(Duration::ZERO));
}

#[tokio::test]
async fn a_frozen_replica_of_a_cluster_serves_nothing_until_it_is_back() {
    let mut cluster = ClusterDeployment::start(ClusterOptions::default()).await.unwrap();
    let running = reading(crate::config::one_proxy(&cluster.url()).unwrap());
    running.until("six nodes up", |topology| up(topology) == 6).await;
    let master = cluster.master_of(0).await.unwrap();
    let replica = cluster.replicas_of(master).await[0];
    let endpoint = Endpoint::new("127.0.0.1", replica.port());
    // The key is in slot 0.
    let _writer = Writer::start(master.port(), "INCR 3560");
    running.until("it serves", |topology| serves(topology, &endpoint)).await;
    cluster.node_at(replica).unwrap().process().stop();
    let stopped = Instant::now();
    let (topology, at) = running.until("it serves no more", |topology| !serves(topology, &endpoint)).await;
    println!("serves nothing {:?} after it was stopped", at - stopped);
    assert!(at - stopped < POLICY.max_lag + Duration::from_millis(1000), "{:?}", at - stopped);
    let others = topology.shards.iter().filter(|shard| readers(shard, &POLICY, 0).0.len() == 2);
    assert_eq!(others.count(), 2, "other shards are not concerned");
    until_lag(&running, &endpoint, Duration::from_millis(1500)).await;
    cluster.node_at(replica).unwrap().process().cont();
    running.until("it serves again", |topology| serves(topology, &endpoint)).await;
}

/// A measurement, not a test: `cargo test measure_readers -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes ten seconds and asserts nothing"]
async fn measure_readers() {
    for from in [ReadFrom::PreferReplica, ReadFrom::Nearest] {
        let deployment = Deployment::start(30_000);
        let mut proxy = deployment.proxy();
        proxy.reads = Reads { from, ..POLICY };
        let running = Running::start(proxy);
        let master = running.settled().await;
        let _writer = Writer::start(master.port, "INCR n");
        let mut lags = Vec::new();
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            lags.push(lag_of(&running, &deployment.nodes[1].endpoint()));
        }
        lags.sort_unstable();
        println!("{from:?}: lag median {:?}, most {:?}", lags[100], lags[199]);
        println!("published: {:?}", running.events.snapshot().changes);
    }
}

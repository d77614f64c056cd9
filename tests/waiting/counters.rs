//! Clients that count, and clients that wait in vain: a restart of their node must leave no trace.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tideover_testbed::client::{Client, Reply, encode};
use tideover_testbed::wait::wait_until;
use tokio::task::JoinHandle;

use super::live::{LIMIT, client};

/// The time-out of a waiting client.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Tolerance, as the clocks of two processes may round differently.
const ROUNDING: Duration = Duration::from_millis(20);

/// The running clients.
pub(crate) struct Counters {
    stop: Arc<AtomicBool>,
    depth: usize,
    counts: Vec<Arc<AtomicU64>>,
    counting: Vec<JoinHandle<Vec<String>>>,
    waiting: Vec<JoinHandle<Waited>>,
}

/// The results of one waiting client.
#[derive(Debug, Default)]
pub(crate) struct Waited {
    pub(crate) times: usize,
    faults: Vec<String>,
    /// The longest wait beyond its time-out.
    pub(crate) late: Duration,
}

impl Counters {
    /// Starts `count` clients that INCR a key of their own with `depth` in flight, and `waiting` clients in BLPOP.
    pub(crate) async fn start(address: SocketAddr, count: usize, depth: usize, waiting: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (counts, counting, waits) = (Vec::new(), Vec::new(), Vec::new());
        let mut counters = Self { stop, depth, counts, counting, waiting: waits };
        for index in 0..count {
            let (stop, acked) = (Arc::clone(&counters.stop), Arc::new(AtomicU64::new(0)));
            counters.counts.push(Arc::clone(&acked));
            let task = count_on(client(address).await, key(depth, index), depth, stop, acked);
            counters.counting.push(tokio::spawn(task));
        }
        for index in 0..waiting {
            let task = wait_on(client(address).await, key(depth, index), Arc::clone(&counters.stop));
            counters.waiting.push(tokio::spawn(task));
        }
        counters.advance(50).await;
        counters
    }

    /// Waits until every counting client has counted this much further.
    pub(crate) async fn advance(&self, by: u64) {
        let goals: Vec<u64> = self.counts().iter().map(|count| count + by).collect();
        wait_until("every client counts on", LIMIT, || async {
            let counts = self.counts();
            let done = counts.iter().zip(&goals).all(|(count, goal)| count >= goal);
            if done { Ok(()) } else { Err(format!("{counts:?} of {goals:?}")) }
        })
        .await
        .unwrap();
    }

    fn counts(&self) -> Vec<u64> {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// Stops all of them, and checks that no client saw an error, every counter grew by one for each answer, and no
    /// wait ended early.
    pub(crate) async fn assert_unharmed(self, address: SocketAddr) -> Vec<Waited> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.counting {
            let faults = tokio::time::timeout(LIMIT, task).await.expect("a client hangs").unwrap();
            assert!(faults.is_empty(), "{} faults, the first: {}", faults.len(), faults[0]);
        }
        let mut reader = client(address).await;
        for (index, count) in self.counts.iter().enumerate() {
            let held = reader.call(&["GET", &key(self.depth, index)]).await.unwrap().text().unwrap();
            assert_eq!(held, count.load(Ordering::Relaxed).to_string(), "counter {index}");
        }
        let mut waits = Vec::new();
        for task in self.waiting {
            let waited = tokio::time::timeout(LIMIT, task).await.expect("a waiting client hangs").unwrap();
            assert!(waited.faults.is_empty(), "{:?}", waited.faults);
            waits.push(waited);
        }
        waits
    }
}

fn key(depth: usize, index: usize) -> String {
    format!("count:{depth}:{index}")
}

async fn count_on(
    mut client: Client,
    key: String,
    depth: usize,
    stop: Arc<AtomicBool>,
    acked: Arc<AtomicU64>,
) -> Vec<String> {
    let batch = encode(&["INCR", &key]).repeat(depth);
    let mut faults = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        client.write(&batch).await.unwrap();
        for _ in 0..depth {
            let expected = acked.load(Ordering::Relaxed) + 1;
            match client.reply().await.unwrap() {
                Reply::Integer(count) if u64::try_from(count) == Ok(expected) => {
                    acked.store(expected, Ordering::Relaxed);
                }
                other => faults.push(format!("{other:?} where {expected} was next")),
            }
        }
    }
    faults
}

async fn wait_on(mut client: Client, key: String, stop: Arc<AtomicBool>) -> Waited {
    let seconds = PATIENCE.as_secs_f64().to_string();
    let mut waited = Waited::default();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let reply = client.call(&["BLPOP", &format!("nothing:{key}"), &seconds]).await.unwrap();
        let took = began.elapsed();
        if reply != Reply::Nil || took + ROUNDING < PATIENCE {
            waited.faults.push(format!("{reply:?} after {took:?}"));
        }
        waited.times += 1;
        waited.late = waited.late.max(took.saturating_sub(PATIENCE));
    }
    waited
}

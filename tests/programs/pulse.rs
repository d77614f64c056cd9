//! Measures what replication lost, by a counter that is written to the master itself all the time, with the time of
//! each step recorded before it is sent. Replication is one stream: if a successor has a step, it also has all that the
//! master had executed before that step.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tideover_testbed::client::Client;
use tideover_testbed::wait::wait_until;
use tokio::task::JoinHandle;

use super::live::LIMIT;
use super::started::TAG;

/// The longest time of a step: a stopped master answers none.
const PATIENCE: Duration = Duration::from_secs(1);

/// The last step that was sent: no step is sent twice, so that the steps of an earlier pulse cannot be mistaken for
/// this one's.
static STEP: AtomicU64 = AtomicU64::new(0);

/// A running counter.
pub(crate) struct Pulse {
    /// The steps and the times at which they were sent.
    sent: Arc<Mutex<VecDeque<(u64, u64)>>>,
    task: JoinHandle<()>,
}

impl Pulse {
    /// Counts at this master until it answers no more; `books` has the clock.
    pub(crate) async fn start(master: SocketAddr, books: SocketAddr) -> Self {
        let sent = Arc::new(Mutex::new(VecDeque::new()));
        let mut master = Client::connect(master, PATIENCE).await.unwrap();
        let mut clock = Client::connect(books, LIMIT).await.unwrap();
        let steps = sent.clone();
        let task = tokio::spawn(async move {
            loop {
                let step = STEP.fetch_add(1, Ordering::Relaxed);
                let Some(now) = time(&mut clock).await else { return };
                steps.lock().unwrap().push_back((step, now));
                let beat = master.must(&["SET", &key(), &step.to_string()]).await;
                if beat.is_err() {
                    return;
                }
                // This is the pace of a load, not a wait.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        Self { sent, task }
    }

    /// Waits until these nodes have all that the master had been told by now. A node that has just synchronized lags
    /// for a second, though it counts as online.
    pub(crate) async fn reaches(&self, followers: &[SocketAddr]) {
        let begun = STEP.load(Ordering::Relaxed);
        for follower in followers {
            wait_until("the follower is in step", LIMIT, || async {
                let step = step_at(*follower).await;
                if step.is_some_and(|step| step >= begun) {
                    Ok(())
                } else {
                    Err(format!("{step:?} of {begun}"))
                }
            })
            .await
            .unwrap();
        }
    }

    /// Returns the time up to which this node has all that the master had executed; for a node without a step, the time
    /// at which the pulse began.
    pub(crate) async fn known_to(&self, successor: SocketAddr) -> u64 {
        let mut client = Client::connect(successor, LIMIT).await.unwrap();
        let step =
            client.must(&["GET", &key()]).await.unwrap().text().and_then(|step| step.parse::<u64>().ok());
        let sent = self.sent.lock().unwrap();
        let last = sent.iter().find(|(sent, _)| Some(*sent) == step).or(sent.front());
        last.map_or(0, |(_, at)| *at)
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns the last step that a node has.
async fn step_at(node: SocketAddr) -> Option<u64> {
    let mut client = Client::connect(node, LIMIT).await.unwrap();
    // A replica of a cluster answers only after READONLY, which elsewhere is an error without effect.
    client.call(&["READONLY"]).await.unwrap();
    client.call(&["GET", &key()]).await.unwrap().text()?.parse().ok()
}

async fn time(clock: &mut Client) -> Option<u64> {
    let time = clock.must(&["TIME"]).await.ok()?;
    let part = |index: usize| time.elements().get(index)?.text()?.parse::<u64>().ok();
    Some(part(0)? * 1000 + part(1)? / 1000)
}

fn key() -> String {
    format!("{TAG}:pulse")
}

//! The sampler compares the values of a few keys per second between nodes that all take writes, as long as the proxy runs.
//!
//! Active replication can leave nodes with different values for good, by two writes of one key that cross each other, or by
//! a node that comes back with old data. No node reports it. So the sampler takes random keys from each node in turn (one
//! node may have keys that no other has), asks all nodes for a digest of each, and looks again at those that differ
//! ([`suspects`] decides which have diverged). It repairs nothing, and sees database 0 only.
//!
//! [`suspects`], [`look`], [`reading`], [`pace`] and [`notices`] decide without socket and clock; [`peers`] asks the nodes.
//! The sampler runs on the control plane, so that no command waits for it.

mod look;
mod notices;
mod pace;
mod peers;
mod reading;
#[cfg(test)]
mod real_tests;
mod suspects;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use crate::config::{self, Kind};
use crate::metrics::sampler::SamplerMetrics;
use crate::reasons::SampleResult;
use crate::topology::cell::TopologyCell;
use crate::topology::health::PeerConnections;
use crate::topology::{Endpoint, NodeState, Topology, active};

use self::look::{KeyReport, Look, Skipped};
use self::notices::{Notices, SampleNotice};
use self::pace::Pace;
use self::peers::SampledPeers;
use self::suspects::{LookVerdict, SuspectKey, Suspects};

/// The pause while there are fewer than two nodes to compare.
const TOO_FEW_PAUSE: Duration = Duration::from_secs(1);
/// The pause if the node that was asked has no key; the next one may have.
const NO_KEY_PAUSE: Duration = Duration::from_millis(100);

/// Returns true if this proxy needs a sampler.
pub(crate) fn is_wanted(proxy: &config::Proxy) -> bool {
    let on = proxy.active.sampler.keys_per_second > 0;
    match &proxy.backend.kind {
        Kind::Active { .. } => on,
        Kind::Fixed { .. } | Kind::Sentinel { .. } | Kind::Cluster { .. } => false,
    }
}

/// Samples until the future is dropped, which closes its connections.
pub(crate) async fn run(
    proxy: config::Proxy,
    cell: Arc<TopologyCell>,
    connections: PeerConnections,
    metrics: Arc<SamplerMetrics>,
) {
    let settings = &proxy.active.sampler;
    let sampler = Sampler {
        peers: SampledPeers::new(proxy.backend.credentials.clone(), connections),
        suspects: Suspects::new(settings.settle),
        notices: Notices::new(settings.settle),
        pace: Pace::new(settings.keys_per_second),
        proxy: proxy.name,
        cell,
        metrics,
        started: Instant::now(),
    };
    sampler.run().await;
}

struct Sampler {
    proxy: String,
    cell: Arc<TopologyCell>,
    metrics: Arc<SamplerMetrics>,
    peers: SampledPeers,
    suspects: Suspects,
    notices: Notices,
    pace: Pace,
    started: Instant,
}

impl Sampler {
    async fn run(mut self) {
        let mut changed = self.cell.subscribe();
        loop {
            let nodes = up_nodes(&self.cell.load());
            if self.peers.connect(&nodes).await < 2 {
                // A new topology may have more nodes, and a node that failed is tried again.
                let _ = timeout(TOO_FEW_PAUSE, changed.changed()).await;
                continue;
            }
            sleep_until(self.started + self.pace.next()).await;
            let keys = self.keys().await;
            if keys.is_empty() {
                sleep_until(Instant::now() + NO_KEY_PAUSE).await;
            } else {
                let looks = self.peers.look(&keys).await;
                self.judge(&keys, looks);
            }
            log(&self.proxy, self.notices.take(self.started.elapsed()));
        }
    }

    /// Returns the keys to look at now: some that differed before, and new ones.
    async fn keys(&mut self) -> Arc<[SuspectKey]> {
        let now = self.started.elapsed();
        let room = self.pace.take(now);
        let mut keys: BTreeSet<SuspectKey> = self.suspects.due(now, room).into_iter().collect();
        if keys.len() < room {
            keys.extend(self.peers.random_keys(room - keys.len()).await);
        }
        keys.into_iter().collect()
    }

    fn judge(&mut self, keys: &[SuspectKey], looks: Vec<(Endpoint, Vec<KeyReport>)>) {
        let now = self.started.elapsed();
        for (index, key) in keys.iter().enumerate() {
            let reports = looks
                .iter()
                .map(|(node, reports)| (node.clone(), reports.get(index).copied().unwrap_or(Err(Skipped))));
            let result = match Look::of(reports) {
                Ok(look) => self.judge_one(now, key, &look),
                Err(Skipped) => SampleResult::Skipped,
            };
            self.metrics.count_sampled(result);
        }
    }

    fn judge_one(&mut self, now: Duration, key: &SuspectKey, look: &Look) -> SampleResult {
        match self.suspects.record(now, key, look) {
            LookVerdict::Agrees => SampleResult::Agrees,
            LookVerdict::Differs => SampleResult::Differs,
            LookVerdict::Healed => {
                self.notices.healed();
                self.metrics.set_diverged(self.suspects.diverged());
                SampleResult::Agrees
            }
            LookVerdict::Diverged => {
                self.notices.diverged(key, look);
                self.metrics.set_diverged(self.suspects.diverged());
                SampleResult::Differs
            }
        }
    }
}

/// Returns the nodes to compare: those that are up, as others may still be loading data.
fn up_nodes(topology: &Topology) -> BTreeSet<Endpoint> {
    let home = active::home(&topology.shards);
    let nodes = home.into_iter().flat_map(|shard| &shard.nodes);
    nodes.filter(|node| node.state == NodeState::Up).map(|node| node.endpoint.clone()).collect()
}

/// Logs the number of keys that diverged, and the slot of the first of them, as a log has no keys.
fn log(proxy: &str, notice: SampleNotice) {
    if let Some(first) = notice.diverged {
        let (keys, slot, key_type, nodes) = (first.keys, first.slot, first.key_type, first.nodes);
        warn!(proxy, keys, slot, key_type, nodes, "nodes have diverged: keys differ for longer than settle");
    }
    if notice.healed > 0 {
        info!(proxy, keys = notice.healed, "nodes agree again in keys that had diverged");
    }
}

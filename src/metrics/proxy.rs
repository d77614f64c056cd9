//! The metrics of one proxy: the cells of its workers, the values of its control plane, and the sum of both for a scrape.

use crate::topology::events::CommandCounts;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crate::reasons::{
    CloseReason, CommandResult, Direction, Family, HoldOutcome, Invalidated, NodeUse, RelayResult,
    RetryReason, SampleResult,
};
use crate::topology::differences::DifferenceCounts;
use crate::topology::{Endpoint, Generation, Role};

use super::cells::{Cell, Histogram, Snapshot, WAITING};
use super::family::{Definition, Families};
use super::relays::RelayMetrics;
use super::sampler::SamplerMetrics;
use super::worker::{Connections, WorkerMetrics, lock};

/// Returns the label of a command by its index in the table; `None` from the first index beyond it.
pub(crate) type CommandNames = fn(u16) -> Option<&'static str>;

/// The label of commands that the table does not have.
const OTHER: &str = "other";

/// All metrics of one proxy, shared by its workers and its control plane.
#[derive(Debug)]
pub(crate) struct ProxyMetrics {
    proxy: String,
    names: CommandNames,
    /// Number of commands that `names` knows.
    commands: usize,
    workers: Mutex<Vec<Arc<WorkerMetrics>>>,
    control: Mutex<ControlCells>,
    /// Set once if the proxy has a sampler.
    sampler: OnceLock<Arc<SamplerMetrics>>,
    /// Set once if the nodes may have replicas.
    relays: OnceLock<Arc<RelayMetrics>>,
}

/// What INFO shows of one proxy, summed over its workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProxyTotals {
    pub(crate) proxy: String,
    pub(crate) clients: u64,
    pub(crate) blocked_clients: u64,
    pub(crate) paused_clients: u64,
    pub(crate) tracking_clients: u64,
    pub(crate) pubsub_clients: u64,
    pub(crate) held_commands: u64,
    pub(crate) held_bytes: u64,
    pub(crate) retries: u64,
    pub(crate) uncertain: u64,
}

/// The values that come from discovery, set at each scrape.
#[derive(Debug)]
struct ControlCells {
    generation: Generation,
    /// Number of published topologies by reason.
    changes: BTreeMap<&'static str, u64>,
    /// Number of failovers, those without a measured outage included.
    failovers: u64,
    outages: Histogram,
    nodes: Vec<NodeSample>,
    shards: Vec<ShardSample>,
    discovery: Connections,
}

/// The state in which discovery last saw a node.
#[derive(Clone, Debug)]
pub(crate) struct NodeSample {
    pub(crate) endpoint: Endpoint,
    pub(crate) role: Role,
    pub(crate) up: bool,
    pub(crate) rtt: Option<Duration>,
    pub(crate) lag: Option<Duration>,
    pub(crate) differences: DifferenceCounts,
}

/// One shard of the topology.
#[derive(Clone, Debug)]
pub(crate) struct ShardSample {
    /// The index of the shard in the topology, which never changes.
    pub(crate) index: u16,
    pub(crate) up: bool,
    pub(crate) slots: u64,
}

impl ProxyMetrics {
    pub(crate) fn new(proxy: &str, names: CommandNames) -> Arc<Self> {
        Arc::new(ProxyMetrics {
            proxy: proxy.to_owned(),
            names,
            commands: (0..u16::MAX).take_while(|index| names(*index).is_some()).count(),
            workers: Mutex::default(),
            control: Mutex::new(ControlCells {
                generation: Generation::default(),
                changes: BTreeMap::new(),
                failovers: 0,
                outages: Histogram::new(&WAITING),
                nodes: Vec::new(),
                shards: Vec::new(),
                discovery: Connections::new(),
            }),
            sampler: OnceLock::new(),
            relays: OnceLock::new(),
        })
    }

    /// Makes cells for one more thread that counts: a worker, or the accept loop.
    pub(crate) fn worker(self: &Arc<Self>) -> Arc<WorkerMetrics> {
        let worker = Arc::new(WorkerMetrics::new(self.commands, Arc::downgrade(self)));
        lock(&self.workers).push(Arc::clone(&worker));
        worker
    }

    /// Returns the cells of the sampler, which are part of scrapes from now on.
    pub(crate) fn sampler(&self) -> Arc<SamplerMetrics> {
        Arc::clone(self.sampler.get_or_init(Arc::default))
    }

    /// Returns the cells for commands that replicas get as well, which are part of scrapes from now on.
    pub(crate) fn relays(&self) -> Arc<RelayMetrics> {
        Arc::clone(self.relays.get_or_init(Arc::default))
    }

    /// Returns the totals of commands by outcome, for the log of an outage.
    pub(crate) fn command_counts(&self) -> CommandCounts {
        let workers = lock(&self.workers);
        let sum = |count: &dyn Fn(&WorkerMetrics) -> u64| workers.iter().map(|worker| count(worker)).sum();
        let ended = |outcome: HoldOutcome| sum(&|worker| worker.holds[outcome as usize].count());
        CommandCounts {
            held: sum(&|worker| worker.held_commands.value()),
            sent: ended(HoldOutcome::Sent),
            expired: ended(HoldOutcome::Expired),
            refused: ended(HoldOutcome::Refused),
            retried: sum(&|worker| worker.retries.iter().map(Cell::value).sum()),
            uncertain: sum(&|worker| worker.uncertain.value()),
        }
    }

    /// Returns the sums that INFO shows.
    pub(super) fn totals(&self) -> ProxyTotals {
        let workers = lock(&self.workers);
        let sum = |count: fn(&WorkerMetrics) -> u64| workers.iter().map(|worker| count(worker)).sum();
        ProxyTotals {
            proxy: self.proxy.clone(),
            clients: sum(WorkerMetrics::clients),
            blocked_clients: sum(|worker| worker.blocked_clients.value()),
            paused_clients: sum(|worker| worker.paused_clients.value()),
            tracking_clients: sum(|worker| worker.tracking_clients.value()),
            pubsub_clients: sum(|worker| worker.pubsub_clients.value()),
            held_commands: sum(|worker| worker.held_commands.value()),
            held_bytes: sum(|worker| worker.held_bytes.value()),
            retries: sum(|worker| worker.retries.iter().map(Cell::value).sum()),
            uncertain: sum(|worker| worker.uncertain.value()),
        }
    }

    /// Returns the number of connected clients.
    pub(crate) fn clients(&self) -> u64 {
        lock(&self.workers).iter().map(|worker| worker.clients()).sum()
    }

    /// Sets the current generation, and the number of topologies published so far by reason.
    pub(crate) fn set_topology(&self, generation: Generation, changes: BTreeMap<&'static str, u64>) {
        let mut control = lock(&self.control);
        control.generation = generation;
        control.changes = changes;
    }

    /// Sets how many times a shard got a new master.
    pub(crate) fn set_failovers(&self, failovers: u64) {
        lock(&self.control).failovers = failovers;
    }

    /// Counts a new master of a shard that came after this time without one.
    pub(crate) fn observe_outage(&self, outage: Duration) {
        lock(&self.control).outages.observe(outage);
    }

    /// Replaces the state of all nodes; a node that is gone disappears from the metrics.
    pub(crate) fn set_nodes(&self, nodes: Vec<NodeSample>) {
        lock(&self.control).nodes = nodes;
    }

    /// Replaces the state of all shards.
    pub(crate) fn set_shards(&self, shards: Vec<ShardSample>) {
        lock(&self.control).shards = shards;
    }

    /// Sets the number of connections that discovery has to each node and sentinel.
    pub(crate) fn set_discovery_connections(&self, counts: BTreeMap<Endpoint, u64>) {
        let counts = counts.into_iter().map(|(node, count)| ((node, NodeUse::Discovery), count as i64));
        lock(&self.control).discovery = counts.collect();
    }

    /// Adds this proxy's samples to a scrape.
    pub(super) fn collect(&self, families: &mut Families) {
        let workers = lock(&self.workers).clone();
        let mut scrape = Scrape { proxy: &self.proxy, workers: &workers, families };
        scrape.clients();
        scrape.commands(self.names);
        scrape.traffic();
        scrape.holds();
        scrape.caching();
        let control = lock(&self.control);
        scrape.topology(&control);
        scrape.shards(&control);
        scrape.nodes(&control);
        if let Some(sampler) = self.sampler.get() {
            scrape.sampler(sampler);
        }
        if let Some(relays) = self.relays.get() {
            scrape.relays(relays);
        }
    }
}

/// One proxy's part of a scrape: sums over its workers, written into the families.
struct Scrape<'a> {
    proxy: &'a str,
    workers: &'a [Arc<WorkerMetrics>],
    families: &'a mut Families,
}

impl Scrape<'_> {
    fn sum(&self, cell: impl Fn(&WorkerMetrics) -> &Cell) -> u64 {
        self.workers.iter().map(|worker| cell(worker).value()).sum()
    }

    fn number(&mut self, what: &Definition, labels: &[&str], value: u64) {
        self.families.number(what, Some(self.proxy), labels, value as f64);
    }

    fn clients(&mut self) {
        let connected = self.workers.iter().map(|worker| worker.clients()).sum();
        self.number(&super::CLIENTS, &[], connected);
        self.number(&super::CLIENTS_ACCEPTED, &[], self.sum(|worker| &worker.accepted));
        for reason in CloseReason::ALL {
            let closed = self.sum(|worker| &worker.closed[*reason as usize]);
            self.number(&super::CLIENTS_CLOSED, &[reason.name()], closed);
        }
    }

    /// Adds only commands that were used: the table has hundreds, and an application uses a few.
    fn commands(&mut self, names: CommandNames) {
        let rows = self.workers.first().map_or(0, |worker| worker.commands.len());
        for row in 0..rows {
            let name = u16::try_from(row).ok().and_then(names).unwrap_or(OTHER);
            for result in CommandResult::ALL {
                let count = self.sum(|worker| &worker.commands[row][*result as usize]);
                if count > 0 {
                    self.number(&super::COMMANDS, &[name, result.name()], count);
                }
            }
        }
    }

    fn traffic(&mut self) {
        for family in Family::ALL {
            let latency = self.merged(|worker| &worker.latency[*family as usize]);
            self.families.histogram(&super::COMMAND_SECONDS, self.proxy, &[family.name()], &latency);
        }
        for direction in Direction::ALL {
            let client = self.sum(|worker| &worker.client_bytes[*direction as usize]);
            let node = self.sum(|worker| &worker.node_bytes[*direction as usize]);
            self.number(&super::CLIENT_BYTES, &[direction.name()], client);
            self.number(&super::NODE_BYTES, &[direction.name()], node);
        }
    }

    fn caching(&mut self) {
        self.number(&super::TRACKING_CLIENTS, &[], self.sum(|worker| &worker.tracking_clients));
        self.number(&super::TRACKED_KEYS, &[], self.sum(|worker| &worker.tracked_keys));
        for what in Invalidated::ALL {
            let sent = self.sum(|worker| &worker.invalidations[*what as usize]);
            self.number(&super::INVALIDATIONS, &[what.name()], sent);
        }
    }

    fn holds(&mut self) {
        self.number(&super::HELD_COMMANDS, &[], self.sum(|worker| &worker.held_commands));
        self.number(&super::HELD_BYTES, &[], self.sum(|worker| &worker.held_bytes));
        for outcome in HoldOutcome::ALL {
            let held = self.merged(|worker| &worker.holds[*outcome as usize]);
            self.families.histogram(&super::HOLD_SECONDS, self.proxy, &[outcome.name()], &held);
        }
        for reason in RetryReason::ALL {
            let retried = self.sum(|worker| &worker.retries[*reason as usize]);
            self.number(&super::RETRIES, &[reason.name()], retried);
        }
        self.number(&super::UNCERTAIN, &[], self.sum(|worker| &worker.uncertain));
        let broken = self.sum(|worker| &worker.protocol_broken);
        self.number(&super::PROTOCOL_BROKEN, &[], broken);
    }

    fn topology(&mut self, control: &ControlCells) {
        self.number(&super::GENERATION, &[], control.generation.0);
        for (reason, changes) in &control.changes {
            self.number(&super::TOPOLOGY_CHANGES, &[reason], *changes);
        }
        let outages = control.outages.snapshot();
        self.number(&super::FAILOVERS, &[], control.failovers);
        self.families.histogram(&super::FAILOVER_OUTAGE, self.proxy, &[], &outages);
    }

    fn shards(&mut self, control: &ControlCells) {
        for shard in &control.shards {
            let held = |worker: &Arc<WorkerMetrics>| lock(&worker.held_at).get(&shard.index).copied();
            let held: i64 = self.workers.iter().filter_map(held).sum();
            let label = shard.index.to_string();
            self.number(&super::SHARD_UP, &[&label], u64::from(shard.up));
            self.number(&super::SHARD_SLOTS, &[&label], shard.slots);
            self.number(&super::SHARD_HELD, &[&label], u64::try_from(held).unwrap_or_default());
        }
    }

    fn nodes(&mut self, control: &ControlCells) {
        for node in &control.nodes {
            let endpoint = node.endpoint.to_string();
            let labels = [endpoint.as_str(), node.role.name()];
            self.number(&super::NODE_UP, &labels, u64::from(node.up));
            for (what, value) in [(&super::NODE_RTT, node.rtt), (&super::NODE_LAG, node.lag)] {
                if let Some(value) = value {
                    self.families.number(what, Some(self.proxy), &labels, value.as_secs_f64());
                }
            }
            let DifferenceCounts { users, settings } = node.differences;
            for (what, count) in [("users", users), ("settings", settings)] {
                if let Some(count) = count {
                    self.number(&super::NODE_DIFFERENCES, &[&endpoint, what], count);
                }
            }
        }
        let mut connections = control.discovery.clone();
        for worker in self.workers {
            for (key, count) in lock(&worker.connections).iter() {
                *connections.entry(key.clone()).or_default() += count;
            }
        }
        for ((endpoint, use_), count) in connections {
            let labels = [&endpoint.to_string(), use_.name()];
            self.families.number(&super::NODE_CONNECTIONS, Some(self.proxy), &labels, count as f64);
        }
    }

    fn relays(&mut self, relays: &RelayMetrics) {
        for result in RelayResult::ALL {
            let dropped = match result {
                RelayResult::Dropped => self.sum(|worker| &worker.relays_dropped),
                RelayResult::Taken | RelayResult::Refused | RelayResult::Away => 0,
            };
            let counted = relays.relayed[*result as usize].value();
            self.number(&super::RELAYED, &[result.name()], counted + dropped);
        }
    }

    fn sampler(&mut self, sampler: &SamplerMetrics) {
        for result in SampleResult::ALL {
            self.number(&super::SAMPLED_KEYS, &[result.name()], sampler.sampled[*result as usize].value());
        }
        self.number(&super::DIVERGED_KEYS, &[], sampler.diverged.value());
    }

    fn merged(&self, histogram: impl Fn(&WorkerMetrics) -> &Histogram) -> Snapshot {
        let mut snapshots = self.workers.iter().map(|worker| histogram(worker).snapshot());
        // Without a worker there is nothing to show yet, and the scale does not matter.
        let mut sum = snapshots.next().unwrap_or_else(|| Snapshot::empty(&WAITING));
        snapshots.for_each(|snapshot| sum.merge(&snapshot));
        sum
    }
}

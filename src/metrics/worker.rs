//! The counters of one worker, written by its thread alone and read by scrapes.
//!
//! Nothing here locks, allocates or reads a clock, except [`WorkerMetrics::node_connections`], which is called rarely,
//! and [`WorkerMetrics::held_at`], which is called only while commands are held.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::reasons::{
    CloseReason, CommandResult, Direction, Family, HoldOutcome, Invalidated, NodeUse, RetryReason,
};
use crate::topology::Endpoint;

use super::cells::{Cell, Histogram, LATENCY, WAITING};
use super::proxy::{ProxyMetrics, ProxyTotals};

/// One cell per variant of a reason.
type Cells<const N: usize> = [Cell; N];

/// Numbers of connections by node and use. Zeros are not kept, so that nodes that went away do not pile up.
pub(crate) type Connections = BTreeMap<(Endpoint, NodeUse), i64>;

/// Aligned so that the cells of two workers never share a cache line.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct WorkerMetrics {
    /// A row for each command of the table, and a last one for all others.
    pub(super) commands: Box<[Cells<{ CommandResult::COUNT }>]>,
    pub(super) latency: [Histogram; Family::COUNT],
    pub(super) client_bytes: Cells<{ Direction::COUNT }>,
    pub(super) node_bytes: Cells<{ Direction::COUNT }>,
    pub(super) accepted: Cell,
    pub(super) closed: Cells<{ CloseReason::COUNT }>,
    pub(super) held_commands: Cell,
    pub(super) held_bytes: Cell,
    pub(super) holds: [Histogram; HoldOutcome::COUNT],
    pub(super) retries: Cells<{ RetryReason::COUNT }>,
    pub(super) uncertain: Cell,
    pub(super) tracking_clients: Cell,
    pub(super) tracked_keys: Cell,
    pub(super) blocked_clients: Cell,
    pub(super) paused_clients: Cell,
    pub(super) pubsub_clients: Cell,
    pub(super) invalidations: Cells<{ Invalidated::COUNT }>,
    pub(super) protocol_broken: Cell,
    pub(super) relays_dropped: Cell,
    pub(super) connections: Mutex<Connections>,
    /// Held commands by shard.
    pub(super) held_at: Mutex<BTreeMap<u16, i64>>,
    /// The metrics that these are a part of.
    whole: Weak<ProxyMetrics>,
}

impl WorkerMetrics {
    /// Makes cells for a table of so many commands.
    pub(super) fn new(commands: usize, whole: Weak<ProxyMetrics>) -> Self {
        WorkerMetrics {
            commands: (0..=commands).map(|_| Cells::default()).collect(),
            latency: std::array::from_fn(|_| Histogram::new(&LATENCY)),
            client_bytes: Cells::default(),
            node_bytes: Cells::default(),
            accepted: Cell::default(),
            closed: Cells::default(),
            held_commands: Cell::default(),
            held_bytes: Cell::default(),
            holds: std::array::from_fn(|_| Histogram::new(&WAITING)),
            retries: Cells::default(),
            uncertain: Cell::default(),
            tracking_clients: Cell::default(),
            tracked_keys: Cell::default(),
            blocked_clients: Cell::default(),
            paused_clients: Cell::default(),
            pubsub_clients: Cell::default(),
            invalidations: Cells::default(),
            protocol_broken: Cell::default(),
            relays_dropped: Cell::default(),
            connections: Mutex::default(),
            held_at: Mutex::default(),
            whole,
        }
    }

    /// Counts an answered command. `command` is its index in the table; any index beyond that counts as `other`.
    #[inline]
    pub(crate) fn command(&self, command: u16, result: CommandResult) {
        let row = usize::from(command).min(self.commands.len() - 1);
        if let Some(cells) = self.commands.get(row) {
            cells[result as usize].add(1);
        }
    }

    #[inline]
    pub(crate) fn latency(&self, family: Family, elapsed: Duration) {
        self.latency[family as usize].observe(elapsed);
    }

    #[inline]
    pub(crate) fn client_bytes(&self, direction: Direction, n: usize) {
        self.client_bytes[direction as usize].add(n as u64);
    }

    #[inline]
    pub(crate) fn node_bytes(&self, direction: Direction, n: usize) {
        self.node_bytes[direction as usize].add(n as u64);
    }

    /// Counts an accepted client, even one that is refused at once: each is also closed once, with a reason.
    pub(crate) fn client_accepted(&self) {
        self.accepted.add(1);
    }

    pub(crate) fn client_closed(&self, reason: CloseReason) {
        self.closed[reason as usize].add(1);
    }

    /// Sets the number and the bytes of the commands that this worker holds at the moment.
    pub(crate) fn held(&self, commands: usize, bytes: usize) {
        self.held_commands.set(commands as u64);
        self.held_bytes.set(bytes as u64);
    }

    /// Sets the number of clients that cache, and of the keys that are remembered for them.
    pub(crate) fn tracking(&self, clients: usize, keys: usize) {
        self.tracking_clients.set(clients as u64);
        self.tracked_keys.set(keys as u64);
    }

    /// Sets the number of clients that wait in a blocking command, and of those that have subscriptions.
    pub(crate) fn waiting_clients(&self, blocked: usize, pubsub: usize) {
        self.blocked_clients.set(blocked as u64);
        self.pubsub_clients.set(pubsub as u64);
    }

    /// Sets the number of clients that wait for the end of a pause.
    pub(crate) fn paused_clients(&self, clients: usize) {
        self.paused_clients.set(clients as u64);
    }

    /// Counts one more of them.
    pub(crate) fn client_paused(&self) {
        self.paused_clients.add(1);
    }

    /// Returns sums over all workers of the proxy.
    pub(crate) fn proxy_totals(&self) -> ProxyTotals {
        self.whole.upgrade().map(|whole| whole.totals()).unwrap_or_default()
    }

    pub(crate) fn invalidation(&self, what: Invalidated) {
        self.invalidations[what as usize].add(1);
    }

    /// Counts a command that the replicas do not get, as too many others are under way to them.
    pub(crate) fn relay_dropped(&self) {
        self.relays_dropped.add(1);
    }

    /// Changes the number of commands that wait for a node of this shard.
    pub(crate) fn held_at(&self, shard: u16, change: i64) {
        if change != 0 {
            *lock(&self.held_at).entry(shard).or_default() += change;
        }
    }

    pub(crate) fn hold_finished(&self, outcome: HoldOutcome, waited: Duration) {
        self.holds[outcome as usize].observe(waited);
    }

    pub(crate) fn retried(&self, reason: RetryReason) {
        self.retries[reason as usize].add(1);
    }

    pub(crate) fn uncertain(&self) {
        self.uncertain.add(1);
    }

    /// Counts a node that sent bytes which are no reply.
    pub(crate) fn protocol_broken(&self) {
        self.protocol_broken.add(1);
    }

    #[cfg(test)]
    pub(crate) fn protocols_broken(&self) -> u64 {
        self.protocol_broken.value()
    }

    /// Counts a connection to a node that was opened (1) or closed (-1).
    pub(crate) fn node_connections(&self, endpoint: &Endpoint, use_: NodeUse, delta: i64) {
        let mut connections = lock(&self.connections);
        let key = (endpoint.clone(), use_);
        let count = connections.get(&key).copied().unwrap_or_default() + delta;
        if count == 0 {
            connections.remove(&key);
        } else {
            connections.insert(key, count);
        }
    }

    /// Returns the number of connected clients. The closed ones are read first, so that a client that comes and goes in
    /// between does not make it negative.
    pub(super) fn clients(&self) -> u64 {
        let closed: u64 = self.closed.iter().map(Cell::value).sum();
        self.accepted.value().saturating_sub(closed)
    }
}

/// Locks values that are whole even if a thread panicked while it held the lock: each is written in one step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

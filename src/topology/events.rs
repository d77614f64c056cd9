//! What happened to a topology, for people: the last events, and the counts that metrics show.
//!
//! Control plane only; nothing on the way of a command takes this lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::Endpoint;
use super::aliases::Aliases;
use super::diagnosis::Board;
use super::health::{HealthTable, PeerConnections};

/// How many events are kept.
const KEPT: usize = 64;

/// Shared by discovery (which records) and admin (which reads), one per proxy.
pub(crate) struct Events {
    log: Mutex<EventLog>,
    /// Tells what has become of the commands so far.
    commands: Box<dyn Fn() -> CommandCounts + Send + Sync>,
    /// Round trips and lags of the nodes.
    pub(crate) health: HealthTable,
    pub(crate) connections: PeerConnections,
    /// What is wrong with it.
    pub(crate) board: Board,
    pub(crate) aliases: Aliases,
}

/// Commands of one proxy: those that wait at the moment, and what became of others since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandCounts {
    pub(crate) held: u64,
    /// Were held, and went to a node.
    pub(crate) sent: u64,
    /// Were held, and answered as not executed when their time was over.
    pub(crate) expired: u64,
    /// Could not be held, and were answered as not executed.
    pub(crate) refused: u64,
    /// Had been sent before, and were sent again.
    pub(crate) retried: u64,
    pub(crate) uncertain: u64,
}

impl CommandCounts {
    /// Returns what has changed since then.
    pub(crate) fn since(self, before: CommandCounts) -> CommandCounts {
        CommandCounts {
            held: self.held,
            sent: self.sent.saturating_sub(before.sent),
            expired: self.expired.saturating_sub(before.expired),
            refused: self.refused.saturating_sub(before.refused),
            retried: self.retried.saturating_sub(before.retried),
            uncertain: self.uncertain.saturating_sub(before.uncertain),
        }
    }
}

/// A consistent copy of everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventLog {
    /// The oldest first.
    pub(crate) last: VecDeque<TopologyEvent>,
    /// Published topologies by reason.
    pub(crate) changes: BTreeMap<&'static str, u64>,
    /// Times that another node became the master.
    pub(crate) failovers: u64,
    /// How long writes had no master, one per failover, in the order they ended. Taken away by
    /// [`Events::take_outages`]; bounded like `last`.
    pub(crate) outages: VecDeque<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopologyEvent {
    pub(crate) at: SystemTime,
    pub(crate) kind: EventKind,
    pub(crate) from: Option<Endpoint>,
    pub(crate) to: Option<Endpoint>,
    /// Commands held when it happened.
    pub(crate) held: u64,
    pub(crate) outage_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    MasterFound,
    MasterChanged,
    MasterHeld,
    MasterResumed,
    FailoverAborted,
    PromotionUndone,
    EpochReset,
    NodeDown,
    NodeSilent,
    NodeUp,
    SentinelFound,
}

impl EventKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            EventKind::MasterFound => "master-found",
            EventKind::MasterChanged => "master-changed",
            EventKind::MasterHeld => "master-held",
            EventKind::MasterResumed => "master-resumed",
            EventKind::FailoverAborted => "failover-aborted",
            EventKind::PromotionUndone => "promotion-undone",
            EventKind::EpochReset => "epoch-reset",
            EventKind::NodeDown => "node-down",
            EventKind::NodeSilent => "node-silent",
            EventKind::NodeUp => "node-up",
            EventKind::SentinelFound => "sentinel-found",
        }
    }
}

impl Events {
    pub(crate) fn new(commands: impl Fn() -> CommandCounts + Send + Sync + 'static) -> Self {
        Events {
            log: Mutex::default(),
            commands: Box::new(commands),
            health: HealthTable::default(),
            connections: PeerConnections::default(),
            board: Board::default(),
            aliases: Aliases::default(),
        }
    }

    /// Returns what has become of the commands so far.
    pub(crate) fn commands(&self) -> CommandCounts {
        (self.commands)()
    }

    pub(crate) fn snapshot(&self) -> EventLog {
        self.lock().clone()
    }

    /// Outages that ended since the last call, for the histogram.
    pub(crate) fn take_outages(&self) -> Vec<Duration> {
        self.lock().outages.drain(..).collect()
    }

    pub(crate) fn count_change(&self, reason: &'static str) {
        *self.lock().changes.entry(reason).or_default() += 1;
    }

    /// Records what happened, with the number of commands held at this moment. A failover is a `MasterChanged`.
    pub(crate) fn record(
        &self,
        kind: EventKind,
        from: Option<Endpoint>,
        to: Option<Endpoint>,
        outage: Option<Duration>,
    ) {
        let held = self.commands().held;
        let outage_ms = outage.map(|outage| u64::try_from(outage.as_millis()).unwrap_or(u64::MAX));
        let mut log = self.lock();
        if kind == EventKind::MasterChanged {
            log.failovers += 1;
            log.outages.extend(outage);
        }
        log.last.push_back(TopologyEvent { at: SystemTime::now(), kind, from, to, held, outage_ms });
        while log.last.len() > KEPT {
            log.last.pop_front();
        }
        while log.outages.len() > KEPT {
            log.outages.pop_front();
        }
    }

    /// Nobody panics while holding it, and half an event is better than none.
    fn lock(&self) -> MutexGuard<'_, EventLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_events_and_counts_failovers() {
        let events = Events::new(|| CommandCounts { held: 42, ..CommandCounts::default() });
        for port in 0..100 {
            let to = Endpoint::new("a", port);
            events.record(EventKind::MasterChanged, None, Some(to), Some(Duration::from_millis(1310)));
        }
        events.record(EventKind::NodeDown, Some(Endpoint::new("b", 1)), None, None);
        let log = events.snapshot();
        assert_eq!((log.last.len(), log.failovers), (KEPT, 100));
        let newest = log.last.back().unwrap();
        assert_eq!((newest.kind.name(), newest.held, newest.outage_ms), ("node-down", 42, None));
        assert_eq!(log.last[0].outage_ms, Some(1310));
        assert_eq!(events.take_outages().len(), KEPT);
        assert!(events.take_outages().is_empty());
    }
}

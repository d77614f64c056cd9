//! The history of a topology for people: its last events, and the counts that metrics show.
//!
//! Only the control plane takes the lock; nothing on the way of a command does.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::Endpoint;
use super::aliases::Aliases;
use super::asked::CommandsAsked;
use super::diagnosis::DiagnosisCell;
use super::differences::DifferenceTable;
use super::health::{HealthTable, PeerConnections};

/// The number of events that are kept.
const KEPT: usize = 64;

/// All that discovery records about the backend of one proxy besides its topology, for admin and metrics to read.
pub(crate) struct Events {
    log: Mutex<EventLog>,
    /// Returns the counts of the proxy's commands.
    commands: Box<dyn Fn() -> CommandCounts + Send + Sync>,
    /// The states, round trips and lags of the nodes.
    pub(crate) health: HealthTable,
    pub(crate) connections: PeerConnections,
    /// The present diagnosis.
    pub(crate) diagnosis: DiagnosisCell,
    pub(crate) aliases: Aliases,
    pub(crate) commands_asked: CommandsAsked,
    pub(crate) differences: DifferenceTable,
}

/// The commands of one proxy: the number of those that wait now, and of others since the start, by their outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandCounts {
    /// Commands that are held at this moment.
    pub(crate) held: u64,
    /// Commands that were held and then went to a node.
    pub(crate) sent: u64,
    /// Commands that were held and, when their time was over, answered as not executed.
    pub(crate) expired: u64,
    /// Commands that could not be held and were answered as not executed.
    pub(crate) refused: u64,
    /// Commands that were sent again.
    pub(crate) retried: u64,
    /// Commands of which nobody can say whether they were executed, and which were answered so.
    pub(crate) uncertain: u64,
}

impl CommandCounts {
    /// Returns the commands counted since `before`; `held` stays the present number.
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

/// The events and counts of one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventLog {
    /// The last events, the oldest first.
    pub(crate) last: VecDeque<TopologyEvent>,
    /// The number of published topologies by reason.
    pub(crate) changes: BTreeMap<&'static str, u64>,
    /// The number of times that another node became the master.
    pub(crate) failovers: u64,
    /// The time without a master of each failover, until [`Events::take_outages`] takes it; bounded as `last` is.
    pub(crate) outages: VecDeque<Duration>,
}

/// One event, as `GET /topology` and the log show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopologyEvent {
    pub(crate) at: SystemTime,
    pub(crate) kind: EventKind,
    /// The former master, or the node that went down.
    pub(crate) from: Option<Endpoint>,
    /// The new master, or the node that came up or was found.
    pub(crate) to: Option<Endpoint>,
    /// The number of commands held when it happened.
    pub(crate) held: u64,
    /// The time without a master, if this event ends it.
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
            diagnosis: DiagnosisCell::default(),
            aliases: Aliases::default(),
            commands_asked: CommandsAsked::default(),
            differences: DifferenceTable::default(),
        }
    }

    /// Returns the counts of the proxy's commands.
    pub(crate) fn commands(&self) -> CommandCounts {
        (self.commands)()
    }

    pub(crate) fn snapshot(&self) -> EventLog {
        self.lock().clone()
    }

    /// Returns the outages that ended since the last call, for the histogram.
    pub(crate) fn take_outages(&self) -> Vec<Duration> {
        self.lock().outages.drain(..).collect()
    }

    pub(crate) fn count_change(&self, reason: &'static str) {
        *self.lock().changes.entry(reason).or_default() += 1;
    }

    /// Records an event, with the number of commands held at this moment. Each `MasterChanged` counts as a failover.
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

    /// Locks the log even if it is poisoned: nothing panics while holding the lock, and half an event is better than none.
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

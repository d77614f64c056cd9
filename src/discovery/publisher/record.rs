//! Records the events of a published topology for the admin page and the log: masters that change, nodes that go or come back.

use std::collections::HashMap;
use std::time::Duration;

use tracing::{info, warn};

use super::Publisher;
use crate::discovery::Reason;
use crate::topology::events::EventKind;
use crate::topology::{Endpoint, NodeState, Shard};

impl Publisher {
    /// Records that a shard has another master than before, or its first one. Returns true if it has.
    pub(super) fn record_master(
        &mut self,
        index: usize,
        reason: Reason,
        master: Option<Endpoint>,
        outage: Option<Duration>,
    ) -> bool {
        let Some(last_master) = self.last_masters.get_mut(index) else { return false };
        if master.is_none() || *last_master == master {
            return false;
        }
        let from = std::mem::replace(last_master, master.clone());
        if from.is_some() && reason == Reason::Undone {
            self.record(EventKind::PromotionUndone, from.clone(), master.clone(), None);
        }
        let kind = if from.is_some() { EventKind::MasterChanged } else { EventKind::MasterFound };
        self.record(kind, from, master, outage);
        true
    }

    /// Records what happened if no shard has another master.
    pub(super) fn record_same_master(
        &self,
        reason: Reason,
        master: Option<Endpoint>,
        outage: Option<Duration>,
    ) {
        let Some(kind) = event_of_same_master(reason, master.is_some()) else { return };
        let from = self.last_masters.first().cloned().flatten();
        // The length of an outage is known only when it is over.
        let outage = outage.filter(|_| master.is_some());
        self.record(kind, from, master, outage);
    }

    /// Records one event for the admin page, and logs it.
    fn record(
        &self,
        kind: EventKind,
        from: Option<Endpoint>,
        to: Option<Endpoint>,
        outage: Option<Duration>,
    ) {
        let (proxy, held) = (&self.name, self.events.commands().held);
        let name =
            |endpoint: &Option<Endpoint>| endpoint.as_ref().map(ToString::to_string).unwrap_or_default();
        let (old, new) = (name(&from), name(&to));
        let outage_ms = outage.map(|outage| outage.as_millis() as u64);
        match kind {
            EventKind::NodeDown => warn!(proxy, node = old, "node is down"),
            EventKind::NodeSilent => warn!(proxy, node = old, "node does not answer"),
            EventKind::NodeUp => info!(proxy, node = new, "node is up"),
            EventKind::MasterFound => info!(proxy, master = new, "master found"),
            EventKind::MasterHeld => warn!(proxy, former = old, held, "no master: commands are held"),
            EventKind::MasterChanged => {
                info!(proxy, former = old, master = new, held, outage_ms, "master changed");
            }
            EventKind::MasterResumed => info!(proxy, master = new, held, outage_ms, "master serves again"),
            EventKind::FailoverAborted => warn!(proxy, master = new, "failover aborted: the master stays"),
            EventKind::PromotionUndone => warn!(proxy, former = old, master = new, "promotion undone"),
            EventKind::EpochReset => warn!(proxy, master = new, "config epoch was set back"),
            EventKind::SentinelFound => info!(proxy, sentinel = new, "sentinel found"),
        }
        self.events.record(kind, from, to, outage);
    }

    /// Records that one sentinel has named another one.
    pub(in crate::discovery) fn found_sentinel(&self, sentinel: Endpoint) {
        self.record(EventKind::SentinelFound, None, Some(sentinel), None);
    }

    /// Records the nodes that went down or came back.
    pub(super) fn record_states(&mut self, before: &[Shard], after: &[Shard]) {
        let states = |shards: &[Shard]| -> HashMap<Endpoint, NodeState> {
            shards
                .iter()
                .flat_map(|shard| &shard.nodes)
                .map(|node| (node.endpoint.clone(), node.state))
                .collect()
        };
        let (before, after) = (states(before), states(after));
        self.gone.retain(|endpoint| after.contains_key(endpoint));
        for (endpoint, state) in after {
            let was = |state: NodeState| before.get(&endpoint) == Some(&state);
            if state.answers_nothing() && !was(state) {
                self.gone.insert(endpoint.clone());
                self.record(down_event(state), Some(endpoint), None, None);
            } else if state == NodeState::Up && (self.gone.remove(&endpoint) || was(NodeState::Settling)) {
                self.record(EventKind::NodeUp, None, Some(endpoint), None);
            }
        }
    }
}

fn down_event(state: NodeState) -> EventKind {
    if state == NodeState::Silent { EventKind::NodeSilent } else { EventKind::NodeDown }
}

/// Returns the event to record if the master is the same as before.
fn event_of_same_master(reason: Reason, has_master: bool) -> Option<EventKind> {
    match reason {
        Reason::Selected | Reason::Demoted | Reason::Restarted | Reason::Conflict => {
            Some(EventKind::MasterHeld)
        }
        Reason::Undone if !has_master => Some(EventKind::MasterHeld),
        Reason::Resumed | Reason::Undone => Some(EventKind::MasterResumed),
        Reason::Aborted => Some(EventKind::FailoverAborted),
        Reason::EpochReset => Some(EventKind::EpochReset),
        Reason::Found | Reason::Switched | Reason::Promoted => None,
        Reason::Left | Reason::Moving if !has_master => Some(EventKind::MasterHeld),
        Reason::Left | Reason::Moving | Reason::Moved => None,
        Reason::Resharded | Reason::Refreshed | Reason::Readers => None,
    }
}

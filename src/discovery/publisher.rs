//! The only writer of the topology cell: guards it, and keeps the record of what changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::{Change, Reason};
use crate::topology::cell::TopologyCell;
use crate::topology::events::{EventKind, Events};
use crate::topology::{Endpoint, NodeState, Shard, View};

/// Guards the cell and keeps the record.
pub(super) struct Publisher {
    pub(super) name: String,
    cell: Arc<TopologyCell>,
    pub(super) events: Arc<Events>,
    /// The last master that was published.
    served: Option<Endpoint>,
}

impl Publisher {
    pub(super) fn new(name: String, cell: Arc<TopologyCell>, events: Arc<Events>) -> Self {
        Publisher { name, cell, events, served: None }
    }

    /// Refuses an older config epoch, skips what is published already.
    pub(super) fn publish(&mut self, now: Duration, change: Change) {
        let before = self.cell.load();
        let published = View { shards: before.shards.clone() };
        if published.without_health() == change.view.without_health() {
            return;
        }
        let reason = change.reason;
        if !change.may_lower_epoch && lowers_epoch(&before.shards, &change.view.shards) {
            warn!(proxy = self.name, reason = reason.name(), "view with an older config epoch refused");
            return;
        }
        let outage = change.lost_at.map(|lost| now.saturating_sub(lost));
        let after = self.cell.publish(change.view);
        self.events.count_change(reason.name());
        let master = master(&after.shards);
        info!(
            proxy = self.name,
            reason = reason.name(),
            generation = after.generation.0,
            master = master.as_ref().map_or("none".to_owned(), Endpoint::to_string),
            outage_ms = outage.map(|outage| outage.as_millis() as u64),
            "topology published"
        );
        self.record_master(reason, master, outage);
        self.record_states(&before.shards, &after.shards);
    }

    fn record_master(&mut self, reason: Reason, master: Option<Endpoint>, outage: Option<Duration>) {
        let from = self.served.clone();
        let changed = master.is_some() && from.is_some() && master != from;
        if changed && reason == Reason::Undone {
            self.events.record(EventKind::PromotionUndone, from.clone(), master.clone(), None);
        }
        let kind = if changed { Some(EventKind::MasterChanged) } else { stayed(reason, master.is_some()) };
        if let Some(kind) = kind {
            self.events.record(kind, from, master.clone(), outage);
        }
        if master.is_some() {
            self.served = master;
        }
    }

    fn record_states(&self, before: &[Shard], after: &[Shard]) {
        let states = |shards: &[Shard]| -> HashMap<Endpoint, NodeState> {
            shards
                .iter()
                .flat_map(|shard| &shard.nodes)
                .map(|node| (node.endpoint.clone(), node.state))
                .collect()
        };
        let before = states(before);
        for (endpoint, state) in states(after) {
            let was_down = before.get(&endpoint) == Some(&NodeState::Down);
            if state == NodeState::Down && !was_down {
                self.events.record(EventKind::NodeDown, Some(endpoint), None, None);
            } else if state == NodeState::Up && was_down {
                self.events.record(EventKind::NodeUp, None, Some(endpoint), None);
            }
        }
    }
}

/// What to tell people, when the master did not move.
fn stayed(reason: Reason, has_master: bool) -> Option<EventKind> {
    match reason {
        Reason::Found => Some(EventKind::MasterFound),
        Reason::Selected | Reason::Demoted | Reason::Restarted | Reason::Conflict => {
            Some(EventKind::MasterHeld)
        }
        Reason::Undone if !has_master => Some(EventKind::MasterHeld),
        Reason::Resumed | Reason::Undone => Some(EventKind::MasterResumed),
        Reason::Aborted => Some(EventKind::FailoverAborted),
        Reason::EpochReset => Some(EventKind::EpochReset),
        Reason::Switched | Reason::Promoted | Reason::Refreshed => None,
    }
}

fn master(shards: &[Shard]) -> Option<Endpoint> {
    shards.first().and_then(Shard::master_node).map(|node| node.endpoint.clone())
}

fn lowers_epoch(before: &[Shard], after: &[Shard]) -> bool {
    before.iter().zip(after).any(|(before, after)| after.epoch < before.epoch)
}

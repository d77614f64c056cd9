//! The only writer of the topology cell: refuses views that are out of date, and records what changed.

mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::outage_log::{OutageLog, OutageNotice};
use super::{Change, Reason};
use crate::config::{ReadFrom, Reads};
use crate::reads;
use crate::topology::cell::TopologyCell;
use crate::topology::diagnosis::{Diagnosis, Finding};
use crate::topology::events::Events;
use crate::topology::health::NodeHealth;
use crate::topology::{Endpoint, Generation, Shard, Topology, View, ready};

/// The publisher of one proxy's topologies.
pub(super) struct Publisher {
    /// The name of the proxy.
    pub(super) name: String,
    cell: Arc<TopologyCell>,
    pub(super) events: Arc<Events>,
    /// The last published master of each shard.
    last_masters: Vec<Option<Endpoint>>,
    /// The nodes that were recorded as down or silent, until they are up. In between they may load or synchronise for long.
    gone: HashSet<Endpoint>,
    reads: Reads,
    /// The last result of [`Publisher::problem`], and the generation and diagnosis that it was found from.
    last_problem: Option<(Generation, Arc<Diagnosis>, Option<String>)>,
    outages: OutageLog,
}

impl Publisher {
    pub(super) fn new(name: String, cell: Arc<TopologyCell>, events: Arc<Events>, reads: Reads) -> Self {
        Publisher {
            name,
            cell,
            events,
            last_masters: Vec::new(),
            gone: HashSet::new(),
            reads,
            last_problem: None,
            outages: OutageLog::default(),
        }
    }

    /// Publishes the health of all nodes. If it means that other nodes should serve reads, publishes the topology anew too;
    /// never if the master serves all reads.
    pub(super) fn publish_health(&mut self, health: Vec<NodeHealth>) {
        match self.reads.from {
            ReadFrom::Master => {}
            ReadFrom::PreferReplica | ReadFrom::Replica | ReadFrom::Nearest => self.publish_readers(&health),
        }
        self.events.health.store(health);
    }

    fn publish_readers(&self, health: &[NodeHealth]) {
        let Some(view) = self.view_with_other_readers(health) else { return };
        let after = self.cell.publish(view);
        self.events.count_change(Reason::Readers.name());
        debug!(
            proxy = self.name,
            generation = after.generation.0,
            "topology published: other nodes serve reads"
        );
    }

    fn view_with_other_readers(&self, health: &[NodeHealth]) -> Option<View> {
        let published = self.cell.load();
        let seen: HashMap<&Endpoint, &NodeHealth> =
            health.iter().map(|seen| (&seen.endpoint, seen)).collect();
        let mut shards = published.shards.clone();
        for node in shards.iter_mut().flat_map(|shard| &mut shard.nodes) {
            if let Some(seen) = seen.get(&node.endpoint) {
                (node.rtt, node.lag) = (seen.rtt, seen.lag);
            }
        }
        let mut pairs = published.shards.iter().zip(&shards);
        let moved = pairs.any(|(before, after)| reads::matters(before, after, &self.reads));
        moved.then_some(View { shards, asks_password: published.asks_password })
    }

    /// Publishes the names of nodes that do not resolve, with the endpoints to dial.
    pub(super) fn publish_aliases(&self, aliases: &BTreeMap<Endpoint, Endpoint>) {
        if *self.events.aliases.load() != *aliases {
            self.events.aliases.store(aliases.clone());
        }
    }

    /// Returns true if every slot has a master and one of the masters serves.
    pub(super) fn serves(&self) -> bool {
        ready::serves(&self.cell.load().with_health(&self.events.health.load()))
    }

    /// Returns the text that says why the proxy is not ready, or what is wrong although it is. It is found anew after a change.
    pub(super) fn problem(&mut self) -> Option<String> {
        let (topology, diagnosis) = (self.cell.load(), self.events.diagnosis.load());
        let is_known = self.last_problem.as_ref().is_some_and(|(generation, known, _)| {
            *generation == topology.generation && Arc::ptr_eq(known, &diagnosis)
        });
        if !is_known {
            let problem = ready::missing(&topology, &diagnosis).or_else(|| warnings(&diagnosis));
            self.last_problem = Some((topology.generation, diagnosis, problem));
        }
        self.last_problem.as_ref().and_then(|(_, _, problem)| problem.clone())
    }

    /// Returns true if every worker knows the present topology and waits for no reply from the time before it.
    pub(super) fn is_drained(&self) -> bool {
        self.cell.is_drained()
    }

    /// Publishes and records a change. Skips a view that is published already, and refuses one with an older config epoch.
    pub(super) fn publish(&mut self, now: Duration, change: Change) {
        let before = self.cell.load();
        let published = View { shards: before.shards.clone(), asks_password: before.asks_password };
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
        debug!(
            proxy = self.name,
            reason = reason.name(),
            generation = after.generation.0,
            masters = masters(&after),
            outage_ms = outage.map(|outage| outage.as_millis() as u64),
            "topology published"
        );
        self.last_masters.resize(after.shards.len().max(self.last_masters.len()), None);
        let mut has_changed = false;
        // The places of active nodes that only repeat a node are left out: a failover would count twice.
        for (index, shard) in after.shown() {
            has_changed |= self.record_master(usize::from(index), reason, master(shard), outage);
        }
        if !has_changed {
            self.record_same_master(reason, after.shards.first().and_then(master), outage);
        }
        self.record_states(&before.shards, &after.shards);
    }

    /// Logs that commands have begun to wait for a node, or what became of them once none waits any more.
    pub(super) fn log_outage(&mut self, now: Duration) {
        let proxy = &self.name;
        match self.outages.update(now, self.events.commands()) {
            None => {}
            Some(OutageNotice::Waiting(held)) => info!(proxy, held, "commands wait for a node"),
            Some(OutageNotice::Over(counts, took)) => info!(
                proxy,
                sent = counts.sent,
                sent_again = counts.retried,
                expired = counts.expired,
                refused = counts.refused,
                uncertain = counts.uncertain,
                took_ms = took.as_millis() as u64,
                "no command waits any more"
            ),
        }
    }
}

fn warnings(diagnosis: &Diagnosis) -> Option<String> {
    let warnings: Vec<String> = diagnosis.warnings().map(Finding::to_string).collect();
    (!warnings.is_empty()).then(|| warnings.join("; "))
}

fn master(shard: &Shard) -> Option<Endpoint> {
    shard.master_node().map(|node| node.endpoint.clone())
}

/// Returns the masters for the log, one word for each shard.
fn masters(topology: &Topology) -> String {
    let word = |shard: &Shard| master(shard).map_or("none".to_owned(), |master| master.to_string());
    topology.shown().map(|(_, shard)| word(shard)).collect::<Vec<_>>().join(" ")
}

fn lowers_epoch(before: &[Shard], after: &[Shard]) -> bool {
    before.iter().zip(after).any(|(before, after)| after.epoch < before.epoch)
}

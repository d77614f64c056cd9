//! The only writer of the topology cell: guards it, and keeps the record of what changed.

use crate::discovery::story::Chapter;
use crate::discovery::story::Story;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::{Change, Reason};
use crate::config::{ReadFrom, Reads};
use crate::reads;
use crate::topology::cell::TopologyCell;
use crate::topology::diagnosis::{Diagnosis, Finding};
use crate::topology::events::{EventKind, Events};
use crate::topology::health::NodeHealth;
use crate::topology::{Endpoint, Generation, NodeState, Shard, Topology, View, ready};

/// Guards the cell and keeps the record.
pub(super) struct Publisher {
    pub(super) name: String,
    cell: Arc<TopologyCell>,
    pub(super) events: Arc<Events>,
    /// The last master of each shard that was published.
    served: Vec<Option<Endpoint>>,
    reads: Reads,
    /// What was last thought of map and diagnosis.
    judged: Option<(Generation, Arc<Diagnosis>, Option<String>)>,
    story: Story,
}

impl Publisher {
    pub(super) fn new(name: String, cell: Arc<TopologyCell>, events: Arc<Events>, reads: Reads) -> Self {
        Publisher { name, cell, events, served: Vec::new(), reads, judged: None, story: Story::default() }
    }

    /// Takes in what was measured. The same map is published anew when other nodes than before should serve reads;
    /// never when the master serves them all.
    pub(super) fn measured(&mut self, health: Vec<NodeHealth>) {
        match self.reads.from {
            ReadFrom::Master => {}
            ReadFrom::PreferReplica | ReadFrom::Replica | ReadFrom::Nearest => self.publish_readers(&health),
        }
        self.events.health.store(health);
    }

    fn publish_readers(&self, health: &[NodeHealth]) {
        let Some(view) = self.moved_readers(health) else { return };
        let after = self.cell.publish(view);
        self.events.count_change(Reason::Readers.name());
        debug!(proxy = self.name, generation = after.generation.0, "readers published");
    }

    fn moved_readers(&self, health: &[NodeHealth]) -> Option<View> {
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
        moved.then_some(View { shards })
    }

    /// Takes in what nodes are called beside where they are dialled.
    pub(super) fn named(&self, aliases: &BTreeMap<Endpoint, Endpoint>) {
        if *self.events.aliases.load() != *aliases {
            self.events.aliases.store(aliases.clone());
        }
    }

    /// Every slot has a master, and one of them answers as such.
    pub(super) fn serves(&self) -> bool {
        ready::serves(&self.cell.load().with_health(&self.events.health.load()))
    }

    /// Returns what keeps the proxy from being ready, or what is wrong although it is; thought out anew only when that may have
    /// changed.
    pub(super) fn wrong(&mut self) -> Option<String> {
        let (topology, diagnosis) = (self.cell.load(), self.events.diagnosis.load());
        let is_known = self.judged.as_ref().is_some_and(|(generation, judged, _)| {
            *generation == topology.generation && Arc::ptr_eq(judged, &diagnosis)
        });
        if !is_known {
            let wrong = ready::missing(&topology, &diagnosis).or_else(|| warnings(&diagnosis));
            self.judged = Some((topology.generation, diagnosis, wrong));
        }
        self.judged.as_ref().and_then(|(_, _, wrong)| wrong.clone())
    }

    /// Every worker knows the present map, and nothing is in flight of the time before it.
    pub(super) fn is_drained(&self) -> bool {
        self.cell.is_drained()
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
        debug!(
            proxy = self.name,
            reason = reason.name(),
            generation = after.generation.0,
            masters = masters(&after),
            outage_ms = outage.map(|outage| outage.as_millis() as u64),
            "topology published"
        );
        self.served.resize(after.shards.len().max(self.served.len()), None);
        let mut told = false;
        // A place that only repeats a node would count a failover twice.
        for (index, shard) in after.shown() {
            told |= self.record_master(usize::from(index), reason, master(shard), outage);
        }
        if !told {
            self.record_stayed(reason, after.shards.first().and_then(master), outage);
        }
        self.record_states(&before.shards, &after.shards);
    }

    /// True when this shard has another master than before, or its first one.
    fn record_master(
        &mut self,
        index: usize,
        reason: Reason,
        master: Option<Endpoint>,
        outage: Option<Duration>,
    ) -> bool {
        let Some(served) = self.served.get_mut(index) else { return false };
        if master.is_none() || *served == master {
            return false;
        }
        let from = std::mem::replace(served, master.clone());
        if from.is_some() && reason == Reason::Undone {
            self.record(EventKind::PromotionUndone, from.clone(), master.clone(), None);
        }
        let kind = if from.is_some() { EventKind::MasterChanged } else { EventKind::MasterFound };
        self.record(kind, from, master, outage);
        true
    }

    fn record_stayed(&self, reason: Reason, master: Option<Endpoint>, outage: Option<Duration>) {
        let Some(kind) = stayed(reason, master.is_some()) else { return };
        let from = self.served.first().cloned().flatten();
        // An outage is told when it is over.
        let outage = outage.filter(|_| master.is_some());
        self.record(kind, from, master, outage);
    }

    /// Notes an event, for the page and for the log.
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

    /// A sentinel was named by another one.
    pub(super) fn found_sentinel(&self, sentinel: Endpoint) {
        self.record(EventKind::SentinelFound, None, Some(sentinel), None);
    }

    /// Logs when commands begin to wait, and what has become of them when none waits any more.
    pub(super) fn tell_story(&mut self, now: Duration) {
        let proxy = &self.name;
        match self.story.look(now, self.events.commands()) {
            None => {}
            Some(Chapter::Waiting(held)) => info!(proxy, held, "commands wait for a node"),
            Some(Chapter::Over(counts, took)) => info!(
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
            let was = |state: NodeState| before.get(&endpoint) == Some(&state);
            let was_out = was(NodeState::Down) || was(NodeState::Silent);
            if state.is_out() && !was(state) {
                self.record(gone(state), Some(endpoint), None, None);
            } else if state == NodeState::Up && (was_out || was(NodeState::Settling)) {
                self.record(EventKind::NodeUp, None, Some(endpoint), None);
            }
        }
    }
}

fn gone(state: NodeState) -> EventKind {
    if state == NodeState::Silent { EventKind::NodeSilent } else { EventKind::NodeDown }
}

fn warnings(diagnosis: &Diagnosis) -> Option<String> {
    let warnings: Vec<String> = diagnosis.warnings().map(Finding::to_string).collect();
    (!warnings.is_empty()).then(|| warnings.join("; "))
}

/// Returns what to tell people, when the master did not move.
fn stayed(reason: Reason, has_master: bool) -> Option<EventKind> {
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

fn master(shard: &Shard) -> Option<Endpoint> {
    shard.master_node().map(|node| node.endpoint.clone())
}

/// For the log: one word per shard.
fn masters(topology: &Topology) -> String {
    let word = |shard: &Shard| master(shard).map_or("none".to_owned(), |master| master.to_string());
    topology.shown().map(|(_, shard)| word(shard)).collect::<Vec<_>>().join(" ")
}

fn lowers_epoch(before: &[Shard], after: &[Shard]) -> bool {
    before.iter().zip(after).any(|(before, after)| after.epoch < before.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{ConfigEpoch, Node, Role};

    const MS: Duration = Duration::from_millis(1);

    fn view(hosts: &[(&str, NodeState)], master: Option<usize>, epoch: u64) -> View {
        let node = |(index, (host, state)): (usize, &(&str, NodeState))| Node {
            endpoint: Endpoint::new(host, 1),
            role: if Some(index) == master { Role::Master } else { Role::Replica },
            state: *state,
            run_id: None,
            rtt: None,
            lag: None,
        };
        let nodes = hosts.iter().enumerate().map(node).collect();
        View { shards: vec![Shard { slots: vec![(0, 16383)], master, nodes, epoch: ConfigEpoch(epoch) }] }
    }

    fn change(view: View, reason: Reason) -> Change {
        Change { view, reason, lost_at: Some(MS * 100), may_lower_epoch: false }
    }

    fn publisher() -> Publisher {
        reading(ReadFrom::Master)
    }

    fn reading(from: ReadFrom) -> Publisher {
        let reads = Reads { from, max_lag: MS * 1000 };
        Publisher::new(
            "p".into(),
            Arc::new(TopologyCell::new()),
            Arc::new(Events::new(crate::topology::events::CommandCounts::default)),
            reads,
        )
    }

    #[test]
    fn refuses_an_older_epoch_unless_the_rules_allow_it_and_skips_what_is_the_same() {
        let mut publisher = publisher();
        let nodes = [("a", NodeState::Up)];
        let mut generation = |change| {
            publisher.publish(MS * 500, change);
            publisher.cell.load().generation.0
        };
        assert_eq!(generation(change(view(&nodes, Some(0), 5), Reason::Found)), 1);
        let mut slower = view(&nodes, Some(0), 5);
        slower.shards[0].nodes[0].rtt = Some(MS);
        assert_eq!(generation(change(slower, Reason::Refreshed)), 1);
        assert_eq!(generation(change(view(&nodes, Some(0), 4), Reason::Switched)), 1);
        let allowed =
            Change { may_lower_epoch: true, ..change(view(&nodes, Some(0), 4), Reason::EpochReset) };
        assert_eq!(generation(allowed), 2);
    }

    #[test]
    fn a_replica_that_falls_behind_is_published_only_where_replicas_serve_reads() {
        use NodeState::Up;
        let table = [(ReadFrom::Master, [1, 1, 1, 1, 1]), (ReadFrom::Replica, [1, 2, 2, 3, 3])];
        for (from, generations) in table {
            let mut publisher = reading(from);
            let mut first = view(&[("a", Up), ("b", Up)], Some(0), 5);
            first.shards[0].nodes[1].lag = Some(Duration::ZERO);
            publisher.publish(MS, change(first, Reason::Found));
            let lags = [Some(200), Some(1200), Some(900), Some(100), Some(1000)];
            let mut seen = Vec::new();
            for lag in lags {
                let endpoint = Endpoint::new("b", 1);
                let lag = lag.map(|lag| MS * lag);
                let health = NodeHealth { endpoint, role: Role::Replica, state: Up, rtt: None, lag };
                publisher.measured(vec![health.clone()]);
                assert_eq!(*publisher.events.health.load(), [health]);
                seen.push(publisher.cell.load().generation.0);
            }
            assert_eq!(seen, generations, "{from:?}");
        }
    }

    #[test]
    fn keeps_the_record_of_a_failover() {
        use NodeState::{Down, Up};
        let mut publisher = publisher();
        publisher.publish(MS, change(view(&[("a", Up), ("b", Up)], Some(0), 5), Reason::Found));
        publisher.publish(MS * 200, change(view(&[("a", Down), ("b", Up)], None, 5), Reason::Selected));
        publisher.publish(MS * 1410, change(view(&[("a", Down), ("b", Up)], Some(1), 6), Reason::Promoted));
        publisher.publish(MS * 9000, change(view(&[("a", Up), ("b", Up)], Some(1), 6), Reason::Refreshed));
        let log = publisher.events.snapshot();
        let told: Vec<_> = log.last.iter().map(|event| event.kind.name()).collect();
        assert_eq!(told, ["master-found", "master-held", "node-down", "master-changed", "node-up"]);
        assert_eq!(log.last[1].outage_ms, None, "not over yet");
        let changed = &log.last[3];
        assert_eq!(
            (changed.from.clone(), changed.to.clone()),
            (Some(Endpoint::new("a", 1)), Some(Endpoint::new("b", 1)))
        );
        assert_eq!((changed.outage_ms, log.failovers), (Some(1310), 1));
        assert_eq!(log.changes.get("promoted"), Some(&1));
        assert_eq!(publisher.events.take_outages(), [MS * 1310]);
    }
}

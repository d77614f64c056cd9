//! The one loop that does the IO of discovery for every kind of backend: asks, waits, feeds the rules, publishes.
//!
//! Runs on the control plane's runtime; dropping its future ends every connection that it opened.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::link::{self, Context};
use super::{Answer, Ask, Change, Discovery, Failure, Hint, Observation, Probe, Reason, Target, Watch};
use crate::config::{self, Credentials};
use crate::topology::cell::TopologyCell;
use crate::topology::events::{EventKind, Events};
use crate::topology::{Endpoint, NodeState, Shard, View};

/// Observations that may wait for the rules; links pause when it is full.
const QUEUE: usize = 1024;
/// Questions that may wait at one link. The rules ask one at a time of each kind.
const QUESTIONS: usize = 8;

/// Discovers the backend of `proxy` for ever, publishing into `cell` and recording into `events`.
pub(crate) async fn run(
    proxy: config::Proxy,
    cell: Arc<TopologyCell>,
    events: Arc<Events>,
    hints: mpsc::Receiver<Hint>,
) {
    let (observations, observed) = mpsc::channel(QUEUE);
    let rules = super::rules(&proxy);
    let started = Instant::now();
    let links = Links::new(&proxy, observations, started);
    let publisher = Publisher { name: proxy.name, cell, events, served: None };
    Driver { rules, links, publisher, started }.run(observed, hints).await;
}

struct Driver {
    rules: Box<dyn Discovery>,
    links: Links,
    publisher: Publisher,
    started: Instant,
}

impl Driver {
    async fn run(mut self, mut observed: mpsc::Receiver<Observation>, mut hints: mpsc::Receiver<Hint>) {
        self.feed(Observation::Tick);
        let mut hints_open = true;
        loop {
            let ask = self.rules.poll(self.started.elapsed());
            let wake = self.started + ask.wake;
            self.links.apply(ask, &self.publisher);
            let observation = tokio::select! {
                observation = observed.recv() => observation.unwrap_or(Observation::Tick),
                hint = hints.recv(), if hints_open => {
                    hints_open = hint.is_some();
                    hint.map_or(Observation::Tick, Observation::Hint)
                }
                () = sleep_until(wake) => Observation::Tick,
            };
            self.links.note(&observation);
            self.feed(observation);
            // Whatever came in the meantime is taken in before anything is asked again.
            while let Ok(observation) = observed.try_recv() {
                self.links.note(&observation);
                self.feed(observation);
            }
        }
    }

    fn feed(&mut self, observation: Observation) {
        let now = self.started.elapsed();
        if let Some(change) = self.rules.observe(now, observation) {
            self.publisher.publish(now, change);
        }
        self.publisher.events.health.store(self.rules.health());
    }
}

/// The connections: one task per peer asked, one per subscription.
struct Links {
    tasks: JoinSet<()>,
    asked: HashMap<Target, mpsc::Sender<Probe>>,
    watched: HashMap<Watch, AbortHandle>,
    /// The last outcome of each peer: one log line per change, not one per question.
    outcomes: HashMap<Target, Option<String>>,
    node_credentials: Option<Credentials>,
    sentinel_credentials: Option<Credentials>,
    observations: mpsc::Sender<Observation>,
    started: Instant,
}

impl Links {
    fn new(proxy: &config::Proxy, observations: mpsc::Sender<Observation>, started: Instant) -> Self {
        let sentinel_credentials = match &proxy.backend.kind {
            config::Kind::Sentinel { credentials, .. } => credentials.clone(),
            config::Kind::Fixed { .. } => None,
        };
        Links {
            tasks: JoinSet::new(),
            asked: HashMap::new(),
            watched: HashMap::new(),
            outcomes: HashMap::new(),
            node_credentials: proxy.backend.credentials.clone(),
            sentinel_credentials,
            observations,
            started,
        }
    }

    fn apply(&mut self, ask: Ask, publisher: &Publisher) {
        while self.tasks.try_join_next().is_some() {}
        for probe in ask.probes {
            self.ask(probe);
        }
        let wanted: BTreeSet<Watch> = ask.watches.into_iter().collect();
        self.watched.retain(|watch, task| {
            let keep = wanted.contains(watch);
            if !keep {
                task.abort();
            }
            keep
        });
        for watch in wanted {
            self.watch(watch, publisher);
        }
    }

    fn ask(&mut self, probe: Probe) {
        let sender = match self.asked.get(&probe.target) {
            Some(sender) if !sender.is_closed() => sender.clone(),
            Some(_) | None => self.open(&probe.target),
        };
        if let Err(refused) = sender.try_send(probe) {
            let probe = refused.into_inner();
            let sent = self.started.elapsed();
            let outcome = Err(Failure::TimedOut);
            // The rules count on an answer to every question; a full queue here is a full queue there.
            let _ = self.observations.try_send(Observation::Answer { probe, sent, outcome });
        }
    }

    fn open(&mut self, target: &Target) -> mpsc::Sender<Probe> {
        let (sender, questions) = mpsc::channel(QUESTIONS);
        self.tasks.spawn(link::answer(target.clone(), self.context(target), questions));
        self.asked.insert(target.clone(), sender.clone());
        sender
    }

    fn watch(&mut self, watch: Watch, publisher: &Publisher) {
        if self.watched.contains_key(&watch) {
            return;
        }
        if let Target::Sentinel(sentinel) = &watch.target {
            info!(proxy = publisher.name, %sentinel, "sentinel found");
            publisher.events.record(EventKind::SentinelFound, None, Some(sentinel.clone()), None);
        }
        let task = self.tasks.spawn(link::watch(watch.clone(), self.context(&watch.target)));
        self.watched.insert(watch, task);
    }

    fn context(&self, target: &Target) -> Context {
        let credentials = match target {
            Target::Node(_) => self.node_credentials.clone(),
            Target::Sentinel(_) => self.sentinel_credentials.clone(),
        };
        Context { credentials, observations: self.observations.clone(), started: self.started }
    }

    /// One log line when a peer starts or stops to answer, or fails in another way.
    fn note(&mut self, observation: &Observation) {
        let Observation::Answer { probe, outcome, .. } = observation else { return };
        let failure = complaint(outcome);
        if self.outcomes.get(&probe.target) == Some(&failure) {
            return;
        }
        let peer = probe.target.endpoint();
        match &failure {
            Some(failure) => warn!(%peer, %failure, "peer does not serve us"),
            None => debug!(%peer, "peer answers"),
        }
        self.outcomes.insert(probe.target.clone(), failure);
    }
}

/// What is wrong with a peer: no answer, or an error as the first reply (LOADING, NOAUTH, MISCONF).
fn complaint(outcome: &Result<Answer, Failure>) -> Option<String> {
    match outcome {
        Ok(answer) => answer.values.first().and_then(|value| value.error_code()).map(str::to_owned),
        Err(failure) => Some(failure.to_string()),
    }
}

/// Guards the cell and keeps the record.
struct Publisher {
    name: String,
    cell: Arc<TopologyCell>,
    events: Arc<Events>,
    /// The last master that was published.
    served: Option<Endpoint>,
}

impl Publisher {
    /// Refuses an older config epoch, skips what is published already.
    fn publish(&mut self, now: Duration, change: Change) {
        let before = self.cell.load();
        if same(&before.shards, &change.view.shards) {
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

/// Equal but for round trips and lags.
fn same(before: &[Shard], after: &[Shard]) -> bool {
    let plain = |shards: &[Shard]| {
        let mut view = View { shards: shards.to_vec() };
        for node in view.shards.iter_mut().flat_map(|shard| &mut shard.nodes) {
            (node.rtt, node.lag) = (None, None);
        }
        view
    };
    plain(before) == plain(after)
}

fn lowers_epoch(before: &[Shard], after: &[Shard]) -> bool {
    before.iter().zip(after).any(|(before, after)| after.epoch < before.epoch)
}

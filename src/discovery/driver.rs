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

use crate::config::{self, Credentials};
use crate::topology::cell::TopologyCell;
use crate::topology::diagnosis::{Diagnosis, Finding};
use crate::topology::events::Events;
use crate::topology::health::PeerConnections;
use crate::topology::hint::Hint;

use super::diagnose::Expected;
use super::findings::Findings;
use super::link::{self, LinkContext};
use super::notice::{LogLine, Notice};
use super::publisher::Publisher;
use super::{Ask, Discovery, Failure, Observation, PeerKind, PeerProbe, Subscription};

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
    let links = Links::new(&proxy, events.connections.clone(), observations, started);
    let publisher = Publisher::new(proxy.name, cell, events, proxy.reads);
    let notice = Notice::default();
    Driver { rules, links, publisher, started, complaint: None, notice }.run(observed, hints).await;
}

struct Driver {
    rules: Box<dyn Discovery>,
    links: Links,
    publisher: Publisher,
    started: Instant,
    /// About the deployment as a whole.
    complaint: Option<Finding>,
    notice: Notice,
}

impl Driver {
    async fn run(mut self, mut observed: mpsc::Receiver<Observation>, mut hints: mpsc::Receiver<Hint>) {
        self.feed(Observation::Tick);
        let mut hints_open = true;
        loop {
            if self.rules.awaits_drain() && self.publisher.is_drained() {
                self.feed(Observation::Drained);
            }
            let ask = self.rules.poll(self.started.elapsed());
            let wake = self.started + self.notice.wake().map_or(ask.wake, |due| due.min(ask.wake));
            self.links.apply(ask, &self.publisher);
            let observation = tokio::select! {
                observation = observed.recv() => observation.unwrap_or(Observation::Tick),
                hint = hints.recv(), if hints_open => {
                    hints_open = hint.is_some();
                    hint.map_or(Observation::Tick, Observation::Hint)
                }
                () = sleep_until(wake) => Observation::Tick,
            };
            self.feed(observation);
            // What came in the meantime is taken in before anything is asked again; not without end, if a peer floods
            // us.
            for _ in 0..QUEUE {
                let Ok(observation) = observed.try_recv() else { break };
                self.feed(observation);
            }
        }
    }

    fn feed(&mut self, observation: Observation) {
        let now = self.started.elapsed();
        self.links.note(&observation);
        if let Some(change) = self.rules.observe(now, observation) {
            self.publisher.publish(now, change);
        }
        self.publisher.tell_story(now);
        self.publisher.measured(self.rules.health());
        let complaint = self.rules.complaint();
        let has_news = std::mem::take(&mut self.links.has_news) || complaint != self.complaint;
        self.complaint = complaint;
        self.publisher.named(self.rules.aliases());
        self.diagnose(now, has_news);
    }

    /// Publishes what is known against the deployment, and logs what lasts of it.
    fn diagnose(&mut self, now: Duration, has_news: bool) {
        let before = self.publisher.events.diagnosis.load();
        let has_served = before.has_served || self.publisher.serves();
        if has_news || has_served != before.has_served {
            let findings = self.links.findings.all().into_iter().chain(self.complaint.clone()).collect();
            self.publisher.events.diagnosis.store(Diagnosis::new(has_served, findings));
        }
        let wrong = self.publisher.wrong();
        let proxy = &self.publisher.name;
        match (self.notice.look(now, wrong.as_deref()), wrong) {
            (Some(LogLine::Wrong), Some(reason)) => {
                warn!(%proxy, %reason, "the backend does not serve as it should")
            }
            (Some(LogLine::Well), _) => info!(%proxy, "the backend serves as it should"),
            (Some(LogLine::Wrong) | None, _) => {}
        }
    }
}

/// The connections: one task per peer asked, one per subscription.
struct Links {
    tasks: JoinSet<()>,
    asked: HashMap<PeerKind, mpsc::Sender<PeerProbe>>,
    watched: HashMap<Subscription, AbortHandle>,
    /// What is wrong with each peer: one log line per change, not one per question.
    findings: Findings,
    /// They have changed since they were published.
    has_news: bool,
    proxy: config::Proxy,
    node_credentials: Option<Credentials>,
    sentinel_credentials: Option<Credentials>,
    connections: PeerConnections,
    observations: mpsc::Sender<Observation>,
    started: Instant,
}

impl Links {
    fn new(
        proxy: &config::Proxy,
        connections: PeerConnections,
        observations: mpsc::Sender<Observation>,
        started: Instant,
    ) -> Self {
        let sentinel_credentials = match &proxy.backend.kind {
            config::Kind::Sentinel { credentials, .. } => credentials.clone(),
            config::Kind::Fixed { .. } | config::Kind::Cluster { .. } | config::Kind::Active { .. } => None,
        };
        Links {
            tasks: JoinSet::new(),
            asked: HashMap::new(),
            watched: HashMap::new(),
            findings: Findings::default(),
            has_news: false,
            proxy: proxy.clone(),
            node_credentials: proxy.backend.credentials.clone(),
            sentinel_credentials,
            connections,
            observations,
            started,
        }
    }

    fn apply(&mut self, ask: Ask, publisher: &Publisher) {
        while self.tasks.try_join_next().is_some() {}
        self.asked.retain(|_, sender| !sender.is_closed());
        self.has_news |= self.findings.keep(|target| self.asked.contains_key(target));
        for probe in ask.probes {
            self.ask(probe);
        }
        let wanted: BTreeSet<Subscription> = ask.watches.into_iter().collect();
        self.watched.retain(|watch, task| {
            let keep = wanted.contains(watch);
            if !keep {
                task.abort();
            }
            keep
        });
        // The first ones are the configured ones.
        let discovered = !self.watched.is_empty();
        for watch in wanted {
            self.watch(watch, discovered, publisher);
        }
    }

    fn ask(&mut self, probe: PeerProbe) {
        let sender = match self.asked.get(&probe.target) {
            Some(sender) if !sender.is_closed() => sender.clone(),
            // Nobody asked for a while, and the task has ended.
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

    fn open(&mut self, target: &PeerKind) -> mpsc::Sender<PeerProbe> {
        let (sender, questions) = mpsc::channel(QUESTIONS);
        self.tasks.spawn(link::answer(target.clone(), self.context(target), questions));
        self.asked.insert(target.clone(), sender.clone());
        sender
    }

    fn watch(&mut self, watch: Subscription, discovered: bool, publisher: &Publisher) {
        if self.watched.contains_key(&watch) {
            return;
        }
        if let PeerKind::Sentinel(sentinel) = &watch.target
            && discovered
        {
            publisher.found_sentinel(sentinel.clone());
        }
        let task = self.tasks.spawn(link::watch(watch.clone(), self.context(&watch.target)));
        self.watched.insert(watch, task);
    }

    fn context(&self, target: &PeerKind) -> LinkContext {
        let credentials = match target {
            PeerKind::Node(_) => self.node_credentials.clone(),
            PeerKind::Sentinel(_) => self.sentinel_credentials.clone(),
        };
        LinkContext {
            credentials,
            connections: self.connections.clone(),
            observations: self.observations.clone(),
            started: self.started,
        }
    }

    /// One log line when a peer starts or stops to answer, or fails in another way.
    fn note(&mut self, observation: &Observation) {
        let Observation::Answer { probe, outcome, .. } = observation else { return };
        let expected = Expected::of(&self.proxy, &probe.target);
        let Some(fault) = self.findings.take(expected, &probe.target, &probe.question, outcome) else {
            return;
        };
        self.has_news = true;
        let peer = probe.target.endpoint();
        match &fault {
            Some(fault) if fault.is_warning() => warn!(%peer, %fault, "peer works in part"),
            Some(fault) => warn!(%peer, %fault, "peer cannot be used"),
            None => debug!(%peer, "peer answers"),
        }
    }
}

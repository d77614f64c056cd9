//! The connections of the driver: starts and ends their tasks, hands questions to them, and logs what their answers change.

use std::collections::{BTreeSet, HashMap};

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::config::{self, Credentials};
use crate::topology::health::PeerConnections;

use super::diagnose::Expected;
use super::findings::Findings;
use super::link::{self, LinkContext};
use super::publisher::Publisher;
use super::{Ask, Failure, Observation, PeerKind, PeerProbe, Subscription};

/// The number of questions that may wait at one link. The rules ask one of each kind at a time.
const QUESTIONS: usize = 8;

/// The connections: one task for each peer that is asked, one for each subscription.
pub(super) struct Links {
    tasks: JoinSet<()>,
    /// The queues of the tasks that ask peers.
    askers: HashMap<PeerKind, mpsc::Sender<PeerProbe>>,
    /// The tasks of the subscriptions.
    subscribers: HashMap<Subscription, AbortHandle>,
    /// The faults of each peer. They are logged when they change, not at every question.
    pub(super) findings: Findings,
    /// True if the findings have changed since they were published.
    pub(super) has_news: bool,
    proxy: config::Proxy,
    node_credentials: Option<Credentials>,
    sentinel_credentials: Option<Credentials>,
    connections: PeerConnections,
    observations: mpsc::Sender<Observation>,
    started: Instant,
}

impl Links {
    pub(super) fn new(
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
            askers: HashMap::new(),
            subscribers: HashMap::new(),
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

    /// Sends all probes, and opens and closes subscriptions as the rules want them.
    pub(super) fn apply(&mut self, ask: Ask, publisher: &Publisher) {
        while self.tasks.try_join_next().is_some() {}
        self.askers.retain(|_, sender| !sender.is_closed());
        self.has_news |= self.findings.retain(|target| self.askers.contains_key(target));
        for probe in ask.probes {
            self.ask(probe);
        }
        let wanted: BTreeSet<Subscription> = ask.subscriptions.into_iter().collect();
        self.subscribers.retain(|subscription, task| {
            let keep = wanted.contains(subscription);
            if !keep {
                task.abort();
            }
            keep
        });
        // The first subscriptions are those to the configured sentinels; later ones are to sentinels that were discovered.
        let discovered = !self.subscribers.is_empty();
        for subscription in wanted {
            self.subscribe(subscription, discovered, publisher);
        }
    }

    fn ask(&mut self, probe: PeerProbe) {
        let sender = match self.askers.get(&probe.target) {
            Some(sender) if !sender.is_closed() => sender.clone(),
            // The task of a peer that was not asked for a while has ended.
            Some(_) | None => self.open(&probe.target),
        };
        if let Err(refused) = sender.try_send(probe) {
            let probe = refused.into_inner();
            let sent = self.started.elapsed();
            let outcome = Err(Failure::TimedOut);
            // The rules rely on an answer to every question. It is lost only if the driver's queue is full too.
            let _ = self.observations.try_send(Observation::Answer { probe, sent, outcome });
        }
    }

    fn open(&mut self, target: &PeerKind) -> mpsc::Sender<PeerProbe> {
        let (sender, questions) = mpsc::channel(QUESTIONS);
        self.tasks.spawn(link::ask_peer(target.clone(), self.context(target), questions));
        self.askers.insert(target.clone(), sender.clone());
        sender
    }

    fn subscribe(&mut self, subscription: Subscription, discovered: bool, publisher: &Publisher) {
        if self.subscribers.contains_key(&subscription) {
            return;
        }
        if let PeerKind::Sentinel(sentinel) = &subscription.target
            && discovered
        {
            publisher.found_sentinel(sentinel.clone());
        }
        let context = self.context(&subscription.target);
        let task = self.tasks.spawn(link::keep_subscribed(subscription.clone(), context));
        self.subscribers.insert(subscription, task);
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

    /// Takes in an answer, and logs if the fault of its peer has changed.
    pub(super) fn update_findings(&mut self, observation: &Observation) {
        let Observation::Answer { probe, outcome, .. } = observation else { return };
        let expected = Expected::of(&self.proxy, &probe.target);
        let Some(fault) = self.findings.update(expected, &probe.target, &probe.question, outcome) else {
            return;
        };
        self.has_news = true;
        let peer = probe.target.endpoint();
        match &fault {
            Some(fault) if fault.is_warning() => warn!(%peer, %fault, "peer can be used only in part"),
            Some(fault) => warn!(%peer, %fault, "peer cannot be used"),
            None => debug!(%peer, "peer answers"),
        }
    }
}

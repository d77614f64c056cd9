//! The driver: the one loop that runs discovery for every kind of backend. It asks, waits, feeds the rules and publishes.
//!
//! It runs on the control plane's runtime; dropping its future ends every connection that it opened.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::config;
use crate::topology::cell::TopologyCell;
use crate::topology::diagnosis::{Diagnosis, Finding};
use crate::topology::events::Events;
use crate::topology::hint::Hint;

use super::learning::Learner;
use super::links::Links;
use super::publisher::Publisher;
use super::readiness_log::{LogLine, ReadinessLog};
use super::{Discovery, Observation};

/// The number of observations that may wait for the rules. Links pause while the queue is full.
const QUEUE: usize = 1024;

/// Discovers the backend of `proxy` for ever: publishes into `cell` and records into `events`.
pub(crate) async fn run(
    proxy: config::Proxy,
    cell: Arc<TopologyCell>,
    events: Arc<Events>,
    hints: mpsc::Receiver<Hint>,
) {
    let (observations, observed) = mpsc::channel(QUEUE);
    let rules = super::rules(&proxy);
    let learner = Learner::new(&proxy, Arc::clone(&cell), Arc::clone(&events));
    let started = Instant::now();
    let links = Links::new(&proxy, events.connections.clone(), observations, started);
    let publisher = Publisher::new(proxy.name, cell, events, proxy.reads);
    let readiness = ReadinessLog::default();
    let driver = Driver { rules, links, publisher, started, complaint: None, readiness };
    tokio::join!(driver.run(observed, hints), learner.run());
}

struct Driver {
    rules: Box<dyn Discovery>,
    links: Links,
    publisher: Publisher,
    started: Instant,
    /// The fault of the deployment as a whole, as it was published last.
    complaint: Option<Finding>,
    readiness: ReadinessLog,
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
            let wake = self.started + self.readiness.wake().map_or(ask.wake, |due| due.min(ask.wake));
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
            // All that has arrived is taken in before anything is asked again. The limit is for a peer that sends without end.
            for _ in 0..QUEUE {
                let Ok(observation) = observed.try_recv() else { break };
                self.feed(observation);
            }
        }
    }

    fn feed(&mut self, observation: Observation) {
        let now = self.started.elapsed();
        self.links.update_findings(&observation);
        if let Some(change) = self.rules.observe(now, observation) {
            self.publisher.publish(now, change);
        }
        self.publisher.log_outage(now);
        self.publisher.publish_health(self.rules.health());
        let complaint = self.rules.complaint();
        let has_news = std::mem::take(&mut self.links.has_news) || complaint != self.complaint;
        self.complaint = complaint;
        self.publisher.publish_aliases(self.rules.aliases());
        self.diagnose(now, has_news);
    }

    /// Publishes the diagnosis, and logs what is wrong once it has lasted.
    fn diagnose(&mut self, now: Duration, has_news: bool) {
        let before = self.publisher.events.diagnosis.load();
        let has_served = before.has_served || self.publisher.serves();
        if has_news || has_served != before.has_served {
            let findings = self.links.findings.all().into_iter().chain(self.complaint.clone()).collect();
            self.publisher.events.diagnosis.store(Diagnosis::new(has_served, findings));
        }
        let problem = self.publisher.problem();
        let proxy = &self.publisher.name;
        match (self.readiness.update(now, problem.as_deref()), problem) {
            (Some(LogLine::Wrong), Some(reason)) => {
                warn!(%proxy, %reason, "the backend does not serve as it should")
            }
            (Some(LogLine::Well), _) => info!(%proxy, "the backend serves as it should"),
            (Some(LogLine::Wrong) | None, _) => {}
        }
    }
}

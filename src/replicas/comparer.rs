//! Compares users and settings of replicas with those of their masters, at a modest pace and soon after something has happened.
//!
//! A difference that stays is a warning in the log and a number in the metrics. Nothing is mended: which side is right, only the
//! operator knows.

use std::collections::BTreeSet;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::config::Credentials;
use crate::discovery::Failure;
use crate::discovery::control::Control;
use crate::topology::differences::Difference;
use crate::topology::{Endpoint, Role, Shard};

use super::Backend;
use super::facts::{self, Facts};
use super::notices::{Notice, Notices};

/// The time between an event and the look that it is reason for, and between two looks at the same difference.
const SOON: Duration = Duration::from_secs(2);
/// The number of users that the log names.
const NAMED: usize = 8;

pub(super) struct Comparer {
    backend: Backend,
    credentials: Option<Credentials>,
    /// Told of each command that a replica does not have.
    missed: Arc<Notify>,
    hasher: RandomState,
    notices: Notices,
    /// The nodes that were named as keeping users or settings to themselves.
    closed: BTreeSet<Endpoint>,
}

impl Comparer {
    pub(super) fn new(backend: Backend, credentials: Option<Credentials>, missed: Arc<Notify>) -> Self {
        let (hasher, notices, closed) = (RandomState::new(), Notices::default(), BTreeSet::new());
        Comparer { backend, credentials, missed, hasher, notices, closed }
    }

    /// Compares for ever, or until nothing is published any more.
    pub(super) async fn run(mut self, period: Duration) {
        let soon = SOON.min(period);
        let mut changes = self.backend.cell.subscribe();
        let mut due = Instant::now() + soon;
        loop {
            tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    due = due.min(Instant::now() + soon);
                }
                () = self.missed.notified() => due = due.min(Instant::now() + soon),
                () = sleep_until(due) => {
                    self.look().await;
                    let pause = if self.notices.are_unsure() { soon } else { period };
                    due = Instant::now() + pause;
                }
            }
        }
    }

    async fn look(&mut self) {
        let topology = self.backend.cell.load();
        let all = topology.shown().flat_map(|(_, shard)| replicas(shard));
        self.notices.retain(&all.collect::<Vec<Endpoint>>());
        for (_, shard) in topology.shown() {
            self.compare(shard).await;
        }
        self.backend.events.differences.store(self.notices.reported().clone());
    }

    async fn compare(&mut self, shard: &Shard) {
        let replicas = replicas(shard);
        let Some(master) = shard.master_node().filter(|_| !replicas.is_empty()) else { return };
        let Some(expected) = self.ask(&master.endpoint).await else { return };
        for replica in replicas {
            if let Some(found) = self.ask(&replica).await {
                let notice = self.notices.note(&replica, expected.difference(&found));
                self.log(&replica, &master.endpoint, notice);
            }
        }
    }

    async fn ask(&mut self, node: &Endpoint) -> Option<Facts> {
        match self.facts_of(node).await {
            Ok(facts) => {
                if facts.is_incomplete() && self.closed.insert(node.clone()) {
                    info!(
                        proxy = &*self.backend.proxy, %node,
                        "users or settings are not compared: the node does not answer ACL LIST or CONFIG GET"
                    );
                }
                Some(facts)
            }
            Err(failure) => {
                debug!(proxy = &*self.backend.proxy, %node, %failure, "users and settings were not compared");
                None
            }
        }
    }

    async fn facts_of(&self, node: &Endpoint) -> Result<Facts, Failure> {
        let events = &self.backend.events;
        let aliases = events.aliases.load();
        let dialed = aliases.get(node).unwrap_or(node);
        let mut control = Control::open(dialed, self.credentials.as_ref(), &events.connections).await?;
        let answer = control.ask(&facts::questions()).await?;
        Ok(Facts::read(&answer.values, &self.hasher))
    }

    fn log(&self, node: &Endpoint, master: &Endpoint, notice: Option<Notice>) {
        let proxy = &*self.backend.proxy;
        match notice {
            Some(Notice::Differs(difference)) => {
                let (users, settings) = (named_users(&difference), named_settings(&difference));
                warn!(
                    proxy, %node, %master, users, settings,
                    "a replica differs from its master: a failover to it would change what clients get"
                );
            }
            Some(Notice::Alike) => {
                info!(proxy, %node, %master, "a replica has the users and settings of its master again");
            }
            None => {}
        }
    }
}

/// Returns the replicas of a shard.
fn replicas(shard: &Shard) -> Vec<Endpoint> {
    let replicas = shard.nodes.iter().filter(|node| node.role == Role::Replica);
    replicas.map(|node| node.endpoint.clone()).collect()
}

/// Returns the names of users for the log, which must stay one line.
fn named_users(difference: &Difference) -> String {
    let users = difference.users.as_deref().unwrap_or_default();
    let named: Vec<String> =
        users.iter().take(NAMED).map(|user| user.escape_debug().take(64).collect()).collect();
    match users.len().saturating_sub(NAMED) {
        0 => named.join(","),
        more => format!("{} and {more} more", named.join(",")),
    }
}

fn named_settings(difference: &Difference) -> String {
    difference.settings.as_deref().unwrap_or_default().join(",")
}

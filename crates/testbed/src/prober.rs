//! The measure from outside: when does any node of the shard take a write again? Asks the nodes directly, never the
//! proxy, so that what the proxy adds can be told from what the backend costs.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::client::{Client, Reply};

/// Between two attempts at one node.
const EVERY: Duration = Duration::from_millis(10);

/// A node that does not answer for this long does not take writes.
const LIMIT: Duration = Duration::from_millis(50);

/// The first write that a node took after a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recovery {
    pub(crate) node: SocketAddr,
    pub(crate) outage: Duration,
}

#[derive(Default)]
struct Sightings {
    /// The node that was killed last, and when.
    killed: Option<(SocketAddr, Instant)>,
    recovery: Option<Recovery>,
    /// The nodes that took writes since the last kill.
    masters: BTreeSet<SocketAddr>,
    /// Masters that took over although no master was killed.
    unasked: u64,
}

impl Sightings {
    fn killed(&mut self, node: SocketAddr, at: Instant) {
        self.killed = Some((node, at));
        self.recovery = None;
        self.masters.clear();
    }

    fn accepted(&mut self, node: SocketAddr, at: Instant) {
        if let (Some((killed, when)), None) = (self.killed, self.recovery) {
            if node == killed {
                // A reply that was on its way when the node died.
                return;
            }
            self.recovery = Some(Recovery { node, outage: at.saturating_duration_since(when) });
        }
        let further = !self.masters.is_empty() && self.masters.insert(node);
        self.masters.insert(node);
        self.unasked += u64::from(further);
    }
}

/// Nodes of which one is the master, and a key that is theirs.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) nodes: Vec<SocketAddr>,
    pub(crate) key: String,
}

/// Tries a write on every node every 10 ms until it is dropped.
pub(crate) struct Prober {
    groups: Vec<(Group, Arc<Mutex<Sightings>>)>,
    _tasks: JoinSet<()>,
}

impl Prober {
    pub(crate) fn start(groups: Vec<Group>) -> Self {
        let mut tasks = JoinSet::new();
        let watched = groups.into_iter().map(|group| {
            let sightings = Arc::new(Mutex::new(Sightings::default()));
            for node in &group.nodes {
                tasks.spawn(watch(*node, group.key.clone(), Arc::clone(&sightings)));
            }
            (group, sightings)
        });
        Self { groups: watched.collect(), _tasks: tasks }
    }

    /// `node` was killed in this moment: what follows is its group's outage.
    pub(crate) fn killed(&self, node: SocketAddr, at: Instant) {
        if let Some(sightings) = self.of(node) {
            lock(sightings).killed(node, at);
        }
    }

    /// The end of the outage since this node was killed, once there is one.
    pub(crate) fn recovery(&self, node: SocketAddr) -> Option<Recovery> {
        lock(self.of(node)?).recovery
    }

    /// Returns how often the backend changed a master without a kill.
    pub(crate) fn unasked(&self) -> u64 {
        self.groups.iter().map(|(_, sightings)| lock(sightings).unasked).sum()
    }

    fn of(&self, node: SocketAddr) -> Option<&Mutex<Sightings>> {
        let (_, sightings) = self.groups.iter().find(|(group, _)| group.nodes.contains(&node))?;
        Some(sightings)
    }
}

fn lock(sightings: &Mutex<Sightings>) -> MutexGuard<'_, Sightings> {
    sightings.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn watch(node: SocketAddr, key: String, sightings: Arc<Mutex<Sightings>>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut connection = None;
    loop {
        ticks.tick().await;
        let kept = connection.is_some();
        let mut taken = attempt(node, &key, &mut connection).await;
        if taken.is_none() && kept {
            // A promotion closes every connection of the node: ask on a new one within the same tick.
            taken = attempt(node, &key, &mut connection).await;
        }
        if taken == Some(true) {
            lock(&sightings).accepted(node, Instant::now());
        }
    }
}

/// Returns whether the node took the write; `None` when it did not answer at all.
async fn attempt(node: SocketAddr, key: &str, connection: &mut Option<Client>) -> Option<bool> {
    let mut client = match connection.take() {
        Some(client) => client,
        None => Client::connect(node, LIMIT).await.ok()?,
    };
    let reply = client.call(&["SET", key, "1"]).await.ok()?;
    *connection = Some(client);
    Some(matches!(reply, Reply::Simple(ok) if ok == "OK"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn an_outage_ends_with_the_first_write_on_another_node() {
        let start = Instant::now();
        let mut sightings = Sightings::default();
        sightings.accepted(node(1), start);
        sightings.killed(node(1), start);
        sightings.accepted(node(1), start);
        assert_eq!(sightings.recovery, None);
        sightings.accepted(node(2), start + Duration::from_secs(1));
        sightings.accepted(node(2), start + Duration::from_secs(2));
        assert_eq!(sightings.recovery, Some(Recovery { node: node(2), outage: Duration::from_secs(1) }));
        assert_eq!(sightings.unasked, 0);
    }

    #[test]
    fn a_further_master_without_a_kill_is_unasked() {
        let start = Instant::now();
        let mut sightings = Sightings::default();
        sightings.accepted(node(1), start);
        sightings.killed(node(1), start);
        for port in [2, 3, 2, 3] {
            sightings.accepted(node(port), start);
        }
        assert_eq!(sightings.unasked, 1);
    }
}

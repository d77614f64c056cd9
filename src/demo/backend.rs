//! The deployments of the demo, as its course needs them: whom to kill, how to mend it, where a key is.

use std::net::SocketAddr;
use std::time::Duration;

use super::client::Client;
use super::cluster::slots::{name_within, part, slot_of};
use super::cluster::{ClusterDeployment, ClusterOptions};
use super::deployment::{SentinelDeployment, SentinelOptions};
use super::error::Error;
use super::load::Seat;
use super::prober::Group;
use super::round::{ALL_SHARDS, PLAIN};
use super::screen::Screen;

/// How long the backend may take for a failover, and to be whole again.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Which deployment is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One master, two replicas, three sentinels.
    Sentinel,
    /// Three masters, each with a replica.
    Cluster,
}

/// Shards of the cluster.
const SHARDS: usize = 3;

/// Clients with one master.
const CLIENTS: usize = 8;

/// Clients of the cluster that use all shards.
const WIDE: usize = 5;

/// A master that is to be killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Victim {
    pub(crate) node: SocketAddr,
    /// Its shard, where there are several.
    pub(crate) shard: Option<usize>,
}

/// A running deployment; dropping it ends every process and removes every file.
pub(crate) enum Backend {
    Sentinel(SentinelDeployment),
    Cluster(ClusterDeployment),
}

impl Kind {
    /// The clients that are to work.
    pub(crate) fn seats(self) -> Vec<Seat> {
        match self {
            Self::Sentinel => (0..CLIENTS).map(plain).collect(),
            Self::Cluster => (0..WIDE + SHARDS).map(seat).collect(),
        }
    }
}

/// Every second client sends a round at once, as a pipeline: then the order of the replies counts.
fn plain(id: usize) -> Seat {
    let depth = if id.is_multiple_of(2) { 1 } else { PLAIN.len() };
    Seat { prefixes: vec![format!("demo:{id}")], round: &PLAIN, depth, only: None }
}

/// The first clients use all shards, the others one each.
fn seat(id: usize) -> Seat {
    match id.checked_sub(WIDE) {
        None => {
            let prefixes = (0..SHARDS).map(|shard| prefix(shard, id)).collect();
            let depth = if id.is_multiple_of(2) { 1 } else { ALL_SHARDS.len() };
            Seat { prefixes, round: &ALL_SHARDS, depth, only: None }
        }
        Some(shard) => Seat { prefixes: vec![prefix(shard, id)], round: &PLAIN, depth: 1, only: Some(shard) },
    }
}

fn prefix(shard: usize, id: usize) -> String {
    format!("demo:{{{}}}:{id}", tag(shard))
}

/// A hash tag for one of the shards.
fn tag(shard: usize) -> String {
    name_within("shard", &part(shard, SHARDS))
}

/// A slot of this shard: all that is done with a shard is done by it.
fn slot(shard: usize) -> u16 {
    slot_of(&tag(shard))
}

impl Backend {
    /// Starts it and says so; returns when it is whole.
    pub(crate) async fn start(kind: Kind, screen: &Screen) -> Result<Self, Error> {
        match kind {
            Kind::Sentinel => {
                let options = SentinelOptions::default();
                let patience = options.down_after_ms;
                let deployment = SentinelDeployment::start(options).await?;
                let master = deployment.wait_until_healthy(LIMIT).await?;
                screen.event(&format!("redis-server    {}, master {master}", list(&deployment.nodes())));
                let sentinels = list(&deployment.sentinels());
                screen.event(&format!("redis-sentinel  {sentinels}, down-after-milliseconds {patience}"));
                Ok(Self::Sentinel(deployment))
            }
            Kind::Cluster => {
                let options = ClusterOptions { full_coverage: false, ..ClusterOptions::default() };
                let patience = options.node_timeout_ms;
                let deployment = ClusterDeployment::start(options).await?;
                let nodes = deployment.nodes();
                let (masters, replicas) = nodes.split_at(SHARDS.min(nodes.len()));
                screen.event(&format!("redis-server    masters {}", list(masters)));
                screen.event(&format!("                replicas {}", list(replicas)));
                screen.event(&format!(
                    "                cluster-node-timeout {patience}, cluster-require-full-coverage no"
                ));
                Ok(Self::Cluster(deployment))
            }
        }
    }

    /// The backend URL for the proxy.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sentinel(deployment) => deployment.url(),
            Self::Cluster(deployment) => deployment.url(),
        }
    }

    /// Who takes over from whom. A cluster that is new has its masters first and then the replica of each.
    pub(crate) fn groups(&self) -> Vec<Group> {
        match self {
            Self::Sentinel(deployment) => {
                vec![Group { nodes: deployment.nodes(), key: "demo:probe".to_owned() }]
            }
            Self::Cluster(deployment) => {
                let nodes = deployment.nodes();
                let of = |shard: usize| nodes.iter().skip(shard).step_by(SHARDS).copied().collect();
                let group = |shard| Group { nodes: of(shard), key: format!("demo:{{{}}}:probe", tag(shard)) };
                (0..SHARDS).map(group).collect()
            }
        }
    }

    /// The master whose turn it is, once the deployment is whole. A cluster's shards take turns: its masters vote only
    /// once in two node timeouts for the same shard.
    pub(crate) async fn victim(&self, number: usize) -> Result<Victim, Error> {
        match self {
            Self::Sentinel(deployment) => {
                Ok(Victim { node: deployment.wait_until_healthy(LIMIT).await?, shard: None })
            }
            Self::Cluster(deployment) => {
                deployment.wait_until_healthy(LIMIT).await?;
                let shard = number.saturating_sub(1) % SHARDS;
                Ok(Victim { node: deployment.must_own(slot(shard)).await?, shard: Some(shard) })
            }
        }
    }

    /// SIGKILL; it is gone when this returns.
    pub(crate) fn kill(&mut self, node: SocketAddr) {
        match self {
            Self::Sentinel(deployment) => deployment.kill_node(node),
            Self::Cluster(deployment) => deployment.kill(node),
        }
    }

    /// Waits for the failover and brings the killed node back; returns when the deployment is whole.
    pub(crate) async fn mend(&mut self, victim: Victim) -> Result<(), Error> {
        match self {
            Self::Sentinel(deployment) => {
                deployment.wait_for_switch(victim.node, LIMIT).await?;
                if let Some(index) = deployment.index_of(victim.node) {
                    deployment.restart_node(index).await?;
                }
                deployment.wait_until_healthy(LIMIT).await.map(|_| ())
            }
            Self::Cluster(deployment) => {
                let slot = victim.shard.map_or(0, slot);
                deployment.wait_for_switch(slot, victim.node, LIMIT).await?;
                deployment.restart(victim.node).await?;
                deployment.wait_until_healthy(LIMIT).await
            }
        }
    }

    /// A connection to the master that holds the key, once the deployment is whole.
    pub(crate) async fn holder(&self, key: &str) -> Result<Client, Error> {
        match self {
            Self::Sentinel(deployment) => {
                let master = deployment.wait_until_healthy(LIMIT).await?;
                deployment.client(master).await
            }
            Self::Cluster(deployment) => {
                deployment.wait_until_healthy(LIMIT).await?;
                deployment.client(deployment.must_own(slot_of(key)).await?).await
            }
        }
    }
}

fn list(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_a_cluster_use_all_shards_or_their_own() {
        let seats = Kind::Cluster.seats();
        let shards = |seat: &Seat| -> Vec<usize> {
            let slots = seat.prefixes.iter().map(|prefix| slot_of(prefix));
            slots.filter_map(|slot| (0..SHARDS).find(|shard| part(*shard, SHARDS).contains(&slot))).collect()
        };
        assert!(seats.iter().take(WIDE).all(|seat| shards(seat) == [0, 1, 2] && seat.only.is_none()));
        let narrow: Vec<_> = seats.iter().skip(WIDE).map(|seat| (shards(seat), seat.only)).collect();
        assert_eq!(narrow, [0, 1, 2].map(|shard| (vec![shard], Some(shard))));
    }
}

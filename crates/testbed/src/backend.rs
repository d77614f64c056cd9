//! The deployments of the demo, as its course needs them: whom to kill, how to mend it, where a key is.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::active::{ActiveDeployment, ActiveOptions, Servers};
use super::client::Client;
use super::cluster::slots::slot_of;
use super::cluster::{ClusterDeployment, ClusterOptions};
use super::deployment::{SentinelDeployment, SentinelOptions};
use super::error::Error;
use super::jobs::{SHARDS, slot, tag};
use super::kind::Kind;
use super::prober::{Group, Prober, Recovery};
use super::screen::Screen;
use super::sharing::Sharing;
use super::wait::wait_until;

/// How long the backend may take for a failover, and to be whole again.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

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
    Active(ActiveDeployment),
}

/// A node that was killed, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Death {
    pub(crate) victim: Victim,
    pub(crate) at: SystemTime,
}

/// Connections to the nodes that hold a key.
pub(crate) struct Holders {
    /// Those that hold it together.
    pub(crate) parts: Vec<Client>,
    /// Those that should hold the same.
    pub(crate) copies: Vec<Client>,
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
            Kind::Active => {
                let servers = Servers::found();
                screen.say(servers.remark());
                let deployment = ActiveDeployment::start(ActiveOptions::of(servers)).await?;
                screen.event(&format!("{:<16}{}", deployment.servers().name(), list(&deployment.nodes())));
                screen.event(&format!("                {}", deployment.servers().mode()));
                Ok(Self::Active(deployment))
            }
        }
    }

    /// Returns what is said of it beside its URL when the proxy is started.
    pub(crate) fn settings(&self) -> &'static [&'static str] {
        match self {
            Self::Sentinel(_) | Self::Cluster(_) => &[],
            // A killed node is to be used again within the demo.
            Self::Active(_) => &["--set", "active.writer=nearest", "--set", "active.failback=2s"],
        }
    }

    pub(crate) fn sharing(&self) -> Sharing {
        match self {
            Self::Sentinel(_) | Self::Cluster(_) => Sharing::Followed,
            Self::Active(deployment) => match deployment.servers() {
                Servers::KeyDb(_) => Sharing::Meshed,
                Servers::Redis => Sharing::Apart,
            },
        }
    }

    /// The backend URL for the proxy.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sentinel(deployment) => deployment.url(),
            Self::Cluster(deployment) => deployment.url(),
            Self::Active(deployment) => deployment.url(),
        }
    }

    /// Returns who takes over from whom. A cluster that is new has its masters first and then the replica of each. Active nodes
    /// take writes at any time: the proxy alone knows who takes over.
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
            Self::Active(_) => Vec::new(),
        }
    }

    /// The node whose turn it is, once the deployment is whole. A cluster's shards take turns: its masters vote only
    /// once in two node timeouts for the same shard. `admin` is where the proxy tells which active node it uses.
    pub(crate) async fn victim(&self, number: usize, admin: SocketAddr) -> Result<Victim, Error> {
        match self {
            Self::Sentinel(deployment) => {
                Ok(Victim { node: deployment.wait_until_healthy(LIMIT).await?, shard: None })
            }
            Self::Cluster(deployment) => {
                deployment.wait_until_healthy(LIMIT).await?;
                let shard = number.saturating_sub(1) % SHARDS;
                Ok(Victim { node: deployment.must_own(slot(shard)).await?, shard: Some(shard) })
            }
            Self::Active(deployment) => {
                deployment.wait_until_whole(LIMIT).await?;
                Ok(Victim { node: deployment.home(admin, LIMIT).await?, shard: None })
            }
        }
    }

    /// SIGKILL; it is gone when this returns.
    pub(crate) fn kill(&mut self, node: SocketAddr) {
        match self {
            Self::Sentinel(deployment) => deployment.kill_node(node),
            Self::Cluster(deployment) => deployment.kill(node),
            Self::Active(deployment) => deployment.kill(node),
        }
    }

    /// Returns when another node has taken the place of the killed one.
    pub(crate) async fn recovery(
        &self,
        death: Death,
        prober: &Prober,
        admin: SocketAddr,
    ) -> Result<Recovery, Error> {
        let killed = death.victim.node;
        match self {
            Self::Sentinel(_) | Self::Cluster(_) => {
                wait_until("new master that takes writes", LIMIT, || async {
                    prober.recovery(killed).ok_or_else(|| "every node refuses writes".to_owned())
                })
                .await
            }
            Self::Active(deployment) => deployment.new_home(killed, death.at, admin, LIMIT).await,
        }
    }

    /// Waits for the failover and brings the killed node back; returns when the deployment is whole.
    pub(crate) async fn mend(&mut self, victim: Victim, admin: SocketAddr) -> Result<(), Error> {
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
            Self::Active(deployment) => {
                deployment.restart(victim.node).await?;
                deployment.wait_until_whole(LIMIT).await?;
                deployment.home(admin, LIMIT).await.map(|_| ())
            }
        }
    }

    /// Connections to the nodes that hold the key, once the deployment is whole.
    pub(crate) async fn holders(&self, key: &str, admin: SocketAddr) -> Result<Holders, Error> {
        match self {
            Self::Sentinel(deployment) => {
                let master = deployment.wait_until_healthy(LIMIT).await?;
                Ok(Holders { parts: vec![deployment.client(master).await?], copies: Vec::new() })
            }
            Self::Cluster(deployment) => {
                deployment.wait_until_healthy(LIMIT).await?;
                let master = deployment.must_own(slot_of(key)).await?;
                Ok(Holders { parts: vec![deployment.client(master).await?], copies: Vec::new() })
            }
            Self::Active(deployment) => active_holders(deployment, admin).await,
        }
    }
}

/// Of a mesh the node in use counts, since that is what clients see; nodes that stand apart hold it together.
async fn active_holders(deployment: &ActiveDeployment, admin: SocketAddr) -> Result<Holders, Error> {
    deployment.wait_until_whole(LIMIT).await?;
    let home = deployment.home(admin, LIMIT).await?;
    let mut holders = Holders { parts: Vec::new(), copies: Vec::new() };
    for node in deployment.nodes() {
        let client = deployment.client(node).await?;
        match deployment.servers() {
            Servers::KeyDb(_) if node != home => holders.copies.push(client),
            Servers::KeyDb(_) | Servers::Redis => holders.parts.push(client),
        }
    }
    Ok(holders)
}

fn list(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

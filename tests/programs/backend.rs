//! What stands behind the proxy, and what is done to it: one way to say it for all kinds.

use std::net::SocketAddr;
use std::time::Duration;

use tideover::demo::active::{ActiveDeployment, ActiveOptions, Servers};
use tideover::demo::client::Client;
use tideover::demo::cluster::slots::slot_of;
use tideover::demo::cluster::{ClusterDeployment, ClusterOptions};
use tideover::demo::deployment::{SentinelDeployment, SentinelOptions};
use tideover::demo::process::Process;
use tideover::demo::server::{RedisOptions, RedisServer};
use tideover::demo::wait::wait_until;

use super::live::LIMIT;
use super::started::TAG;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sentinel,
    Cluster,
    Active,
    Fixed,
}

/// What happens to the node in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL; the node is started again when another has its place, or after a while when there is no other.
    Killed,
    /// SIGSTOP; it goes on when another has its place, or after a while when there is no other.
    Stopped,
    /// SIGTERM: it ends in good order, and is started again like a killed one.
    Ended,
    /// A change by plan; both nodes live.
    Planned,
}

/// A node without a successor is away for so long: that is the fault itself.
const AWAY: Duration = Duration::from_secs(5);

/// The running deployment; it ends with its value.
pub(crate) enum Backend {
    Sentinel(SentinelDeployment),
    Cluster(ClusterDeployment),
    Active(ActiveDeployment),
    Fixed(RedisServer),
}

impl Backend {
    /// `down_after`: how long the others wait until they take a silent master's place, in milliseconds.
    pub(crate) async fn start(kind: Kind, down_after: u64) -> Self {
        match kind {
            Kind::Sentinel => {
                let options = SentinelOptions { down_after_ms: down_after, ..SentinelOptions::default() };
                Self::Sentinel(SentinelDeployment::start(options).await.unwrap())
            }
            Kind::Cluster => {
                let options = ClusterOptions { node_timeout_ms: down_after, ..ClusterOptions::default() };
                Self::Cluster(ClusterDeployment::start(options).await.unwrap())
            }
            Kind::Active => {
                Self::Active(ActiveDeployment::start(ActiveOptions::of(Servers::found())).await.unwrap())
            }
            Kind::Fixed => {
                let config = ["appendonly yes", "appendfsync always"].map(str::to_owned).to_vec();
                Self::Fixed(
                    RedisServer::start(RedisOptions { config, ..RedisOptions::default() }).await.unwrap(),
                )
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sentinel(deployment) => deployment.url(),
            Self::Cluster(deployment) => deployment.url(),
            Self::Active(deployment) => deployment.url(),
            Self::Fixed(server) => format!("redis://{}", server.address()),
        }
    }

    /// All nodes, in the order of preference.
    pub(crate) fn nodes(&self) -> Vec<SocketAddr> {
        match self {
            Self::Sentinel(deployment) => deployment.nodes(),
            Self::Cluster(deployment) => deployment.nodes(),
            Self::Active(deployment) => deployment.nodes(),
            Self::Fixed(server) => vec![server.address()],
        }
    }

    /// What every proxy before it is told. Several proxies use the same active node, and return to it soon.
    pub(crate) fn settings(&self) -> &'static [&'static str] {
        match self {
            Self::Active(_) => &["active.writer=first", "active.failback=1s"],
            Self::Sentinel(_) | Self::Cluster(_) | Self::Fixed(_) => &[],
        }
    }

    /// Whether a node knows what was written to another one.
    pub(crate) fn shares(&self) -> bool {
        match self {
            Self::Active(deployment) => matches!(deployment.servers(), Servers::KeyDb(_)),
            Self::Sentinel(_) | Self::Cluster(_) | Self::Fixed(_) => true,
        }
    }

    /// Whether a successor can lack what its master had acknowledged.
    pub(crate) fn forgets(&self) -> bool {
        match self {
            Self::Active(_) => self.shares(),
            Self::Sentinel(_) | Self::Cluster(_) => true,
            // Everything is in its file before it is acknowledged.
            Self::Fixed(_) => false,
        }
    }

    /// The node in use, once the deployment is whole.
    pub(crate) async fn in_use(&self) -> SocketAddr {
        match self {
            Self::Sentinel(deployment) => deployment.wait_until_healthy(LIMIT).await.unwrap(),
            Self::Cluster(deployment) => {
                deployment.wait_until_healthy(LIMIT).await.unwrap();
                deployment.master_of(slot_of(TAG)).await.unwrap()
            }
            Self::Active(deployment) => {
                deployment.wait_until_whole(LIMIT).await.unwrap();
                deployment.nodes()[0]
            }
            Self::Fixed(server) => server.address(),
        }
    }

    /// The nodes that take over what is written to this one.
    pub(crate) async fn followers(&self, node: SocketAddr) -> Vec<SocketAddr> {
        match self {
            Self::Cluster(deployment) => deployment.replicas_of(node).await,
            Self::Sentinel(_) | Self::Active(_) | Self::Fixed(_) if !self.forgets() => Vec::new(),
            Self::Sentinel(_) | Self::Active(_) | Self::Fixed(_) => {
                self.nodes().into_iter().filter(|other| *other != node).collect()
            }
        }
    }

    /// Does it to this node, and returns when that is done; the node's successor need not be there yet.
    pub(crate) async fn strike(&mut self, fault: Fault, node: SocketAddr) {
        match fault {
            Fault::Killed => self.process(node).kill(),
            Fault::Stopped => self.process(node).stop(),
            Fault::Ended => self.process(node).term(),
            Fault::Planned => self.plan(node).await,
        }
    }

    async fn plan(&mut self, node: SocketAddr) {
        match self {
            Self::Sentinel(deployment) => {
                let asked = wait_until("a sentinel takes the request", LIMIT, || async {
                    deployment.planned_failover().await.map_err(|error| error.to_string())
                });
                asked.await.unwrap();
            }
            Self::Cluster(deployment) => {
                deployment.planned_failover(slot_of(TAG), None).await.unwrap();
            }
            Self::Active(_) => drain(node, "0").await,
            Self::Fixed(_) => panic!("a single node has no successor"),
        }
    }

    /// Returns when another node has the place of this one, or the only one serves again; its address.
    pub(crate) async fn successor(&mut self, fault: Fault, node: SocketAddr) -> SocketAddr {
        match self {
            Self::Sentinel(deployment) => deployment.wait_for_switch(node, LIMIT).await.unwrap(),
            Self::Cluster(deployment) => deployment.wait_for_switch(slot_of(TAG), node, LIMIT).await.unwrap(),
            Self::Active(deployment) => deployment.nodes()[1],
            Self::Fixed(_) => {
                self.bring_back(fault, node, AWAY).await;
                node
            }
        }
    }

    /// Makes the deployment whole again.
    pub(crate) async fn mend(&mut self, fault: Fault, node: SocketAddr) {
        match self {
            Self::Fixed(_) => {}
            Self::Sentinel(_) | Self::Cluster(_) | Self::Active(_) => {
                self.bring_back(fault, node, Duration::ZERO).await;
            }
        }
        self.in_use().await;
    }

    /// The node serves again, after this long.
    pub(crate) async fn bring_back(&mut self, fault: Fault, node: SocketAddr, after: Duration) {
        tokio::time::sleep(after).await;
        match fault {
            Fault::Killed | Fault::Ended => self.restart(node).await,
            Fault::Stopped => self.process(node).cont(),
            Fault::Planned => {
                if matches!(self, Self::Active(_)) {
                    drain(node, "100").await;
                }
            }
        }
    }

    async fn restart(&mut self, node: SocketAddr) {
        let process = self.process(node);
        wait_until("the process ends", LIMIT, || {
            let ended = if process.is_running() { Err("it runs".to_owned()) } else { Ok(()) };
            async move { ended }
        })
        .await
        .unwrap();
        match self {
            Self::Sentinel(deployment) => {
                let index = deployment.index_of(node).unwrap();
                deployment.restart_node(index).await.unwrap();
            }
            Self::Cluster(deployment) => deployment.restart(node).await.unwrap(),
            Self::Active(deployment) => deployment.restart(node).await.unwrap(),
            Self::Fixed(server) => server.restart(None).await.unwrap(),
        }
    }

    fn process(&mut self, node: SocketAddr) -> &mut Process {
        match self {
            Self::Sentinel(deployment) => {
                let index = deployment.index_of(node).unwrap();
                deployment.node(index).unwrap().process()
            }
            Self::Cluster(deployment) => deployment.node_at(node).unwrap().process(),
            Self::Active(deployment) => deployment.node_at(node).unwrap().process(),
            Self::Fixed(server) => server.process(),
        }
    }
}

/// An active node of this priority; 0 asks every proxy to move away.
async fn drain(node: SocketAddr, priority: &str) {
    let mut client = Client::connect(node, LIMIT).await.unwrap();
    client.must(&["CONFIG", "SET", "replica-priority", priority]).await.unwrap();
}

//! The deployment behind the proxy, with one way of starting and asking it for all kinds.

use std::net::SocketAddr;

use tideover_testbed::active::{ActiveDeployment, ActiveOptions, Servers};
use tideover_testbed::cluster::slots::slot_of;
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::process::Process;
use tideover_testbed::server::{RedisOptions, RedisServer};

use super::faults::Fault;
use super::live::LIMIT;
use super::started::TAG;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sentinel,
    Cluster,
    Active,
    Fixed,
}

/// The running deployment; it ends when the value is dropped.
pub(crate) enum Backend {
    Sentinel(SentinelDeployment),
    Cluster(ClusterDeployment),
    Active(ActiveDeployment),
    Fixed(RedisServer),
}

impl Backend {
    /// `down_after` is the time, in milliseconds, after which the others replace a silent master.
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

    /// Returns all nodes, in the order of preference.
    pub(crate) fn nodes(&self) -> Vec<SocketAddr> {
        match self {
            Self::Sentinel(deployment) => deployment.nodes(),
            Self::Cluster(deployment) => deployment.nodes(),
            Self::Active(deployment) => deployment.nodes(),
            Self::Fixed(server) => vec![server.address()],
        }
    }

    /// Returns the settings of every proxy in front of it. Several proxies use the same active node, and return to it
    /// soon.
    pub(crate) fn settings(&self) -> &'static [&'static str] {
        match self {
            Self::Active(_) => &["active.writer=first", "active.failback=1s"],
            Self::Sentinel(_) | Self::Cluster(_) | Self::Fixed(_) => &[],
        }
    }

    /// Returns true if the nodes have each other's writes.
    pub(crate) fn shares(&self) -> bool {
        match self {
            Self::Active(deployment) => matches!(deployment.servers(), Servers::KeyDb(_)),
            Self::Sentinel(_) | Self::Cluster(_) | Self::Fixed(_) => true,
        }
    }

    /// Returns true if a successor can lack writes that its master had acknowledged.
    pub(crate) fn forgets(&self, fault: Fault) -> bool {
        match self {
            Self::Active(_) => self.shares(),
            Self::Sentinel(_) => true,
            // A replica that takes over by plan has waited until it had everything.
            Self::Cluster(_) => fault != Fault::Planned,
            // Every write is in its file before it is acknowledged.
            Self::Fixed(_) => false,
        }
    }

    /// Returns the node in use, once the deployment is whole.
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

    /// Waits until a planned change can be asked for.
    pub(crate) async fn wait_until_replaceable(&self) {
        match self {
            Self::Cluster(deployment) => deployment.wait_until_replaceable(slot_of(TAG)).await.unwrap(),
            Self::Sentinel(_) | Self::Active(_) | Self::Fixed(_) => {}
        }
    }

    /// Returns the nodes that take over the writes of this one.
    pub(crate) async fn followers(&self, node: SocketAddr) -> Vec<SocketAddr> {
        match self {
            Self::Cluster(deployment) => deployment.replicas_of(node).await,
            Self::Fixed(_) => Vec::new(),
            Self::Active(_) if !self.shares() => Vec::new(),
            Self::Sentinel(_) | Self::Active(_) => {
                self.nodes().into_iter().filter(|other| *other != node).collect()
            }
        }
    }

    /// Returns the logs of all nodes.
    pub(crate) fn logs(&mut self) -> String {
        let nodes = self.nodes();
        nodes.into_iter().map(|node| format!("--- {node}\n{}", self.process(node).log())).collect()
    }

    pub(super) fn process(&mut self, node: SocketAddr) -> &mut Process {
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

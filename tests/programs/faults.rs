//! The faults of the node in use, and its return.

use std::net::SocketAddr;
use std::time::Duration;

use tideover_testbed::client::Client;
use tideover_testbed::cluster::slots::slot_of;
use tideover_testbed::wait::wait_until;

use super::backend::Backend;
use super::live::LIMIT;
use super::started::TAG;

/// A fault of the node in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL; the node is started again once another has replaced it, or after a while if there is no other.
    Killed,
    /// SIGSTOP; the node goes on once another has replaced it, or after a while if there is no other.
    Stopped,
    /// SIGTERM: the node ends in an orderly way, and is started again like a killed one.
    Ended,
    /// A planned change; both nodes live.
    Planned,
}

/// The time for which a node without a successor is away: this is the fault itself.
const AWAY: Duration = Duration::from_secs(5);

impl Backend {
    /// Does it to this node, and returns when that is done; there may not be a successor yet.
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
                // A node that has just lost its slots may say for a moment that it owns them, and is believed: then
                // nothing was asked for.
                wait_until("a replica takes over by plan", LIMIT, || async {
                    deployment
                        .planned_failover(slot_of(TAG), None)
                        .await
                        .map_err(|error| error.to_string())?;
                    let master = deployment.master_of(slot_of(TAG)).await;
                    if master.is_some_and(|master| master != node) {
                        Ok(())
                    } else {
                        Err(format!("{master:?}"))
                    }
                })
                .await
                .unwrap();
            }
            Self::Active(_) => drain(node, "0").await,
            Self::Fixed(_) => panic!("a single node has no successor"),
        }
    }

    /// Waits until another node has replaced this one, or the only one serves again; returns its address.
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

    /// Starts the node again after this time.
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
}

/// Sets the priority of an active node; 0 asks every proxy to move away.
async fn drain(node: SocketAddr, priority: &str) {
    let mut client = Client::connect(node, LIMIT).await.unwrap();
    client.must(&["CONFIG", "SET", "replica-priority", priority]).await.unwrap();
}

//! The health of a cluster, as each of its nodes sees it.

use std::net::SocketAddr;
use std::time::Duration;

use super::view::{nodes_of, shape};
use super::{ClusterDeployment, FORM_LIMIT, SLOTS};
use crate::client::Reply;
use crate::error::Error;
use crate::wait::wait_until;

impl ClusterDeployment {
    /// Waits until every node says that all slots are served and all members are there, and every replica has a link to its master.
    pub async fn wait_until_healthy(&self, limit: Duration) -> Result<(), Error> {
        wait_until("healthy cluster", limit, || self.health()).await
    }

    pub(super) async fn wait_until_acquainted(&self) -> Result<(), Error> {
        wait_until("every node knows all others", FORM_LIMIT, || async {
            for node in self.nodes() {
                let reply = self.ask(node, &["CLUSTER", "NODES"]).await.map_err(|error| error.to_string())?;
                let known = nodes_of(&reply).iter().filter(|node| node.healthy).count();
                if known != self.members.servers.len() {
                    return Err(format!("{node} knows {known}"));
                }
            }
            Ok(())
        })
        .await
    }

    async fn health(&self) -> Result<(), String> {
        let mut first = None;
        for node in self.nodes() {
            let map = self.health_of(node).await.map_err(|why| format!("{node}: {why}"))?;
            if *first.get_or_insert_with(|| map.clone()) != map {
                return Err(format!("{node}: not the same map as others"));
            }
        }
        Ok(())
    }

    /// Returns the map of a node, or an error if the node finds something wrong.
    async fn health_of(&self, node: SocketAddr) -> Result<Vec<String>, String> {
        let failed = |error: Error| error.to_string();
        let info = self.ask(node, &["CLUSTER", "INFO"]).await.map_err(failed)?;
        let info = info.text().unwrap_or_default();
        for wanted in ["cluster_state:ok".to_owned(), format!("cluster_slots_ok:{SLOTS}")] {
            if !info.lines().any(|line| line == wanted) {
                return Err(format!("not {wanted}"));
            }
        }
        let reply = self.ask(node, &["CLUSTER", "NODES"]).await.map_err(failed)?;
        let view = nodes_of(&reply);
        if view.len() != self.members.servers.len() || view.iter().any(|node| !node.healthy) {
            return Err(format!("not all nodes are there:\n{}", reply.text().unwrap_or_default()));
        }
        let role = self.ask(node, &["ROLE"]).await.map_err(failed)?;
        let link = role.elements().get(3).and_then(Reply::text);
        if link.is_some_and(|link| link != "connected") {
            return Err("not in step with its master".to_owned());
        }
        Ok(shape(&view))
    }
}

//! The present master and replicas of a slot, and failovers while the old master lives.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{ClusterDeployment, nobody};
use crate::client::Reply;
use crate::error::Error;
use crate::wait::wait_until;

/// The number of times that a failover is asked for. Masters vote only once in two node timeouts for a replica of the same
/// master, and a replica that was refused asks again only after four of them. Each request must have time for that.
const ATTEMPTS: usize = 4;

/// The nodes that have taken over, each with the time. If Redis 7.0 is asked to take over again within two node timeouts of its
/// last election, it counts the votes of that election once more: it calls itself the master at once, with an epoch that no
/// other node accepts, and loses the writes that it takes until it notices. So no node is asked so soon.
#[derive(Debug, Default)]
pub(super) struct Elected(Mutex<HashMap<SocketAddr, Instant>>);

impl Elected {
    fn note(&self, node: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node, Instant::now());
    }

    fn at(&self, node: SocketAddr) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&node).copied()
    }
}

impl ClusterDeployment {
    /// Returns the node that says itself that it owns the slot; of several the one with the highest epoch.
    pub async fn master_of(&self, slot: u16) -> Option<SocketAddr> {
        let mut owners = Vec::new();
        for address in self.nodes() {
            let own = self.own_view(address).await;
            owners.extend(own.filter(|own| own.owns(slot)).map(|own| (own.epoch, address)));
        }
        owners.into_iter().max().map(|(_, address)| address)
    }

    /// Returns the master of a slot, as `master_of` does, or an error if there is none.
    pub(crate) async fn must_own(&self, slot: u16) -> Result<SocketAddr, Error> {
        self.master_of(slot).await.ok_or_else(|| nobody("owns the slot"))
    }

    /// Returns the replicas of this master that answer.
    pub async fn replicas_of(&self, master: SocketAddr) -> Vec<SocketAddr> {
        let Some(id) = self.own_view(master).await.map(|own| own.id) else { return Vec::new() };
        let mut replicas = Vec::new();
        for address in self.nodes() {
            let own = self.own_view(address).await;
            replicas.extend(own.filter(|own| own.master.as_ref() == Some(&id)).map(|_| address));
        }
        replicas
    }

    /// Sends `CLUSTER FAILOVER` to a replica of the slot's master, and returns that replica once it says that it owns the slot.
    /// `how` is none, `FORCE` or `TAKEOVER`. A failover with votes first waits until the replica can be elected, if it was elected
    /// a short time ago.
    pub async fn planned_failover(&self, slot: u16, how: Option<&str>) -> Result<SocketAddr, Error> {
        let master = self.must_own(slot).await?;
        let replicas = self.replicas_of(master).await;
        let replica = *replicas.first().ok_or_else(|| nobody("follows the master"))?;
        if how.is_none() {
            self.wait_until_electable(replica).await;
        }
        let command: Vec<&str> = ["CLUSTER", "FAILOVER"].into_iter().chain(how).collect();
        let limit = Duration::from_millis(5 * self.options.node_timeout_ms.max(1000));
        let mut last = Ok(Reply::Nil);
        for _ in 0..ATTEMPTS {
            // The replica refuses if it has become the master just now.
            last = self.ask(replica, &command).await;
            if self.owns(replica, slot, limit).await {
                self.elected.note(replica);
                return Ok(replica);
            }
        }
        last.and(Err(nobody("takes over")))
    }

    /// Waits until another node than `old` says that it owns the slot, and returns that node.
    pub async fn wait_for_switch(
        &self,
        slot: u16,
        old: SocketAddr,
        limit: Duration,
    ) -> Result<SocketAddr, Error> {
        let successor = wait_until("new master of the shard", limit, || async {
            let master = self.master_of(slot).await.filter(|master| *master != old);
            master.ok_or_else(|| "nobody else owns the slot".to_owned())
        })
        .await?;
        self.elected.note(successor);
        Ok(successor)
    }

    /// Waits until every replica of the slot's master can be elected again.
    pub async fn wait_until_replaceable(&self, slot: u16) -> Result<(), Error> {
        let master = self.must_own(slot).await?;
        for replica in self.replicas_of(master).await {
            self.wait_until_electable(replica).await;
        }
        Ok(())
    }

    async fn wait_until_electable(&self, node: SocketAddr) {
        if let Some(elected) = self.elected.at(node) {
            tokio::time::sleep_until((elected + self.until_next_election()).into()).await;
        }
    }

    /// Returns the time from one election to the next that may begin: four node timeouts, and some margin for differing clocks.
    fn until_next_election(&self) -> Duration {
        Duration::from_millis(2 * (2 * self.options.node_timeout_ms).max(2000) + 200)
    }

    async fn owns(&self, node: SocketAddr, slot: u16, limit: Duration) -> bool {
        let looked = wait_until("replica owns the slot", limit, || async {
            let own = self.own_view(node).await.filter(|own| own.owns(slot));
            own.ok_or_else(|| "not yet".to_owned())
        });
        looked.await.is_ok()
    }
}

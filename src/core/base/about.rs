//! What INFO says about the proxy.

use crate::client::Stall;
use crate::route::owners::Owners;
use crate::split::proxy_info::ProxyInfo;

use super::Base;

impl Base {
    /// Returns what INFO says about the proxy, with the numbers of all its workers.
    pub(crate) fn proxy_info(&self) -> ProxyInfo {
        let totals = self.metrics.proxy_totals();
        let owners = self.shards.owners();
        ProxyInfo {
            name: totals.proxy,
            uptime_seconds: self.now / 1_000_000,
            workers: self.workers,
            clients: totals.clients,
            blocked_clients: totals.blocked_clients,
            paused_clients: totals.paused_clients,
            tracking_clients: totals.tracking_clients,
            pubsub_clients: totals.pubsub_clients,
            held_commands: totals.held_commands,
            held_bytes: totals.held_bytes,
            retries: totals.retries,
            uncertain: totals.uncertain,
            generation: self.shards.generation().0,
            shards: match owners {
                Owners::Single | Owners::Active(_) => 1,
                Owners::Cluster(map) => map.shards().count(),
            },
            active_nodes: owners.node_states().map(str::to_owned),
        }
    }

    /// Counts the clients of this worker that wait in a blocking command or for the end of a pause, and those that have
    /// subscriptions.
    pub(crate) fn count_clients(&self) {
        let blocked = self.clients.iter().filter(|client| self.is_blocked(client.id)).count();
        let pubsub = self.clients.iter().filter(|client| client.is_subscriber()).count();
        self.metrics.waiting_clients(blocked, pubsub);
        self.metrics
            .paused_clients(self.clients.iter().filter(|client| client.stall == Stall::Paused).count());
    }
}

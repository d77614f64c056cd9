//! The admin listener: metrics, health, topology, config, and a page for people.
//!
//! [`route`] parses a request and [`view`] makes the JSON, both pure; [`respond`] answers from the present state, and
//! [`server`] does the IO. Nothing here can delay a client's command, as it only reads what the workers and discovery
//! publish.

pub(crate) mod healthcheck;
mod respond;
mod route;
pub(crate) mod server;
mod view;

use std::sync::Arc;

use crate::metrics::proxy::ProxyMetrics;
use crate::metrics::registry::Registry;
use crate::topology::cell::TopologyCell;
use crate::topology::events::Events;

/// Everything that the admin listener shows.
pub(crate) struct AdminState {
    proxies: Vec<ProxyStatus>,
    registry: Registry,
    /// The effective config as TOML, secrets masked.
    config: String,
}

/// One proxy, by the handles to which its parts write.
pub(crate) struct ProxyStatus {
    pub(crate) name: String,
    /// The kind of its backend: `fixed`, `sentinel`, `cluster` or `active`.
    pub(crate) kind: &'static str,
    pub(crate) cell: Arc<TopologyCell>,
    pub(crate) metrics: Arc<ProxyMetrics>,
    pub(crate) events: Arc<Events>,
}

impl AdminState {
    /// Makes the state. The secrets of `config` must be masked, as everybody who reaches the listener can read it.
    pub(crate) fn new(proxies: Vec<ProxyStatus>, config: String) -> Arc<Self> {
        let registry = Registry::new(proxies.iter().map(|proxy| Arc::clone(&proxy.metrics)).collect());
        Arc::new(AdminState { proxies, registry, config })
    }
}

//! The admin listener: metrics, health, topology, config, and a page for people.
//!
//! [`route`] says what a request asks for and [`view`] what the JSON looks like, both pure; [`respond`] puts the
//! present state into them, [`server`] does the IO. Nothing here can hold up a client's command: it reads what
//! the workers and discovery publish.

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

/// What the admin listener shows.
pub(crate) struct AdminState {
    proxies: Vec<ProxyStatus>,
    registry: Registry,
    /// The effective config as TOML, secrets masked.
    config: String,
}

/// One proxy, through the handles that its own parts write to.
pub(crate) struct ProxyStatus {
    pub(crate) name: String,
    /// Of its backend: `fixed`, `sentinel`, `cluster`, `active`.
    pub(crate) kind: &'static str,
    pub(crate) cell: Arc<TopologyCell>,
    pub(crate) metrics: Arc<ProxyMetrics>,
    pub(crate) events: Arc<Events>,
}

impl AdminState {
    /// `config` must have its secrets masked: it is shown to whoever reaches the listener.
    pub(crate) fn new(proxies: Vec<ProxyStatus>, config: String) -> Arc<Self> {
        let registry = Registry::new(proxies.iter().map(|proxy| Arc::clone(&proxy.metrics)).collect());
        Arc::new(AdminState { proxies, registry, config })
    }
}

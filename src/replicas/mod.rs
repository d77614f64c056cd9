//! Keeps replicas like their master in what replication does not carry: users, and settings that are changed while the nodes run.
//!
//! [`relayer`] and [`sender`] send a command that a master has accepted to its replicas as well. [`comparer`] looks now and then whether users
//! and settings differ all the same, as a replica may have been away, or may have been started with another config; it changes
//! nothing. [`trouble`], [`facts`] and [`notices`] decide without socket and clock. Everything runs on the control plane.

mod comparer;
mod facts;
mod notices;
mod relayer;
mod sender;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::config::{self, Kind};
use crate::metrics::relays::RelayMetrics;
use crate::topology::cell::TopologyCell;
use crate::topology::events::Events;
use crate::worker::AwaitedRelay;

use comparer::Comparer;
use relayer::Relayer;
use sender::Sender;

/// What both tasks know of the proxy.
#[derive(Clone)]
struct Backend {
    proxy: Arc<str>,
    cell: Arc<TopologyCell>,
    events: Arc<Events>,
}

/// Returns true if the nodes of this proxy may have replicas.
pub(crate) fn are_there(proxy: &config::Proxy) -> bool {
    matches!(proxy.backend.kind, Kind::Sentinel { .. } | Kind::Cluster { .. })
}

/// Relays and compares until the future is dropped, which closes its connections.
pub(crate) async fn run(
    proxy: config::Proxy,
    cell: Arc<TopologyCell>,
    events: Arc<Events>,
    metrics: Arc<RelayMetrics>,
    relays: mpsc::UnboundedReceiver<AwaitedRelay>,
) {
    let missed = Arc::new(Notify::new());
    let backend = Backend { proxy: proxy.name.as_str().into(), cell, events };
    let relayer = Relayer::new(Sender { backend: backend.clone(), metrics, missed: Arc::clone(&missed) });
    let period = Some(proxy.replicas.compare).filter(|period| *period > Duration::ZERO);
    let comparing = async {
        if let Some(period) = period {
            Comparer::new(backend, proxy.backend.credentials, missed).run(period).await;
        }
    };
    tokio::join!(relayer.run(relays), comparing);
}

//! The front of one proxy of the process: its listeners, its shared state and its discovery.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::info;

use crate::admin::ProxyStatus;
use crate::config::Proxy;
use crate::core::Core;
use crate::core::settings::{HoldBudget, Settings};
use crate::metrics::proxy::ProxyMetrics;
use crate::topology::cell::TopologyCell;
use crate::topology::events::Events;
use crate::topology::hint::Hint;
use crate::worker::socket_budget::SocketBudget;
use crate::worker::{AwaitedRelay, Mail, WorkerProxy};
use crate::{command, discovery, replicas, sampler};

use super::accept::{Acceptor, Listener, Workers};

/// The number of hints that may wait for discovery. More of them would tell it nothing new.
const HINTS: usize = 64;

/// A proxy whose listeners are bound and which does not run yet.
pub(super) struct Front {
    proxy: Proxy,
    listeners: Vec<Listener>,
    settings: Arc<Settings>,
    budget: Arc<HoldBudget>,
    cell: Arc<TopologyCell>,
    metrics: Arc<ProxyMetrics>,
    events: Arc<Events>,
    clients: Arc<AtomicUsize>,
    hints: mpsc::Sender<Hint>,
    hinted: mpsc::Receiver<Hint>,
    relays: mpsc::UnboundedSender<AwaitedRelay>,
    relayed: mpsc::UnboundedReceiver<AwaitedRelay>,
}

impl Front {
    pub(super) async fn bind(proxy: &Proxy) -> Result<Front> {
        let mut listeners = Vec::new();
        for listen in &proxy.listen {
            listeners.push(Listener::bind(listen).await?);
        }
        let metrics = ProxyMetrics::new(&proxy.name, command_name);
        let counted = Arc::clone(&metrics);
        let (hints, hinted) = mpsc::channel(HINTS);
        let (relays, relayed) = mpsc::unbounded_channel();
        let events = Events::new(move || counted.command_counts());
        let (diagnosis, aliases) = (events.diagnosis.clone(), events.aliases.clone());
        let commands_asked = events.commands_asked.clone();
        Ok(Front {
            listeners,
            settings: Arc::new(Settings { diagnosis, aliases, commands_asked, ..Settings::of(proxy) }),
            budget: Arc::new(HoldBudget::new(proxy.failover.hold_bytes)),
            cell: Arc::new(TopologyCell::new()),
            events: Arc::new(events),
            metrics,
            clients: Arc::new(AtomicUsize::new(0)),
            hints,
            hinted,
            relays,
            relayed,
            proxy: proxy.clone(),
        })
    }

    /// Makes this proxy's part of one worker.
    pub(super) fn worker_proxy(&self) -> WorkerProxy {
        let core = Core::new(Arc::clone(&self.settings), self.metrics.worker(), Arc::clone(&self.budget));
        let (hints, relays) = (self.hints.clone(), self.relays.clone());
        WorkerProxy::new(core, Arc::clone(&self.cell), hints, relays, Arc::clone(&self.clients))
    }

    /// Returns the state that the admin listener shows of this proxy.
    pub(super) fn status(&self) -> ProxyStatus {
        ProxyStatus {
            name: self.proxy.name.clone(),
            kind: self.proxy.backend.kind.name(),
            cell: Arc::clone(&self.cell),
            metrics: Arc::clone(&self.metrics),
            events: Arc::clone(&self.events),
        }
    }

    /// Starts discovery and the accept loops. `index` is that of this proxy among all proxies.
    pub(super) fn start(
        self,
        index: usize,
        workers: &Arc<Workers>,
        sockets: &Arc<SocketBudget>,
        tasks: &mut JoinSet<()>,
    ) {
        let kind = self.proxy.backend.kind.name();
        let listen: Vec<String> = self.proxy.listen.iter().map(ToString::to_string).collect();
        let mut changed = self.cell.subscribe();
        let informed = Arc::clone(workers);
        tasks.spawn(async move {
            while changed.changed().await.is_ok() {
                informed.send_to_all(|| Mail::Topology { proxy: index });
            }
        });
        for listener in self.listeners {
            let acceptor = Acceptor {
                proxy: index,
                workers: Arc::clone(workers),
                clients: Arc::clone(&self.clients),
                sockets: Arc::clone(sockets),
                max_clients: self.proxy.clients.max_clients,
                metrics: self.metrics.worker(),
            };
            tasks.spawn(listener.serve(acceptor));
        }
        info!(proxy = %self.proxy.name, listen = %listen.join(","), kind, "ready");
        if sampler::is_wanted(&self.proxy) {
            let connections = self.events.connections.clone();
            let cell = Arc::clone(&self.cell);
            tasks.spawn(sampler::run(self.proxy.clone(), cell, connections, self.metrics.sampler()));
        }
        if replicas::are_there(&self.proxy) {
            let (cell, events) = (Arc::clone(&self.cell), Arc::clone(&self.events));
            let relays = self.metrics.relays();
            tasks.spawn(replicas::run(self.proxy.clone(), cell, events, relays, self.relayed));
        }
        tasks.spawn(discovery::driver::run(self.proxy, self.cell, self.events, self.hinted));
    }
}

fn command_name(index: u16) -> Option<&'static str> {
    command::by_id(command::CommandId(index)).map(|command| command.name)
}

//! The process: it starts workers, discovery, listeners and admin, and stops them in the order that loses nothing.

mod accept;
mod descriptors;
mod front;
mod stop;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::admin::{self, AdminState};
use crate::config::{self, Config};
use crate::worker::socket_budget::SocketBudget;
use crate::worker::{Mail, Worker, WorkerProxy};
use accept::Workers;
use front::Front;

/// The number of task polls after which the runtime looks for IO events.
const EVENT_INTERVAL: u32 = 4;

/// Runs every proxy of the config until a signal ends the process. An error: it could not start, or a part failed.
pub(crate) fn run(config: &Config) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("control runtime")?;
    runtime.block_on(serve(config))
}

async fn serve(config: &Config) -> Result<()> {
    let signals = stop::Signals::new().context("signal handlers")?;
    let sockets = SocketBudget::new(descriptors::limits(config));
    let mut fronts = Vec::new();
    for proxy in &config.proxies {
        fronts.push(Front::bind(proxy).await?);
    }
    let admin = match &config.admin.listen {
        Some(address) => Some(
            tokio::net::TcpListener::bind(address)
                .await
                .with_context(|| format!("admin.listen {address}"))?,
        ),
        None => None,
    };
    let workers = start_workers(config, &fronts, &sockets)?;
    let mut tasks = tokio::task::JoinSet::new();
    let statuses = fronts.iter_mut().map(|front| front.status()).collect();
    if let Some(listener) = admin {
        info!(address = %listener.local_addr()?, "the admin listener is ready");
        let state = AdminState::new(statuses, config::show(config));
        tasks.spawn(admin::server::serve(listener, state));
    }
    for (index, front) in fronts.into_iter().enumerate() {
        front.start(index, &workers, &sockets, &mut tasks);
    }
    stop::wait(signals, config.runtime.shutdown_grace, workers, tasks).await
}

/// Starts the worker threads. Each has a part for every proxy.
fn start_workers(config: &Config, fronts: &[Front], sockets: &Arc<SocketBudget>) -> Result<Arc<Workers>> {
    let mut handles = Vec::new();
    let mail: Vec<_> = (0..config.runtime.workers).map(|_| mpsc::unbounded_channel()).collect();
    let senders: Vec<_> = mail.iter().map(|(sender, _)| sender.clone()).collect();
    for (index, (sender, receiver)) in mail.into_iter().enumerate() {
        let others = senders.iter().enumerate().filter(|(other, _)| *other != index);
        let others = others.map(|(_, sender)| sender.clone()).collect();
        let load = Arc::new(AtomicUsize::new(0));
        let proxies = fronts.iter().map(Front::worker_proxy).collect();
        let (own_mail, own_load, sockets) = (sender.clone(), Arc::clone(&load), Arc::clone(sockets));
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || work(proxies, own_mail, others, receiver, own_load, sockets))
            .context("worker thread")?;
        handles.push(accept::WorkerHandle { mail: sender, load, thread });
    }
    Ok(Arc::new(Workers { handles }))
}

fn work(
    proxies: Vec<WorkerProxy>,
    own_mail: mpsc::UnboundedSender<Mail>,
    others: Vec<mpsc::UnboundedSender<Mail>>,
    mail: mpsc::UnboundedReceiver<Mail>,
    load: Arc<AtomicUsize>,
    sockets: Arc<SocketBudget>,
) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().event_interval(EVENT_INTERVAL).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return warn!(%error, "a worker could not start: its runtime failed"),
    };
    runtime.block_on(async move {
        let worker = Worker::new(proxies, own_mail, others, mail, load, sockets);
        // A task of its own, since waking the future of `block_on` costs a system call. The worker bounds its own
        // turns, so it needs no budget from the runtime.
        if tokio::spawn(tokio::task::unconstrained(worker)).await.is_err() {
            warn!("a worker ended unexpectedly");
        }
    });
}

//! Stopping: no new client is accepted, requests in flight are finished, and the rest is answered truthfully.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::worker::Mail;

use super::accept::Workers;

/// The interval at which the worker threads are checked while they drain.
const POLL: Duration = Duration::from_millis(10);
/// The time to write the last replies after the grace period.
const FINAL_REPLIES: Duration = Duration::from_millis(500);

pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    /// Returns at the next SIGTERM or SIGINT.
    async fn ended(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.reload.recv() => warn!("reload is not available yet; the config stays as it is"),
            }
        }
    }
}

/// Waits for the signal to stop, then stops. A second signal stops at once.
pub(super) async fn wait(
    mut signals: Signals,
    grace: Duration,
    workers: Arc<Workers>,
    mut tasks: JoinSet<()>,
) -> Result<()> {
    tokio::select! {
        () = signals.ended() => {}
        Some(_) = tasks.join_next() => bail!("a part of the control plane ended unexpectedly"),
    }
    info!("draining: no new clients are accepted");
    // The listeners close with their tasks. The topology stays as it is: held commands wait until the grace period is over.
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    workers.send_to_all(|| Mail::Drain);
    let finished = tokio::select! {
        finished = tokio::time::timeout(grace, wait_for_workers(&workers)) => finished.is_ok(),
        () = signals.ended() => false,
    };
    if !finished {
        workers.send_to_all(|| Mail::Stop);
        let _ = tokio::time::timeout(FINAL_REPLIES, wait_for_workers(&workers)).await;
    }
    info!(drained = finished, "stopped");
    Ok(())
}

async fn wait_for_workers(workers: &Workers) {
    while !workers.handles.iter().all(|worker| worker.thread.is_finished()) {
        tokio::time::sleep(POLL).await;
    }
}

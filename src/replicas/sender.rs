//! Sends what a master has accepted to one replica, in order.
//!
//! A node that does not answer in time does not hold up the client, nor other nodes. Nothing is sent again later: what a node
//! has missed stays a difference, which [`super::comparer`] reports.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

use crate::config::Credentials;
use crate::discovery::Failure;
use crate::discovery::control::Control;
use crate::metrics::relays::RelayMetrics;
use crate::reasons::RelayResult;
use crate::resp::value::Value;
use crate::topology::{Endpoint, NodeState, Topology};

use super::Backend;
use super::relayer::UnderWay;
use super::trouble::{Line, Trouble};

/// The time for which a connection is kept for the next command of the same user.
const KEPT: Duration = Duration::from_secs(10);

/// The reason why a node does not have a command. Of an error only its first word: arguments may stand in the others.
#[derive(Debug, thiserror::Error)]
enum Missed {
    #[error("refused: {0}")]
    Refused(String),
    #[error(transparent)]
    Away(#[from] Failure),
}

/// What the task of a node needs.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) backend: Backend,
    pub(super) metrics: Arc<RelayMetrics>,
    /// Told of each command that a node does not have.
    pub(super) missed: Arc<Notify>,
}

/// An open connection, and whose it is. As at the master, a user stays logged in if its password changes.
struct Link {
    identity: Option<Arc<Credentials>>,
    control: Control,
}

impl Sender {
    pub(super) fn topology(&self) -> Arc<Topology> {
        self.backend.cell.load()
    }

    /// Sends all commands of this queue to the node, until the queue is dropped.
    pub(super) async fn serve(self, node: Endpoint, mut waiting: mpsc::UnboundedReceiver<Arc<UnderWay>>) {
        let (started, mut trouble, mut link) = (Instant::now(), Trouble::default(), None);
        loop {
            let pause = if link.is_some() { KEPT } else { Duration::MAX };
            let Ok(next) = timeout(pause, waiting.recv()).await else {
                link = None;
                continue;
            };
            let Some(under_way) = next else { return };
            let outcome = self.send(&node, &under_way, &mut link).await;
            self.metrics.count(result_of(&outcome));
            if outcome.is_err() {
                self.missed.notify_one();
            }
            let command = under_way.awaited.relay.command;
            // The client waits no longer for this node.
            drop(under_way);
            let line = trouble.note(started.elapsed(), command, outcome.is_ok());
            self.log(&node, command, line, outcome.err());
        }
    }

    async fn send(
        &self,
        node: &Endpoint,
        under_way: &UnderWay,
        link: &mut Option<Link>,
    ) -> Result<(), Missed> {
        let health = self.backend.events.health.load();
        let is_silent = health.iter().any(|seen| seen.endpoint == *node && seen.state == NodeState::Silent);
        if is_silent || under_way.until <= Instant::now() {
            return Err(Failure::TimedOut.into());
        }
        let exchange = timeout_at(under_way.until, self.exchange(node, under_way, link));
        judge(&exchange.await.unwrap_or(Err(Failure::TimedOut))?)
    }

    /// Sends the command as the user of its client. A kept connection may be closed by now; then the command is sent on another
    /// one, as a second run makes no difference.
    async fn exchange(
        &self,
        node: &Endpoint,
        under_way: &UnderWay,
        link: &mut Option<Link>,
    ) -> Result<Value, Failure> {
        let relay = &under_way.awaited.relay;
        let identity = relay.acceptance.identity.clone();
        if let Some(mut kept) = link.take().filter(|kept| kept.identity == identity)
            && let Ok(reply) = kept.control.pass_on(&relay.bytes).await
        {
            *link = Some(kept);
            return Ok(reply);
        }
        let events = &self.backend.events;
        let aliases = events.aliases.load();
        let dialed = aliases.get(node).unwrap_or(node);
        let mut control = Control::open(dialed, identity.as_deref(), &events.connections).await?;
        let reply = control.pass_on(&relay.bytes).await?;
        *link = Some(Link { identity, control });
        Ok(reply)
    }

    fn log(&self, node: &Endpoint, command: &str, line: Option<Line>, missed: Option<Missed>) {
        let proxy = &*self.backend.proxy;
        match (line, missed) {
            (Some(Line::Missed(times)), Some(reason)) => warn!(
                proxy, %node, command, times, %reason,
                "a replica did not take a command that its master has taken: they may differ now"
            ),
            (Some(Line::Takes), _) => info!(proxy, %node, command, "a replica takes this command again"),
            (Some(Line::Missed(_)) | None, _) => {}
        }
    }
}

fn judge(reply: &Value) -> Result<(), Missed> {
    reply.error_code().map_or(Ok(()), |code| Err(Missed::Refused(code.to_owned())))
}

fn result_of(outcome: &Result<(), Missed>) -> RelayResult {
    match outcome {
        Ok(()) => RelayResult::Taken,
        // AUTH or the command.
        Err(Missed::Refused(_) | Missed::Away(Failure::Denied(_))) => RelayResult::Refused,
        Err(Missed::Away(_)) => RelayResult::Away,
    }
}

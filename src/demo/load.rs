//! The plain clients: each knows one address, sends, waits for the replies and checks them. They know nothing of
//! failover: they retry nothing, and only open a new connection when theirs was closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::{Client, encode};
use super::error::ClientError;
use super::ledger::{Attempt, Ledger, Op, Outcome, ROUND};
use super::meter::Meter;

/// How many clients there are.
pub(crate) const CLIENTS: usize = 8;

/// Longer than any hold: patience is not what is measured.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two rounds of a client: a load that leaves the machine room, since a starved Sentinel sees failures that are none.
const PAUSE: Duration = Duration::from_millis(4);

/// Between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(50);

/// The running clients.
pub(crate) struct Load {
    tasks: JoinSet<Ledger>,
    stop: watch::Sender<bool>,
}

impl Load {
    pub(crate) fn start(target: SocketAddr, meter: &Arc<Meter>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for id in 0..CLIENTS {
            // Every second client sends a round at once, as a pipeline: then the order of the replies counts.
            let depth = if id % 2 == 0 { 1 } else { ROUND.len() };
            let worker = Worker {
                id,
                depth,
                target,
                meter: Arc::clone(meter),
                ledger: Ledger::new(id),
                connection: None,
                due: None,
                failing_since: None,
            };
            tasks.spawn(worker.run(stopped.clone()));
        }
        Self { tasks, stop }
    }

    /// Lets every client finish its round, and hands back their books.
    pub(crate) async fn finish(mut self) -> Vec<Ledger> {
        // Without receivers every client has ended already.
        let _ = self.stop.send(true);
        let mut ledgers = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            ledgers.extend(ended);
        }
        ledgers
    }
}

struct Worker {
    id: usize,
    /// How many commands it sends before it reads.
    depth: usize,
    target: SocketAddr,
    meter: Arc<Meter>,
    ledger: Ledger,
    connection: Option<Client>,
    /// When the next round was to begin. A stall counts from here: a client that is kept from sending waits as well.
    due: Option<Instant>,
    /// Since when no command succeeded.
    failing_since: Option<Instant>,
}

impl Worker {
    async fn run(mut self, stopped: watch::Receiver<bool>) -> Ledger {
        while !*stopped.borrow() {
            for ops in ROUND.chunks(self.depth) {
                self.exchange(ops).await;
            }
            let due = Instant::now() + PAUSE;
            tokio::time::sleep_until(due.into()).await;
            self.due = Some(due);
        }
        self.ledger
    }

    /// Sends the commands in one write and reads their replies.
    async fn exchange(&mut self, ops: &[Op]) {
        let Some(mut client) = self.connected().await else { return };
        let (era, sent) = (self.meter.era(), self.due.take().unwrap_or_else(Instant::now));
        let attempts: Vec<Attempt> = ops.iter().map(|op| self.ledger.begin(*op, era)).collect();
        let bytes: Vec<u8> = attempts.iter().flat_map(|attempt| encode(&self.ledger.args(attempt))).collect();
        for attempt in &attempts {
            self.meter.sent(self.id, attempt.op.counts_twice(), sent);
        }
        let mut broken = client.write(&bytes).await.err();
        for attempt in &attempts {
            // What follows a broken connection in the pipeline has no reply either.
            let outcome = match &broken {
                Some(_) => Outcome::Silence,
                None => match client.reply().await {
                    Ok(reply) => Outcome::Reply(reply),
                    Err(error) => {
                        broken = Some(error);
                        Outcome::Silence
                    }
                },
            };
            self.settle(attempt, &outcome, broken.as_ref(), sent);
        }
        if broken.is_none() {
            self.connection = Some(client);
        }
    }

    fn settle(&mut self, attempt: &Attempt, outcome: &Outcome, broken: Option<&ClientError>, sent: Instant) {
        let error = match outcome {
            Outcome::Reply(reply) => reply.error_class(),
            Outcome::Silence => Some(broken.map_or("closed", ClientError::class)),
        };
        self.ledger.settle(attempt, outcome, self.meter.era());
        self.meter.ended(attempt.op.counts_twice(), error);
        if error.is_some() {
            self.failing_since.get_or_insert(sent);
            return;
        }
        // Failing fast is no service: the wait ends with the first good reply, not with an error.
        self.meter.stalled(self.failing_since.take().unwrap_or(sent).elapsed());
        self.meter.at_rest(self.id);
    }

    /// The connection, or a new one; a refused one counts as an error and is tried again a little later.
    async fn connected(&mut self) -> Option<Client> {
        if let Some(client) = self.connection.take() {
            return Some(client);
        }
        let began = Instant::now();
        match Client::connect(self.target, PATIENCE).await {
            Ok(client) => Some(client),
            Err(error) => {
                self.meter.sent(self.id, false, began);
                self.meter.ended(false, Some(error.class()));
                self.failing_since.get_or_insert(began);
                tokio::time::sleep(RECONNECT).await;
                None
            }
        }
    }
}

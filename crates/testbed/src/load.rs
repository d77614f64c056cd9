//! The plain clients: each knows one address, sends, waits for the replies and checks them. They know nothing of
//! failover, and retry nothing.

mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::audit::Books;
use super::book::Book;
use super::error::Error;
use super::jobs::Job;
use super::meter::Meter;
use super::sharing::Sharing;
use super::wait::wait_until;
use worker::Worker;

/// The terms on which all clients of a load work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) sharing: Sharing,
    /// They open a new connection when theirs was closed.
    pub(crate) reconnects: bool,
    /// Between two rounds: a load that leaves the machine room, since a starved Sentinel sees failures that are none.
    pub(crate) pause: Duration,
}

/// Longer than any hold: patience is not what is measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The running clients.
pub struct Load {
    tasks: JoinSet<Option<Book>>,
    stop: watch::Sender<bool>,
    meter: Arc<Meter>,
    most_in_flight: u64,
}

impl Load {
    pub(crate) fn start(target: SocketAddr, meter: &Arc<Meter>, jobs: &[Job], terms: Terms) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (id, job) in jobs.iter().enumerate() {
            let worker = Worker::new(id, job, terms, target, meter);
            let stopped = stopped.clone();
            match job.only {
                None => tasks.spawn(async { Some(worker.run(stopped).await) }),
                Some(_) => tasks.spawn_blocking(|| apart(worker, stopped)),
            };
        }
        let most_in_flight = jobs.iter().map(Job::most_in_flight).sum();
        Self { tasks, stop, meter: Arc::clone(meter), most_in_flight }
    }

    /// Starts the clients of a test, and returns when they are under way: each keeps its one connection, and the deployment may lose at any time what it
    /// acknowledged, until the test says otherwise.
    pub async fn under_way(target: SocketAddr, jobs: &[Job], sharing: Sharing) -> Result<Self, Error> {
        let meter = Arc::new(Meter::new(jobs.len()).losing());
        let terms = Terms { sharing, reconnects: false, pause: Duration::from_millis(2) };
        let load = Self::start(target, &meter, jobs, terms);
        load.advance(5).await?;
        Ok(load)
    }

    /// Forbids that anything is lost that is sent from here on.
    pub fn nothing_is_lost(&self) {
        self.meter.nothing_is_lost();
    }

    /// Returns as many commands as all clients together can have sent without a reply.
    pub fn most_in_flight(&self) -> u64 {
        self.most_in_flight
    }

    /// Returns the longest that any client waited for a good reply since this was asked last.
    pub fn take_slowest(&self) -> Duration {
        self.meter.take_recent()
    }

    /// Returns the rounds that each client has done.
    pub fn rounds(&self) -> Vec<u64> {
        self.meter.rounds()
    }

    /// Waits until every client has done this many rounds more.
    pub async fn advance(&self, rounds: u64) -> Result<(), Error> {
        let goals: Vec<u64> = self.rounds().iter().map(|done| done + rounds).collect();
        wait_until("progress of every client", PATIENCE, || async {
            let now = self.rounds();
            let done = now.iter().zip(&goals).all(|(now, goal)| now >= goal);
            if done { Ok(()) } else { Err(format!("{now:?} of {goals:?}")) }
        })
        .await
    }

    /// Lets every client finish its round, and hands back their books.
    pub async fn finish(self) -> Result<Books, Error> {
        // Without receivers every client has ended already.
        let _ = self.stop.send(true);
        self.ended().await
    }

    /// Waits until every client has ended: its connection was closed, or it was told to stop.
    pub async fn ended(self) -> Result<Books, Error> {
        let all =
            tokio::time::timeout(PATIENCE, self.tasks.join_all()).await.map_err(|_| Error::Deadline {
                what: "end of every client's round".to_owned(),
                limit: PATIENCE,
                last: "a client still waits for a reply".to_owned(),
            })?;
        let mut all: Vec<Book> = all.into_iter().flatten().collect();
        all.sort_by_key(|book| book.client);
        let eras = self.meter.eras();
        let slowest = eras.iter().map(|era| era.longest_stall).max().unwrap_or_default();
        Ok(Books { all, now: self.meter.now(), slowest })
    }
}

/// Runs a client with a runtime of its own. It ends at once when nobody can stop it any more.
fn apart(worker: Worker, stopped: watch::Receiver<bool>) -> Option<Book> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let mut watched = stopped.clone();
    runtime.block_on(async {
        tokio::select! {
            book = worker.run(stopped) => Some(book),
            () = async { while watched.changed().await.is_ok() {} } => None,
        }
    })
}

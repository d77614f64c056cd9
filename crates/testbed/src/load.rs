//! The plain clients: each knows one address, sends, waits for the replies and checks them. They know nothing of
//! failover, and retry nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::audit::Books;
use super::book::{Book, Sent};
use super::client::{Client, Reply};
use super::error::{ClientError, Error};
use super::jobs::Job;
use super::meter::{Losses, Meter};
use super::round::Request;
use super::sharing::Sharing;
use super::wait::wait_until;

/// What the clients of a load have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) sharing: Sharing,
    /// They open a new connection when theirs was closed.
    pub(crate) reconnects: bool,
    /// Between two rounds: a load that leaves the machine room, since a starved Sentinel sees failures that are none.
    pub(crate) pause: Duration,
}

/// Longer than any hold: patience is not what is measured.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(50);

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
            let worker = Worker {
                id,
                job: job.clone(),
                terms,
                target,
                meter: Arc::clone(meter),
                book: Book::new(id, job, terms.sharing),
                connection: None,
                due: None,
                failing_since: None,
            };
            let stopped = stopped.clone();
            match job.only {
                None => tasks.spawn(async { Some(worker.run(stopped).await) }),
                Some(_) => tasks.spawn_blocking(|| apart(worker, stopped)),
            };
        }
        let most_in_flight = jobs.iter().map(Job::most_in_flight).sum();
        Self { tasks, stop, meter: Arc::clone(meter), most_in_flight }
    }

    /// Clients of a test under way: each keeps its one connection, and the deployment may lose at any time what it
    /// acknowledged, until the test says otherwise.
    pub async fn under_way(target: SocketAddr, jobs: &[Job], sharing: Sharing) -> Result<Self, Error> {
        let meter = Arc::new(Meter::new(jobs.len(), Losses::AtAnyTime));
        let terms = Terms { sharing, reconnects: false, pause: Duration::from_millis(2) };
        let load = Self::start(target, &meter, jobs, terms);
        load.advance(5).await?;
        Ok(load)
    }

    /// Nothing may be lost that is sent from here on.
    pub fn nothing_is_lost(&self) {
        self.meter.nothing_is_lost();
    }

    /// As many commands as all clients together can have sent without a reply.
    pub fn most_in_flight(&self) -> u64 {
        self.most_in_flight
    }

    /// The longest that any client waited for a good reply since this was asked last.
    pub fn take_slowest(&self) -> Duration {
        self.meter.take_recent()
    }

    /// Rounds that each client has begun, but for those under way.
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

/// A client with a runtime of its own. It ends at once when nobody can stop it any more.
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

struct Worker {
    id: usize,
    job: Job,
    terms: Terms,
    target: SocketAddr,
    meter: Arc<Meter>,
    book: Book,
    connection: Option<Client>,
    /// When the next round was to begin. A stall counts from here: a client that is kept from sending waits as well.
    due: Option<Instant>,
    /// Since when no command succeeded.
    failing_since: Option<Instant>,
}

impl Worker {
    async fn run(mut self, stopped: watch::Receiver<bool>) -> Book {
        let rounds = self.job.depth.max(1);
        let requests = self.job.round.repeat(rounds);
        let at_once = if self.job.depth == 0 { 1 } else { requests.len() };
        while !*stopped.borrow() && self.book.ended.is_none() {
            for requests in requests.chunks(at_once) {
                self.exchange(requests).await;
            }
            self.meter.advanced(self.id, rounds);
            let due = Instant::now() + self.terms.pause;
            tokio::time::sleep_until(due.into()).await;
            self.due = Some(due);
        }
        self.book
    }

    /// Sends the requests and reads their replies: all in one write, or one command after the other.
    async fn exchange(&mut self, requests: &[Request]) {
        let Some(mut client) = self.connected().await else { return };
        let (moment, since) = (self.meter.moment(), self.due.take().unwrap_or_else(Instant::now));
        let all: Vec<Sent> = requests.iter().map(|request| self.book.begin(*request, moment)).collect();
        let mut broken = None;
        if self.job.depth > 0 {
            let commands =
                all.iter().flat_map(|sent| (0..sent.commands.len()).map(move |index| (sent, index)));
            commands.for_each(|(sent, index)| self.meter.sent(self.id, sent.may_stay_unknown(index), since));
            let bytes: Vec<u8> = all.iter().flat_map(|sent| sent.commands.concat()).collect();
            broken = client.write(&bytes).await.err();
        }
        for sent in &all {
            let replies = self.replies(&mut client, sent, since, &mut broken).await;
            self.settle(sent, &replies, since);
        }
        match broken {
            None => self.connection = Some(client),
            Some(error) => self.ended(&error),
        }
    }

    /// The replies to a request, or fewer when the connection breaks; what follows in the pipeline has none either.
    async fn replies(
        &mut self,
        client: &mut Client,
        sent: &Sent,
        since: Instant,
        broken: &mut Option<ClientError>,
    ) -> Vec<Reply> {
        let mut replies = Vec::new();
        for (index, command) in sent.commands.iter().enumerate() {
            let may_stay_unknown = sent.may_stay_unknown(index);
            if self.job.depth == 0 {
                self.meter.sent(self.id, may_stay_unknown, since);
                *broken = client.write(command).await.err();
            }
            if broken.is_none() {
                match client.reply().await {
                    Ok(reply) => replies.push(reply),
                    Err(error) => *broken = Some(error),
                }
            }
            let lost = broken.as_ref().map(ClientError::class);
            self.meter.ended(may_stay_unknown, lost.or_else(|| replies.last().and_then(Reply::error_class)));
            if broken.is_some() && self.job.depth == 0 {
                break;
            }
        }
        replies
    }

    fn settle(&mut self, sent: &Sent, replies: &[Reply], since: Instant) {
        self.book.settle(sent, replies, self.meter.now());
        let whole = replies.len() == sent.commands.len();
        if !whole || replies.iter().any(|reply| reply.error_class().is_some()) {
            self.failing_since.get_or_insert(since);
            return;
        }
        // Failing fast is no service: the wait ends with the first good reply, not with an error.
        let since = self.failing_since.take().unwrap_or(since);
        if !sent.waited_in_vain(replies) {
            self.meter.stalled(self.id, since.elapsed());
        }
        self.meter.at_rest(self.id);
    }

    fn ended(&mut self, error: &ClientError) {
        if !self.terms.reconnects {
            self.book.ended = Some(error.to_string());
        }
    }

    /// The connection, or a new one; a refused one counts as an error and is tried again a little later.
    async fn connected(&mut self) -> Option<Client> {
        if self.book.ended.is_some() {
            return None;
        }
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
                self.ended(&error);
                tokio::time::sleep(RECONNECT).await;
                None
            }
        }
    }
}

//! The plain clients: each knows one address, sends, waits for the replies and checks them. They know nothing of
//! failover: they retry nothing, and only open a new connection when theirs was closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::{Client, Reply};
use super::error::ClientError;
use super::meter::Meter;
use super::round::{Books, Request, Sent};
use super::sharing::Sharing;

/// One client: what it does, and with which keys.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// What its keys begin with, one for each of its books.
    pub(crate) prefixes: Vec<String>,
    pub(crate) round: &'static [Request],
    /// How many requests it sends before it reads.
    pub(crate) depth: usize,
    /// The one shard that it uses. It runs on a thread of its own: standing still during a kill is no stall of others.
    pub(crate) only: Option<usize>,
}

/// Longer than any hold: patience is not what is measured.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two rounds of a client: a load that leaves the machine room, since a starved Sentinel sees failures that are
/// none.
const PAUSE: Duration = Duration::from_millis(4);

/// Between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(50);

/// The running clients.
pub(crate) struct Load {
    tasks: JoinSet<Option<Books>>,
    stop: watch::Sender<bool>,
}

impl Load {
    pub(crate) fn start(target: SocketAddr, meter: &Arc<Meter>, seats: &[Seat], sharing: Sharing) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (id, seat) in seats.iter().enumerate() {
            let worker = Worker {
                id,
                seat: seat.clone(),
                target,
                meter: Arc::clone(meter),
                books: Books::new(id, &seat.prefixes, sharing),
                connection: None,
                due: None,
                failing_since: None,
            };
            let stopped = stopped.clone();
            match seat.only {
                None => tasks.spawn(async { Some(worker.run(stopped).await) }),
                Some(_) => tasks.spawn_blocking(|| apart(worker, stopped)),
            };
        }
        Self { tasks, stop }
    }

    /// Lets every client finish its round, and hands back their books.
    pub(crate) async fn finish(mut self) -> Vec<Books> {
        // Without receivers every client has ended already.
        let _ = self.stop.send(true);
        let mut books = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            books.extend(ended.ok().flatten());
        }
        books
    }
}

/// A client with a runtime of its own. It ends at once when nobody can stop it any more.
fn apart(worker: Worker, stopped: watch::Receiver<bool>) -> Option<Books> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let mut watched = stopped.clone();
    runtime.block_on(async {
        tokio::select! {
            books = worker.run(stopped) => Some(books),
            () = async { while watched.changed().await.is_ok() {} } => None,
        }
    })
}

struct Worker {
    id: usize,
    seat: Seat,
    target: SocketAddr,
    meter: Arc<Meter>,
    books: Books,
    connection: Option<Client>,
    /// When the next round was to begin. A stall counts from here: a client that is kept from sending waits as well.
    due: Option<Instant>,
    /// Since when no command succeeded.
    failing_since: Option<Instant>,
}

impl Worker {
    async fn run(mut self, stopped: watch::Receiver<bool>) -> Books {
        while !*stopped.borrow() {
            for requests in self.seat.round.chunks(self.seat.depth) {
                self.exchange(requests).await;
            }
            let due = Instant::now() + PAUSE;
            tokio::time::sleep_until(due.into()).await;
            self.due = Some(due);
        }
        self.books
    }

    /// Sends the requests in one write and reads their replies.
    async fn exchange(&mut self, requests: &[Request]) {
        let Some(mut client) = self.connected().await else { return };
        let (era, since) = (self.meter.era(), self.due.take().unwrap_or_else(Instant::now));
        self.books.set_returning(self.meter.is_returning());
        let sent: Vec<Sent> = requests.iter().map(|request| self.books.begin(*request, era)).collect();
        for may_stay_unknown in sent.iter().flat_map(Sent::replies) {
            self.meter.sent(self.id, may_stay_unknown, since);
        }
        let bytes: Vec<u8> = sent.iter().flat_map(|sent| sent.bytes.iter().copied()).collect();
        let mut broken = client.write(&bytes).await.err();
        for sent in sent {
            let replies = read(&mut client, sent.replies().count(), &mut broken).await;
            self.settle(&sent, &replies, broken.as_ref(), since);
        }
        if broken.is_none() {
            self.connection = Some(client);
        }
    }

    fn settle(&mut self, sent: &Sent, replies: &[Reply], broken: Option<&ClientError>, since: Instant) {
        self.books.settle(sent, replies, self.meter.era());
        let mut failed = false;
        for (index, may_stay_unknown) in sent.replies().enumerate() {
            let error = match replies.get(index) {
                Some(reply) => reply.error_class(),
                None => Some(broken.map_or("closed", ClientError::class)),
            };
            self.meter.ended(may_stay_unknown, error);
            failed |= error.is_some();
        }
        if failed {
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

/// So many replies, or fewer when the connection breaks; what follows in the pipeline has none either.
async fn read(client: &mut Client, count: usize, broken: &mut Option<ClientError>) -> Vec<Reply> {
    let mut replies = Vec::new();
    while broken.is_none() && replies.len() < count {
        match client.reply().await {
            Ok(reply) => replies.push(reply),
            Err(error) => *broken = Some(error),
        }
    }
    replies
}

//! One client at work: it sends, reads the replies and enters both in its book.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::super::book::{Book, Sent};
use super::super::client::{Client, Reply};
use super::super::error::ClientError;
use super::super::jobs::Job;
use super::super::meter::Meter;
use super::super::round::Request;
use super::{PATIENCE, Terms};

/// Between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(50);

pub(super) struct Worker {
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
    pub(super) fn new(id: usize, job: &Job, terms: Terms, target: SocketAddr, meter: &Arc<Meter>) -> Self {
        let (job, meter, book) = (job.clone(), Arc::clone(meter), Book::new(id, job, terms.sharing));
        Self { id, job, terms, target, meter, book, connection: None, due: None, failing_since: None }
    }

    pub(super) async fn run(mut self, stopped: watch::Receiver<bool>) -> Book {
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
            for may_stay_unknown in all.iter().flat_map(Sent::may_stay_unknown) {
                self.meter.sent(self.id, may_stay_unknown, since);
            }
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

    /// Returns the replies to a request, or fewer when the connection breaks; what follows in the pipeline has none either.
    async fn replies(
        &mut self,
        client: &mut Client,
        sent: &Sent,
        since: Instant,
        broken: &mut Option<ClientError>,
    ) -> Vec<Reply> {
        let mut replies = Vec::new();
        for (command, may_stay_unknown) in sent.commands.iter().zip(sent.may_stay_unknown()) {
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

    /// Returns the connection, or a new one; a refused one counts as an error and is tried again a little later.
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

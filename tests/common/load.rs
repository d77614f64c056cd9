//! Plain clients under way: each sends tagged commands, checks every reply, and keeps the books that are audited at the
//! end.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

#[path = "audit.rs"]
pub(crate) mod audit;
#[path = "book.rs"]
pub(crate) mod book;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tideover_testbed::client::{Client, encode};
use tideover_testbed::error::ClientError;
use tideover_testbed::wait::wait_until;

use super::live::{LIMIT, client};
use audit::Books;
use book::{Book, Kind, STEP, Step};

/// Between two batches: the load is steady, not the most that the machine can carry.
const PACE: Duration = Duration::from_millis(2);

/// One client. With a name in braces all its keys are in one slot, else they are spread.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) name: String,
    /// 0 sends one command and waits for its reply, others send so many steps at once.
    pub(crate) depth: usize,
    pub(crate) step: Step,
}

impl Seat {
    fn most_in_flight(&self) -> u64 {
        (self.depth * self.step.len()).max(1) as u64
    }
}

/// How far a client is, and what it last suffered, to be looked at while it runs.
#[derive(Debug, Default)]
struct Progress {
    steps: AtomicU64,
    slowest_micros: AtomicU64,
}

/// Clients that run until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    most_in_flight: u64,
    progress: Vec<Arc<Progress>>,
    tasks: Vec<tokio::task::JoinHandle<Book>>,
}

impl Load {
    /// One client with single keys for each depth.
    pub(crate) async fn start(name: &str, address: SocketAddr, depths: &[usize]) -> Self {
        let seat = |(index, depth): (usize, &usize)| Seat {
            name: format!("{name}{index}"),
            depth: *depth,
            step: STEP,
        };
        Self::of(address, depths.iter().enumerate().map(seat).collect()).await
    }

    pub(crate) async fn of(address: SocketAddr, seats: Vec<Seat>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut all, mut tasks) = (Vec::new(), Vec::new());
        let most_in_flight = seats.iter().map(Seat::most_in_flight).sum();
        for Seat { name, depth, step } in seats {
            let progress = Arc::new(Progress::default());
            let book = Book::new(name, step);
            let task = play(client(address).await, depth, book, Arc::clone(&stop), Arc::clone(&progress));
            tasks.push(tokio::spawn(task));
            all.push(progress);
        }
        let load = Self { stop, most_in_flight, progress: all, tasks };
        load.advance(5).await;
        load
    }

    /// As many commands as all clients together can have sent without a reply.
    pub(crate) fn most_in_flight(&self) -> u64 {
        self.most_in_flight
    }

    /// The longest that any client waited for a reply since this was asked last.
    pub(crate) fn take_slowest(&self) -> Duration {
        let waits = self.progress.iter().map(|progress| progress.slowest_micros.swap(0, Ordering::Relaxed));
        Duration::from_micros(waits.max().unwrap_or_default())
    }

    /// Waits until every client has done this many steps more.
    pub(crate) async fn advance(&self, steps: u64) {
        let goals: Vec<u64> = self.steps().iter().map(|done| done + steps).collect();
        wait_until("every client goes on", LIMIT, || async {
            let now = self.steps();
            let done = now.iter().zip(&goals).all(|(now, goal)| now >= goal);
            if done { Ok(()) } else { Err(format!("{now:?} of {goals:?}")) }
        })
        .await
        .unwrap();
    }

    /// Steps that each client has begun.
    pub(crate) fn steps(&self) -> Vec<u64> {
        self.progress.iter().map(|progress| progress.steps.load(Ordering::Relaxed)).collect()
    }

    /// Lets every client finish its batch.
    pub(crate) async fn finish(self) -> Books {
        self.stop.store(true, Ordering::Relaxed);
        let mut books = Vec::new();
        for task in self.tasks {
            let book = tokio::time::timeout(LIMIT, task).await.expect("a client hangs");
            books.push(book.unwrap());
        }
        Books(books)
    }

    /// Waits until every connection was ended by the proxy.
    pub(crate) async fn ended(self) -> Books {
        let mut books = Vec::new();
        for task in self.tasks {
            books.push(tokio::time::timeout(LIMIT, task).await.expect("a client hangs").unwrap());
        }
        Books(books)
    }
}

async fn play(
    mut client: Client,
    depth: usize,
    mut book: Book,
    stop: Arc<AtomicBool>,
    progress: Arc<Progress>,
) -> Book {
    while !stop.load(Ordering::Relaxed) {
        let first = book.tokens.len();
        let batch = if depth == 0 {
            plain(&mut client, &mut book).await
        } else {
            pipelined(&mut client, depth, &mut book).await
        };
        let steps = (book.tokens.len() - first) as u64;
        progress.steps.fetch_add(steps, Ordering::Relaxed);
        let slowest = std::mem::take(&mut book.slowest_of_batch);
        progress.slowest_micros.fetch_max(slowest.as_micros() as u64, Ordering::Relaxed);
        if let Err(error) = batch {
            book.ended = Some(error.to_string());
            break;
        }
        tokio::time::sleep(PACE).await;
    }
    book
}

async fn plain(client: &mut Client, book: &mut Book) -> Result<(), ClientError> {
    let step = book.begin();
    for kind in book.step.iter().copied() {
        let sent = Instant::now();
        let reply = client.call(&book.command(kind, step)).await?;
        book.enter(kind, step, &reply, sent);
    }
    Ok(())
}

async fn pipelined(client: &mut Client, depth: usize, book: &mut Book) -> Result<(), ClientError> {
    let steps: Vec<usize> = (0..depth).map(|_| book.begin()).collect();
    let commands: Vec<(usize, Kind)> =
        steps.iter().flat_map(|step| book.step.iter().map(|kind| (*step, *kind))).collect();
    let bytes: Vec<u8> =
        commands.iter().flat_map(|(step, kind)| encode(&book.command(*kind, *step))).collect();
    let sent = Instant::now();
    client.write(&bytes).await?;
    for (step, kind) in commands {
        let reply = client.reply().await?;
        book.enter(kind, step, &reply, sent);
    }
    Ok(())
}

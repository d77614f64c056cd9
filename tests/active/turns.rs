//! Clients of several proxies that write the same keys in turn: each write of a key begins when the one before it is
//! answered, so that the last one is known.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::wait::wait_until;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::support::{LIMIT, ask, client, ok};

/// The known writes of one key.
#[derive(Clone, Debug, Default)]
struct Written {
    next: u64,
    last: Option<u64>,
    /// Writes after the last acknowledged one, of unknown outcome.
    unknown: Vec<u64>,
}

/// The choice of keys to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// The same keys over and over.
    Hot(usize),
    /// New keys, each a few times in a row and never again, so that a later write does not hide what went wrong.
    Fresh(usize),
}

/// The running clients.
pub(crate) struct Turns {
    keys: Arc<Vec<Mutex<Written>>>,
    name: String,
    writes: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

/// The data of the nodes in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) keys: u64,
    pub(crate) writes: u64,
    pub(crate) unknown: u64,
    /// Keys of which the nodes hold different values.
    pub(crate) diverged: u64,
    /// Keys of which some node holds another value than the one acknowledged last.
    pub(crate) wrong: u64,
}

/// Number of clients of each proxy.
const CLIENTS: usize = 4;

/// The most writes without an answer that all clients of two proxies can have.
pub(crate) const IN_FLIGHT: u64 = 2 * CLIENTS as u64;

/// Number of writes in a row of a new key.
const ROW: usize = 4;

impl Turns {
    pub(crate) async fn start(name: &str, proxies: &[SocketAddr], keys: Keys) -> Self {
        let (Keys::Hot(count) | Keys::Fresh(count)) = keys;
        let turns = Self {
            keys: Arc::new((0..count).map(|_| Mutex::default()).collect()),
            name: name.to_owned(),
            writes: Arc::default(),
            stop: Arc::default(),
            tasks: Vec::new(),
        };
        let turn = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for proxy in proxies.iter().cycle().take(proxies.len() * CLIENTS) {
            tasks.push(tokio::spawn(turns.play(client(*proxy).await, keys, Arc::clone(&turn))));
        }
        let turns = Self { tasks, ..turns };
        turns.advance(50).await;
        turns
    }

    fn play(
        &self,
        mut client: Client,
        keys: Keys,
        turn: Arc<AtomicUsize>,
    ) -> impl Future<Output = ()> + use<> {
        let (all, name) = (Arc::clone(&self.keys), self.name.clone());
        let (stop, writes) = (Arc::clone(&self.stop), Arc::clone(&self.writes));
        async move {
            while !stop.load(Ordering::Relaxed) {
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                let index = match keys {
                    Keys::Hot(count) => turn % count,
                    Keys::Fresh(_) => turn / ROW,
                };
                let Some(key) = all.get(index) else { return };
                write(&mut client, &format!("{name}:{index}"), &mut *key.lock().await).await;
                writes.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Waits until there were so many more writes.
    pub(crate) async fn advance(&self, more: u64) {
        let goal = self.writes.load(Ordering::Relaxed) + more;
        wait_until("the clients go on", LIMIT, || async {
            let writes = self.writes.load(Ordering::Relaxed);
            if writes >= goal { Ok(()) } else { Err(format!("{writes} of {goal}")) }
        })
        .await
        .unwrap();
    }

    /// Stops the clients, gives the nodes time to agree, and compares the writes with the data of the nodes.
    pub(crate) async fn finish(self, nodes: &[SocketAddr]) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            tokio::time::timeout(LIMIT, task).await.expect("a client hangs").unwrap();
        }
        let mut books = Vec::new();
        for key in self.keys.iter() {
            books.push(key.lock().await.clone());
        }
        let writes = self.writes.load(Ordering::Relaxed);
        let agreed = wait_until("the nodes agree", LIMIT / 4, || async {
            let outcome = compare(&self.name, &books, writes, nodes).await;
            if (outcome.diverged, outcome.wrong) == (0, 0) {
                Ok(outcome)
            } else {
                Err(format!("{outcome:?}"))
            }
        });
        let outcome = match agreed.await {
            Ok(outcome) => outcome,
            Err(_) => compare(&self.name, &books, writes, nodes).await,
        };
        println!("{}: {outcome:?}", self.name);
        outcome
    }
}

async fn write(client: &mut Client, key: &str, book: &mut Written) {
    book.next += 1;
    let reply = client.call(&["SET", key, &book.next.to_string()]).await.unwrap();
    match reply.error_class() {
        None => {
            assert_eq!(reply, ok());
            (book.last, book.unknown) = (Some(book.next), Vec::new());
        }
        Some("UNCERTAIN") => book.unknown.push(book.next),
        Some(_) => panic!("SET {key}: {reply:?}"),
    }
}

async fn compare(name: &str, books: &[Written], writes: u64, nodes: &[SocketAddr]) -> Outcome {
    let written: Vec<(usize, &Written)> =
        books.iter().enumerate().filter(|(_, book)| book.next > 0).collect();
    let names = written.iter().map(|(index, _)| format!("{name}:{index}"));
    let command: Vec<String> = std::iter::once("MGET".to_owned()).chain(names).collect();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut held: Vec<Vec<Option<u64>>> = Vec::new();
    for node in nodes {
        let values = ask(*node, &command).await;
        held.push(values.elements().iter().map(|value| value.text()?.parse().ok()).collect());
    }
    let mut outcome = Outcome { keys: written.len() as u64, writes, ..Outcome::default() };
    for (place, (_, book)) in written.iter().enumerate() {
        let values: Vec<Option<u64>> = held.iter().map(|node| node[place]).collect();
        let may_be = |value: &Option<u64>| {
            *value == book.last || value.is_some_and(|value| book.unknown.contains(&value))
        };
        outcome.unknown += u64::from(!book.unknown.is_empty());
        outcome.diverged += u64::from(values.iter().any(|value| *value != values[0]));
        outcome.wrong += u64::from(!values.iter().all(may_be));
    }
    outcome
}

#[test]
fn what_nodes_hold_is_compared_with_what_was_acknowledged_last() {
    super::support::run(async {
        let nodes = super::plain::PlainNodes::start(2).await;
        let (first, second) = (nodes.address(0), nodes.address(1));
        let book = |last, unknown: &[u64]| Written { next: 9, last, unknown: unknown.to_vec() };
        let books = [
            book(Some(1), &[]),
            book(Some(1), &[2]),
            book(Some(1), &[]),
            book(None, &[]),
            book(Some(3), &[]),
        ];
        for (node, key, value) in
            [(first, 0, 1), (second, 0, 1), (first, 1, 2), (second, 1, 2), (first, 2, 1), (second, 2, 7)]
        {
            assert_eq!(ask(node, &["SET", &format!("t:{key}"), &format!("{value}")]).await, ok());
        }
        let outcome = compare("t", &books, 45, &[first, second]).await;
        assert_eq!(outcome, Outcome { keys: 5, writes: 45, unknown: 1, diverged: 1, wrong: 2 });
        assert_eq!(ask(first, &["GET", "t:4"]).await, Reply::Nil);
    });
}

//! Clients that wait for elements, one client that gives them as fast as it can, and the records of both.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tideover_testbed::client::{Client, Reply, encode};
use tideover_testbed::wait::wait_until;
use tokio::task::JoinHandle;

use super::kinds::{KINDS, Kind, all_elements};
use super::live::{LIMIT, client};

/// The reply to the giving client for each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Yes,
    Unknown,
    No,
}

/// The elements in the order in which they came.
type Got = Vec<u64>;

/// The running clients.
pub(crate) struct Exchange {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    giving: JoinHandle<BTreeMap<u64, [Given; KINDS.len()]>>,
    taking: Vec<(Kind, JoinHandle<Got>)>,
}

impl Exchange {
    /// Starts so many clients for each kind of command.
    pub(crate) async fn start(address: SocketAddr, waiting: usize) -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut giver = client(address).await;
        for setup in KINDS.iter().filter_map(|kind| kind.setup()) {
            giver.must(&setup).await.unwrap();
        }
        let mut taking = Vec::new();
        for kind in KINDS {
            for index in 0..waiting {
                let taker = client(address).await;
                taking.push((kind, tokio::spawn(take(taker, kind, index, Arc::clone(&stop)))));
            }
        }
        let giving = tokio::spawn(give(giver, Arc::clone(&stop), Arc::clone(&rounds)));
        let exchange = Self { stop, rounds, giving, taking };
        exchange.advance(50).await;
        exchange
    }

    /// Waits until so many more elements were given for each kind of command.
    pub(crate) async fn advance(&self, by: u64) {
        let goal = self.rounds.load(Ordering::Relaxed) + by;
        wait_until("elements are given", LIMIT, || async {
            let now = self.rounds.load(Ordering::Relaxed);
            if now >= goal { Ok(()) } else { Err(format!("{now} of {goal}")) }
        })
        .await
        .unwrap();
    }

    /// Stops all of them and compares the records. `most_missing` is for all clients of one kind together.
    pub(crate) async fn assert_books(self, reader: &mut Client, most_missing: usize) {
        self.stop.store(true, Ordering::Relaxed);
        let given = tokio::time::timeout(LIMIT, self.giving).await.expect("the giving client hangs").unwrap();
        let mut got: Vec<(Kind, Got)> = Vec::new();
        for (kind, task) in self.taking {
            got.push((kind, tokio::time::timeout(LIMIT, task).await.expect("a client hangs").unwrap()));
        }
        for (place, kind) in KINDS.into_iter().enumerate() {
            let own: Vec<&Got> = got.iter().filter(|(of, _)| *of == kind).map(|(_, got)| got).collect();
            let remains = remains(reader, kind).await;
            let acked = given.iter().filter(|(_, given)| given[place] == Given::Yes);
            let acked: Vec<u64> = acked.map(|(element, _)| *element).collect();
            let refused = |element: &u64| given.get(element).is_none_or(|given| given[place] == Given::No);
            for got in &own {
                let in_order = got.windows(2).all(|pair| pair[0] < pair[1]);
                assert!(in_order || !kind.is_ordered(), "{kind:?}: out of order: {got:?}");
                assert!(!got.iter().any(refused), "{kind:?}: an element that was never given");
            }
            let missing = match kind.is_shared() {
                true => own.iter().map(|got| missing_between(&acked, got)).max().unwrap_or_default(),
                false => {
                    let mut all: Vec<u64> = own.iter().flat_map(|got| got.iter().copied()).collect();
                    all.sort_unstable();
                    let twice: Vec<u64> =
                        all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
                    assert!(twice.is_empty(), "{kind:?}: delivered twice: {twice:?}");
                    let is_gone = |element: &&u64| {
                        all.binary_search(element).is_err() && remains.binary_search(element).is_err()
                    };
                    acked.iter().filter(is_gone).count()
                }
            };
            println!("{kind:?}: {} given, {missing} missing, {} left", acked.len(), remains.len());
            let most = if kind.is_shared() { 0 } else { most_missing };
            assert!(missing <= most, "{kind:?}: {missing} missing");
        }
    }
}

/// Returns the acknowledged elements that a reader of all should have had between its first and its last.
fn missing_between(acked: &[u64], got: &Got) -> usize {
    let (Some(first), Some(last)) = (got.first(), got.last()) else { return 0 };
    acked.iter().filter(|element| (first..=last).contains(element) && !got.contains(element)).count()
}

async fn remains(reader: &mut Client, kind: Kind) -> Vec<u64> {
    let mut found = Vec::new();
    for question in kind.remains() {
        found.extend(all_elements(&reader.must(&question).await.unwrap()));
    }
    found.sort_unstable();
    found
}

/// Gives one element to each kind of command at once, with a higher number in each round.
async fn give(
    mut client: Client,
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
) -> BTreeMap<u64, [Given; KINDS.len()]> {
    let mut books = BTreeMap::new();
    for element in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let batch: Vec<u8> = KINDS.iter().flat_map(|kind| encode(&kind.give(element))).collect();
        client.write(&batch).await.unwrap();
        let mut given = [Given::Yes; KINDS.len()];
        for (place, kind) in KINDS.iter().enumerate() {
            given[place] = match client.reply().await.unwrap() {
                Reply::Error(text) if text.starts_with("UNCERTAIN") => Given::Unknown,
                // An earlier element of unknown outcome had been given with this id after all.
                Reply::Error(text) => {
                    assert!(text.ends_with("; not executed"), "{kind:?}: {text}");
                    Given::No
                }
                _ => Given::Yes,
            };
        }
        books.insert(element, given);
        rounds.store(element, Ordering::Relaxed);
        // Elements are to be waited for, not to pile up.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    books
}

async fn take(mut client: Client, kind: Kind, index: usize, stop: Arc<AtomicBool>) -> Got {
    let mut got = Got::new();
    let mut idle = false;
    while !(stop.load(Ordering::Relaxed) && idle) {
        let reply = client.call(&kind.take(index, got.last().copied())).await.unwrap();
        let element = Kind::element(&reply).unwrap_or_else(|reply| panic!("{kind:?}: {reply}"));
        idle = element.is_none();
        got.extend(element);
    }
    got
}

//! Tests the connection of a library in each state that a fault can meet it in: subscribed, in MULTI, under WATCH, in a
//! large upload, blocked. docs/clients.md says what each of them sees.

use std::collections::BTreeSet;

use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::process::Process;
use tideover_testbed::wait::wait_until;

use super::backend::{Backend, Kind};
use super::books::Books;
use super::faults::Fault;
use super::installed::Runtime;
use super::live::{LIMIT, proxy};
use super::started::{Group, TAG, env_of};

/// The name of each state in the script, and the errors that a fault may cause in it.
const STATES: [(&str, &[&str]); 5] = [
    // Its second connection publishes, and may get an error.
    ("subscribed", &["UNCERTAIN"]),
    ("multi", &["UNCERTAIN"]),
    ("watching", &["UNCERTAIN"]),
    ("upload", &["UNCERTAIN", "not executed"]),
    ("blocked", &[]),
];

/// Number of results that each state must achieve before a fault, and again after it.
const UNDER_WAY: usize = 3;

struct States {
    books: Books,
    all: Vec<(&'static str, &'static [&'static str], Group)>,
    _logs: tempfile::TempDir,
}

impl States {
    /// Starts the script. `None`: redis-py is not installed.
    async fn start(address: std::net::SocketAddr) -> Option<Self> {
        let python = match Runtime::Python.executable() {
            Ok(python) => python,
            Err(why) => {
                println!("SKIPPED: {why}");
                return None;
            }
        };
        let (books, logs) = (Books::open().await, tempfile::tempdir().unwrap());
        let mut all = Vec::new();
        for (state, told) in STATES {
            let mut words = env_of(state, state, address, books.address());
            words.push(python.display().to_string());
            words.push(super::started::app("states.py"));
            words.push(state.to_owned());
            all.push((state, told, Group::start(state.to_owned(), words, &logs.path().join(state))));
        }
        let mut states = Self { books, all, _logs: logs };
        states.go_on().await;
        Some(states)
    }

    /// Waits until each state has achieved something that it began after this call.
    async fn go_on(&mut self) {
        for index in 0..self.all.len() {
            let (state, ..) = self.all[index];
            let from = self.books.now().await;
            let books = tokio::sync::Mutex::new(&mut self.books);
            let (_, _, group) = &mut self.all[index];
            let process: &mut Process = &mut group.0;
            let process = tokio::sync::Mutex::new(process);
            wait_until(&format!("{state} goes on"), LIMIT, || async {
                process.lock().await.check_running().map_err(|error| error.to_string())?;
                let done = books.lock().await.since("done", state, from).await.len();
                if done >= UNDER_WAY { Ok(()) } else { Err(format!("{done} of {UNDER_WAY}")) }
            })
            .await
            .unwrap();
        }
    }

    /// Checks the errors of each state since then: none is outside what it may get. `refused`: commands could not be
    /// held for long enough.
    async fn assert_told(&mut self, from: u64, fault: &str, refused: bool) {
        for index in 0..self.all.len() {
            let (state, allowed, _) = self.all[index];
            let saw = self.books.since("saw", state, from).await;
            let texts: BTreeSet<String> = saw.into_iter().map(|entry| entry.text).collect();
            println!("{fault}: {state} was told {texts:?}");
            let fits = |text: &String| {
                allowed.iter().any(|part| text.contains(part)) || refused && text.contains("tideover: ")
            };
            assert!(texts.iter().all(fits), "{fault}: {state} was told {texts:?}");
        }
    }
}

#[test]
fn a_connection_in_any_state_lives_through_each_fault_of_a_master() {
    super::run(async |_| {
        let mut backend = Backend::start(Kind::Sentinel, super::DOWN_AFTER).await;
        backend.in_use().await;
        let proxy = proxy(&backend.url(), &[]).await;
        let Some(mut states) = States::start(proxy.address()).await else { return };
        for fault in [Fault::Killed, Fault::Stopped, Fault::Planned, Fault::Ended] {
            let node = backend.in_use().await;
            let from = states.books.now().await;
            backend.strike(fault, node).await;
            backend.successor(fault, node).await;
            states.go_on().await;
            states.assert_told(from, &format!("{fault:?}"), false).await;
            backend.mend(fault, node).await;
        }
    });
}

/// The outage is longer than commands are held: each state gets an error, and goes on by itself.
#[test]
fn a_connection_in_any_state_goes_on_after_an_expired_hold() {
    super::run(async |_| {
        let mut backend = Backend::start(Kind::Fixed, super::DOWN_AFTER).await;
        let proxy = proxy(&backend.url(), &["failover.hold=1s"]).await;
        let Some(mut states) = States::start(proxy.address()).await else { return };
        let (node, from) = (backend.in_use().await, states.books.now().await);
        backend.strike(Fault::Killed, node).await;
        backend.successor(Fault::Killed, node).await;
        states.go_on().await;
        states.assert_told(from, "an expired hold", true).await;
    });
}

#[test]
fn a_connection_in_any_state_goes_with_its_slot() {
    super::run(async |_| {
        let cluster = ClusterDeployment::start(ClusterOptions { replicas: 0, ..ClusterOptions::default() })
            .await
            .unwrap();
        let proxy = proxy(&cluster.url(), &[]).await;
        let Some(mut states) = States::start(proxy.address()).await else { return };
        let slot = tideover_testbed::cluster::slots::slot_of(TAG);
        let from = cluster.master_of(slot).await.unwrap();
        let to = *cluster.nodes().iter().find(|node| **node != from).unwrap();
        let since = states.books.now().await;
        for (from, to) in [(from, to), (to, from)] {
            cluster.reshard(from, to, slot..=slot).await.unwrap();
            states.go_on().await;
        }
        states.assert_told(since, "a moved slot", false).await;
    });
}

//! Clients that count while packets vanish, and the results of their counting.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tideover_testbed::client::Reply;

use crate::hosts::Hosts;
use crate::live::client;

pub(crate) const CLIENTS: usize = 8;

/// The results of clients that count, one INCR at a time, until they are told to stop.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) answers: usize,
    pub(crate) uncertain: usize,
    pub(crate) longest: Duration,
    /// The time of the last answer by a master that had not seen all of its counting.
    pub(crate) fell_back: Option<Instant>,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.answers += other.answers;
        self.uncertain += other.uncertain;
        self.longest = self.longest.max(other.longest);
        self.fell_back = self.fell_back.max(other.fell_back);
    }
}

/// Returns the key of one client: all keys are in one shard.
pub(crate) fn key(round: &str, client: usize) -> String {
    format!("{{b}}{round}-{client}")
}

/// Counts until `end`, and a little beyond, as every client must have an answer after it.
async fn count(proxy: SocketAddr, key: String, end: Instant) -> Seen {
    let mut conn = client(proxy).await;
    let mut seen = Seen::default();
    let mut next = 1;
    loop {
        let asked = Instant::now();
        let reply = conn.call(&["INCR", &key]).await.unwrap();
        seen.longest = seen.longest.max(asked.elapsed());
        match reply {
            Reply::Integer(value) => {
                assert!(value <= next + seen.uncertain as i64, "{value} where {next} was next: it ran twice");
                if value < next {
                    seen.fell_back = Some(Instant::now());
                }
                (seen.answers, next) = (seen.answers + 1, value + 1);
                if asked > end {
                    return seen;
                }
            }
            other => {
                assert_eq!(other.error_class(), Some("UNCERTAIN"), "{other:?}");
                seen.uncertain += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs counting clients while no packet passes between these pairs for some time, and for `after` when they pass
/// again. Returns the joint results of the clients, and the time at which the network was whole again.
pub(crate) async fn while_cut(
    hosts: &Hosts,
    round: &str,
    pairs: &[(&str, &str)],
    time: Duration,
    after: Duration,
) -> (Seen, Instant) {
    let before = Duration::from_millis(500);
    let end = Instant::now() + before + time + after;
    let counting = (0..CLIENTS).map(|n| tokio::spawn(count(hosts.proxy, key(round, n), end)));
    let counting: Vec<_> = counting.collect();
    tokio::time::sleep(before).await;
    pairs.iter().for_each(|(one, other)| hosts.net.cut(one, other));
    tokio::time::sleep(time).await;
    pairs.iter().for_each(|(one, other)| hosts.net.heal(one, other));
    let healed = Instant::now();
    let mut all = Seen::default();
    for counting in counting {
        let seen = counting.await.unwrap();
        assert!(seen.answers > 0);
        all.add(seen);
    }
    println!(
        "{round}: {} answers, {} uncertain, the longest wait {:?}, the last at another master {:?} after the net was whole",
        all.answers,
        all.uncertain,
        all.longest,
        all.fell_back.map(|at| at.saturating_duration_since(healed)),
    );
    (all, healed)
}

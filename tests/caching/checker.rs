//! A client with a cache, which checks that nothing in it is stale, and one that changes what it reads.
//!
//! A server tells a connection of a change before it answers anything that it was asked afterwards. So whatever is in the cache
//! when the reply to a read arrives must be what the reply says. With BCAST the server tells it at the end of its turn, so behind
//! that reply, but before the reply to what it is asked next; so may the proxy if replies of several shards belong together.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use super::common::Random;
use super::common::conn::Conn;
use super::live::LIMIT;

/// The number of keys.
const KEYS: usize = 40;

/// The counts of what one reader has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Values in the cache that were checked against a reply.
    pub(crate) checked: u64,
    /// Keys, and whole caches, that were dropped because it was told.
    pub(crate) dropped: u64,
    pub(crate) voided: u64,
}

/// The number of shards behind the proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shards {
    One,
    Several,
}

/// Readers and writers under way.
pub(crate) struct Checker {
    stop: Arc<AtomicBool>,
    readers: Vec<JoinHandle<Seen>>,
    writers: Vec<JoinHandle<()>>,
    writes: Arc<AtomicU64>,
}

impl Checker {
    /// Starts readers in these modes, each of which is the end of CLIENT TRACKING ON, and two writers.
    pub(crate) fn start(proxy: SocketAddr, modes: &[&'static str], shards: Shards) -> Self {
        let (stop, writes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let reader = |(seed, mode): (u64, &&'static str)| {
            let (stop, mode) = (Arc::clone(&stop), *mode);
            std::thread::spawn(move || Reader::new(proxy, mode, shards, seed).run(&stop))
        };
        let writer = |seed| {
            let (stop, writes) = (Arc::clone(&stop), Arc::clone(&writes));
            std::thread::spawn(move || write(proxy, seed, &stop, &writes))
        };
        let readers = (1..).zip(modes).map(reader).collect();
        let writers = (100..102).map(writer).collect();
        Self { stop, readers, writers, writes }
    }

    /// Returns the number of writes that were answered.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Fails if a reader or writer has ended.
    pub(crate) fn check_alive(&self) {
        let ended = self.readers.iter().any(JoinHandle::is_finished)
            || self.writers.iter().any(JoinHandle::is_finished);
        assert!(!ended, "a reader or writer has failed, see above");
    }

    /// Ends everybody, and returns what the readers have seen.
    pub(crate) fn finish(self) -> Vec<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.writers.into_iter().for_each(|writer| writer.join().unwrap());
        self.readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    }
}

/// A client that waits as long as a failover may take.
fn patient(proxy: SocketAddr) -> Conn {
    let conn = Conn::open(proxy);
    conn.patience(LIMIT);
    conn
}

fn key(number: usize) -> String {
    format!("k:{number}")
}

/// Adds to counters, one at a time. An error is an outcome like any other: the value is not known then.
fn write(proxy: SocketAddr, seed: u64, stop: &AtomicBool, writes: &AtomicU64) {
    let (mut conn, mut random) = (patient(proxy), Random(seed));
    while !stop.load(Ordering::Relaxed) {
        let key = key(random.below(KEYS));
        let reply = match random.below(10) {
            0 => conn.call(&format!("DEL {key}")),
            _ => conn.call(&format!("INCR {key}")),
        };
        writes.fetch_add(u64::from(reply.starts_with(':')), Ordering::Relaxed);
    }
}

/// One client with a cache.
struct Reader {
    conn: Conn,
    mode: &'static str,
    shards: Shards,
    random: Random,
    cache: HashMap<String, Option<String>>,
    /// The number of the present round of requests, and the keys whose change has to be told before the next one is answered.
    round: u64,
    late: HashMap<String, u64>,
    seen: Seen,
}

impl Reader {
    fn new(proxy: SocketAddr, mode: &'static str, shards: Shards, seed: u64) -> Self {
        let mut conn = patient(proxy);
        assert!(conn.call("HELLO 3").starts_with('%'));
        assert_eq!(conn.call(format!("CLIENT TRACKING ON {mode}").trim_end()), "+OK\r\n");
        Self {
            conn,
            mode,
            shards,
            random: Random(seed),
            cache: HashMap::new(),
            round: 0,
            late: HashMap::new(),
            seen: Seen::default(),
        }
    }

    fn run(mut self, stop: &AtomicBool) -> Seen {
        while !stop.load(Ordering::Relaxed) {
            self.read();
        }
        self.seen
    }

    /// Reads several keys, each by a request of its own or all by one, and checks what was cached of them.
    fn read(&mut self) {
        let keys: Vec<String> = (0..1 + self.random.below(4)).map(|_| key(self.random.below(KEYS))).collect();
        let is_cached = self.mode != "OPTIN" || self.random.below(2) == 0;
        let says = self.mode == "OPTIN" && is_cached;
        let requests: Vec<&[String]> = match self.random.below(2) {
            0 => vec![&keys],
            _ => keys.chunks(1).collect(),
        };
        let mut sent = String::new();
        for keys in &requests {
            sent += if says { "CLIENT CACHING YES\r\n" } else { "" };
            sent += &format!("MGET {}\r\n", keys.join(" "));
        }
        self.conn.write(sent.as_bytes());
        self.round += 1;
        for keys in &requests {
            if says {
                assert_eq!(self.reply(), b"+OK\r\n");
            }
            let reply = self.reply();
            let values = strings(&reply);
            if reply.first() == Some(&b'*') {
                assert_eq!(values.len(), keys.len());
                for (key, value) in keys.iter().zip(values) {
                    self.check(key, value, is_cached);
                }
            }
        }
    }

    fn check(&mut self, key: &str, value: Option<String>, is_cached: bool) {
        if let Some(cached) = self.cache.get(key) {
            self.seen.checked += 1;
            let may_be_late = self.mode.starts_with("BCAST") || self.shards == Shards::Several;
            if may_be_late && *cached != value {
                self.late.insert(key.to_owned(), self.round);
            } else {
                assert_eq!(*cached, value, "{key} in the cache of a reader with {:?}", self.mode);
            }
        }
        if is_cached {
            self.cache.insert(key.to_owned(), value);
        }
    }

    /// Returns the next reply. What comes unasked before it is carried out.
    fn reply(&mut self) -> Vec<u8> {
        loop {
            let frame = self.conn.frame();
            if frame.first() != Some(&b'>') {
                let late = self.late.iter().find(|(_, round)| **round < self.round);
                assert_eq!(late, None, "in the cache of a reader with {:?}", self.mode);
                return frame;
            }
            match strings(&frame).as_slice() {
                [Some(word), None] if word == "invalidate" => {
                    self.cache.clear();
                    self.late.clear();
                    self.seen.voided += 1;
                }
                [Some(word), keys @ ..] if word == "invalidate" => {
                    for key in keys.iter().flatten() {
                        self.cache.remove(key);
                        self.late.remove(key);
                        self.seen.dropped += 1;
                    }
                }
                other => panic!("not asked for: {other:?}"),
            }
        }
    }
}

/// Returns the strings and nulls of a frame, in their order.
fn strings(frame: &[u8]) -> Vec<Option<String>> {
    let text = String::from_utf8_lossy(frame);
    let mut lines = text.split("\r\n");
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        match line.as_bytes().first() {
            Some(b'$') => found.push(lines.next().map(str::to_owned)),
            Some(b'_') => found.push(None),
            _ => {}
        }
    }
    found
}

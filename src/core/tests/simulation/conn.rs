//! One connection of the proxy to a node, the node's side: whole commands come out of bytes, and replies wait to be read.
//!
//! Every command that changes or tells something bears a number, so that no reply can be mistaken for another's.

use std::collections::{BTreeSet, VecDeque};

use crate::resp::reply;
use crate::resp::scan::{RequestScan, Scanned};

use super::{CLIENT, Topic, Truth};

pub(in crate::core::tests) type Words = Vec<Vec<u8>>;

/// `own` is what only this kind of node knows of a connection.
#[derive(Default)]
pub(in crate::core::tests) struct Conn<S> {
    pub(super) serial: u64,
    pub(super) port: u16,
    input: Vec<u8>,
    scan: RequestScan,
    pub(in crate::core::tests) queue: VecDeque<Words>,
    pub(in crate::core::tests) out: Vec<u8>,
    pub(super) multi: Option<Vec<Words>>,
    /// A command of the transaction was refused.
    pub(super) dirty: bool,
    pub(super) resp3: bool,
    pub(super) db: u32,
    pub(super) topics: BTreeSet<Topic>,
    pub(super) blocked: Option<Words>,
    /// No more will come after `out`.
    pub(super) ended: bool,
    /// The node has ended in good order.
    pub(super) in_order: bool,
    pub(super) own: S,
}

/// What a node says about itself.
pub(in crate::core::tests) struct About<'a> {
    pub(in crate::core::tests) is_replica: bool,
    pub(in crate::core::tests) run_id: &'a str,
    pub(in crate::core::tests) is_ending: bool,
}

impl<S: Default> Conn<S> {
    pub(in crate::core::tests) fn new(serial: u64, port: u16) -> Self {
        Conn { serial, port, ..Conn::default() }
    }

    /// The kernel took these bytes.
    pub(in crate::core::tests) fn take(&mut self, bytes: &[u8], truth: &mut Truth) {
        self.input.extend_from_slice(bytes);
        while let Scanned::Complete(len) = self.scan.scan(&self.input, usize::MAX).expect("whole requests") {
            let words: Words = self.scan.request(&self.input, len).args().map(<[u8]>::to_vec).collect();
            self.scan.reset();
            self.input.drain(..len);
            truth.whole.extend(uid(&words));
            self.queue.push_back(words);
        }
    }

    pub(super) fn say(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// Answers a blocking command as if its time were over.
    pub(super) fn unblock(&mut self) {
        if self.blocked.take().is_some() {
            self.say(if self.resp3 { "_" } else { "*-1" });
        }
    }

    /// Answers a blocking command with an element.
    pub(super) fn pop(&mut self, words: &Words, uid: u64) {
        reply::array(&mut self.out, 2);
        reply::bulk(&mut self.out, &words[1]);
        reply::bulk(&mut self.out, uid.to_string().as_bytes());
    }

    pub(super) fn begin_transaction(&mut self) {
        (self.multi, self.dirty) = (Some(Vec::new()), false);
        self.say("+OK");
    }

    /// EXEC: returns the commands of the transaction, or answers what is wrong with it.
    pub(super) fn end_transaction(&mut self) -> Option<Vec<Words>> {
        let queued = self.multi.take();
        match (&queued, self.dirty) {
            (None, _) => self.say("-ERR EXEC without MULTI"),
            (_, true) => self.say("-EXECABORT Transaction discarded because of previous errors."),
            (_, false) => return queued,
        }
        None
    }

    /// Answers what every node can say of itself and of the connection.
    pub(in crate::core::tests) fn about(&mut self, words: &Words, node: &About<'_>) {
        let word = |index: usize| words.get(index).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
        match (word(0).as_slice(), word(1).as_slice()) {
            (b"HELLO" | b"AUTH", _) if words.last().is_some_and(|word| word == b"bad") => {
                self.say("-WRONGPASS invalid username-password pair or user is disabled.");
            }
            (b"HELLO", version) => {
                self.resp3 = version == b"3";
                self.say(if self.resp3 { "%1\r\n+server\r\n+model" } else { "*2\r\n+server\r\n+model" });
            }
            (b"SELECT", db) => {
                self.db = std::str::from_utf8(db).ok().and_then(|db| db.parse().ok()).expect("a number");
                self.say("+OK");
            }
            (b"CLIENT", b"ID") => self.say(&format!(":{}", self.serial)),
            (b"CLIENT", b"KILL") => self.say(":1"),
            (b"ROLE", _) if node.is_replica => {
                self.say("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1");
            }
            (b"ROLE", _) => self.say("*3\r\n$6\r\nmaster\r\n:1\r\n*0"),
            (b"INFO", _) => {
                let ends = if node.is_ending { "shutdown_in_milliseconds:9000\r\n" } else { "" };
                let info = format!("# Server\r\nrun_id:{}\r\nio_threads_active:0\r\n{ends}", node.run_id);
                reply::bulk(&mut self.out, info.as_bytes());
            }
            (b"PING", _) if !self.resp3 && !self.topics.is_empty() => self.say("*2\r\n$4\r\npong\r\n$0\r\n"),
            (b"PING", _) => self.say("+PONG"),
            _ => self.say("+OK"),
        }
    }
}

/// A command as it is sent.
pub(in crate::core::tests) fn request(words: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    reply::command(&mut out, &words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
    out
}

/// The number in a command: what stands behind the colon of its first argument, or its value.
pub(super) fn uid(words: &Words) -> Option<u64> {
    let text = |index: usize| std::str::from_utf8(words.get(index)?).ok();
    let first = text(1)?;
    let named = first.rsplit_once(':').map_or(first, |(_, number)| number).parse().ok();
    let value = || text(2)?.split('.').next()?.parse().ok();
    named.or_else(value).filter(|number| *number > CLIENT)
}

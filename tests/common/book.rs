//! What one client says, what each reply must be, and the book that it keeps of both.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tideover_testbed::client::Reply;

/// One command of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Push,
    Set,
    Get,
    Incr,
    Echo,
    /// GET of the key that every node has had from the start.
    Known,
    /// MSET of several keys: over all slots, or in the one of the client's hash tag.
    SetMany,
    /// MGET of the same.
    GetMany,
    Multi,
    /// INCR in the transaction.
    Count,
    /// GET of the same key in the transaction.
    Look,
    Exec,
}

/// What one client does in a step, in this order.
pub(crate) type Step = &'static [Kind];

/// Single keys.
pub(crate) const STEP: Step = &[Kind::Push, Kind::Set, Kind::Get, Kind::Incr, Kind::Echo];

/// Single keys, many keys and a transaction.
pub(crate) const FULL_STEP: Step = &[
    Kind::Push,
    Kind::SetMany,
    Kind::GetMany,
    Kind::Incr,
    Kind::Multi,
    Kind::Count,
    Kind::Look,
    Kind::Exec,
    Kind::Set,
    Kind::Get,
    Kind::Echo,
];

/// Single keys on nodes that may have nothing of each other: no read of what the client wrote itself.
pub(crate) const APART_STEP: Step = &[Kind::Push, Kind::Set, Kind::Known, Kind::Incr, Kind::Echo];

/// What may run a second time when nobody knows whether it ran.
pub(crate) const REPEATABLE_STEP: Step = &[Kind::Set, Kind::Get, Kind::Known, Kind::Echo];

/// What changes nothing, and can be asked again of any node.
pub(crate) const READ_STEP: Step = &[Kind::Known, Kind::Echo];

/// The key of `Known`, and its value.
pub(crate) const KNOWN: &str = "known";

/// How many keys `SetMany` and `GetMany` have.
const MANY: usize = 5;

/// What a client knows of one pushed token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Acknowledged,
    Unknown,
    NotExecuted,
}

/// The books of one client.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(super) name: String,
    pub(super) step: Step,
    /// By step.
    pub(crate) tokens: Vec<Fate>,
    pub(super) counted: i64,
    pub(super) count_unknown: i64,
    /// The same for the counter that transactions count.
    pub(super) transacted: i64,
    pub(super) transacted_unknown: i64,
    /// Error replies by their whole text.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Replies that were another's, out of order, or of the wrong kind.
    pub(super) faults: Vec<String>,
    /// Writes that a read before them saw. A read that is asked again elsewhere sees what had run behind it without an
    /// answer; a write that is acknowledged after that was overtaken.
    pub(super) early: Vec<(Kind, usize)>,
    /// Reads that saw an older value of the client's own than the one it had written before.
    pub(crate) older: u64,
    pub(crate) replies: u64,
    pub(crate) slowest: Duration,
    pub(super) slowest_of_batch: Duration,
    /// How the connection ended, if not by us.
    pub(crate) ended: Option<String>,
}

impl Book {
    pub(super) fn new(name: String, step: Step) -> Self {
        Self { name, step, ..Self::default() }
    }

    /// A token that is sent has an unknown fate until its reply.
    pub(super) fn begin(&mut self) -> usize {
        self.tokens.push(Fate::Unknown);
        self.tokens.len() - 1
    }

    pub(super) fn command(&self, kind: Kind, step: usize) -> Vec<String> {
        let Book { name, .. } = self;
        let words = match kind {
            Kind::Push => format!("RPUSH list:{name} {name}-{step}"),
            Kind::Set => format!("SET value:{name} {name}-{step}"),
            Kind::Get => format!("GET value:{name}"),
            Kind::Incr => format!("INCR count:{name}"),
            Kind::Echo => format!("ECHO {name}-{step}"),
            Kind::Known => format!("GET {KNOWN}"),
            Kind::SetMany => format!("MSET{}", self.many(&format!(" {name}-{step}"))),
            Kind::GetMany => format!("MGET{}", self.many("")),
            Kind::Multi => "MULTI".to_owned(),
            Kind::Count => format!("INCR transacted:{name}"),
            Kind::Look => format!("GET transacted:{name}"),
            Kind::Exec => "EXEC".to_owned(),
        };
        words.split(' ').map(str::to_owned).collect()
    }

    /// The keys, each with what follows it.
    fn many(&self, then: &str) -> String {
        (0..MANY).map(|index| format!(" many{index}:{}{then}", self.name)).collect()
    }

    pub(super) fn enter(&mut self, kind: Kind, step: usize, reply: &Reply, sent: Instant) {
        self.replies += 1;
        self.slowest_of_batch = self.slowest_of_batch.max(sent.elapsed());
        self.slowest = self.slowest.max(self.slowest_of_batch);
        if let Reply::Error(text) = reply {
            let count = self.errors.entry(text.clone()).or_default();
            *count += 1;
            if *count == 1 {
                println!("{kind:?} of step {step} of {}: {text}", self.name);
            }
            return self.failed(kind, step, reply.error_class() == Some("UNCERTAIN"));
        }
        let fits = match (kind, reply) {
            (Kind::Push, Reply::Integer(_)) => {
                self.tokens[step] = Fate::Acknowledged;
                true
            }
            (Kind::Set | Kind::SetMany | Kind::Multi, Reply::Simple(ok)) => {
                ok == "OK" && !self.early.contains(&(kind, step))
            }
            (Kind::Count | Kind::Look, Reply::Simple(queued)) => queued == "QUEUED",
            (Kind::Get, Reply::Bulk(_)) => self.own_value(Kind::Set, step, reply),
            (Kind::GetMany, Reply::Array(values)) => {
                values.len() == MANY && values.iter().all(|value| self.own_value(Kind::SetMany, step, value))
            }
            (Kind::Incr, Reply::Integer(count)) => {
                self.counted += 1;
                // After a loss it may be lower than before; the audit counts that.
                *count > 0
            }
            (Kind::Exec, Reply::Array(replies)) => {
                self.transacted += 1;
                let [Reply::Integer(count), seen] = replies.as_slice() else {
                    return self.fault(kind, step, reply);
                };
                seen.text() == Some(count.to_string())
            }
            (Kind::Known, Reply::Bulk(value)) => value == KNOWN.as_bytes(),
            (Kind::Echo, Reply::Bulk(_)) => reply.text() == Some(format!("{}-{step}", self.name)),
            _ => false,
        };
        if !fits {
            self.fault(kind, step, reply);
        }
    }

    fn failed(&mut self, kind: Kind, step: usize, unknown: bool) {
        match kind {
            Kind::Push if !unknown => self.tokens[step] = Fate::NotExecuted,
            Kind::Incr if unknown => self.count_unknown += 1,
            Kind::Exec if unknown => self.transacted_unknown += 1,
            _ => {}
        }
    }

    fn fault(&mut self, kind: Kind, step: usize, reply: &Reply) {
        self.faults.push(format!("{kind:?} of step {step}: {reply:?}"));
    }

    /// The value is this client's own, and not of a step to come, unless nobody can say whether that one ran.
    fn own_value(&mut self, writer: Kind, step: usize, reply: &Reply) -> bool {
        let value = reply.text().unwrap_or_default();
        let seen = value.strip_prefix(&format!("{}-", self.name)).and_then(|seen| seen.parse::<usize>().ok());
        let Some(seen) = seen.filter(|seen| *seen < self.tokens.len()) else { return false };
        self.older += u64::from(seen < step);
        if seen > step {
            self.early.push((writer, seen));
        }
        true
    }
}

//! What one client wrote with one set of keys, and what must follow from it, held against every reply and against what the
//! masters hold in the end. No IO.
//!
//! **The rules.** A client writes `SET` of a value `<prefix>-<seq>`, `GET` of it, `INCR` of a counter and `RPUSH` of a token
//! `<prefix>-<seq>`, each to keys of its own, which begin with the prefix. Every write has a *fate*: it is *acked* (a proper
//! reply), *unknown* (UNCERTAIN, or no reply) or *refused* (any other error reply: it did not run).
//!
//! * mixed up (I1): a reply of the wrong type, a value or token of another client or key, or one that was never sent; a write
//!   that is acked although a read that was sent before it had seen it.
//! * misordered (I2): a value or counter older than the client's last ack, tokens out of order, an acked token gone: all
//!   this with nothing that excuses it.
//! * doubled (I3): a token that is there twice. For the counter: a step by more than one that unknown INCRs cannot
//!   explain, each of them once.
//! * denied: a value or a token that is there although it was refused. A refused INCR that ran is doubled.
//! * lost: an acked token that is not there, a counter or value that went back, with an excuse. For the counter this is at
//!   least the difference: an unknown INCR that ran makes up for a lost one. Tokens are exact in both directions.
//!
//! **Eras excuse losses.** An era ends when a master is killed; the deployment may then lose acked writes of the eras before
//! (`Now`). Where nobody counts kills, every loss is excused, and the reader of the audit says how many may be.
//!
//! **Several nodes that take writes** ([`Sharing`]). In a mesh what a killed node had passed on may arrive late: an older
//! value that was sent before the kill is lost and not misordered, INCRs that were counted as lost are not doubled when
//! they arrive, and tokens may stand in another order when there was a kill between them. Of nodes that stand apart only
//! the sum is known, when the book is closed: what a value or counter is in between depends on the node.
//!
//! **A node that comes back to a mesh** loads what each of the others holds, and hears what they do meanwhile. KeyDB tells
//! by the origin what it has heard already, but not what was in the data that it loaded: it may run a command a second
//! time, and then puts the older of two values over the newer one on its peers too. So writes that were sent while a node
//! came back may be *redone* or lost by the backend. No node is killed then: what was in flight at a kill is held to the
//! strict rule. INCRs have no names: once a node has come back, as many of them may be redone or lost as were sent then.

mod counter;
pub(crate) mod held;
mod values;
pub(crate) mod writes;

use super::client::Reply;
use super::faults::Faults;
use super::sharing::Sharing;
use counter::Counter;
use values::Values;
use writes::{Fate, Moment, Now, Rules, Writes};

/// A command that a ledger understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// SET of the value.
    Set,
    /// GET of it.
    Get,
    /// INCR of the counter.
    Incr,
    /// RPUSH of a token.
    Push,
}

impl Op {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Get => "GET",
            Self::Incr => "INCR",
            Self::Push => "RPUSH",
        }
    }

    /// Returns true if its outcome may stay unknown: it is not sent again when a second run would change more than the first.
    pub(crate) fn may_stay_unknown(self, sharing: Sharing) -> bool {
        match self {
            Self::Get => false,
            Self::Set => !sharing.repeats_idempotent_writes(),
            Self::Incr | Self::Push => true,
        }
    }
}

/// A command that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) op: Op,
    /// Of a GET: the last SET before it.
    seq: u64,
    sent: Moment,
}

/// One client's writes with one set of keys.
#[derive(Clone, Debug)]
pub struct Ledger {
    prefix: String,
    sharing: Sharing,
    values: Values,
    counter: Counter,
    pushes: Writes,
    pub(crate) faults: Faults,
}

impl Ledger {
    pub(crate) fn new(prefix: &str, sharing: Sharing) -> Self {
        Self {
            prefix: prefix.to_owned(),
            sharing,
            values: Values::default(),
            counter: Counter::default(),
            pushes: Writes::default(),
            faults: Faults::default(),
        }
    }

    /// Enters a command that is about to be sent.
    pub(crate) fn begin(&mut self, op: Op, sent: Moment) -> Attempt {
        let seq = match op {
            Op::Set => self.values.sets.send(sent),
            Op::Get => self.values.sets.newest(),
            Op::Push => self.pushes.send(sent),
            Op::Incr => {
                self.counter.send(sent);
                0
            }
        };
        Attempt { op, seq, sent }
    }

    /// Returns the arguments of the command as it is sent.
    pub(crate) fn args(&self, attempt: &Attempt) -> Vec<String> {
        match attempt.op {
            Op::Set => vec![self.key("value"), self.tag(attempt)],
            Op::Get => vec![self.key("value")],
            Op::Incr => vec![self.key("counter")],
            Op::Push => vec![self.log_key(), self.tag(attempt)],
        }
    }

    /// Returns what a SET or RPUSH writes.
    pub(crate) fn tag(&self, attempt: &Attempt) -> String {
        tag(&self.prefix, attempt.seq)
    }

    /// Returns one of its keys: `value`, `counter`, `log`, or `scratch`, which is written beside the value, and deleted.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// Returns the key of the list of tokens.
    pub fn log_key(&self) -> String {
        self.key("log")
    }

    /// Returns how many tokens were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.pushes.count(Fate::Acked)
    }

    /// Returns how many tokens nobody knows the fate of.
    pub fn unknown(&self) -> u64 {
        self.pushes.count(Fate::Unknown)
    }

    /// Enters what became of a command; `None`: nobody knows.
    pub(crate) fn settle(&mut self, attempt: &Attempt, answer: Option<&Reply>, now: Now) {
        let fate = match answer {
            None => Fate::Unknown,
            Some(Reply::Error(_)) => Fate::Refused,
            Some(_) => Fate::Acked,
        };
        let Attempt { op, seq, sent } = *attempt;
        let read = match answer {
            Some(Reply::Nil) => Some(0),
            Some(Reply::Bulk(value)) => self.seq(value, &self.values.sets),
            None | Some(_) => None,
        };
        let rules = &mut Rules { now, sharing: self.sharing, faults: &mut self.faults };
        match (op, answer) {
            (Op::Set, Some(Reply::Simple(text))) if text != "OK" => rules.faults.mixed_up += 1,
            (Op::Set, None | Some(Reply::Error(_) | Reply::Simple(_))) => {
                self.values.settle(seq, fate, rules)
            }
            (Op::Push, None | Some(Reply::Error(_) | Reply::Integer(_))) => {
                self.pushes.settle(seq, fate, now)
            }
            (Op::Get | Op::Incr, Some(Reply::Error(_))) | (Op::Get, None) => {}
            (Op::Get, Some(_)) => match read {
                Some(read) => self.values.read(read, seq, rules),
                None => rules.faults.mixed_up += 1,
            },
            (Op::Incr, None) => self.counter.unknown(),
            (Op::Incr, Some(Reply::Integer(value))) => self.counter.answered(*value, sent, rules),
            (Op::Set | Op::Incr | Op::Push, Some(_)) => rules.faults.mixed_up += 1,
        }
    }

    /// Returns the number of a value or token, if it is one of those that were sent.
    fn seq(&self, bytes: &[u8], of: &Writes) -> Option<u64> {
        seq_of(bytes, &self.prefix).filter(|seq| (1..=of.newest()).contains(seq))
    }
}

/// Returns what is written: its owner, and a number.
pub(crate) fn tag(owner: &str, seq: u64) -> String {
    format!("{owner}-{seq}")
}

/// Returns the number of a tag, when it is this owner's.
pub(crate) fn seq_of(bytes: &[u8], owner: &str) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.strip_prefix(owner)?.strip_prefix('-')?.parse().ok()
}

#[cfg(test)]
mod tests;

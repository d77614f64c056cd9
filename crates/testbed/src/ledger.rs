//! What one client did, and what must follow from it: the client's own book, held against every reply and against the
//! data that the last master holds. No IO.
//!
//! **The rules.** A client writes `SET` of a value `<client>:<seq>`, `GET` of it, `INCR` of a counter and `RPUSH` of a token
//! `<client>:<seq>`, each to keys of its own, which begin with the book's prefix: in a cluster a client has a book for each
//! shard that it uses. A write is *acked* (a proper reply), *unknown* (UNCERTAIN, or no reply) or
//! *refused* (any other error reply: it did not run). An *era* ends when a master is killed; the deployment may then
//! lose acked writes of the eras before.
//!
//! * mixed up (I1): a reply of the wrong type, a value or token of another client, or one that was never sent.
//! * misordered (I2): a value or counter older than the client's last ack, tokens out of order, an acked token gone: all
//!   this without a master killed since the write was sent, so that no asynchronous replication excuses it.
//! * doubled (I3): a token that is there twice. For the counter: a step by more than one that unknown INCRs cannot
//!   explain, each of them once.
//! * lost: an acked token that is not there; a counter or value that went back after a kill. For the counter this is at
//!   least the difference: an unknown INCR that ran makes up for a lost one. Tokens are exact in both directions.
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

mod audit;

use super::client::Reply;
use super::faults::Faults;
use super::sharing::Sharing;
pub(crate) use audit::Held;

/// The number of kills so far.
pub(crate) type Era = usize;

/// A command that the book understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Set,
    Get,
    Incr,
    Push,
}

impl Op {
    /// Returns whether its outcome may stay unknown: it is not sent again when a second run would change more than the first.
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
    seq: u64,
    era: Era,
    /// Sent while a node came back to a mesh.
    returning: bool,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Reply(Reply),
    /// The connection ended, or the client lost patience.
    Silence,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    era: Era,
    /// The era in which its outcome was read.
    settled: Option<Era>,
    acked: bool,
    returning: bool,
}

/// The last acked write of a kind.
#[derive(Clone, Copy, Debug)]
struct Last<T> {
    value: T,
    era: Era,
    returning: bool,
}

/// One client's book.
pub(crate) struct Ledger {
    client: usize,
    prefix: String,
    sharing: Sharing,
    /// When each value was sent.
    values: Vec<Era>,
    value: Last<u64>,
    /// What the last INCR answered; of nodes that stand apart how many were acked, and the era of the first.
    counter: Last<i64>,
    incrs_sent: i64,
    /// INCRs of unknown outcome that no step of the counter has shown yet.
    unknown_incrs: i64,
    /// INCRs by which the counter of a mesh went back: they may still arrive.
    late_incrs: i64,
    /// INCRs that the backend may yet turn out to have run twice, or lost.
    returning_incrs: i64,
    returning: bool,
    tokens: Vec<Token>,
    faults: Faults,
}

impl Ledger {
    pub(crate) fn new(client: usize, prefix: &str, sharing: Sharing) -> Self {
        Self {
            client,
            prefix: prefix.to_owned(),
            sharing,
            values: Vec::new(),
            value: Last { value: 0, era: 0, returning: false },
            counter: Last { value: 0, era: 0, returning: false },
            incrs_sent: 0,
            unknown_incrs: 0,
            late_incrs: 0,
            returning_incrs: 0,
            returning: false,
            tokens: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// Whether a node is on its way back to a mesh, for what is sent from now on.
    pub(crate) fn set_returning(&mut self, returning: bool) {
        self.returning = returning;
    }

    /// Enters a command that is about to be sent.
    pub(crate) fn begin(&mut self, op: Op, era: Era) -> Attempt {
        let seq = match op {
            Op::Set => {
                self.values.push(era);
                self.values.len() as u64
            }
            Op::Push => {
                self.tokens.push(Token { era, settled: None, acked: false, returning: self.returning });
                self.tokens.len() as u64
            }
            Op::Incr => {
                self.incrs_sent += 1;
                self.returning_incrs += i64::from(self.returning);
                0
            }
            Op::Get => 0,
        };
        Attempt { op, seq, era, returning: self.returning }
    }

    /// The command as it is sent.
    pub(crate) fn args(&self, attempt: &Attempt) -> Vec<String> {
        match attempt.op {
            Op::Set => vec!["SET".into(), self.value_key(), self.tag(attempt)],
            Op::Get => vec!["GET".into(), self.value_key()],
            Op::Incr => vec!["INCR".into(), self.counter_key()],
            Op::Push => vec!["RPUSH".into(), self.log_key(), self.tag(attempt)],
        }
    }

    /// Returns what a SET or RPUSH writes.
    pub(crate) fn tag(&self, attempt: &Attempt) -> String {
        format!("{}:{}", self.client, attempt.seq)
    }

    pub(crate) fn value_key(&self) -> String {
        format!("{}:value", self.prefix)
    }

    /// Written beside the value, and deleted.
    pub(crate) fn scratch_key(&self) -> String {
        format!("{}:scratch", self.prefix)
    }

    pub(crate) fn counter_key(&self) -> String {
        format!("{}:counter", self.prefix)
    }

    pub(crate) fn log_key(&self) -> String {
        format!("{}:log", self.prefix)
    }

    /// Enters what became of a command. `now` is the era in which the reply was read.
    pub(crate) fn settle(&mut self, attempt: &Attempt, outcome: &Outcome, now: Era) {
        if let (Op::Push, Some(token)) = (attempt.op, self.token(attempt.seq)) {
            token.settled = Some(now);
        }
        match outcome {
            Outcome::Silence => self.unknown(attempt),
            Outcome::Reply(reply) => match reply.error_class() {
                Some("UNCERTAIN") => self.unknown(attempt),
                Some(_) => {}
                None => self.acked(attempt, reply, now),
            },
        }
    }

    fn unknown(&mut self, attempt: &Attempt) {
        if attempt.op == Op::Incr {
            self.unknown_incrs += 1;
        }
    }

    fn acked(&mut self, attempt: &Attempt, reply: &Reply, now: Era) {
        match (attempt.op, reply) {
            (Op::Set, Reply::Simple(ok)) if ok == "OK" => {
                self.value = attempt.last(attempt.seq);
            }
            (Op::Get, Reply::Bulk(value)) => match parse_tag(value, self.client) {
                Some(seq) if seq <= self.values.len() as u64 => self.read(seq, now),
                Some(_) | None => self.faults.mixed_up += 1,
            },
            (Op::Get, Reply::Nil) => self.read(0, now),
            (Op::Incr, Reply::Integer(value)) => self.incremented(*value, attempt, now),
            (Op::Push, Reply::Integer(_)) => {
                if let Some(token) = self.token(attempt.seq) {
                    token.acked = true;
                }
            }
            (Op::Set | Op::Get | Op::Incr | Op::Push, _) => self.faults.mixed_up += 1,
        }
    }

    fn token(&mut self, seq: u64) -> Option<&mut Token> {
        self.tokens.get_mut(usize::try_from(seq).ok()?.checked_sub(1)?)
    }

    /// A value newer than the last ack is of an unknown SET; an older one has gone back.
    fn read(&mut self, seq: u64, now: Era) {
        match self.sharing {
            // The node that answers need not be the one that took the last.
            Sharing::Apart => {}
            Sharing::Followed | Sharing::Meshed => self.held(seq, now),
        }
    }

    fn held(&mut self, seq: u64, now: Era) {
        if seq >= self.value.value {
            return;
        }
        let since = match self.sharing {
            Sharing::Followed | Sharing::Apart => self.value.era,
            Sharing::Meshed => self.sent_in(seq),
        };
        match now > since || self.value.returning {
            true => self.faults.lost.set += 1,
            false => self.faults.misordered += 1,
        }
        self.value = Last { value: seq, era: now, returning: self.value.returning };
    }

    /// The era in which a value was sent; no value at all is older than any.
    fn sent_in(&self, seq: u64) -> Era {
        let index = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
        index.and_then(|index| self.values.get(index)).copied().unwrap_or_default()
    }

    /// The counter answered `value` to an INCR.
    fn incremented(&mut self, value: i64, attempt: &Attempt, now: Era) {
        match self.sharing {
            Sharing::Followed | Sharing::Meshed => {
                self.compare(value.saturating_sub(1), now);
                self.counter = attempt.last(value);
            }
            Sharing::Apart => {
                self.faults.mixed_up += u64::from(!(1..=self.incrs_sent).contains(&value));
                self.counter.value += 1;
            }
        }
    }

    /// The counter stood at `value` before anything else was acked.
    fn compare(&mut self, value: i64, now: Era) {
        let step = value.saturating_sub(self.counter.value);
        if step >= 0 {
            let explained = step.min(self.unknown_incrs);
            self.unknown_incrs -= explained;
            let further = self.beyond_late(step - explained);
            let redone = further.min(self.returning_incrs);
            self.returning_incrs -= redone;
            self.faults.redone.incr += redone.unsigned_abs();
            self.faults.doubled.incr += (further - redone).unsigned_abs();
            return;
        }
        // A node that lost INCRs when it came back shows it only when it is used.
        let backends_own = now > self.counter.era || step.abs() <= self.returning_incrs;
        match backends_own {
            true => self.faults.lost.incr += step.unsigned_abs(),
            false => self.faults.misordered += 1,
        }
        match self.sharing {
            Sharing::Meshed => self.late_incrs -= step,
            Sharing::Followed | Sharing::Apart => {}
        }
    }

    /// Returns what of a step forward cannot be INCRs that arrived late. Those that did are not lost.
    fn beyond_late(&mut self, step: i64) -> i64 {
        let late = step.min(self.late_incrs);
        self.late_incrs -= late;
        self.faults.lost.incr = self.faults.lost.incr.saturating_sub(late.unsigned_abs());
        step - late
    }
}

impl Attempt {
    fn last<T>(&self, value: T) -> Last<T> {
        Last { value, era: self.era, returning: self.returning }
    }
}

/// The sequence number of `<client>:<seq>`, when it is this client's.
pub(crate) fn parse_tag(bytes: &[u8], client: usize) -> Option<u64> {
    let (owner, seq) = std::str::from_utf8(bytes).ok()?.split_once(':')?;
    if owner.parse() == Ok(client) { seq.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;

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

use super::client::Reply;
use super::faults::Faults;

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
    /// Whether a second run changes more than the first: it must not be sent again when its outcome is unknown.
    pub(crate) fn counts_twice(self) -> bool {
        match self {
            Self::Set | Self::Get => false,
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
    acked: bool,
}

/// The last acked write of a kind.
#[derive(Clone, Copy, Debug)]
struct Last<T> {
    value: T,
    era: Era,
}

/// One client's book.
pub(crate) struct Ledger {
    client: usize,
    prefix: String,
    values_sent: u64,
    value: Last<u64>,
    counter: Last<i64>,
    /// INCRs of unknown outcome that no step of the counter has shown yet.
    unknown_incrs: i64,
    tokens: Vec<Token>,
    faults: Faults,
}

impl Ledger {
    pub(crate) fn new(client: usize, prefix: &str) -> Self {
        Self {
            client,
            prefix: prefix.to_owned(),
            values_sent: 0,
            value: Last { value: 0, era: 0 },
            counter: Last { value: 0, era: 0 },
            unknown_incrs: 0,
            tokens: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// Enters a command that is about to be sent.
    pub(crate) fn begin(&mut self, op: Op, era: Era) -> Attempt {
        let seq = match op {
            Op::Set => {
                self.values_sent += 1;
                self.values_sent
            }
            Op::Push => {
                self.tokens.push(Token { era, acked: false });
                self.tokens.len() as u64
            }
            Op::Get | Op::Incr => 0,
        };
        Attempt { op, seq, era }
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

    /// What a SET or RPUSH writes.
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
                self.value = Last { value: attempt.seq, era: attempt.era }
            }
            (Op::Get, Reply::Bulk(value)) => match parse_tag(value, self.client) {
                Some(seq) if seq <= self.values_sent => self.read(seq, now),
                Some(_) | None => self.faults.mixed_up += 1,
            },
            (Op::Get, Reply::Nil) => self.read(0, now),
            (Op::Incr, Reply::Integer(value)) => {
                self.count(*value, now);
                self.counter = Last { value: *value, era: attempt.era };
            }
            (Op::Push, Reply::Integer(_)) => self.token_acked(attempt.seq),
            (Op::Set | Op::Get | Op::Incr | Op::Push, _) => self.faults.mixed_up += 1,
        }
    }

    fn token_acked(&mut self, seq: u64) {
        let index = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
        if let Some(token) = index.and_then(|index| self.tokens.get_mut(index)) {
            token.acked = true;
        }
    }

    /// A value newer than the last ack is of an unknown SET; an older one has gone back.
    fn read(&mut self, seq: u64, now: Era) {
        if seq >= self.value.value {
            return;
        }
        match now > self.value.era {
            true => self.faults.lost.set += 1,
            false => self.faults.misordered += 1,
        }
        self.value = Last { value: seq, era: now };
    }

    /// The counter answered `value` to an INCR.
    fn count(&mut self, value: i64, now: Era) {
        self.compare(value.saturating_sub(1), now);
    }

    /// The counter stood at `value` before anything else was acked.
    fn compare(&mut self, value: i64, now: Era) {
        let step = value.saturating_sub(self.counter.value);
        if step >= 0 {
            let explained = step.min(self.unknown_incrs);
            self.unknown_incrs -= explained;
            self.faults.doubled.incr += (step - explained).unsigned_abs();
        } else if now > self.counter.era {
            self.faults.lost.incr += step.unsigned_abs();
        } else {
            self.faults.misordered += 1;
        }
    }

    /// Closes the book: `counter` and `log` are what the last master holds.
    pub(crate) fn close(mut self, counter: i64, log: &[Vec<u8>], now: Era) -> Faults {
        self.compare(counter, now);
        let mut seen = vec![0_u64; self.tokens.len()];
        let mut newest = 0;
        for entry in log {
            let seq = parse_tag(entry, self.client).and_then(|seq| usize::try_from(seq).ok()).unwrap_or(0);
            match seq.checked_sub(1).and_then(|index| seen.get_mut(index)) {
                None => self.faults.mixed_up += 1,
                Some(times) => {
                    *times += 1;
                    self.faults.misordered += u64::from(*times == 1 && seq < newest);
                    newest = newest.max(seq);
                }
            }
        }
        for (token, times) in self.tokens.iter().zip(seen) {
            self.faults.doubled.rpush += times.saturating_sub(1);
            match (token.acked && times == 0, token.era < now) {
                (true, true) => self.faults.lost.rpush += 1,
                (true, false) => self.faults.misordered += 1,
                (false, _) => {}
            }
        }
        self.faults
    }
}

/// The sequence number of `<client>:<seq>`, when it is this client's.
pub(crate) fn parse_tag(bytes: &[u8], client: usize) -> Option<u64> {
    let (owner, seq) = std::str::from_utf8(bytes).ok()?.split_once(':')?;
    if owner.parse() == Ok(client) { seq.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;

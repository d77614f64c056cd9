//! The closing of a book with what the nodes hold.

use super::super::client::{Client, Reply};
use super::super::error::Error;
use super::super::faults::Faults;
use super::super::sharing::Sharing;
use super::{Era, Ledger, parse_tag};

/// How many list elements are read at once.
const CHUNK: usize = 1000;

/// What nodes hold of one book: one node, or all of those that must be taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// The value on each node that was asked, where it has one.
    values: Vec<Option<Vec<u8>>>,
    /// The sum over the nodes.
    counter: i64,
    /// The list of each node.
    logs: Vec<Vec<Vec<u8>>>,
}

impl Held {
    /// Adds what this node holds.
    pub(crate) async fn read(&mut self, client: &mut Client, ledger: &Ledger) -> Result<(), Error> {
        let value = client.must(&["GET", &ledger.value_key()]).await?;
        self.values.push(value.text().map(String::into_bytes));
        let counter = client.must(&["GET", &ledger.counter_key()]).await?;
        self.counter += counter.text().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        self.logs.push(read_list(client, &ledger.log_key()).await?);
        Ok(())
    }

    /// Returns whether both hold the same, in whatever order.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }

    fn sorted(&self) -> Self {
        let mut sorted = self.clone();
        sorted.logs.iter_mut().for_each(|log| log.sort_unstable());
        sorted
    }
}

impl Ledger {
    /// Closes the book.
    pub(crate) fn close(mut self, held: &Held, now: Era) -> Faults {
        self.close_value(held, now);
        self.compare(held.counter, now);
        let mut seen = vec![0_u64; self.tokens.len()];
        for log in &held.logs {
            self.close_log(log, &mut seen, now);
        }
        for (token, times) in self.tokens.iter().zip(seen) {
            match token.returning {
                true => self.faults.redone.rpush += times.saturating_sub(1),
                false => self.faults.doubled.rpush += times.saturating_sub(1),
            }
            match (token.acked && times == 0, token.era < now || token.returning) {
                (true, true) => self.faults.lost.rpush += 1,
                (true, false) => self.faults.misordered += 1,
                (false, _) => {}
            }
        }
        self.faults
    }

    /// The newest of all nodes counts: it is on the node that took it.
    fn close_value(&mut self, held: &Held, now: Era) {
        if held.values.is_empty() {
            return;
        }
        let sent = self.values.len() as u64;
        let mut newest = 0;
        for value in held.values.iter().flatten() {
            match parse_tag(value, self.client).filter(|seq| (1..=sent).contains(seq)) {
                Some(seq) => newest = seq.max(newest),
                None => self.faults.mixed_up += 1,
            }
        }
        self.held(newest, now);
    }

    fn close_log(&mut self, log: &[Vec<u8>], seen: &mut [u64], now: Era) {
        let mut newest = 0;
        for entry in log {
            let seq = parse_tag(entry, self.client).and_then(|seq| usize::try_from(seq).ok()).unwrap_or(0);
            match seq.checked_sub(1).and_then(|index| seen.get_mut(index)) {
                None => self.faults.mixed_up += 1,
                Some(times) => {
                    *times += 1;
                    let again = *times > 1;
                    self.faults.misordered +=
                        u64::from(!again && seq < newest && !self.may_be_late(seq, newest, now));
                    newest = newest.max(seq);
                }
            }
        }
    }

    /// Returns whether a token may stand behind a newer one: in a mesh, when a node was killed between the two or came back.
    fn may_be_late(&self, older: usize, newer: usize, now: Era) -> bool {
        let token = |seq: usize| seq.checked_sub(1).and_then(|index| self.tokens.get(index));
        let disturbed = || {
            let (Some(older), Some(newer)) = (token(older), token(newer)) else { return false };
            older.era < newer.settled.unwrap_or(now) || older.returning || newer.returning
        };
        match self.sharing {
            Sharing::Followed | Sharing::Apart => false,
            Sharing::Meshed => disturbed(),
        }
    }
}

async fn read_list(client: &mut Client, key: &str) -> Result<Vec<Vec<u8>>, Error> {
    let mut list = Vec::new();
    loop {
        let (first, last) = (list.len().to_string(), (list.len() + CHUNK - 1).to_string());
        let reply = client.must(&["LRANGE", key, &first, &last]).await?;
        let before = list.len();
        list.extend(reply.elements().iter().filter_map(|element| match element {
            Reply::Bulk(bytes) => Some(bytes.clone()),
            Reply::Simple(_) | Reply::Error(_) | Reply::Integer(_) | Reply::Nil | Reply::Array(_) => None,
        }));
        if list.len() - before < CHUNK {
            return Ok(list);
        }
    }
}

#[cfg(test)]
impl Held {
    /// A counter, and the lists of the nodes.
    pub(crate) fn of(counter: i64, logs: &[&[&str]]) -> Self {
        let bytes = |log: &[&str]| log.iter().map(|entry| entry.as_bytes().to_vec()).collect();
        Self { values: Vec::new(), counter, logs: logs.iter().map(|log| bytes(log)).collect() }
    }

    pub(crate) fn with_values(self, values: &[&str]) -> Self {
        Self { values: values.iter().map(|value| Some(value.as_bytes().to_vec())).collect(), ..self }
    }
}

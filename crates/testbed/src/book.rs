//! The book of one client: what it asked for, and what the replies mean for its ledgers. No IO.

mod begin;

use std::collections::BTreeMap;
use std::iter::repeat;

use super::client::Reply;
use super::faults::Faults;
use super::jobs::Job;
use super::ledger::writes::{Moment, Now};
use super::ledger::{Attempt, Ledger};
use super::meter::UNCERTAIN;
use super::queue::Queue;
use super::round::Request;
use super::sharing::Sharing;

/// Commands of ledgers, each with the number of its ledger.
type Attempts = Vec<(usize, Attempt)>;

/// The reply that a command must have, if it is no error.
#[derive(Debug)]
enum Want {
    /// This simple string.
    Said(&'static str),
    /// This bulk string.
    Text(String),
    /// One reply for all of them.
    Every(Attempts),
    /// An element for each.
    Each(Attempts),
    /// The same, and behind the first what a GET saw of it.
    Looked(Attempts),
    /// So many keys, or fewer.
    Deleted(usize),
    Pushed,
    Popped,
}

/// A request on its way.
pub(crate) struct Sent {
    request: Request,
    moment: Moment,
    may_stay_unknown: bool,
    wants: Vec<Want>,
    /// Encoded; each has a reply.
    pub(crate) commands: Vec<Vec<u8>>,
}

impl Sent {
    /// Returns of each command if its reply may say that the outcome is unknown.
    pub(crate) fn may_stay_unknown(&self) -> impl Iterator<Item = bool> + use<> {
        let (last, may_stay_unknown) = (self.commands.len(), self.may_stay_unknown);
        (1..=last).map(move |number| may_stay_unknown && number == last)
    }

    /// A pop that found nothing has waited for an element, not for us.
    pub(crate) fn waited_in_vain(&self, replies: &[Reply]) -> bool {
        self.request == Request::Dequeue && replies == [Reply::Nil]
    }
}

/// The book of one client.
#[derive(Clone, Debug)]
pub struct Book {
    pub(crate) client: usize,
    /// One for each set of keys.
    pub ledgers: Vec<Ledger>,
    queue: Queue,
    sharing: Sharing,
    echoes: u64,
    /// The moment in which the keys for DEL were last set, if that was acknowledged.
    deletable: Option<Moment>,
    /// Error replies by their whole text.
    pub errors: BTreeMap<String, u64>,
    /// The requests and replies that were mixed up.
    pub strange: Vec<String>,
    /// The end of the connection, of a client that opens no other one.
    pub ended: Option<String>,
    faults: Faults,
}

impl Book {
    /// A ledger for each prefix; the queue has the one whose turn it is.
    pub(crate) fn new(client: usize, job: &Job, sharing: Sharing) -> Self {
        let prefix = job.prefixes.get(client % job.prefixes.len().max(1)).cloned().unwrap_or_default();
        Self {
            client,
            ledgers: job.prefixes.iter().map(|prefix| Ledger::new(prefix, sharing)).collect(),
            queue: Queue::new(&prefix),
            sharing,
            echoes: 0,
            deletable: None,
            errors: BTreeMap::new(),
            strange: Vec::new(),
            ended: None,
            faults: Faults::default(),
        }
    }

    /// Enters what came of it; fewer replies than it has: the connection ended. `now` is when they were read.
    pub(crate) fn settle(&mut self, sent: &Sent, replies: &[Reply], now: Now) {
        let before = self.mixed_up();
        for (want, reply) in sent.wants.iter().zip(replies.iter().map(Some).chain(repeat(None))) {
            if let Some(Reply::Error(text)) = reply {
                *self.errors.entry(text.clone()).or_default() += 1;
            }
            self.judge(want, reply.filter(|reply| reply.error_class() != Some(UNCERTAIN)), now);
        }
        if matches!((sent.request, replies), (Request::SetAll(_), [Reply::Simple(_)])) {
            self.deletable = Some(sent.moment);
        }
        if self.mixed_up() > before {
            self.strange.push(format!("{:?}: {replies:?}", sent.request));
        }
    }

    fn mixed_up(&self) -> u64 {
        let ledgers: u64 = self.ledgers.iter().map(|ledger| ledger.faults.mixed_up).sum();
        ledgers + self.faults().mixed_up
    }

    /// Enters one reply; `None`: the outcome is unknown.
    fn judge(&mut self, want: &Want, answer: Option<&Reply>, now: Now) {
        let fits = match (want, answer) {
            (Want::Pushed, _) => return self.queue.pushed(answer),
            (Want::Popped, _) => return self.queue.popped(answer, now),
            (Want::Every(attempts), _) => return self.every(attempts, answer, now),
            (Want::Each(attempts) | Want::Looked(attempts), None | Some(Reply::Error(_))) => {
                return self.every(attempts, answer, now);
            }
            (Want::Each(attempts), Some(answer)) => self.each(attempts, answer.elements(), now),
            (Want::Looked(attempts), Some(answer)) => match answer.elements() {
                [count @ Reply::Integer(number), seen, length] => {
                    let saw_it = seen.text() == Some(number.to_string());
                    self.each(attempts, &[count.clone(), length.clone()], now) && saw_it
                }
                _ => self.each(attempts, &[], now),
            },
            (Want::Deleted(all), _) => self.deleted(*all, answer, now),
            (Want::Said(_) | Want::Text(_), None | Some(Reply::Error(_))) => true,
            (Want::Said(said), Some(answer)) => *answer == Reply::Simple((*said).to_owned()),
            (Want::Text(text), Some(answer)) => *answer == Reply::Bulk(text.clone().into_bytes()),
        };
        self.faults.mixed_up += u64::from(!fits);
    }

    /// The keys were there unless a master was killed since.
    fn deleted(&mut self, all: usize, answer: Option<&Reply>, now: Now) -> bool {
        let whole = self.deletable.take().is_some_and(|set| !now.excuses(set));
        let Some(Reply::Integer(count)) = answer else {
            return matches!(answer, None | Some(Reply::Error(_)));
        };
        let missing = usize::try_from(*count).ok().and_then(|count| all.checked_sub(count));
        self.faults.misordered += u64::from(whole && missing.is_some_and(|missing| missing > 0));
        missing.is_some()
    }

    fn every(&mut self, attempts: &Attempts, answer: Option<&Reply>, now: Now) {
        for (index, attempt) in attempts {
            if let Some(ledger) = self.ledgers.get_mut(*index) {
                ledger.settle(attempt, answer, now);
            }
        }
    }

    /// Returns true if there is an element for each attempt, and none is an error.
    fn each(&mut self, attempts: &Attempts, elements: &[Reply], now: Now) -> bool {
        let known = elements.iter().map(Some).chain(repeat(None));
        for ((index, attempt), element) in attempts.iter().zip(known) {
            if let Some(ledger) = self.ledgers.get_mut(*index) {
                ledger.settle(attempt, element, now);
            }
        }
        elements.len() == attempts.len() && elements.iter().all(|element| element.error_class().is_none())
    }

    /// Returns what was wrong beside the ledgers.
    pub(crate) fn faults(&self) -> Faults {
        let mut faults = self.faults;
        faults += self.queue.faults;
        faults
    }
}

#[cfg(test)]
mod tests;

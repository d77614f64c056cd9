//! The book of one client: what it asked for, and what the replies mean for its ledgers. No IO.

use std::collections::BTreeMap;
use std::iter::{once, repeat};

use super::client::{Reply, encode};
use super::faults::Faults;
use super::jobs::Job;
use super::ledger::writes::{Moment, Now};
use super::ledger::{Attempt, Ledger, Op, tag};
use super::queue::Queue;
use super::round::{KNOWN, Request};
use super::sharing::Sharing;

/// A request on its way.
pub(crate) struct Sent {
    request: Request,
    moment: Moment,
    /// Each with the number of its ledger.
    attempts: Vec<(usize, Attempt)>,
    /// The reply of a request that is of no ledger.
    expected: Option<String>,
    may_stay_unknown: bool,
    /// Encoded; each has a reply.
    pub(crate) commands: Vec<Vec<u8>>,
}

impl Sent {
    /// Returns true if the reply of this command may say that the outcome is unknown.
    pub(crate) fn may_stay_unknown(&self, command: usize) -> bool {
        self.may_stay_unknown && command + 1 == self.commands.len()
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
    /// When the keys for DEL were last set, and that was acknowledged.
    deletable: Option<Moment>,
    /// Error replies by their whole text.
    pub errors: BTreeMap<String, u64>,
    /// The requests and replies that were mixed up.
    pub strange: Vec<String>,
    /// How the connection ended, of a client that opens no other one.
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

    /// Enters a request that is about to be sent.
    pub(crate) fn begin(&mut self, request: Request, moment: Moment) -> Sent {
        let attempts = self.attempts(request, moment);
        self.echoes += u64::from(request == Request::Echo);
        let commands = match request {
            Request::Enqueue => vec![self.queue.push(moment)],
            _ => self.commands(request, &attempts),
        };
        let commands = commands.iter().map(|words| encode(words)).collect();
        let expected = match request {
            Request::Echo => Some(self.echo()),
            Request::Known => Some(KNOWN.to_owned()),
            _ => None,
        };
        let may_stay_unknown = request.may_stay_unknown(self.sharing);
        Sent { request, moment, attempts, expected, may_stay_unknown, commands }
    }

    fn attempts(&mut self, request: Request, moment: Moment) -> Vec<(usize, Attempt)> {
        let wanted: Vec<(usize, Op)> = match request {
            Request::One(ledger, op) => vec![(ledger, op)],
            Request::Block(ledger) => vec![(ledger, Op::Incr), (ledger, Op::Push)],
            Request::GetAll(count) => (0..count).map(|ledger| (ledger, Op::Get)).collect(),
            Request::SetAll(count) => (0..count).map(|ledger| (ledger, Op::Set)).collect(),
            _ => Vec::new(),
        };
        let begun = wanted.into_iter().filter_map(|(index, op)| {
            let ledger = self.ledgers.get_mut(index)?;
            Some((index, ledger.begin(op, moment)))
        });
        begun.collect()
    }

    fn commands(&mut self, request: Request, attempts: &[(usize, Attempt)]) -> Vec<Vec<String>> {
        let own =
            || attempts.iter().filter_map(|(index, attempt)| Some((self.ledgers.get(*index)?, attempt)));
        let args = || own().map(|(ledger, attempt)| ledger.args(attempt));
        let keys =
            |name: &str, count| self.ledgers.iter().take(count).map(|ledger| ledger.key(name)).collect();
        let pairs = |(ledger, attempt): (&Ledger, &Attempt)| {
            let tag = ledger.tag(attempt);
            [ledger.key("value"), tag.clone(), ledger.key("scratch"), tag]
        };
        let words = |name: &str, rest: Vec<String>| [vec![name.to_owned()], rest].concat();
        match request {
            Request::One(..) => args().collect(),
            Request::GetAll(count) => vec![words("MGET", keys("value", count))],
            Request::SetAll(_) => vec![words("MSET", own().flat_map(pairs).collect())],
            Request::DeleteAll(count) => vec![words("DEL", keys("scratch", count))],
            Request::Block(_) => {
                let counter = own().take(1).map(|(ledger, _)| words("GET", vec![ledger.key("counter")]));
                let inner = args().take(1).chain(counter).chain(args().skip(1));
                once(words("MULTI", Vec::new())).chain(inner).chain(once(words("EXEC", Vec::new()))).collect()
            }
            Request::Enqueue => Vec::new(),
            Request::Dequeue => vec![self.queue.pop()],
            Request::Echo => vec![words("ECHO", vec![self.echo()])],
            Request::Known => vec![words("GET", vec![KNOWN.to_owned()])],
        }
    }

    fn echo(&self) -> String {
        tag(&format!("client{}", self.client), self.echoes)
    }

    /// Enters what came of it; fewer replies than it has: the connection ended. `now` is when they were read.
    pub(crate) fn settle(&mut self, sent: &Sent, replies: &[Reply], now: Now) {
        let before = self.mixed_up();
        for reply in replies {
            if let Reply::Error(text) = reply {
                *self.errors.entry(text.clone()).or_default() += 1;
            }
        }
        self.judge(sent, replies, now);
        if self.mixed_up() > before {
            self.strange.push(format!("{:?}: {replies:?}", sent.request));
        }
    }

    fn mixed_up(&self) -> u64 {
        let ledgers: u64 = self.ledgers.iter().map(|ledger| ledger.faults.mixed_up).sum();
        ledgers + self.queue.faults.mixed_up + self.faults.mixed_up
    }

    fn judge(&mut self, sent: &Sent, replies: &[Reply], now: Now) {
        let decisive = sent.commands.len().checked_sub(1).and_then(|last| replies.get(last));
        let answer = decisive.filter(|reply| reply.error_class() != Some("UNCERTAIN"));
        match sent.request {
            Request::Enqueue => self.queue.pushed(answer),
            Request::Dequeue => self.queue.popped(answer, now),
            Request::DeleteAll(count) => self.deleted(count, answer, now),
            Request::Echo | Request::Known => self.told(sent.expected.as_deref(), answer),
            Request::SetAll(_) if matches!(answer, Some(Reply::Simple(_))) => {
                self.deletable = Some(sent.moment);
                self.every(sent, answer, now);
            }
            Request::One(..) | Request::SetAll(_) => self.every(sent, answer, now),
            Request::GetAll(_) => self.each(sent, answer, now),
            Request::Block(_) => {
                self.queued(replies, sent.commands.len() - 1);
                self.each(sent, answer.map(|answer| self.looked(answer)).as_ref(), now);
            }
        }
    }

    /// What must be said is said, or an error.
    fn told(&mut self, expected: Option<&str>, answer: Option<&Reply>) {
        let fits = match answer {
            None | Some(Reply::Error(_)) => true,
            Some(Reply::Bulk(bytes)) => expected.map(str::as_bytes) == Some(bytes),
            Some(_) => false,
        };
        self.faults.mixed_up += u64::from(!fits);
    }

    /// The keys were there unless a master was killed since.
    fn deleted(&mut self, all: usize, answer: Option<&Reply>, now: Now) {
        let all = i64::try_from(all).unwrap_or(i64::MAX);
        let whole = self.deletable.take().is_some_and(|set| !now.excuses(set));
        match answer {
            None | Some(Reply::Error(_)) => {}
            Some(Reply::Integer(count)) if (0..=all).contains(count) => {
                self.faults.misordered += u64::from(whole && *count < all);
            }
            Some(_) => self.faults.mixed_up += 1,
        }
    }

    /// In front of EXEC: OK to MULTI, QUEUED to the others, or errors.
    fn queued(&mut self, replies: &[Reply], before: usize) {
        let expected = once("OK").chain(repeat("QUEUED"));
        let fits = |(reply, expected): (&Reply, &str)| match reply {
            Reply::Simple(text) => text == expected,
            Reply::Error(_) => true,
            Reply::Integer(_) | Reply::Bulk(_) | Reply::Nil | Reply::Array(_) => false,
        };
        self.faults.mixed_up += u64::from(!replies.iter().take(before).zip(expected).all(fits));
    }

    /// Takes the look at the counter out of the reply to EXEC. It saw what INCR answered, or nothing fits.
    fn looked(&self, answer: &Reply) -> Reply {
        match answer.elements() {
            [count @ Reply::Integer(number), seen, rest @ ..] if seen.text() == Some(number.to_string()) => {
                Reply::Array([std::slice::from_ref(count), rest].concat())
            }
            [] => answer.clone(),
            _ => Reply::Array(Vec::new()),
        }
    }

    /// One reply for all attempts.
    fn every(&mut self, sent: &Sent, answer: Option<&Reply>, now: Now) {
        for (index, attempt) in &sent.attempts {
            if let Some(ledger) = self.ledgers.get_mut(*index) {
                ledger.settle(attempt, answer, now);
            }
        }
    }

    /// An array with an element for each attempt, or an error for all.
    fn each(&mut self, sent: &Sent, answer: Option<&Reply>, now: Now) {
        let elements = match answer {
            None | Some(Reply::Error(_)) => return self.every(sent, answer, now),
            Some(answer) => answer.elements(),
        };
        let is_error = |element: &Reply| element.error_class().is_some();
        if elements.len() != sent.attempts.len() || elements.iter().any(is_error) {
            self.faults.mixed_up += 1;
        }
        let known = elements.iter().map(Some).chain(repeat(None));
        for ((index, attempt), element) in sent.attempts.iter().zip(known) {
            if let Some(ledger) = self.ledgers.get_mut(*index) {
                ledger.settle(attempt, element, now);
            }
        }
    }

    /// What was wrong beside the ledgers.
    pub(crate) fn faults(&self) -> Faults {
        let mut faults = self.faults;
        faults += self.queue.faults;
        faults
    }
}

#[cfg(test)]
mod tests;

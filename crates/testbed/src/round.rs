//! What a client asks for, over its books, and what the replies mean for them. No IO.

use super::client::{Reply, encode};
use super::faults::Faults;
use super::ledger::{Attempt, Era, Ledger, Op, Outcome};
use super::queue::Queue;
use super::sharing::Sharing;

/// One step of a client's round. A number is that of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    One(usize, Op),
    /// MGET of the values of all books.
    GetAll,
    /// MSET of the values of all books, and of as many keys that are deleted later.
    SetAll,
    /// DEL of those.
    DeleteAll,
    /// MULTI, INCR, RPUSH, EXEC.
    Block(usize),
    /// RPUSH to the queue.
    Enqueue,
    /// BLPOP from the queue.
    Dequeue,
}

/// For a deployment with one master.
pub(crate) const PLAIN: [Request; 4] = [
    Request::One(0, Op::Set),
    Request::One(0, Op::Get),
    Request::One(0, Op::Incr),
    Request::One(0, Op::Push),
];

/// For a client with a book in each of three shards.
pub(crate) const ALL_SHARDS: [Request; 16] = [
    Request::SetAll,
    Request::GetAll,
    Request::One(0, Op::Incr),
    Request::One(1, Op::Incr),
    Request::One(2, Op::Incr),
    Request::One(0, Op::Push),
    Request::One(1, Op::Set),
    Request::One(1, Op::Get),
    Request::One(2, Op::Push),
    Request::Block(0),
    Request::Block(1),
    Request::Block(2),
    Request::Enqueue,
    Request::Dequeue,
    Request::GetAll,
    Request::DeleteAll,
];

impl Request {
    /// Returns how many replies it has.
    fn replies(self) -> usize {
        match self {
            Self::Block(_) => 4,
            Self::One(..) | Self::GetAll | Self::SetAll | Self::DeleteAll | Self::Enqueue | Self::Dequeue => {
                1
            }
        }
    }

    /// Returns whether its outcome may stay unknown. A second run that changes no more than the first may still say something
    /// else: a DEL counts less.
    fn may_stay_unknown(self, sharing: Sharing) -> bool {
        match self {
            Self::One(_, op) => op.may_stay_unknown(sharing),
            Self::GetAll => false,
            Self::SetAll => !sharing.repeats_idempotent_writes(),
            Self::DeleteAll | Self::Block(_) | Self::Enqueue | Self::Dequeue => true,
        }
    }
}

/// A request on its way.
pub(crate) struct Sent {
    request: Request,
    era: Era,
    attempts: Vec<(usize, Attempt)>,
    may_stay_unknown: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Sent {
    /// For each of its replies: may it say that the outcome is unknown?
    pub(crate) fn replies(&self) -> impl Iterator<Item = bool> + use<> {
        let (count, may_stay_unknown) = (self.request.replies(), self.may_stay_unknown);
        (1..=count).map(move |number| may_stay_unknown && number == count)
    }

    /// A pop that found nothing has waited for an element, not for us.
    pub(crate) fn waited_in_vain(&self, replies: &[Reply]) -> bool {
        self.request == Request::Dequeue && replies == [Reply::Nil]
    }
}

/// The books of one client.
pub(crate) struct Books {
    ledgers: Vec<Ledger>,
    queue: Queue,
    sharing: Sharing,
    /// The era in which the keys for DEL were last set, and that was acknowledged.
    deletable: Option<Era>,
    faults: Faults,
}

impl Books {
    /// A ledger for each prefix; the queue has the one whose turn it is.
    pub(crate) fn new(client: usize, prefixes: &[String], sharing: Sharing) -> Self {
        let ledgers = prefixes.iter().map(|prefix| Ledger::new(client, prefix, sharing)).collect();
        let prefix = prefixes.get(client % prefixes.len().max(1)).cloned().unwrap_or_default();
        let queue = Queue::new(client, &prefix);
        Self { ledgers, queue, sharing, deletable: None, faults: Faults::default() }
    }

    /// Whether a node is on its way back to a mesh, for what is sent from now on.
    pub(crate) fn set_returning(&mut self, returning: bool) {
        self.ledgers.iter_mut().for_each(|ledger| ledger.set_returning(returning));
    }

    /// Enters a request that is about to be sent.
    pub(crate) fn begin(&mut self, request: Request, era: Era) -> Sent {
        let attempts = self.attempts(request, era);
        let bytes = match request {
            Request::One(..) => self.encoded(&attempts),
            Request::GetAll => encode(&self.spread("MGET", |ledger, _| vec![ledger.value_key()], &attempts)),
            Request::SetAll => {
                let pairs = |ledger: &Ledger, attempt: &Attempt| {
                    vec![ledger.value_key(), ledger.tag(attempt), ledger.scratch_key(), ledger.tag(attempt)]
                };
                encode(&self.spread("MSET", pairs, &attempts))
            }
            Request::DeleteAll => {
                let mut command = vec!["DEL".to_owned()];
                command.extend(self.ledgers.iter().map(Ledger::scratch_key));
                encode(&command)
            }
            Request::Block(_) => [encode(&["MULTI"]), self.encoded(&attempts), encode(&["EXEC"])].concat(),
            Request::Enqueue => encode(&self.queue.push(era)),
            Request::Dequeue => encode(&self.queue.pop()),
        };
        let may_stay_unknown = request.may_stay_unknown(self.sharing);
        Sent { request, era, attempts, may_stay_unknown, bytes }
    }

    fn attempts(&mut self, request: Request, era: Era) -> Vec<(usize, Attempt)> {
        let all = 0..self.ledgers.len();
        let wanted: Vec<(usize, Op)> = match request {
            Request::One(book, op) => vec![(book, op)],
            Request::Block(book) => vec![(book, Op::Incr), (book, Op::Push)],
            Request::GetAll => all.map(|book| (book, Op::Get)).collect(),
            Request::SetAll => all.map(|book| (book, Op::Set)).collect(),
            Request::DeleteAll | Request::Enqueue | Request::Dequeue => Vec::new(),
        };
        let begun = wanted.into_iter().filter_map(|(book, op)| {
            let ledger = self.ledgers.get_mut(book)?;
            Some((book, ledger.begin(op, era)))
        });
        begun.collect()
    }

    fn encoded(&self, attempts: &[(usize, Attempt)]) -> Vec<u8> {
        let commands = attempts.iter().filter_map(|(book, attempt)| {
            let ledger = self.ledgers.get(*book)?;
            Some(encode(&ledger.args(attempt)))
        });
        commands.flatten().collect()
    }

    fn spread(
        &self,
        name: &str,
        words: impl Fn(&Ledger, &Attempt) -> Vec<String>,
        attempts: &[(usize, Attempt)],
    ) -> Vec<String> {
        let words =
            attempts.iter().filter_map(|(book, attempt)| Some(words(self.ledgers.get(*book)?, attempt)));
        std::iter::once(name.to_owned()).chain(words.flatten()).collect()
    }

    /// Enters what came of it; fewer replies than it has: the connection ended. `now` is the era in which they were
    /// read.
    pub(crate) fn settle(&mut self, sent: &Sent, replies: &[Reply], now: Era) {
        let decisive = replies.get(sent.request.replies() - 1);
        let known = decisive.filter(|reply| reply.error_class() != Some("UNCERTAIN"));
        match sent.request {
            Request::Enqueue => self.queue.pushed(known),
            Request::Dequeue => self.queue.popped(known, now),
            Request::DeleteAll => self.deleted(known, now),
            Request::SetAll if known.is_some_and(|reply| reply.error_class().is_none()) => {
                self.deletable = Some(sent.era);
                self.every(sent, decisive, now);
            }
            Request::One(..) | Request::SetAll => self.every(sent, decisive, now),
            Request::GetAll | Request::Block(_) => self.each(sent, replies, decisive, now),
        }
    }

    /// The keys were there unless a master was killed since.
    fn deleted(&mut self, reply: Option<&Reply>, now: Era) {
        let all = i64::try_from(self.ledgers.len()).unwrap_or(i64::MAX);
        let whole = self.deletable.take() == Some(now);
        match reply {
            None | Some(Reply::Error(_)) => {}
            Some(Reply::Integer(count)) if (0..=all).contains(count) => {
                self.faults.misordered += u64::from(whole && *count < all);
            }
            Some(_) => self.faults.mixed_up += 1,
        }
    }

    /// One reply for all attempts.
    fn every(&mut self, sent: &Sent, reply: Option<&Reply>, now: Era) {
        let outcome = reply.map_or(Outcome::Silence, |reply| Outcome::Reply(reply.clone()));
        for (book, attempt) in &sent.attempts {
            if let Some(ledger) = self.ledgers.get_mut(*book) {
                ledger.settle(attempt, &outcome, now);
            }
        }
    }

    /// An array with an element for each attempt, or an error for all.
    fn each(&mut self, sent: &Sent, replies: &[Reply], decisive: Option<&Reply>, now: Era) {
        let Some(Reply::Array(elements)) = decisive else {
            let fits = decisive.is_none_or(|reply| reply.error_class().is_some());
            self.faults.mixed_up += u64::from(!fits);
            return self.every(sent, decisive.filter(|_| fits), now);
        };
        let queued = |reply: &Reply| matches!(reply, Reply::Simple(text) if text == "OK" || text == "QUEUED");
        let before = replies.split_last().is_none_or(|(_, before)| before.iter().all(queued));
        self.faults.mixed_up += u64::from(!before || elements.len() != sent.attempts.len());
        for ((book, attempt), element) in sent.attempts.iter().zip(elements) {
            if let Some(ledger) = self.ledgers.get_mut(*book) {
                ledger.settle(attempt, &Outcome::Reply(element.clone()), now);
            }
        }
    }

    /// The ledgers, each to be closed with what the nodes hold, and what was wrong beside them.
    pub(crate) fn close(self) -> (Vec<Ledger>, Faults) {
        let mut faults = self.faults;
        faults += self.queue.close();
        (self.ledgers, faults)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Held;
    use super::*;

    fn books() -> Books {
        Books::new(4, &["a".to_owned(), "b".to_owned()], Sharing::Followed)
    }

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    fn ok() -> Reply {
        Reply::Simple("OK".into())
    }

    /// Returns what is wrong after these requests, when the masters hold these counters and lists.
    fn run(steps: &[(Request, Vec<Reply>)], held: [(i64, &[&str]); 2], end: Era) -> Faults {
        let mut books = books();
        for (request, replies) in steps {
            let sent = books.begin(*request, 0);
            books.settle(&sent, replies, end);
        }
        let (ledgers, mut faults) = books.close();
        for (ledger, (counter, log)) in ledgers.into_iter().zip(held) {
            faults += ledger.close(&Held::of(counter, &[log]), end);
        }
        faults
    }

    const NOTHING: [(i64, &[&str]); 2] = [(0, &[]), (0, &[])];

    #[test]
    fn commands_over_all_books_are_one_command() {
        let mut books = books();
        let text = |books: &mut Books, request| String::from_utf8(books.begin(request, 0).bytes).unwrap();
        let words = |text: String| {
            let lines = text.split("\r\n").filter(|line| !line.starts_with(['*', '$']));
            lines.collect::<Vec<_>>().join(" ").trim_end().to_owned()
        };
        let set = words(text(&mut books, Request::SetAll));
        assert_eq!(set, "MSET a:value 4:1 a:scratch 4:1 b:value 4:1 b:scratch 4:1");
        assert_eq!(words(text(&mut books, Request::GetAll)), "MGET a:value b:value");
        assert_eq!(words(text(&mut books, Request::DeleteAll)), "DEL a:scratch b:scratch");
        let block = words(text(&mut books, Request::Block(1)));
        assert_eq!(block, "MULTI INCR b:counter RPUSH b:log 4:1 EXEC");
        assert_eq!(words(text(&mut books, Request::Enqueue)), "RPUSH a:queue 4:1");
    }

    #[test]
    fn values_of_all_books_are_compared_each_with_its_own() {
        let set = (Request::SetAll, vec![ok()]);
        let got = |a: &str, b: &str| (Request::GetAll, vec![Reply::Array(vec![bulk(a), bulk(b)])]);
        let none = Faults::default();
        assert_eq!(run(&[set.clone(), got("4:1", "4:1")], NOTHING, 0), none);
        assert_eq!(run(&[set.clone(), got("4:1", "5:1")], NOTHING, 0), Faults { mixed_up: 1, ..none });
        assert_eq!(run(&[set.clone(), (Request::GetAll, vec![ok()])], NOTHING, 0).mixed_up, 1);
        let one = (Request::GetAll, vec![Reply::Array(vec![bulk("4:1")])]);
        assert_eq!(run(&[set, one], NOTHING, 0).mixed_up, 1);
    }

    #[test]
    fn a_block_counts_as_a_whole_or_not_at_all() {
        let queued = || Reply::Simple("QUEUED".into());
        let block = |last: Reply| (Request::Block(0), vec![ok(), queued(), queued(), last]);
        let ran = Reply::Array(vec![Reply::Integer(1), Reply::Integer(1)]);
        let none = Faults::default();
        let there: [(i64, &[&str]); 2] = [(1, &["4:1"]), (0, &[])];
        assert_eq!(run(&[block(ran.clone())], there, 0), none);
        assert_eq!(run(&[block(ran)], NOTHING, 1).lost.total(), 2);
        let unknown = || block(Reply::Error("UNCERTAIN tideover: x; outcome unknown".into()));
        assert_eq!(run(&[unknown()], there, 1), none);
        assert_eq!(run(&[unknown()], NOTHING, 1), none);
        let refused = block(Reply::Error("EXECABORT x".into()));
        assert_eq!(run(&[refused], there, 1).doubled.incr, 1);
        assert_eq!(run(&[(Request::Block(0), vec![ok()])], there, 1), none);
        let inner = Reply::Array(vec![ok(), queued()]);
        assert_eq!(
            run(&[(Request::Block(0), vec![queued(), ok(), bulk("x"), inner])], NOTHING, 0).mixed_up,
            3
        );
    }

    #[test]
    fn a_delete_counts_all_keys_unless_a_master_was_killed() {
        let set = || (Request::SetAll, vec![ok()]);
        let delete = |count| (Request::DeleteAll, vec![Reply::Integer(count)]);
        let none = Faults::default();
        assert_eq!(run(&[set(), delete(2)], NOTHING, 0), none);
        assert_eq!(run(&[set(), delete(1)], NOTHING, 0), Faults { misordered: 1, ..none });
        assert_eq!(run(&[set(), delete(1)], NOTHING, 1), none);
        assert_eq!(run(&[set(), delete(3)], NOTHING, 0), Faults { mixed_up: 1, ..none });
    }

    #[test]
    fn every_write_may_stay_unknown_where_several_nodes_take_writes() {
        let cases = [
            (Request::One(0, Op::Get), [false, false, false]),
            (Request::GetAll, [false, false, false]),
            (Request::One(0, Op::Set), [false, true, true]),
            (Request::SetAll, [false, true, true]),
            (Request::One(0, Op::Incr), [true, true, true]),
            (Request::One(0, Op::Push), [true, true, true]),
            (Request::DeleteAll, [true, true, true]),
        ];
        for (request, wanted) in cases {
            let replies = [Sharing::Followed, Sharing::Meshed, Sharing::Apart].map(|sharing| {
                Books::new(4, &["a".to_owned()], sharing).begin(request, 0).replies().last().unwrap()
            });
            assert_eq!(replies, wanted, "{request:?}");
        }
    }
}

//! Requests as commands, entered before they are sent.

use std::iter::once;
use std::ops::Range;

use super::super::client::encode;
use super::super::ledger::writes::Moment;
use super::super::ledger::{Attempt, Ledger, Op, tag};
use super::super::round::{KNOWN, Request};
use super::{Attempts, Book, Sent, Want};

impl Book {
    /// Enters a request that is about to be sent.
    pub(crate) fn begin(&mut self, request: Request, moment: Moment) -> Sent {
        let (commands, wants): (Vec<_>, Vec<_>) = self.commands(request, moment).into_iter().unzip();
        let commands = commands.iter().map(|words| encode(words)).collect();
        Sent { request, moment, may_stay_unknown: request.may_stay_unknown(self.sharing), wants, commands }
    }

    fn commands(&mut self, request: Request, moment: Moment) -> Vec<(Vec<String>, Want)> {
        let plain = |name: &str, arg: &str| vec![name.to_owned(), arg.to_owned()];
        let command = match request {
            Request::One(index, op) => {
                let attempts = self.start(index..index + 1, op, moment);
                (self.words(op.name(), &attempts, Ledger::args), Want::Every(attempts))
            }
            Request::GetAll(count) => {
                let attempts = self.start(0..count, Op::Get, moment);
                (self.words("MGET", &attempts, Ledger::args), Want::Each(attempts))
            }
            Request::SetAll(count) => {
                let attempts = self.start(0..count, Op::Set, moment);
                let scratch = |ledger: &Ledger, set: &Attempt| vec![ledger.key("scratch"), ledger.tag(set)];
                let pairs =
                    |ledger: &Ledger, set: &Attempt| [ledger.args(set), scratch(ledger, set)].concat();
                (self.words("MSET", &attempts, pairs), Want::Every(attempts))
            }
            Request::DeleteAll(count) => {
                let keys = self.ledgers.iter().take(count).map(|ledger| ledger.key("scratch"));
                (once("DEL".to_owned()).chain(keys).collect(), Want::Deleted(count))
            }
            Request::Block(index) => return self.block(index, moment),
            Request::Enqueue => (self.queue.push(moment), Want::Pushed),
            Request::Dequeue => (self.queue.pop(), Want::Popped),
            Request::Echo => {
                self.echoes += 1;
                let said = tag(&format!("client{}", self.client), self.echoes);
                (plain("ECHO", &said), Want::Text(said))
            }
            Request::Known => (plain("GET", KNOWN), Want::Text(KNOWN.to_owned())),
        };
        vec![command]
    }

    fn block(&mut self, index: usize, moment: Moment) -> Vec<(Vec<String>, Want)> {
        let incr = self.start(index..index + 1, Op::Incr, moment);
        let push = self.start(index..index + 1, Op::Push, moment);
        vec![
            (vec!["MULTI".to_owned()], Want::Said("OK")),
            (self.words("INCR", &incr, Ledger::args), Want::Said("QUEUED")),
            (self.words("GET", &incr, Ledger::args), Want::Said("QUEUED")),
            (self.words("RPUSH", &push, Ledger::args), Want::Said("QUEUED")),
            (vec!["EXEC".to_owned()], Want::Looked([incr, push].concat())),
        ]
    }

    fn start(&mut self, ledgers: Range<usize>, op: Op, moment: Moment) -> Attempts {
        let begun = ledgers.filter_map(|index| Some((index, self.ledgers.get_mut(index)?.begin(op, moment))));
        begun.collect()
    }

    fn words(
        &self,
        name: &str,
        attempts: &Attempts,
        args: impl Fn(&Ledger, &Attempt) -> Vec<String>,
    ) -> Vec<String> {
        let args =
            attempts.iter().filter_map(|(index, attempt)| Some(args(self.ledgers.get(*index)?, attempt)));
        once(name.to_owned()).chain(args.flatten()).collect()
    }
}

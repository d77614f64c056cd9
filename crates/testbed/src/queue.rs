//! A client's queue: it pushes a token, then pops with BLPOP, and keeps the book of both. No IO.
//!
//! Acked pushes come out once each and in order. What the book allows, and for what:
//!
//! * a pop of unknown outcome may have taken any one token;
//! * after a kill the deployment may have lost pushes (tokens that never come out) and pops (tokens that come again), and a
//!   pop that waited at the killed node may have lost the token that it had taken;
//! * without a kill since then, the same is *misordered*, or *doubled* where a token that was popped comes again.

use super::client::Reply;
use super::faults::Faults;
use super::ledger::writes::{Moment, Now};
use super::ledger::{seq_of, tag};

/// The book of one queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    key: String,
    /// The tokens in order: when each was sent, and what is known of it.
    tokens: Vec<Token>,
    /// Pops of unknown outcome that no missing token has explained yet.
    unknown_pops: u64,
    pub(crate) faults: Faults,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    sent: Moment,
    place: Place,
}

/// Where a token is, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Sent; it may be there or not.
    Unknown,
    /// The push did not run, by its reply.
    Refused,
    Queued,
    /// It came out, read at this moment.
    Popped(Moment),
    /// It did not come out when it should have.
    Missing,
}

impl Queue {
    pub(crate) fn new(prefix: &str) -> Self {
        let key = format!("{prefix}:queue");
        Self { key, tokens: Vec::new(), unknown_pops: 0, faults: Faults::default() }
    }

    /// The next push, entered.
    pub(crate) fn push(&mut self, sent: Moment) -> Vec<String> {
        self.tokens.push(Token { sent, place: Place::Unknown });
        vec!["RPUSH".into(), self.key.clone(), tag(&self.key, self.tokens.len() as u64)]
    }

    /// A pop. It waits only for what the deployment has lost.
    pub(crate) fn pop(&self) -> Vec<String> {
        vec!["BLPOP".into(), self.key.clone(), "1".into()]
    }

    /// The reply to the last push; none: the outcome is unknown.
    pub(crate) fn pushed(&mut self, answer: Option<&Reply>) {
        let place = match answer {
            Some(Reply::Error(_)) => Place::Refused,
            Some(Reply::Integer(_)) => Place::Queued,
            None | Some(_) => Place::Unknown,
        };
        self.faults.mixed_up += u64::from(answer.is_some() && place == Place::Unknown);
        self.tokens.iter_mut().rev().take(1).for_each(|token| token.place = place);
    }

    /// The reply to a pop, read now; none: the outcome is unknown.
    pub(crate) fn popped(&mut self, answer: Option<&Reply>, now: Now) {
        match answer {
            None => self.unknown_pops += 1,
            Some(Reply::Error(_)) => {}
            Some(Reply::Nil) => self.gone(self.tokens.len(), now, false),
            Some(reply) => match self.token(reply) {
                Some(index) => self.came_out(index, now),
                None => self.faults.mixed_up += 1,
            },
        }
    }

    /// `[key, token]`, when both are this client's own.
    fn token(&self, reply: &Reply) -> Option<usize> {
        let [key, Reply::Bulk(token)] = reply.elements() else { return None };
        let index = usize::try_from(seq_of(token, &self.key)?).ok()?.checked_sub(1)?;
        (key.text().as_deref() == Some(&self.key) && index < self.tokens.len()).then_some(index)
    }

    fn came_out(&mut self, index: usize, now: Now) {
        self.gone(index, now, true);
        let Some(token) = self.tokens.get_mut(index) else { return };
        match token.place {
            Place::Popped(at) if now.excuses(at) => self.faults.lost.blpop += 1,
            Place::Popped(_) => self.faults.doubled.blpop += 1,
            Place::Refused => self.faults.denied += 1,
            // An unknown pop explained it, or a kill: it was a wrong guess, and no fault.
            Place::Unknown | Place::Queued | Place::Missing => {}
        }
        token.place = Place::Popped(Moment { era: now.era, returning: false });
    }

    /// The acked tokens before this one should have come out first. If nothing came out, there may just have been no master
    /// for as long as the pop waits: then those that come out next tell what became of the tokens from before a kill.
    fn gone(&mut self, before: usize, now: Now, came_out: bool) {
        let queued = self.tokens.iter_mut().take(before).filter(|token| token.place == Place::Queued);
        for token in queued.filter(|token| came_out || !now.excuses(token.sent)) {
            token.place = Place::Missing;
            match (self.unknown_pops.checked_sub(1), now.excuses(token.sent)) {
                (Some(left), _) => self.unknown_pops = left,
                (None, true) => self.faults.lost.rpush += 1,
                (None, false) => self.faults.misordered += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::faults::PerKind;
    use super::super::ledger::writes::Era;
    use super::*;

    fn popped(seq: u64) -> Reply {
        Reply::Array(vec![Reply::Bulk("p:queue".into()), Reply::Bulk(format!("p:queue-{seq}").into())])
    }

    fn in_era(era: Era) -> Now {
        Now { era, losing: false }
    }

    /// Three pushes, all acked in era 0, then pops: the reply, and the era in which it is read.
    fn run(pops: &[(Option<Reply>, Era)]) -> Faults {
        let mut queue = Queue::new("p");
        for length in 1..=3 {
            queue.push(Moment::default());
            queue.pushed(Some(&Reply::Integer(length)));
        }
        for (reply, now) in pops {
            queue.popped(reply.as_ref(), in_era(*now));
        }
        queue.faults
    }

    #[test]
    #[rustfmt::skip]
    fn what_is_a_fault_and_what_a_kill_or_an_unknown_pop_excuses() {
        let none = Faults::default();
        let (rpush, blpop) = (PerKind { rpush: 1, ..none.lost }, PerKind { blpop: 1, ..none.lost });
        let one = |seq, now| (Some(popped(seq)), now);
        let cases = [
            ("in order", vec![one(1, 0), one(2, 0), one(3, 0)], none),
            ("left over", vec![one(1, 0)], none),
            ("skipped", vec![one(2, 0)], Faults { misordered: 1, ..none }),
            ("skipped after a kill", vec![one(2, 1)], Faults { lost: rpush, ..none }),
            ("skipped by an unknown pop", vec![(None, 0), one(2, 0)], none),
            ("only one is explained", vec![(None, 0), one(3, 0)], Faults { misordered: 1, ..none }),
            ("twice", vec![one(1, 0), one(1, 0)], Faults { doubled: blpop, ..none }),
            ("twice after a kill", vec![one(1, 0), one(1, 1)], Faults { lost: blpop, ..none }),
            ("nothing there", vec![(Some(Reply::Nil), 0)], Faults { misordered: 3, ..none }),
            ("nothing there while there is no master", vec![(Some(Reply::Nil), 1), one(1, 1)], none),
            ("refused", vec![(Some(Reply::Error("TRYAGAIN x".into())), 0), one(1, 0)], none),
            ("another's", vec![(Some(Reply::Integer(1)), 0)], Faults { mixed_up: 1, ..none }),
            ("never pushed", vec![one(4, 0)], Faults { mixed_up: 1, ..none }),
        ];
        for (name, pops, faults) in cases {
            assert_eq!(run(&pops), faults, "{name}");
        }
    }

    #[test]
    fn a_refused_token_that_comes_out_was_denied() {
        let mut queue = Queue::new("p");
        queue.push(Moment::default());
        queue.pushed(Some(&Reply::Error("TRYAGAIN tideover: x; not executed".into())));
        queue.popped(Some(&popped(1)), in_era(0));
        assert_eq!(queue.faults, Faults { denied: 1, ..Faults::default() });
    }
}

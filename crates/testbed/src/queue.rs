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
use super::ledger::{Era, parse_tag};

/// The book of one queue.
pub(crate) struct Queue {
    client: usize,
    key: String,
    /// The tokens in order: when each was sent, and what is known of it.
    tokens: Vec<Token>,
    /// Pops of unknown outcome that no missing token has explained yet.
    unknown_pops: u64,
    faults: Faults,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    era: Era,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Sent; it may be there or not.
    Unknown,
    Acked,
    /// It came out in this era.
    Popped(Era),
    /// It did not come out when it should have.
    Missing,
}

impl Queue {
    pub(crate) fn new(client: usize, prefix: &str) -> Self {
        let key = format!("{prefix}:queue");
        Self { client, key, tokens: Vec::new(), unknown_pops: 0, faults: Faults::default() }
    }

    /// The next push, entered.
    pub(crate) fn push(&mut self, era: Era) -> Vec<String> {
        self.tokens.push(Token { era, fate: Fate::Unknown });
        vec!["RPUSH".into(), self.key.clone(), format!("{}:{}", self.client, self.tokens.len())]
    }

    /// A pop. It waits only for what the deployment has lost.
    pub(crate) fn pop(&self) -> Vec<String> {
        vec!["BLPOP".into(), self.key.clone(), "1".into()]
    }

    /// The reply to the last push; none: the outcome is unknown.
    pub(crate) fn pushed(&mut self, reply: Option<&Reply>) {
        match reply {
            None | Some(Reply::Error(_)) => {}
            Some(Reply::Integer(_)) => {
                self.tokens.iter_mut().rev().take(1).for_each(|token| token.fate = Fate::Acked)
            }
            Some(_) => self.faults.mixed_up += 1,
        }
    }

    /// The reply to a pop, read in this era; none: the outcome is unknown.
    pub(crate) fn popped(&mut self, reply: Option<&Reply>, now: Era) {
        let Some(reply) = reply else {
            self.unknown_pops += 1;
            return;
        };
        match reply {
            Reply::Error(_) => {}
            Reply::Nil => self.nothing_there(now),
            _ => match self.token(reply) {
                Some(index) => self.came_out(index, now),
                None => self.faults.mixed_up += 1,
            },
        }
    }

    /// `[key, token]`, when both are this client's own.
    fn token(&self, reply: &Reply) -> Option<usize> {
        let [key, Reply::Bulk(token)] = reply.elements() else { return None };
        let index = usize::try_from(parse_tag(token, self.client)?).ok()?.checked_sub(1)?;
        (key.text().as_deref() == Some(&self.key) && index < self.tokens.len()).then_some(index)
    }

    fn came_out(&mut self, index: usize, now: Era) {
        self.missing(index, now);
        let Some(token) = self.tokens.get_mut(index) else { return };
        match token.fate {
            Fate::Popped(era) if era < now => self.faults.lost.blpop += 1,
            Fate::Popped(_) => self.faults.doubled.blpop += 1,
            // An unknown pop explained it, or a kill: it was a wrong guess, and no fault.
            Fate::Unknown | Fate::Acked | Fate::Missing => {}
        }
        token.fate = Fate::Popped(now);
    }

    /// After a kill there may just have been no master for as long as the pop waits: what became of the tokens from before
    /// is told by those that come out next.
    fn nothing_there(&mut self, now: Era) {
        for token in self.tokens.iter_mut().filter(|token| token.fate == Fate::Acked && token.era == now) {
            token.fate = Fate::Missing;
            match self.unknown_pops.checked_sub(1) {
                Some(left) => self.unknown_pops = left,
                None => self.faults.misordered += 1,
            }
        }
    }

    /// The acked tokens before this one should have come out first.
    fn missing(&mut self, before: usize, now: Era) {
        let waiting = self.tokens.iter_mut().take(before).filter(|token| token.fate == Fate::Acked);
        for token in waiting {
            token.fate = Fate::Missing;
            if self.unknown_pops > 0 {
                self.unknown_pops -= 1;
            } else if token.era < now {
                self.faults.lost.rpush += 1;
            } else {
                self.faults.misordered += 1;
            }
        }
    }

    /// Closes the book. What is still in the queue is no fault.
    pub(crate) fn close(self) -> Faults {
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::super::faults::PerKind;
    use super::*;

    fn popped(seq: u64) -> Reply {
        Reply::Array(vec![Reply::Bulk("p:queue".into()), Reply::Bulk(format!("3:{seq}").into())])
    }

    /// Three pushes, all acked in era 0, then pops: the reply, and the era in which it is read.
    fn run(pops: &[(Option<Reply>, Era)]) -> Faults {
        let mut queue = Queue::new(3, "p");
        for length in 1..=3 {
            queue.push(0);
            queue.pushed(Some(&Reply::Integer(length)));
        }
        for (reply, now) in pops {
            queue.popped(reply.as_ref(), *now);
        }
        queue.close()
    }

    #[test]
    fn what_is_a_fault_and_what_a_kill_or_an_unknown_pop_excuses() {
        let none = Faults::default();
        let lost = |lost| Faults { lost, ..none };
        let one = |seq, now| (Some(popped(seq)), now);
        let cases = [
            ("in order", vec![one(1, 0), one(2, 0), one(3, 0)], none),
            ("left over", vec![one(1, 0)], none),
            ("skipped", vec![one(2, 0)], Faults { misordered: 1, ..none }),
            ("skipped after a kill", vec![one(2, 1)], lost(PerKind { rpush: 1, ..PerKind::default() })),
            ("skipped by an unknown pop", vec![(None, 0), one(2, 0)], none),
            ("only one is explained", vec![(None, 0), one(3, 0)], Faults { misordered: 1, ..none }),
            (
                "twice",
                vec![one(1, 0), one(1, 0)],
                Faults { doubled: PerKind { blpop: 1, ..PerKind::default() }, ..none },
            ),
            (
                "twice after a kill",
                vec![one(1, 0), one(1, 1)],
                lost(PerKind { blpop: 1, ..PerKind::default() }),
            ),
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
}

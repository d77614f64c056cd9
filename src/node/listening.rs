//! The questions on a listening connection: those that were sent and those that are still to be sent. The connection carries
//! SUBSCRIBE and its relatives, with one name each, and PING; so each confirmation or error answers one question.

use std::collections::VecDeque;

use crate::command::Slot;
use crate::resp::pubsub::{Name, Space};
use crate::resp::reply;

/// Bytes of unwritten questions beyond which no further ones are made.
const FULL: usize = 16 << 10;
/// The number of unanswered questions beyond which no further ones are made.
const UNANSWERED: usize = 4096;

/// A question that the node has not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Name {
        space: Space,
        name: Name,
        subscribes: bool,
    },
    /// `batch`: the answers of the hub that wait for this one.
    Ping {
        batch: Option<usize>,
    },
}

/// The questions of one listening lane. See the module.
#[derive(Debug)]
pub(crate) struct Listening {
    /// The index of the lane's audience in the hub.
    pub(crate) audience: usize,
    /// Somebody listens to something that the lane's node has.
    pub(crate) wanted: bool,
    /// The connection was lost, and not all subscriptions were confirmed again since.
    pub(crate) deaf: bool,
    /// Topics whose subscription at this node has to be checked.
    pub(crate) todo: VecDeque<(Space, Name)>,
    asked: VecDeque<Asked>,
    out: Vec<u8>,
    written: usize,
}

impl Listening {
    pub(crate) fn new(audience: usize) -> Self {
        Listening {
            audience,
            wanted: true,
            deaf: false,
            todo: VecDeque::new(),
            asked: VecDeque::new(),
            out: Vec::new(),
            written: 0,
        }
    }

    /// Forgets all questions, because the connection is gone.
    pub(crate) fn forget(&mut self) {
        *self = Listening { wanted: self.wanted, deaf: self.deaf, ..Listening::new(self.audience) };
    }

    pub(crate) fn ask(&mut self, space: Space, name: &Name, subscribes: bool) {
        let word = space.word(subscribes).to_ascii_uppercase();
        reply::command(&mut self.out, &[word.as_bytes(), name]);
        self.asked.push_back(Asked::Name { space, name: name.clone(), subscribes });
    }

    pub(crate) fn ping(&mut self, batch: Option<usize>) {
        reply::command(&mut self.out, &[b"PING"]);
        self.asked.push_back(Asked::Ping { batch });
    }

    /// Returns the batches of answers that wait for a PING here.
    pub(crate) fn batches(&self) -> impl Iterator<Item = usize> {
        self.asked.iter().filter_map(|asked| match asked {
            Asked::Ping { batch } => *batch,
            Asked::Name { .. } => None,
        })
    }

    /// Returns true if enough questions are on their way.
    pub(crate) fn is_full(&self) -> bool {
        self.unwritten().len() > FULL || self.asked.len() > UNANSWERED
    }

    /// Returns true if the node owes an answer.
    pub(crate) fn is_owed(&self) -> bool {
        !self.asked.is_empty()
    }

    pub(crate) fn unwritten(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    pub(crate) fn advance_written(&mut self, by: usize) {
        self.written += by;
        if self.written >= self.out.len() {
            self.out = Vec::new();
            self.written = 0;
        }
    }

    /// Returns true if the next answer is about a shard channel, and one in this slot if the slot is known.
    pub(crate) fn is_next_of_slot(&self, slot: Option<Slot>) -> bool {
        self.asked.front().is_some_and(|asked| match asked {
            Asked::Name { space: Space::Shard, name, .. } => {
                slot.is_none_or(|slot| slot == Slot::of_key(name))
            }
            Asked::Name { space: Space::Channel | Space::Pattern, .. } | Asked::Ping { .. } => false,
        })
    }

    /// Takes the question at the head, which an error or a PONG answers.
    pub(crate) fn take_question(&mut self) -> Option<Asked> {
        self.asked.pop_front()
    }

    /// Takes the question at the head if this confirmation answers it. Returns false if it does not.
    pub(crate) fn is_answered_by(&mut self, space: Space, name: Option<&[u8]>, subscribed: bool) -> bool {
        let fits = self.asked.front().is_some_and(|asked| match asked {
            Asked::Name { space: of, name: held, subscribes } => {
                *of == space && *subscribes == subscribed && Some(&**held) == name
            }
            Asked::Ping { .. } => false,
        });
        if fits {
            self.asked.pop_front();
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn answers_belong_to_questions_in_their_order() {
        let mut listening = Listening::new(0);
        let name: Name = Arc::from(&b"a"[..]);
        listening.ask(Space::Channel, &name, true);
        listening.ask(Space::Shard, &name, false);
        listening.ping(Some(3));
        let sent = String::from_utf8(listening.unwritten().to_vec()).unwrap();
        assert_eq!(
            sent,
            "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n*2\r\n$12\r\nSUNSUBSCRIBE\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n"
        );
        listening.advance_written(sent.len());
        assert!(listening.unwritten().is_empty() && listening.is_owed());
        assert!(!listening.is_answered_by(Space::Shard, Some(b"a"), false), "unasked");
        assert!(listening.is_answered_by(Space::Channel, Some(b"a"), true));
        assert!(listening.is_answered_by(Space::Shard, Some(b"a"), false));
        assert!(!listening.is_answered_by(Space::Shard, None, false));
        assert_eq!(listening.batches().collect::<Vec<_>>(), [3]);
        assert_eq!(listening.take_question(), Some(Asked::Ping { batch: Some(3) }));
        assert_eq!(listening.take_question(), None);
    }
}

//! The messages that a subscriber publishes itself. As with Redis 7.2 and later, one comes behind the reply to the command that
//! has published it, in whichever order the two have come from the node. It is known by its channel and text.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::ids::Seq;

/// What one subscriber has published, as long as it has no reply. See the module.
#[derive(Debug, Default)]
pub(crate) struct OwnMessages {
    /// The places of the commands, in order, each with a hash of channel and text.
    published: VecDeque<(Seq, u64)>,
    /// The place behind which messages wait already. Later messages come behind these.
    behind: Option<Seq>,
}

impl OwnMessages {
    /// Notes what the command in this place publishes.
    pub(crate) fn note(&mut self, seq: Seq, channel: &[u8], text: &[u8]) {
        self.published.push_back((seq, hash_of(channel, text)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.published.is_empty()
    }

    /// Forgets the commands that have their replies. `owes`: the reply in this place has not left.
    pub(crate) fn forget_answered(&mut self, owes: impl Fn(Seq) -> bool) {
        while self.published.front().is_some_and(|(seq, _)| !owes(*seq)) {
            self.published.pop_front();
        }
        self.behind = self.behind.filter(|seq| owes(*seq));
    }

    /// Returns the place of the reply that this message comes behind; `None`: it comes at once.
    pub(crate) fn place_of(&mut self, channel: &[u8], text: &[u8]) -> Option<Seq> {
        let hash = hash_of(channel, text);
        let own = self.published.iter().position(|(_, published)| *published == hash);
        let before = self.behind.and_then(|seq| self.published.iter().position(|(place, _)| *place == seq));
        let place = own.max(before).and_then(|at| self.published.get(at)).map(|(seq, _)| *seq);
        self.behind = place.or(self.behind);
        self.behind
    }
}

fn hash_of(channel: &[u8], text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (channel, text).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages in the order in which they come; capitals are the client's own, published by the commands in the places 0, 1, 2.
    /// A digit says that the reply in this place has left. Expected are the places behind which they come.
    #[test]
    fn own_messages_and_those_after_them_come_behind_their_replies() {
        for (events, expected) in [
            ("x", "-"),
            ("A", "0"),
            ("xAy", "-00"),
            ("xAyB", "-001"),
            ("xB", "-1"),
            ("BA", "11"),
            ("A0yB", "0-1"),
            ("0A", "-"),
            ("012ABC", "---"),
            ("0B1y2C", "1--"),
        ] {
            let (mut own, mut left, mut out) = (OwnMessages::default(), 0, String::new());
            for (seq, text) in [(0, b"A"), (1, b"B"), (2, b"C")] {
                own.note(seq, b"c", text);
            }
            for event in events.chars() {
                match event.to_digit(10) {
                    Some(seq) => left = seq + 1,
                    None => {
                        own.forget_answered(|seq| seq >= left);
                        let place = own.place_of(b"c", event.to_string().as_bytes());
                        out.push_str(&place.map_or("-".to_owned(), |seq| seq.to_string()));
                    }
                }
            }
            assert_eq!(out, expected, "{events}");
        }
    }
}

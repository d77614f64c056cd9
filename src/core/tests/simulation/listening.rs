//! Publish and subscribe at a node: who listens to what on a connection, and what it is sent.

use crate::resp::pubsub::{SPACES, Space};
use crate::resp::reply;

use super::{Conn, Words};

impl<S: Default> Conn<S> {
    /// Returns true if the command was about a subscription, and so is answered. The proxy says each name by itself.
    pub(super) fn subscribed(&mut self, words: &Words) -> bool {
        let Some((space, subscribes)) = subscription(words) else { return false };
        assert_eq!(words.len(), 2, "one name each");
        self.subscribe(space, &String::from_utf8_lossy(&words[1]), subscribes);
        true
    }

    fn subscribe(&mut self, space: Space, name: &str, subscribes: bool) {
        let topic = (space, name.to_owned());
        let is_held = self.topics.contains(&topic);
        // The node may just have let a shard channel go of itself.
        assert!(subscribes || space == Space::Shard || is_held, "{name} is given up twice");
        assert!(!subscribes || !is_held, "{name} is asked for twice");
        match subscribes {
            true => drop(self.topics.insert(topic)),
            false => drop(self.topics.remove(&topic)),
        }
        self.confirm(space, name, subscribes);
    }

    /// Lets a topic go of itself.
    pub(super) fn let_go(&mut self, space: Space, name: &str) {
        self.topics.remove(&(space, name.to_owned()));
        self.confirm(space, name, false);
    }

    fn confirm(&mut self, space: Space, name: &str, subscribes: bool) {
        self.frame(3, &[space.word(subscribes), name]);
        reply::integer(&mut self.out, self.topics.len() as i64);
    }

    fn frame(&mut self, elements: usize, words: &[&str]) {
        let kind = if self.resp3 { '>' } else { '*' };
        self.say(&format!("{kind}{elements}"));
        words.iter().for_each(|word| reply::bulk(&mut self.out, word.as_bytes()));
    }

    /// Sends a message to whoever listens on this connection.
    pub(super) fn message(&mut self, space: Space, channel: &str, text: &str) {
        for (of, name) in self.topics.clone() {
            match (space, of) {
                (Space::Shard, Space::Shard) if name == channel => {
                    self.frame(3, &["smessage", channel, text]);
                }
                (Space::Channel, Space::Channel) if name == channel => {
                    self.frame(3, &["message", channel, text]);
                }
                (Space::Channel, Space::Pattern) if fits(&name, channel) => {
                    self.frame(4, &["pmessage", &name, channel, text]);
                }
                _ => {}
            }
        }
    }
}

/// The space of a command about subscriptions, and true if it subscribes.
pub(in crate::core::tests) fn subscription(words: &Words) -> Option<(Space, bool)> {
    let all = SPACES.into_iter().flat_map(|space| [(space, true), (space, false)]);
    all.into_iter().find(|(space, adds)| words[0].eq_ignore_ascii_case(space.word(*adds).as_bytes()))
}

pub(super) fn fits(pattern: &str, channel: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == channel, |start| channel.starts_with(start))
}

//! The subscriptions of one client.

use std::collections::BTreeSet;

use crate::command::Subscribe;
use crate::node::hold::Ticket;
use crate::node::queue::Entry;
use crate::resp::pubsub::{Name, SPACES, Space};

use super::own_messages::OwnMessages;

/// The confirmed subscriptions of one client, and the subscription command that is not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// The index of its audience in the hub; without meaning while it has no subscription and waits for none.
    pub(crate) audience: usize,
    /// The names in each [`Space`].
    names: [BTreeSet<Name>; 3],
    /// Bytes of all names.
    bytes: usize,
    /// A SUBSCRIBE that is not confirmed.
    pub(crate) pending: Option<Subscribing>,
    /// An UNSUBSCRIBE that is not confirmed.
    pub(crate) leaving: Option<Unsubscribing>,
    pub(crate) own: OwnMessages,
}

/// A subscribing command. It is answered when the nodes have confirmed all of its names.
#[derive(Debug)]
pub(crate) struct Subscribing {
    pub(crate) entry: Entry,
    pub(crate) space: Space,
    /// The names in the order of the command, repeated ones included.
    pub(crate) names: Vec<Name>,
    /// The number of different names that no node has confirmed, and one more until all of them were asked for.
    pub(crate) missing: usize,
    /// Bytes of the request.
    pub(crate) len: usize,
    /// The ticket of a command that no node could take.
    pub(crate) held: Option<Ticket>,
}

/// An unsubscribing command. It is answered when the nodes have confirmed those names that nobody else listens to.
#[derive(Debug)]
pub(crate) struct Unsubscribing {
    pub(crate) entry: Entry,
    pub(crate) space: Space,
    pub(crate) names: Vec<Name>,
    /// The number of names that a node still has to confirm.
    pub(crate) missing: usize,
    /// The reply to the client.
    pub(crate) answer: Vec<u8>,
}

impl Subscriptions {
    /// Returns true if the client's latest subscription command is not answered.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.pending.is_some() || self.leaving.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.iter().all(BTreeSet::is_empty)
    }

    /// Returns the bytes that the names take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of names in each space: channels, patterns, shard channels.
    pub(crate) fn counts(&self) -> [usize; 3] {
        let [channels, patterns, shard] = &self.names;
        [channels.len(), patterns.len(), shard.len()]
    }

    /// Returns the number in a confirmation: shard channels are counted apart from channels and patterns.
    pub(crate) fn count(&self, space: Space) -> usize {
        let [channels, patterns, shard] = self.counts();
        match space {
            Space::Channel | Space::Pattern => channels + patterns,
            Space::Shard => shard,
        }
    }

    pub(crate) fn names(&self, space: Space) -> impl Iterator<Item = &Name> {
        self.names.get(space as usize).into_iter().flatten()
    }

    pub(crate) fn all(&self) -> Vec<(Space, Name)> {
        SPACES
            .into_iter()
            .flat_map(|space| self.names(space).map(move |name| (space, name.clone())))
            .collect()
    }

    pub(crate) fn add(&mut self, space: Space, name: Name) {
        let bytes = name.len();
        let added = self.names.get_mut(space as usize).is_some_and(|names| names.insert(name));
        self.bytes += if added { bytes } else { 0 };
    }

    pub(crate) fn remove(&mut self, space: Space, name: &[u8]) -> bool {
        let removed = self.names.get_mut(space as usize).is_some_and(|names| names.remove(name));
        self.bytes -= if removed { name.len() } else { 0 };
        removed
    }
}

/// Returns the name space of a command, and whether it subscribes.
pub(crate) fn meaning(kind: Subscribe) -> (Space, bool) {
    match kind {
        Subscribe::Subscribe => (Space::Channel, true),
        Subscribe::Unsubscribe => (Space::Channel, false),
        Subscribe::Psubscribe => (Space::Pattern, true),
        Subscribe::Punsubscribe => (Space::Pattern, false),
        Subscribe::Ssubscribe => (Space::Shard, true),
        Subscribe::Sunsubscribe => (Space::Shard, false),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn names_are_counted_as_servers_do() {
        let mut held = Subscriptions::default();
        for (space, name) in [
            (Space::Channel, &b"a"[..]),
            (Space::Channel, b"a"),
            (Space::Pattern, b"p*"),
            (Space::Shard, b"s"),
        ] {
            held.add(space, Arc::from(name));
        }
        assert_eq!((held.counts(), held.bytes()), ([1, 1, 1], 4));
        assert!(held.remove(Space::Shard, b"s") && !held.remove(Space::Shard, b"s"));
        assert_eq!(SPACES.map(|space| held.count(space)), [2, 2, 0]);
    }
}

//! What one client is subscribed to.

use std::collections::BTreeSet;

use crate::command::Subscribe;
use crate::node::hold::Ticket;
use crate::node::queue::Entry;
use crate::resp::pubsub::{Name, SPACES, Space};

/// The confirmed subscriptions of one client, and the command that waits to be.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// The client's audience in the hub; means nothing while nothing is held and nothing pending.
    pub(crate) audience: usize,
    names: [BTreeSet<Name>; 3],
    bytes: usize,
    pub(crate) pending: Option<Pending>,
    pub(crate) leaving: Option<Leaving>,
}

/// A subscribing command that is answered when the nodes have confirmed all of its names.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) entry: Entry,
    pub(crate) space: Space,
    /// In the order of the command, repeated ones too.
    pub(crate) names: Vec<Name>,
    /// Different names that no node has confirmed; and one more until all of them were asked for.
    pub(crate) missing: usize,
    /// Bytes of the request.
    pub(crate) len: usize,
    /// No node could take it.
    pub(crate) held: Option<Ticket>,
}

/// A command that gives names up, and is answered when the nodes have let go of those that nobody else listens to.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) entry: Entry,
    pub(crate) space: Space,
    pub(crate) names: Vec<Name>,
    /// How many of them a node has not let go of.
    pub(crate) missing: usize,
    /// The answer.
    pub(crate) answer: Vec<u8>,
}

impl Subscriptions {
    /// The client's latest command about subscriptions is not answered.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.pending.is_some() || self.leaving.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.iter().all(BTreeSet::is_empty)
    }

    /// Bytes that the names take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Names in each space: channels, patterns, shard channels.
    pub(crate) fn counts(&self) -> [usize; 3] {
        let [channels, patterns, shard] = &self.names;
        [channels.len(), patterns.len(), shard.len()]
    }

    /// The number in a confirmation: shard channels have one of their own.
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

/// Name space of a command, and whether it subscribes.
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

//! The tally of one proxy: the clients of all its workers that listen to each name, and their connections. With it
//! the number in a node's reply to PUBLISH is turned into the number of clients.
//!
//! It is touched when something is subscribed or given up, and by PUBLISH as soon as the two numbers differ for any name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::command::matches_exactly;
use crate::resp::pubsub::{Name, Space};

/// The worker's number, and the index of the audience there.
pub(crate) type TallySource = (u64, usize);

/// The listeners of one audience to one name.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    source: TallySource,
    clients: usize,
    /// The shards on whose nodes a connection is subscribed.
    shards: Vec<u16>,
}

type Names = HashMap<Name, Vec<Standing>>;

/// The tally. See the module.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    spaces: RwLock<[Names; 3]>,
    /// The number of names with more clients than connections.
    uneven: AtomicUsize,
    /// The number of names.
    known: AtomicUsize,
}

/// The numbers for one name at one shard's node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    clients: i64,
    connections: i64,
}

impl Tally {
    /// Sets the numbers of an audience for a name, in place of those that were set before.
    pub(crate) fn set(
        &self,
        source: TallySource,
        space: Space,
        name: &Name,
        clients: usize,
        shards: Vec<u16>,
    ) {
        let mut spaces = self.spaces.write().unwrap_or_else(PoisonError::into_inner);
        let Some(names) = spaces.get_mut(space as usize) else { return };
        let before = names.get(name).is_some_and(|standings| is_uneven(standings));
        let standings = names.entry(name.clone()).or_default();
        standings.retain(|standing| standing.source != source);
        if clients > 0 || !shards.is_empty() {
            standings.push(Standing { source, clients, shards });
        }
        let (after, gone) = (is_uneven(standings), standings.is_empty());
        if gone {
            names.remove(name);
        }
        match (before, after) {
            (false, true) => self.uneven.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.uneven.fetch_sub(1, Ordering::Relaxed),
            (true, true) | (false, false) => 0,
        };
        self.known.store(spaces.iter().map(HashMap::len).sum(), Ordering::Relaxed);
    }

    /// Returns true if a node's numbers are right as they are. `clustered`: each node counts only its own connections.
    pub(crate) fn needs_no_correction(&self, clustered: bool) -> bool {
        let count = if clustered { &self.known } else { &self.uneven };
        count.load(Ordering::Relaxed) == 0
    }

    /// Returns the number of clients that got a message, where the node of this shard counts `number` connections.
    pub(crate) fn published(&self, space: Space, channel: &[u8], shard: u16, number: i64) -> i64 {
        let spaces = self.spaces.read().unwrap_or_else(PoisonError::into_inner);
        let named = spaces.get(space as usize).and_then(|names| names.get(channel));
        let patterns = spaces.get(Space::Pattern as usize).filter(|_| space == Space::Channel);
        let matching = patterns.into_iter().flatten().filter(|(name, _)| matches_exactly(name, channel));
        let standings = named.into_iter().chain(matching.map(|(_, standings)| standings));
        let ours = standings
            .map(|standings| match space {
                Space::Shard => numbers_at(standings, shard),
                Space::Channel | Space::Pattern => numbers(standings, shard),
            })
            .fold(Numbers::default(), |sum, one| Numbers {
                clients: sum.clients + one.clients,
                connections: sum.connections + one.connections,
            });
        // A node sends the messages of shard channels to no other node. If a connection of ours is not subscribed
        // there, as while its slot moves, its clients get nothing.
        if space == Space::Shard && number < ours.connections {
            return number;
        }
        (number - ours.connections).max(0) + ours.clients
    }

    /// Returns how many of the `number` patterns at this shard's node are not ours, and the number of ours.
    pub(crate) fn patterns(&self, shard: u16, number: i64) -> (i64, i64) {
        let spaces = self.spaces.read().unwrap_or_else(PoisonError::into_inner);
        let Some(names) = spaces.get(Space::Pattern as usize) else { return (number, 0) };
        let here = names.values().filter(|standings| numbers(standings, shard).connections > 0).count();
        let to_number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        ((number - to_number(here)).max(0), to_number(names.len()))
    }
}

fn is_uneven(standings: &[Standing]) -> bool {
    let clients: usize = standings.iter().map(|standing| standing.clients).sum();
    clients != standings.iter().map(|standing| standing.shards.len()).sum::<usize>()
}

/// Returns the numbers of those audiences that have a connection at this shard's node.
fn numbers_at(standings: &[Standing], shard: u16) -> Numbers {
    let here = standings.iter().filter(|standing| standing.shards.contains(&shard));
    let (clients, connections) =
        here.fold((0, 0), |(clients, count), standing| (clients + standing.clients, count + 1));
    Numbers { clients: i64::try_from(clients).unwrap_or(i64::MAX), connections }
}

fn numbers(standings: &[Standing], shard: u16) -> Numbers {
    let at = |standing: &&Standing| standing.shards.contains(&shard);
    let clients: usize = standings.iter().map(|standing| standing.clients).sum();
    let connections = standings.iter().filter(at).count();
    Numbers {
        clients: i64::try_from(clients).unwrap_or(i64::MAX),
        connections: i64::try_from(connections).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn tally(standings: &[(u64, Space, &str, usize, &[u16])]) -> Tally {
        let tally = Tally::default();
        for (worker, space, name, clients, shards) in standings {
            tally.set((*worker, 0), *space, &Arc::from(name.as_bytes()), *clients, shards.to_vec());
        }
        tally
    }

    /// Two workers with fifty clients each, one client of another proxy, and patterns.
    #[test]
    fn our_connections_are_counted_as_their_clients() {
        let tally = tally(&[
            (1, Space::Channel, "a", 50, &[0]),
            (2, Space::Channel, "a", 50, &[0]),
            (1, Space::Channel, "b", 1, &[0]),
            (1, Space::Pattern, "a*", 3, &[0]),
            (1, Space::Pattern, "A*", 9, &[0]),
            (1, Space::Shard, "a", 4, &[0]),
        ]);
        assert!(!tally.needs_no_correction(false));
        for (space, channel, number, expected) in [
            (Space::Channel, "a", 3, 103),
            (Space::Channel, "a", 4, 104),
            (Space::Channel, "a", 0, 103),
            (Space::Channel, "b", 1, 1),
            (Space::Channel, "ab", 1, 3),
            (Space::Channel, "c", 2, 2),
            (Space::Shard, "a", 1, 4),
            (Space::Shard, "b", 1, 1),
        ] {
            let found = tally.published(space, channel.as_bytes(), 0, number);
            assert_eq!(found, expected, "{space:?} {channel} {number}");
        }
    }

    #[test]
    fn a_node_of_a_cluster_counts_for_itself_alone() {
        let tally = tally(&[
            (1, Space::Channel, "a", 2, &[0]),
            (2, Space::Channel, "a", 1, &[2]),
            (1, Space::Pattern, "p", 5, &[0, 1, 2]),
            (2, Space::Pattern, "p", 1, &[0, 1, 2]),
        ]);
        for (shard, number) in [(0, 1), (1, 0), (2, 1)] {
            assert_eq!(tally.published(Space::Channel, b"a", shard, number), 3, "{shard}");
            assert_eq!(tally.published(Space::Channel, b"p", shard, 2), 6, "{shard}");
            assert_eq!(tally.patterns(shard, 3), (2, 1), "{shard}");
        }
    }

    #[test]
    fn numbers_of_topics_given_up_are_forgotten() {
        let tally = tally(&[(1, Space::Channel, "a", 1, &[0])]);
        assert!(tally.needs_no_correction(false) && !tally.needs_no_correction(true));
        let name: Name = Arc::from(&b"a"[..]);
        tally.set((1, 0), Space::Channel, &name, 2, vec![0]);
        assert!(!tally.needs_no_correction(false));
        tally.set((1, 0), Space::Channel, &name, 0, vec![0]);
        assert!(
            !tally.needs_no_correction(false),
            "the node still counts a connection that nobody stands behind"
        );
        assert_eq!(tally.published(Space::Channel, b"a", 0, 1), 0);
        tally.set((1, 0), Space::Channel, &name, 0, Vec::new());
        assert!(tally.needs_no_correction(false) && tally.needs_no_correction(true));
    }
}

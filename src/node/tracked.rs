//! What the clients of a tracking connection may have cached: which of them have read which keys, and which follow all changes.

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::ids::ClientId;

/// The clients to tell of changes that the node tells on one connection. See the module.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    keys: IndexMap<Box<[u8]>, Readers>,
    /// The number of pairs of a key and a reader.
    pairs: usize,
    /// The owner of the lane, if it has run a script. It may have read any key, so it is told of every change.
    scripts: HashSet<ClientId>,
    /// Clients with BCAST, which are told of every change that the node tells.
    followers: HashSet<ClientId>,
    /// Those of them that follow another lane by now, and leave behind what the node has told so far.
    leaving: HashSet<ClientId>,
    /// The connection is established, so what is told is complete.
    pub(crate) is_live: bool,
}

/// The clients that have read a key. Most keys have one.
#[derive(Debug)]
enum Readers {
    One(ClientId),
    Many(HashSet<ClientId>),
}

impl Readers {
    /// Returns true if the client is new.
    fn add(&mut self, id: ClientId) -> bool {
        match self {
            Readers::One(only) if *only == id => false,
            Readers::One(only) => {
                *self = Readers::Many(HashSet::from([*only, id]));
                true
            }
            Readers::Many(all) => all.insert(id),
        }
    }

    fn iter(&self) -> Box<dyn Iterator<Item = ClientId> + '_> {
        match self {
            Readers::One(only) => Box::new(std::iter::once(*only)),
            Readers::Many(all) => Box::new(all.iter().copied()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Readers::One(_) => 1,
            Readers::Many(all) => all.len(),
        }
    }
}

impl Tracked {
    /// Notes that a client has read a key. Returns true if that is new.
    pub(crate) fn note(&mut self, key: &[u8], id: ClientId) -> bool {
        let is_new = match self.keys.get_mut(key) {
            Some(readers) => readers.add(id),
            None => {
                self.keys.insert(key.into(), Readers::One(id));
                true
            }
        };
        self.pairs += usize::from(is_new);
        is_new
    }

    pub(crate) fn note_script(&mut self, id: ClientId) {
        self.scripts.insert(id);
    }

    pub(crate) fn follow(&mut self, id: ClientId) {
        self.leaving.remove(&id);
        self.followers.insert(id);
    }

    pub(crate) fn is_followed_by(&self, id: ClientId) -> bool {
        self.followers.contains(&id)
    }

    pub(crate) fn begin_to_leave(&mut self, id: ClientId) {
        self.leaving.insert(id);
    }

    pub(crate) fn is_leaving(&self, id: ClientId) -> bool {
        self.leaving.contains(&id)
    }

    /// Lets those go who leave.
    pub(crate) fn end_leaving(&mut self) {
        for id in self.leaving.drain() {
            self.followers.remove(&id);
        }
    }

    pub(crate) fn has_followers(&self) -> bool {
        !self.followers.is_empty()
    }

    /// Returns true if a client may have cached something.
    pub(crate) fn has_any(&self) -> bool {
        !(self.keys.is_empty() && self.scripts.is_empty() && self.followers.is_empty())
    }

    /// Returns the number of pairs of a key and a client that has read it.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs
    }

    /// Returns the clients to tell of the change of a key. Its readers are forgotten, as the node forgets them.
    pub(crate) fn take(&mut self, key: &[u8]) -> HashSet<ClientId> {
        let readers = self.keys.swap_remove(key);
        self.pairs -= readers.as_ref().map_or(0, Readers::len);
        let others = self.scripts.iter().chain(&self.followers).copied();
        readers.iter().flat_map(Readers::iter).chain(others).collect()
    }

    /// Returns the clients to tell of the change of any of these keys.
    pub(crate) fn take_each(&mut self, keys: &[&[u8]]) -> HashSet<ClientId> {
        keys.iter().flat_map(|key| self.take(key)).collect()
    }

    /// Returns all clients that may have something cached. The readers are forgotten, the followers stay.
    pub(crate) fn take_all(&mut self) -> HashSet<ClientId> {
        self.pairs = 0;
        let keys = std::mem::take(&mut self.keys);
        let scripts = std::mem::take(&mut self.scripts);
        keys.values().flat_map(Readers::iter).chain(scripts).chain(self.followers.iter().copied()).collect()
    }

    /// Returns the clients that have read keys for which `has_moved` is true, and those of which it is not known what they
    /// have read. These keys are forgotten.
    pub(crate) fn take_moved(&mut self, has_moved: impl Fn(&[u8]) -> bool) -> HashSet<ClientId> {
        let mut readers: HashSet<ClientId> =
            self.scripts.drain().chain(self.followers.iter().copied()).collect();
        let pairs = &mut self.pairs;
        self.keys.retain(|key, held| {
            let moved = has_moved(key);
            if moved {
                readers.extend(held.iter());
                *pairs -= held.len();
            }
            !moved
        });
        readers
    }

    /// Forgets the key at a place, for want of room, and returns it with its readers.
    pub(crate) fn evict(&mut self, place: usize) -> Option<(Box<[u8]>, HashSet<ClientId>)> {
        let index = place.checked_rem(self.keys.len())?;
        let (key, readers) = self.keys.swap_remove_index(index)?;
        self.pairs -= readers.len();
        Some((key, readers.iter().collect()))
    }

    /// Forgets a client that is not told of anything any more. The keys that it has read take room until they change.
    pub(crate) fn forget(&mut self, id: ClientId) {
        self.scripts.remove(&id);
        self.followers.remove(&id);
        self.leaving.remove(&id);
    }

    /// Forgets the readers for which `stays` is false. Returns true if anybody is left.
    pub(crate) fn retain(&mut self, stays: impl Fn(ClientId) -> bool) -> bool {
        let pairs = &mut self.pairs;
        self.keys.retain(|_, readers| {
            let has_any = readers.iter().any(&stays);
            *pairs -= if has_any { 0 } else { readers.len() };
            has_any
        });
        self.scripts.retain(|id| stays(*id));
        self.followers.retain(|id| stays(*id));
        self.has_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ClientId = ClientId { slot: 0, generation: 1 };
    const B: ClientId = ClientId { slot: 1, generation: 1 };
    const C: ClientId = ClientId { slot: 2, generation: 1 };

    fn set(ids: &[ClientId]) -> HashSet<ClientId> {
        ids.iter().copied().collect()
    }

    #[test]
    fn readers_are_told_once_and_those_who_may_have_read_anything_always() {
        let mut tracked = Tracked::default();
        assert!(tracked.note(b"a", A) && !tracked.note(b"a", A) && tracked.note(b"a", B));
        tracked.note(b"b", A);
        tracked.note_script(C);
        assert_eq!(tracked.pairs(), 3);
        assert_eq!(tracked.take(b"a"), set(&[A, B, C]));
        assert_eq!(tracked.take(b"a"), set(&[C]));
        tracked.forget(C);
        assert_eq!((tracked.take(b"c"), tracked.pairs()), (set(&[]), 1));
        assert_eq!(tracked.take_all(), set(&[A]));
        assert_eq!((tracked.take_all(), tracked.pairs()), (set(&[]), 0));
    }

    #[test]
    fn followers_stay_until_they_are_forgotten() {
        let mut tracked = Tracked::default();
        tracked.follow(A);
        for _ in 0..2 {
            assert_eq!(tracked.take_all(), set(&[A]));
            assert_eq!(tracked.take_moved(|_| false), set(&[A]));
        }
        assert!(tracked.retain(|_| true));
        tracked.forget(A);
        assert!(!tracked.has_followers() && !tracked.retain(|_| true));
    }

    #[test]
    fn moved_and_evicted_keys_and_those_of_clients_that_have_gone_take_no_room() {
        let mut tracked = Tracked::default();
        for (key, id) in [(b"a", A), (b"b", A), (b"b", B), (b"c", C), (b"d", B)] {
            tracked.note(key, id);
        }
        assert_eq!(tracked.take_moved(|key| key == b"a"), set(&[A]));
        assert!(tracked.retain(|id| id != C));
        assert_eq!(tracked.pairs(), 3);
        let mut evicted: Vec<u8> =
            (0..2).filter_map(|place| tracked.evict(place)).map(|(key, _)| key[0]).collect();
        evicted.sort_unstable();
        assert_eq!((evicted, tracked.pairs(), tracked.evict(5)), (b"bd".to_vec(), 0, None));
    }
}

//! Storage for values named by ids. An id finds only its own value, even if another one has taken its slot since.

use slab::Slab;

use crate::client::Client;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::Lane;

/// The capacity from which on a slab gives memory back after it has emptied.
const CROWD: usize = 1024;

/// An id: the slot of a value, and a serial number that no later value in that slot has.
pub(crate) trait Id: Copy {
    fn new(slot: u32, serial: u32) -> Self;
    fn slot(self) -> usize;
    fn serial(self) -> u32;
}

/// A value that knows its own id.
pub(crate) trait Named {
    type Id: Id;
    fn id(&self) -> Self::Id;
}

/// A slab whose ids carry serial numbers. See the module.
pub(crate) struct Arena<T> {
    places: Slab<T>,
    serial: u32,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { places: Slab::new(), serial: 0 }
    }
}

impl<T: Named> Arena<T> {
    /// Stores the value that `make` returns for the new id, and returns that id.
    pub(crate) fn insert(&mut self, make: impl FnOnce(T::Id) -> T) -> T::Id {
        self.serial = self.serial.wrapping_add(1);
        let id = T::Id::new(self.places.vacant_key() as u32, self.serial);
        self.places.insert(make(id));
        id
    }

    #[inline]
    pub(crate) fn get(&self, id: T::Id) -> Option<&T> {
        self.places.get(id.slot()).filter(|thing| thing.id().serial() == id.serial())
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: T::Id) -> Option<&mut T> {
        self.places.get_mut(id.slot()).filter(|thing| thing.id().serial() == id.serial())
    }

    pub(crate) fn remove(&mut self, id: T::Id) -> Option<T> {
        self.get(id)?;
        self.places.try_remove(id.slot())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().map(|(_, thing)| thing)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().map(|(_, thing)| thing)
    }

    /// Returns all ids. For loops in whose course values are added and removed.
    pub(crate) fn ids(&self) -> Vec<T::Id> {
        self.iter().map(Named::id).collect()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Gives back the memory of a crowd that has left, as far as no value sits behind the free slots.
    pub(crate) fn give_back(&mut self) {
        give_back(&mut self.places);
    }
}

/// Shrinks a slab whose capacity has become far too large.
pub(crate) fn give_back<T>(slab: &mut Slab<T>) {
    if slab.capacity() > CROWD && slab.len() < slab.capacity() / 4 {
        slab.shrink_to_fit();
    }
}

impl Id for ClientId {
    fn new(slot: u32, serial: u32) -> Self {
        ClientId { slot, generation: serial }
    }

    fn slot(self) -> usize {
        self.slot as usize
    }

    fn serial(self) -> u32 {
        self.generation
    }
}

impl Id for LaneId {
    fn new(slot: u32, serial: u32) -> Self {
        LaneId { slot, serial }
    }

    fn slot(self) -> usize {
        self.slot as usize
    }

    fn serial(self) -> u32 {
        self.serial
    }
}

impl Named for Client {
    type Id = ClientId;

    fn id(&self) -> ClientId {
        self.id
    }
}

impl Named for Lane {
    type Id = LaneId;

    fn id(&self) -> LaneId {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(LaneId);

    impl Named for Thing {
        type Id = LaneId;

        fn id(&self) -> LaneId {
            self.0
        }
    }

    #[test]
    fn an_id_finds_its_own_thing_alone() {
        let mut arena: Arena<Thing> = Arena::default();
        let first = arena.insert(Thing);
        assert!(arena.get(first).is_some() && arena.remove(first).is_some());
        let second = arena.insert(Thing);
        assert_eq!((first.slot, arena.len()), (second.slot, 1));
        assert!(
            arena.get(first).is_none() && arena.get_mut(first).is_none() && arena.remove(first).is_none()
        );
        assert_eq!(arena.ids(), [second]);
    }

    #[test]
    fn places_of_a_crowd_are_given_back() {
        let mut arena: Arena<Thing> = Arena::default();
        let ids: Vec<LaneId> = (0..4 * CROWD).map(|_| arena.insert(Thing)).collect();
        assert!(ids.into_iter().skip(1).all(|id| arena.remove(id).is_some()));
        arena.give_back();
        assert!(arena.places.capacity() < CROWD && arena.len() == 1);
    }
}

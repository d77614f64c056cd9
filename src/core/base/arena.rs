//! Things that are named by ids. An id whose thing is gone finds nothing, whoever has the place now.

use slab::Slab;

use crate::client::Client;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::Lane;

/// Places that a crowd needed before a slab of this size gives memory back.
const CROWD: usize = 1024;

/// What finds a thing: its place, and a number that no later thing in that place has.
pub(crate) trait Id: Copy {
    fn new(slot: u32, serial: u32) -> Self;
    fn slot(self) -> usize;
    fn serial(self) -> u32;
}

/// A thing that knows its id.
pub(crate) trait Named {
    type Id: Id;
    fn id(&self) -> Self::Id;
}

/// See the module.
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
    /// Takes in what `make` makes of its id.
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

    /// The ids of all, for walks on which things come and go.
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

    /// After a crowd has left, its places are given back as far as nobody holds one behind them.
    pub(crate) fn give_back(&mut self) {
        give_back(&mut self.places);
    }
}

/// Shrinks what has become far too large.
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

//! Slot → shard: a flat array, for one look-up per command.

use std::num::NonZeroU16;

use super::mark::Marks;
use crate::command::Slot;
use crate::topology::{Shard, Topology};

/// The owner of each slot in two bytes: the shard's index plus one, so that a slot without an owner takes no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotOwners(Box<[Option<NonZeroU16>]>);

impl SlotOwners {
    pub(super) fn unowned() -> SlotOwners {
        SlotOwners(vec![None; usize::from(Slot::COUNT)].into())
    }

    #[inline]
    pub(super) fn shard_of(&self, slot: Slot) -> Option<u16> {
        Some(self.0.get(usize::from(slot.0))?.as_ref()?.get() - 1)
    }

    /// Gives a slot to a shard. Returns false if there is no such slot.
    pub(super) fn give(&mut self, slot: Slot, shard: u16) -> bool {
        let owner = self.0.get_mut(usize::from(slot.0));
        owner.map(|owner| *owner = NonZeroU16::new(shard.wrapping_add(1))).is_some()
    }

    pub(super) fn give_all(&mut self, shard: &Shard, index: u16) {
        let slots = shard.slots.iter().flat_map(|(first, last)| *first..=*last);
        slots.for_each(|slot| {
            self.give(Slot(slot), index);
        });
    }
}

/// The slots of a cluster and the shards that own them.
#[derive(Clone, Debug)]
pub(crate) struct SlotMap {
    owners: SlotOwners,
    /// The number of slots that each shard owns.
    sizes: Vec<u16>,
    marks: Marks,
}

impl SlotMap {
    /// Builds the map of a cluster. If two shards claim a slot, the one with the newer config epoch owns it.
    pub(crate) fn new(topology: &Topology) -> SlotMap {
        let mut by_epoch: Vec<(u16, &Shard)> = (0..u16::MAX).zip(&topology.shards).collect();
        by_epoch.sort_by_key(|(_, shard)| shard.epoch);
        let mut owners = SlotOwners::unowned();
        by_epoch.into_iter().for_each(|(index, shard)| owners.give_all(shard, index));
        let mut sizes = vec![0; topology.shards.len()];
        for owner in (0..Slot::COUNT).filter_map(|slot| owners.shard_of(Slot(slot))) {
            sizes.get_mut(usize::from(owner)).map(|size| *size += 1).unwrap_or_default();
        }
        SlotMap { owners, sizes, marks: Marks::of(topology) }
    }

    /// Returns the owner of a slot. `None`: nobody owns it at present.
    #[inline]
    pub(crate) fn shard_of(&self, slot: Slot) -> Option<u16> {
        self.owners.shard_of(slot)
    }

    /// Returns the shards that own slots, ascending.
    pub(crate) fn shards(&self) -> impl Iterator<Item = u16> + Clone {
        (0..u16::MAX).zip(&self.sizes).filter(|(_, size)| **size > 0).map(|(index, _)| index)
    }

    pub(super) fn has_same_owners(&self, other: &SlotMap) -> bool {
        self.owners == other.owners
    }

    /// Gives a slot to the shard that a redirect named. Returns false if it has it already, or one of the two does not exist.
    pub(super) fn patch(&mut self, slot: Slot, shard: u16) -> bool {
        let former = self.shard_of(slot);
        if former == Some(shard) || usize::from(shard) >= self.sizes.len() || !self.owners.give(slot, shard) {
            return false;
        }
        for (index, change) in [(Some(shard), 1), (former, -1)] {
            let size = index.and_then(|index| self.sizes.get_mut(usize::from(index)));
            size.map(|size| *size = size.saturating_add_signed(change)).unwrap_or_default();
        }
        true
    }

    /// Returns the slot at which a scan of all shards begins: the lowest one that has an owner.
    pub(in crate::route) fn first_start(&self) -> Option<Slot> {
        (0..Slot::COUNT).map(Slot).find(|&slot| self.shard_of(slot).is_some())
    }

    /// Returns the slot at which a scan goes on: the lowest slot of the first shard that owns nothing up to `slot`.
    pub(in crate::route) fn next_start(&self, slot: Slot) -> Option<Slot> {
        let mut seen = vec![false; self.sizes.len()];
        (0..Slot::COUNT).map(Slot).find(|&at| {
            match self.shard_of(at).and_then(|shard| seen.get_mut(usize::from(shard))) {
                Some(seen) => !std::mem::replace(seen, true) && at > slot,
                None => false,
            }
        })
    }

    pub(super) fn mark(&self, shard: u16) -> u16 {
        self.marks.of_shard(shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::testing::{slots_of, topology_of};
    use crate::topology::ConfigEpoch;

    #[test]
    fn every_slot_has_the_owner_of_the_topology() {
        let map = slots_of(&[&[(0, 5), (100, 100)], &[], &[(6, 99)]]);
        for (slot, owner) in
            [(0, Some(0)), (5, Some(0)), (6, Some(2)), (100, Some(0)), (101, None), (16384, None)]
        {
            assert_eq!(map.shard_of(Slot(slot)), owner, "{slot}");
        }
        assert_eq!(map.shards().collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn the_newer_epoch_wins_a_slot_that_two_claim() {
        let mut topology = topology_of(&[&[(0, 10)], &[(10, 20)]]);
        topology.shards[0].epoch = ConfigEpoch(2);
        let map = SlotMap::new(&topology);
        assert_eq!([9, 10, 11].map(|slot| map.shard_of(Slot(slot))), [Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn a_patch_moves_one_slot() {
        let mut map = slots_of(&[&[(0, 0)], &[(1, 16383)]]);
        let patches = [(0, 1), (0, 1), (7, 9), (16384, 1), (7, 1)];
        let changed = patches.map(|(slot, shard)| map.patch(Slot(slot), shard));
        assert_eq!(changed, [true, false, false, false, false]);
        assert_eq!([0, 7].map(|slot| map.shard_of(Slot(slot))), [Some(1), Some(1)]);
        assert_eq!(map.shards().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn shards_follow_each_other_by_their_lowest_slots() {
        let map = slots_of(&[&[(50, 60), (90, 95)], &[(10, 20), (70, 80)], &[(30, 40)]]);
        let starts = std::iter::successors(map.first_start(), |&slot| map.next_start(slot));
        assert_eq!(starts.map(|slot| slot.0).collect::<Vec<_>>(), [10, 30, 50]);
    }
}

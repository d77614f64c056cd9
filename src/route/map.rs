//! Slot → shard, for one look-up per command: a flat array beside what little else routing asks about shards.

use crate::command::Slot;
use crate::topology::{SLOTS, Shard, Topology};

/// Which shard owns each slot. A shard is named by its index in the topology that the map was built from.
#[derive(Clone, Debug)]
pub(crate) struct SlotMap {
    owners: Box<[u16]>,
    shards: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    /// Number of slots that it owns.
    slots: u16,
    mark: u16,
}

/// The slot has no owner.
const NOBODY: u16 = u16::MAX;

impl SlotMap {
    /// Of two shards that claim a slot, the one with the newer config epoch has it.
    pub(crate) fn new(topology: &Topology) -> SlotMap {
        let shards = topology.shards.iter().map(|shard| Known { slots: 0, mark: mark_of(shard) }).collect();
        let mut map = SlotMap { owners: vec![NOBODY; usize::from(SLOTS)].into(), shards };
        let mut by_epoch: Vec<(u16, &Shard)> = (0..NOBODY).zip(&topology.shards).collect();
        by_epoch.sort_by_key(|(_, shard)| shard.epoch);
        for (index, shard) in by_epoch {
            for (first, last) in &shard.slots {
                (*first..=*last).for_each(|slot| map.patch(Slot(slot), index));
            }
        }
        map
    }

    /// Takes in what a redirect said, until discovery has the whole new map. A shard that the map does not know
    /// changes nothing.
    pub(crate) fn patch(&mut self, slot: Slot, shard: u16) {
        let Some(owner) = self.owners.get_mut(usize::from(slot.0)) else { return };
        let Some(known) = self.shards.get_mut(usize::from(shard)) else { return };
        let former = std::mem::replace(owner, shard);
        known.slots += 1;
        if let Some(former) = self.shards.get_mut(usize::from(former)) {
            former.slots -= 1;
        }
    }

    /// Every slot has the same owner in both.
    pub(crate) fn has_same_owners(&self, other: &SlotMap) -> bool {
        self.owners == other.owners
    }

    /// `None`: nobody owns the slot at present.
    #[inline]
    pub(crate) fn shard_of(&self, slot: Slot) -> Option<u16> {
        self.owners.get(usize::from(slot.0)).copied().filter(|&shard| shard != NOBODY)
    }

    /// The shards that own slots, ascending: where a command for all shards goes.
    pub(crate) fn shards(&self) -> impl Iterator<Item = u16> + Clone {
        (0..NOBODY).zip(&self.shards).filter(|(_, known)| known.slots > 0).map(|(index, _)| index)
    }

    /// The lowest slot of the first shard in the order of lowest slots.
    pub(super) fn first_start(&self) -> Option<Slot> {
        (0..SLOTS).map(Slot).find(|&slot| self.shard_of(slot).is_some())
    }

    /// The lowest slot of the first shard that owns nothing up to `slot`.
    pub(super) fn next_start(&self, slot: Slot) -> Option<Slot> {
        let mut seen = vec![false; self.shards.len()];
        (0..SLOTS).map(Slot).find(|&at| {
            match self.shard_of(at).and_then(|shard| seen.get_mut(usize::from(shard))) {
                Some(seen) => !std::mem::replace(seen, true) && at > slot,
                None => false,
            }
        })
    }

    /// Some bits of the identity of the shard's master; never 0. Proxies with the same topology say the same.
    pub(super) fn mark(&self, shard: u16) -> u16 {
        self.shards.get(usize::from(shard)).map_or(1, |known| known.mark)
    }
}

/// Bits of a mark.
pub(super) const MARK_BITS: u32 = 12;

/// FNV-1a over address and run id. Its high bits hardly know the last bytes, so they are mixed once more.
fn mark_of(shard: &Shard) -> u16 {
    let Some(master) = shard.master_node() else { return 1 };
    let name = format!("{} {}", master.endpoint, master.run_id.as_deref().unwrap_or_default());
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> (64 - MARK_BITS)) as u16).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::testing::{map_of, topology_of};
    use crate::topology::ConfigEpoch;

    #[test]
    fn every_slot_has_the_owner_of_the_topology() {
        let map = map_of(&[&[(0, 5), (100, 100)], &[], &[(6, 99)]]);
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
        let mut map = map_of(&[&[(0, 0)], &[(1, 16383)]]);
        map.patch(Slot(0), 1);
        map.patch(Slot(0), 1);
        map.patch(Slot(7), 9);
        map.patch(Slot(16384), 1);
        assert_eq!([0, 7].map(|slot| map.shard_of(Slot(slot))), [Some(1), Some(1)]);
        assert_eq!(map.shards().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn neighbours_have_different_marks() {
        let shards: Vec<&[(u16, u16)]> = vec![&[]; 100];
        let map = map_of(&shards);
        let marks: std::collections::HashSet<u16> = (0..100).map(|shard| map.mark(shard)).collect();
        assert!(marks.len() > 90, "{}", marks.len());
    }

    #[test]
    fn shards_follow_each_other_by_their_lowest_slots() {
        let map = map_of(&[&[(50, 60), (90, 95)], &[(10, 20), (70, 80)], &[(30, 40)]]);
        let starts = std::iter::successors(map.first_start(), |&slot| map.next_start(slot));
        assert_eq!(starts.map(|slot| slot.0).collect::<Vec<_>>(), [10, 30, 50]);
    }
}

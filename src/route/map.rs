//! Key → slot → shard, for one look-up per command: a flat array beside what little else routing asks about shards.
//!
//! Of active nodes there are two lots more beside the slots: the keys that the home node writes, and those that go aside. So
//! whatever follows a slot from one shard to another works there as well.

use std::sync::Arc;

use crate::command::{Lot, Slot};
use crate::config::Flush;
use crate::topology::active::{self, ASIDE, FIRST_OWN, HOME};
use crate::topology::{NodeState, SLOTS, Shard, Topology};

use super::writers::Writers;

/// Which shard owns each slot. A shard is named by its index in the topology that the map was built from.
#[derive(Clone, Debug)]
pub(crate) struct SlotMap {
    owners: Box<[u16]>,
    shards: Vec<KnownNode>,
    /// `None`: of a cluster.
    active: Option<Box<Nodes>>,
}

#[derive(Clone, Debug)]
struct KnownNode {
    /// Number of slots that it owns.
    slots: u16,
    mark: u16,
}

/// What is known of active nodes beyond the slots.
#[derive(Clone, Debug)]
struct Nodes {
    writers: Arc<Writers>,
    /// The nodes' own places that take commands, ascending.
    own: Vec<u16>,
    /// No node is away.
    all_up: bool,
    /// All of them with their states, for people.
    told: String,
}

/// The slot has no owner.
const NOBODY: u16 = u16::MAX;

impl SlotMap {
    /// Of a cluster. Of two shards that claim a slot, the one with the newer config epoch has it.
    pub(crate) fn new(topology: &Topology) -> SlotMap {
        let mut map = SlotMap::unowned(topology, usize::from(SLOTS), None);
        let mut by_epoch: Vec<(u16, &Shard)> = (0..NOBODY).zip(&topology.shards).collect();
        by_epoch.sort_by_key(|(_, shard)| shard.epoch);
        by_epoch.into_iter().for_each(|(index, shard)| map.give(shard, index));
        map
    }

    /// Of active nodes. Home and aside are where they are even before anything is known: what goes there waits there.
    pub(crate) fn active(topology: &Topology, writers: &Arc<Writers>) -> SlotMap {
        let nodes = Nodes {
            writers: Arc::clone(writers),
            own: active::own(&topology.shards).map(|(place, _)| place).collect(),
            all_up: all_up(topology),
            told: told(topology),
        };
        let mut map = SlotMap::unowned(topology, Lot::COUNT, Some(Box::new(nodes)));
        let own = (0..NOBODY).zip(&topology.shards).skip(usize::from(FIRST_OWN));
        own.for_each(|(place, shard)| map.give(shard, place));
        for (lot, place) in [(Lot::Home, HOME), (Lot::Aside, ASIDE)] {
            if let Some(owner) = map.owners.get_mut(lot.index()) {
                *owner = place;
            }
        }
        map
    }

    fn unowned(topology: &Topology, lots: usize, active: Option<Box<Nodes>>) -> SlotMap {
        let shards =
            topology.shards.iter().map(|shard| KnownNode { slots: 0, mark: mark_of(shard) }).collect();
        SlotMap { owners: vec![NOBODY; lots].into(), shards, active }
    }

    fn give(&mut self, shard: &Shard, index: u16) {
        for (first, last) in &shard.slots {
            (*first..=*last).for_each(|slot| self.patch(Slot(slot), index));
        }
    }

    /// The lot that a key belongs to here.
    #[inline]
    pub(crate) fn lot_of_key(&self, key: &[u8]) -> Lot {
        match &self.active {
            None => Lot::Slot(Slot::of_key(key)),
            Some(nodes) => nodes.writers.lot_of(key),
        }
    }

    /// The same with its owner.
    pub(super) fn owned(&self, key: &[u8]) -> (Lot, Option<u16>) {
        let lot = self.lot_of_key(key);
        (lot, self.shard_of(lot))
    }

    pub(crate) fn is_of_cluster(&self) -> bool {
        self.active.is_none()
    }

    /// Nothing is known of the cluster yet: nothing can go anywhere.
    pub(crate) fn is_unknown(&self) -> bool {
        self.is_of_cluster() && self.shards().next().is_none()
    }

    /// Every key belongs to the same slot, whatever it is: nobody needs to look at keys.
    #[inline]
    pub(crate) fn is_uniform(&self) -> bool {
        self.active.as_ref().is_some_and(|nodes| nodes.writers.is_uniform())
    }

    /// Returns what becomes of a command that empties all nodes. `None`: a cluster's is not asked about.
    pub(super) fn flush(&self) -> Option<(Flush, bool)> {
        self.active.as_ref().map(|nodes| (nodes.writers.flush, nodes.all_up))
    }

    /// The active nodes and their states: `node-1:6379=up,node-2:6379=down`.
    pub(crate) fn nodes_told(&self) -> Option<&str> {
        self.active.as_ref().map(|nodes| nodes.told.as_str())
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

    /// `None`: nobody owns the slot, or the lot, at present.
    #[inline]
    pub(crate) fn shard_of(&self, lot: impl Into<Lot>) -> Option<u16> {
        self.owners.get(lot.into().index()).copied().filter(|&shard| shard != NOBODY)
    }

    /// Returns where a command for all shards goes: those that own slots, or the active nodes that are there.
    pub(crate) fn everywhere(&self) -> Vec<u16> {
        match &self.active {
            None => self.shards().collect(),
            Some(nodes) => nodes.own.clone(),
        }
    }

    /// Nothing is sent to this shard any more, unless it is given slots again.
    pub(crate) fn has_gone(&self, shard: u16) -> bool {
        match &self.active {
            None => !self.shards().any(|known| known == shard),
            Some(nodes) => shard >= FIRST_OWN && !nodes.own.contains(&shard),
        }
    }

    /// The shards of a cluster that own slots, ascending.
    pub(crate) fn shards(&self) -> impl Iterator<Item = u16> + Clone {
        (0..NOBODY).zip(&self.shards).filter(|(_, known)| known.slots > 0).map(|(index, _)| index)
    }

    /// Returns where a scan begins: the lowest slot of the first shard in the order of lowest slots. One active node has all keys.
    pub(super) fn first_start(&self) -> Option<Lot> {
        if self.active.is_some() {
            return Some(Lot::Home);
        }
        (0..SLOTS).map(Slot).find(|&slot| self.shard_of(slot).is_some()).map(Lot::Slot)
    }

    /// The lowest slot of the first shard that owns nothing up to `slot`.
    pub(super) fn next_start(&self, slot: Slot) -> Option<Slot> {
        if self.active.is_some() {
            return None;
        }
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

/// Every place that a node has of its own is there, with the node up.
fn all_up(topology: &Topology) -> bool {
    let own = topology.shards.get(usize::from(FIRST_OWN)..).unwrap_or_default();
    let is_up = |shard: &Shard| shard.master_node().is_some_and(|node| node.state == NodeState::Up);
    !own.is_empty() && own.iter().all(is_up)
}

/// The nodes of home are all of them.
fn told(topology: &Topology) -> String {
    let nodes = topology.shards.get(usize::from(HOME)).map(|home| home.nodes.as_slice()).unwrap_or_default();
    let told: Vec<String> =
        nodes.iter().map(|node| format!("{}={}", node.endpoint, node.state.name())).collect();
    told.join(",")
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
    use crate::config::Writer::{First, Key, Nearest};
    use crate::route::testing::{active_map, active_topology, map_of, topology_of, writers};
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
        let Some(Lot::Slot(first)) = map.first_start() else { panic!("a slot is owned") };
        let starts = std::iter::successors(Some(first), |&slot| map.next_start(slot));
        assert_eq!(starts.map(|slot| slot.0).collect::<Vec<_>>(), [10, 30, 50]);
    }

    const THIRDS: [&[(u16, u16)]; 3] = [&[(0, 5460)], &[(5461, 10922)], &[(10923, 16383)]];

    #[test]
    fn keys_of_active_nodes_lead_to_their_writers() {
        // foo: 12182, bar: 5061.
        let rules = [("home:", Nearest), ("aside:", First)];
        let map = active_map(writers(Key, &rules), &active_topology(7000, 7001, &THIRDS));
        for (key, slot, shard) in [
            ("foo", Lot::Slot(Slot(12182)), 4),
            ("bar", Lot::Slot(Slot(5061)), 2),
            ("home:foo", Lot::Home, HOME),
            ("aside:foo", Lot::Aside, ASIDE),
        ] {
            assert_eq!(map.lot_of_key(key.as_bytes()), slot, "{key}");
            assert_eq!(map.shard_of(slot), Some(shard), "{key}");
        }
        assert_eq!(map.everywhere(), [2, 3, 4]);
        assert_eq!(map.nodes_told(), Some("127.0.0.1:7000=up,127.0.0.1:7001=up,127.0.0.1:7002=up"));
    }

    #[test]
    fn before_anything_is_known_home_is_where_it_will_be_and_slots_have_no_owner() {
        let empty = Topology { generation: crate::topology::Generation(0), shards: Vec::new() };
        let map = active_map(writers(Key, &[]), &empty);
        assert_eq!(
            [Lot::Home, Lot::Aside, Lot::Slot(Slot(0))].map(|slot| map.shard_of(slot)),
            [Some(0), Some(1), None]
        );
        assert!(map.everywhere().is_empty());
    }

    #[test]
    fn a_node_that_is_away_is_told_nothing_and_its_place_has_gone() {
        let mut topology = active_topology(7000, 7001, &THIRDS);
        let before = active_map(writers(Nearest, &[]), &topology);
        topology.shards[3].master = None;
        let after = active_map(writers(Nearest, &[]), &topology);
        assert_eq!(after.everywhere(), [2, 4]);
        assert_eq!([0, 1, 2, 3].map(|shard| after.has_gone(shard)), [false, false, false, true]);
        assert!(before.has_same_owners(&after));
        let slots_moved =
            active_map(writers(Nearest, &[]), &active_topology(7000, 7001, &[&[(0, 16383)], &[], &[]]));
        assert!(!before.has_same_owners(&slots_moved));
        let home_moved = active_map(writers(Nearest, &[]), &active_topology(7002, 7001, &THIRDS));
        assert!(before.has_same_owners(&home_moved));
    }

    type Change = fn(&mut Topology);

    #[test]
    fn all_are_up_only_when_each_place_has_its_node() {
        let changes: [(Change, bool); 4] = [
            (|_| {}, true),
            (|topology| topology.shards[4].master = None, false),
            (|topology| topology.shards[4].nodes[0].state = NodeState::Settling, false),
            (|topology| topology.shards.truncate(2), false),
        ];
        for (change, expected) in changes {
            let mut topology = active_topology(7000, 7001, &THIRDS);
            change(&mut topology);
            let map = active_map(writers(Nearest, &[]), &topology);
            assert_eq!(map.flush(), Some((Flush::Refuse, expected)));
        }
    }
}

//! The shards of a backend of the kind `active`. Every node has every key and takes writes, so a shard says where a client's
//! commands go, not which node has which keys.
//!
//! | place | leads to | `slots` |
//! |---|---|---|
//! | `Home` | the node that the proxy's own `active.writer` chooses (`key`: the nearest); commands without keys go here too | all of them, unless `writer = "key"` |
//! | `Aside` | the node that `writer` would choose with the other of its values `nearest` and `first`, for the keys whose rule says so; without a rule of this kind it has no nodes | none |
//! | `Own` | always the same node; there is one such place for each node | the slots of the keys that this node alone writes, by `writer = "key"` or by a rule |
//!
//! The master of a shard is the node that its commands go to. Commands for a slot that is divided by key and that no shard
//! owns are held: the slot is moving from one node to another.

use super::Shard;

/// The place of a shard in a topology of active nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActivePlace {
    /// The place for commands whose keys have no writer of their own. The `nodes` of its shard are all nodes.
    Home,
    /// The place for the keys whose rule names the other writer.
    Aside,
    /// The place of the node with this number; it never leads to another node.
    Own(u16),
}

/// The number of places that do not belong to a node: `Home` and `Aside`.
const COMMON: u16 = 2;

impl ActivePlace {
    /// Returns the place of the shard with this index.
    pub(crate) fn of(shard: u16) -> ActivePlace {
        match shard {
            0 => ActivePlace::Home,
            1 => ActivePlace::Aside,
            own => ActivePlace::Own(own - COMMON),
        }
    }

    /// Returns the index of the shard at this place.
    pub(crate) fn shard(self) -> u16 {
        match self {
            ActivePlace::Home => 0,
            ActivePlace::Aside => 1,
            ActivePlace::Own(node) => node + COMMON,
        }
    }

    pub(crate) fn is_own(self) -> bool {
        match self {
            ActivePlace::Own(_) => true,
            ActivePlace::Home | ActivePlace::Aside => false,
        }
    }
}

/// Returns the home of active nodes.
pub(crate) fn home(shards: &[Shard]) -> Option<&Shard> {
    shards.get(usize::from(ActivePlace::Home.shard()))
}

/// Returns the nodes' own places, with the indices of their shards.
pub(crate) fn own(shards: &[Shard]) -> impl Iterator<Item = (u16, &Shard)> {
    (0..u16::MAX).zip(shards).filter(|(shard, _)| ActivePlace::of(*shard).is_own())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_is_one_place() {
        for (shard, place) in [(0, ActivePlace::Home), (1, ActivePlace::Aside), (2, ActivePlace::Own(0))] {
            assert_eq!((ActivePlace::of(shard), place.shard()), (place, shard));
        }
        assert_eq!(ActivePlace::of(u16::MAX).shard(), u16::MAX);
    }
}

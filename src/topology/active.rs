//! What the shards of a backend of the kind `active` are: every node takes writes, so a shard is not who has which
//! keys but where a client's commands go.
//!
//! | place | leads to | `slots` |
//! |---|---|---|
//! | `Home` | the node that the proxy's own `active.writer` chooses (`key`: the nearest): commands without keys go here too | all of them, unless `writer = "key"` |
//! | `Aside` | the other one of nearest and first, for keys whose rule says so; without nodes where no rule does | none |
//! | `Own` | one node each, for life | those of the keys that it alone writes, by `writer = "key"` or a rule that says so |
//!
//! The master of a shard is the node that its commands go to. A slot that is to be shared out by key and that no shard
//! owns is held: it is on its way from one node to another.

use super::Shard;

/// The place of a shard in a topology of active nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActivePlace {
    /// Commands that have no writer of their own go here. Its `nodes` are all of them.
    Home,
    Aside,
    /// The place of the node with this number, which leads to no other.
    Own(u16),
}

/// Places that are no node's own.
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

    /// Returns the index of its shard.
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

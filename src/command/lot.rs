//! The keys that have an owner in common: in a cluster those of a slot, with active nodes those of a writer.

use super::slot::Slot;

/// A set of keys that always have the same owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lot {
    Slot(Slot),
    /// All keys, if there is one shard; with active nodes, the keys that the home node writes.
    Home,
    /// With active nodes, the keys whose writer is not home: the nearest node where home is the first one, and the other
    /// way round.
    Aside,
}

impl Lot {
    pub(crate) const COUNT: usize = Slot::COUNT as usize + 2;

    /// Returns the index in an array of all lots.
    #[inline]
    pub(crate) fn index(self) -> usize {
        match self {
            Lot::Slot(slot) => usize::from(slot.0),
            Lot::Home => usize::from(Slot::COUNT),
            Lot::Aside => usize::from(Slot::COUNT) + 1,
        }
    }
}

impl From<Slot> for Lot {
    fn from(slot: Slot) -> Lot {
        Lot::Slot(slot)
    }
}

//! What is owned together: the keys of a slot; or, of active nodes, those that the home node writes, and those that go aside.

use super::slot::Slot;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lot {
    Slot(Slot),
    /// The keys that the home node writes.
    Home,
    /// The keys that go aside: to the nearest where home is the first, and the other way round.
    Aside,
}

impl Lot {
    pub(crate) const COUNT: usize = Slot::COUNT as usize + 2;

    /// Its place in a flat array of all.
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

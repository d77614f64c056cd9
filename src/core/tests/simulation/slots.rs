//! The owner of each slot, if it has one.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::command::Slot;

const SLOTS: u16 = 16384;
const THIRD: u16 = 5462;

pub(super) struct Slots(Vec<Option<usize>>);

impl Slots {
    /// Three shards own a third each.
    pub(super) fn new() -> Self {
        Slots((0..SLOTS).map(|slot| Some(usize::from(slot / THIRD))).collect())
    }

    pub(super) fn third(number: u16) -> Range<u16> {
        number * THIRD..SLOTS.min((number + 1) * THIRD)
    }

    pub(super) fn of(key: &[u8]) -> u16 {
        Slot::of_key(key).0
    }

    pub(super) fn owner(&self, slot: u16) -> Option<usize> {
        self.0[usize::from(slot)]
    }

    pub(super) fn give(&mut self, slots: Range<u16>, owner: Option<usize>) {
        slots.for_each(|slot| self.0[usize::from(slot)] = owner);
    }

    /// Gives all slots of one owner to another.
    pub(super) fn hand_over(&mut self, from: usize, to: usize) {
        self.0.iter_mut().filter(|owner| **owner == Some(from)).for_each(|owner| *owner = Some(to));
    }

    pub(super) fn ranges(&self, owner: usize) -> Vec<(u16, u16)> {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for slot in (0..SLOTS).filter(|slot| self.owner(*slot) == Some(owner)) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == slot => *last = slot,
                _ => ranges.push((slot, slot)),
            }
        }
        ranges
    }

    pub(super) fn owners(&self) -> BTreeSet<usize> {
        self.0.iter().flatten().copied().collect()
    }
}

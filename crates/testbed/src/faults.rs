//! What went wrong, counted: for one client, and summed over all.

use std::ops::AddAssign;

/// What is wrong, per kind of command where it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) mixed_up: u64,
    pub(crate) misordered: u64,
    pub(crate) lost: PerKind,
    pub(crate) doubled: PerKind,
    /// What the nodes of a mesh ran twice themselves when one of them came back.
    pub(crate) redone: PerKind,
}

impl AddAssign for Faults {
    fn add_assign(&mut self, other: Self) {
        self.mixed_up += other.mixed_up;
        self.misordered += other.misordered;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.redone += other.redone;
    }
}

/// A number for each kind of write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct PerKind {
    pub(crate) set: u64,
    pub(crate) incr: u64,
    pub(crate) rpush: u64,
    /// Only the clients of a cluster pop.
    pub(crate) blpop: u64,
}

impl PerKind {
    pub(crate) fn total(self) -> u64 {
        self.set + self.incr + self.rpush + self.blpop
    }
}

impl AddAssign for PerKind {
    fn add_assign(&mut self, other: Self) {
        self.set += other.set;
        self.incr += other.incr;
        self.rpush += other.rpush;
        self.blpop += other.blpop;
    }
}

//! What went wrong, counted: for one ledger, for one client, and summed over all.

use std::ops::AddAssign;

/// What is wrong, per kind of command where it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Replies and values that belong to another client or command, or to none.
    pub mixed_up: u64,
    /// Replies or writes out of order, or gone with nothing that excuses it.
    pub misordered: u64,
    /// Acked writes that the backend lost.
    pub lost: PerKind,
    /// Writes that ran twice.
    pub doubled: PerKind,
    /// Writes that are there although they were reported as not executed.
    pub denied: u64,
    /// What the nodes of a mesh ran twice themselves when one of them came back.
    pub redone: PerKind,
}

impl AddAssign for Faults {
    fn add_assign(&mut self, other: Self) {
        self.mixed_up += other.mixed_up;
        self.misordered += other.misordered;
        self.lost += other.lost;
        self.denied += other.denied;
        self.doubled += other.doubled;
        self.redone += other.redone;
    }
}

/// A number for each kind of write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PerKind {
    /// SET and MSET.
    pub set: u64,
    /// INCR.
    pub incr: u64,
    /// RPUSH.
    pub rpush: u64,
    /// Only the clients of a cluster pop.
    pub blpop: u64,
}

impl PerKind {
    /// Of all kinds.
    pub fn total(self) -> u64 {
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

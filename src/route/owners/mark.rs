//! Marks: some bits of the identity of each shard's master. A SCAN cursor contains the mark of the process that made it.

use crate::topology::{Shard, Topology};

/// The number of bits of a mark.
pub(in crate::route) const MARK_BITS: u32 = 12;

/// The mark of a shard whose master is not known. No mark is 0.
pub(super) const UNKNOWN: u16 = 1;

/// The marks of all shards, by their indices.
#[derive(Clone, Debug)]
pub(super) struct Marks(Vec<u16>);

impl Marks {
    pub(super) fn of(topology: &Topology) -> Marks {
        Marks(topology.shards.iter().map(of_shard).collect())
    }

    pub(super) fn of_shard(&self, shard: u16) -> u16 {
        self.0.get(usize::from(shard)).copied().unwrap_or(UNKNOWN)
    }
}

/// Returns the mark of a shard: FNV-1a over its master's address and run id. The high bits of that hash hardly depend on the
/// last bytes, so they are mixed once more.
fn of_shard(shard: &Shard) -> u16 {
    let Some(master) = shard.master_node() else { return UNKNOWN };
    let name = format!("{} {}", master.endpoint, master.run_id.as_deref().unwrap_or_default());
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> (64 - MARK_BITS)) as u16).max(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::testing::topology_of;

    #[test]
    fn neighbours_have_different_marks() {
        let shards: Vec<&[(u16, u16)]> = vec![&[]; 100];
        let all = Marks::of(&topology_of(&shards));
        let marks: std::collections::HashSet<u16> = (0..100).map(|shard| all.of_shard(shard)).collect();
        assert!(marks.len() > 90, "{}", marks.len());
    }
}

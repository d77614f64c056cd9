//! Divides keys among writers by rendezvous hashing: each bucket of slots goes to the node for which the hash of both is highest.
//!
//! All proxies that see the same nodes get the same result without talking to each other. Nodes are therefore named by their run
//! ids, which are the same for all proxies whatever address they dial. When a node leaves, only its own buckets move.

use crate::topology::SLOTS;

/// The number of buckets. More of them divide keys more evenly, and make the map longer to read.
pub(super) const BUCKETS: usize = 1024;
const SLOTS_IN_BUCKET: u16 = SLOTS / BUCKETS as u16;

/// Returns the node of each bucket. `members` are the places and names of the nodes.
pub(super) fn owners(members: &[(usize, &str)]) -> Vec<Option<usize>> {
    let hashed: Vec<(usize, u64)> = members.iter().map(|(at, name)| (*at, hash_of(name))).collect();
    let owner = |bucket: usize| {
        // If two hashes are equal the name decides, which is the same for all proxies.
        let highest = hashed
            .iter()
            .zip(members)
            .max_by_key(|((_, hash), (_, name))| (mix(hash ^ mix(bucket as u64 + 1)), *name));
        highest.map(|((at, _), _)| *at)
    };
    (0..BUCKETS).map(owner).collect()
}

/// Returns the slots of the buckets of the node at place `at`, as ranges.
pub(super) fn slots(owners: &[Option<usize>], at: usize) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    let own = (0..).zip(owners).filter(|(_, owner)| **owner == Some(at));
    for (bucket, _) in own {
        let bucket: u16 = bucket;
        let (first, last) = (bucket * SLOTS_IN_BUCKET, (bucket + 1) * SLOTS_IN_BUCKET - 1);
        match ranges.last_mut().filter(|(_, end)| *end + 1 == first) {
            Some((_, end)) => *end = last,
            None => ranges.push((first, last)),
        }
    }
    ranges
}

/// Returns the FNV-1a hash of a name.
fn hash_of(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Mixes bits with the finalizer of SplitMix64: every bit of the result depends on every bit of the argument.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["3d79759e5dcae38d", "a0f1", "7302", "b"];

    fn of(places: &[usize]) -> Vec<Option<usize>> {
        let members: Vec<(usize, &str)> = places.iter().map(|at| (*at, NAMES[*at])).collect();
        owners(&members)
    }

    #[test]
    fn keys_are_shared_out_evenly() {
        let all = of(&[0, 1, 2, 3]);
        for at in 0..4 {
            let share = all.iter().filter(|owner| **owner == Some(at)).count();
            assert!((205..=307).contains(&share), "{at}: {share}");
        }
    }

    #[test]
    fn a_loss_moves_nobody_elses_buckets_and_the_order_of_members_is_of_no_account() {
        let (all, without) = (of(&[0, 1, 2, 3]), of(&[3, 0, 2]));
        for (before, after) in all.iter().zip(&without) {
            assert!(*before == Some(1) || before == after);
            assert_ne!(*after, Some(1));
        }
        assert_eq!(of(&[]), vec![None; BUCKETS]);
    }

    #[test]
    fn every_slot_is_in_one_range() {
        let all = of(&[0, 1, 2]);
        let mut ranges: Vec<(u16, u16)> = (0..3).flat_map(|at| slots(&all, at)).collect();
        ranges.sort_unstable();
        assert_eq!((ranges[0].0, ranges.last().unwrap().1), (0, SLOTS - 1));
        assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
        assert_eq!(slots(&of(&[2]), 2), [(0, SLOTS - 1)]);
        assert_eq!(slots(&of(&[2]), 1), []);
    }
}

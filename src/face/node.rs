//! The announced addresses as nodes: who has which id and which slots.

use crate::topology::{Endpoint, SLOTS};

/// One announced address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) host: String,
    pub(super) port: u16,
    /// 40 hex digits, of the address alone: the same in every process that announces it.
    pub(super) id: String,
    pub(super) shard_id: String,
    /// As a sentinel it is somebody else than as a node.
    pub(super) sentinel_id: String,
    /// First and last.
    pub(super) slots: (u16, u16),
}

/// Every proxy serves every slot, so the slots are parted evenly, in the order of the addresses.
pub(super) fn all(announced: &[Endpoint]) -> Vec<Node> {
    let count = announced.len();
    let border = |index: usize| index * usize::from(SLOTS) / count.max(1);
    let slot = |border: usize| u16::try_from(border).unwrap_or(SLOTS);
    let node = |(index, endpoint): (usize, &Endpoint)| {
        let address = endpoint.to_string();
        Node {
            host: endpoint.host.to_string(),
            port: endpoint.port,
            id: id_of("node", &address),
            shard_id: id_of("shard", &address),
            sentinel_id: id_of("sentinel", &address),
            slots: (slot(border(index)), slot(border(index + 1).saturating_sub(1))),
        }
    };
    announced.iter().enumerate().map(node).collect()
}

/// 160 bits that differ for each purpose and address. Whoever finds two addresses with one id has chosen them.
fn id_of(purpose: &str, address: &str) -> String {
    let word = |round: u8| {
        let bytes = [round].into_iter().chain(purpose.bytes()).chain([0]).chain(address.bytes());
        mixed(bytes.fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)))
    };
    let digits: String = (0..3).map(|round| format!("{:016x}", word(round))).collect();
    digits.chars().take(ID_DIGITS).collect()
}

/// FNV leaves the high bits of short texts alike; this spreads every bit over all others.
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

const ID_DIGITS: usize = 40;
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: u16) -> Vec<Node> {
        all(&(1..=count).map(|port| Endpoint::new("10.0.0.1", port)).collect::<Vec<_>>())
    }

    #[test]
    fn all_slots_are_owned_once() {
        assert!(nodes(0).is_empty());
        for count in [1, 2, 3, 5, 7, 100, 1000] {
            let nodes = nodes(count);
            assert_eq!(nodes[0].slots.0, 0);
            assert_eq!(nodes.last().map(|node| node.slots.1), Some(SLOTS - 1));
            assert!(nodes.windows(2).all(|pair| pair[0].slots.1 + 1 == pair[1].slots.0));
            let sizes = nodes.iter().map(|node| node.slots.1 - node.slots.0);
            assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
        }
    }

    #[test]
    fn an_id_is_that_of_its_address_and_purpose() {
        let (few, many) = (nodes(2), nodes(1000));
        assert_eq!(few[1].id, many[1].id);
        assert_eq!(few[0].id, "d549e183df96f61844e9236acd96cc1970134c6a");
        let ids: std::collections::BTreeSet<&String> =
            many.iter().flat_map(|node| [&node.id, &node.shard_id, &node.sentinel_id]).collect();
        assert_eq!(ids.len(), 3000);
        assert!(ids.iter().all(|id| id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit())));
    }
}

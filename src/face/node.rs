//! The announced addresses as nodes, each with its ids and its slots.

use sha1::{Digest, Sha1};

use crate::topology::{Endpoint, SLOTS};

/// One announced address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) host: String,
    pub(super) port: u16,
    /// 40 hex digits that depend on the address alone, so that every process announces the same id.
    pub(super) id: String,
    pub(super) shard_id: String,
    /// The id of a sentinel at this address, which differs from that of a node.
    pub(super) sentinel_id: String,
    /// The first and the last slot.
    pub(super) slots: (u16, u16),
}

/// Makes nodes of the addresses. As every proxy serves every slot, the slots are divided evenly in the given order.
pub(super) fn all(announced: &[Endpoint]) -> Vec<Announced> {
    let count = announced.len();
    let border = |index: usize| index * usize::from(SLOTS) / count.max(1);
    let slot = |border: usize| u16::try_from(border).unwrap_or(SLOTS);
    let node = |(index, endpoint): (usize, &Endpoint)| {
        let address = endpoint.to_string();
        Announced {
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

/// Returns an id: the SHA-1 as 40 hex digits, which is the form of a node's id.
fn id_of(purpose: &str, address: &str) -> String {
    Sha1::digest(format!("{purpose} {address}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: u16) -> Vec<Announced> {
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
        assert_eq!(few[0].id, "c6f5891ca54ecccd62f81d00d30f1a49fc83cae6");
        let ids: std::collections::BTreeSet<&String> =
            many.iter().flat_map(|node| [&node.id, &node.shard_id, &node.sentinel_id]).collect();
        assert_eq!(ids.len(), 3000);
        assert!(ids.iter().all(|id| id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit())));
    }
}

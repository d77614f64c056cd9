//! Key → lot → shard. Whatever differs between one shard, a cluster and active nodes is decided here and nowhere else.

mod active;
mod mark;
mod slots;

use std::sync::Arc;

use super::writers::Writers;
use crate::command::{Lot, Slot};
use crate::config::{Flush, Kind, Proxy};
use crate::topology::Topology;

pub(super) use self::active::ActiveMap;
pub(super) use self::mark::MARK_BITS;
pub(crate) use self::slots::SlotMap;

/// The index of the shard of a backend that has only one.
pub(crate) const ONLY_SHARD: u16 = 0;

/// The way in which a backend's shards divide the keys; it follows from the config.
#[derive(Clone, Debug)]
pub(crate) enum Sharding {
    /// There is one shard, which has every key.
    Single,
    /// Each shard has the keys of its slots, and redirects requests for other keys.
    Cluster,
    /// Every node has every key. The proxy alone decides which node writes a key; the nodes know nothing of it.
    Active(Arc<Writers>),
}

impl Sharding {
    pub(crate) fn of(proxy: &Proxy) -> Sharding {
        match proxy.backend.kind {
            Kind::Fixed { .. } | Kind::Sentinel { .. } => Sharding::Single,
            Kind::Cluster { .. } => Sharding::Cluster,
            Kind::Active { .. } => Sharding::Active(Arc::new(Writers::of(&proxy.active))),
        }
    }

    /// Returns true if the proxy follows redirects. Otherwise they are passed on to the client.
    pub(crate) fn redirects(&self) -> bool {
        match self {
            Sharding::Cluster => true,
            Sharding::Single | Sharding::Active(_) => false,
        }
    }

    /// Returns true if a write that a node takes after it was replaced is lost, because the node will become a replica of its
    /// successor. An active node passes such a write on to the others instead.
    pub(crate) fn undoes_late_writes(&self) -> bool {
        match self {
            Sharding::Single | Sharding::Cluster => true,
            Sharding::Active(_) => false,
        }
    }
}

/// The present owners of all keys. A shard is named by its index in the topology that this map was built from.
#[derive(Clone, Debug, Default)]
pub(crate) enum Owners {
    #[default]
    Single,
    Cluster(SlotMap),
    Active(ActiveMap),
}

impl Owners {
    pub(crate) fn new(sharding: &Sharding, topology: &Topology) -> Owners {
        match sharding {
            Sharding::Single => Owners::Single,
            Sharding::Cluster => Owners::Cluster(SlotMap::new(topology)),
            Sharding::Active(writers) => Owners::Active(ActiveMap::new(topology, writers)),
        }
    }

    /// Returns true if there is one shard, so that there is nothing to decide and no key to look at.
    #[inline]
    pub(crate) fn is_single(&self) -> bool {
        matches!(self, Owners::Single)
    }

    /// Returns the map of a cluster. With other backends a topic or a request without keys has no choice of shards.
    pub(crate) fn cluster(&self) -> Option<&SlotMap> {
        match self {
            Owners::Cluster(map) => Some(map),
            Owners::Single | Owners::Active(_) => None,
        }
    }

    /// Returns the lot that a key belongs to.
    #[inline]
    pub(crate) fn lot_of_key(&self, key: &[u8]) -> Lot {
        match self {
            Owners::Single => Lot::Home,
            Owners::Cluster(_) => Lot::Slot(Slot::of_key(key)),
            Owners::Active(map) => map.lot_of_key(key),
        }
    }

    /// Returns the owner of a lot. `None`: nobody owns it at present.
    #[inline]
    pub(crate) fn shard_of(&self, lot: Lot) -> Option<u16> {
        match (self, lot) {
            (Owners::Single, _) => Some(ONLY_SHARD),
            (Owners::Cluster(map), Lot::Slot(slot)) => map.shard_of(slot),
            (Owners::Cluster(_), Lot::Home | Lot::Aside) => None,
            (Owners::Active(map), lot) => map.shard_of(lot),
        }
    }

    /// Returns the lot of a key and its owner.
    pub(super) fn owned(&self, key: &[u8]) -> (Lot, Option<u16>) {
        let lot = self.lot_of_key(key);
        (lot, self.shard_of(lot))
    }

    /// Returns true if all keys are one lot: nobody needs to look at them, and a client's commands can all run in one order.
    #[inline]
    pub(crate) fn is_uniform(&self) -> bool {
        match self {
            Owners::Single => true,
            Owners::Cluster(_) => false,
            Owners::Active(map) => map.is_uniform(),
        }
    }

    /// Returns true while nothing is known of the cluster, so that no command can be sent.
    pub(crate) fn is_unknown(&self) -> bool {
        self.cluster().is_some_and(|map| map.shards().next().is_none())
    }

    /// Returns true if `shard` does not own this lot and will not say so: an active node serves every key, whoever writes it.
    pub(crate) fn has_left_silently(&self, lot: Lot, shard: u16) -> bool {
        match self {
            Owners::Single | Owners::Cluster(_) => false,
            Owners::Active(map) => map.shard_of(lot) != Some(shard),
        }
    }

    /// Returns the shards that a command for all of them goes to: those that own slots, or the active nodes that are up.
    pub(crate) fn everywhere(&self) -> Vec<u16> {
        match self {
            Owners::Single => vec![ONLY_SHARD],
            Owners::Cluster(map) => map.shards().collect(),
            Owners::Active(map) => map.everywhere().to_vec(),
        }
    }

    /// Returns true if nothing is sent to this shard any more, until it owns slots again.
    pub(crate) fn has_gone(&self, shard: u16) -> bool {
        match self {
            Owners::Single => false,
            Owners::Cluster(map) => !map.shards().any(|known| known == shard),
            Owners::Active(map) => map.has_gone(shard),
        }
    }

    /// Returns true if every lot has the same owner in both.
    pub(crate) fn has_same_owners(&self, other: &Owners) -> bool {
        match (self, other) {
            (Owners::Single, Owners::Single) => true,
            (Owners::Cluster(one), Owners::Cluster(other)) => one.has_same_owners(other),
            (Owners::Active(one), Owners::Active(other)) => one.has_same_owners(other),
            (Owners::Single | Owners::Cluster(_) | Owners::Active(_), _) => false,
        }
    }

    /// Gives a slot to the shard that a redirect named, until discovery has the new map. Returns true if that changed its owner.
    pub(crate) fn patch(&mut self, slot: Slot, shard: u16) -> bool {
        match self {
            Owners::Cluster(map) => map.patch(slot, shard),
            Owners::Single | Owners::Active(_) => false,
        }
    }

    /// Returns the config's rule for FLUSHALL and FLUSHDB, and true if all nodes are up. `None`: the command table alone decides.
    pub(super) fn flush(&self) -> Option<(Flush, bool)> {
        match self {
            Owners::Active(map) => Some(map.flush()),
            Owners::Single | Owners::Cluster(_) => None,
        }
    }

    /// Returns the active nodes and their states, for INFO: `node-1:6379=up,node-2:6379=down`.
    pub(crate) fn node_states(&self) -> Option<&str> {
        match self {
            Owners::Active(map) => Some(map.node_states()),
            Owners::Single | Owners::Cluster(_) => None,
        }
    }

    /// Returns some bits of the identity of the shard's master, never 0. All proxies with the same topology return the same mark.
    pub(super) fn mark(&self, shard: u16) -> u16 {
        match self {
            Owners::Single => mark::UNKNOWN,
            Owners::Cluster(map) => map.mark(shard),
            Owners::Active(map) => map.mark(shard),
        }
    }
}

#[cfg(test)]
mod tests;

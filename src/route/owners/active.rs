//! Lot → active node: home and aside have a place each; slots belong to nodes if the config divides keys by slot.

use std::sync::Arc;

use super::mark::Marks;
use super::slots::SlotOwners;
use crate::command::Lot;
use crate::config::Flush;
use crate::route::writers::Writers;
use crate::topology::active::{ActivePlace, home, own};
use crate::topology::{NodeState, Topology};

/// The writer of each lot, and all else that routing has to know about active nodes.
#[derive(Clone, Debug)]
pub(crate) struct ActiveMap {
    writers: Arc<Writers>,
    owners: SlotOwners,
    /// The shards of the nodes' own places that take commands, ascending.
    own: Vec<u16>,
    all_up: bool,
    /// All nodes with their states, as INFO shows them.
    node_states: String,
    marks: Marks,
}

impl ActiveMap {
    /// Builds the map. Home and aside exist even before anything is known, so that commands for them can wait there.
    pub(super) fn new(topology: &Topology, writers: &Arc<Writers>) -> ActiveMap {
        let mut owners = SlotOwners::unowned();
        let places = (0..u16::MAX).zip(&topology.shards);
        for (place, shard) in places.filter(|(place, _)| ActivePlace::of(*place).is_own()) {
            owners.give_all(shard, place);
        }
        ActiveMap {
            writers: Arc::clone(writers),
            owners,
            own: own(&topology.shards)
                .filter(|(_, shard)| shard.master.is_some())
                .map(|(at, _)| at)
                .collect(),
            all_up: all_up(topology),
            node_states: node_states(topology),
            marks: Marks::of(topology),
        }
    }

    #[inline]
    pub(super) fn lot_of_key(&self, key: &[u8]) -> Lot {
        self.writers.lot_of(key)
    }

    #[inline]
    pub(super) fn shard_of(&self, lot: Lot) -> Option<u16> {
        match lot {
            Lot::Slot(slot) => self.owners.shard_of(slot),
            Lot::Home => Some(ActivePlace::Home.shard()),
            Lot::Aside => Some(ActivePlace::Aside.shard()),
        }
    }

    #[inline]
    pub(super) fn is_uniform(&self) -> bool {
        self.writers.is_uniform()
    }

    pub(super) fn everywhere(&self) -> &[u16] {
        &self.own
    }

    /// Returns true if this is the own place of a node that takes no commands. Home and aside then lead to another node.
    pub(super) fn has_gone(&self, shard: u16) -> bool {
        ActivePlace::of(shard).is_own() && !self.own.contains(&shard)
    }

    pub(super) fn has_same_owners(&self, other: &ActiveMap) -> bool {
        self.owners == other.owners
    }

    pub(super) fn flush(&self) -> (Flush, bool) {
        (self.writers.flush, self.all_up)
    }

    pub(super) fn node_states(&self) -> &str {
        &self.node_states
    }

    pub(super) fn mark(&self, shard: u16) -> u16 {
        self.marks.of_shard(shard)
    }
}

/// Returns true if every node has a place of its own and is up.
fn all_up(topology: &Topology) -> bool {
    let mut nodes = own(&topology.shards).map(|(_, shard)| shard.master_node()).peekable();
    nodes.peek().is_some() && nodes.all(|node| node.is_some_and(|node| node.state == NodeState::Up))
}

fn node_states(topology: &Topology) -> String {
    let nodes = home(&topology.shards).map(|home| home.nodes.as_slice()).unwrap_or_default();
    let states: Vec<String> =
        nodes.iter().map(|node| format!("{}={}", node.endpoint, node.state.name())).collect();
    states.join(",")
}

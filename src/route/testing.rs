//! Topologies for tests, from slot ranges.

use crate::route::map::SlotMap;
use crate::topology::{ConfigEpoch, Endpoint, Generation, Node, NodeState, Role, Shard, Topology};

pub(crate) fn topology_of(shards: &[&[(u16, u16)]]) -> Topology {
    let shards = shards.iter().zip(7000..).map(|(slots, port)| shard(slots, port)).collect();
    Topology { generation: Generation(1), shards }
}

pub(crate) fn map_of(shards: &[&[(u16, u16)]]) -> SlotMap {
    SlotMap::new(&topology_of(shards))
}

/// Three shards with a third of the slots each.
pub(crate) fn thirds() -> SlotMap {
    map_of(&[&[(0, 5460)], &[(5461, 10922)], &[(10923, 16383)]])
}

fn shard(slots: &[(u16, u16)], port: u16) -> Shard {
    let (endpoint, role, state) = (Endpoint::new("127.0.0.1", port), Role::Master, NodeState::Up);
    let node = Node { endpoint, role, state, run_id: None, rtt: None, lag: None };
    Shard { slots: slots.to_vec(), master: Some(0), nodes: vec![node], epoch: ConfigEpoch(1) }
}

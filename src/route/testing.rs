//! Topologies for tests, from slot ranges.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Active, Flush, SamplerSettings, Writer, WriterRule};
use crate::route::owners::{Owners, Sharding, SlotMap};
use crate::route::writers::Writers;
use crate::topology::{ConfigEpoch, Endpoint, Generation, Node, NodeState, Role, Shard, Topology};

pub(crate) fn topology_of(shards: &[&[(u16, u16)]]) -> Topology {
    let shards = shards.iter().zip(7000..).map(|(slots, port)| shard(slots, port)).collect();
    Topology { generation: Generation(1), shards, asks_password: false }
}

pub(crate) fn map_of(shards: &[&[(u16, u16)]]) -> Owners {
    cluster_map(&topology_of(shards))
}

pub(crate) fn cluster_map(topology: &Topology) -> Owners {
    Owners::new(&Sharding::Cluster, topology)
}

pub(crate) fn slots_of(shards: &[&[(u16, u16)]]) -> SlotMap {
    SlotMap::new(&topology_of(shards))
}

/// Returns the owners of three shards with a third of the slots each.
pub(crate) fn thirds() -> Owners {
    map_of(&[&[(0, 5460)], &[(5461, 10922)], &[(10923, 16383)]])
}

fn shard(slots: &[(u16, u16)], port: u16) -> Shard {
    let (endpoint, role, state) = (Endpoint::new("127.0.0.1", port), Role::Master, NodeState::Up);
    let node = Node { endpoint, role, state, run_id: None, rtt: None, lag: None };
    Shard { slots: slots.to_vec(), master: Some(0), nodes: vec![node], epoch: ConfigEpoch(1) }
}

pub(crate) fn writers(writer: Writer, rules: &[(&str, Writer)]) -> Writers {
    let rule = |(prefix, writer): &(&str, Writer)| WriterRule { prefix: (*prefix).into(), writer: *writer };
    Writers::of(&active_config(writer, rules.iter().map(rule).collect(), Flush::Refuse))
}

pub(crate) fn active_config(writer: Writer, rules: Vec<WriterRule>, flush: Flush) -> Active {
    Active {
        writer,
        rules,
        failback: Duration::from_secs(10),
        zone: None,
        zones: [].into(),
        flush,
        sampler: SamplerSettings { keys_per_second: 0, settle: Duration::from_secs(1) },
    }
}

/// Returns a topology of active nodes at port 7000 and the ports after it, with home and aside at the given ports. Each node has
/// the slots of its entry in `own` to write.
pub(crate) fn active_topology(home: u16, aside: u16, own: &[&[(u16, u16)]]) -> Topology {
    let mut topology = topology_of(own);
    let active = |node: Node| Node { role: Role::Active, ..node };
    for shard in &mut topology.shards {
        shard.nodes = std::mem::take(&mut shard.nodes).into_iter().map(active).collect();
    }
    let nodes: Vec<Node> = topology.shards.iter().flat_map(|shard| shard.nodes.clone()).collect();
    let at = |port: u16| Some(usize::from(port - 7000));
    let led = |port, slots| Shard { slots, master: at(port), nodes: nodes.clone(), epoch: ConfigEpoch(0) };
    topology.shards.splice(0..0, [led(home, vec![(0, 16383)]), led(aside, Vec::new())]);
    topology
}

pub(crate) fn active_map(writers: Writers, topology: &Topology) -> Owners {
    Owners::new(&Sharding::Active(Arc::new(writers)), topology)
}

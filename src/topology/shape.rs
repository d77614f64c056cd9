//! The JSON shape of a topology: the same for `GET /topology` and `tideover topology --json`.

use serde::Serialize;

use super::{Node, Role, Shard, Topology};

#[derive(Debug, Serialize)]
pub(crate) struct ShardShape {
    slots: Vec<(u16, u16)>,
    nodes: Vec<NodeShape>,
}

#[derive(Debug, Serialize)]
struct NodeShape {
    endpoint: String,
    role: &'static str,
    state: &'static str,
    rtt_us: Option<u64>,
    lag_ms: Option<u64>,
    /// True if commands go to this active node. Other nodes have no such field: their role tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_use: Option<bool>,
}

pub(crate) fn shards(topology: &Topology) -> Vec<ShardShape> {
    topology.shown().map(|(_, held)| shard(held)).collect()
}

fn shard(shard: &Shard) -> ShardShape {
    let nodes = shard.nodes.iter().enumerate().map(|(index, held)| node(held, shard.is_in_use(index)));
    ShardShape { slots: shard.slots.clone(), nodes: nodes.collect() }
}

fn node(node: &Node, in_use: Option<bool>) -> NodeShape {
    let lag_ms = match node.role {
        // A replica's lag is counted from its master, which has none.
        Role::Master => Some(0),
        Role::Replica | Role::Active => node.lag.map(|lag| saturating(lag.as_millis())),
    };
    NodeShape {
        endpoint: node.endpoint.to_string(),
        role: node.role.name(),
        state: node.state.name(),
        rtt_us: node.rtt.map(|rtt| saturating(rtt.as_micros())),
        lag_ms,
        in_use,
    }
}

fn saturating(n: u128) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::topology::{ConfigEpoch, Endpoint, NodeState};

    fn redis(role: Role, lag: Option<Duration>) -> Node {
        let rtt = Some(Duration::from_nanos(140_900));
        let endpoint = Endpoint::new("127.0.0.1", 6379);
        Node { endpoint, role, state: NodeState::Up, run_id: None, rtt, lag }
    }

    #[test]
    fn a_master_lags_behind_nobody_and_the_unknown_is_null() {
        let lag = Some(Duration::from_millis(12));
        let table = [
            (redis(Role::Master, None), "master", serde_json::json!(0)),
            (redis(Role::Replica, lag), "replica", serde_json::json!(12)),
            (redis(Role::Replica, None), "replica", serde_json::Value::Null),
            (redis(Role::Active, None), "active", serde_json::Value::Null),
        ];
        for (redis, role, lag_ms) in table {
            let expected = serde_json::json!({
                "endpoint": "127.0.0.1:6379", "role": role, "state": "up", "rtt_us": 140, "lag_ms": lag_ms,
            });
            assert_eq!(serde_json::to_value(node(&redis, None)).unwrap(), expected);
        }
    }

    #[test]
    fn which_one_is_in_use_is_said_of_active_nodes_alone() {
        let (yes, no) = (serde_json::json!(true), serde_json::json!(false));
        for (role, master, expected) in [
            (Role::Active, Some(1), [Some(&no), Some(&yes)]),
            (Role::Active, None, [Some(&no), Some(&no)]),
            (Role::Replica, Some(1), [None, None]),
        ] {
            let nodes = vec![redis(role, None), redis(role, None)];
            let held = Shard { slots: Vec::new(), master, nodes, epoch: ConfigEpoch::default() };
            let shown = serde_json::to_value(shard(&held)).unwrap();
            let found = [0, 1].map(|index| shown["nodes"][index].get("in_use"));
            assert_eq!(found, expected, "{role:?} {master:?}");
        }
    }
}

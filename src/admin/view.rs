//! The JSON of `/topology` and the text of `/readyz`: pure, from a topology to what stands in the answer.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

use crate::topology::{Node, Role, SLOTS, Shard, Topology};

/// The body of `/topology`.
#[derive(Debug, Serialize)]
pub(super) struct TopologyJson {
    pub(super) proxies: Vec<ProxyJson>,
}

#[derive(Debug, Serialize)]
pub(super) struct ProxyJson {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) ready: bool,
    pub(super) generation: u64,
    pub(super) clients: u64,
    pub(super) held_commands: u64,
    pub(super) shards: Vec<ShardJson>,
    pub(super) events: Vec<EventJson>,
}

#[derive(Debug, Serialize)]
pub(super) struct ShardJson {
    slots: Vec<(u16, u16)>,
    nodes: Vec<NodeJson>,
}

#[derive(Debug, Serialize)]
struct NodeJson {
    endpoint: String,
    role: &'static str,
    state: &'static str,
    rtt_us: Option<u64>,
    lag_ms: Option<u64>,
}

/// Something that happened to a proxy's topology. A field that does not apply is null, never absent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EventJson {
    #[serde(serialize_with = "rfc3339")]
    pub(crate) at: SystemTime,
    pub(crate) kind: &'static str,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    /// Commands that waited.
    pub(crate) held: Option<u64>,
    pub(crate) outage_ms: Option<u64>,
}

pub(super) fn shards(topology: &Topology) -> Vec<ShardJson> {
    topology.shards.iter().map(shard).collect()
}

/// What keeps a proxy from being ready, in words; `None` when every slot has a master.
pub(super) fn missing(topology: &Topology) -> Option<String> {
    if topology.is_complete() {
        return None;
    }
    if topology.shards.is_empty() {
        return Some("no topology yet".to_owned());
    }
    let without: Vec<String> = uncovered(topology).iter().map(range).collect();
    Some(format!("no master for slots {}", without.join(", ")))
}

fn shard(shard: &Shard) -> ShardJson {
    ShardJson { slots: shard.slots.clone(), nodes: shard.nodes.iter().map(node).collect() }
}

fn node(node: &Node) -> NodeJson {
    let lag_ms = match node.role {
        // It is what the others lag behind.
        Role::Master => Some(0),
        Role::Replica | Role::Active => node.lag.map(|lag| saturating(lag.as_millis())),
    };
    NodeJson {
        endpoint: node.endpoint.to_string(),
        role: node.role.name(),
        state: node.state.name(),
        rtt_us: node.rtt.map(|rtt| saturating(rtt.as_micros())),
        lag_ms,
    }
}

/// The slot ranges that no shard with a master owns, ascending.
fn uncovered(topology: &Topology) -> Vec<(u16, u16)> {
    let with_master = topology.shards.iter().filter(|shard| shard.master.is_some());
    let mut owned: Vec<(u16, u16)> = with_master.flat_map(|shard| shard.slots.iter().copied()).collect();
    owned.sort_unstable();
    let mut next = 0;
    let mut gaps = Vec::new();
    for (first, last) in owned {
        if first > next {
            gaps.push((next, first - 1));
        }
        next = next.max(last.saturating_add(1));
    }
    if next < SLOTS {
        gaps.push((next, SLOTS - 1));
    }
    gaps
}

fn range((first, last): &(u16, u16)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    // The formatter has no words for the time before the epoch, and a clock can be set to it.
    let at = (*at).max(SystemTime::UNIX_EPOCH);
    serializer.collect_str(&humantime::format_rfc3339_millis(at))
}

fn saturating(n: u128) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::topology::{ConfigEpoch, Endpoint, Generation, NodeState};

    /// Slots, and whether there is a master.
    type Shards<'a> = &'a [(&'a [(u16, u16)], bool)];

    fn topology(shards: Shards<'_>) -> Topology {
        let shards = shards.iter().map(|(slots, has_master)| Shard {
            slots: slots.to_vec(),
            master: has_master.then_some(0),
            nodes: vec![redis(Role::Master, None)],
            epoch: ConfigEpoch(1),
        });
        Topology { generation: Generation(1), shards: shards.collect() }
    }

    fn redis(role: Role, lag: Option<Duration>) -> Node {
        let rtt = Some(Duration::from_nanos(140_900));
        Node {
            endpoint: Endpoint::new("127.0.0.1", 6379),
            role,
            state: NodeState::Up,
            run_id: None,
            rtt,
            lag,
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let table: &[(Shards<'_>, Option<&str>)] = &[
            (&[], Some("no topology yet")),
            (&[(&[(0, 16383)], true)], None),
            (&[(&[(0, 16383)], false)], Some("no master for slots 0-16383")),
            (&[(&[(0, 99)], true), (&[(101, 16383)], true)], Some("no master for slots 100")),
            (&[(&[(0, 5460), (9000, 16383)], true), (&[(5461, 8999)], true)], None),
            (
                &[(&[(8000, 8999)], true), (&[(100, 7999)], true), (&[(9000, 16383)], false)],
                Some("no master for slots 0-99, 9000-16383"),
            ),
        ];
        for (shards, expected) in table {
            assert_eq!(missing(&topology(shards)).as_deref(), *expected, "{shards:?}");
        }
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
            assert_eq!(serde_json::to_value(node(&redis)).unwrap(), expected);
        }
    }

    #[test]
    fn an_event_has_every_field_and_a_time_in_utc() {
        let event = EventJson {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_007),
            kind: "master-changed",
            from: None,
            to: Some("127.0.0.1:6380".to_owned()),
            held: Some(42),
            outage_ms: Some(1310),
        };
        let expected = serde_json::json!({
            "at": "2026-01-01T00:00:00.007Z", "kind": "master-changed", "from": null,
            "to": "127.0.0.1:6380", "held": 42, "outage_ms": 1310,
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), expected);
    }

    #[test]
    fn a_clock_before_the_epoch_is_no_error() {
        let at = SystemTime::UNIX_EPOCH - Duration::from_secs(5);
        let event = EventJson { at, kind: "x", from: None, to: None, held: None, outage_ms: None };
        assert!(serde_json::to_string(&event).unwrap().contains("1970-01-01T00:00:00.000Z"));
    }
}

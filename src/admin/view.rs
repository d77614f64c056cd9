//! The JSON of `/topology` and the text of `/readyz`: pure, from a topology to what stands in the answer.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

use crate::topology::Topology;
use crate::topology::events::Event;
use crate::topology::shape::ShardShape;

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
    pub(super) shards: Vec<ShardShape>,
    pub(super) events: Vec<EventJson>,
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
    pub(crate) held: u64,
    pub(crate) outage_ms: Option<u64>,
}

/// One event, in the words of the interface.
pub(super) fn event(event: &Event) -> EventJson {
    EventJson {
        at: event.at,
        kind: event.kind.name(),
        from: event.from.as_ref().map(ToString::to_string),
        to: event.to.as_ref().map(ToString::to_string),
        held: event.held,
        outage_ms: event.outage_ms,
    }
}

/// What keeps a proxy from being ready, in words; `None` when every slot has a master.
pub(super) fn missing(topology: &Topology) -> Option<String> {
    if topology.shards.is_empty() {
        return Some("no topology yet".to_owned());
    }
    let without: Vec<String> = topology.uncovered().iter().map(range).collect();
    (!without.is_empty()).then(|| format!("no node for slots {}", without.join(", ")))
}

fn range((first, last): &(u16, u16)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    // The formatter has no words for the time before the epoch, and a clock can be set to it.
    let at = (*at).max(SystemTime::UNIX_EPOCH);
    serializer.collect_str(&humantime::format_rfc3339_millis(at))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::topology::{ConfigEpoch, Endpoint, Generation, Node, NodeState, Role, Shard};

    /// Slots, and whether there is a master.
    type Shards<'a> = &'a [(&'a [(u16, u16)], bool)];

    fn topology(shards: Shards<'_>) -> Topology {
        let shards = shards.iter().map(|(slots, has_master)| Shard {
            slots: slots.to_vec(),
            master: has_master.then_some(0),
            nodes: vec![Node {
                endpoint: Endpoint::new("127.0.0.1", 6379),
                role: Role::Master,
                state: NodeState::Up,
                run_id: None,
                rtt: None,
                lag: None,
            }],
            epoch: ConfigEpoch(1),
        });
        Topology { generation: Generation(1), shards: shards.collect() }
    }

    #[test]
    fn what_is_missing_is_named() {
        let table: &[(Shards<'_>, Option<&str>)] = &[
            (&[], Some("no topology yet")),
            (&[(&[(0, 16383)], true)], None),
            (&[(&[(0, 16383)], false)], Some("no node for slots 0-16383")),
            (&[(&[(0, 99)], true), (&[(101, 16383)], true)], Some("no node for slots 100")),
            (&[(&[(0, 5460), (9000, 16383)], true), (&[(5461, 8999)], true)], None),
            (
                &[(&[(8000, 8999)], true), (&[(100, 7999)], true), (&[(9000, 16383)], false)],
                Some("no node for slots 0-99, 9000-16383"),
            ),
        ];
        for (shards, expected) in table {
            assert_eq!(missing(&topology(shards)).as_deref(), *expected, "{shards:?}");
        }
    }

    #[test]
    fn an_event_has_every_field_and_a_time_in_utc() {
        let event = EventJson {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_007),
            kind: "master-changed",
            from: None,
            to: Some("127.0.0.1:6380".to_owned()),
            held: 42,
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
        let event = EventJson { at, kind: "x", from: None, to: None, held: 0, outage_ms: None };
        assert!(serde_json::to_string(&event).unwrap().contains("1970-01-01T00:00:00.000Z"));
    }
}

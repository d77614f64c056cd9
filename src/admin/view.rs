//! The JSON of `/topology`. Pure.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Serialize, Serializer};

use crate::topology::Endpoint;
use crate::topology::differences::Difference;
use crate::topology::events::TopologyEvent;
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
    /// The findings of the diagnosis in words, the worst first.
    pub(super) problems: Vec<String>,
    pub(super) generation: u64,
    pub(super) clients: u64,
    pub(super) held_commands: u64,
    pub(super) shards: Vec<ShardShape>,
    /// The replicas that are known to differ from their masters.
    pub(super) differences: Vec<DifferenceJson>,
    pub(super) events: Vec<EventJson>,
}

/// What a failover to a replica would change. Null: it is not known.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct DifferenceJson {
    node: String,
    /// The number of users that differ.
    users: Option<u64>,
    /// The names of the settings that differ.
    settings: Option<Vec<&'static str>>,
}

/// Converts what is known of the replicas.
pub(super) fn differences(known: &BTreeMap<Endpoint, Difference>) -> Vec<DifferenceJson> {
    let differing = known.iter().filter(|(_, difference)| !difference.is_none());
    let shown = differing.map(|(node, difference)| DifferenceJson {
        node: node.to_string(),
        users: difference.counts().users,
        settings: difference.settings.clone(),
    });
    shown.collect()
}

/// An event in a proxy's topology. A field that does not apply is null, never absent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EventJson {
    #[serde(serialize_with = "rfc3339")]
    pub(crate) at: SystemTime,
    pub(crate) kind: &'static str,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    /// Number of commands that waited.
    pub(crate) held: u64,
    pub(crate) outage_ms: Option<u64>,
}

/// Converts an event.
pub(super) fn event(event: &TopologyEvent) -> EventJson {
    EventJson {
        at: event.at,
        kind: event.kind.name(),
        from: event.from.as_ref().map(ToString::to_string),
        to: event.to.as_ref().map(ToString::to_string),
        held: event.held,
        outage_ms: event.outage_ms,
    }
}

fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    // The formatter fails for a time before the epoch, to which a clock can be set.
    let at = (*at).max(SystemTime::UNIX_EPOCH);
    serializer.collect_str(&humantime::format_rfc3339_millis(at))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_replicas_that_differ_are_shown_and_users_only_as_a_number() {
        let difference = |users: Option<&[&str]>, settings| Difference {
            users: users.map(|users| users.iter().map(|user| (*user).to_owned()).collect()),
            settings,
        };
        let node = |port| Endpoint::new("10.0.0.1", port);
        let known = [
            (node(1), difference(Some(&[]), Some(vec![]))),
            (node(2), difference(Some(&["a", "b"]), Some(vec!["timeout"]))),
            (node(3), difference(None, Some(vec!["maxmemory"]))),
            (node(4), difference(None, None)),
        ];
        let expected = serde_json::json!([
            {"node": "10.0.0.1:2", "users": 2, "settings": ["timeout"]},
            {"node": "10.0.0.1:3", "users": null, "settings": ["maxmemory"]},
        ]);
        assert_eq!(serde_json::to_value(differences(&known.into())).unwrap(), expected);
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

//! Parses the replies of sentinels into plain values. Anything unexpected counts as not said.

use std::time::Duration;

use super::super::node_reply::address;
use crate::resp::value::Value;
use crate::topology::{ConfigEpoch, Endpoint};

/// The reply to `SENTINEL MASTER`. During a failover the address is still the old one and the epoch already the new one, so they
/// belong together only if `failing_over` is false.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Master {
    pub(super) address: Option<Endpoint>,
    pub(super) epoch: Option<ConfigEpoch>,
    pub(super) failing_over: bool,
    /// True if the group agrees that the master is down; the opinion of one sentinel is not enough.
    pub(super) objectively_down: bool,
    pub(super) failover_timeout: Option<Duration>,
    /// The number of other sentinels that this one knows.
    pub(super) others: usize,
}

/// One entry of `SENTINEL REPLICAS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replica {
    pub(super) address: Endpoint,
    /// True if this sentinel has the flag s_down, o_down or disconnected for it.
    pub(super) down: bool,
    pub(super) linked: bool,
    /// False with `replica-announced no`: clients shall not see the replica.
    pub(super) announced: bool,
    /// True if this sentinel is the leader of a failover and has chosen the replica.
    pub(super) promoted: bool,
}

/// One entry of `SENTINEL SENTINELS`, which never lists the sentinel that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OtherSentinel {
    pub(super) address: Endpoint,
    pub(super) run_id: String,
}

/// Parses the reply to `SENTINEL GET-MASTER-ADDR-BY-NAME`. Nil means that the sentinel does not know the group: it has no vote.
pub(super) fn master_address(value: &Value) -> Option<Endpoint> {
    match value.items() {
        [host, port] => address(host.text()?, port.text()?),
        _ => None,
    }
}

pub(super) fn master(value: &Value) -> Master {
    let fields = Fields(value.items());
    let flags = fields.text("flags").unwrap_or_default();
    Master {
        address: fields.address(),
        epoch: fields.number("config-epoch").map(ConfigEpoch),
        failing_over: has(flags, "failover_in_progress"),
        objectively_down: has(flags, "o_down"),
        failover_timeout: fields.number("failover-timeout").map(Duration::from_millis),
        others: fields
            .number("num-other-sentinels")
            .and_then(|others| usize::try_from(others).ok())
            .unwrap_or(0),
    }
}

pub(super) fn replicas(value: &Value) -> Vec<Replica> {
    value.items().iter().filter_map(replica).collect()
}

fn replica(value: &Value) -> Option<Replica> {
    let fields = Fields(value.items());
    let flags = fields.text("flags").unwrap_or_default();
    Some(Replica {
        address: fields.address()?,
        down: ["s_down", "o_down", "disconnected"].into_iter().any(|flag| has(flags, flag)),
        linked: fields.text("master-link-status") == Some("ok"),
        announced: fields.text("replica-announced") != Some("0"),
        promoted: has(flags, "promoted"),
    })
}

pub(super) fn peers(value: &Value) -> Vec<OtherSentinel> {
    let peer = |value: &Value| {
        let fields = Fields(value.items());
        let run_id = fields.text("runid").filter(|id| !id.is_empty())?;
        Some(OtherSentinel { address: fields.address()?, run_id: run_id.to_owned() })
    };
    value.items().iter().filter_map(peer).collect()
}

fn has(flags: &str, flag: &str) -> bool {
    flags.split(',').any(|word| word == flag)
}

/// The fields of a flat list: name, value, name, value.
struct Fields<'a>(&'a [Value]);

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        let (pairs, _) = self.0.as_chunks::<2>();
        pairs.iter().find(|[key, _]| key.text() == Some(name)).and_then(|[_, value]| value.text())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn address(&self) -> Option<Endpoint> {
        address(self.text("ip")?, self.text("port")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| Value::Text(word.as_bytes().to_vec())).collect())
    }

    #[test]
    fn address_of_the_master_or_no_vote() {
        let cases = [
            (list(&["10.0.0.1", "6379"]), Some(Endpoint::new("10.0.0.1", 6379))),
            (list(&["redis-1.example", "6380"]), Some(Endpoint::new("redis-1.example", 6380))),
            (list(&["2001:db8::1", "6379"]), Some(Endpoint::new("2001:db8::1", 6379))),
            (Value::Nil, None),
            (list(&["", "6379"]), None),
            (list(&["10.0.0.1", "0"]), None),
            (Value::Error("NOPERM".into()), None),
        ];
        for (value, expected) in cases {
            assert_eq!(master_address(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn flags_of_a_master_are_whole_words() {
        let reply = |flags| {
            list(&[
                "name",
                "m",
                "ip",
                "a",
                "port",
                "1",
                "flags",
                flags,
                "config-epoch",
                "7",
                "failover-timeout",
                "5000",
            ])
        };
        let cases = [
            ("master", false, false),
            ("s_down,master", false, false),
            ("s_down,o_down,master,disconnected", false, true),
            ("s_down,o_down,master,failover_in_progress", true, true),
            ("master,coordinated_failover", false, false),
        ];
        for (flags, failing_over, objectively_down) in cases {
            let parsed = master(&reply(flags));
            assert_eq!(
                (parsed.failing_over, parsed.objectively_down),
                (failing_over, objectively_down),
                "{flags}"
            );
            assert_eq!((parsed.epoch, parsed.address), (Some(ConfigEpoch(7)), Some(Endpoint::new("a", 1))));
            assert_eq!(parsed.failover_timeout, Some(Duration::from_secs(5)));
        }
        assert_eq!(master(&Value::Error("ERR No such master with that name".into())), Master::default());
    }

    #[test]
    fn a_replica_is_down_unlinked_or_hidden_as_its_entry_says() {
        let entry = |flags, link, announced| {
            let words = ["ip", "a", "port", "1", "flags", flags, "master-link-status", link];
            let mut words = words.to_vec();
            if let Some(announced) = announced {
                words.extend(["replica-announced", announced]);
            }
            Value::Array(vec![list(&words)])
        };
        let cases = [
            (entry("slave", "ok", Some("1")), (false, true, true)),
            (entry("s_down,slave,disconnected", "err", None), (true, false, true)),
            (entry("slave", "ok", Some("0")), (false, true, false)),
        ];
        for (value, expected) in cases {
            let found = replicas(&value);
            assert_eq!((found[0].down, found[0].linked, found[0].announced), expected);
        }
        assert!(replicas(&Value::Nil).is_empty());
    }

    #[test]
    fn peers_without_a_run_id_are_not_known_yet() {
        let known = list(&["ip", "s2", "port", "26379", "runid", "abc"]);
        let unknown = list(&["ip", "s3", "port", "26379", "runid", ""]);
        let found = peers(&Value::Array(vec![known, unknown]));
        assert_eq!(found, [OtherSentinel { address: Endpoint::new("s2", 26379), run_id: "abc".into() }]);
    }
}

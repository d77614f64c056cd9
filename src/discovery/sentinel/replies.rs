//! What sentinels and nodes answer, read into plain values. Anything unexpected reads as "does not say".

use std::time::Duration;

use crate::resp::value::Value;
use crate::topology::{ConfigEpoch, Endpoint};

/// `SENTINEL MASTER`. During a failover its address is the old one while its epoch is already the new one, so
/// the two belong together only while `failing_over` is false.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Master {
    pub(super) address: Option<Endpoint>,
    pub(super) epoch: Option<ConfigEpoch>,
    pub(super) failing_over: bool,
    /// The group's agreement that the master is down, not one sentinel's opinion.
    pub(super) objectively_down: bool,
    pub(super) failover_timeout: Option<Duration>,
    /// How many other sentinels it knows.
    pub(super) others: usize,
}

/// One entry of `SENTINEL REPLICAS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replica {
    pub(super) address: Endpoint,
    /// s_down, o_down or disconnected, as that sentinel sees it.
    pub(super) down: bool,
    pub(super) linked: bool,
    /// `replica-announced no`: clients shall not see it.
    pub(super) announced: bool,
    /// Chosen by the sentinel that was asked, as the leader of a failover.
    pub(super) promoted: bool,
}

/// One entry of `SENTINEL SENTINELS`: never the sentinel that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) address: Endpoint,
    pub(super) run_id: String,
}

/// What one node said about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) role: NodeRole,
    pub(super) service: Service,
    pub(super) run_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NodeRole {
    Master {
        offset: u64,
        replicas: usize,
    },
    /// `master` as the replica was told it: the same node may have other addresses elsewhere.
    Replica {
        master: Option<Endpoint>,
        linked: bool,
        offset: u64,
    },
    /// A sentinel, something foreign, or no permission to ask.
    Unknown,
}

/// Whether it would serve a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Ready,
    Loading,
    /// A replica that refuses to serve stale data.
    MasterDown,
    /// The code it refused PING with: MISCONF, NOAUTH.
    Refuses(String),
}

/// `SENTINEL GET-MASTER-ADDR-BY-NAME`. Nil means that it does not know the group: it does not vote.
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

pub(super) fn peers(value: &Value) -> Vec<Peer> {
    let peer = |value: &Value| {
        let fields = Fields(value.items());
        let run_id = fields.text("runid").filter(|id| !id.is_empty())?;
        Some(Peer { address: fields.address()?, run_id: run_id.to_owned() })
    };
    value.items().iter().filter_map(peer).collect()
}

/// PING, ROLE, INFO server, INFO persistence.
pub(super) fn node(values: &[Value]) -> Node {
    let nil = Value::Nil;
    let at = |index: usize| values.get(index).unwrap_or(&nil);
    let info = |index: usize, field: &str| info(at(index), field).map(str::to_owned);
    let loading = info(3, "loading").as_deref() == Some("1");
    Node {
        role: role(at(1)),
        service: if loading { Service::Loading } else { service(at(0)) },
        run_id: info(2, "run_id"),
    }
}

fn service(ping: &Value) -> Service {
    match ping.error_code() {
        // No permission for PING, or a long script: the node is alive and would serve.
        None | Some("NOPERM" | "BUSY") => Service::Ready,
        Some("LOADING") => Service::Loading,
        Some("MASTERDOWN") => Service::MasterDown,
        Some(code) => Service::Refuses(code.to_owned()),
    }
}

fn role(value: &Value) -> NodeRole {
    let offset = |value: &Value| u64::try_from(value.int().unwrap_or(0)).unwrap_or(0);
    match value.items() {
        [role, at, replicas, ..] if role.text() == Some("master") => {
            NodeRole::Master { offset: offset(at), replicas: replicas.items().len() }
        }
        [role, host, port, link, at] if role.text() == Some("slave") => NodeRole::Replica {
            master: host.text().zip(port.int()).and_then(|(host, port)| address(host, &port.to_string())),
            linked: link.text() == Some("connected"),
            offset: offset(at),
        },
        _ => NodeRole::Unknown,
    }
}

/// One field of an INFO reply.
pub(super) fn info<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    let line = |line: &'a str| line.strip_prefix(field)?.strip_prefix(':').map(str::trim);
    value.text()?.lines().find_map(line)
}

/// Hosts may be names or bare IPv6 addresses.
pub(super) fn address(host: &str, port: &str) -> Option<Endpoint> {
    let port = port.parse().ok().filter(|port| *port != 0)?;
    if host.is_empty() { None } else { Some(Endpoint::new(host, port)) }
}

fn has(flags: &str, flag: &str) -> bool {
    flags.split(',').any(|word| word == flag)
}

/// A flat list: name, value, name, value.
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
        assert_eq!(found, [Peer { address: Endpoint::new("s2", 26379), run_id: "abc".into() }]);
    }

    #[test]
    fn what_a_node_says_of_itself() {
        let text = |text: &str| Value::Text(text.as_bytes().to_vec());
        let master_role =
            Value::Array(vec![text("master"), Value::Int(100), Value::Array(vec![list(&["b", "2", "90"])])]);
        let replica_role =
            Value::Array(vec![text("slave"), text("a"), Value::Int(1), text("connected"), Value::Int(90)]);
        let server = text("# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n");
        let noperm = Value::Error("NOPERM this user".into());
        let replica = || NodeRole::Replica { master: Some(Endpoint::new("a", 1)), linked: true, offset: 90 };
        let cases = [
            (
                vec![text("PONG"), master_role.clone(), server.clone(), text("loading:0\r\n")],
                (NodeRole::Master { offset: 100, replicas: 1 }, Service::Ready, Some("abc")),
            ),
            (
                vec![
                    Value::Error("LOADING Redis is".into()),
                    master_role.clone(),
                    server.clone(),
                    Value::Nil,
                ],
                (NodeRole::Master { offset: 100, replicas: 1 }, Service::Loading, Some("abc")),
            ),
            (
                vec![text("PONG"), master_role.clone(), server.clone(), text("loading:1\r\n")],
                (NodeRole::Master { offset: 100, replicas: 1 }, Service::Loading, Some("abc")),
            ),
            (
                vec![text("PONG"), replica_role.clone(), noperm.clone(), noperm.clone()],
                (replica(), Service::Ready, None),
            ),
            (
                vec![Value::Error("MASTERDOWN Link".into()), replica_role, server.clone(), Value::Nil],
                (replica(), Service::MasterDown, Some("abc")),
            ),
            (
                vec![Value::Error("MISCONF Errors".into()), master_role, server.clone(), Value::Nil],
                (
                    NodeRole::Master { offset: 100, replicas: 1 },
                    Service::Refuses("MISCONF".into()),
                    Some("abc"),
                ),
            ),
            (
                vec![Value::Error("NOAUTH".into())],
                (NodeRole::Unknown, Service::Refuses("NOAUTH".into()), None),
            ),
            (
                vec![noperm.clone(), noperm, server, Value::Nil],
                (NodeRole::Unknown, Service::Ready, Some("abc")),
            ),
        ];
        for (values, (role, service, run_id)) in cases {
            let run_id = run_id.map(str::to_owned);
            assert_eq!(node(&values), Node { role, service, run_id }, "{values:?}");
        }
    }
}

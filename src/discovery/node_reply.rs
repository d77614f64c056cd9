//! Parses the replies of any data node into plain values. Anything unexpected counts as not said.

use crate::resp::value::Value;
use crate::topology::Endpoint;

/// The reply of one node about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeReply {
    pub(super) role: NodeRole,
    pub(super) service: Service,
    pub(super) run_id: Option<String>,
}

/// The role of a node by its own reply. Offsets count the bytes of the replication stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NodeRole {
    Master {
        offset: u64,
        /// The number of connected replicas.
        replicas: usize,
    },
    Replica {
        /// The address of the master as the replica knows it; the same node may have other addresses elsewhere.
        master: Option<Endpoint>,
        linked: bool,
        offset: u64,
    },
    /// The server is a sentinel or something foreign, or the proxy may not ask for its role.
    Unknown,
}

/// The service that a node offers at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Ready,
    Loading,
    /// The node is a replica that refuses to serve stale data.
    MasterDown,
    /// The node refused PING with this code: MISCONF, NOAUTH.
    Refuses(String),
}

/// Parses the replies to PING, ROLE, INFO server and INFO persistence.
pub(super) fn parse(values: &[Value]) -> NodeReply {
    let nil = Value::Nil;
    let at = |index: usize| values.get(index).unwrap_or(&nil);
    let info = |index: usize, field: &str| info(at(index), field).map(str::to_owned);
    let loading = info(3, "loading").as_deref() == Some("1");
    NodeReply {
        role: role(at(1)),
        service: if loading { Service::Loading } else { service(at(0)) },
        run_id: info(2, "run_id"),
    }
}

fn service(ping: &Value) -> Service {
    match ping.error_code() {
        // The proxy may not send PING, or a script runs for long: the node is alive and would serve.
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

/// Returns one field of an INFO reply.
pub(super) fn info<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    let line = |line: &'a str| line.strip_prefix(field)?.strip_prefix(':').map(str::trim);
    value.text()?.lines().find_map(line)
}

/// Returns the mode in a reply to INFO server: `standalone`, `cluster` or `sentinel`.
pub(super) fn mode(server: &Value) -> Option<&str> {
    info(server, "redis_mode").or_else(|| info(server, "server_mode"))
}

/// Parses an address. The host may be a name or a bare IPv6 address.
pub(super) fn address(host: &str, port: &str) -> Option<Endpoint> {
    let port = port.parse().ok().filter(|port| *port != 0)?;
    if host.is_empty() { None } else { Some(Endpoint::new(host, port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| Value::Text(word.as_bytes().to_vec())).collect())
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
            assert_eq!(parse(&values), NodeReply { role, service, run_id }, "{values:?}");
        }
    }
}

//! The identity of a peer: whether it is the kind of server that was expected, by its own replies.

use super::super::Question;
use super::super::node_reply::{address, info, mode};
use super::{Evidence, Expected};
use crate::resp::value::Value;
use crate::topology::fault::{Fault, PeerText, ServerKind};
use crate::topology::{Endpoint, SLOTS};

/// Returns the evidence that an answer gives about the identity of a peer.
pub(in super::super) fn identity(expected: Expected, question: &Question, values: &[Value]) -> Evidence {
    let at = |index: usize| values.get(index).unwrap_or(&Value::Nil);
    match (question, expected) {
        (Question::Identity { .. }, _) => of_any(at(0), at(1), values.get(2)),
        (Question::Group(_), _) if !at(0).items().is_empty() => Evidence::Well,
        (Question::GroupAndIdentity(group), _) => of_no_master(group, at(0), at(2), at(3)),
        (Question::Map | Question::MapAndNames, Expected::ClusterNode) => of_cluster(at(1), at(2), at(4)),
        (Question::Node, Expected::Member) if is_sentinel(at(1), at(2)) => Evidence::Fault(Fault::IsSentinel),
        (Question::Node, Expected::Member) => Evidence::Well,
        (Question::Active { .. }, _) => of_active(at(1), at(2), at(4)),
        (
            Question::Ping
            | Question::Node
            | Question::Map
            | Question::MapAndNames
            | Question::Group(_)
            | Question::Members(_),
            _,
        ) => Evidence::Nothing,
    }
}

/// Evaluates the replies to INFO server, INFO replication and, if it was asked, CLUSTER INFO.
fn of_any(server: &Value, replication: &Value, cluster: Option<&Value>) -> Evidence {
    let is_replica = info(replication, "role") == Some("slave");
    match (mode(server), cluster) {
        (Some("sentinel"), _) => Evidence::Fault(Fault::IsSentinel),
        (Some("cluster"), None) => Evidence::Nothing,
        // A node that owns every slot redirects nobody, so it can be used.
        (Some("cluster"), Some(cluster)) if is_replica || shares_slots(cluster) => {
            Evidence::Fault(Fault::IsClusterNode)
        }
        (Some(_) | None, _) if is_replica => Evidence::Fault(Fault::IsReplica(master_of(replication))),
        (Some(_) | None, _) => Evidence::Well,
    }
}

/// Returns true if CLUSTER INFO shows that other masters have slots too, or that some slots have no owner.
fn shares_slots(cluster: &Value) -> bool {
    let number = |field| info(cluster, field).and_then(|text| text.parse::<u32>().ok());
    let shared = number("cluster_size").is_some_and(|masters| masters != 1);
    let unowned = number("cluster_slots_assigned").is_some_and(|slots| slots < u32::from(SLOTS));
    shared || unowned
}

fn master_of(replication: &Value) -> Option<Endpoint> {
    address(info(replication, "master_host")?, info(replication, "master_port")?)
}

/// Evaluates the replies to GET-MASTER-ADDR-BY-NAME, ROLE and INFO server of a peer that had named no master of the group.
fn of_no_master(group: &str, named: &Value, role: &Value, server: &Value) -> Evidence {
    let asked = || PeerText::of(group);
    let wrong = |kind| Evidence::Fault(Fault::NotSentinel(kind));
    match (role.items(), mode(server)) {
        _ if !named.items().is_empty() => Evidence::Well,
        ([word, names, ..], _) if word.text() == Some("sentinel") => {
            let known = names.items().iter().filter_map(Value::text).map(PeerText::of).collect();
            Evidence::Fault(Fault::UnknownGroup { asked: asked(), known: Some(known) })
        }
        _ if *named == Value::Nil => Evidence::Fault(Fault::UnknownGroup { asked: asked(), known: None }),
        (_, Some("sentinel")) => Evidence::Nothing,
        (_, Some("cluster")) => wrong(ServerKind::ClusterNode),
        ([word, host, port, ..], _) if word.text() == Some("slave") => {
            let port = port.int().map(|port| port.to_string());
            wrong(ServerKind::Replica(host.text().zip(port).and_then(|(host, port)| address(host, &port))))
        }
        ([word, ..], _) if word.text() == Some("master") => wrong(ServerKind::Master),
        _ if named.error_code() == Some("ERR") => wrong(ServerKind::Other),
        _ => Evidence::Nothing,
    }
}

/// Evaluates the replies to ROLE, INFO server and CLUSTER NODES.
fn of_cluster(role: &Value, server: &Value, nodes: &Value) -> Evidence {
    match nodes.error_code() {
        _ if is_sentinel(role, server) => Evidence::Fault(Fault::IsSentinel),
        Some("ERR") => Evidence::Fault(Fault::ClusterDisabled),
        Some("NOPERM") => Evidence::Fault(Fault::Forbidden("CLUSTER NODES")),
        None if nodes.text().is_some() => Evidence::Well,
        Some(_) | None => Evidence::Nothing,
    }
}

/// Evaluates the replies to DEL, INFO server and INFO replication.
fn of_active(write: &Value, server: &Value, replication: &Value) -> Evidence {
    match write.error_code() {
        _ if mode(server) == Some("sentinel") => Evidence::Fault(Fault::IsSentinel),
        Some("MOVED") => Evidence::Fault(Fault::IsClusterNode),
        Some("READONLY") => Evidence::Fault(Fault::IsReplica(master_of(replication))),
        Some(_) | None => Evidence::Well,
    }
}

fn is_sentinel(role: &Value, server: &Value) -> bool {
    mode(server) == Some("sentinel") || role.items().first().and_then(Value::text) == Some("sentinel")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    fn list(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| text(word)).collect())
    }

    fn error(message: &str) -> Value {
        Value::Error(message.to_owned())
    }

    const ANY: Expected = Expected::Any { asks_clients: true };

    #[test]
    fn any_server_serves_but_a_sentinel_and_one_that_shares_its_slots() {
        let (alone, cluster) = (text("redis_mode:standalone\r\n"), text("redis_mode:cluster\r\n"));
        let master = text("role:master\r\n");
        let replica = text("role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\n");
        let size =
            |masters, slots| text(&format!("cluster_slots_assigned:{slots}\r\ncluster_size:{masters}\r\n"));
        let of = || Some(Endpoint::new("10.0.0.1", 6379));
        let unknown = || error("ERR unknown command 'INFO'");
        for (values, tells) in [
            (vec![alone.clone(), master.clone()], Evidence::Well),
            (vec![alone, replica.clone()], Evidence::Fault(Fault::IsReplica(of()))),
            (vec![text("redis_mode:sentinel\r\n"), unknown()], Evidence::Fault(Fault::IsSentinel)),
            (vec![cluster.clone(), master.clone()], Evidence::Nothing),
            (vec![cluster.clone(), master.clone(), size(3, 16384)], Evidence::Fault(Fault::IsClusterNode)),
            (vec![cluster.clone(), master.clone(), size(1, 5461)], Evidence::Fault(Fault::IsClusterNode)),
            (vec![cluster.clone(), master.clone(), size(0, 0)], Evidence::Fault(Fault::IsClusterNode)),
            (vec![cluster.clone(), replica.clone(), size(1, 16384)], Evidence::Fault(Fault::IsClusterNode)),
            (vec![cluster.clone(), master.clone(), size(1, 16384)], Evidence::Well),
            (vec![cluster, master, error("NOPERM x")], Evidence::Well),
            (vec![unknown(), unknown()], Evidence::Well),
            (vec![error("NOPERM x"), replica], Evidence::Fault(Fault::IsReplica(of()))),
            (vec![text("role:active-replica\r\n"), text("role:active-replica\r\n")], Evidence::Well),
        ] {
            let question = Question::Identity { cluster: values.len() > 2 };
            assert_eq!(identity(ANY, &question, &values), tells, "{values:?}");
        }
    }

    #[test]
    fn a_peer_that_names_no_master_is_no_sentinel_or_does_not_know_the_group() {
        let unknown = || error("ERR unknown command 'SENTINEL'");
        let role = |word: &str, names: &[&str]| Value::Array(vec![text(word), list(names)]);
        let replica = Value::Array(vec![text("slave"), text("h"), Value::Int(1), text("connected")]);
        let group = |known: Option<&[&str]>| {
            let known = known.map(|names| names.iter().map(|name| PeerText::of(name)).collect());
            Evidence::Fault(Fault::UnknownGroup { asked: PeerText::of("m"), known })
        };
        let wrong = |kind| Evidence::Fault(Fault::NotSentinel(kind));
        let standalone = || text("redis_mode:standalone\r\n");
        for (named, role, server, tells) in [
            (list(&["h", "1"]), Value::Nil, Value::Nil, Evidence::Well),
            (Value::Nil, role("sentinel", &["mymaster"]), Value::Nil, group(Some(&["mymaster"]))),
            (Value::Nil, role("sentinel", &[]), Value::Nil, group(Some(&[]))),
            (Value::Nil, error("NOPERM x"), Value::Nil, group(None)),
            (unknown(), role("master", &[]), standalone(), wrong(ServerKind::Master)),
            (unknown(), replica, standalone(), wrong(ServerKind::Replica(Some(Endpoint::new("h", 1))))),
            (unknown(), role("master", &[]), text("redis_mode:cluster\r\n"), wrong(ServerKind::ClusterNode)),
            (unknown(), unknown(), unknown(), wrong(ServerKind::Other)),
            (error("NOAUTH x"), error("NOAUTH x"), error("NOAUTH x"), Evidence::Nothing),
        ] {
            let values = [named, Value::Nil, role, server];
            let question = Question::GroupAndIdentity("m".into());
            assert_eq!(identity(Expected::Sentinel, &question, &values), tells, "{values:?}");
        }
    }

    #[test]
    fn a_node_of_a_cluster_tells_its_nodes() {
        let disabled = error("ERR This instance has cluster support disabled");
        let sentinel = Value::Array(vec![text("sentinel"), list(&[])]);
        for (role, server, nodes, tells) in [
            (Value::Nil, Value::Nil, text("…"), Evidence::Well),
            (Value::Nil, Value::Nil, disabled, Evidence::Fault(Fault::ClusterDisabled)),
            (sentinel, Value::Nil, error("ERR unknown"), Evidence::Fault(Fault::IsSentinel)),
            (Value::Nil, Value::Nil, error("NOPERM x"), Evidence::Fault(Fault::Forbidden("CLUSTER NODES"))),
            (Value::Nil, Value::Nil, error("NOAUTH x"), Evidence::Nothing),
        ] {
            let values = [text("PONG"), role, server, Value::Nil, nodes];
            let found = identity(Expected::ClusterNode, &Question::Map, &values);
            assert_eq!(found, tells, "{values:?}");
        }
    }

    #[test]
    fn an_active_node_takes_writes() {
        let replication = text("role:slave\r\nmaster_host:h\r\nmaster_port:1\r\n");
        for (write, mode, tells) in [
            (Value::Int(0), "standalone", Evidence::Well),
            (error("NOPERM x"), "standalone", Evidence::Well),
            (error("MOVED 1 h:1"), "cluster", Evidence::Fault(Fault::IsClusterNode)),
            (error("ERR unknown"), "sentinel", Evidence::Fault(Fault::IsSentinel)),
            (
                error("READONLY x"),
                "standalone",
                Evidence::Fault(Fault::IsReplica(Some(Endpoint::new("h", 1)))),
            ),
        ] {
            let server = text(&format!("redis_mode:{mode}\r\n"));
            let values = [text("PONG"), write, server, Value::Nil, replication.clone()];
            let question = Question::Active { name: None, list: false };
            assert_eq!(identity(Expected::Active, &question, &values), tells, "{values:?}");
        }
    }
}

//! Answers CLUSTER for the announced addresses, in the shapes of Redis 7: as healthy masters without replicas.

use std::fmt::Write;
use std::net::IpAddr;

use crate::command::{ClusterCommand, Slot};
use crate::resp::reply::{self, Proto};
use crate::resp::request::Request;
use crate::topology::SLOTS;

use super::node::Announced;

/// Writes the reply to a CLUSTER command, or an error in a server's words.
pub(super) fn answer(
    nodes: &[Announced],
    command: ClusterCommand,
    request: &Request<'_>,
    proto: Proto,
    out: &mut Vec<u8>,
) {
    // Every process announces the same list and answers as its first node.
    let Some(me) = nodes.first() else { return reply::error(out, super::CLUSTER_DISABLED) };
    match command {
        ClusterCommand::Slots => slots(nodes, proto, out),
        ClusterCommand::Shards => shards(nodes, proto, out),
        ClusterCommand::Nodes => reply::text(out, &node_lines(nodes), proto),
        ClusterCommand::Info => reply::text(out, &info(nodes.len()), proto),
        ClusterCommand::MyId => reply::bulk(out, me.id.as_bytes()),
        ClusterCommand::MyShardId => reply::bulk(out, me.shard_id.as_bytes()),
        ClusterCommand::KeySlot => {
            reply::integer(out, Slot::of_key(request.arg(2).unwrap_or_default()).0.into());
        }
        ClusterCommand::SlotMigrations | ClusterCommand::Links => reply::array(out, 0),
        ClusterCommand::Replicas => for_known_node(nodes, request, out, |out| reply::array(out, 0)),
        ClusterCommand::FailureReports => for_known_node(nodes, request, out, |out| reply::integer(out, 0)),
        ClusterCommand::Help => reply::lines(out, HELP),
        ClusterCommand::ReadOnly | ClusterCommand::ReadWrite | ClusterCommand::Asking => {
            reply::simple(out, "OK");
        }
        // `handling` has forwarded or refused these.
        ClusterCommand::SlotKeys | ClusterCommand::Change => reply::error(out, super::CLUSTER_DISABLED),
    }
}

/// Writes CLUSTER SLOTS: for each range its first and last slot, and its master.
fn slots(nodes: &[Announced], proto: Proto, out: &mut Vec<u8>) {
    reply::array(out, nodes.len());
    for node in nodes {
        reply::array(out, 3);
        reply::integer(out, node.slots.0.into());
        reply::integer(out, node.slots.1.into());
        reply::array(out, 4);
        reply::bulk(out, node.host.as_bytes());
        reply::integer(out, node.port.into());
        reply::bulk(out, node.id.as_bytes());
        reply::map(out, 0, proto);
    }
}

fn shards(nodes: &[Announced], proto: Proto, out: &mut Vec<u8>) {
    reply::array(out, nodes.len());
    for node in nodes {
        reply::map(out, 2, proto);
        reply::bulk(out, b"slots");
        reply::array(out, 2);
        reply::integer(out, node.slots.0.into());
        reply::integer(out, node.slots.1.into());
        reply::bulk(out, b"nodes");
        reply::array(out, 1);
        shard_node(node, proto, out);
    }
}

/// Writes one node of CLUSTER SHARDS. A node announced by name has the name in place of its IP address as well, as clients
/// can connect to either.
fn shard_node(node: &Announced, proto: Proto, out: &mut Vec<u8>) {
    let named = node.host.parse::<IpAddr>().is_err();
    reply::map(out, if named { 8 } else { 7 }, proto);
    text(out, "id", &node.id);
    number(out, "port", node.port.into());
    text(out, "ip", &node.host);
    text(out, "endpoint", &node.host);
    if named {
        text(out, "hostname", &node.host);
    }
    text(out, "role", "master");
    number(out, "replication-offset", 0);
    text(out, "health", "online");
}

fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    reply::bulk(out, key.as_bytes());
    reply::bulk(out, value.as_bytes());
}

fn number(out: &mut Vec<u8>, key: &str, value: i64) {
    reply::bulk(out, key.as_bytes());
    reply::integer(out, value);
}

/// Returns CLUSTER NODES, one line for each node. The bus port is the port plus 10000, as usual; nothing listens there.
fn node_lines(nodes: &[Announced]) -> String {
    let mut lines = String::new();
    for (index, node) in nodes.iter().enumerate() {
        let flags = if index == 0 { "myself,master" } else { "master" };
        let (host, port, bus) = (&node.host, node.port, node.port.checked_add(10_000).unwrap_or(0));
        let (first, last) = node.slots;
        // Writing to a String cannot fail.
        let _ = writeln!(
            lines,
            "{} {host}:{port}@{bus} {flags} - 0 0 {} connected {first}-{last}",
            node.id,
            index + 1
        );
    }
    lines
}

fn info(count: usize) -> String {
    [
        ("cluster_state", "ok".to_owned()),
        ("cluster_slots_assigned", SLOTS.to_string()),
        ("cluster_slots_ok", SLOTS.to_string()),
        ("cluster_slots_pfail", "0".to_owned()),
        ("cluster_slots_fail", "0".to_owned()),
        ("cluster_known_nodes", count.to_string()),
        ("cluster_size", count.to_string()),
        ("cluster_current_epoch", count.to_string()),
        ("cluster_my_epoch", "1".to_owned()),
        ("cluster_stats_messages_sent", "0".to_owned()),
        ("cluster_stats_messages_received", "0".to_owned()),
        ("total_cluster_links_buffer_limit_exceeded", "0".to_owned()),
    ]
    .map(|(name, value)| format!("{name}:{value}\r\n"))
    .concat()
}

/// Writes the answer if argument 2 is the id of an announced node, else an error.
fn for_known_node(
    nodes: &[Announced],
    request: &Request<'_>,
    out: &mut Vec<u8>,
    answer: impl FnOnce(&mut Vec<u8>),
) {
    let id = request.arg(2).unwrap_or_default();
    if nodes.iter().any(|node| node.id.as_bytes().eq_ignore_ascii_case(id)) {
        return answer(out);
    }
    reply::error(out, &format!("ERR Unknown node {}", String::from_utf8_lossy(id.get(..128).unwrap_or(id))));
}

const HELP: &[&str] = &[
    "CLUSTER <subcommand> [<arg> ...]. The proxy answers for the addresses that it announces:",
    "INFO",
    "    The state of the cluster.",
    "NODES | SHARDS | SLOTS",
    "    Who owns which slots.",
    "MYID | MYSHARDID",
    "    The id of the first node.",
    "KEYSLOT <key>",
    "    The slot of a key.",
    "COUNTKEYSINSLOT <slot> | GETKEYSINSLOT <slot> <count>",
    "    The keys in a slot, where the backend is a cluster.",
    "REPLICAS <node-id> | COUNT-FAILURE-REPORTS <node-id> | LINKS",
    "    Nothing: there are no replicas and no cluster bus.",
    "HELP",
    "    This text.",
];

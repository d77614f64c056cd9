//! Tests INFO through the proxy: the node's text with a section about the proxy, which is there even without a node.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::collections::BTreeMap;

use common::cluster::ClusterRig;
use common::conn::{Conn, pipeline};
use common::{Rig, until};

/// The text of a reply to INFO.
fn text(reply: &str) -> String {
    let (head, body) = reply.split_once("\r\n").unwrap();
    let body = if head.starts_with('=') { body.strip_prefix("txt:").unwrap() } else { body };
    assert!(head.starts_with(['$', '=']), "{reply}");
    body.strip_suffix("\r\n").unwrap().to_owned()
}

fn ask(client: &mut Conn, line: &str) -> String {
    text(&client.call(line))
}

/// The fields of the section about the proxy.
fn section(client: &mut Conn, line: &str) -> BTreeMap<String, String> {
    let whole = ask(client, line);
    let (_, section) = whole.split_once("# Proxy\r\n").unwrap_or_default();
    let fields = section.lines().map(|line| line.split_once(':').unwrap());
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What changes from one INFO to the next is left out.
fn lasting(text: &str) -> Vec<&str> {
    let changes = [
        "used_",
        "mem_",
        "total_",
        "instantaneous_",
        "allocator_",
        "rss_",
        "uptime",
        "lru_clock",
        "server_time",
        "io_",
    ];
    let more = [
        "cmdstat",
        "errorstat",
        "latency",
        "client",
        "evicted",
        "expire",
        "rdb_",
        "active_",
        "eventloop",
        "acl_",
        "reply_buffer",
        "current_",
        "unexpected",
    ];
    let varies = |line: &&str| changes.iter().chain(&more).any(|beginning| line.starts_with(beginning));
    text.split("\r\n").filter(|line| !varies(line)).collect()
}

#[test]
fn the_text_of_the_node_has_one_section_more() {
    let rig = Rig::start();
    for version in ["HELLO 2", "HELLO 3"] {
        let (mut client, mut direct) = (rig.client(), rig.direct());
        client.call(version);
        direct.call(version);
        for (line, node, has_section) in [
            ("INFO", "INFO", true),
            ("INFO default", "INFO default", true),
            ("INFO all", "INFO all", true),
            ("INFO EVERYTHING", "INFO everything", true),
            ("INFO server proxy keyspace", "INFO server keyspace", true),
            ("INFO replication", "INFO replication", false),
            ("INFO server keyspace", "INFO server keyspace", false),
            ("INFO nosuch", "INFO nosuch", false),
        ] {
            let (through, itself) = (ask(&mut client, line), ask(&mut direct, node));
            let (whole, about) = through.split_once("\r\n# Proxy\r\n").unwrap_or((&through, ""));
            assert_eq!(lasting(whole), lasting(&itself), "{line}");
            assert_eq!(about.starts_with("tideover_version:"), has_section, "{line}: {about}");
        }
        let about = ask(&mut client, "INFO proxy");
        assert!(about.starts_with("# Proxy\r\ntideover_version:"), "{about}");
        assert!(ask(&mut client, "INFO nosuch proxy").starts_with("# Proxy\r\n"));
        client.write(&pipeline(&["MULTI", "INFO replication", "EXEC"]));
        let replies: Vec<String> = (0..3).map(|_| client.reply()).collect();
        assert!(replies[2].contains("role:master"), "{replies:?}");
    }
}

#[test]
fn the_section_counts_the_clients_of_all_workers() {
    let rig = Rig::set(&["runtime.workers=2", "failover.hold=1s"]);
    let mut clients: Vec<Conn> = (0..6).map(|_| rig.client()).collect();
    for client in &mut clients[..3] {
        client.send("BLPOP none 0");
    }
    for client in &mut clients[3..5] {
        client.call("SUBSCRIBE c");
    }
    clients[5].call("HELLO 3");
    clients[5].call("CLIENT TRACKING ON");
    let mut asking = rig.client();
    let expected = [
        ("proxy_name", "default"),
        ("proxy_workers", "2"),
        ("proxy_connected_clients", "7"),
        ("proxy_blocked_clients", "3"),
        ("proxy_pubsub_clients", "2"),
        ("proxy_tracking_clients", "1"),
        ("proxy_held_commands", "0"),
        ("proxy_uncertain_total", "0"),
        ("backend_shards", "1"),
    ];
    until("all are counted", || {
        let about = section(&mut asking, "INFO proxy");
        let differs =
            expected.iter().find(|(name, value)| about.get(*name).map(String::as_str) != Some(value));
        differs.is_none()
    });
    let about = section(&mut asking, "INFO");
    assert!(about["proxy_uptime_in_seconds"].parse::<u64>().unwrap() < 60, "{about:?}");
    assert!(about["proxy_topology_generation"].parse::<u64>().unwrap() > 0, "{about:?}");
    drop(clients);
    until("nobody is left", || {
        let about = section(&mut asking, "INFO proxy");
        ["blocked", "pubsub", "tracking"].iter().all(|what| about[&format!("proxy_{what}_clients")] == "0")
    });
}

#[test]
fn the_proxy_tells_about_itself_while_there_is_no_node() {
    let mut rig = Rig::set(&["failover.hold=20s"]);
    let (mut client, mut held, mut asking) = (rig.client(), rig.client(), rig.client());
    client.call("SET k 1");
    rig.server.process().kill();
    held.send("GET k");
    until("the command is held", || section(&mut asking, "INFO proxy")["proxy_held_commands"] == "1");
    assert_ne!(section(&mut asking, "INFO proxy proxy")["proxy_held_bytes"], "0");
    rig.restart_server();
    assert_eq!(held.reply(), "$-1\r\n");
    assert_eq!(section(&mut asking, "INFO")["proxy_held_commands"], "0");
}

#[test]
fn in_front_of_a_cluster_the_section_is_there_by_the_same_rules() {
    let rig = ClusterRig::start(&[]);
    let mut client = rig.client();
    for (line, expected) in [
        ("INFO", true),
        ("INFO all", true),
        ("INFO server", false),
        ("INFO server proxy", true),
        ("INFO proxy", true),
    ] {
        let about = section(&mut client, line);
        assert_eq!(about.get("backend_shards").map(String::as_str), expected.then_some("3"), "{line}");
    }
    assert!(ask(&mut client, "INFO server proxy").starts_with("# Server\r\n"));
}

//! Parses what an active node reports about itself and its peers into plain values. Anything unexpected counts as not said.
//!
//! KeyDB reports its links twice. INFO numbers the masters in an order that changes; ROLE is one tuple, or a list of tuples. The
//! two are combined by host and port.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::node_reply::{address, info};
use crate::resp::value::Value;
use crate::topology::Endpoint;

/// A key that nobody uses: deleting it is a write that changes nothing, and that is refused like any other.
pub(in super::super) const PROBE_KEY: &str = "__tideover:probe";

/// One answer to `Question::Active`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActiveReply {
    pub(super) run_id: Option<Arc<str>>,
    /// The time that the process had been up.
    pub(super) uptime: Duration,
    pub(super) service: WriteService,
    /// True if the node is a plain replica: writes to it do not reach other nodes.
    pub(super) is_replica: bool,
    /// True with priority 0: the operator wants commands to leave the node.
    pub(super) is_drained: bool,
    /// The length of the node's own replication stream in bytes.
    pub(super) offset: u64,
    /// The nodes that it replicates from, as it calls them (after `address_map`).
    pub(super) masters: BTreeMap<Endpoint, PullLink>,
    /// The nodes that replicate from it.
    pub(super) replicas: Vec<Endpoint>,
}

/// The service of writes that a node offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WriteService {
    Ready,
    Loading,
    /// The node refused a write with this code: READONLY, MASTERDOWN, MISCONF.
    Refuses(String),
}

/// One replication link, as the node that pulls reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PullLink {
    pub(super) state: LinkState,
    /// The offset in the other node's stream up to which it has been applied.
    pub(super) offset: u64,
}

/// The state of a replication link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    Up,
    /// A full sync is under way.
    Syncing,
    Down,
}

/// Parses the replies to PING, DEL, INFO server, INFO persistence, INFO replication and ROLE.
pub(super) fn parse(values: &[Value], map: &BTreeMap<Endpoint, Endpoint>) -> ActiveReply {
    let nil = Value::Nil;
    let at = |index: usize| values.get(index).unwrap_or(&nil);
    let number = |index: usize, field: &str| info(at(index), field).and_then(|text| text.parse::<u64>().ok());
    let loading = info(at(3), "loading") == Some("1");
    let role = info(at(4), "role").or_else(|| at(5).items().first()?.text());
    let mut masters = masters(at(4), map);
    refine(&mut masters, at(5), map);
    ActiveReply {
        run_id: info(at(2), "run_id").map(Arc::from),
        uptime: Duration::from_secs(number(2, "uptime_in_seconds").unwrap_or(0)),
        service: if loading { WriteService::Loading } else { service(at(1)) },
        is_replica: role == Some("slave"),
        is_drained: number(4, "slave_priority") == Some(0),
        offset: number(4, "master_repl_offset").unwrap_or(0),
        masters,
        replicas: replicas(at(4), map),
    }
}

fn service(write: &Value) -> WriteService {
    match write.error_code() {
        // The proxy may not write, or a script runs for long: the node may well take writes.
        None | Some("NOPERM" | "BUSY") => WriteService::Ready,
        Some("LOADING") => WriteService::Loading,
        Some(code) => WriteService::Refuses(code.to_owned()),
    }
}

/// Parses the masters in INFO replication: `master_host`, then `master_1_host` and so on, each followed by its offset.
fn masters(replication: &Value, map: &BTreeMap<Endpoint, Endpoint>) -> BTreeMap<Endpoint, PullLink> {
    let mut found = BTreeMap::new();
    let (mut host, mut at) = ("", None);
    for line in replication.text().unwrap_or_default().lines() {
        let Some((field, value)) = line.trim().split_once(':') else { continue };
        match field_of_master(field) {
            Some("host") => (host, at) = (value, None),
            Some("port") => {
                at = address(host, value).map(|named| mapped(named, map));
                if let Some(at) = &at {
                    found.insert(at.clone(), PullLink { state: LinkState::Down, offset: 0 });
                }
            }
            Some(of_link) => {
                if let Some(link) = at.as_ref().and_then(|at| found.get_mut(at)) {
                    note(link, of_link, value);
                }
            }
            None => {}
        }
    }
    found
}

/// Returns the field of a master without its number: `host` for `master_host` and for `master_12_host`. The offset has no number.
fn field_of_master(field: &str) -> Option<&str> {
    if field == "slave_repl_offset" {
        return Some(field);
    }
    let rest = field.strip_prefix("master_")?;
    let name = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let name = if name.len() < rest.len() { name.strip_prefix('_')? } else { name };
    matches!(name, "host" | "port" | "link_status" | "sync_in_progress").then_some(name)
}

fn note(link: &mut PullLink, field: &str, value: &str) {
    match (field, value) {
        ("link_status", "up") => link.state = LinkState::Up,
        ("sync_in_progress", "1") => link.state = LinkState::Syncing,
        ("slave_repl_offset", offset) => link.offset = offset.parse().unwrap_or(0),
        _ => {}
    }
}

/// Combines the masters with those in ROLE. A link that is up only in INFO is not up.
fn refine(masters: &mut BTreeMap<Endpoint, PullLink>, role: &Value, map: &BTreeMap<Endpoint, Endpoint>) {
    let flat = role.items().first().is_some_and(|first| first.text().is_some());
    let tuples = if flat { std::slice::from_ref(role) } else { role.items() };
    for tuple in tuples {
        let [role, host, port, state, offset] = tuple.items() else { continue };
        let named = host.text().zip(port.int()).and_then(|(host, port)| address(host, &port.to_string()));
        let (Some(named), Some("active-replica" | "slave")) = (named, role.text()) else { continue };
        let link = PullLink { state: LinkState::Up, offset: 0 };
        let link = masters.entry(mapped(named, map)).or_insert(link);
        link.offset = link.offset.max(u64::try_from(offset.int().unwrap_or(0)).unwrap_or(0));
        match state.text() {
            Some("connected") => {}
            Some("sync") => link.state = LinkState::Syncing,
            Some(_) | None if link.state == LinkState::Up => link.state = LinkState::Down,
            Some(_) | None => {}
        }
    }
}

/// Parses the replicas in INFO replication: `slave0:ip=127.0.0.1,port=7302,state=online,offset=0,lag=0`.
fn replicas(replication: &Value, map: &BTreeMap<Endpoint, Endpoint>) -> Vec<Endpoint> {
    let mut found = Vec::new();
    for line in replication.text().unwrap_or_default().lines() {
        let Some((name, facts)) = line.trim().split_once(':') else { continue };
        let number = name.strip_prefix("slave").unwrap_or("x");
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let fact = |name: &str| facts.split(',').find_map(|fact| fact.strip_prefix(name)?.strip_prefix('='));
        if let Some(named) = fact("ip").zip(fact("port")).and_then(|(host, port)| address(host, port)) {
            found.push(mapped(named, map));
        }
    }
    found
}

fn mapped(named: Endpoint, map: &BTreeMap<Endpoint, Endpoint>) -> Endpoint {
    map.get(&named).cloned().unwrap_or(named)
}

impl ActiveReply {
    /// Returns the reply of a node that tells nothing about itself.
    pub(super) fn nothing() -> ActiveReply {
        parse(&[], &BTreeMap::new())
    }

    /// Returns all nodes that it names.
    pub(super) fn names(&self) -> impl Iterator<Item = &Endpoint> {
        self.masters.keys().chain(&self.replicas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    fn tuple(host: &str, port: i64, state: &str, offset: i64) -> Value {
        Value::Array(vec![
            text("active-replica"),
            text(host),
            Value::Int(port),
            text(state),
            Value::Int(offset),
        ])
    }

    fn link(state: LinkState, offset: u64) -> PullLink {
        PullLink { state, offset }
    }

    /// INFO replication captured from KeyDB 6.3.4: a node of a mesh of three that syncs with its peer 7302.
    const REPLICATION: &str = "# Replication\r\nrole:active-replica\r\nmaster_global_link_status:down\r\n\
        connected_masters:1\r\nmaster_host:127.0.0.1\r\nmaster_port:7303\r\nmaster_link_status:up\r\n\
        master_last_io_seconds_ago:2\r\nmaster_sync_in_progress:0\r\nslave_read_repl_offset:41\r\n\
        slave_repl_offset:40\r\nmaster_1_host:127.0.0.1\r\nmaster_1_port:7302\r\nmaster_1_link_status:down\r\n\
        master_1_last_io_seconds_ago:-1\r\nmaster_1_sync_in_progress:1\r\nslave_read_repl_offset:0\r\n\
        slave_repl_offset:0\r\nmaster_1_link_down_since_seconds:-1\r\nslave_priority:100\r\nslave_read_only:0\r\n\
        replica_announced:1\r\nconnected_slaves:1\r\n\
        slave0:ip=127.0.0.1,port=7303,state=online,offset=70,lag=1\r\nmaster_failover_state:no-failover\r\n\
        master_replid:52d184ee231dace15777707422b989d712fcf87b\r\nmaster_repl_offset:71\r\n";

    fn answer(write: Value, replication: &str, role: Value) -> ActiveReply {
        let server = text("# Server\r\nrun_id:abc\r\nuptime_in_seconds:31\r\n");
        let values = [text("PONG"), write, server, text("loading:0\r\n"), text(replication), role];
        parse(&values, &BTreeMap::new())
    }

    #[test]
    fn links_are_combined_by_host_and_port() {
        let role = Value::Array(vec![
            tuple("127.0.0.1", 7302, "sync", -1),
            tuple("127.0.0.1", 7303, "connected", 44),
        ]);
        let reply = answer(Value::Int(0), REPLICATION, role);
        let at = |port| Endpoint::new("127.0.0.1", port);
        let links = [(at(7302), link(LinkState::Syncing, 0)), (at(7303), link(LinkState::Up, 44))];
        assert_eq!(reply.masters, BTreeMap::from(links));
        assert_eq!((reply.replicas.as_slice(), reply.offset), (&[at(7303)][..], 71));
        assert_eq!((reply.run_id.as_deref(), reply.uptime), (Some("abc"), Duration::from_secs(31)));
        assert!(!reply.is_replica && !reply.is_drained);
    }

    #[test]
    fn one_master_is_a_flat_tuple_and_the_worse_word_counts() {
        let one = REPLICATION.split("master_1_host").next().unwrap();
        let at = Endpoint::new("127.0.0.1", 7303);
        for (state, expected) in [
            ("connected", LinkState::Up),
            ("connect", LinkState::Down),
            ("handshake", LinkState::Down),
            ("sync", LinkState::Syncing),
        ] {
            let reply = answer(Value::Int(0), one, tuple("127.0.0.1", 7303, state, 44));
            assert_eq!(reply.masters, BTreeMap::from([(at.clone(), link(expected, 44))]), "{state}");
        }
        let reply = answer(Value::Int(0), one, Value::Error("NOPERM".into()));
        assert_eq!(reply.masters, BTreeMap::from([(at, link(LinkState::Up, 40))]));
    }

    #[test]
    fn whether_writes_are_taken() {
        for (write, expected) in [
            (Value::Int(0), WriteService::Ready),
            (Value::Error("NOPERM no".into()), WriteService::Ready),
            (Value::Error("LOADING KeyDB is loading the dataset in memory".into()), WriteService::Loading),
            (Value::Error("READONLY You can't write".into()), WriteService::Refuses("READONLY".into())),
            (Value::Error("MASTERDOWN PullLink".into()), WriteService::Refuses("MASTERDOWN".into())),
        ] {
            assert_eq!(answer(write, REPLICATION, Value::Nil).service, expected);
        }
        let loading = [text("PONG"), Value::Int(0), Value::Nil, text("loading:1\r\n")];
        assert_eq!(parse(&loading, &BTreeMap::new()).service, WriteService::Loading);
    }

    #[test]
    fn a_plain_server_has_no_masters_and_a_replica_is_told() {
        let master = answer(
            Value::Int(0),
            "role:master\r\nconnected_slaves:0\r\nmaster_repl_offset:0\r\n",
            Value::Nil,
        );
        assert!(master.masters.is_empty() && !master.is_replica);
        let replica = answer(Value::Int(0), "role:slave\r\nslave_priority:0\r\n", Value::Nil);
        assert!(replica.is_replica && replica.is_drained);
    }

    #[test]
    fn addresses_are_those_to_dial() {
        let map = BTreeMap::from([(Endpoint::new("127.0.0.1", 7303), Endpoint::new("c", 1))]);
        let values = [Value::Nil, Value::Nil, Value::Nil, Value::Nil, text(REPLICATION)];
        let reply = parse(&values, &map);
        assert!(reply.masters.contains_key(&Endpoint::new("c", 1)));
        assert_eq!(reply.replicas, [Endpoint::new("c", 1)]);
    }

    #[test]
    fn nonsense_says_nothing() {
        for values in
            [vec![], vec![Value::Nil; 6], vec![text("master_port:x\r\nslave0:\r\nslave_repl_offset:9"); 6]]
        {
            let reply = parse(&values, &BTreeMap::new());
            assert!(reply.masters.is_empty() && reply.replicas.is_empty() && reply.run_id.is_none());
        }
    }
}

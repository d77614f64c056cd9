//! The output of `tideover topology`: a table for people, JSON for scripts.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::diagnosis::{Diagnosis, Finding};
use super::ready::missing;
use super::shape::shards;
use super::{Node, Shard, Topology};

/// Returns true if every slot has a master that is up.
pub(crate) fn is_writable(topology: &Topology) -> bool {
    let up = |shard: &Shard| shard.master_node().is_some_and(|node| node.state.serves());
    // The index of a shard that has gone stays in use, without slots.
    let mut shards = topology.shards.iter().filter(|shard| !shard.slots.is_empty());
    topology.is_complete() && shards.all(up)
}

/// Returns the JSON of one proxy in the shape of `GET /topology`, without what only a running proxy knows.
pub(crate) fn to_json(name: &str, kind: &str, topology: &Topology, diagnosis: &Diagnosis) -> Value {
    let problems: Vec<String> = diagnosis.findings().iter().map(Finding::to_string).collect();
    json!({"proxies": [{
        "name": name,
        "kind": kind,
        "ready": missing(topology, diagnosis).is_none(),
        "problems": problems,
        "generation": topology.generation.0,
        "shards": shards(topology),
    }]})
}

/// Returns one line that says whether the deployment serves, and what is wrong with it.
pub(crate) fn verdict(topology: &Topology, diagnosis: &Diagnosis) -> String {
    if let Some(missing) = missing(topology, diagnosis) {
        return format!("not ready: {missing}");
    }
    let masters = topology.shown().filter_map(|(_, shard)| shard.master_node());
    let mut masters: Vec<String> = masters.map(|master| master.endpoint.to_string()).collect();
    masters.dedup();
    let reasons = diagnosis.reasons().map(|reasons| format!("; but {reasons}"));
    format!("ready: {}{}", masters.join(" "), reasons.unwrap_or_default())
}

/// Returns a table with one line for each node, followed by the findings.
pub(crate) fn to_table(topology: &Topology, diagnosis: &Diagnosis) -> String {
    let header = ["SLOTS", "SHARD", "NODE", "ROLE", "STATE", "RTT", "LAG"].map(str::to_owned);
    let mut rows = vec![header];
    for (index, shard) in topology.shown() {
        rows.extend(shard.nodes.iter().enumerate().map(|(at, node)| row(index, shard, at, node)));
    }
    let mut table = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
            // Writing into a string cannot fail.
            let _ = write!(table, "{cell:width$}  ");
        }
        table.truncate(table.trim_end().len());
        table.push('\n');
    }
    if topology.shards.is_empty() {
        table.push_str("no master found\n");
    }
    for finding in diagnosis.findings() {
        let _ = writeln!(table, "{finding}");
    }
    table
}

fn row(index: u16, shard: &Shard, at: usize, node: &Node) -> [String; 7] {
    let micros = |rtt: Duration| format!("{} us", rtt.as_micros());
    let millis = |lag: Duration| format!("{} ms", lag.as_millis());
    let use_ = if shard.is_in_use(at) == Some(true) { ", in use" } else { "" };
    [
        slots(&shard.slots),
        index.to_string(),
        node.endpoint.to_string(),
        format!("{}{use_}", node.role.name()),
        node.state.name().to_owned(),
        node.rtt.map_or_else(|| "-".to_owned(), micros),
        node.lag.map_or_else(|| "-".to_owned(), millis),
    ]
}

/// The largest number of slot ranges in a row. More would make the column too wide to read.
const FEW_RANGES: usize = 4;

fn slots(ranges: &[(u16, u16)]) -> String {
    if ranges.len() > FEW_RANGES {
        let count: u32 = ranges.iter().map(|(first, last)| u32::from(*last) - u32::from(*first) + 1).sum();
        return format!("{count} slots");
    }
    let range = |(first, last): &(u16, u16)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::super::fault::Fault;
    use super::super::{ConfigEpoch, Endpoint, Generation, NodeState, Role};
    use super::*;

    fn topology(master: Option<usize>, state: NodeState) -> Topology {
        let node = |port, role, state, rtt| Node {
            endpoint: Endpoint::new("127.0.0.1", port),
            role,
            state,
            run_id: None,
            rtt: Some(Duration::from_micros(rtt)),
            lag: Some(Duration::ZERO),
        };
        let nodes =
            vec![node(6379, Role::Master, state, 140), node(6380, Role::Replica, NodeState::Syncing, 90)];
        let shard = Shard { slots: vec![(0, 16383)], master, nodes, epoch: ConfigEpoch(3) };
        Topology { generation: Generation(7), shards: vec![shard], asks_password: false }
    }

    #[test]
    fn writable_needs_a_master_that_is_up() {
        assert!(is_writable(&topology(Some(0), NodeState::Up)));
        assert!(!is_writable(&topology(Some(0), NodeState::Down)));
        assert!(!is_writable(&topology(None, NodeState::Up)));
        assert!(!is_writable(&Topology { generation: Generation(0), shards: vec![], asks_password: false }));
    }

    #[test]
    fn json_has_the_shape_of_the_admin_page() {
        let expected = json!({"proxies": [{"name": "default", "kind": "sentinel", "ready": true, "problems": [], "generation": 7,
            "shards": [{"slots": [[0, 16383]], "nodes": [
                {"endpoint": "127.0.0.1:6379", "role": "master", "state": "up", "rtt_us": 140, "lag_ms": 0},
                {"endpoint": "127.0.0.1:6380", "role": "replica", "state": "syncing", "rtt_us": 90, "lag_ms": 0}]}]}]});
        let diagnosis = Diagnosis::new(true, Vec::new());
        assert_eq!(to_json("default", "sentinel", &topology(Some(0), NodeState::Up), &diagnosis), expected);
    }

    #[test]
    fn one_line_says_whether_it_serves_and_what_is_wrong() {
        let refused = || vec![Finding { fault: Fault::Refused, about: Some(Endpoint::new("127.0.0.1", 1)) }];
        let up = topology(Some(0), NodeState::Up);
        let said = "127.0.0.1:1: connection refused: nobody listens there";
        for (has_served, findings, expected) in [
            (true, vec![], "ready: 127.0.0.1:6379".to_owned()),
            (true, refused(), format!("ready: 127.0.0.1:6379; but {said}")),
            (false, refused(), format!("not ready: no node has been seen to serve yet: {said}")),
        ] {
            assert_eq!(verdict(&up, &Diagnosis::new(has_served, findings)), expected);
        }
        let table = to_table(&up, &Diagnosis::new(true, refused()));
        assert!(table.ends_with(&format!("{said}\n")), "{table}");
    }

    #[test]
    fn many_ranges_are_counted() {
        for (ranges, expected) in [
            (vec![], ""),
            (vec![(0, 9), (11, 11)], "0-9,11"),
            (vec![(0, 9), (11, 11), (13, 13), (15, 19)], "0-9,11,13,15-19"),
            (vec![(0, 9), (11, 11), (13, 13), (15, 19), (30, 30)], "18 slots"),
        ] {
            assert_eq!(slots(&ranges), expected);
        }
    }

    #[test]
    fn table_lines_up() {
        let expected = "\
SLOTS    SHARD  NODE            ROLE     STATE    RTT     LAG
0-16383  0      127.0.0.1:6379  master   up       140 us  0 ms
0-16383  0      127.0.0.1:6380  replica  syncing  90 us   0 ms
";
        assert_eq!(to_table(&topology(Some(0), NodeState::Up), &Diagnosis::default()), expected);
    }

    #[test]
    fn of_active_nodes_the_table_says_which_one_is_in_use() {
        let mut topology = topology(Some(1), NodeState::Up);
        topology.shards[0].nodes.iter_mut().for_each(|node| node.role = Role::Active);
        let expected = "\
SLOTS    SHARD  NODE            ROLE            STATE    RTT     LAG
0-16383  0      127.0.0.1:6379  active          up       140 us  0 ms
0-16383  0      127.0.0.1:6380  active, in use  syncing  90 us   0 ms
";
        assert_eq!(to_table(&topology, &Diagnosis::default()), expected);
    }
}

//! SCAN over shards of all kinds, to its end and over failovers.

use super::*;
use crate::command::lookup;
use crate::command::testing::Words;
use crate::config::Writer;
use crate::route::testing::{active_map, active_topology, cluster_map, map_of, thirds, topology_of, writers};
use crate::route::{Splitting, plan};

fn scan(line: &str, map: &Owners) -> Plan {
    let words = Words::of(line);
    plan(&words.request(), lookup(b"scan"), map, Splitting::All)
}

fn step_of(line: &str, map: &Owners) -> (u16, String, ScanPlace) {
    match scan(line, map) {
        Plan::Scan(step) => (step.shard, String::from_utf8(step.request).unwrap(), step.place),
        other => panic!("{line}: {other:?}"),
    }
}

fn node_reply(cursor: u64) -> Vec<u8> {
    format!("*2\r\n${}\r\n{cursor}\r\n*1\r\n$1\r\nk\r\n", cursor.to_string().len()).into_bytes()
}

fn cursor_of(reply: &[u8]) -> u64 {
    number(elements::text(Elements::of(reply).unwrap().next().unwrap()).unwrap()).unwrap()
}

/// Scans to the end and returns the shard and inner cursor of each step. Every node needs two steps for its keys.
fn visits(options: &str, map: &Owners) -> Vec<(u16, u64)> {
    let (mut cursor, mut seen) = (0, Vec::new());
    for _ in 0..20 {
        let (shard, request, place) = step_of(&format!("SCAN {cursor}{options}"), map);
        let inner: u64 = request.split("\r\n").nth(4).unwrap().parse().unwrap();
        seen.push((shard, inner));
        let answer = node_reply(if inner == 0 { 1 << 37 } else { 0 });
        cursor = cursor_of(&reply(&answer, place, map).unwrap());
        if cursor == 0 {
            return seen;
        }
    }
    panic!("endless: {seen:?}");
}

#[test]
fn every_shard_is_scanned_to_its_end() {
    let big = 1 << 37;
    assert_eq!(visits("", &thirds()), [(0, 0), (0, big), (1, 0), (1, big), (2, 0), (2, big)]);
    let mixed = map_of(&[&[(50, 60), (90, 95)], &[(10, 20), (70, 80)]]);
    assert_eq!(visits(" COUNT 10", &mixed), [(1, 0), (1, big), (0, 0), (0, big)]);
}

#[test]
fn a_hash_tag_needs_one_shard_only() {
    assert_eq!(visits(" MATCH {foo}*", &thirds()), [(2, 0), (2, 1 << 37)]);
    assert_eq!(visits(" count 5 match x match {foo}*", &thirds()), [(2, 0), (2, 1 << 37)]);
}

#[test]
fn options_and_keys_stay_as_they_are() {
    let (_, request, place) = step_of("SCAN 0 MATCH a* COUNT 7 TYPE set", &thirds());
    assert!(request.ends_with(
        "$1\r\n0\r\n$5\r\nMATCH\r\n$2\r\na*\r\n$5\r\nCOUNT\r\n$1\r\n7\r\n$4\r\nTYPE\r\n$3\r\nset\r\n"
    ));
    assert!(reply(&node_reply(3), place, &thirds()).unwrap().ends_with(b"\r\n*1\r\n$1\r\nk\r\n"));
}

#[test]
fn after_a_failover_the_shard_starts_again() {
    let before = thirds();
    let (_, _, place) = step_of("SCAN 0", &before);
    let cursor = cursor_of(&reply(&node_reply(77), place, &before).unwrap());
    let mut topology = topology_of(&[&[(0, 5460)], &[(5461, 16383)]]);
    topology.shards[0].nodes[0].endpoint.port = 8000;
    let after = cluster_map(&topology);
    assert!(step_of(&format!("SCAN {cursor}"), &before).1.contains("$2\r\n77\r\n"));
    for inner in [0, 78] {
        let restart = cursor_of(&reply(&node_reply(inner), place, &after).unwrap());
        assert_ne!(restart, 0);
        let (shard, request, _) = step_of(&format!("SCAN {restart}"), &after);
        assert_eq!((shard, request.contains("$1\r\n0\r\n")), (0, true), "{inner}");
    }
    assert!(step_of(&format!("SCAN {cursor}"), &after).1.contains("$1\r\n0\r\n"));
}

#[test]
fn of_active_nodes_the_home_node_alone_is_scanned_and_another_one_begins_anew() {
    let own: [&[(u16, u16)]; 2] = [&[(0, 8191)], &[(8192, 16383)]];
    for writer in [Writer::Nearest, Writer::Key] {
        let map = active_map(writers(writer, &[]), &active_topology(7000, 7000, &own));
        let big = 1 << 37;
        assert_eq!(visits("", &map), [(0, 0), (0, big)]);
        assert_eq!(visits(" MATCH {foo}*", &map), [(0, 0), (0, big)]);
        let (_, _, place) = step_of("SCAN 0", &map);
        let cursor = cursor_of(&reply(&node_reply(77), place, &map).unwrap());
        assert!(step_of(&format!("SCAN {cursor}"), &map).1.contains("$2\r\n77\r\n"));
        let moved = active_map(writers(writer, &[]), &active_topology(7001, 7000, &own));
        assert!(step_of(&format!("SCAN {cursor}"), &moved).1.contains("$1\r\n0\r\n"));
        let restart = cursor_of(&reply(&node_reply(0), place, &moved).unwrap());
        assert_ne!(restart, 0);
        assert!(step_of(&format!("SCAN {restart}"), &moved).1.contains("$1\r\n0\r\n"));
    }
}

#[test]
fn a_shard_that_lost_its_lowest_slot_is_still_scanned() {
    let before = map_of(&[&[(0, 99)], &[(100, 199)]]);
    let (_, _, place) = step_of("SCAN 0", &before);
    let cursor = cursor_of(&reply(&node_reply(5), place, &before).unwrap());
    let after = map_of(&[&[(1, 99)], &[(0, 0), (100, 199)]]);
    let (shard, request, place) = step_of(&format!("SCAN {cursor}"), &after);
    assert_eq!((shard, request.contains("$1\r\n0\r\n")), (1, true));
    assert_eq!(cursor_of(&reply(&node_reply(0), place, &after).unwrap()), 1);
}

#[test]
fn faults_are_answered_or_held() {
    for cursor in ["x", "-1", "18446744073709551616", "\"\""] {
        assert!(matches!(scan(&format!("SCAN {cursor}"), &thirds()), Plan::Refused(_)), "{cursor}");
    }
    assert!(matches!(scan("SCAN 9", &map_of(&[&[(0, 8)]])), Plan::Unserved(Lot::Slot(Slot(9)))));
    assert!(matches!(scan("SCAN 0", &map_of(&[])), Plan::Unserved(Lot::Slot(Slot(0)))));
    let (_, _, place) = step_of("SCAN 0", &thirds());
    assert_eq!(reply(b"-LOADING\r\n", place, &thirds()).unwrap(), b"-LOADING\r\n");
    for broken in [&b"+OK\r\n"[..], b"*2\r\n$1\r\nx\r\n*0\r\n", b"*1\r\n$1\r\n0\r\n", b""] {
        assert_eq!(reply(broken, place, &thirds()), None);
    }
    assert_eq!(reply(&node_reply(1 << 38), place, &thirds()), None);
}

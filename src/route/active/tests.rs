//! The plans of requests with active nodes.

use super::*;
use crate::command::testing::Words;
use crate::command::{Slot, lookup, resolve};
use crate::config::Writer::{self, First, Key, Nearest};
use crate::config::WriterRule;
use crate::route::CROSS_SLOT;
use crate::route::testing::{active_config, active_map, active_topology, writers};
use crate::route::tests::summary;
use crate::route::writers::Writers;
use crate::topology::Topology;

/// Returns a topology of three nodes with a third of the slots each.
fn topology() -> Topology {
    active_topology(7000, 7001, &[&[(0, 5460)], &[(5461, 10922)], &[(10923, 16383)]])
}

fn map(default: Writer, rules: &[(&str, Writer)]) -> Owners {
    active_map(writers(default, rules), &topology())
}

fn planned(line: &str, map: &Owners) -> String {
    let words = Words::of(line);
    let request = words.request();
    summary(crate::route::plan(&request, lookup(request.name()), map, Splitting::All))
}

#[test]
fn with_one_writer_for_all_keys_everything_goes_home() {
    let map = map(Nearest, &[]);
    for line in [
        "GET foo",
        "MSET foo 1 bar 2",
        "MSETNX foo 1 bar 2",
        "RENAME foo bar",
        "EVAL x 9 foo",
        "PING",
        "TIME",
        "NOSUCH foo",
        "DBSIZE",
        "KEYS {foo}*",
        "RANDOMKEY",
        "PUBLISH foo m",
        "PUBSUB CHANNELS",
        "MEMORY STATS",
        "MOVE foo 1",
        "COPY foo bar DB 1",
        "KEYDB.CRON c SINGLE 5 x 1 foo",
        "CONFIG GET x",
        "SLOWLOG HELP",
        "SCRIPT SHOW x",
        "OBJECT NOSUCH foo",
        "SELECT 1",
        "GET",
    ] {
        assert_eq!(planned(line, &map), "0/home", "{line}");
    }
}

#[test]
fn each_request_goes_to_the_writer_of_its_keys() {
    // The slots of foo and bar are 12182 and 5061; the indices of their shards are 4 and 2.
    let map = map(Key, &[("home:", Nearest), ("aside:", First)]);
    for (line, expected) in [
        ("GET foo", "4/12182"),
        ("set bar 1", "2/5061"),
        ("GET home:foo", "0/home"),
        ("GET aside:foo", "1/aside"),
        ("MGET home:a home:b home:c", "0/home"),
        ("MGET foo bar home:a home:b aside:c foo", "split 4"),
        ("MSET foo 1 bar 2", "split 2"),
        ("KEYDB.MEXISTS foo bar", "split 2"),
        ("EXPDEL foo home:bar", "split 2"),
        ("MSETNX foo 1 bar 2", CROSS_SLOT),
        ("RENAME home:foo home:bar", "0/home"),
        ("RENAME home:foo foo", CROSS_SLOT),
        ("COPY foo {foo}2 DB 1", "4/12182"),
        ("MOVE foo 1", "4/12182"),
        ("BLPOP home:a aside:b 0", CROSS_SLOT),
        ("EVAL x 1 foo", "4/12182"),
        ("EVAL x 0", "any"),
        ("EVAL x 9 foo", "any"),
        ("GET", "any"),
        ("KEYDB.HRENAME foo a b", "4/12182"),
        ("KEYDB.CRON foo SINGLE 5 x 1 bar", "any"),
        ("KEYS {foo}*", "any"),
        ("DBSIZE", "any"),
        ("PUBLISH foo m", "any"),
        ("SCAN 0 MATCH {foo}*", "scan 0"),
        ("NOSUCH foo", "ERR unknown command 'NOSUCH', with args beginning with: 'foo' "),
    ] {
        assert_eq!(planned(line, &map), expected, "{line}");
    }
}

#[test]
fn what_each_node_has_of_its_own_is_said_to_all_of_them() {
    let expected = [
        ("SCRIPT LOAD x", "all AllSucceeded"),
        ("SCRIPT FLUSH", "all AllSucceeded"),
        ("SCRIPT EXISTS a", "all And"),
        ("SCRIPT KILL", "all OneSucceeded"),
        ("FUNCTION LOAD x", "all AllSucceeded"),
        ("CONFIG SET x y", "all AllSucceeded"),
        ("CONFIG REWRITE", "all AllSucceeded"),
        ("ACL SETUSER x", "all AllSucceeded"),
        ("ACL LOAD", "all AllSucceeded"),
        ("SLOWLOG GET 3", "all Newest(3)"),
        ("SLOWLOG LEN", "all Sum"),
        ("LATENCY LATEST", "all Spikes"),
        ("MEMORY PURGE", "all AllSucceeded"),
        ("MEMORY DOCTOR", "all Texts"),
        ("SAVE", "all AllSucceeded"),
        ("LASTSAVE", "all Min"),
        ("MODULE LIST", "all Common"),
        ("INFO memory", "info Info"),
        ("INFO proxy", "info InfoProxy"),
        ("SCAN 0", "scan 0"),
        (
            "SWAPDB 0 1",
            "ERR tideover: SWAPDB is not available here: each active node would swap its own databases, at a time of its own",
        ),
    ];
    for map in [map(Nearest, &[]), map(Key, &[])] {
        for (line, expected) in expected {
            assert_eq!(planned(line, &map), expected, "{line}");
        }
    }
}

#[test]
fn a_flush_reaches_all_nodes_or_none() {
    let cases = [
        (Flush::Refuse, true, "`active.flush = \"all\"`"),
        (Flush::Refuse, false, "`active.flush = \"all\"`"),
        (Flush::All, false, "would bring the keys back"),
        (Flush::All, true, "all Flushed"),
    ];
    for (flush, all_up, expected) in cases {
        let mut topology = topology();
        topology.shards[3].master = topology.shards[3].master.filter(|_| all_up);
        let rule = WriterRule { prefix: "x".into(), writer: Key };
        for rules in [vec![], vec![rule]] {
            let map = active_map(Writers::of(&active_config(Nearest, rules, flush)), &topology);
            for line in ["FLUSHALL", "flushdb async"] {
                let plan = planned(line, &map);
                assert!(plan.contains(expected), "{line} {flush:?} {all_up}: {plan}");
            }
        }
    }
}

#[test]
fn a_slot_on_its_way_holds_what_belongs_to_it() {
    let mut topology = topology();
    topology.shards[4].slots = Vec::new();
    let map = active_map(writers(Key, &[("home:", Nearest)]), &topology);
    for (line, expected) in [
        ("GET foo", "unserved 12182"),
        ("MGET bar foo", "unserved 12182"),
        ("GET bar", "2/5061"),
        ("GET home:foo", "0/home"),
    ] {
        assert_eq!(planned(line, &map), expected, "{line}");
    }
}

#[test]
fn the_slot_of_a_request_is_that_of_its_first_key_here() {
    let map = map(Key, &[("home:", Nearest)]);
    for (line, expected) in [
        ("MGET home:a foo", Some(Lot::Home)),
        ("GET foo", Some(Lot::Slot(Slot(12182)))),
        ("SWAPDB 0 1", None),
        ("KEYS foo", None),
        ("SCAN 0", None),
        ("PING", None),
    ] {
        let words = Words::of(line);
        let request = words.request();
        let entry = resolve(&request).unwrap();
        assert_eq!(crate::route::lot_of(&request, entry, &map), expected, "{line}");
    }
}

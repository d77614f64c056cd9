//! Tables of the nodes that serve reads.

use std::time::Duration;

use super::choice::Choice;
use super::*;
use crate::topology::ConfigEpoch;

use NodeState::{Down, Loading, Settling, Syncing, Unproven, Up};
use ReadFrom::{Master, Nearest, PreferReplica, Replica};

const MS: Duration = Duration::from_millis(1);
const ALL: [ReadFrom; 4] = [Master, PreferReplica, Replica, Nearest];

/// State, round trip in tenths of a millisecond, lag in milliseconds.
type Facts = (NodeState, Option<u32>, Option<u32>);

const FINE: Facts = (Up, Some(10), Some(0));

fn policy(from: ReadFrom) -> Reads {
    Reads { from, max_lag: MS * 1000 }
}

/// Makes a shard whose first node is the master. The nodes are called `a`, `b`, `c` and so on.
fn shard(facts: &[Facts]) -> Shard {
    let node = |(index, (state, rtt, lag)): (usize, &Facts)| Node {
        endpoint: endpoint(char::from(b'a' + index as u8)),
        role: if index == 0 { Role::Master } else { Role::Replica },
        state: *state,
        run_id: Some(format!("id-{index}").into()),
        rtt: rtt.map(|rtt| MS * rtt / 10),
        lag: lag.map(|lag| MS * lag),
    };
    let nodes = facts.iter().enumerate().map(node).collect();
    Shard { slots: vec![(0, 16383)], master: Some(0), nodes, epoch: ConfigEpoch(1) }
}

fn endpoint(host: char) -> Endpoint {
    Endpoint::new(&host.to_string(), 1)
}

fn chosen(shard: &Shard, from: ReadFrom, spread: u64) -> String {
    readers(shard, &policy(from), spread).0.iter().map(|reader| &*reader.endpoint.host).collect()
}

#[test]
fn each_policy_reads_from_its_own_nodes() {
    let table = [
        (vec![FINE, FINE, FINE], ["a", "bca", "bc", "abc"]),
        (vec![FINE], ["a", "a", "", "a"]),
        (vec![FINE, (Down, None, None)], ["a", "a", "", "a"]),
        (vec![(Down, None, Some(0)), FINE], ["a", "ba", "b", "ba"]),
        (vec![(Loading, Some(10), Some(0)), FINE], ["a", "ba", "b", "ba"]),
        (vec![(Down, None, Some(0))], ["a", "a", "", "a"]),
    ];
    for (facts, expected) in table {
        let shard = shard(&facts);
        assert_eq!(ALL.map(|from| chosen(&shard, from, 0)), expected, "{facts:?}");
    }
}

#[test]
fn a_replica_serves_only_when_it_is_up_and_known_to_be_close_behind() {
    let table = [
        ((Up, Some(10), Some(0)), true),
        ((Up, None, Some(1000)), true),
        ((Up, Some(10), Some(1001)), false),
        ((Up, Some(10), None), false),
        ((Down, Some(10), Some(0)), false),
        ((Loading, Some(10), Some(0)), false),
        ((Syncing, Some(10), Some(0)), false),
        ((Settling, Some(10), Some(0)), false),
        ((Unproven, Some(10), Some(0)), false),
    ];
    for (facts, serves) in table {
        let shard = shard(&[FINE, facts]);
        for from in [PreferReplica, Replica, Nearest] {
            assert_eq!(chosen(&shard, from, 0).contains('b'), serves, "{from:?} {facts:?}");
        }
        assert_eq!(chosen(&shard, Master, 0), "a");
    }
}

#[test]
fn without_a_master_replicas_go_on_and_the_former_one_serves_nothing() {
    let mut shard = shard(&[FINE, FINE]);
    shard.master = None;
    assert_eq!(ALL.map(|from| chosen(&shard, from, 0)), ["", "b", "b", "b"]);
}

#[test]
fn a_reader_says_who_it_is() {
    let shard = shard(&[FINE, FINE]);
    let (found, equals) = readers(&shard, &policy(PreferReplica), 0);
    let known: Vec<_> = found.iter().map(|reader| (reader.run_id.as_deref(), reader.is_master)).collect();
    assert_eq!((known, equals), (vec![(Some("id-1"), false), (Some("id-0"), true)], 1));
}

#[test]
fn equals_are_taken_in_turn() {
    let three = shard(&[FINE, FINE, FINE, FINE]);
    let far = shard(&[FINE, FINE, FINE, (Up, Some(500), Some(0))]);
    let table = [
        (&three, PreferReplica, 0, "bcda"),
        (&three, PreferReplica, 1, "cdba"),
        (&three, PreferReplica, 5, "dbca"),
        (&three, Replica, u64::MAX, "bcd"),
        (&three, Nearest, 1, "bcda"),
        (&far, Nearest, 0, "abcd"),
        (&far, Nearest, 2, "cabd"),
        (&far, PreferReplica, 2, "dbca"),
    ];
    for (index, (shard, from, spread, expected)) in table.into_iter().enumerate() {
        assert_eq!(chosen(shard, from, spread), expected, "case {index}");
    }
}

fn host(choice: &Choice) -> String {
    choice.reader().map_or("-".into(), |reader| reader.endpoint.host.to_string())
}

#[test]
fn the_present_reader_stays_while_it_is_equal_and_all_take_their_turn_when_one_comes() {
    let rtts = |c| [FINE, (Up, Some(10), Some(0)), (Up, Some(c), Some(0))];
    let down = |facts: [Facts; 3]| [facts[0], (Down, None, None), facts[2]];
    // Policy, spread, and shards that follow each other, each with the node that then serves reads.
    let table = [
        (Nearest, 2, vec![(rtts(10), "c"), (rtts(22), "c"), (rtts(23), "a"), (rtts(10), "a")]),
        (Nearest, 1, vec![(rtts(10), "b"), (rtts(30), "b"), (down(rtts(10)), "c"), (rtts(10), "b")]),
        (Replica, 0, vec![(rtts(10), "b"), (down(rtts(10)), "c"), (rtts(10), "b")]),
        (PreferReplica, 1, vec![(rtts(10), "c"), (down(rtts(10)), "c"), (rtts(10), "c"), (rtts(900), "c")]),
    ];
    for (index, (from, spread, steps)) in table.into_iter().enumerate() {
        let mut choice = Choice::default();
        for (step, (facts, expected)) in steps.into_iter().enumerate() {
            choice.update(&shard(&facts), &policy(from), spread, 0);
            assert_eq!(host(&choice), expected, "case {index} step {step}");
        }
    }
}

#[test]
fn the_nearest_come_first_and_the_others_by_their_distance() {
    let up = |rtt: Option<u32>| (Up, rtt, Some(0));
    let table = [
        // Tenths of a millisecond; equal within 20 % and 1 ms.
        ([Some(2), Some(11), Some(13)], 1, "bac"),
        ([Some(2), Some(13), Some(12)], 1, "cab"),
        ([Some(1000), Some(1210), Some(1211)], 1, "bac"),
        ([Some(900), Some(300), Some(400)], 0, "bca"),
        ([Some(900), None, Some(1500)], 0, "acb"),
        ([None, None, None], 1, "bca"),
        ([None, Some(9000), None], 0, "bac"),
    ];
    for (rtts, spread, expected) in table {
        let shard = shard(&rtts.map(up));
        assert_eq!(chosen(&shard, Nearest, spread), expected, "{rtts:?}");
    }
}

#[test]
fn measurements_matter_when_another_node_should_serve() {
    let (rtt, lag) = (|rtt| (Up, Some(rtt), Some(0)), |lag| (Up, Some(10), lag));
    // The replica as published and as measured; whether the difference matters with prefer-replica and replica, and
    // with nearest.
    let table = [
        (lag(Some(0)), lag(Some(0)), false, false),
        (lag(Some(0)), lag(Some(1000)), false, false),
        (lag(Some(0)), lag(Some(1001)), true, true),
        (lag(Some(0)), lag(None), true, true),
        (lag(None), lag(Some(0)), true, true),
        (lag(None), lag(Some(750)), true, true),
        (lag(Some(2000)), lag(Some(751)), false, false),
        (lag(Some(2000)), lag(Some(750)), true, true),
        // The master is at 1 ms.
        (rtt(10), rtt(33), false, false),
        (rtt(10), rtt(35), false, true),
        (rtt(100), rtt(17), false, false),
        (rtt(100), rtt(16), false, true),
        (rtt(100), rtt(1), false, true),
        (rtt(100), rtt(200), false, false),
        ((Up, None, Some(0)), rtt(10), false, true),
        ((Down, None, None), (Down, None, Some(0)), false, false),
    ];
    for (before, after, replica, nearest) in table {
        let (published, measured) = (shard(&[FINE, before]), shard(&[FINE, after]));
        let expected = [false, replica, replica, nearest];
        let found = ALL.map(|from| matters(&published, &measured, &policy(from)));
        assert_eq!(found, expected, "{before:?} {after:?}");
    }
}

#[test]
fn a_reader_that_fails_is_passed_over_for_a_while() {
    let shard = shard(&[FINE, FINE, FINE]);
    // Policy, the nodes that fail one after the other, and the node that serves reads at first and after each failure.
    let table = [
        (PreferReplica, "bcab", "bcaaa"),
        (Replica, "bc", "bc-"),
        (Replica, "ccb", "bbb-"),
        (Nearest, "abc", "abca"),
        (Nearest, "bca", "aaaa"),
        (Master, "a", "aa"),
    ];
    for (from, fails, expected) in table {
        let mut choice = Choice::default();
        assert_eq!(choice.reader(), None);
        choice.update(&shard, &policy(from), 0, 0);
        let mut seen = host(&choice);
        for failing in fails.chars() {
            choice.fail(&endpoint(failing), 1000);
            seen += &host(&choice);
        }
        assert_eq!(seen, expected, "{from:?} {fails}");
    }
}

#[test]
fn one_that_failed_gets_its_turn_again_after_a_while() {
    let second = 1_000_000;
    let (all, without) = (shard(&[FINE, FINE, FINE]), shard(&[FINE, FINE, (Down, None, None)]));
    let mut choice = Choice::default();
    choice.update(&all, &policy(Replica), 0, 0);
    assert_eq!((host(&choice).as_str(), choice.retry_at()), ("b", None));
    choice.fail(&endpoint('b'), 10);
    choice.update(&all, &policy(Replica), 0, 20);
    assert_eq!((host(&choice).as_str(), choice.retry_at()), ("c", Some(second + 10)));
    choice.retry(second + 9);
    assert_eq!(host(&choice), "c");
    choice.retry(second + 10);
    assert_eq!((host(&choice).as_str(), choice.retry_at()), ("b", None));
    choice.fail(&endpoint('c'), second * 2);
    assert_eq!(host(&choice), "b", "late news of another");
    choice.update(&without, &policy(Replica), 0, second * 2);
    choice.fail(&endpoint('b'), second * 2);
    assert_eq!(host(&choice), "-");
    choice.retry(second * 3);
    assert_eq!(host(&choice), "b", "there is no other");

    choice.fail(&endpoint('b'), second * 3);
    let mut restarted = without;
    restarted.nodes[1].run_id = Some("new".into());
    choice.update(&restarted, &policy(Replica), 0, second * 3);
    assert_eq!(host(&choice), "b", "another process");
}

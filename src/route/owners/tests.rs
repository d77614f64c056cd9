//! Owners and sharding of each kind of backend.

use super::*;
use crate::config::Writer::{First, Key, Nearest};
use crate::route::testing::{active_map, active_topology, map_of, writers};
use crate::topology::active::ActivePlace::{Aside, Home};
use crate::topology::{Generation, NodeState};

const THIRDS: [&[(u16, u16)]; 3] = [&[(0, 5460)], &[(5461, 10922)], &[(10923, 16383)]];

#[test]
fn each_kind_has_lots_of_its_own() {
    // The slot of foo is 12182.
    let active = active_map(writers(Nearest, &[]), &active_topology(7000, 7001, &THIRDS));
    let (foo, cluster) = (Lot::Slot(Slot(12182)), map_of(&THIRDS));
    for (owners, lot, shard, uniform) in [
        (&Owners::Single, Lot::Home, Some(0), true),
        (&cluster, foo, Some(2), false),
        (&active, Lot::Home, Some(0), true),
    ] {
        assert_eq!(owners.owned(b"foo"), (lot, shard), "{lot:?}");
        assert_eq!(owners.is_uniform(), uniform, "{lot:?}");
    }
    assert_eq!([Lot::Home, Lot::Aside].map(|lot| cluster.shard_of(lot)), [None, None]);
}

#[test]
fn only_an_active_node_does_not_say_that_a_lot_has_left() {
    let active = active_map(writers(Key, &[]), &active_topology(7000, 7001, &THIRDS));
    let foo = Lot::Slot(Slot(12182));
    for (owners, owner, other) in [(Owners::Single, 0, 1), (map_of(&THIRDS), 2, 1), (active.clone(), 4, 3)] {
        assert!(!owners.has_left_silently(foo, owner));
        assert_eq!(owners.has_left_silently(foo, other), matches!(owners, Owners::Active(_)));
    }
}

#[test]
fn only_a_cluster_takes_redirects_in() {
    let active = active_map(writers(Key, &[]), &active_topology(7000, 7001, &THIRDS));
    for (mut owners, changes) in [(Owners::Single, false), (map_of(&THIRDS), true), (active, false)] {
        let before = owners.clone();
        assert_eq!(owners.patch(Slot(0), 2), changes);
        assert_eq!(owners.has_same_owners(&before), !changes);
    }
}

#[test]
fn only_a_cluster_can_be_unknown() {
    let empty = Topology { generation: Generation(0), shards: Vec::new(), asks_password: false };
    let (cluster, active) = (map_of(&[]), active_map(writers(Nearest, &[]), &empty));
    assert_eq!([&Owners::Single, &cluster, &active].map(Owners::is_unknown), [false, true, false]);
    assert!(!map_of(&THIRDS).is_unknown());
}

#[test]
fn keys_of_active_nodes_lead_to_their_writers() {
    // The slots of foo and bar are 12182 and 5061.
    let rules = [("home:", Nearest), ("aside:", First)];
    let map = active_map(writers(Key, &rules), &active_topology(7000, 7001, &THIRDS));
    for (key, lot, shard) in [
        ("foo", Lot::Slot(Slot(12182)), 4),
        ("bar", Lot::Slot(Slot(5061)), 2),
        ("home:foo", Lot::Home, Home.shard()),
        ("aside:foo", Lot::Aside, Aside.shard()),
    ] {
        assert_eq!(map.owned(key.as_bytes()), (lot, Some(shard)), "{key}");
    }
    assert_eq!(map.everywhere(), [2, 3, 4]);
    assert_eq!(map.node_states(), Some("127.0.0.1:7000=up,127.0.0.1:7001=up,127.0.0.1:7002=up"));
}

#[test]
fn before_anything_is_known_home_is_where_it_will_be_and_slots_have_no_owner() {
    let empty = Topology { generation: Generation(0), shards: Vec::new(), asks_password: false };
    let map = active_map(writers(Key, &[]), &empty);
    assert_eq!(
        [Lot::Home, Lot::Aside, Lot::Slot(Slot(0))].map(|lot| map.shard_of(lot)),
        [Some(0), Some(1), None]
    );
    assert!(map.everywhere().is_empty());
}

#[test]
fn a_node_that_is_away_is_told_nothing_and_its_place_has_gone() {
    let mut topology = active_topology(7000, 7001, &THIRDS);
    let before = active_map(writers(Nearest, &[]), &topology);
    topology.shards[3].master = None;
    let after = active_map(writers(Nearest, &[]), &topology);
    assert_eq!(after.everywhere(), [2, 4]);
    assert_eq!([0, 1, 2, 3].map(|shard| after.has_gone(shard)), [false, false, false, true]);
    assert!(before.has_same_owners(&after));
    let slots_moved =
        active_map(writers(Nearest, &[]), &active_topology(7000, 7001, &[&[(0, 16383)], &[], &[]]));
    assert!(!before.has_same_owners(&slots_moved));
    let home_moved = active_map(writers(Nearest, &[]), &active_topology(7002, 7001, &THIRDS));
    assert!(before.has_same_owners(&home_moved));
}

type Change = fn(&mut Topology);

#[test]
fn all_are_up_only_when_each_place_has_its_node() {
    let changes: [(Change, bool); 4] = [
        (|_| {}, true),
        (|topology| topology.shards[4].master = None, false),
        (|topology| topology.shards[4].nodes[0].state = NodeState::Settling, false),
        (|topology| topology.shards.truncate(2), false),
    ];
    for (change, expected) in changes {
        let mut topology = active_topology(7000, 7001, &THIRDS);
        change(&mut topology);
        let map = active_map(writers(Nearest, &[]), &topology);
        assert_eq!(map.flush(), Some((Flush::Refuse, expected)));
    }
}

#[test]
fn what_shards_are_to_each_other_follows_from_the_backend() {
    for (url, redirects, undoes) in [
        ("redis://a:1", false, true),
        ("redis-sentinel://a:1/m", false, true),
        ("redis-cluster://a:1", true, true),
        ("redis-active://a:1", false, false),
    ] {
        let sharding = Sharding::of(&crate::config::one_proxy(url).unwrap());
        assert_eq!((sharding.redirects(), sharding.undoes_late_writes()), (redirects, undoes), "{url}");
    }
}

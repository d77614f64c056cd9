//! Keys with writers of their own: each has one writer at a time.

use super::*;

const ALL: usize = 16384;

fn serving() -> World {
    let mut world = World::with("abc", proxy("abc", Writer::Key));
    world.run(S * 40);
    world
}

#[test]
fn all_nodes_share_the_slots_and_the_nearest_is_home() {
    let world = serving();
    assert_eq!(world.home(), Some('a'));
    assert!(world.shares().iter().all(|share| *share > ALL / 4), "{:?}", world.shares());
    assert_eq!(world.shares().iter().sum::<usize>(), ALL);
    assert!(world.view.as_ref().unwrap().shards[0].slots.is_empty());
}

#[test]
fn two_proxies_share_them_alike_whatever_they_call_the_nodes() {
    let (one, other) = (serving(), {
        let mut world = World::with("cab", proxy("cab", Writer::Key));
        world.run(S * 40);
        world
    });
    let of = |world: &World, host: char| {
        let shards = &world.view.as_ref().unwrap().shards;
        let own = shards.iter().skip(2).find(|shard| shard.nodes[0].endpoint == endpoint(host));
        own.unwrap().slots.clone()
    };
    "abc".chars().for_each(|host| assert_eq!(of(&one, host), of(&other, host), "{host}"));
}

#[test]
fn a_lost_nodes_keys_go_to_the_others_and_come_back_by_plan() {
    let mut world = serving();
    let before = world.shares();
    let killed = world.now;
    world.kill('c');
    world.run(MS * 100);
    let without = world.shares();
    assert_eq!((without[2], without.iter().sum::<usize>()), (0, ALL));
    assert!(without[0] > before[0] && without[1] > before[1]);
    assert_eq!(world.reasons(killed), [Reason::Left]);
    world.restart('c', "connected");
    world.run(S * 29);
    assert_eq!(world.shares(), without);
    let due = world.now;
    world.drains = false;
    world.run(MS * 1200);
    let held = world.shares();
    assert!(held.iter().sum::<usize>() < ALL && held[2] == 0, "{held:?}");
    world.drains = true;
    world.run(MS * 200);
    let back = world.shares();
    assert!(back[2] > ALL / 5 && back.iter().sum::<usize>() == ALL, "{back:?}");
    assert_eq!(world.reasons(due), [Reason::Moving, Reason::Moved]);
}

#[test]
fn a_rule_for_single_keys_does_not_change_who_is_home() {
    let mut config = proxy("abc", Writer::Nearest);
    config.active.rules = vec![
        config::WriterRule { prefix: "lock:".into(), writer: Writer::Key },
        config::WriterRule { prefix: "log:".into(), writer: Writer::First },
    ];
    let mut world = World::with("abc", config);
    world.node('a').rtt = MS * 40;
    world.run(S * 40);
    assert_eq!(world.home(), Some('b'));
    let shards = &world.view.as_ref().unwrap().shards;
    assert_eq!(shards[1].master_node().unwrap().endpoint, endpoint('a'));
    assert_eq!((shards[0].slots.as_slice(), world.shares().iter().sum::<usize>()), (&[(0, 16383)][..], ALL));
}

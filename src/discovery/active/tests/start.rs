//! The start: no node has served yet.

use super::*;

#[test]
fn the_nearest_of_a_steady_mesh_serves_at_once() {
    let mut world = World::mesh("abc");
    world.node('b').rtt = MS / 10;
    world.node('a').rtt = MS * 9;
    world.run(MS * 50);
    assert_eq!((world.home(), world.changes[0].1), (Some('b'), Reason::Found));
    assert!("abc".chars().all(|host| world.state(host) == NodeState::Up));
    world.run(S * 100);
    assert_eq!(world.homes.len(), 1, "{:?}", world.homes);
}

#[test]
fn one_that_was_just_restarted_is_not_mistaken_for_a_steady_one() {
    let mut world = World::mesh("abc");
    world.restart('a', "sync");
    world.run(S);
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Syncing));
    world.links_of('a', "connected");
    world.run(S * 5);
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Settling));
    world.run(S * 30);
    assert_eq!((world.home(), world.state('a')), (Some('a'), NodeState::Up));
}

#[test]
fn a_mesh_that_has_just_been_started_serves() {
    let mut world = World::mesh("abc");
    "abc".chars().for_each(|host| world.restart(host, "connected"));
    world.run(MS * 200);
    assert_eq!(world.home(), Some('a'));
}

#[test]
fn a_node_alone_serves_only_when_it_is_not_young() {
    let mut world = World::mesh("abc");
    "bc".chars().for_each(|host| world.node(host).process = None);
    world.links_of('b', "connect");
    world.run(MS * 200);
    assert_eq!(world.home(), Some('a'), "it has been up for long");
    let mut world = World::mesh("abc");
    "bc".chars().for_each(|host| world.node(host).process = None);
    world.restart('a', "connect");
    world.run(S * 25);
    assert_eq!(world.home(), None, "its peers may be about to come");
    world.run(S * 10);
    assert_eq!(world.home(), Some('a'));
}

#[test]
fn plain_servers_serve_though_nothing_replicates() {
    let mut world = World::mesh("ab");
    world.nodes.values_mut().for_each(|node| node.masters.clear());
    world.run(MS * 200);
    assert_eq!(world.home(), Some('a'));
    world.kill('a');
    world.run(MS * 50);
    assert_eq!(world.home(), Some('b'));
}

#[test]
fn one_that_nobody_replicates_with_is_left_out() {
    let mut world = World::mesh("abc");
    world.node('a').masters.clear();
    for host in ['b', 'c'] {
        world.node(host).masters.remove(&'a');
    }
    world.run(S);
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Unproven));
}

#[test]
fn peers_are_found_through_those_that_are_configured() {
    let mut world = World::with("abc", proxy("b", Writer::Nearest));
    world.run(S);
    assert_eq!((world.home(), world.rules.health().len()), (Some('a'), 3));
}

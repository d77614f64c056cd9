//! The states of nodes and their links, and the addresses of nodes.

use super::*;

#[test]
fn lags_are_measured_against_the_node_in_use() {
    let mut world = World::mesh("ab");
    world.run(S * 2);
    let lag = |world: &World, host: char| {
        world.rules.health().iter().find(|node| node.endpoint == endpoint(host)).unwrap().lag
    };
    assert_eq!((lag(&world, 'a'), lag(&world, 'b')), (Some(Duration::ZERO), Some(Duration::ZERO)));
    world.node('a').offset = 500;
    world.run(S);
    assert!(lag(&world, 'b').unwrap() > MS * 700, "{:?}", lag(&world, 'b'));
    world.node('b').masters.get_mut(&'a').unwrap().1 = 500;
    world.run(MS * 300);
    assert_eq!(lag(&world, 'b'), Some(Duration::ZERO));
}

#[test]
fn one_process_under_two_names_is_one_node() {
    // The nodes call 'b' by another name, 'x'.
    let mut world = World::with("abx", proxy("ab", Writer::Nearest));
    let b = world.node('b').clone();
    world.nodes.insert('x', Sim { name: 'b', ..b });
    world.node('a').masters = BTreeMap::from([('x', ("connected", 0))]);
    world.node('b').masters = BTreeMap::from([('a', ("connected", 0))]);
    world.run(S);
    let names: Vec<String> = world.rules.health().iter().map(|node| node.endpoint.to_string()).collect();
    assert_eq!(names, ["a:1", "b:1"]);
    assert!("ab".chars().all(|host| world.state(host) == NodeState::Up), "both are linked both ways");
}

#[test]
fn a_ring_serves_and_is_told_apart() {
    let mut world = World::mesh("abc");
    for (host, from) in [('a', 'c'), ('b', 'a'), ('c', 'b')] {
        world.node(host).masters.retain(|master, _| *master == from);
    }
    world.run(S);
    assert_eq!((world.home(), world.rules.complaint()), (Some('a'), None), "links may be on their way");
    world.run(S * 10);
    assert!(world.rules.complaint().is_some_and(|fault| fault.to_string().contains("ring")));
}

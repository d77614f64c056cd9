//! Failovers: the node in use cannot serve any more.

use super::*;

fn hint(world: &mut World, host: char, reason: HintReason) {
    world.see(Observation::Hint(Hint { endpoint: endpoint(host), reason }));
}

fn serving() -> World {
    let mut world = World::mesh("abc");
    world.run(S * 40);
    assert_eq!(world.home(), Some('a'));
    world
}

#[test]
fn a_dead_node_is_left_within_milliseconds() {
    let mut world = serving();
    let killed = world.now;
    world.kill('a');
    world.run(S);
    let (at, home) = world.homes[1];
    assert_eq!(home, Some('b'));
    assert!(at < killed + MS * 20, "{:?}", at - killed);
    assert_eq!((world.state('a'), world.reasons(killed)), (NodeState::Down, vec![Reason::Left]));
}

#[test]
fn its_heir_first_hears_out_what_it_had_said() {
    let mut world = serving();
    let killed = world.now;
    world.node('a').process = None;
    world.see(Observation::Lost { target: PeerKind::Node(endpoint('a')) });
    // The peers have not yet noticed that their links are down.
    world.run(MS * 30);
    assert_eq!(world.home(), Some('a'));
    world.links_of('a', "connect");
    world.run(MS * 15);
    assert_eq!(world.home(), Some('b'));
    // The peers never notice it; the wait for them is limited.
    let mut world = serving();
    world.node('a').process = None;
    world.see(Observation::Lost { target: PeerKind::Node(endpoint('a')) });
    world.run(MS * 80);
    assert_eq!(world.home(), Some('b'));
    assert!(world.now > killed);
}

#[test]
fn a_silent_node_is_left_when_its_time_is_over() {
    let mut world = serving();
    let frozen = world.now;
    world.node('a').hangs = true;
    world.run(S * 4);
    let (at, home) = world.homes[1];
    assert_eq!(home, Some('b'));
    assert!(at >= frozen + S * 2 && at <= frozen + MS * 2120, "{:?}", at - frozen);
}

#[test]
fn a_proxy_that_stood_still_calls_nobody_silent_for_that() {
    for (hangs, expected) in [(false, ('a', vec![])), (true, ('b', vec![Reason::Left]))] {
        let mut world = serving();
        let asks =
            |world: &World| world.open.iter().any(|(_, _, probe)| *probe.target.endpoint() == endpoint('a'));
        while !asks(&world) {
            world.run(MS / 4);
        }
        world.now += S * 3;
        let woken = world.now;
        world.node('a').hangs = hangs;
        world.see(Observation::Tick);
        hint(&mut world, 'a', HintReason::TimedOut);
        world.run(S);
        assert_eq!((world.home().unwrap(), world.reasons(woken)), expected);
    }
}

#[test]
fn the_data_paths_word_of_silence_counts_if_we_hear_nothing_either() {
    let mut world = serving();
    world.node('a').hangs = true;
    world.run(MS * 2005);
    hint(&mut world, 'a', HintReason::TimedOut);
    world.run(MS * 30);
    assert_eq!(world.home(), Some('b'));
    // A node that answers discovery is only slow with some client's command.
    let mut world = serving();
    hint(&mut world, 'a', HintReason::TimedOut);
    world.run(S);
    assert_eq!(world.home(), Some('a'));
}

#[test]
fn one_that_refuses_writes_is_left_and_used_again_when_the_others_cannot_serve() {
    let mut world = serving();
    world.node('a').loads = true;
    hint(&mut world, 'a', HintReason::Loading);
    world.run(MS * 20);
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Loading));
    "bc".chars().for_each(|host| world.node(host).loads = true);
    world.run(S);
    assert_eq!(world.home(), None, "all of them load: held");
    world.node('a').loads = false;
    world.run(MS * 150);
    assert_eq!((world.home(), world.state('a')), (Some('a'), NodeState::Up));
}

#[test]
fn the_last_survivor_serves_without_any_link() {
    let mut world = serving();
    world.kill('a');
    world.run(MS * 100);
    world.kill('b');
    world.run(MS * 100);
    assert_eq!((world.home(), world.state('c')), (Some('c'), NodeState::Up));
    world.run(S * 100);
    assert_eq!(world.homes.len(), 3);
}

#[test]
fn an_isolated_node_is_left_and_one_of_two_is_not() {
    let mut world = serving();
    let cut = world.now;
    world.links_of('a', "connect");
    world.run(S);
    assert_eq!(world.home(), Some('a'), "links may come back at once");
    world.run(S * 2);
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Syncing));
    assert_eq!(world.reasons(cut), [Reason::Left]);
    world.links_of('a', "connected");
    world.run(S * 31);
    assert_eq!(world.home(), Some('a'));
    let mut world = World::mesh("ab");
    world.run(S * 40);
    world.links_of('a', "connect");
    world.run(S * 10);
    assert_eq!(world.home(), Some('a'));
}

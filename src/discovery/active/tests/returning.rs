//! A node comes back, and commands move back to it by plan.

use super::*;

fn after_a_kill() -> World {
    let mut world = World::mesh("abc");
    world.run(S * 40);
    world.kill('a');
    world.run(S * 10);
    assert_eq!(world.home(), Some('b'));
    world
}

#[test]
fn it_waits_for_its_data_and_its_time() {
    let mut world = after_a_kill();
    world.restart('a', "connect");
    world.run(S * 2);
    assert_eq!(world.state('a'), NodeState::Syncing);
    world.links_of('a', "sync");
    world.node('a').loads = true;
    world.run(S * 2);
    assert_eq!(world.state('a'), NodeState::Loading);
    world.node('a').loads = false;
    world.links_of('a', "connected");
    let ready = world.now;
    world.run(S * 29);
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Settling));
    world.run(S * 3);
    assert_eq!((world.home(), world.state('a')), (Some('a'), NodeState::Up));
    assert_eq!(world.reasons(ready), [Reason::Moving, Reason::Moved]);
    let held: Vec<_> = world.homes.iter().rev().take(3).map(|(_, home)| *home).collect();
    assert_eq!(held, [Some('a'), None, Some('b')]);
    let gap = world.homes[world.homes.len() - 1].0 - world.homes[world.homes.len() - 2].0;
    assert!(gap < MS * 100, "{gap:?}");
}

#[test]
fn one_that_trails_behind_its_peers_waits_until_it_has_caught_up() {
    let mut world = after_a_kill();
    world.restart('a', "connected");
    for step in 1..=40 {
        world.node('b').offset = step * 1000;
        world.run(S);
    }
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Syncing));
    world.node('a').masters.get_mut(&'b').unwrap().1 = 40_000;
    world.run(S * 29);
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Settling));
    world.run(S * 2);
    assert_eq!(world.home(), Some('a'));
}

#[test]
fn a_break_begins_the_time_anew() {
    let mut world = after_a_kill();
    world.restart('a', "connected");
    for _ in 0..4 {
        world.run(S * 20);
        world.links_of('a', "sync");
        world.run(MS * 300);
        world.links_of('a', "connected");
    }
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Syncing));
    world.run(S * 31);
    assert_eq!(world.home(), Some('a'));
}

#[test]
fn one_that_is_restarted_again_and_again_gets_nothing() {
    let mut world = after_a_kill();
    for _ in 0..12 {
        world.restart('a', "connected");
        world.run(MS * 4900);
        world.kill('a');
        world.run(MS * 100);
    }
    assert!(world.homes.iter().skip(2).all(|(_, home)| *home == Some('b')), "{:?}", world.homes);
}

#[test]
fn nothing_goes_back_before_everything_is_answered_and_has_arrived() {
    let mut world = after_a_kill();
    world.restart('a', "connected");
    world.drains = false;
    world.run(MS * 30_500);
    assert_eq!((world.home(), world.state('b')), (None, NodeState::Draining), "held, and not drained");
    world.node('b').offset = 1000;
    world.drains = true;
    world.run(MS * 200);
    assert_eq!(world.home(), None, "'a' has not all that 'b' has");
    world.node('a').masters.get_mut(&'b').unwrap().1 = 1000;
    world.run(MS * 20);
    assert_eq!(world.home(), Some('a'), "{:?} {:?}", world.rules.handover, world.homes);
}

#[test]
fn a_move_that_does_not_come_about_is_given_up_and_tried_later() {
    let mut world = after_a_kill();
    world.restart('a', "connected");
    let before = world.now;
    world.run(MS * 29_900);
    world.node('b').offset = 1000;
    world.run(S * 3);
    assert_eq!((world.home(), world.reasons(before)), (Some('b'), vec![Reason::Moving, Reason::Resumed]));
    world.node('a').masters.get_mut(&'b').unwrap().1 = 1000;
    world.run(S * 31);
    assert_eq!(world.home(), Some('a'));
}

#[test]
fn a_node_that_dies_while_it_is_moved_to_changes_nothing() {
    let mut world = after_a_kill();
    world.restart('a', "connected");
    world.drains = false;
    world.run(MS * 30_300);
    assert_eq!(world.home(), None);
    world.kill('a');
    world.run(MS * 100);
    assert_eq!(world.home(), Some('b'));
}

#[test]
fn one_that_the_operator_drains_is_left_by_plan_at_once() {
    let mut world = World::mesh("abc");
    world.run(S * 40);
    let before = world.now;
    world.node('a').drained = true;
    world.run(MS * 300);
    assert_eq!((world.home(), world.state('a')), (Some('b'), NodeState::Draining));
    assert_eq!(world.reasons(before), [Reason::Moving, Reason::Moved]);
    world.node('a').drained = false;
    world.run(S * 31);
    assert_eq!(world.home(), Some('a'));
}

#[test]
fn a_nearer_one_must_be_nearer_for_long() {
    let mut world = World::mesh("ab");
    world.run(S * 40);
    for _ in 0..10 {
        world.node('a').rtt = MS * 40;
        world.run(S * 10);
        world.node('a').rtt = MS;
        world.run(S * 10);
    }
    assert_eq!(world.homes.len(), 1, "{:?}", world.homes);
    world.node('a').rtt = MS * 40;
    world.run(S * 40);
    assert_eq!(world.home(), Some('b'));
}

//! Two proxies with the same nodes, which know of each other only through the nodes.

use super::super::writers::BUCKETS;
use super::*;

const ALL: usize = 16384;

/// Runs both proxies in turn: a few milliseconds each while something moves, more while nothing does.
fn run(one: &mut World, other: &mut World, time: Duration) {
    let until = one.now + time;
    while one.now < until {
        let before = (one.changes.len(), other.changes.len());
        let moves = one.rules.handover.is_some() || other.rules.handover.is_some();
        let step = if moves { MS * 3 } else { MS * 20 };
        one.others = other.names.clone();
        one.run(step);
        other.others = one.names.clone();
        other.run(step);
        if before != (one.changes.len(), other.changes.len()) {
            assert!(!are_at_odds(one, other), "{:?} {:?}", one.shares(), other.shares());
        }
    }
}

/// Returns the owner of each bucket, as a proxy sees it.
fn writers(world: &World) -> Vec<Option<char>> {
    let mut found = vec![None; BUCKETS];
    let shards = world.view.iter().flat_map(|view| view.shards.iter().skip(2));
    for shard in shards.filter(|shard| shard.master.is_some()) {
        let host = shard.nodes[0].endpoint.host.chars().next();
        let width = ALL / BUCKETS;
        for (first, last) in &shard.slots {
            let buckets = usize::from(*first) / width..=usize::from(*last) / width;
            found[buckets].fill(host);
        }
    }
    found
}

/// Returns true if the proxies write the same key at two live nodes.
fn are_at_odds(one: &World, other: &World) -> bool {
    let lives = |host: char| one.nodes[&host].process.is_some();
    let differ = |(one, other): (Option<char>, Option<char>)| match (one, other) {
        (Some(one), Some(other)) => one != other && lives(one) && lives(other),
        (None, _) | (_, None) => false,
    };
    writers(one).into_iter().zip(writers(other)).any(differ)
}

fn pair() -> (World, World) {
    let mut one = World::with("abc", proxy("abc", Writer::Key));
    let mut other = World::with("cab", proxy("cab", Writer::Key));
    run(&mut one, &mut other, S);
    assert_eq!((one.shares().iter().sum::<usize>(), other.shares().iter().sum::<usize>()), (ALL, ALL));
    (one, other)
}

fn kill(one: &mut World, other: &mut World, host: char) {
    one.kill(host);
    other.kill(host);
}

#[test]
fn a_lost_node_comes_back_for_both_without_a_key_that_two_write() {
    let (mut one, mut other) = pair();
    for host in ['c', 'a'] {
        kill(&mut one, &mut other, host);
        run(&mut one, &mut other, S);
        one.restart(host, "connected");
        let process = one.node(host).process;
        other.restart(host, "connected");
        other.node(host).process = process;
        run(&mut one, &mut other, S * 33);
        let announced =
            [&one, &other].map(|world| (world.rules.agreement.name(), world.rules.handover.is_some()));
        assert!(
            writers(&one).contains(&Some(host)),
            "{host} {announced:?} {:?}",
            one.reasons(Duration::ZERO)
        );
        assert_eq!(writers(&one), writers(&other));
    }
}

#[test]
fn one_waits_for_the_other_and_holds_nothing_meanwhile() {
    let (mut one, mut other) = pair();
    kill(&mut one, &mut other, 'c');
    run(&mut one, &mut other, S);
    one.restart('c', "connected");
    let process = one.node('c').process;
    // The other proxy cannot reach the node.
    run(&mut one, &mut other, S * 40);
    assert!(!writers(&one).contains(&Some('c')) && writers(&one).iter().all(Option::is_some));
    assert_eq!(one.rules.complaint(), None);
    run(&mut one, &mut other, S * 60);
    assert!(one.rules.complaint().is_some_and(|fault| fault.to_string().contains("other proxies")));
    other.restart('c', "connected");
    other.node('c').process = process;
    run(&mut one, &mut other, S * 32);
    assert!(writers(&one).contains(&Some('c')));
    assert_eq!(writers(&one), writers(&other));
}

#[test]
fn one_whose_workers_do_not_come_to_rest_keeps_both_where_they_are() {
    let (mut one, mut other) = pair();
    kill(&mut one, &mut other, 'c');
    run(&mut one, &mut other, S);
    one.restart('c', "connected");
    let process = one.node('c').process;
    other.restart('c', "connected");
    other.node('c').process = process;
    other.drains = false;
    run(&mut one, &mut other, S * 40);
    assert!(writers(&one).iter().all(Option::is_some) && !writers(&one).contains(&Some('c')));
    other.drains = true;
    run(&mut one, &mut other, S * 70);
    assert_eq!(writers(&one), writers(&other));
    assert!(writers(&one).contains(&Some('c')));
}

#[test]
fn a_node_that_is_lost_when_only_one_of_them_has_moved_sets_them_not_at_odds() {
    let (mut one, mut other) = pair();
    kill(&mut one, &mut other, 'c');
    run(&mut one, &mut other, S);
    one.restart('c', "connected");
    let process = one.node('c').process;
    other.restart('c', "connected");
    other.node('c').process = process;
    run(&mut one, &mut other, MS * 29_500);
    let has_moved = |world: &World| writers(world).contains(&Some('c'));
    loop {
        other.run(MS);
        one.others = other.names.clone();
        if has_moved(&other) {
            break;
        }
        one.run(MS);
        other.others = one.names.clone();
        if has_moved(&one) {
            break;
        }
    }
    assert!(has_moved(&one) != has_moved(&other));
    assert!(one.rules.handover.is_some() != other.rules.handover.is_some());
    kill(&mut one, &mut other, 'a');
    for _ in 0..1000 {
        other.run(MS);
        one.others = other.names.clone();
        one.run(MS);
        other.others = one.names.clone();
        assert!(!are_at_odds(&one, &other), "{:?} {:?}", one.shares(), other.shares());
    }
    assert_eq!(writers(&one), writers(&other));
    assert!(writers(&one).contains(&Some('c')) && writers(&one).iter().all(Option::is_some));
}

#[test]
fn a_newcomer_does_as_the_others_do() {
    let (mut one, mut gone) = pair();
    kill(&mut one, &mut gone, 'c');
    one.run(S);
    one.restart('c', "connected");
    one.run(S * 29);
    // The new proxy itself would call 'c' as good as any: it has seen that node for as long as the others.
    let mut other = World::with("cab", proxy("cab", Writer::Key));
    other.nodes = one.nodes.clone();
    other.now = one.now;
    other.node('c').born = Duration::ZERO;
    other.others = one.names.clone();
    run(&mut one, &mut other, MS * 500);
    assert_eq!(writers(&other), writers(&one));
    assert!(!writers(&other).contains(&Some('c')));
    run(&mut one, &mut other, S * 40);
    assert!(writers(&other).contains(&Some('c')));
    assert_eq!(writers(&one), writers(&other));
}

#[test]
fn a_node_with_too_many_clients_to_list_is_asked_for_everything_else() {
    let mut world = World::with("abc", proxy("abc", Writer::Key));
    world.crowded = Some('a');
    world.run(S);
    assert_eq!((world.home(), world.state('a')), (Some('a'), NodeState::Up));
    assert_eq!(world.shares().iter().sum::<usize>(), ALL);
}

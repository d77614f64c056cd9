//! The first map.

use super::*;

#[test]
fn the_map_is_found_through_one_seed() {
    let mut scene = Scene::new();
    scene.says('a', &peace());
    assert_eq!(scene.changes, [], "the others were not asked");
    let asked: String = scene.asks().iter().map(|(host, _)| *host).collect();
    assert_eq!(asked, "", "they are being asked");
    scene.gone('b').all_say(&['c', 'd', 'e', 'f'], &peace());
    assert_eq!((scene.masters().as_str(), scene.reason()), ("abc", Reason::Found));
    assert_eq!(scene.slots(1), [(5461, 10921)]);
    assert_eq!(scene.shards()[1].epoch.0, 2);
    assert_eq!((scene.state('a'), scene.state('b')), (NodeState::Up, NodeState::Down));
}

#[test]
fn a_seed_that_is_cut_off_does_not_mislead_at_the_start() {
    let mut cut_off = peace();
    for seen in &mut cut_off[1..] {
        seen.flags = if seen.master.is_some() { "slave,fail?" } else { "master,fail?" };
    }
    let mut scene = Scene::new();
    scene.says('a', &cut_off).all_say(&['b', 'c', 'd', 'e', 'f'], &failed_over());
    assert_eq!(scene.masters(), "dbc");
}

#[test]
fn with_most_masters_gone_a_start_believes_the_rest_after_a_while() {
    let mut scene = Scene::new();
    scene.says('a', &peace());
    for host in ['b', 'c', 'd', 'e', 'f'] {
        scene.gone(host);
    }
    assert_eq!(scene.changes, []);
    scene.wait(S);
    assert_eq!(scene.masters(), "abc");
    assert_eq!((scene.state('a'), scene.state('b')), (NodeState::Up, NodeState::Down));
}

#[test]
fn nodes_without_slots_are_no_map() {
    let mut scene = Scene::new();
    let map = [master('a', 0, ""), master('b', 0, "")];
    scene.all_say(&['a', 'b'], &map).wait(S * 5);
    assert_eq!(scene.changes, []);
}

#[test]
fn it_is_said_when_nobody_made_a_cluster_of_the_nodes() {
    let mut scene = Scene::new();
    assert_eq!(scene.rules.complaint(), None);
    scene.says('a', &[master('a', 0, "")]);
    let complaint = scene.rules.complaint().unwrap().to_string();
    assert_eq!(complaint, "no slot of the cluster has an owner: create the cluster");
    scene.all_say(&HOSTS, &peace());
    assert_eq!((scene.masters().as_str(), scene.rules.complaint()), ("abc", None));
}

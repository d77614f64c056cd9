//! Masters that are lost, replaced, and that come back.

use super::*;

#[test]
fn a_lost_master_stays_in_its_place_and_is_down() {
    let mut scene = Scene::settled();
    scene.gone('a');
    assert_eq!((scene.masters().as_str(), scene.state('a')), ("abc", NodeState::Down));
    assert_eq!(scene.reason(), Reason::Refreshed);
    assert_eq!(scene.state('b'), NodeState::Up);
}

#[test]
fn replicas_of_a_lost_master_are_asked_every_20_ms() {
    let mut scene = Scene::settled();
    scene.gone('a').says('d', &peace());
    let mut asked = 0;
    for _ in 0..50 {
        scene.now += MS * 20;
        let probes = scene.asks();
        if probes.contains(&('d', Question::Map)) {
            asked += 1;
            scene.now -= MS;
            scene.says('d', &peace());
        }
        for (host, _) in probes.iter().filter(|(host, _)| *host != 'd') {
            if *host == 'a' {
                scene.gone('a')
            } else {
                scene.says(*host, &peace())
            };
        }
    }
    assert!(asked >= 40, "{asked} times in a second");
}

#[test]
fn the_promoted_replica_is_published_on_its_own_word() {
    let mut scene = Scene::settled();
    scene.gone('a');
    let lost = scene.now - MS;
    scene.wait(S * 3).says('d', &failed_over());
    assert_eq!((scene.masters().as_str(), scene.reason()), ("dbc", Reason::Promoted));
    assert_eq!((scene.state('d'), scene.shards()[0].epoch.0), (NodeState::Up, 7));
    assert_eq!(scene.changes.last().unwrap().lost_at, Some(lost));
    // The views of the others are out of date, and change nothing.
    scene.all_say(&['b', 'c', 'e', 'f'], &peace());
    assert_eq!(scene.masters(), "dbc");
}

#[test]
fn a_promotion_that_others_tell_is_believed_for_its_epoch() {
    let mut scene = Scene::settled();
    scene.gone('a');
    let lost = scene.now - MS;
    scene.says('b', &failed_over());
    assert_eq!((scene.masters().as_str(), scene.reason()), ("dbc", Reason::Switched));
    assert_eq!(scene.changes.last().unwrap().lost_at, Some(lost), "its outage ends with it");
}

#[test]
fn a_former_master_that_comes_back_is_a_replica_at_the_same_place() {
    let mut scene = Scene::settled();
    scene.gone('a').all_say(&['d', 'b', 'c', 'e', 'f'], &failed_over());
    // The node has not learned of it yet.
    scene.says('a', &peace());
    assert_eq!(scene.masters(), "dbc");
    let mut map = failed_over();
    map[0] = replica('a', 'd', 7);
    scene.all_say(&['a', 'd', 'b', 'c', 'e', 'f'], &map);
    assert_eq!((scene.masters().as_str(), scene.state('a')), ("dbc", NodeState::Up));
    assert_eq!(scene.shards()[0].nodes.len(), 2);
}

#[test]
fn one_cut_off_node_misleads_nobody() {
    let mut scene = Scene::settled();
    let mut cut_off = peace();
    for seen in &mut cut_off[..5] {
        seen.flags = if seen.master.is_some() { "slave,fail" } else { "master,fail" };
    }
    scene.says('f', &cut_off);
    assert!(scene.changes.is_empty(), "{:?}", scene.changes);
}

#[test]
fn a_master_that_most_call_failed_is_down_although_we_reach_it() {
    let mut scene = Scene::settled();
    let mut map = peace();
    map[0].flags = "master,fail";
    scene.all_say(&['b', 'c', 'd', 'e'], &map);
    assert_eq!((scene.masters().as_str(), scene.state('a')), ("abc", NodeState::Down));
}

#[test]
fn a_takeover_and_the_way_back_keep_the_index() {
    let mut scene = Scene::settled();
    let mut map = peace();
    map[1] = replica('b', 'e', 9);
    map[4] = master('e', 9, "5461-10921");
    scene.says('b', &map);
    assert_eq!(scene.masters(), "aec", "the old master tells it itself");
    scene.all_say(&HOSTS, &map);
    map[1] = master('b', 10, "5461-10921");
    map[4] = replica('e', 'b', 10);
    scene.says('b', &map);
    assert_eq!((scene.masters().as_str(), scene.reason()), ("abc", Reason::Promoted));
}

#[test]
fn with_all_nodes_silent_the_map_stays_and_the_seeds_are_asked() {
    let mut scene = Scene::settled();
    for host in HOSTS {
        scene.gone(host);
    }
    assert_eq!(scene.masters(), "abc");
    assert_eq!(scene.slots(2), [(10922, 16383)]);
    scene.all_say(&HOSTS, &failed_over());
    assert_eq!(scene.masters(), "dbc");
}

#[test]
fn a_hint_asks_for_the_map_at_once_and_a_flood_does_not() {
    let mut scene = Scene::settled();
    scene.wait(S * 5).all_say(&HOSTS, &peace());
    let mut asked = 0;
    for _ in 0..1000 {
        scene.now += MS;
        scene
            .rules
            .observe(scene.now, Observation::Hint(Hint { endpoint: node('b'), reason: HintReason::Moved }));
        for (host, question) in scene.asks() {
            asked += usize::from(question != Question::Node);
            scene.now -= MS;
            scene.says(host, &peace());
        }
    }
    assert!((6..=36).contains(&asked), "{asked} maps in a second of hints");
}

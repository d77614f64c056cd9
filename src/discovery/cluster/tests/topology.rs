//! Slots that move, shards that come and go, nodes that get other names.

use super::*;

#[test]
fn moved_slots_change_the_ranges_and_no_index() {
    let mut scene = Scene::settled();
    let mut map = peace();
    map[0] = master('a', 1, "0-99 110-5460");
    map[1] = master('b', 8, "100-109 5461-10921");
    scene.says('b', &map);
    assert_eq!((scene.masters().as_str(), scene.reason()), ("abc", Reason::Resharded));
    assert_eq!(scene.slots(0), [(0, 99), (110, 5460)]);
    assert_eq!(scene.slots(1), [(100, 109), (5461, 10921)]);
    scene.all_say(&['c', 'd', 'e', 'f'], &peace());
    assert_eq!(scene.slots(0), [(0, 99), (110, 5460)], "an older story");
}

#[test]
fn a_new_shard_goes_to_the_end_and_leaves_an_empty_place() {
    let mut scene = Scene::settled();
    let mut map = peace();
    map.push(master('g', 0, ""));
    scene.all_say(&['a', 'b', 'c', 'd', 'e', 'f', 'g'], &map);
    assert_eq!(scene.masters(), "abc", "without slots it is no shard");
    map[6].slots = "[0-<-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]";
    scene.says('g', &map);
    assert_eq!(scene.masters(), "abcg", "slots are on their way");
    map[0].slots = "1-5460";
    map[6] = master('g', 8, "0");
    scene.says('g', &map);
    assert_eq!((scene.masters().as_str(), scene.slots(3)), ("abcg", vec![(0, 0)]));
    map[0] = master('a', 9, "0-5460");
    map[6].slots = "";
    scene.all_say(&['a', 'b', 'c', 'd', 'e', 'f'], &map);
    map.pop();
    scene.all_say(&['a', 'b', 'c', 'd', 'e', 'f'], &map);
    assert_eq!((scene.masters().as_str(), scene.slots(3)), ("abc-", vec![]));
    assert_eq!(scene.slots(0), [(0, 5460)]);
    // The next shard gets a place of its own.
    map.push(master('h', 10, "0"));
    map[0].slots = "1-5460";
    scene.all_say(&['a', 'b', 'c', 'd', 'e', 'f', 'h'], &map);
    assert_eq!(scene.masters(), "abc-h");
}

#[test]
fn a_master_whose_last_slot_has_gone_follows_the_new_owner_there() {
    let mut scene = Scene::settled();
    let mut map = peace();
    map[0] = replica('a', 'b', 8);
    map[1] = master('b', 8, "0-10921");
    map[3] = replica('d', 'b', 8);
    scene.all_say(&HOSTS, &map);
    assert_eq!((scene.masters().as_str(), scene.slots(1)), ("-bc", vec![(0, 10921)]));
    assert_eq!(scene.shards()[1].nodes.len(), 4);
    assert!(scene.shards()[0].nodes.is_empty());
}

#[test]
fn a_lost_shard_keeps_its_place_and_the_others_theirs() {
    let mut scene = Scene::settled();
    let mut map = peace();
    map[1].flags = "master,fail";
    map[4].flags = "slave,fail";
    scene.gone('b').gone('e').all_say(&['a', 'c', 'd', 'f'], &map);
    assert_eq!((scene.masters().as_str(), scene.slots(1)), ("abc", vec![(5461, 10921)]));
    assert_eq!((scene.state('b'), scene.state('a')), (NodeState::Down, NodeState::Up));
}

#[test]
fn a_slot_that_its_owner_gave_up_belongs_to_who_claims_it() {
    let mut scene = Scene::settled();
    let mut map = peace();
    // Somebody repaired the slots by hand: the epoch is lower than that of the former owner.
    map[2].slots = "10923-16383";
    map[0].slots = "0-5460 10922";
    scene.says('a', &map);
    assert_eq!(scene.slots(2), [(10922, 16383)], "the owner has not said so");
    scene.says('c', &map).says('a', &map);
    assert_eq!((scene.slots(0), scene.slots(2)), (vec![(0, 5460), (10922, 10922)], vec![(10923, 16383)]));
}

#[test]
fn a_node_with_another_address_is_the_same_node() {
    let mut scene = Scene::settled();
    let renamed = |me: char| {
        let mut values = report_of(me, &peace());
        let lines = lines(me, &peace()).text().unwrap().replace(" a:7000@", " z:7000@");
        values[4] = text(&lines);
        values
    };
    scene.gone('a');
    for host in ['b', 'c', 'd', 'e', 'f'] {
        scene.answer(host, Ok(renamed(host)));
    }
    assert_eq!(scene.masters(), "zbc");
    scene.answer_at(node('z'), Ok(renamed('a')));
    assert_eq!((scene.masters().as_str(), scene.state('z')), ("zbc", NodeState::Up));
}

#[test]
fn a_stranger_at_the_address_of_a_master_is_no_master_of_ours() {
    let mut scene = Scene::settled();
    let stranger = [master('x', 50, "0-16383")];
    let mut values = report_of('x', &stranger);
    values[4] = text(&lines('x', &stranger).text().unwrap().replace(" x:7000@", " a:7000@"));
    scene.answer('a', Ok(values));
    assert_eq!(scene.masters(), "-bc");
    assert_eq!(scene.slots(0), [(0, 5460)]);
}

#[test]
fn a_cluster_that_was_set_up_anew_is_believed_after_a_while() {
    let mut scene = Scene::settled();
    let map = [master('x', 1, "0-16383")];
    let mut values = report_of('x', &map);
    values[4] = text(&lines('x', &map).text().unwrap().replace(" x:7000@", " a:7000@"));
    for host in ['b', 'c', 'd', 'e', 'f'] {
        scene.gone(host);
    }
    scene.answer('a', Ok(values.clone()));
    assert_eq!(scene.masters(), "-bc");
    scene.wait(S * 6).answer('a', Ok(values));
    assert_eq!(scene.masters(), "---a");
    assert_eq!(scene.slots(3), [(0, 16383)]);
}

/// Returns the report of a node in a cluster whose nodes have host names in capitals, with or without `CLUSTER SLOTS`.
fn named(me: char, with_names: bool) -> Vec<Value> {
    let mut values = report_of(me, &peace());
    let mut lines = lines(me, &peace()).text().unwrap().to_owned();
    for host in HOSTS {
        let (old, new) = (format!(" {host}:7000@17000 "), host.to_ascii_uppercase());
        lines = lines.replace(&old, &format!(" {host}:7000@17000,{new} "));
    }
    values[4] = text(&lines);
    if with_names {
        let id = format!("{:02x}", u32::from('a')).repeat(20);
        let entry = Value::Array(vec![text("A"), Value::Int(7000), text(&id), Value::Array(vec![])]);
        values.push(Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(5460), entry])]));
    }
    values
}

#[test]
fn host_names_that_are_preferred_now_are_used_from_then_on() {
    let mut scene = Scene::settled();
    for host in HOSTS {
        scene.answer(host, Ok(named(host, true)));
    }
    assert_eq!(scene.masters(), "ABC");
    // The nodes are asked by their new names, in a hurry and without CLUSTER SLOTS.
    for host in HOSTS {
        scene.answer_at(node(host.to_ascii_uppercase()), Ok(named(host, false)));
        assert_eq!(scene.masters(), "ABC", "{host}");
    }
}

#[test]
fn a_new_address_is_asked_for_names_at_once() {
    let mut scene = Scene::settled();
    for host in HOSTS {
        scene.answer(host, Ok(named(host, true)));
    }
    scene.now += S;
    let asked = scene.asks();
    let new: Vec<&Question> =
        asked.iter().filter(|(host, _)| host.is_ascii_uppercase()).map(|(_, question)| question).collect();
    assert!(new.iter().all(|question| **question == Question::MapAndNames), "{asked:?}");
}

/// Returns the report of a node in a cluster whose members all have names that clients are to use.
fn with_names(me: char, map: &[Seen]) -> Vec<Value> {
    let mut values = report_of(me, map);
    let mut lines = values[4].text().unwrap().to_owned();
    for host in HOSTS {
        lines = lines.replace(&format!(" {host}:7000@17000"), &format!(" {host}:7000@17000,name-{host}"));
    }
    values[4] = text(&lines);
    let id = format!("{:02x}", u32::from(me)).repeat(20);
    let entry = Value::Array(vec![text(&format!("name-{me}")), Value::Int(7000), text(&id)]);
    values.push(Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(1), entry])]));
    values
}

fn name(host: char) -> Endpoint {
    Endpoint::new(&format!("name-{host}"), 7000)
}

#[test]
fn nodes_whose_names_lead_nowhere_are_dialled_by_the_addresses_beside_them() {
    let mut scene = Scene::new();
    scene.answer('a', Ok(with_names('a', &peace())));
    for host in HOSTS {
        scene.answer_at(name(host), Err(Failure::Unresolved));
    }
    for host in HOSTS {
        scene.answer(host, Ok(with_names(host, &peace())));
    }
    assert_eq!(scene.masters(), "abc");
    let shards = scene.shards();
    let endpoints = shards.iter().filter_map(|shard| Some(shard.master_node()?.endpoint.clone()));
    assert_eq!(endpoints.collect::<Vec<_>>(), ['a', 'b', 'c'].map(node));
    assert_eq!(scene.rules.aliases().get(&name('b')), Some(&node('b')), "a redirect may call it so");
    assert!(!scene.asks().iter().any(|(host, _)| *host == 'n'), "the names are not asked any more");
    scene.wait(S * 60);
    scene.answer('a', Ok(with_names('a', &peace())));
    assert_eq!(scene.masters(), "abc", "and it stays so");
}

#[test]
fn a_name_that_has_led_somewhere_stays_in_use_when_it_does_not_resolve_for_a_while() {
    let mut scene = Scene::new();
    for seed in ['a', 'b'] {
        scene.answer(seed, Ok(with_names(seed, &peace())));
    }
    for host in HOSTS {
        scene.answer_at(name(host), Ok(with_names(host, &peace())));
    }
    scene.answer_at(name('a'), Err(Failure::Unresolved));
    let shards = scene.shards();
    assert_eq!(shards[0].master_node().unwrap().endpoint, name('a'));
    assert!(scene.rules.aliases().is_empty());
}

#[test]
fn a_node_without_the_name_that_is_preferred_is_dialled_by_its_address() {
    let mut scene = Scene::new();
    let report_of = |me: char| {
        let mut values = with_names(me, &peace());
        values[4] = text(&values[4].text().unwrap().replace(",name-c", ""));
        values
    };
    for host in HOSTS {
        scene.answer(host, Ok(report_of(host)));
    }
    for host in HOSTS {
        scene.answer_at(if host == 'c' { node('c') } else { name(host) }, Ok(report_of(host)));
    }
    let shards = scene.shards();
    let endpoints = shards.iter().filter_map(|shard| Some(shard.master_node()?.endpoint.clone()));
    assert_eq!(endpoints.collect::<Vec<_>>(), [name('a'), name('b'), node('c')]);
}

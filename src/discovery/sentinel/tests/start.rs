//! The first master, steady states, and the tables of sentinels and nodes.

use super::*;
use crate::discovery::Channel;

#[test]
fn nothing_is_published_before_a_majority_and_the_node_agree() {
    let mut scene = Scene::new();
    scene.wait(S).says("s1", "a", 5).master("a");
    assert_eq!(scene.changes, []);
    scene.says("s2", "a", 5);
    scene.serves("a", Reason::Found);
}

#[test]
fn nil_and_tilt_do_not_vote() {
    let mut scene = Scene::new();
    scene.says("s1", "a", 5).master("a");
    scene.answers("s2", None, "a", 5, "master");
    scene.event("s3", "+tilt", "#tilt mode entered").says("s3", "a", 5);
    assert_eq!(scene.changes, []);
    scene.event("s3", "-tilt", "#tilt mode exited");
    scene.serves("a", Reason::Found);
}

#[test]
fn a_master_that_is_loading_or_no_master_is_not_published() {
    let mut scene = Scene::new();
    scene.all_say("a", 5).loading("a", "id-a");
    assert_eq!(scene.changes, []);
    scene.replica("a", "b");
    assert_eq!(scene.changes, []);
    let role = Value::Array(vec![text("master"), Value::Int(1), Value::Array(vec![])]);
    scene.node_says("a", Value::Error("MISCONF disk".into()), role, "id-a");
    assert_eq!(scene.changes, []);
    scene.master("a").serves("a", Reason::Found);
}

#[test]
fn an_old_master_that_a_stale_sentinel_names_is_not_found_first() {
    let mut scene = Scene::new();
    scene.says("s1", "a", 5).master("a").wait(S);
    scene.says("s2", "b", 6).says("s3", "b", 6).master("b");
    scene.serves("b", Reason::Found);
    assert_eq!(scene.epoch(), 6);
}

#[test]
fn with_most_sentinels_gone_a_start_believes_the_rest_if_replicas_vouch() {
    let mut scene = Scene::new();
    scene.says("s1", "a", 5).sentinel_gone("s2").sentinel_gone("s3").master("a").wait(S * 6);
    scene.says("s1", "a", 5).master("a");
    assert_eq!(scene.changes, [], "a former master that came back has no replicas");
    scene.master_with("a", "id-a", 1).serves("a", Reason::Found);
}

#[test]
fn a_dead_sentinel_is_asked_less_often_and_delays_nobody() {
    let mut scene = Scene::new();
    let asked = |scene: &mut Scene, who: &str| {
        let probes = scene.rules.poll(scene.now).probes;
        probes.iter().filter(|probe| probe.target == PeerKind::Sentinel(sentinel(who))).count()
    };
    for who in SENTINELS {
        assert_eq!(asked(&mut Scene::new(), who), 2, "all are asked at once");
    }
    // s1 never answers its first question.
    scene.says("s2", "a", 5).says("s3", "a", 5).master("a").serves("a", Reason::Found);
    scene.gone("a").sentinel_gone("s1");
    let group =
        PeerProbe { target: PeerKind::Sentinel(sentinel("s1")), question: Question::Group("m".into()) };
    let mut questions = 0;
    for _ in 0..100 {
        scene.now += MS * 100;
        if scene.rules.poll(scene.now).probes.contains(&group) {
            questions += 1;
            scene.sentinel_gone("s1");
        }
    }
    assert!((8..20).contains(&questions), "{questions} questions in 10 s");
}

#[test]
fn in_peace_little_is_asked_and_nothing_spins() {
    let mut scene = Scene::settled();
    for who in SENTINELS {
        scene.see(Observation::Subscribed { target: PeerKind::Sentinel(sentinel(who)), up: true });
    }
    let (mut steps, mut questions) = (0, 0);
    scene.now += S * 10;
    let end = scene.now + S * 10;
    while scene.now < end {
        let ask = scene.rules.poll(scene.now);
        steps += 1;
        questions += ask.probes.len();
        for probe in ask.probes {
            match (&probe.target, probe.question) {
                (PeerKind::Node(endpoint), _) if *endpoint == node("a") => scene.master("a"),
                (PeerKind::Node(endpoint), _) => scene.replica(&endpoint.host.clone(), "a"),
                (PeerKind::Sentinel(endpoint), Question::Group(_)) => {
                    scene.says(&endpoint.host.clone(), "a", 5)
                }
                (PeerKind::Sentinel(_), question) => {
                    let lists = vec![Value::Array(vec![]), Value::Array(vec![]), Value::Nil, Value::Nil];
                    scene.answer(probe.target.clone(), question, Ok(lists))
                }
            };
        }
        assert!(ask.wake > scene.now || questions > 0);
        scene.now = ask.wake.max(scene.now + MS);
    }
    assert!(questions <= 130, "{questions} questions in 10 s");
    assert!(steps <= 300, "{steps} turns in 10 s");
    scene.still_serves("a");
}

#[test]
fn every_sentinel_and_node_is_watched() {
    let mut scene = Scene::settled();
    let subscriptions = scene.rules.poll(scene.now).subscriptions;
    let of = |channel| subscriptions.iter().filter(|found| found.channel == channel).count();
    assert_eq!((of(Channel::Everything), of(Channel::Hello)), (3, 3));
}

#[test]
fn sentinels_and_replicas_are_discovered_and_mapped() {
    let map = BTreeMap::from([(node("inner"), node("outer")), (sentinel("in"), sentinel("out"))]);
    let reads = Reads { from: ReadFrom::Master, max_lag: S };
    let mut rules = SentinelRules::new(&[sentinel("s1")], "m", map, &reads);
    let replica = list(&["ip", "inner", "port", "6379", "flags", "slave", "master-link-status", "ok"]);
    let peer = list(&["ip", "in", "port", "26379", "runid", "id2"]);
    let values =
        vec![Value::Array(vec![replica]), Value::Array(vec![peer]), text("id1"), text("sentinel_tilt:0\r\n")];
    let probe =
        PeerProbe { target: PeerKind::Sentinel(sentinel("s1")), question: Question::Members("m".into()) };
    let outcome = Ok(Answer { values, rtt: MS });
    rules.observe(S, Observation::Answer { probe, sent: S, outcome });
    let targets: Vec<PeerKind> = rules.poll(S).probes.into_iter().map(|probe| probe.target).collect();
    assert!(
        targets.contains(&PeerKind::Node(node("outer")))
            && targets.contains(&PeerKind::Sentinel(sentinel("out")))
    );
    assert!(!targets.contains(&PeerKind::Node(node("inner"))));
}

#[test]
fn one_process_under_two_spellings_is_one_node() {
    let mut scene = Scene::new();
    scene.says("s1", "a", 5).says("s2", "a.example", 5).says("s3", "nowhere", 4);
    scene.master("a");
    assert_eq!(scene.changes, [], "one vote each");
    scene.master_with("a.example", "id-a", 0).serves("a", Reason::Found);
    assert_eq!(scene.shard().nodes.iter().filter(|node| node.run_id.as_deref() == Some("id-a")).count(), 1);
    scene.all_say("a.example", 5).master("a").still_serves("a");
}

#[test]
fn states_of_replicas_follow_their_own_words() {
    let mut scene = Scene::settled();
    assert_eq!(scene.state("b"), (Role::Replica, NodeState::Up));
    scene.replica("b", "c");
    assert_eq!(scene.state("b").1, NodeState::Syncing, "it follows another one");
    scene.loading("b", "id-b");
    assert_eq!(scene.state("b").1, NodeState::Loading);
    scene.master("b");
    assert_eq!(scene.state("b"), (Role::Replica, NodeState::Unproven), "says master and is none");
    scene.gone("b");
    assert_eq!(scene.state("b").1, NodeState::Down);
    scene.replica("b", "elsewhere");
    assert_eq!(scene.state("b").1, NodeState::Up, "an address that only the replica knows");
    scene.still_serves("a");
}

#[test]
fn round_trips_and_lags_are_no_change() {
    let mut scene = Scene::settled();
    let published = scene.changes.len();
    for offset in [200, 300] {
        let role = Value::Array(vec![text("master"), Value::Int(offset), Value::Array(vec![])]);
        scene.wait(MS * 200).node_says("a", text("PONG"), role, "id-a");
        scene.wait(MS * 50).replica("b", "a");
    }
    assert_eq!(scene.changes.len(), published);
    let health = scene.rules.health();
    let lag = |host| health.iter().find(|seen| seen.endpoint == node(host)).and_then(|seen| seen.lag);
    assert_eq!(
        (lag("a"), lag("b")),
        (Some(Duration::ZERO), Some(MS * 501)),
        "since the master was last seen there"
    );
}

#[test]
fn with_no_sentinel_left_the_master_goes_on_serving() {
    let mut scene = Scene::settled();
    for _ in 0..60 {
        scene.wait(S);
        for who in SENTINELS {
            scene.sentinel_gone(who);
        }
        scene.master("a").still_serves("a");
    }
    scene.gone("a").still_serves("a");
    assert_eq!(scene.state("a"), (Role::Master, NodeState::Down));
    scene.master("a").still_serves("a");
    assert_eq!(scene.state("a"), (Role::Master, NodeState::Up));
}

fn complaint(scene: &Scene) -> Option<String> {
    scene.rules.complaint().map(|finding| finding.to_string())
}

#[test]
fn it_is_said_why_there_is_no_first_master() {
    let mut scene = Scene::new();
    assert_eq!(complaint(&scene), None, "nobody has answered yet: peers are at fault, if anything");
    scene.says("s1", "a", 5).sentinel_gone("s2").sentinel_gone("s3");
    assert_eq!(complaint(&scene).unwrap(), "1 of 3 sentinels answer, which is no majority");
    scene.says("s2", "a", 5).replica("a", "b");
    let said = "a:6379 is the master by the sentinels' word, and a replica of b:6379 by its own";
    assert_eq!(complaint(&scene).unwrap(), said);
    scene.master("a").serves("a", Reason::Found);
    assert_eq!(complaint(&scene), None);
}

#[test]
fn a_sentinel_that_names_no_master_is_asked_who_it_is() {
    let asked = |scene: &mut Scene| {
        scene.now += S * 2;
        let probes = scene.rules.poll(scene.now).probes;
        let of = |probe: &&PeerProbe| probe.target == PeerKind::Sentinel(sentinel("s1"));
        probes.iter().filter(of).any(|probe| probe.question == Question::GroupAndIdentity("m".into()))
    };
    let mut known = Scene::new();
    known.says("s1", "a", 5);
    assert!(!asked(&mut known));
    let mut scene = Scene::new();
    scene.rules.poll(scene.now);
    let values = vec![Value::Nil, Value::Error("ERR No such master with that name".into())];
    scene.answer(PeerKind::Sentinel(sentinel("s1")), Question::Group("m".into()), Ok(values));
    assert!(asked(&mut scene));
}

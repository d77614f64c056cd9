//! The lag of replicas, and how often it is measured.

use super::*;

impl Scene {
    fn node_at(&mut self, host: char, role: Vec<Value>) -> &mut Self {
        let values =
            [text("PONG"), Value::Array(role), text(&format!("run_id:id-{host}\r\n")), text("loading:0\r\n")];
        self.answer(host, Ok(values.to_vec()))
    }

    fn master_at(&mut self, host: char, offset: i64) -> &mut Self {
        self.node_at(host, vec![text("master"), Value::Int(offset), Value::Array(vec![])])
    }

    fn replica_at(&mut self, host: char, of: &str, link: &str, offset: i64) -> &mut Self {
        self.node_at(host, vec![text("slave"), text(of), Value::Int(7000), text(link), Value::Int(offset)])
    }

    fn silent(&mut self, host: char) -> &mut Self {
        self.answer(host, Err(Failure::TimedOut))
    }

    /// In milliseconds.
    fn lag(&self, host: char) -> Option<u128> {
        let health = self.rules.health();
        let seen = health.iter().find(|seen| seen.endpoint == node(host)).expect("node is listed");
        seen.lag.map(|lag| lag.as_millis())
    }
}

#[test]
fn replicas_that_serve_reads_are_asked_more_often() {
    for (from, pace) in [(ReadFrom::Master, 1000), (ReadFrom::PreferReplica, 250)] {
        let mut scene = Scene::settled_reading(from);
        scene.replica_at('d', "a", "connected", 100);
        scene.asks();
        scene.now += MS * (pace - 1);
        assert!(!scene.asks().iter().any(|(host, _)| *host == 'd'), "{from:?}");
        scene.now += MS;
        assert!(scene.asks().iter().any(|(host, _)| *host == 'd'), "{from:?}");
    }
}

#[test]
fn each_replica_is_measured_by_the_offsets_of_its_own_master() {
    let mut scene = Scene::settled_reading(ReadFrom::PreferReplica);
    // Every answer takes one millisecond.
    scene.master_at('a', 100).master_at('b', 5000);
    scene.now += MS * 200;
    scene.master_at('a', 300).master_at('b', 5000);
    scene.replica_at('d', "a", "connected", 100).replica_at('e', "b", "connected", 5000);
    assert_eq!((scene.lag('a'), scene.lag('d'), scene.lag('e')), (Some(0), Some(205), Some(0)));
    scene.now += MS * 250;
    scene.replica_at('d', "a", "connected", 300);
    assert_eq!(scene.lag('d'), Some(0));
}

#[test]
fn a_silent_replica_is_further_behind_with_every_moment_until_it_answers_again() {
    let mut scene = Scene::settled_reading(ReadFrom::PreferReplica);
    scene.replica_at('d', "a", "connected", 100).master_at('a', 100);
    for (misses, state) in
        [(1, NodeState::Up), (2, NodeState::Up), (3, NodeState::Silent), (4, NodeState::Silent)]
    {
        scene.now += MS * 748;
        scene.master_at('a', 100).silent('d');
        // Each round takes 750 ms; the last answer of `d` came 1 ms before the first round.
        assert_eq!((scene.lag('d'), scene.state('d')), (Some(750 * misses + 1), state));
    }
    scene.replica_at('d', "a", "connected", 100);
    assert_eq!((scene.lag('d'), scene.state('d')), (Some(0), NodeState::Up));
    scene.gone('d');
    assert_eq!(scene.lag('d'), None);
}

#[test]
fn a_replica_that_syncs_or_follows_another_shard_is_syncing() {
    let mut scene = Scene::settled_reading(ReadFrom::PreferReplica);
    let table = [
        ("a", "connected", NodeState::Up),
        ("a", "connect", NodeState::Syncing),
        ("a", "sync", NodeState::Syncing),
        ("b", "connected", NodeState::Syncing),
        // An address that only the replica knows.
        ("x", "connected", NodeState::Up),
    ];
    for (of, link, state) in table {
        scene.replica_at('d', of, link, 100);
        assert_eq!(scene.state('d'), state, "{of} {link}");
    }
}

#[test]
fn behind_a_new_master_its_own_offsets_count() {
    let mut map = peace();
    map.push(replica('g', 'a', 1));
    let mut scene = Scene::settled_reading(ReadFrom::PreferReplica);
    scene.all_say(&['a', 'b', 'c', 'd', 'g'], &map).all_say(&HOSTS, &map);
    scene.master_at('a', 900).replica_at('g', "a", "connected", 890).gone('a');
    let mut map = failed_over();
    map.push(replica('g', 'd', 7));
    scene.all_say(&['b', 'c', 'd'], &map).says('g', &map);
    assert_eq!(scene.masters(), "dbc");
    scene.master_at('d', 895).replica_at('g', "d", "connected", 895);
    assert_eq!((scene.lag('g'), scene.state('g')), (Some(0), NodeState::Up));
}

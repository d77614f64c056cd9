//! The lag of replicas, and how often it is measured.

use super::*;

impl Scene {
    fn lag(&self, host: &str) -> Option<Duration> {
        let health = self.rules.health();
        health.iter().find(|seen| seen.endpoint == node(host)).and_then(|seen| seen.lag)
    }

    #[track_caller]
    fn lags(&mut self, host: &str, millis: u32) -> &mut Self {
        assert_eq!(self.lag(host), Some(MS * millis));
        self
    }
}

#[test]
fn replicas_that_serve_reads_are_asked_more_often() {
    let table = [(ReadFrom::Master, 1000), (ReadFrom::PreferReplica, 250), (ReadFrom::Nearest, 250)];
    for (from, pace) in table {
        let mut scene = Scene::settled_reading(from);
        // Nothing has happened for a while.
        scene.wait(S * 3).master("a").replica("b", "a");
        let asked = |scene: &mut Scene| {
            let probes = scene.rules.poll(scene.now).probes;
            probes.iter().any(|probe| probe.target == PeerKind::Node(node("b")))
        };
        scene.now += MS * (pace - 1);
        assert!(!asked(&mut scene), "{from:?}");
        scene.now += MS;
        assert!(asked(&mut scene), "{from:?}");
    }
}

#[test]
fn a_replica_whose_lag_is_not_known_yet_is_asked_again_soon() {
    let mut scene = Scene::settled_reading(ReadFrom::Master);
    scene.wait(S * 3).master_at("a", 100).replica_at("b", "a", "connected", 90);
    assert_eq!(scene.lag("b"), None, "it has not reached anything that was seen");
    scene.now += MS * 100;
    let probes = scene.rules.poll(scene.now).probes;
    assert!(probes.iter().any(|probe| probe.target == PeerKind::Node(node("b"))));
}

#[test]
fn a_replica_that_does_not_follow_falls_behind_and_catches_up() {
    let mut scene = Scene::settled_reading(ReadFrom::PreferReplica);
    scene.lags("a", 0).lags("b", 0).lags("c", 0);
    scene.wait(MS * 199).master_at("a", 200);
    scene.wait(MS * 50).replica_at("b", "a", "connected", 100).replica_at("c", "a", "connected", 200);
    // `a` was at 100 two hundred milliseconds before it was at 200.
    scene.lags("b", 250).lags("c", 0);
    scene.wait(MS * 150).master_at("a", 300);
    scene.wait(MS * 100).replica_at("b", "a", "connected", 150).lags("b", 500);
    scene.wait(MS * 250).replica_at("b", "a", "connected", 300).lags("b", 0).still_serves("a");
    assert_eq!(scene.state("b").1, NodeState::Up);
}

#[test]
fn a_replica_that_is_silent_is_further_behind_with_every_moment() {
    let mut scene = Scene::settled_reading(ReadFrom::PreferReplica);
    scene.wait(MS * 499).silent("b").lags("b", 500);
    scene.wait(MS * 750).master_at("a", 200).lags("b", 1250).silent("b");
    assert_eq!(scene.state("b").1, NodeState::Up);
    scene.wait(MS * 750).master_at("a", 200).silent("b").lags("b", 2000);
    assert_eq!(scene.state("b").1, NodeState::Silent);
    scene.wait(S).master_at("a", 200).lags("b", 3000).lags("c", 0);
    scene.replica_at("b", "a", "connected", 200).lags("b", 0);
    scene.gone("b");
    assert_eq!(scene.lag("b"), None, "what will come back has other data");
}

#[test]
fn a_replica_that_syncs_tells_so_and_its_lag_grows() {
    let mut scene = Scene::settled_reading(ReadFrom::Replica);
    for link in ["connect", "connecting", "sync"] {
        scene.wait(MS * 250).master_at("a", 100).replica_at("b", "a", link, -1);
        assert_eq!(scene.state("b").1, NodeState::Syncing, "{link}");
    }
    scene.lags("b", 751);
    scene.wait(MS * 250).master_at("a", 100).replica("b", "a").lags("b", 0);
    assert_eq!(scene.state("b").1, NodeState::Up);
}

#[test]
fn while_the_master_is_silent_nobody_can_tell_how_far_it_went() {
    let mut scene = Scene::settled_reading(ReadFrom::Replica);
    scene.wait(MS * 499).silent("a").lags("b", 500);
    scene.wait(MS * 250).replica("b", "a").lags("b", 750);
    scene.master_at("a", 100).lags("b", 0);
}

#[test]
fn behind_a_new_master_its_own_offsets_count() {
    let mut scene = Scene::settled_reading(ReadFrom::Replica);
    scene.wait(MS * 99).master_at("a", 900).replica_at("b", "a", "connected", 900);
    scene.replica_at("c", "a", "connected", 890).lags("c", 100).gone("a");
    scene.selects("s1", 6, "c", "a").master_at("c", 895).serves("c", Reason::Promoted);
    scene.lags("c", 0);
    scene.wait(MS * 100).replica_at("b", "c", "connected", 895).lags("b", 0);
    assert_eq!(scene.state("b").1, NodeState::Up);
}

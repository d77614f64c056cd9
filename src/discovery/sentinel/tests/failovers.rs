//! Masters that are replaced: by an announcement, by the node's own reply, several in a row, or only for a while.

use super::*;

#[test]
fn a_candidate_is_the_master_the_moment_it_says_so() {
    let mut scene = Scene::settled();
    scene.gone("a").still_serves("a");
    scene.wait(S).selects("s2", 6, "b", "a").holds(Reason::Selected);
    scene.wait(MS * 20).replica("b", "a").still_holds();
    scene.wait(MS * 40).master("b").serves("b", Reason::Promoted);
    assert_eq!(scene.epoch(), 6);
    let outage = scene.now - scene.changes.last().unwrap().lost_at.unwrap();
    assert_eq!(outage, MS * 1060);
    let run_id = scene.shard().master_node().unwrap().run_id.clone();
    assert_eq!(run_id.as_deref(), Some("id-b"), "data connections check it");
}

#[test]
fn a_candidate_is_asked_every_10_ms_and_its_closing_connection_wakes_us() {
    let mut scene = Scene::settled();
    let asks = |scene: &mut Scene| {
        let probes = scene.rules.poll(scene.now).probes;
        probes.iter().any(|probe| probe.target == PeerKind::Node(node("b")))
    };
    scene.now += MS * 5;
    scene.event("s2", "+new-epoch", "6");
    let target = PeerKind::Sentinel(sentinel("s2"));
    let payload = "slave b:6379 b 6379 @ m a 6379".to_owned();
    scene
        .rules
        .observe(scene.now, Observation::Message { target, channel: "+selected-slave".into(), payload });
    assert!(asks(&mut scene), "at once");
    scene.replica("b", "a");
    scene.now += MS * 9;
    assert!(!asks(&mut scene));
    scene.now += MS;
    assert!(asks(&mut scene));
    scene.replica("b", "a");
    scene.now += MS * 3;
    scene.rules.observe(scene.now, Observation::Lost { target: PeerKind::Node(node("b")) });
    assert!(asks(&mut scene));
}

#[test]
fn any_sentinel_confirms_a_provisional_master() {
    for confirm in [(|scene: &mut Scene| _ = scene.says("s1", "b", 6)) as fn(&mut Scene), |scene| {
        scene.rules.sentinels.identified(scene.now, &sentinel("s3"), "run3");
        let (target, payload) = (PeerKind::Node(node("c")), "s3,26379,run3,6,m,b,6379,6".to_owned());
        scene.see(Observation::Message { target, channel: "__sentinel__:hello".into(), payload });
    }] {
        let mut scene = Scene::settled();
        scene.gone("a").selects("s2", 6, "b", "a").master("b").serves("b", Reason::Promoted);
        confirm(&mut scene);
        // The promotion is confirmed, so an abort of its leader changes nothing any more.
        scene
            .aborts("s2", "slave-timeout")
            .wait(MS)
            .all_say("a", 5)
            .master("a")
            .master("b")
            .still_serves("b");
    }
}

#[test]
fn the_leaders_own_reply_is_never_read_as_a_pair_during_a_failover() {
    let mut scene = Scene::settled();
    // The reply has the new epoch with the old address.
    scene.answers("s2", Some("a"), "a", 6, "master,o_down,failover_in_progress").master("a");
    assert_eq!(scene.epoch(), 5);
    // GET-MASTER-ADDR-BY-NAME already gives the new address, SENTINEL MASTER still the old one.
    scene.answers("s2", Some("b"), "a", 6, "master,failover_in_progress").master("b").still_serves("a");
    scene.says("s1", "b", 6).serves("b", Reason::Switched);
}

#[test]
fn a_higher_epoch_wins_when_the_node_agrees() {
    let mut scene = Scene::settled();
    scene.says("s1", "b", 6).replica("b", "a").still_serves("a");
    scene.loading("b", "id-b").still_serves("a");
    scene.master("b").serves("b", Reason::Switched);
    assert_eq!(scene.epoch(), 6);
}

#[test]
fn switch_master_makes_us_ask_for_its_epoch() {
    let mut scene = Scene::settled();
    scene.wait(S * 3).all_say("a", 5).replica("b", "a");
    scene.now += MS * 5;
    let target = PeerKind::Sentinel(sentinel("s3"));
    let payload = "m a 6379 b 6379".to_owned();
    scene
        .rules
        .observe(scene.now, Observation::Message { target, channel: "+switch-master".into(), payload });
    let probes = scene.rules.poll(scene.now).probes;
    let asked = |target: PeerKind, question: Question| probes.contains(&PeerProbe { target, question });
    assert!(asked(PeerKind::Sentinel(sentinel("s3")), Question::Group("m".into())));
    assert!(asked(PeerKind::Node(node("b")), Question::Node));
    scene.master("b").still_serves("a");
    scene.says("s3", "b", 6).serves("b", Reason::Switched);
}

#[test]
fn a_stale_sentinel_with_an_old_story_changes_nothing() {
    let mut scene = Scene::settled();
    scene.says("s1", "b", 6).says("s2", "b", 6).master("b").serves("b", Reason::Switched);
    for _ in 0..20 {
        scene.wait(MS * 500).says("s1", "b", 6).says("s2", "b", 6).says("s3", "a", 5);
        scene.master("a").master("b").still_serves("b");
    }
}

#[test]
fn the_old_master_that_returns_as_master_is_never_used() {
    let mut scene = Scene::settled();
    scene.gone("a").selects("s2", 6, "b", "a").master("b").serves("b", Reason::Promoted);
    // The old master says that it is a master for 11 s more, and most sentinels still name it until they have switched.
    scene.says("s1", "a", 5).says("s3", "a", 5);
    scene.answers("s2", Some("b"), "a", 6, "master,failover_in_progress");
    for _ in 0..220 {
        scene.wait(MS * 50).master_with("a", "id-a-again", 0).master("b").still_serves("b");
        assert_eq!(scene.state("a"), (Role::Replica, NodeState::Unproven));
    }
    scene.all_say("b", 6).replica("a", "b").still_serves("b");
    assert_eq!(scene.state("a"), (Role::Replica, NodeState::Up));
    // That holds even if the new master dies now and one sentinel was frozen all the time.
    scene.gone("b").says("s1", "a", 5).master("a").still_serves("b");
}

#[test]
fn two_failovers_within_a_second_are_both_followed() {
    let mut scene = Scene::settled();
    scene.gone("a").selects("s2", 6, "b", "a").master("b").serves("b", Reason::Promoted);
    scene.wait(MS * 300).selects("s3", 7, "c", "b").holds(Reason::Selected);
    scene.wait(MS * 60).master("c").serves("c", Reason::Promoted);
    assert_eq!(scene.epoch(), 7);
    // The first leader and its followers still report the old master.
    scene.wait(MS * 400).event("s2", "+promoted-slave", "slave b:6379 b 6379 @ m a 6379").still_serves("c");
    scene.says("s1", "b", 6).says("s2", "b", 6).master("b").still_serves("c");
    scene.all_say("c", 7).still_serves("c");
}

#[test]
fn many_switches_per_minute_are_normal() {
    let mut scene = Scene::settled();
    for round in 0..60 {
        let (old, new) = if round % 2 == 0 { ("a", "b") } else { ("b", "a") };
        let epoch = 6 + round;
        scene.wait(S).gone(old).selects("s1", epoch, new, old).master(new).serves(new, Reason::Promoted);
        scene.all_say(new, epoch).replica(old, new).still_serves(new);
    }
}

#[test]
fn without_events_a_majority_and_the_node_are_enough_when_the_master_is_silent() {
    let mut scene = Scene::settled();
    for who in ["s1", "s2"] {
        // Both sentinels are in the middle of the failover: the address is new, but no epoch certainly belongs to it.
        scene.answers(who, Some("b"), "a", 6, "master,failover_in_progress");
    }
    scene.master("b").still_serves("a");
    scene.gone("a").serves("b", Reason::Switched);
}

#[test]
fn without_events_the_leaders_list_tells_its_choice() {
    let list_of = |flags: &str| {
        let replica = list(&["ip", "b", "port", "6379", "flags", flags, "master-link-status", "err"]);
        vec![Value::Array(vec![replica]), Value::Array(vec![]), Value::Nil, Value::Nil]
    };
    let lists = |scene: &mut Scene, flags| {
        let target = PeerKind::Sentinel(sentinel("s2"));
        scene.answer(target, Question::Members("m".into()), Ok(list_of(flags)));
    };
    let mut scene = Scene::settled();
    scene.gone("a");
    lists(&mut scene, "slave,promoted");
    scene.still_serves("a").answers("s2", Some("a"), "a", 5, "master,o_down,failover_in_progress");
    lists(&mut scene, "slave");
    scene.still_serves("a");
    lists(&mut scene, "slave,promoted");
    scene.holds(Reason::Selected).wait(MS * 10).master("b").serves("b", Reason::Promoted);
    scene.says("s1", "b", 9).still_serves("b");
    assert_eq!(scene.epoch(), 9);
    // The leader's failover goes on for long after the promotion; its mark is out of date.
    scene.wait(S).says("s1", "c", 10).master("c").serves("c", Reason::Switched);
    lists(&mut scene, "slave,promoted");
    scene.still_serves("c");
}

#[test]
fn a_silent_master_and_a_majority_with_an_older_story_change_nothing() {
    let mut scene = Scene::settled();
    scene.all_say("b", 6).master("b").serves("b", Reason::Switched);
    scene.wait(S).says("s1", "a", 5).says("s2", "a", 5).master("a").gone("b");
    scene.wait(S).master("a").still_serves("b");
}

#[test]
fn a_provisional_master_is_undone_when_its_leader_aborts_and_the_old_one_proves_itself() {
    let mut scene = Scene::settled();
    scene.selects("s2", 6, "b", "a").master("b").serves("b", Reason::Promoted);
    scene.aborts("s1", "not-elected").all_say("a", 5).master("a").still_serves("b");
    scene.wait(MS * 10).gone("a").aborts("s2", "slave-timeout").still_serves("b");
    scene.wait(MS * 10).all_say("a", 5).master("a").serves("a", Reason::Undone);
    assert_eq!(scene.epoch(), 5);
    assert!(scene.changes.last().unwrap().may_lower_epoch);
}

#[test]
fn a_provisional_master_that_nobody_confirms_is_undone_after_the_failover_timeout() {
    let mut scene = Scene::settled();
    scene.selects("s2", 6, "b", "a").master("b").serves("b", Reason::Promoted);
    for _ in 0..49 {
        scene.wait(MS * 100).all_say("a", 5).master("a").master("b").still_serves("b");
    }
    scene.wait(MS * 100).serves("a", Reason::Undone);
}

#[test]
fn a_provisional_master_that_is_made_a_replica_again_is_undone_at_once() {
    let mut scene = Scene::settled();
    scene.selects("s2", 6, "b", "a").master("b").serves("b", Reason::Promoted);
    scene.wait(S).replica("b", "a").holds(Reason::Undone);
    scene.wait(MS).all_say("a", 5).master("a").serves("a", Reason::Undone);
}

#[test]
fn an_epoch_guessed_too_high_is_corrected_by_the_confirmation() {
    let mut scene = Scene::settled();
    scene.event("s2", "+new-epoch", "6").selects("s2", 9, "b", "a").master("b").serves("b", Reason::Promoted);
    assert_eq!(scene.epoch(), 9);
    scene.says("s1", "b", 6).still_serves("b");
    assert_eq!(scene.epoch(), 6);
}

#[test]
fn a_selection_of_an_old_election_or_of_the_master_itself_is_ignored() {
    let mut scene = Scene::settled();
    scene.selects("s2", 5, "b", "a").still_serves("a");
    scene.selects("s2", 6, "a", "b").still_serves("a");
    scene.event("s2", "+selected-slave", "slave b:6379 b 6379 @ other a 6379").still_serves("a");
}

#[test]
fn a_hello_counts_only_from_a_sentinel_of_the_group() {
    let mut scene = Scene::settled();
    let hello = |scene: &mut Scene, run_id: &str| {
        let payload = format!("x,26379,{run_id},9,m,b,6379,9");
        let target = PeerKind::Node(node("c"));
        scene.see(Observation::Message { target, channel: "__sentinel__:hello".into(), payload });
    };
    scene.rules.sentinels.identified(scene.now, &sentinel("s1"), "run1");
    hello(&mut scene, "stranger");
    scene.master("b").still_serves("a");
    hello(&mut scene, "run1");
    scene.serves("b", Reason::Switched);
}

//! Holds: times without a master, and the ways in which they end.

use super::*;
use crate::resp::value::Value;

#[test]
fn an_aborted_election_goes_back_to_the_old_master() {
    let mut scene = Scene::settled();
    scene.selects("s2", 6, "b", "a").holds(Reason::Selected);
    scene.wait(MS * 50).aborts("s1", "not-elected").master("a").still_holds();
    scene.wait(MS).aborts("s2", "no-good-slave").still_holds();
    scene.wait(MS * 5).loading("a", "id-a").still_holds();
    scene.wait(MS * 5).master("a").serves("a", Reason::Aborted);
    assert_eq!(scene.epoch(), 5);
}

#[test]
fn an_aborted_election_waits_while_a_sentinel_still_fails_over() {
    let mut scene = Scene::settled();
    scene.selects("s2", 6, "b", "a").aborts("s2", "slave-timeout");
    scene.wait(MS).answers("s3", Some("a"), "a", 6, "master,failover_in_progress").master("a").still_holds();
    scene.wait(MS).says("s3", "a", 5).serves("a", Reason::Aborted);
}

#[test]
fn an_election_without_a_sign_of_life_is_given_up_after_3_seconds() {
    let mut scene = Scene::settled();
    scene.selects("s2", 6, "b", "a").holds(Reason::Selected);
    for _ in 0..29 {
        scene.wait(MS * 100).all_say("a", 5).master("a").replica("b", "a").still_holds();
    }
    scene.wait(MS * 100).master("a").serves("a", Reason::Aborted);
    scene.wait(MS * 100).master("b").still_serves("a");
    scene.wait(MS).selects("s2", 6, "b", "a").holds(Reason::Selected);
    scene.wait(MS * 10).master("b").serves("b", Reason::Promoted);
}

#[test]
fn a_dead_master_is_not_gone_back_to() {
    let mut scene = Scene::settled();
    scene.gone("a").selects("s2", 6, "b", "a").aborts("s2", "no-good-slave");
    for _ in 0..50 {
        scene.wait(MS * 100).all_say("a", 5).gone("a").still_holds();
    }
    scene.selects("s3", 8, "c", "a").wait(MS * 50).master("c").serves("c", Reason::Promoted);
}

#[test]
fn a_later_election_replaces_an_earlier_one() {
    let mut scene = Scene::settled();
    scene.selects("s2", 6, "b", "a").wait(MS * 10).selects("s3", 7, "c", "a").still_holds();
    scene.wait(MS * 10).selects("s2", 6, "b", "a").wait(MS).master("b").still_holds();
    scene.wait(MS * 10).master("c").serves("c", Reason::Promoted);
}

#[test]
fn an_announcement_ends_a_hold_too() {
    let mut scene = Scene::settled();
    scene.selects("s2", 6, "b", "a").wait(MS * 50);
    scene.says("s1", "c", 7).master("c").serves("c", Reason::Switched);
}

#[test]
fn a_master_that_says_replica_is_held_until_a_newer_epoch_or_until_it_is_one_again() {
    let mut scene = Scene::settled();
    scene.replica("a", "b").holds(Reason::Demoted);
    assert_eq!(scene.state("a").0, Role::Replica);
    scene.wait(MS).all_say("a", 5).still_holds();
    scene.master("a").serves("a", Reason::Resumed);
    scene.replica("a", "b").holds(Reason::Demoted);
    scene.wait(MS).says("s1", "b", 6).master("b").serves("b", Reason::Switched);
}

#[test]
fn a_restarted_master_is_used_again_when_the_sentinels_still_want_it() {
    let mut scene = Scene::settled();
    scene.gone("a").still_serves("a");
    scene.wait(MS * 300).loading("a", "id-a2").holds(Reason::Restarted);
    scene.wait(MS).all_say("a", 5).still_holds();
    let failing = "master,s_down,o_down";
    scene.wait(MS).answers("s1", Some("a"), "a", 5, failing).master_with("a", "id-a2", 0).still_holds();
    scene.wait(MS).answers("s1", Some("a"), "a", 5, "master,failover_in_progress").still_holds();
    scene.wait(MS).says("s1", "a", 5).serves("a", Reason::Resumed);
    assert_eq!(scene.shard().master_node().unwrap().run_id.as_deref(), Some("id-a2"));
}

#[test]
fn votes_from_before_the_restart_do_not_count() {
    let mut scene = Scene::settled();
    scene.wait(MS * 100).master_with("a", "id-a2", 0).holds(Reason::Restarted);
    scene.wait(MS * 100).master_with("a", "id-a2", 0).says("s1", "a", 5).still_holds();
    scene.says("s2", "a", 5).serves("a", Reason::Resumed);
}

#[test]
fn a_restarted_master_that_was_replaced_is_not_used() {
    let mut scene = Scene::settled();
    scene.master_with("a", "id-a2", 0).holds(Reason::Restarted);
    scene.wait(MS).says("s1", "b", 6).says("s2", "a", 5).says("s3", "b", 6);
    scene.master_with("a", "id-a2", 0).still_holds();
    scene.master("b").serves("b", Reason::Switched);
}

#[test]
fn a_run_id_that_was_not_known_is_learned() {
    let mut scene = Scene::new();
    let role = || Value::Array(vec![text("master"), Value::Int(1), Value::Array(vec![])]);
    let values = vec![text("PONG"), role(), Value::Error("NOPERM".into()), Value::Error("NOPERM".into())];
    scene
        .all_say("a", 5)
        .answer(PeerKind::Node(node("a")), Question::Node, Ok(values))
        .serves("a", Reason::Found);
    assert_eq!(scene.shard().master_node().unwrap().run_id, None);
    scene.master("a").serves("a", Reason::Refreshed);
    assert!(scene.shard().master_node().unwrap().run_id.is_some());
}

#[test]
fn equal_epochs_with_two_addresses_need_a_majority() {
    let mut scene = Scene::settled();
    scene.says("s1", "b", 5).master("b").still_serves("a");
    scene.sentinel_gone("s3").holds(Reason::Conflict);
    scene.wait(MS * 100).says("s1", "b", 5).says("s2", "a", 5).master("a").master("b").still_holds();
    scene.wait(MS * 100).says("s3", "b", 5).says("s1", "b", 5).master("b").serves("b", Reason::Switched);

    let mut scene = Scene::settled();
    scene.says("s1", "b", 5).sentinel_gone("s3").holds(Reason::Conflict);
    scene.wait(MS * 100).says("s3", "a", 5).says("s2", "a", 5).master("a").serves("a", Reason::Resumed);
}

#[test]
fn an_address_that_was_not_asked_yet_is_no_conflict() {
    let mut scene = Scene::settled();
    scene.sentinel_gone("s3").says("s1", "a.example", 5).still_serves("a");
    scene.master_with("a.example", "id-a", 0).wait(MS).says("s1", "a.example", 5).still_serves("a");
}

#[test]
fn absurd_numbers_do_no_harm() {
    let mut scene = Scene::settled();
    let most = u64::MAX.to_string();
    let fields = ["ip", "b", "port", "6379", "config-epoch", &most, "failover-timeout", &most];
    let fields = [&fields[..], &["num-other-sentinels", &most]].concat();
    let values = || vec![list(&["b", "6379"]), list(&fields)];
    scene.answer(PeerKind::Sentinel(sentinel("s1")), Question::Group("m".into()), Ok(values()));
    scene.master("b").serves("b", Reason::Switched);
    scene
        .event("s2", "+selected-slave", "slave c:6379 c 6379 @ m b 6379")
        .wait(S)
        .master("c")
        .still_serves("b");
    scene.replica("b", "c").wait(S * 10).master("b").still_holds();
    for _ in 0..5 {
        scene.wait(S).all_say("a", 6).master("a");
    }
    scene.serves("a", Reason::EpochReset);
}

#[test]
fn two_claims_of_the_same_higher_epoch_need_a_majority() {
    let mut scene = Scene::settled();
    scene.says("s1", "b", 6).says("s2", "c", 6).master("b").master("c").still_serves("a");
    scene.says("s3", "c", 6).serves("c", Reason::Switched);
}

#[test]
fn epochs_go_down_only_by_a_majority_for_4_seconds() {
    let mut scene = Scene::settled();
    for _ in 0..8 {
        scene.wait(MS * 490).says("s1", "b", 0).says("s2", "b", 0).says("s3", "a", 5).master("b").master("a");
        scene.still_serves("a");
    }
    assert_eq!(scene.epoch(), 5);
    scene.wait(MS * 490).all_say("b", 0).master("b").master("a");
    scene.wait(MS * 490).serves("b", Reason::EpochReset);
    assert_eq!(scene.epoch(), 0);
    assert!(scene.changes.last().unwrap().may_lower_epoch);
}

#[test]
fn an_interrupted_lower_epoch_counts_from_the_start() {
    let mut scene = Scene::settled();
    for round in 0..30 {
        let (epoch, names) = if round % 6 == 5 { (5, "a") } else { (0, "b") };
        scene.wait(MS * 500).all_say(names, epoch).master("b").master("a").still_serves("a");
    }
}

#[test]
fn the_same_master_with_a_lower_epoch_keeps_serving() {
    let mut scene = Scene::settled();
    for _ in 0..10 {
        scene.wait(MS * 500).all_say("a", 0).master("a").still_serves("a");
    }
    assert_eq!(scene.epoch(), 0);
}

#[test]
fn a_hint_makes_everything_faster_and_changes_nothing_by_itself() {
    let mut scene = Scene::settled();
    scene.wait(S * 3).all_say("a", 5).master("a");
    scene.now += MS * 110;
    let published = scene.changes.len();
    scene.rules.observe(
        scene.now,
        Observation::Hint(Hint { endpoint: node("a"), reason: HintReason::ConnectionLost }),
    );
    let ask = scene.rules.poll(scene.now);
    assert!(ask.probes.contains(&PeerProbe { target: PeerKind::Node(node("a")), question: Question::Node }));
    assert!(ask.probes.iter().any(|probe| probe.question == Question::Group("m".into())));
    for reason in
        [HintReason::ReadOnly, HintReason::Loading, HintReason::WrongIdentity, HintReason::MasterDown]
    {
        scene.hint("a", reason).hint("unknown", reason);
    }
    assert_eq!(scene.changes.len(), published);
    scene.wait(MS).master("a").still_serves("a");
    assert_eq!(scene.changes.len(), published);
}

#[test]
fn a_flood_of_hints_is_no_flood_of_questions() {
    let mut scene = Scene::settled();
    let mut questions = 0;
    for _ in 0..10_000 {
        scene.now += MS / 10;
        scene.rules.observe(
            scene.now,
            Observation::Hint(Hint { endpoint: node("a"), reason: HintReason::TimedOut }),
        );
        let probes = scene.rules.poll(scene.now).probes;
        let to_node = probes.iter().filter(|probe| probe.target == PeerKind::Node(node("a"))).count();
        questions += to_node;
        if to_node > 0 {
            let role = Value::Array(vec![text("master"), Value::Int(100), Value::Array(vec![])]);
            let values = vec![text("PONG"), role, text("run_id:id-a\r\n"), text("loading:0\r\n")];
            let probe = PeerProbe { target: PeerKind::Node(node("a")), question: Question::Node };
            let outcome = Ok(Answer { values, rtt: MS });
            scene.rules.observe(scene.now, Observation::Answer { probe, sent: scene.now, outcome });
        }
    }
    assert!(questions <= 510, "{questions} in a second");
}

#[test]
fn timeouts_count_toward_down_and_do_not_unpublish() {
    let mut scene = Scene::settled();
    for misses in 1..=3 {
        scene.wait(MS * 500);
        scene.answer(PeerKind::Node(node("a")), Question::Node, Err(Failure::TimedOut)).still_serves("a");
        let expected = if misses < 3 { NodeState::Up } else { NodeState::Silent };
        assert_eq!(scene.state("a").1, expected);
    }
}

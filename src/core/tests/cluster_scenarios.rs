//! One story a test: shards that fail, go and come while commands for one or several of them are on their way.

use crate::config::RetryPolicy;
use crate::core::settings::Settings;
use crate::route::owners::Sharding;
use crate::topology::Endpoint;

use super::rig::{HOLD_BYTES, Rig, SECOND, THIRDS, policy, settings, streaming};

// The slots of b and f are with the first shard, that of c with the second, that of a with the third.
const MOVED: &str = "-MOVED 3300 node:7001\r\n";
const MILLI: u64 = 1_000;

fn cluster_settings() -> Settings {
    Settings { sharding: Sharding::Cluster, ..settings() }
}

fn rig() -> Rig {
    Rig::new(cluster_settings())
}

/// The second shard has no master.
fn publish_without_second(rig: &mut Rig) {
    rig.publish(&[THIRDS[0], (None, THIRDS[1].1), THIRDS[2]]);
}

fn words(sent: &str) -> String {
    let words = sent.split("\r\n").filter(|line| !line.starts_with('*') && !line.starts_with('$'));
    words.collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[test]
fn parts_wait_for_their_shard_and_are_answered_as_one() {
    let mut rig = rig();
    let client = rig.client();
    publish_without_second(&mut rig);
    rig.say(client, "MGET a b c\nGET b");
    rig.connect();
    let (first, third) = (rig.lane_to(7000), rig.lane_to(7002));
    assert_eq!(words(&rig.sent(third)), "MGET a");
    assert_eq!(words(&rig.sent(first)), "MGET b GET b");
    rig.reply(third, "*1\r\n$1\r\nA\r\n");
    rig.reply(first, "*1\r\n$1\r\nB\r\n$1\r\nB\r\n");
    assert_eq!(rig.heard(client), "");
    rig.publish(&THIRDS);
    rig.connect();
    let second = rig.lane_to(7001);
    assert_eq!(words(&rig.sent(second)), "MGET c");
    rig.reply(second, "*1\r\n$1\r\nC\r\n");
    assert_eq!(rig.heard(client), "*3\r\n$1\r\nA\r\n$1\r\nB\r\n$1\r\nC\r\n$1\r\nB\r\n");
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn a_split_write_of_which_a_part_never_ran_is_uncertain_and_a_split_read_is_not_executed() {
    for (command, reply, verdict) in
        [("MSET b 1 c 2", "+OK\r\n", "-UNCERTAIN"), ("MGET b c", "*1\r\n$1\r\nB\r\n", "-TRYAGAIN")]
    {
        let mut rig = rig();
        let client = rig.client();
        publish_without_second(&mut rig);
        rig.say(client, command);
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.reply(lane, reply);
        rig.wait(6 * SECOND);
        let heard = rig.heard(client);
        assert!(heard.starts_with(verdict) && heard.matches("\r\n").count() == 1, "{heard}");
    }
}

#[test]
fn a_split_write_that_ran_nowhere_was_not_executed() {
    let mut rig = rig();
    let client = rig.client();
    rig.publish(&[(None, THIRDS[0].1), (None, THIRDS[1].1), THIRDS[2]]);
    rig.say(client, "MSET b 1 c 2");
    rig.wait(6 * SECOND);
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN") && heard.ends_with("not executed\r\n"), "{heard}");
}

#[test]
fn a_lost_part_makes_the_whole_uncertain() {
    let mut rig = Rig::new(Settings { policy: policy(RetryPolicy::Never), ..cluster_settings() });
    let client = rig.client();
    rig.say(client, "MSET b 1 c 2");
    rig.connect();
    let (first, second) = (rig.lane_to(7000), rig.lane_to(7001));
    rig.sent(first);
    rig.sent(second);
    rig.reply(first, "+OK\r\n");
    rig.lose(second);
    let heard = rig.heard(client);
    assert!(heard.starts_with("-UNCERTAIN"), "{heard}");
}

#[test]
fn without_hold_no_part_of_a_split_command_runs() {
    let mut rig = Rig::new(Settings { hold: 0, ..cluster_settings() });
    let client = rig.client();
    publish_without_second(&mut rig);
    rig.say(client, "MSET b 1 c 2");
    assert!(rig.heard(client).starts_with("-TRYAGAIN"));
    rig.connect();
    rig.say(client, "GET b");
    rig.connect();
    let first = rig.lane_to(7000);
    assert_eq!(words(&rig.sent(first)), "GET b");
}

#[test]
fn a_full_hold_buffer_in_the_middle_of_parts_gives_back_what_was_taken() {
    let mut rig = rig();
    let client = rig.client();
    rig.publish(&[(None, THIRDS[0].1), (None, THIRDS[1].1), THIRDS[2]]);
    let other = rig.client();
    let large = "v".repeat(HOLD_BYTES / 5);
    for _ in 0..4 {
        rig.command(other, &["SET", "b", &large]);
    }
    let left = rig.budget.left();
    rig.command(client, &["MSET", "b", "1", "c", &large, "a", "3"]);
    assert!(rig.heard(client).starts_with("-TRYAGAIN"));
    assert_eq!(rig.budget.left(), left);
    rig.say(client, "GET a");
    let lane = rig.connect()[0];
    assert_eq!(words(&rig.sent(lane)), "GET a");
    rig.core.client_gone(client);
    rig.core.client_gone(other);
    rig.publish(&THIRDS);
    rig.connect();
    rig.assert_nothing_left();
}

#[test]
fn parts_of_a_client_that_has_left_are_forgotten() {
    let mut rig = rig();
    let client = rig.client();
    publish_without_second(&mut rig);
    rig.say(client, "MGET a b c");
    rig.connect();
    let third = rig.lane_to(7002);
    rig.sent(third);
    let first = rig.lane_to(7000);
    rig.sent(first);
    rig.reply(first, "*1\r\n$1\r\nB\r\n");
    rig.core.client_gone(client);
    let next = rig.client();
    rig.reply(third, "*1\r\n$1\r\nA\r\n");
    rig.publish(&THIRDS);
    rig.connect();
    rig.turn();
    assert_eq!(rig.heard(next), "");
    rig.core.client_gone(next);
    rig.assert_nothing_left();
}

#[test]
fn a_slot_without_an_owner_is_waited_for() {
    let mut rig = rig();
    let client = rig.client();
    rig.publish(&[THIRDS[0], (Some(7001), &[(5461, 7000)]), THIRDS[2]]);
    rig.say(client, "MGET b c\nSET b 2");
    rig.connect();
    rig.wait(SECOND);
    assert!(rig.wanted.is_empty() && rig.heard(client).is_empty());
    rig.publish(&THIRDS);
    rig.wait(100 * MILLI);
    rig.connect();
    let (first, second) = (rig.lane_to(7000), rig.lane_to(7001));
    assert_eq!(words(&rig.sent(first)), "MGET b");
    assert_eq!(words(&rig.sent(second)), "MGET c");
    rig.reply(first, "*1\r\n$1\r\nB\r\n");
    rig.reply(second, "*1\r\n$1\r\nC\r\n");
    assert_eq!(words(&rig.sent(first)), "SET b 2");
    rig.reply(first, "+OK\r\n");
    assert_eq!(rig.heard(client), "*2\r\n$1\r\nB\r\n$1\r\nC\r\n+OK\r\n");
}

#[test]
fn a_slot_that_nobody_takes_is_waited_for_no_longer_than_the_hold() {
    let mut rig = rig();
    let client = rig.client();
    rig.publish(&[THIRDS[0], (Some(7001), &[(5461, 7000)]), THIRDS[2]]);
    rig.say(client, "SET c 1");
    rig.wait(4 * SECOND);
    assert_eq!(rig.heard(client), "");
    rig.wait(2 * SECOND);
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN tideover") && heard.ends_with("not executed\r\n"), "{heard}");
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn a_node_that_is_not_known_yet_is_waited_for() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SET b 1");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "-MOVED 3300 node:7009\r\n");
    assert_eq!(rig.heard(client), "");
    let slots: [&[(u16, u16)]; 2] = [&[(0, 3299), (3301, 5460)], &[(3300, 3300)]];
    rig.publish(&[(Some(7000), slots[0]), THIRDS[1], THIRDS[2], (Some(7009), slots[1])]);
    rig.connect();
    let new = rig.lane_to(7009);
    assert_eq!(words(&rig.sent(new)), "SET b 1");
}

#[test]
fn a_stray_without_its_client_leaves_nothing_behind() {
    let mut rig = rig();
    let client = rig.client();
    rig.publish(&[THIRDS[0], (Some(7001), &[(5461, 7000)]), THIRDS[2]]);
    rig.say(client, "SET c 1");
    assert!(rig.budget.left() < HOLD_BYTES);
    rig.core.client_gone(client);
    assert!(!rig.core.is_idle(), "nobody would give the bytes back");
    rig.wait(100 * MILLI);
    assert_eq!(rig.budget.left(), HOLD_BYTES);
    rig.assert_nothing_left();
}

#[test]
fn what_is_held_for_a_shard_that_is_removed_goes_to_whoever_has_its_slots() {
    let mut rig = rig();
    let client = rig.client();
    publish_without_second(&mut rig);
    rig.say(client, "SET c 1");
    let other = rig.client();
    rig.say(other, "DBSIZE");
    rig.connect();
    let (first, third) = (rig.lane_to(7000), rig.lane_to(7002));
    rig.sent(first);
    rig.sent(third);
    rig.publish(&[(Some(7000), &[(0, 10922)]), (None, &[]), THIRDS[2]]);
    rig.wait(100 * MILLI);
    assert_eq!(words(&rig.sent(first)), "SET c 1");
    rig.reply(first, ":1\r\n+OK\r\n");
    rig.reply(third, ":2\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n");
    let heard = rig.heard(other);
    assert!(heard.starts_with("-TRYAGAIN tideover"), "{heard}");
}

#[test]
fn a_scan_goes_on_where_its_shard_was_removed() {
    let mut rig = rig();
    let client = rig.client();
    rig.publish(&[(None, THIRDS[0].1), THIRDS[1], THIRDS[2]]);
    rig.say(client, "SCAN 0");
    rig.publish(&[(None, &[]), (Some(7001), &[(0, 10922)]), THIRDS[2]]);
    let heard = rig.heard(client);
    let cursor: u64 = heard.split("\r\n").nth(2).unwrap().parse().unwrap();
    assert!(cursor > 0 && heard.ends_with("*0\r\n"), "{heard}");
    rig.say(client, &format!("SCAN {cursor}"));
    rig.connect();
    let lane = rig.lane_to(7001);
    assert_eq!(words(&rig.sent(lane)), "SCAN 0");
}

#[test]
fn what_was_lost_with_a_node_goes_to_the_new_owner_of_its_slot() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "GET c");
    let lane = rig.connect()[0];
    rig.sent(lane);
    // The new map comes while the node still owes the reply.
    rig.publish(&[(Some(7000), &[(0, 10922)]), (None, &[]), THIRDS[2]]);
    rig.lose(lane);
    rig.wait(100 * MILLI);
    let lane = rig.connect()[0];
    assert_eq!(words(&rig.sent(lane)), "GET c");
}

#[test]
fn what_waits_behind_an_answer_of_a_removed_shard_goes_to_the_new_owner() {
    let mut rig = rig();
    let (client, other) = (rig.client(), rig.client());
    rig.say(client, "GET c");
    let lane = rig.connect()[0];
    rig.sent(lane);
    publish_without_second(&mut rig);
    rig.say(other, "SET c 1");
    rig.publish(&[(Some(7000), &[(0, 10922)]), (None, &[]), THIRDS[2]]);
    rig.reply(lane, "$1\r\n0\r\n");
    rig.wait(100 * MILLI);
    rig.connect();
    let lane = rig.lane_to(7000);
    assert_eq!(words(&rig.sent(lane)), "SET c 1");
}

#[test]
fn a_streamed_request_that_is_moved_did_not_run_and_the_next_one_goes_right() {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..streaming() });
    let client = rig.client();
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$400000\r\n{}\r\n", "v".repeat(400_000));
    let upload = |rig: &mut Rig, port: u16| {
        let mut sent = 0;
        for piece in set.as_bytes().chunks(60_000) {
            rig.core.client_input(client, piece);
            rig.turn();
            rig.connect();
            sent += rig.sent(rig.lane_to(port)).len();
        }
        assert!(sent >= set.len(), "{sent}");
    };
    upload(&mut rig, 7000);
    rig.reply(rig.lane_to(7000), MOVED);
    assert!(rig.heard(client).starts_with("-TRYAGAIN tideover"));
    upload(&mut rig, 7001);
    rig.reply(rig.lane_to(7001), "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n");
}

#[test]
fn a_large_request_behind_a_pause_is_never_sent_in_part() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "BLPOP b 1");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "-CLUSTERDOWN The cluster is down\r\n");
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$400000\r\n{}\r\n", "v".repeat(400_000));
    let mut sent = String::new();
    for piece in set.as_bytes().chunks(60_000) {
        rig.core.client_input(client, piece);
        rig.turn();
    }
    rig.wait(50 * MILLI);
    sent += &rig.sent(lane);
    rig.reply(lane, "-CLUSTERDOWN The cluster is down\r\n");
    rig.wait(50 * MILLI);
    sent += &rig.sent(lane);
    rig.reply(lane, "*-1\r\n");
    sent += &rig.sent(lane);
    let values = sent.matches('v').count();
    assert!(values == 0 || values == 400_000, "{values}");
    let heard = rig.heard(client);
    assert!(heard.starts_with("*-1\r\n"), "{heard}");
}

#[test]
fn a_stop_answers_strays_too() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SET b 1");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "-MOVED 3300 node:7009\r\n");
    rig.core.stop();
    rig.turn();
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN tideover") && heard.ends_with("not executed\r\n"), "{heard}");
    assert_eq!(rig.budget.left(), HOLD_BYTES);
}

#[test]
fn split_commands_without_a_gap_between_them_are_no_growing_load() {
    let mut rig = Rig::new(Settings { output_buffer: 10_000, ..cluster_settings() });
    let client = rig.client();
    rig.say(client, "MGET b c");
    rig.connect();
    let (first, second) = (rig.lane_to(7000), rig.lane_to(7001));
    let reply = format!("*1\r\n$1000\r\n{}\r\n", "v".repeat(1000));
    for _ in 0..100 {
        rig.say(client, "MGET b c");
        rig.sent(first);
        rig.sent(second);
        rig.reply(first, &reply);
        rig.reply(second, &reply);
        assert_eq!(rig.heard(client).len(), 4 + 2 * 1009);
    }
    assert!(rig.closed.is_empty(), "{:?}", rig.closed);
}

#[test]
fn replies_that_wait_for_another_shard_are_bounded() {
    let mut rig = rig();
    let client = rig.client();
    publish_without_second(&mut rig);
    rig.say(client, "GET c\nGET b");
    let lane = rig.connect()[0];
    let reply = format!("$10000\r\n{}\r\n", "v".repeat(10_000));
    let (mut said, mut taken) = (1, 0);
    while rig.core.wants_input(client) && said < 300 {
        taken += rig.sent(lane).matches("GET").map(|_| rig.reply(lane, &reply)).count();
        rig.say(client, "GET b");
        said += 1;
    }
    assert!(taken < 200, "{taken}");
    rig.publish(&THIRDS);
    rig.connect();
    let second = rig.lane_to(7001);
    rig.sent(second);
    rig.reply(second, "$1\r\nc\r\n");
    let mut sent = rig.sent(lane);
    while !sent.is_empty() {
        for _ in sent.matches("GET") {
            rig.reply(lane, &reply);
        }
        sent = rig.sent(lane);
    }
    let mut heard = rig.heard(client);
    heard += &rig.heard(client);
    assert_eq!(heard.matches("$10000").count(), said);
}

#[test]
fn a_proof_is_not_taken_to_another_lane() {
    let mut rig = rig();
    let client = rig.client();
    rig.publish(&[(None, THIRDS[0].1), (None, THIRDS[1].1), (None, THIRDS[2].1)]);
    rig.say(client, "AUTH good");
    rig.publish(&[(None, &[]), (None, &[]), (Some(7002), &[(0, 16383)])]);
    rig.wait(100 * MILLI);
    for lane in rig.connect() {
        rig.sent(lane);
    }
    let heard = rig.heard(client);
    assert!(heard.is_empty() || heard.starts_with("-TRYAGAIN tideover"), "{heard}");
}

#[test]
fn a_watch_of_a_slot_that_had_no_owner_is_bound_to_it() {
    let mut rig = rig();
    let client = rig.client();
    rig.publish(&[THIRDS[0], (Some(7001), &[(5461, 7000)]), THIRDS[2]]);
    rig.say(client, "WATCH c");
    rig.publish(&THIRDS);
    rig.wait(100 * MILLI);
    rig.connect();
    let lane = rig.lane_to(7001);
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    rig.say(client, "MULTI\nSET b 1\nEXEC");
    let heard = rig.heard(client);
    assert!(heard.contains("-CROSSSLOT"), "{heard}");
}

#[test]
fn a_watch_that_failed_binds_nothing() {
    let mut rig = rig();
    let client = rig.client();
    publish_without_second(&mut rig);
    rig.say(client, "WATCH c");
    rig.wait(6 * SECOND);
    assert!(rig.heard(client).starts_with("-TRYAGAIN tideover"));
    rig.say(client, "MULTI\nSET b 1\nEXEC");
    rig.connect();
    let lane = rig.lane_to(7000);
    assert_eq!(words(&rig.sent(lane)), "MULTI SET b 1 EXEC");
}

/// As services do that stand behind one name.
const MOVED_HERE: &str = "-MOVED 3300 node:7000\r\n";

/// A rig with a long hold whose first node has just sent these on to itself.
fn sent_to_itself(hold: u64, line: &str, refusal: &str) -> (Rig, crate::ids::ClientId, crate::ids::LaneId) {
    let mut rig = Rig::new(Settings { hold, ..cluster_settings() });
    let client = rig.client();
    rig.say(client, line);
    rig.connect();
    let lane = rig.lane_to(7000);
    rig.sent(lane);
    rig.reply(lane, refusal);
    (rig, client, lane)
}

#[test]
fn what_a_node_sends_on_to_itself_is_asked_again_at_once_on_the_same_connection() {
    for hold in [30 * SECOND, 0] {
        for refusal in [MOVED_HERE, "-MOVED 3300 :7000\r\n"] {
            let (mut rig, client, lane) = sent_to_itself(hold, "SET b 1", refusal);
            assert_eq!(words(&rig.sent(lane)), "SET b 1", "{hold} {refusal}");
            rig.reply(lane, "+OK\r\n");
            assert_eq!(rig.heard(client), "+OK\r\n");
        }
    }
}

#[test]
fn what_stands_behind_it_keeps_its_order() {
    let (mut rig, client, lane) =
        sent_to_itself(SECOND, "SET b 1\nGET b", &[MOVED_HERE, MOVED_HERE].concat());
    assert_eq!(words(&rig.sent(lane)), "SET b 1", "the first one alone, until the node takes it");
    rig.reply(lane, "+OK\r\n");
    assert_eq!(words(&rig.sent(lane)), "GET b");
    rig.reply(lane, "$1\r\n1\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n$1\r\n1\r\n");
}

#[test]
fn a_transaction_that_a_node_sends_on_to_itself_is_asked_again_too() {
    let refused =
        format!("+OK\r\n{MOVED_HERE}-EXECABORT Transaction discarded because of previous errors.\r\n");
    let (mut rig, client, lane) = sent_to_itself(SECOND, "MULTI\nSET b 1\nEXEC", &refused);
    assert_eq!(words(&rig.sent(lane)), "MULTI SET b 1 EXEC");
    rig.reply(lane, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    assert!(rig.heard(client).ends_with("*1\r\n+OK\r\n"));
}

#[test]
fn one_that_keeps_on_naming_itself_is_asked_on_new_connections_at_a_bounded_pace() {
    let (mut rig, client, lane) = sent_to_itself(5 * SECOND, "SET b 1", MOVED_HERE);
    rig.sent(lane);
    rig.reply(lane, MOVED_HERE);
    let mut connections = 0;
    while rig.heard(client).is_empty() {
        rig.wait(SECOND / 20);
        for lane in rig.connect() {
            connections += 1;
            rig.sent(lane);
            rig.reply(lane, MOVED_HERE);
        }
    }
    assert!((10..60).contains(&connections), "{connections} connections in five seconds");
}

#[test]
fn a_node_that_is_called_by_a_name_that_leads_nowhere_is_known_by_its_address() {
    let mut rig = rig();
    let (name, address) = (Endpoint::new("name.invalid", 7001), Endpoint::new("node", 7001));
    rig.core.base.settings.aliases.store([(name, address)].into());
    let client = rig.client();
    rig.say(client, "GET b");
    rig.connect();
    let first = rig.lane_to(7000);
    rig.sent(first);
    rig.reply(first, "-ASK 3300 name.invalid:7001\r\n");
    rig.connect();
    let second = rig.lane_to(7001);
    assert_eq!(words(&rig.sent(second)), "ASKING GET b");
}

#[test]
fn what_is_moved_behind_later_ones_waits_no_longer_than_hold() {
    let mut rig = rig();
    let (first, second) = (rig.client(), rig.client());
    rig.publish(&[(None, THIRDS[0].1), (None, THIRDS[1].1), THIRDS[2]]);
    rig.say(first, "INCR b");
    rig.wait(3 * SECOND);
    rig.say(second, "INCR c");
    // Everything of the first shard goes to the second, which has no master either.
    rig.publish(&[(None, &[]), (None, &[(0, 10922)]), THIRDS[2]]);
    rig.wait(1_900 * MILLI);
    assert_eq!((rig.heard(first), rig.heard(second)), (String::new(), String::new()));
    rig.wait(300 * MILLI);
    assert!(rig.heard(first).starts_with("-TRYAGAIN"), "its five seconds are over");
    assert_eq!(rig.heard(second), "");
    rig.wait(3 * SECOND);
    assert!(rig.heard(second).starts_with("-TRYAGAIN"));
    assert_eq!(rig.budget.left(), HOLD_BYTES);
}

/// A part of the split command is sent on: what follows it on the lane of its other part must not be answered before it.
#[test]
fn nothing_goes_beside_a_split_command_on_lanes_of_the_clients_own() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "WATCH b");
    rig.connect();
    rig.sent(rig.lane_to(7000));
    rig.reply(rig.lane_to(7000), "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n");
    rig.say(client, "DEL c b\nGET b");
    rig.connect();
    let first = rig.links.values().map(|(lane, _)| *lane).collect::<Vec<_>>();
    let sent: String = first.into_iter().map(|lane| rig.sent(lane)).collect();
    assert!(sent.contains("DEL") && !sent.contains("GET"), "{sent}");
}

/// A node counts `+1` as a number, and so finds a key and its owner; the owner has the right error.
#[test]
fn a_request_whose_keys_only_a_node_finds_goes_where_the_node_says() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SINTERCARD +1 b");
    let lane = rig.connect()[0];
    assert_eq!(words(&rig.sent(lane)), "SINTERCARD +1 b");
    let asked = rig.core.base.lanes.get(lane).unwrap().key.shard;
    let owner = 7000 + (asked + 1) % 3;
    rig.reply(lane, &format!("-MOVED 3300 node:{owner}\r\n"));
    rig.connect();
    let lane = rig.lane_to(owner);
    assert_eq!(words(&rig.sent(lane)), "SINTERCARD +1 b");
    rig.reply(lane, "-ERR numkeys should be greater than 0\r\n");
    assert_eq!(rig.heard(client), "-ERR numkeys should be greater than 0\r\n");
}

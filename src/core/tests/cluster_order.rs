//! One story a test: the order of a client's commands while slots are on their way.

use crate::core::settings::Settings;
use crate::route::owners::Sharding;

use super::rig::{Rig, SECOND, THIRDS, settings};

// The slots of b and f are with the first shard, that of c with the second, that of a with the third.
const MOVED: &str = "-MOVED 3300 node:7001\r\n";
const ASK: &str = "-ASK 3300 node:7001\r\n";
const TRYAGAIN: &str = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
const DOWN: &str = "-CLUSTERDOWN The cluster is down\r\n";
const MILLI: u64 = 1_000;

fn rig() -> Rig {
    Rig::new(Settings { sharding: Sharding::Cluster, ..settings() })
}

/// The words of what was sent, without their lengths.
fn words(sent: &str) -> String {
    let words = sent.split("\r\n").filter(|line| !line.starts_with('*') && !line.starts_with('$'));
    words.collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[test]
fn what_was_moved_runs_in_the_order_of_the_pipeline() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SET b 1\nGET b\nGET c");
    rig.connect();
    let (old, new) = (rig.lane_to(7000), rig.lane_to(7001));
    assert_eq!(words(&rig.sent(old)), "SET b 1 GET b");
    assert_eq!(words(&rig.sent(new)), "GET c");
    rig.reply(old, MOVED);
    rig.reply(new, "$1\r\nc\r\n");
    rig.reply(old, MOVED);
    assert_eq!(words(&rig.sent(new)), "SET b 1 GET b");
    rig.reply(new, "+OK\r\n$1\r\n1\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n$1\r\n1\r\n$1\r\nc\r\n");
    rig.say(client, "GET b");
    assert_eq!(words(&rig.sent(new)), "GET b");
}

#[test]
fn what_is_asked_elsewhere_is_asked_there_once() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "GET b\nGET c");
    rig.connect();
    let (old, new) = (rig.lane_to(7000), rig.lane_to(7001));
    rig.sent(new);
    rig.sent(old);
    rig.reply(old, ASK);
    assert_eq!(words(&rig.sent(new)), "ASKING GET b");
    rig.reply(new, "$1\r\nc\r\n+OK\r\n$1\r\n1\r\n");
    assert_eq!(rig.heard(client), "$1\r\n1\r\n$1\r\nc\r\n");
    rig.say(client, "GET b");
    assert_eq!(words(&rig.sent(old)), "GET b");
}

#[test]
fn a_read_behind_a_write_that_is_put_off_is_read_again() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "MSET {b}1 x {b}2 y\nGET {b}1\nGET {b}3");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, TRYAGAIN);
    rig.reply(lane, "$3\r\nold\r\n$1\r\n3\r\n");
    assert_eq!(rig.heard(client), "");
    rig.wait(100 * MILLI);
    assert_eq!(words(&rig.sent(lane)), "MSET {b}1 x {b}2 y");
    rig.reply(lane, "+OK\r\n");
    rig.wait(100 * MILLI);
    assert_eq!(words(&rig.sent(lane)), "GET {b}1");
    rig.reply(lane, "$1\r\nx\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n$1\r\nx\r\n$1\r\n3\r\n");
}

#[test]
fn a_write_that_was_passed_does_not_run_however_late_the_other_is_answered() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "MSET {b}1 x {b}2 y\nSET {b}1 z");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, TRYAGAIN);
    rig.wait(300 * MILLI);
    assert_eq!(rig.sent(lane), "");
    rig.reply(lane, "+OK\r\n");
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN tideover") && heard.ends_with("\r\n+OK\r\n"), "{heard}");
    rig.wait(100 * MILLI);
    assert_eq!(rig.sent(lane), "");
}

#[test]
fn what_is_sent_on_does_not_pass_what_was_put_off() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "MSET {b}1 x {b}2 y\nSET {b}1 z\nGET c");
    rig.connect();
    let (old, new) = (rig.lane_to(7000), rig.lane_to(7001));
    rig.sent(old);
    rig.sent(new);
    rig.reply(new, "$1\r\nc\r\n");
    rig.reply(old, TRYAGAIN);
    rig.reply(old, ASK);
    assert_eq!(rig.sent(new), "");
    rig.wait(100 * MILLI);
    assert_eq!(words(&rig.sent(old)), "MSET {b}1 x {b}2 y");
    rig.reply(old, MOVED);
    assert_eq!(words(&rig.sent(new)), "MSET {b}1 x {b}2 y");
    rig.reply(new, "+OK\r\n");
    rig.wait(100 * MILLI);
    assert_eq!(words(&rig.sent(new)), "SET {b}1 z");
    rig.reply(new, "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n$1\r\nc\r\n");
}

#[test]
fn what_was_not_sent_yet_when_another_was_put_off_does_not_pass_it() {
    let mut rig = rig();
    let client = rig.client();
    let large = "v".repeat(100_000);
    rig.say(client, "MSET {b}1 x {b}2 y");
    rig.command(client, &["SET", "{b}1", &large]);
    let lane = rig.connect()[0];
    // The socket took the first of them only.
    let len = rig.core.lane_output(lane).len();
    rig.core.lane_written(lane, len);
    rig.reply(lane, TRYAGAIN);
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN tideover") && heard.ends_with("\r\n+OK\r\n"), "{heard}");
}

#[test]
fn what_is_kept_at_a_loss_stays_behind_what_was_put_off() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "MSET {b}1 x {b}2 y\nSET {b}1 z");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, TRYAGAIN);
    rig.lose(lane);
    rig.wait(100 * MILLI);
    let lane = rig.connect()[0];
    assert_eq!(words(&rig.sent(lane)), "MSET {b}1 x {b}2 y");
    rig.reply(lane, "+OK\r\n");
    rig.wait(100 * MILLI);
    assert_eq!(words(&rig.sent(lane)), "SET {b}1 z");
    rig.reply(lane, "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n");
}

/// Two requests wait at a node that is down for the moment; gives its lane once it is tried with the first of them.
fn probed(rig: &mut Rig, client: crate::ids::ClientId) -> crate::ids::LaneId {
    rig.say(client, "GET b\nGET f");
    let lane = rig.connect()[0];
    assert_eq!(words(&rig.sent(lane)), "GET b GET f");
    rig.reply(lane, DOWN);
    rig.reply(lane, DOWN);
    assert_eq!(rig.sent(lane), "");
    rig.wait(50 * MILLI);
    assert_eq!(words(&rig.sent(lane)), "GET b");
    lane
}

#[test]
fn after_a_pause_one_request_tries_the_node_and_the_others_follow_whatever_came_of_it() {
    for (reply, own) in
        [("$1\r\n1\r\n", "$1\r\n1\r\n"), ("-WRONGTYPE no\r\n", "-WRONGTYPE no\r\n"), (MOVED, "")]
    {
        let mut rig = rig();
        let client = rig.client();
        let lane = probed(&mut rig, client);
        rig.reply(lane, reply);
        assert_eq!(words(&rig.sent(lane)), "GET f", "{reply}");
        rig.reply(lane, "$1\r\nf\r\n");
        if reply == MOVED {
            rig.connect();
            let new = rig.lane_to(7001);
            assert_eq!(words(&rig.sent(new)), "GET b");
            rig.reply(new, "$1\r\nb\r\n");
            assert_eq!(rig.heard(client), "$1\r\nb\r\n$1\r\nf\r\n");
        } else {
            assert_eq!(rig.heard(client), format!("{own}$1\r\nf\r\n"));
        }
    }
}

#[test]
fn a_pause_ends_although_the_client_of_the_trial_has_left() {
    let mut rig = rig();
    let (first, second) = (rig.client(), rig.client());
    rig.say(first, "GET b");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, DOWN);
    rig.say(second, "GET b\nGET f");
    rig.core.client_gone(first);
    rig.wait(50 * MILLI);
    assert_eq!(words(&rig.sent(lane)), "GET b");
    rig.reply(lane, "$1\r\n1\r\n");
    assert_eq!(words(&rig.sent(lane)), "GET f");
    rig.reply(lane, "$1\r\n2\r\n");
    assert_eq!(rig.heard(second), "$1\r\n1\r\n$1\r\n2\r\n");
}

#[test]
fn a_pause_without_hold_leaves_the_lane_as_it_was() {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, hold: 0, ..settings() });
    let client = rig.client();
    rig.say(client, "GET b");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, DOWN);
    assert!(rig.heard(client).starts_with("-TRYAGAIN tideover"));
    rig.wait(50 * MILLI);
    rig.say(client, "GET b\nGET f");
    let mut sent = words(&rig.sent(lane));
    rig.reply(lane, "$1\r\n1\r\n");
    sent += " ";
    sent += &words(&rig.sent(lane));
    assert_eq!(sent.trim(), "GET b GET f");
    rig.reply(lane, "$1\r\n2\r\n");
    assert_eq!(rig.heard(client), "$1\r\n1\r\n$1\r\n2\r\n");
}

#[test]
fn half_a_request_reaches_a_node_that_is_down_for_the_moment() {
    let mut rig = rig();
    let client = rig.client();
    let large = "v".repeat(100_000);
    rig.say(client, "GET b");
    rig.command(client, &["SET", "f", &large]);
    let lane = rig.connect()[0];
    rig.core.lane_written(lane, 7 + 50_000);
    rig.reply(lane, DOWN);
    let rest = rig.sent(lane);
    assert!((50_000..51_000).contains(&rest.len()) && rest.ends_with("v\r\n"), "{}", rest.len());
    rig.reply(lane, DOWN);
    rig.wait(50 * MILLI);
    assert_eq!(words(&rig.sent(lane)), "GET b");
}

#[test]
fn nodes_that_send_a_request_round_in_circles_do_so_at_a_walk() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "GET b\nGET c");
    rig.connect();
    let (old, new) = (rig.lane_to(7000), rig.lane_to(7001));
    rig.sent(old);
    rig.sent(new);
    rig.reply(new, "$1\r\nc\r\n");
    rig.reply(old, MOVED);
    let mut times = 0;
    loop {
        let at = [(new, "-MOVED 3300 node:7000\r\n"), (old, MOVED)];
        let Some((lane, reply)) = at.into_iter().find(|(lane, _)| rig.sent(*lane).contains("GET")) else {
            break;
        };
        times += 1;
        rig.reply(lane, reply);
    }
    assert!((1..20).contains(&times), "{times}");
    assert_eq!(rig.heard(client), "");
    rig.wait(200 * MILLI);
    let lane = if (rig.sent(old) + "|" + &rig.sent(new)).starts_with('|') { new } else { old };
    rig.reply(lane, "$1\r\nb\r\n");
    assert_eq!(rig.heard(client), "$1\r\nb\r\n$1\r\nc\r\n");
}

#[test]
fn a_transaction_is_sent_again_as_a_whole() {
    let queued = "+OK\r\n+QUEUED\r\n";
    let dirty = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    for (replies, sent) in [
        (format!("+OK\r\n{MOVED}{dirty}"), "MULTI SET b 1 EXEC"),
        (format!("{queued}{MOVED}"), "MULTI SET b 1 EXEC"),
        (format!("+OK\r\n{ASK}{dirty}"), "ASKING MULTI SET b 1 EXEC"),
        (format!("{queued}{ASK}"), "ASKING MULTI SET b 1 EXEC"),
    ] {
        let mut rig = rig();
        let client = rig.client();
        rig.say(client, "MULTI\nSET b 1\nEXEC");
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.reply(lane, &replies);
        let lane = rig.connect()[0];
        assert_eq!(words(&rig.sent(lane)), sent);
        if sent.starts_with("ASKING") {
            rig.reply(lane, "+OK\r\n");
        }
        rig.reply(lane, &format!("{queued}*1\r\n+OK\r\n"));
        assert_eq!(rig.heard(client), format!("{queued}*1\r\n+OK\r\n"));
    }
}

#[test]
fn a_watch_does_not_follow_its_slot() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "WATCH b");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    rig.say(client, "MULTI\nSET b 1\nEXEC");
    rig.sent(lane);
    rig.reply(
        lane,
        &format!("+OK\r\n{MOVED}-EXECABORT Transaction discarded because of previous errors.\r\n"),
    );
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n");
}

#[test]
fn two_watches_on_two_nodes_hold_nothing() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "WATCH {b}1");
    let old = rig.connect()[0];
    rig.sent(old);
    rig.reply(old, "+OK\r\n");
    rig.say(client, "WATCH {b}2");
    rig.sent(old);
    rig.reply(old, MOVED);
    let new = rig.connect()[0];
    rig.sent(new);
    rig.reply(new, "+OK\r\n");
    rig.say(client, "MULTI\nSET {b}1 v\nEXEC");
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n");
}

#[test]
fn a_transaction_does_not_leave_its_watch_behind() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "WATCH {b}1\nMULTI\nSET {b}2 v\nEXEC");
    let old = rig.connect()[0];
    assert_eq!(words(&rig.sent(old)), "WATCH {b}1");
    rig.reply(old, ASK);
    let new = rig.connect()[0];
    assert_eq!(words(&rig.sent(new)), "ASKING WATCH {b}1");
    rig.reply(new, "+OK\r\n+OK\r\n");
    assert_eq!(words(&rig.sent(new)), "MULTI SET {b}2 v EXEC");
    assert_eq!(rig.sent(old), "");
}

#[test]
fn a_transaction_does_not_leave_a_second_watch_behind() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "WATCH {b}1");
    let old = rig.connect()[0];
    rig.sent(old);
    rig.reply(old, "+OK\r\n");
    rig.say(client, "WATCH {b}2\nMULTI\nSET {b}1 v\nEXEC");
    assert_eq!(words(&rig.sent(old)), "WATCH {b}2");
    rig.reply(old, MOVED);
    let new = rig.connect()[0];
    assert_eq!(words(&rig.sent(new)), "WATCH {b}2");
    rig.reply(new, "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n");
    // Both are given up, and the transaction was sent on neither.
    assert_eq!([words(&rig.sent(old)), words(&rig.sent(new))], ["UNWATCH", "UNWATCH"]);
}

#[test]
fn a_blocked_client_that_is_moved_waits_for_the_rest_of_its_time() {
    for reply in [MOVED, ASK] {
        let mut rig = rig();
        let client = rig.client();
        rig.say(client, "BLPOP b 5");
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.wait(2 * SECOND);
        rig.reply(lane, reply);
        let lane = rig.connect()[0];
        assert!(words(&rig.sent(lane)).ends_with("BLPOP b 3"), "{reply}");
    }
}

#[test]
fn a_client_that_was_blocked_for_long_is_not_out_of_time_when_its_slot_is_nowhere() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "BLPOP b 0");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.wait(60 * SECOND);
    rig.reply(lane, "-MOVED 3300 node:7009\r\n");
    assert_eq!(rig.heard(client), "");
    let mut shards = THIRDS.to_vec();
    shards[0].1 = &[(0, 3299), (3301, 5460)];
    shards.push((Some(7009), &[(3300, 3300)]));
    rig.publish(&shards);
    rig.wait(100 * MILLI);
    rig.connect();
    let lane = rig.lane_to(7009);
    assert_eq!(words(&rig.sent(lane)), "BLPOP b 0");
}

#[test]
fn nodes_of_different_minds_do_not_change_the_order() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SET b 1\nSET b 2\nGET a\nGET c");
    rig.connect();
    let (old, second, third) = (rig.lane_to(7000), rig.lane_to(7001), rig.lane_to(7002));
    for lane in [old, second, third] {
        rig.sent(lane);
    }
    rig.reply(third, "$1\r\na\r\n");
    rig.reply(second, "$1\r\nc\r\n");
    rig.reply(old, "-MOVED 3300 node:7002\r\n");
    rig.reply(old, MOVED);
    assert_eq!(words(&rig.sent(third)), "SET b 1");
    assert_eq!(rig.sent(second), "");
    rig.reply(third, MOVED);
    assert_eq!(words(&rig.sent(second)), "SET b 1");
    rig.reply(second, "+OK\r\n");
    rig.wait(100 * MILLI);
    assert_eq!(words(&rig.sent(second)), "SET b 2");
}

#[test]
fn what_is_sent_on_does_not_pass_what_waits_for_its_node() {
    for reply in [DOWN, "-MOVED 3300 node:7000\r\n"] {
        let mut rig = rig();
        let client = rig.client();
        rig.say(client, "SET b 1\nSET b 2\nGET c");
        rig.connect();
        let (old, new) = (rig.lane_to(7000), rig.lane_to(7001));
        rig.sent(old);
        rig.sent(new);
        rig.reply(new, "$1\r\nc\r\n");
        rig.reply(old, reply);
        rig.reply(old, MOVED);
        assert_eq!(rig.sent(new), "", "{reply}");
    }
}

#[test]
fn a_former_master_that_is_down_is_asked_nothing_more() {
    for answers in [[DOWN, "+OK\r\n"], ["+OK\r\n", DOWN], [DOWN, DOWN]] {
        let mut rig = rig();
        let client = rig.client();
        rig.say(client, "SET b 1\nSET f 1");
        let old = rig.connect()[0];
        rig.sent(old);
        rig.publish(&[(Some(7009), THIRDS[0].1), THIRDS[1], THIRDS[2]]);
        answers.iter().for_each(|answer| rig.reply(old, answer));
        rig.connect();
        let new = rig.lane_to(7009);
        let again = words(&rig.sent(new));
        assert!(again.starts_with("SET"), "{answers:?} {again}");
        rig.reply(new, &"+OK\r\n".repeat(again.matches("SET").count()));
        rig.say(client, "GET b");
        assert_eq!(words(&rig.sent(new)), "GET b");
    }
}

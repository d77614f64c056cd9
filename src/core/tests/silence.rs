//! Nodes that say nothing for a while: slow ones, hung ones, and those that another one replaces.

use crate::config::RetryPolicy;
use crate::core::settings::{Patience, Settings};
use crate::core::tests::rig::policy;
use crate::ids::{ClientId, LaneId};
use crate::reasons::CloseReason;
use crate::route::owners::Sharding;

use super::rig::{HOLD_BYTES, Rig, SECOND, settings};

const MILLI: u64 = 1_000;

fn with(patience: Patience) -> Settings {
    Settings { patience, ..settings() }
}

/// An INCR was sent, and the node has said nothing for longer than `node_timeout`.
fn silent(settings: Settings) -> (Rig, ClientId, LaneId) {
    let mut rig = Rig::new(settings);
    let client = rig.client();
    rig.say(client, "INCR k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.wait(1_500 * MILLI);
    (rig, client, lane)
}

#[test]
fn a_slow_node_answers_late_and_what_came_meanwhile_follows() {
    for patience in [Patience::Hold, Patience::Connection] {
        let (mut rig, client, lane) = silent(with(patience));
        let other = rig.client();
        rig.say(other, "INCR k");
        assert_eq!(rig.sent(lane), "", "it certainly has not run");
        assert!(rig.budget.left() < HOLD_BYTES);
        rig.wait(2 * SECOND);
        rig.reply(lane, ":1\r\n");
        assert_eq!(rig.heard(client), ":1\r\n");
        assert_eq!(rig.budget.left(), HOLD_BYTES);
        assert!(rig.sent(lane).contains("INCR"));
        rig.reply(lane, ":2\r\n");
        assert_eq!(rig.heard(other), ":2\r\n");
    }
}

#[test]
fn a_node_that_another_can_replace_at_once_is_left() {
    let (mut rig, client, _) = silent(with(Patience::Never));
    assert!(rig.heard(client).starts_with("-UNCERTAIN"));
}

#[test]
fn what_was_sent_waits_as_long_as_hold_and_what_was_not_did_not_run() {
    let (mut rig, client, _) = silent(with(Patience::Hold));
    let other = rig.client();
    rig.say(other, "INCR k");
    rig.wait(3 * SECOND);
    assert_eq!((rig.heard(client), rig.heard(other)), (String::new(), String::new()));
    rig.wait(SECOND);
    assert!(rig.heard(client).starts_with("-UNCERTAIN"));
    rig.wait(2 * SECOND);
    assert!(rig.heard(other).starts_with("-TRYAGAIN"));
    assert_eq!(rig.budget.left(), HOLD_BYTES);
}

#[test]
fn without_a_successor_it_waits_for_the_connection_and_the_others_for_hold() {
    let (mut rig, client, lane) = silent(with(Patience::Connection));
    let other = rig.client();
    rig.say(other, "INCR k\nGET k");
    rig.wait(6 * SECOND);
    let heard = rig.heard(other);
    assert_eq!(heard.matches("-TRYAGAIN").count(), 2, "{heard}");
    assert_eq!((rig.heard(client).as_str(), rig.budget.left()), ("", HOLD_BYTES));
    rig.say(other, "INCR k");
    rig.wait(60 * SECOND);
    assert_eq!(rig.heard(client), "");
    rig.lose(lane);
    assert!(rig.heard(client).starts_with("-UNCERTAIN"));
}

#[test]
fn another_master_ends_it_at_once() {
    let (mut rig, client, _) = silent(with(Patience::Hold));
    let other = rig.client();
    rig.say(other, "INCR k");
    rig.gate(Some(2));
    assert!(rig.heard(client).starts_with("-UNCERTAIN"));
    let lane = rig.connect()[0];
    assert!(rig.sent(lane).contains("INCR"));
    rig.reply(lane, ":1\r\n");
    assert_eq!(rig.heard(other), ":1\r\n");
}

#[test]
fn without_hold_new_requests_fail_at_once() {
    let (mut rig, client, lane) = silent(Settings { hold: 0, ..with(Patience::Connection) });
    let other = rig.client();
    rig.say(other, "INCR k");
    assert!(rig.heard(other).starts_with("-TRYAGAIN"));
    rig.reply(lane, ":1\r\n");
    assert_eq!(rig.heard(client), ":1\r\n");
    rig.say(other, "INCR k");
    assert!(rig.sent(lane).contains("INCR"));
}

#[test]
fn a_request_that_has_begun_to_leave_leaves_whole() {
    let mut rig = Rig::new(with(Patience::Connection));
    let (client, other) = (rig.client(), rig.client());
    rig.say(client, "SET k v");
    let lane = rig.connect()[0];
    rig.core.lane_written(lane, 10);
    rig.wait(1_500 * MILLI);
    rig.say(other, "INCR k");
    let rest = rig.sent(lane);
    assert!(rest.ends_with("$1\r\nv\r\n") && !rest.contains("INCR"), "{rest}");
    rig.reply(lane, "+OK\r\n");
    assert!(rig.sent(lane).contains("INCR"));
    assert_eq!(rig.heard(client), "+OK\r\n");
}

#[test]
fn clients_that_leave_take_along_what_was_held_for_them() {
    let (mut rig, client, lane) = silent(with(Patience::Connection));
    let others = [rig.client(), rig.client(), rig.client()];
    others.iter().for_each(|other| rig.say(*other, "INCR k"));
    rig.core.client_gone(others[1]);
    rig.reply(lane, ":1\r\n");
    assert_eq!(rig.heard(client), ":1\r\n");
    assert_eq!(rig.sent(lane).matches("INCR").count(), 2);
    rig.reply(lane, ":2\r\n:3\r\n");
    assert_eq!([0, 2].map(|at| rig.heard(others[at])), [":2\r\n", ":3\r\n"]);
}

#[test]
fn a_command_has_its_own_limit_and_costs_the_others_nothing() {
    let limited = Settings { command_timeout: 3 * SECOND, ..with(Patience::Connection) };
    let mut rig = Rig::new(limited);
    let (client, other) = (rig.client(), rig.client());
    rig.say(client, "GET slow\nINCR k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.wait(2 * SECOND);
    rig.say(other, "INCR k");
    rig.reply(lane, "$1\r\nv\r\n");
    assert_eq!(rig.heard(client), "$1\r\nv\r\n");
    rig.sent(lane);
    rig.wait(1_100 * MILLI);
    assert!(rig.heard(client).starts_with("-UNCERTAIN"), "the time runs from its sending");
    rig.say(client, "PING");
    assert_eq!(rig.heard(client), "+PONG\r\n");
    rig.reply(lane, ":1\r\n:2\r\n");
    assert_eq!((rig.heard(client).as_str(), rig.heard(other).as_str()), ("", ":2\r\n"));
}

#[test]
fn a_command_that_its_node_does_not_take_to_the_end_did_not_run() {
    let limited = Settings { command_timeout: 3 * SECOND, ..with(Patience::Connection) };
    let mut rig = Rig::new(limited);
    let client = rig.client();
    rig.say(client, "INCR k");
    let lane = rig.connect()[0];
    rig.core.lane_written(lane, 10);
    rig.wait(2_900 * MILLI);
    assert!(rig.wanted.is_empty(), "it has its time");
    rig.wait(200 * MILLI);
    assert_eq!(rig.heard(client), "", "it waits for a node that takes it");
    let lane = rig.connect()[0];
    assert!(rig.sent(lane).contains("INCR"));
    rig.reply(lane, ":1\r\n");
    assert_eq!(rig.heard(client), ":1\r\n");
}

/// Their requests have the same place among their own.
#[test]
fn half_a_reply_that_takes_too_long_closes_its_client_alone() {
    let mut rig = Rig::new(Settings { command_timeout: 3 * SECOND, ..with(Patience::Connection) });
    let (client, other) = (rig.client(), rig.client());
    rig.say(client, "GET large");
    rig.say(other, "INCR k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, &format!("$1000000\r\n{}", "x".repeat(100_000)));
    rig.wait(4 * SECOND);
    assert_eq!(rig.closed, [(client, CloseReason::Broken)]);
    assert!(rig.heard(other).starts_with("-UNCERTAIN"));
}

#[test]
fn reads_of_a_silent_master_wait_as_well() {
    for retry in [RetryPolicy::Never, RetryPolicy::Idempotent] {
        let mut rig = Rig::new(Settings { policy: policy(retry), ..with(Patience::Hold) });
        let client = rig.client();
        rig.say(client, "GET k");
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.wait(4 * SECOND);
        rig.reply(lane, "$1\r\nv\r\n");
        assert_eq!(rig.heard(client), "$1\r\nv\r\n", "{retry:?}");
    }
}

#[test]
fn one_silent_shard_holds_its_own_commands_only() {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..with(Patience::Hold) });
    let (client, other) = (rig.client(), rig.client());
    rig.say(client, "INCR b");
    rig.connect();
    let lane = rig.lane_to(7000);
    rig.sent(lane);
    rig.wait(1_500 * MILLI);
    rig.say(other, "INCR a");
    rig.connect();
    let third = rig.lane_to(7002);
    assert!(rig.sent(third).contains("INCR"));
    rig.reply(third, ":1\r\n");
    assert_eq!(rig.heard(other), ":1\r\n");
    rig.say(other, "INCR f");
    rig.wait(SECOND);
    rig.reply(lane, ":1\r\n");
    assert!(rig.sent(lane).contains("INCR"));
}

//! One story a test: what the proxy must do when things go wrong at a bad moment.

use crate::config::RetryPolicy;
use crate::core::settings::Settings;
use crate::reasons::CloseReason;

use super::rig::{HOLD_BYTES, Rig, SECOND, settings, streaming};

const SUBSCRIBED_A: &str = "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n";
const SUBSCRIBED_B: &str = "*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n";

fn rig() -> Rig {
    Rig::new(settings())
}

#[test]
fn a_spoilt_transaction_does_not_swallow_the_watch_before_it() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "WATCH k\nMULTI\nNOSUCHCOMMAND\nEXEC\nPING");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    let heard = rig.heard(client);
    assert!(heard.starts_with("+OK\r\n+OK\r\n-ERR unknown") && heard.ends_with("+PONG\r\n"), "{heard}");
    assert!(heard.contains("-EXECABORT"), "{heard}");
}

#[test]
fn a_lost_watch_does_not_swallow_what_is_held_beside_it() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "WATCH k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n");
    rig.lose(lane);
    rig.say(client, "GET k\nMULTI\nEXEC");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "$1\r\nv\r\n");
    assert_eq!(rig.heard(client), "$1\r\nv\r\n+OK\r\n*-1\r\n");
}

#[test]
fn discard_after_a_watch_in_flight_is_still_a_discard() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "WATCH k\nMULTI\nSET k v\nDISCARD\nPING");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n+QUEUED\r\n+OK\r\n+PONG\r\n");
}

#[test]
fn a_half_closed_client_with_half_a_request_is_closed_after_its_replies() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "GET k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.core.client_input(client, b"*2\r\n$3\r\nGE");
    rig.core.client_eof(client);
    rig.reply(lane, "$1\r\nv\r\n");
    assert_eq!(rig.heard(client), "$1\r\nv\r\n");
    assert_eq!(rig.closed, [(client, CloseReason::Gone)]);
    rig.assert_nothing_left();
}

#[test]
fn what_may_have_run_is_never_called_not_executed() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SET k v\nGET k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.lose(lane);
    rig.gate(None);
    rig.wait(6 * SECOND);
    let heard = rig.heard(client);
    let (first, second) = heard.split_once("\r\n").unwrap();
    assert!(first.starts_with("-UNCERTAIN") && second.starts_with("-TRYAGAIN"), "{heard}");
}

#[test]
fn a_client_that_leaves_a_refused_dedicated_lane_leaves_nothing_held() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "BLPOP a 0\nBLPOP b 0");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "-READONLY You can't write against a read only replica.\r\n");
    rig.core.client_gone(client);
    rig.turn();
    rig.assert_nothing_left();
}

#[test]
fn a_subscription_that_was_half_confirmed_is_confirmed_once() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SUBSCRIBE a b");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, SUBSCRIBED_A);
    rig.lose(lane);
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, SUBSCRIBED_A);
    assert_eq!(rig.heard(client), "", "one command is answered whole");
    rig.reply(lane, SUBSCRIBED_B);
    assert_eq!(rig.heard(client), format!("{SUBSCRIBED_A}{SUBSCRIBED_B}"));
}

#[test]
fn a_large_message_is_not_the_reply_to_a_blocking_command() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "HELLO 3");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "%0\r\n");
    rig.heard(client);
    rig.say(client, "SUBSCRIBE a");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, &SUBSCRIBED_A.replace('*', ">"));
    rig.say(client, "BLPOP k 0");
    let own = rig.connect()[0];
    rig.sent(own);
    rig.heard(client);
    let message = format!(">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$200000\r\n{}\r\n", "m".repeat(200_000));
    let (first, second) = message.split_at(150_000);
    rig.reply(lane, first);
    rig.reply(lane, second);
    rig.reply(own, "*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
    let heard = rig.heard(client);
    assert!(heard == message + "*2\r\n$1\r\nk\r\n$1\r\nv\r\n", "{} bytes", heard.len());
}

#[test]
fn own_answers_behind_a_blocked_command_are_bounded() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "BLPOP k 0");
    let lane = rig.connect()[0];
    rig.sent(lane);
    let echo = format!("ECHO {}\r\n", "e".repeat(30_000));
    let (mut said, mut taken) = (0, 0);
    while rig.core.wants_input(client) && said < 1000 {
        rig.core.client_input(client, echo.as_bytes());
        rig.turn();
        said += 1;
        taken = rig.core.base.clients.iter().map(|client| client.replies.waiting()).sum();
    }
    assert!(said < 1000 && taken < 2 << 20, "{said} answers, {taken} bytes");
    rig.reply(lane, "*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
    let mut heard = rig.heard(client);
    heard += &rig.heard(client);
    assert_eq!(heard.matches("$30000").count(), said);
}

#[test]
fn own_answers_in_one_read_are_bounded() {
    let mut rig = rig();
    let client = rig.client();
    rig.core.client_input(client, "COMMAND DOCS\r\n".repeat(1000).as_bytes());
    let mut answers = 0;
    loop {
        let waiting = rig.core.client_output(client).len();
        assert!(waiting < 4 << 20, "{waiting}");
        if waiting == 0 {
            break;
        }
        answers += 1;
        rig.heard(client);
    }
    assert!(answers > 1);
}

#[test]
fn refusals_while_the_hold_buffer_is_full_are_bounded() {
    let mut rig = Rig::new(Settings { hold: 3600 * SECOND, ..settings() });
    rig.gate(None);
    let other = rig.client();
    let client = rig.client();
    rig.say(client, "GET first");
    rig.core.client_input(other, format!("SET k {}\r\n", "v".repeat(60_000)).repeat(30).as_bytes());
    while rig.budget.left() > 220 {
        rig.say(other, "GET k");
    }
    for _ in 0..100_000 {
        if !rig.core.wants_input(client) {
            break;
        }
        rig.say(client, "GET another");
    }
    assert!(!rig.core.wants_input(client));
}

#[test]
fn clients_that_wait_for_a_lane_go_on_when_its_load_leaves() {
    let mut rig = rig();
    let (first, waiting) = (rig.client(), rig.client());
    rig.say(first, "GET k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "$-1\r\n");
    // The socket takes nothing for a while.
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$900000\r\n{}\r\n", "v".repeat(900_000));
    for _ in 0..20 {
        rig.core.client_input(first, set.as_bytes());
    }
    rig.say(waiting, "GET k");
    rig.gate(None);
    rig.core.client_gone(first);
    rig.gate(Some(1));
    assert_eq!(rig.sent(lane).matches("GET").count(), 1);
    rig.reply(lane, "$-1\r\n");
    assert_eq!(rig.heard(waiting), "$-1\r\n");
}

#[test]
fn subscriptions_survive_what_ends_a_watch() {
    for end in ["UNWATCH", "MULTI\nDISCARD", "MULTI\nNOSUCHCOMMAND\nEXEC"] {
        let mut rig = rig();
        let client = rig.client();
        rig.say(client, "HELLO 3");
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.reply(lane, "%0\r\n");
        rig.say(client, "SUBSCRIBE a");
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.reply(lane, &SUBSCRIBED_A.replace('*', ">"));
        rig.say(client, "WATCH k");
        let own = rig.connect()[0];
        rig.sent(own);
        rig.reply(own, "+OK\r\n");
        rig.say(client, end);
        rig.heard(client);
        let message = ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n";
        rig.reply(lane, message);
        assert_eq!(rig.heard(client), message, "{end}");
    }
}

#[test]
fn a_refused_resubscription_is_not_the_reply_to_another_command() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "HELLO 3");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "%0\r\n");
    rig.say(client, "SUBSCRIBE a");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, &SUBSCRIBED_A.replace('*', ">"));
    rig.say(client, "BLPOP k 0");
    rig.lose(lane);
    rig.connect();
    rig.sent(lane);
    rig.heard(client);
    rig.reply(lane, "-NOPERM no such channel for you\r\n");
    assert_eq!(rig.heard(client), "");
    assert_eq!(rig.closed, [(client, CloseReason::Broken)]);
}

#[test]
fn a_refused_command_does_not_run_after_a_later_one_of_the_same_client() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SET k 1\nSET k 2");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "-LOADING Redis is loading the dataset in memory\r\n");
    rig.reply(lane, "+OK\r\n");
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN") && heard.ends_with("+OK\r\n"), "{heard}");
}

#[test]
fn a_stop_answers_refused_commands_too() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "INCR k\nINCR k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "-READONLY You can't write against a read only replica.\r\n");
    rig.core.drain();
    rig.core.stop();
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN") && heard.contains("-UNCERTAIN"), "{heard}");
}

#[test]
fn half_a_blocking_command_does_not_wait_for_ever_at_a_closed_gate() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "BLPOP a 0");
    let lane = rig.connect()[0];
    rig.core.lane_written(lane, 5);
    rig.gate(None);
    rig.wait(10 * SECOND);
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN"), "{heard}");
    assert_eq!(rig.budget.left(), HOLD_BYTES);
}

#[test]
fn bytes_of_a_lost_connection_are_void() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SUBSCRIBE a");
    let lane = rig.connect()[0];
    rig.sent(lane);
    let connection = rig.links[&lane.slot].1;
    // A reply to nothing breaks the connection; what the driver has read beyond it must not count.
    rig.core.node_input(lane, connection, b"+what\r\n");
    rig.core.node_input(lane, connection, b"!broken\r\n");
    rig.core.node_input(lane, connection, SUBSCRIBED_A.as_bytes());
    rig.turn();
    assert_eq!(rig.heard(client), "");
}

#[test]
fn identities_that_a_node_refuses_leave_no_lane_behind() {
    let mut rig = rig();
    let client = rig.client();
    for guess in 0..50 {
        rig.say(client, &format!("AUTH guess{guess}"));
        for (slot, (lane, connection, _)) in std::mem::take(&mut rig.wanted) {
            assert!(rig.core.connected(lane, connection));
            rig.links.insert(slot, (lane, connection));
            rig.sent(lane);
            rig.reply(lane, "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
        }
        assert!(rig.heard(client).starts_with("-WRONGPASS"), "{guess}");
    }
    assert!(rig.core.base.lanes.len() < 3, "{}", rig.core.base.lanes.len());
}

#[test]
fn without_hold_a_command_fails_at_once_and_a_first_attempt_is_made() {
    let mut rig =
        Rig::new(Settings { hold: 0, policy: super::rig::policy(RetryPolicy::Never), ..settings() });
    let client = rig.client();
    rig.say(client, "GET k");
    let (_, (lane, connection, _)) = rig.wanted.pop_first().unwrap();
    rig.core.link_closed(lane, connection, crate::failover::Loss::Closed);
    rig.turn();
    assert!(rig.heard(client).starts_with("-TRYAGAIN"));
    rig.say(client, "GET k");
    assert!(rig.heard(client).starts_with("-TRYAGAIN"), "no attempt before the pause is over");
    assert!(rig.wanted.is_empty());
    rig.wait(SECOND);
    rig.say(client, "GET k");
    assert_eq!(rig.wanted.len(), 1, "the node may be back");
}

#[test]
fn a_client_that_is_woken_twice_still_waits_for_its_session_change() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "GET k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, &format!("$2000000\r\n{}\r\n", "v".repeat(2_000_000)));
    rig.say(client, "PING");
    rig.say(client, "SELECT 1\nCLIENT INFO");
    let rest = rig.core.client_output(client).len();
    rig.core.client_written(client, rest - 10);
    rig.core.client_written(client, 10);
    rig.turn();
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    let heard = rig.heard(client);
    assert!(heard.contains("db=1 "), "{heard}");
}

#[test]
fn a_changed_version_takes_subscriptions_along() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "HELLO 3");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "%0\r\n");
    rig.say(client, "SUBSCRIBE a");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, &SUBSCRIBED_A.replace('*', ">"));
    rig.say(client, "HELLO 2");
    let shared = rig.connect()[0];
    rig.sent(shared);
    rig.reply(shared, "%0\r\n");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, SUBSCRIBED_A);
    rig.heard(client);
    let message = "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n";
    rig.reply(lane, message);
    assert_eq!(rig.heard(client), message);
}

#[test]
fn what_stands_behind_a_streamed_request_is_kept_to_be_sent_again() {
    let mut rig = Rig::new(streaming());
    let client = rig.client();
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$400000\r\n{}\r\n", "v".repeat(400_000));
    for piece in set.as_bytes().chunks(60_000) {
        rig.core.client_input(client, piece);
    }
    rig.say(client, "WATCH k");
    let lane = rig.connect()[0];
    while !rig.sent(lane).is_empty() {
        rig.turn();
    }
    rig.lose(lane);
    let lane = rig.connect()[0];
    assert_eq!(rig.sent(lane), "*2\r\n$5\r\nWATCH\r\n$1\r\nk\r\n");
    rig.reply(lane, "+OK\r\n");
    let heard = rig.heard(client);
    assert!(heard.starts_with("-UNCERTAIN") && heard.ends_with("+OK\r\n"), "{heard}");
}

#[test]
fn a_connection_that_comes_too_late_does_not_swallow_a_confirmation() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "SUBSCRIBE a");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, SUBSCRIBED_A);
    rig.lose(lane);
    let (_, late, _) = rig.wanted[&lane.slot];
    rig.gate(Some(2));
    let lane = rig.connect()[0];
    rig.reply(lane, SUBSCRIBED_A);
    assert!(!rig.core.connected(lane, late));
    rig.say(client, "SUBSCRIBE b");
    rig.sent(lane);
    rig.reply(lane, SUBSCRIBED_B);
    assert_eq!(rig.heard(client), format!("{SUBSCRIBED_A}{SUBSCRIBED_B}"));
}

#[test]
fn a_refused_streamed_request_does_not_take_the_next_one_along() {
    let mut rig = Rig::new(streaming());
    let client = rig.client();
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$400000\r\n{}\r\n", "v".repeat(400_000));
    let both = set.repeat(2);
    let (first, second) = both.split_at(set.len() + 200_000);
    for piece in first.as_bytes().chunks(60_000) {
        rig.core.client_input(client, piece);
        rig.turn();
    }
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "-READONLY You can't write against a read only replica.\r\n");
    let mut sent = 0;
    for piece in second.as_bytes().chunks(60_000) {
        rig.core.client_input(client, piece);
        rig.turn();
        sent += rig.sent(lane).len();
    }
    assert_eq!(sent, set.len(), "it had not begun before the first one was answered");
    rig.reply(lane, "+OK\r\n");
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN") && heard.ends_with("+OK\r\n"), "{heard}");
}

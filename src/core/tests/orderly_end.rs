//! Nodes that end in good order: what is known not to have run is sent again, what is not known is said so.

use crate::config::RetryPolicy;
use crate::core::settings::Settings;
use crate::ids::LaneId;

use super::rig::{Rig, policy, settings};

const MILLI: u64 = 1000;
const UNCERTAIN: &str =
    "-UNCERTAIN tideover: the node was lost after the command was sent; outcome unknown\r\n";

fn info(ends: bool, run_id: &str) -> String {
    let ends = if ends { "shutdown_in_milliseconds:9984\r\n" } else { "" };
    let text = format!("# Server\r\nrun_id:{run_id}\r\nio_threads_active:0\r\n{ends}");
    format!("${}\r\n{text}\r\n", text.len())
}

/// A client's INCR is on its way to a node that then says nothing, and is asked about itself.
fn quiet() -> (Rig, crate::ids::ClientId, LaneId, LaneId) {
    quiet_with("INCR n")
}

fn quiet_with(line: &str) -> (Rig, crate::ids::ClientId, LaneId, LaneId) {
    let mut rig = Rig::new(Settings { policy: policy(RetryPolicy::Idempotent), ..settings() });
    let client = rig.client();
    rig.say(client, line);
    let lane = rig.connect()[0];
    assert!(!rig.sent(lane).is_empty());
    rig.wait(20 * MILLI);
    let probe = rig.connect_probe();
    (rig, client, lane, probe)
}

/// The node is asked, and answers.
fn tell(rig: &mut Rig, probe: LaneId, answer: &str) {
    rig.wait(5 * MILLI);
    assert!(rig.sent(probe).ends_with("INFO\r\n$6\r\nserver\r\n"));
    rig.reply(probe, answer);
}

#[test]
fn what_a_node_put_off_until_it_ended_is_sent_again() {
    let (mut rig, client, lane, probe) = quiet();
    tell(&mut rig, probe, &info(true, "run"));
    tell(&mut rig, probe, &info(true, "run"));
    rig.end(lane);
    assert_eq!(rig.heard(client), "");
    rig.gate(Some(2));
    let next = rig.connect()[0];
    assert!(rig.sent(next).contains("INCR"));
    rig.reply(next, ":1\r\n");
    assert_eq!(rig.heard(client), ":1\r\n");
}

#[test]
fn nothing_more_is_sent_to_a_node_that_ends() {
    let (mut rig, client, lane, probe) = quiet();
    tell(&mut rig, probe, &info(true, "run"));
    rig.say(client, "INCR m");
    assert_eq!(rig.sent(lane), "");
    // It goes on after all: what it had put off is answered, and what waited is sent.
    tell(&mut rig, probe, &info(false, "run"));
    assert!(rig.sent(lane).contains("INCR"));
    rig.reply(lane, ":1\r\n:1\r\n");
    assert_eq!(rig.heard(client), ":1\r\n:1\r\n");
}

#[test]
fn less_than_the_whole_proof_proves_nothing() {
    type Story = fn(&mut Rig, LaneId, LaneId);
    let stories: [(&str, Story); 7] = [
        ("it said so once", |rig, lane, probe| {
            tell(rig, probe, &info(true, "run"));
            rig.end(lane);
        }),
        ("the connection was reset", |rig, lane, probe| {
            tell(rig, probe, &info(true, "run"));
            tell(rig, probe, &info(true, "run"));
            rig.lose(lane);
        }),
        ("another process said so", |rig, lane, probe| {
            tell(rig, probe, &info(true, "other"));
            tell(rig, probe, &info(true, "other"));
            rig.end(lane);
        }),
        ("it was busy", |rig, lane, probe| {
            tell(rig, probe, "-BUSY Redis is busy running a script.\r\n");
            tell(rig, probe, "-BUSY Redis is busy running a script.\r\n");
            rig.end(lane);
        }),
        ("it took it back", |rig, lane, probe| {
            tell(rig, probe, &info(true, "run"));
            tell(rig, probe, &info(true, "run"));
            tell(rig, probe, &info(false, "run"));
            rig.end(lane);
        }),
        ("half a reply had come", |rig, lane, probe| {
            tell(rig, probe, &info(true, "run"));
            tell(rig, probe, &info(true, "run"));
            rig.reply(lane, ":");
            rig.end(lane);
        }),
        ("it never said so", |rig, lane, _| rig.end(lane)),
    ];
    for (name, story) in stories {
        let (mut rig, client, lane, probe) = quiet();
        story(&mut rig, lane, probe);
        assert_eq!(rig.heard(client), UNCERTAIN, "{name}");
    }
}

#[test]
fn a_reply_that_came_late_makes_two_more_answers_needed() {
    for (answers, expected) in [(1, UNCERTAIN), (2, "")] {
        let (mut rig, client, lane, probe) = quiet_with("INCR n\nINCR m");
        tell(&mut rig, probe, &info(true, "run"));
        tell(&mut rig, probe, &info(true, "run"));
        rig.reply(lane, ":1\r\n");
        assert_eq!(rig.heard(client), ":1\r\n");
        for _ in 0..answers {
            tell(&mut rig, probe, &info(true, "run"));
        }
        rig.end(lane);
        assert_eq!(rig.heard(client), expected, "{answers}");
    }
}

#[test]
fn only_what_it_puts_off_is_known_not_to_have_run() {
    for (line, expected) in [
        ("EVAL s 0", ""),
        ("PUBLISH c m", ""),
        ("FLUSHALL", UNCERTAIN),
        ("CONFIG SET a b", UNCERTAIN),
        ("NOSUCHCOMMAND", UNCERTAIN),
        ("MULTI\nINCR n\nEXEC", "+OK\r\n+QUEUED\r\n"),
        ("MULTI\nINCR n\nFLUSHALL\nEXEC", &format!("+OK\r\n+QUEUED\r\n+QUEUED\r\n{UNCERTAIN}")),
    ] {
        let (mut rig, client, lane, probe) = quiet_with(line);
        tell(&mut rig, probe, &info(true, "run"));
        tell(&mut rig, probe, &info(true, "run"));
        rig.end(lane);
        assert_eq!(rig.heard(client), expected, "{line}");
    }
}

#[test]
fn a_node_that_saves_before_it_ends_has_its_time() {
    let (mut rig, client, lane, probe) = quiet();
    tell(&mut rig, probe, &info(true, "run"));
    tell(&mut rig, probe, &info(true, "run"));
    rig.wait(3_000 * MILLI);
    assert_eq!(rig.heard(client), "");
    rig.end(lane);
    assert_eq!(rig.heard(client), "");
    // One that does not end is given up when the time to hold is over.
    let (mut rig, client, _, probe) = quiet();
    tell(&mut rig, probe, &info(true, "run"));
    tell(&mut rig, probe, &info(true, "run"));
    rig.wait(6_000 * MILLI);
    assert!(rig.heard(client).starts_with("-UNCERTAIN tideover: the node did not answer in time"));
}

#[test]
fn requests_go_to_the_restarted_node_once_all_connections_are_gone() {
    let (mut rig, client, lane, probe) = quiet();
    let other = rig.client();
    rig.say(other, "SELECT 1");
    let second = rig.connect()[0];
    assert!(rig.sent(second).contains("SELECT"));
    rig.reply(second, "+OK\r\n");
    rig.say(other, "INCR other");
    assert!(rig.sent(second).contains("other"));
    tell(&mut rig, probe, &info(true, "run"));
    tell(&mut rig, probe, &info(true, "run"));
    rig.end(probe);
    rig.end(lane);
    assert!(rig.wanted.is_empty(), "the node has not ended yet");
    rig.end(second);
    let lanes = rig.connect();
    assert_eq!(lanes.len(), 2);
    for lane in lanes {
        assert!(rig.sent(lane).contains("INCR"));
        rig.reply(lane, ":1\r\n");
    }
    assert_eq!((rig.heard(client), rig.heard(other)), (":1\r\n".into(), "+OK\r\n:1\r\n".into()));
}

/// The node saved, failed, and goes on; the connection that asked it was lost meanwhile, and another client is blocked there.
#[test]
fn a_node_that_goes_on_is_served_again_even_if_the_asking_connection_was_lost() {
    let (mut rig, client, lane, probe) = quiet();
    let blocked = rig.client();
    rig.say(blocked, "BLPOP q 0");
    let own = rig.connect()[0];
    assert!(rig.sent(own).contains("BLPOP"));
    tell(&mut rig, probe, &info(true, "run"));
    rig.lose(probe);
    rig.reply(lane, ":1\r\n");
    rig.say(client, "INCR m");
    assert_eq!(rig.sent(lane), "");
    rig.wait(300 * MILLI);
    let probe = rig.connect_probe();
    tell(&mut rig, probe, &info(false, "run"));
    assert!(rig.sent(lane).contains("INCR"));
}

#[test]
fn another_process_that_ends_too_leaves_nothing_closed_for_ever() {
    let (mut rig, client, lane, probe) = quiet();
    tell(&mut rig, probe, &info(true, "run"));
    tell(&mut rig, probe, &info(true, "other"));
    tell(&mut rig, probe, &info(false, "other"));
    rig.reply(lane, ":1\r\n");
    rig.say(client, "INCR m");
    assert!(rig.sent(lane).contains("INCR"));
}

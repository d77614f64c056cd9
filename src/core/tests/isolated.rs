//! Commands whose replies break the protocol, beside the commands of others.

use crate::ids::{ClientId, LaneId};

use super::rig::{Rig, settings};

const SCRIPT: [&str; 3] = ["EVAL", "return 'bad'", "0"];

/// Two clients on one lane: the first with a script, the second with an INCR behind it.
fn shared(words: &[&str]) -> (Rig, [ClientId; 2], LaneId) {
    let mut rig = Rig::new(settings());
    let clients = [rig.client(), rig.client()];
    rig.command(clients[0], words);
    rig.say(clients[1], "INCR k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    (rig, clients, lane)
}

#[test]
fn a_script_that_broke_the_protocol_has_a_connection_of_its_own_from_then_on() {
    let (mut rig, [suspect, other], lane) = shared(&SCRIPT);
    rig.reply(lane, "*2\r\n:1\r\nwhat?");
    assert!(rig.heard(suspect).starts_with("-UNCERTAIN"));
    assert!(rig.heard(other).starts_with("-UNCERTAIN"), "the first time costs the others");

    rig.command(suspect, &SCRIPT);
    rig.say(other, "INCR k");
    let lanes = rig.connect();
    let sent: Vec<(LaneId, String)> = lanes.iter().map(|lane| (*lane, rig.sent(*lane))).collect();
    let of = |word: &str| sent.iter().find(|(_, text)| text.contains(word)).unwrap();
    let (own, shared) = (of("EVAL").0, of("INCR").0);
    assert_ne!(own, shared);
    rig.reply(own, "*2\r\n:1\r\nwhat?");
    rig.reply(shared, ":1\r\n");
    assert!(rig.heard(suspect).starts_with("-UNCERTAIN"));
    assert_eq!(rig.heard(other), ":1\r\n");

    rig.command(other, &["EVAL", "return 'good'", "0"]);
    assert!(rig.sent(shared).contains("good"), "other scripts share as before");
}

#[test]
fn what_breaks_it_at_the_end_of_its_reply_is_known_by_its_name() {
    let (mut rig, [suspect, other], lane) = shared(&["LOLWUT"]);
    rig.reply(lane, "+one line\r\nand another\r\n");
    assert_eq!(rig.heard(suspect), "+one line\r\n");
    assert!(rig.heard(other).starts_with("-UNCERTAIN"));
    rig.say(suspect, "LOLWUT");
    rig.say(other, "GET k");
    let sent: Vec<String> = rig.connect().into_iter().map(|lane| rig.sent(lane)).collect();
    let alone = |text: &String| text.contains("LOLWUT") && !text.contains("GET");
    assert!(sent.len() == 2 && sent.iter().any(alone), "{sent:?}");
}

#[test]
fn a_large_error_goes_on_before_it_is_whole_and_counts_as_one() {
    let (mut rig, [client, other], lane) = shared(&SCRIPT);
    let long = format!("-READONLY {}", "x".repeat(100_000));
    rig.reply(lane, &long);
    assert_eq!(rig.heard(client), long);
    rig.reply(lane, "y\r\n:1\r\n");
    assert_eq!(rig.heard(client), "y\r\n");
    assert_eq!(rig.heard(other), ":1\r\n");
}

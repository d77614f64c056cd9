//! Clients that cache: the order in which they are told, and what one worker's core tells the others.

use crate::client::inquiry::InquiryAnswer;
use crate::core::settings::Settings;
use crate::ids::{ClientId, LaneId};
use crate::route::owners::Sharding;

use super::rig::{Rig, SECOND, settings};

const A_CHANGED: &str = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n";
const B_CHANGED: &str = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nb\r\n";
const ALL_GONE: &str = ">2\r\n$10\r\ninvalidate\r\n_\r\n";

/// A client of RESP3 that tracks, and its lane.
fn tracking(rig: &mut Rig, words: &str) -> (ClientId, LaneId) {
    let client = rig.client();
    rig.say(client, "HELLO 3");
    rig.connect();
    let lane = asked(rig);
    rig.sent(lane);
    rig.reply(lane, "%0\r\n");
    (client, turn_on(rig, client, words))
}

/// Turns tracking on. The node answers in place of what it cannot know.
fn turn_on(rig: &mut Rig, client: ClientId, words: &str) -> LaneId {
    rig.heard(client);
    rig.say(client, &format!("CLIENT TRACKING ON {words}"));
    while !rig.wanted.is_empty() {
        rig.connect();
    }
    let lane = asked(rig);
    assert_eq!(rig.sent(lane), "*1\r\n$4\r\nPING\r\n");
    rig.reply(lane, "+PONG\r\n");
    lane
}

/// The lane with something in its queue.
fn asked(rig: &Rig) -> LaneId {
    let lane = rig.core.base.lanes.iter().find(|lane| !lane.queue.is_empty());
    lane.expect("a lane is asked").id
}

#[test]
fn a_change_is_told_behind_the_replies_that_came_before_it() {
    let mut rig = Rig::new(settings());
    let (client, lane) = tracking(&mut rig, "");
    assert_eq!(rig.heard(client), "+OK\r\n");
    rig.say(client, "GET a\nGET a");
    rig.sent(lane);
    rig.reply(lane, &format!("$1\r\n1\r\n{A_CHANGED}$1\r\n2\r\n"));
    assert_eq!(rig.heard(client), format!("$1\r\n1\r\n{A_CHANGED}$1\r\n2\r\n"));
    // It has read the new value, so the next change is told as well. What nobody has read is not.
    rig.reply(lane, &format!("{B_CHANGED}{A_CHANGED}{A_CHANGED}"));
    assert_eq!(rig.heard(client), A_CHANGED);
}

/// One half of a reply is known, with a value that changes before the other half comes.
#[test]
fn a_change_is_told_behind_the_reply_of_which_a_part_is_known() {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..settings() });
    let (client, _) = tracking(&mut rig, "");
    rig.heard(client);
    // a is in slot 15495, b in 3300.
    rig.say(client, "MGET a b");
    rig.connect();
    let (first, second) = (rig.lane_of(2), rig.lane_of(0));
    rig.sent(first);
    rig.sent(second);
    rig.reply(first, &format!("*1\r\n$1\r\n1\r\n{A_CHANGED}"));
    assert_eq!(rig.heard(client), "");
    rig.reply(second, &format!("*1\r\n$1\r\n2\r\n{B_CHANGED}"));
    assert_eq!(rig.heard(client), format!("*2\r\n$1\r\n1\r\n$1\r\n2\r\n{A_CHANGED}{B_CHANGED}"));
}

#[test]
fn a_key_that_is_forgotten_for_want_of_room_is_told_behind_its_reply() {
    let mut rig = Rig::new(Settings { tracked_keys: 1, ..settings() });
    rig.core.begin(0, 0);
    let (client, lane) = tracking(&mut rig, "");
    rig.heard(client);
    rig.say(client, "MGET a b");
    rig.sent(lane);
    rig.reply(lane, "*2\r\n_\r\n_\r\n");
    let heard = rig.heard(client);
    let told = [A_CHANGED, B_CHANGED].map(|told| format!("*2\r\n_\r\n_\r\n{told}"));
    assert!(told.contains(&heard), "{heard}");
}

#[test]
fn what_was_read_is_void_when_its_slot_has_another_owner() {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..settings() });
    let (client, _) = tracking(&mut rig, "");
    rig.heard(client);
    rig.say(client, "GET a");
    rig.connect();
    let lane = rig.lane_of(2);
    rig.sent(lane);
    rig.reply(lane, "$1\r\n1\r\n");
    assert_eq!(rig.heard(client), "$1\r\n1\r\n");
    rig.publish(&[
        (Some(7000), &[(0, 5461)]),
        (Some(7001), &[(5462, 10922)]),
        (Some(7002), &[(10923, 16383)]),
    ]);
    assert_eq!(rig.heard(client), "", "its slot stays where it is");
    rig.publish(&[
        (Some(7000), &[(0, 5461), (15495, 15495)]),
        (Some(7001), &[(5462, 10922)]),
        (Some(7002), &[]),
    ]);
    assert_eq!(rig.heard(client), ALL_GONE);
}

/// A node that is gone without a word would tell of no change.
#[test]
fn an_idle_node_is_asked_whether_it_is_there_while_its_data_is_cached() {
    let mut rig = Rig::new(settings());
    let (client, lane) = tracking(&mut rig, "");
    rig.heard(client);
    rig.wait(2 * SECOND);
    assert_eq!(rig.sent(lane), "", "nothing is cached");
    rig.say(client, "GET a");
    rig.sent(lane);
    rig.reply(lane, "$1\r\n1\r\n");
    rig.heard(client);
    for _ in 0..100 {
        rig.wait(SECOND);
        assert_eq!(rig.sent(lane), "*1\r\n$4\r\nPING\r\n");
        rig.reply(lane, "+PONG\r\n");
    }
    assert_eq!(rig.heard(client), "", "nobody hears of it");
    rig.wait(SECOND);
    assert_eq!(rig.sent(lane), "*1\r\n$4\r\nPING\r\n");
    rig.wait(2 * SECOND);
    assert_eq!(rig.heard(client), ALL_GONE, "the node does not answer");
}

#[test]
fn nothing_is_left_of_clients_that_have_gone() {
    let mut rig = Rig::new(settings());
    for words in ["", "NOLOOP", "BCAST", "BCAST PREFIX b NOLOOP"] {
        let (client, lane) = tracking(&mut rig, words);
        rig.say(client, "GET a");
        rig.sent(lane);
        rig.reply(lane, "$1\r\n1\r\n");
        rig.core.client_gone(client);
        rig.turn();
    }
    for _ in 0..100 {
        rig.wait(SECOND);
        let lanes: Vec<LaneId> = rig.links.values().map(|(lane, _)| *lane).collect();
        let asked: Vec<LaneId> = lanes.into_iter().filter(|lane| !rig.sent(*lane).is_empty()).collect();
        asked.into_iter().for_each(|lane| rig.reply(lane, "+PONG\r\n"));
    }
    rig.assert_nothing_left();
}

/// A client of RESP2 reads on one connection and is heard for on another, so the order of the two is not known.
#[test]
fn a_change_between_request_and_reply_is_told_again_behind_the_reply() {
    let mut rig = Rig::new(settings());
    let (reader, hearer) = (rig.client(), rig.client());
    rig.say(hearer, "HELLO 3");
    let lane = rig.connect().pop().expect("a lane");
    rig.sent(lane);
    rig.reply(lane, "%0\r\n");
    rig.heard(hearer);
    let lane = turn_on(&mut rig, reader, "REDIRECT 2");
    assert_eq!(rig.heard(reader), "+OK\r\n");
    let ear = rig.core.base.lanes.get(lane).and_then(|lane| lane.ear).expect("it has an ear");
    rig.say(reader, "GET a");
    rig.sent(lane);
    rig.reply(ear, A_CHANGED);
    assert_eq!((rig.heard(hearer).as_str(), rig.heard(reader).as_str()), (A_CHANGED, ""));
    rig.reply(lane, "$1\r\n1\r\n");
    assert_eq!((rig.heard(reader).as_str(), rig.heard(hearer).as_str()), ("$1\r\n1\r\n", A_CHANGED));
    // Nothing is told twice if nothing came in between.
    rig.say(reader, "GET a");
    rig.sent(lane);
    rig.reply(lane, "$1\r\n1\r\n");
    assert_eq!(rig.heard(hearer), "");
    rig.reply(ear, A_CHANGED);
    assert_eq!(rig.heard(hearer), A_CHANGED);
}

/// The client that is told is another worker's.
#[test]
fn workers_tell_each_other_once() {
    let mut rig = Rig::new(settings());
    rig.core.begin(2, 0);
    let (client, lane) = tracking(&mut rig, "REDIRECT 77");
    assert_eq!(rig.heard(client), "", "the others are asked for that client");
    let (number, _) = rig.inquiries.pop().expect("the other workers are asked");
    rig.core.inquiry_answered(number, Some(InquiryAnswer::Count(0)));
    rig.core.inquiry_answered(number, Some(InquiryAnswer::Count(1)));
    rig.turn();
    assert_eq!(rig.heard(client), "+OK\r\n");
    rig.say(client, "GET a");
    let lane = match rig.connect().pop() {
        Some(lane) => lane,
        None => lane,
    };
    rig.sent(lane);
    rig.reply(lane, "$1\r\n1\r\n");
    rig.reply(lane, A_CHANGED);
    assert_eq!(rig.heard(client), "$1\r\n1\r\n");
    let told = std::mem::take(&mut rig.told_elsewhere);
    assert_eq!(told, [(77, Some(b"*1\r\n$1\r\na\r\n".as_slice().into()))]);
    rig.core.tell_target(99, None);
    rig.turn();
    assert!(rig.told_elsewhere.is_empty(), "what another worker tells is not passed on");
    rig.core.target_gone(77);
    rig.turn();
    assert_eq!(rig.heard(client), ">2\r\n$21\r\ntracking-redir-broken\r\n:77\r\n");
}

/// The client to tell goes while it is looked for.
#[test]
fn a_client_that_goes_before_all_workers_have_answered_is_not_found() {
    let mut rig = Rig::new(settings());
    rig.core.begin(2, 0);
    let (client, _) = tracking(&mut rig, "REDIRECT 77");
    let (number, _) = rig.inquiries.pop().expect("the other workers are asked");
    rig.core.inquiry_answered(number, Some(InquiryAnswer::Count(1)));
    rig.core.target_gone(77);
    rig.core.inquiry_answered(number, Some(InquiryAnswer::Count(0)));
    rig.turn();
    assert_eq!(rig.heard(client), "-ERR The client ID you want redirect to does not exist\r\n");
    rig.say(client, "CLIENT GETREDIR");
    assert_eq!(rig.heard(client), ":-1\r\n");
}

#[test]
fn the_other_workers_are_told_when_a_client_goes_to_which_theirs_redirect() {
    let mut rig = Rig::new(settings());
    rig.core.begin(1, 0);
    let (client, other) = (rig.client(), rig.client());
    let asks = crate::client::tracking::Tracking { redirect: Some(1), ..Default::default() };
    let inquiry = crate::client::inquiry::Inquiry::Redirect(Box::new(asks));
    let sent = crate::client::inquiry::SentInquiry { inquiry, asker: 9, request: 0 };
    assert_eq!(rig.core.answer_inquiry(&sent), InquiryAnswer::Count(1));
    for id in [other, client] {
        rig.core.client_gone(id);
        rig.turn();
    }
    assert_eq!(rig.targets_gone, [1]);
}

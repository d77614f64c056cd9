//! CLIENT LIST, KILL, UNBLOCK and PAUSE: what one worker's core does and answers, alone and among others.

use crate::client::inquiry::SentInquiry;
use crate::client::inquiry::{Inquiry, InquiryAnswer, Pause, UnblockReply};
use crate::client::listing::facts::ClientFacts;
use crate::reasons::CloseReason;
use crate::resp::request::Request;

use super::rig::{Rig, SECOND, settings};

fn rig() -> Rig {
    Rig::new(settings())
}

#[test]
fn a_list_waits_for_every_worker_and_what_the_client_says_next_waits_for_it() {
    let mut rig = rig();
    rig.core.begin(2, 0);
    let (client, other) = (rig.client(), rig.client());
    rig.say(other, "CLIENT SETNAME worker");
    rig.say_permitted(client, "PING\nCLIENT LIST\nPING");
    let (number, sent) = rig.inquiries.pop().expect("the other workers are asked");
    assert_eq!(sent.asker, 1);
    assert_eq!(rig.heard(client), "+PONG\r\n");
    let facts = ClientFacts { id: 9, ..ClientFacts::default() };
    rig.core.inquiry_answered(number, Some(InquiryAnswer::Clients(vec![facts])));
    assert_eq!(rig.heard(client), "", "one worker is missing");
    rig.core.inquiry_answered(number, None);
    rig.turn();
    let heard = rig.heard(client);
    assert!(heard.ends_with("+PONG\r\n"), "{heard}");
    let ids: Vec<&str> =
        heard.lines().filter_map(|line| line.strip_prefix("id=")?.split(' ').next()).collect();
    assert_eq!(ids, ["1", "2", "9"]);
    assert!(heard.contains(" cmd=client|list ") && heard.contains(" name=worker "), "{heard}");
}

#[test]
fn other_workers_are_answered_for_the_clients_of_this_one() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "CLIENT SETNAME worker");
    let mut asked = |words: &[&str]| {
        let mut bytes = Vec::new();
        let args: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        crate::resp::reply::command(&mut bytes, &args);
        let mut scan = crate::resp::scan::RequestScan::default();
        let Ok(crate::resp::scan::Scanned::Complete(len)) = scan.scan(&bytes, usize::MAX) else {
            panic!("whole")
        };
        let request: Request<'_> = scan.request(&bytes, len);
        let filter = crate::client::listing::filter::ClientFilter::of_list(&request, 2).unwrap();
        let sent = SentInquiry { inquiry: Inquiry::List(filter), asker: 77, request: 0 };
        match rig.core.answer_inquiry(&sent) {
            InquiryAnswer::Clients(clients) => clients.len(),
            InquiryAnswer::Count(_) => panic!("clients were asked for"),
        }
    };
    assert_eq!(asked(&["CLIENT", "LIST", "NAME", "worker"]), 1);
    assert_eq!(asked(&["CLIENT", "LIST", "NAME", "other"]), 0);
}

#[test]
fn who_is_killed_is_closed_and_who_kills_itself_hears_it_first() {
    let mut rig = rig();
    let (client, other, third) = (rig.client(), rig.client(), rig.client());
    rig.say_permitted(client, "CLIENT KILL ID 2");
    assert_eq!(rig.heard(client), ":1\r\n");
    assert_eq!(rig.closed, [(other, CloseReason::Killed)]);
    rig.say_permitted(client, "CLIENT KILL TYPE normal SKIPME no\nPING");
    assert_eq!(rig.heard(client), ":2\r\n", "and nothing after it");
    assert_eq!(rig.closed[1..], [(third, CloseReason::Killed), (client, CloseReason::Killed)]);
}

#[test]
fn a_client_that_has_gone_gets_no_answer_and_leaves_nothing() {
    let mut rig = rig();
    rig.core.begin(1, 0);
    let client = rig.client();
    rig.say_permitted(client, "CLIENT LIST");
    let (number, _) = rig.inquiries.pop().unwrap();
    rig.core.client_gone(client);
    rig.turn();
    rig.core.inquiry_answered(number, None);
    rig.assert_nothing_left();
}

#[test]
fn a_client_that_closes_its_half_still_hears_the_list() {
    let mut rig = rig();
    rig.core.begin(1, 0);
    let client = rig.client();
    rig.say_permitted(client, "CLIENT LIST");
    rig.core.client_eof(client);
    let (number, _) = rig.inquiries.pop().unwrap();
    rig.core.inquiry_answered(number, None);
    rig.turn();
    assert!(rig.heard(client).contains("id=1 "));
}

#[test]
fn a_blocked_client_is_unblocked_at_its_node() {
    for (words, order, expected) in [
        ("", "TIMEOUT", "*-1\r\n"),
        (" ERROR", "ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"),
    ] {
        let mut rig = rig();
        let (client, other) = (rig.client(), rig.client());
        rig.say(client, "BLPOP list 0");
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.say_permitted(other, &format!("CLIENT UNBLOCK 1{words}"));
        assert_eq!(rig.heard(other), ":1\r\n");
        let sent = rig.sent_once.pop().expect("the node is asked");
        assert!(sent.contains("UNBLOCK") && sent.contains(order), "{sent}");
        rig.reply(lane, expected);
        assert_eq!(rig.heard(client), expected);
        rig.say_permitted(other, "CLIENT UNBLOCK 1\nCLIENT UNBLOCK 99");
        assert_eq!(rig.heard(other), ":0\r\n:0\r\n");
    }
}

#[test]
fn a_blocked_client_that_no_node_has_is_unblocked_here() {
    for (words, expected) in
        [("", "*-1\r\n"), (" error", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")]
    {
        let mut rig = rig();
        let (client, other) = (rig.client(), rig.client());
        rig.say_permitted(other, "CLIENT UNBLOCK 99");
        assert_eq!(rig.heard(other), ":0\r\n");
        rig.gate(None);
        rig.say(client, "BLPOP list 0");
        rig.say_permitted(other, &format!("CLIENT UNBLOCK 1{words}"));
        assert_eq!(rig.heard(other), ":1\r\n");
        assert_eq!(rig.heard(client), expected);
        assert_eq!(rig.core.base.holds.counts(), (0, 0));
    }
}

#[test]
fn an_order_to_unblock_outlives_the_node_that_it_was_given_to() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "BLPOP list 0");
    let lane = rig.connect()[0];
    rig.sent(lane);
    let inquiry = Inquiry::Unblock { client: 1, reply: UnblockReply::TimedOut };
    let answer = rig.core.answer_inquiry(&SentInquiry { inquiry, asker: 9, request: 0 });
    assert_eq!(answer, InquiryAnswer::Count(1));
    rig.gate(None);
    rig.lose(lane);
    rig.wait(100_000);
    assert_eq!(rig.heard(client), "*-1\r\n", "it is not sent to the next node");
}

#[test]
fn a_pause_holds_commands_until_its_end() {
    let mut rig = rig();
    let (client, other) = (rig.client(), rig.client());
    rig.say_permitted(other, "CLIENT PAUSE 1000");
    assert_eq!(rig.heard(other), "+OK\r\n");
    rig.say(client, "PING\nGET a");
    rig.wait(SECOND - 1);
    assert_eq!(rig.heard(client), "");
    rig.wait(2);
    assert_eq!(rig.heard(client), "+PONG\r\n");
}

#[test]
fn a_pause_of_writes_lets_reads_pass_and_ends_with_unpause() {
    let mut rig = rig();
    let (client, other) = (rig.client(), rig.client());
    rig.say_permitted(other, "CLIENT PAUSE 100000 WRITE");
    rig.say(client, "PING\nMULTI\nGET a\nDISCARD\nMULTI\nSET a 1\nEXEC\nPING");
    assert_eq!(rig.heard(client), "+PONG\r\n+OK\r\n+QUEUED\r\n+OK\r\n+OK\r\n");
    for write in ["SET a 1", "EVAL x 0", "PUBLISH a b", "BLPOP a 0"] {
        let waiting = rig.client();
        rig.say(waiting, &format!("{write}\nPING"));
        assert_eq!(rig.heard(waiting), "", "{write}");
    }
    rig.heard(other);
    rig.say_permitted(other, "CLIENT UNPAUSE");
    assert_eq!(rig.heard(other), "+OK\r\n");
    let lanes: Vec<_> = rig.core.base.lanes.iter().map(|lane| lane.id).collect();
    assert!(lanes.into_iter().any(|lane| rig.sent(lane).contains("EXEC")));
}

#[test]
fn of_two_pauses_the_stricter_and_the_longer_one_count() {
    let mut rig = rig();
    let client = rig.client();
    for (seconds, writes_only) in [(5, true), (1, false)] {
        let pause = Pause { length: std::time::Duration::from_secs(seconds), writes_only };
        rig.core.answer_inquiry(&SentInquiry { inquiry: Inquiry::Pause(pause), asker: 9, request: 0 });
    }
    rig.say(client, "PING");
    rig.wait(4 * SECOND);
    assert_eq!(rig.heard(client), "");
    rig.wait(2 * SECOND);
    assert_eq!(rig.heard(client), "+PONG\r\n");
}

/// The commands of MONITOR's lines, without their times.
fn shown(lines: &str) -> Vec<&str> {
    lines.lines().filter_map(|line| Some(line.split_once("] ")?.1)).collect()
}

#[test]
fn a_monitoring_client_sees_every_command_after_its_ok() {
    let mut rig = rig();
    let (monitor, client) = (rig.client(), rig.client());
    rig.say(client, "PING before");
    rig.say_permitted(monitor, "MONITOR");
    rig.say_permitted(client, "PING\nEVAL x 0\nNOSUCH a\nGET\nCLIENT LIST");
    let other = rig.client();
    rig.say(other, "AUTH secret");
    let heard = rig.heard(monitor);
    assert!(heard.starts_with("+OK\r\n+1.000000 [0 "), "{heard}");
    assert_eq!(shown(&heard), [r#""PING""#, r#""EVAL" "x" "0""#, r#""AUTH" "(redacted)""#]);
}

#[test]
fn queued_commands_are_shown_with_their_exec() {
    let mut rig = rig();
    let (monitor, client) = (rig.client(), rig.client());
    rig.say_permitted(monitor, "MONITOR");
    rig.say(client, "MULTI\nSET a 1\nDISCARD\nMULTI\nSET b 2");
    assert_eq!(shown(&rig.heard(monitor)), [r#""MULTI""#, r#""DISCARD""#, r#""MULTI""#]);
    rig.say(client, "EXEC");
    assert_eq!(shown(&rig.heard(monitor)), [r#""SET" "b" "2""#, r#""EXEC""#]);
}

#[test]
fn commands_behind_a_queued_select_are_shown_with_its_database() {
    let mut rig = rig();
    let (monitor, client) = (rig.client(), rig.client());
    rig.say_permitted(monitor, "MONITOR");
    rig.say(client, "MULTI\nCLIENT ID\nSELECT 3\nGET a\nEXEC");
    let heard = rig.heard(monitor);
    let databases: Vec<&str> =
        heard.lines().filter_map(|line| line.split_once('[')?.1.split(' ').next()).collect();
    assert_eq!(databases, ["0", "0", "0", "3", "3"], "{heard}");
    let lines = [r#""MULTI""#, r#""CLIENT" "ID""#, r#""SELECT" "3""#, r#""GET" "a""#, r#""EXEC""#];
    assert_eq!(shown(&heard), lines);
}

#[test]
fn workers_show_each_other_what_is_monitored_and_no_more() {
    let mut rig = rig();
    rig.core.begin(1, 0);
    let client = rig.client();
    rig.say(client, "PING");
    assert_eq!(rig.shown_elsewhere, "", "nobody looks");
    let sent = |inquiry| SentInquiry { inquiry, asker: 9, request: 0 };
    rig.core.answer_inquiry(&sent(Inquiry::Monitor));
    rig.say(client, "PING");
    assert_eq!(shown(&std::mem::take(&mut rig.shown_elsewhere)), [r#""PING""#]);
    rig.core.answer_inquiry(&sent(Inquiry::EndMonitor));
    rig.say(client, "PING");
    assert_eq!(rig.shown_elsewhere, "");
}

#[test]
fn the_other_workers_are_told_when_monitoring_begins_and_however_it_ends() {
    for ends in ["RESET", "gone", "QUIT"] {
        let mut rig = rig();
        rig.core.begin(1, 0);
        let monitor = rig.client();
        rig.say_permitted(monitor, "MONITOR");
        let (number, begins) = rig.inquiries.pop().unwrap();
        assert_eq!((begins.inquiry.clone(), rig.heard(monitor)), (Inquiry::Monitor, String::new()));
        rig.core.inquiry_answered(number, None);
        rig.turn();
        assert_eq!(rig.heard(monitor), "+OK\r\n");
        rig.core.show_lines(Some(b"+1.0 [0 a:1] \"PING\"\r\n"));
        assert_eq!(shown(&rig.heard(monitor)), [r#""PING""#]);
        match ends {
            "gone" => rig.core.client_gone(monitor),
            word => {
                rig.say(monitor, word);
                rig.heard(monitor);
            }
        }
        rig.turn();
        assert_eq!(rig.inquiries.pop().unwrap().1.inquiry, Inquiry::EndMonitor, "{ends}");
        assert!(rig.inquiries.is_empty(), "once");
    }
}

#[test]
fn a_monitoring_client_that_does_not_read_or_would_miss_lines_is_closed() {
    let mut rig = Rig::new(crate::core::settings::Settings { output_buffer: 1000, ..settings() });
    let (slow, client) = (rig.client(), rig.client());
    rig.say_permitted(slow, "MONITOR");
    for _ in 0..100 {
        rig.say(client, "PING");
        rig.heard(client);
    }
    assert_eq!(rig.closed, [(slow, CloseReason::OutputLimit)]);
    let monitor = rig.client();
    rig.say_permitted(monitor, "MONITOR");
    rig.core.show_lines(None);
    rig.turn();
    assert_eq!(rig.closed[1..], [(monitor, CloseReason::OutputLimit)]);
}

#[test]
fn what_the_node_does_not_allow_its_user_is_refused_in_the_words_of_the_node() {
    let denied = "-NOPERM this user has no permissions\r\n";
    for (line, answer) in [
        ("CLIENT LIST", denied),
        ("CLIENT KILL ID 1", denied),
        ("CLIENT UNBLOCK 1", denied),
        ("CLIENT PAUSE 1000", denied),
        ("CLIENT UNPAUSE", "-NOAUTH Authentication required.\r\n"),
        ("CLIENT LIST", "-ERR unknown command 'CLIENT'\r\n"),
        ("MONITOR", "+OK\r\n-NOPERM\r\n+OK\r\n"),
        ("MONITOR", "-NOPERM\r\n+OK\r\n-ERR DISCARD without MULTI\r\n"),
    ] {
        let mut rig = rig();
        let (victim, client) = (rig.client(), rig.client());
        rig.say(client, &format!("{line}\nPING"));
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.reply(lane, answer);
        let refusal = answer.lines().find(|line| line.starts_with('-')).unwrap();
        assert_eq!(rig.heard(client), format!("{refusal}\r\n+PONG\r\n"), "{line}");
        rig.say(victim, "PING");
        assert_eq!(rig.heard(victim), "+PONG\r\n", "{line}: it neither waits nor is closed");
        assert_eq!(rig.closed, []);
    }
}

#[test]
fn while_no_node_can_be_asked_the_last_answer_counts_and_without_one_the_client_waits() {
    let mut rig = rig();
    let (client, other) = (rig.client(), rig.client());
    rig.say_permitted(client, "CLIENT LIST");
    assert!(rig.heard(client).contains("id=2 "));
    rig.gate(None);
    rig.say(client, "CLIENT LIST");
    assert!(rig.heard(client).contains("id=2 "));
    rig.say(other, "CLIENT KILL ID 1\nPING");
    assert_eq!((rig.heard(other), rig.closed.len()), (String::new(), 0));
    rig.wait(100 * SECOND);
    let heard = rig.heard(other);
    assert!(heard.starts_with('-') && heard.ends_with("\r\n+PONG\r\n"), "{heard}");
    assert_eq!(rig.closed, []);
}

#[test]
fn a_client_that_watches_is_told_to_end_its_watch_before_it_monitors() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "WATCH a");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    rig.heard(client);
    rig.say(client, "MONITOR");
    assert!(rig.heard(client).starts_with("-ERR MONITOR is not served to a client with a WATCH"));
}

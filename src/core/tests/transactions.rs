//! Transactions in which the proxy has parts: what the node gets, what the client hears, and that nothing of the proxy's
//! parts is done unless the node has run the block.

use crate::command::testing::requests;
use crate::core::settings::Settings;
use crate::ids::{ClientId, LaneId};
use crate::reasons::CloseReason;
use crate::route::owners::Sharding;

use super::rig::{Rig, SECOND, settings};

const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.\r\n";

/// A client that has named itself and sent a transaction, which its node has.
fn sent(rig: &mut Rig, lines: &str) -> (ClientId, LaneId) {
    let client = rig.client();
    rig.say(client, "CLIENT SETNAME before");
    rig.say(client, lines);
    let lane = rig.connect()[0];
    assert!(!rig.sent(lane).is_empty());
    rig.heard(client);
    (client, lane)
}

fn db_and_name(rig: &mut Rig, client: ClientId) -> (u32, String) {
    let session = &rig.core.base.clients.get(client).expect("it is there").session;
    (session.db, String::from_utf8_lossy(&session.name).into_owned())
}

/// QUEUED for so many commands, behind the OK of MULTI.
fn queued(commands: usize) -> String {
    format!("+OK\r\n{}", "+QUEUED\r\n".repeat(commands))
}

#[test]
fn the_nodes_replies_and_the_proxys_make_one_in_the_order_of_the_queue() {
    let big = "$5\r\nhello\r\n";
    // The client's commands; what the node gets of them, and answers; what the client hears of EXEC.
    for (lines, block, replies, expected) in [
        (
            "GET a\nCLIENT ID\nGET b",
            vec!["GET a", "GET b"],
            format!("*2\r\n{big}:1\r\n"),
            format!("*3\r\n{big}:1\r\n:1\r\n"),
        ),
        (
            "CLIENT SETNAME me\nCLIENT GETNAME\nGET a",
            vec!["GET a"],
            format!("*1\r\n{big}"),
            format!("*3\r\n+OK\r\n$2\r\nme\r\n{big}"),
        ),
        (
            "SELECT 1\nGET a",
            vec!["SELECT 1", "GET a"],
            format!("*2\r\n+OK\r\n{big}"),
            format!("*2\r\n+OK\r\n{big}"),
        ),
        (
            "SELECT x\nGET a",
            vec!["GET a"],
            format!("*1\r\n{big}"),
            format!("*2\r\n-ERR value is not an integer or out of range\r\n{big}"),
        ),
        (
            "MONITOR\nSSUBSCRIBE a\nGET a",
            vec!["GET a"],
            format!("*1\r\n{big}"),
            format!(
                "*3\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n{big}"
            ),
        ),
        (
            "CLIENT KILL ID 77\nGET a",
            vec!["CLIENT KILL ID 9223372036854775807", "GET a"],
            format!("*2\r\n:0\r\n{big}"),
            format!("*2\r\n:0\r\n{big}"),
        ),
        (
            "CLIENT UNBLOCK x\nGET a",
            vec!["GET a"],
            format!("*1\r\n{big}"),
            format!("*2\r\n-ERR value is not an integer or out of range\r\n{big}"),
        ),
        (
            "UNSUBSCRIBE\nGET a",
            vec!["GET a"],
            format!("*1\r\n{big}"),
            format!("*2\r\n*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n{big}"),
        ),
        (
            "GET a\nCLIENT REPLY OFF\nGET b\nCLIENT REPLY ON\nGET c",
            vec!["GET a", "GET b", "GET c"],
            "*3\r\n:1\r\n:2\r\n:3\r\n".into(),
            "*5\r\n:1\r\n+OK\r\n:3\r\n".into(),
        ),
        ("HELLO 3 SETNAME me\nCLIENT GETNAME\nCLIENT SETNAME", vec![], String::new(), ABORTED.into()),
        (
            "HELLO 9\nAUTH a b c\nGET a",
            vec!["GET a"],
            format!("*1\r\n{big}"),
            format!("*3\r\n-NOPROTO unsupported protocol version\r\n-ERR syntax error\r\n{big}"),
        ),
    ] {
        let mut rig = Rig::new(settings());
        let client = rig.client();
        rig.say(client, &format!("MULTI\n{lines}\nEXEC"));
        let whole: Vec<&str> = ["MULTI"].into_iter().chain(block.iter().copied()).chain(["EXEC"]).collect();
        if let Some(lane) = rig.connect().first().copied() {
            assert_eq!(rig.sent(lane).as_bytes(), requests(&whole), "{lines}");
            rig.reply(lane, &(queued(block.len()) + &replies));
        }
        let heard = rig.heard(client);
        assert!(heard.ends_with(&expected), "{lines}: {heard} {expected}");
        rig.say(client, "PING");
        assert!(rig.heard(client).contains("+PONG"), "{lines}");
    }
}

#[test]
fn a_transaction_of_the_proxys_parts_alone_needs_no_node() {
    let mut rig = Rig::new(settings());
    rig.gate(None);
    let client = rig.client();
    rig.say(client, "MULTI\nCLIENT SETNAME me\nCLIENT GETNAME\nCOMMAND COUNT\nEXEC\nCLIENT GETNAME");
    let heard = rig.heard(client);
    assert!(heard.starts_with(&format!("{}*3\r\n+OK\r\n$2\r\nme\r\n:", queued(3))), "{heard}");
    assert!(heard.ends_with("\r\n$2\r\nme\r\n"), "{heard}");
    rig.say(client, "WATCH k\nMULTI\nCLIENT SETNAME other\nEXEC");
    rig.gate(Some(1));
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    assert_eq!(rig.sent(lane).as_bytes(), requests(&["MULTI", "EXEC"]), "a watched key may have changed");
    rig.reply(lane, "+OK\r\n*-1\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n");
    assert_eq!(db_and_name(&mut rig, client), (0, "me".into()));
}

#[test]
fn the_session_changes_only_if_the_block_has_run() {
    let lines = "MULTI\nSELECT 3\nCLIENT SETNAME after\nSET k v\nEXEC";
    for (reply, expected) in [
        ("*2\r\n+OK\r\n+OK\r\n", (3, "after")),
        ("*2\r\n-ERR DB index is out of range\r\n+OK\r\n", (0, "after")),
        (ABORTED, (0, "before")),
        ("-NOPERM this user has no permissions to run the 'exec' command\r\n", (0, "before")),
    ] {
        let mut rig = Rig::new(settings());
        let (client, lane) = sent(&mut rig, lines);
        rig.reply(lane, &(queued(2) + reply));
        assert_eq!(db_and_name(&mut rig, client), (expected.0, expected.1.into()), "{reply}");
        rig.say(client, "GET k");
        let lane = rig.core.base.clients.get(client).and_then(|client| client.lane).expect("it was sent");
        assert_eq!(rig.core.base.lanes.get(lane).map(|lane| lane.key.db), Some(expected.0), "{reply}");
        rig.core.client_gone(client);
        rig.assert_nothing_left();
    }
}

#[test]
fn the_connection_of_the_block_is_used_on_in_the_session_that_it_is_in() {
    let mut rig = Rig::new(settings());
    let (client, lane) = sent(&mut rig, "MULTI\nSELECT 3\nEXEC");
    rig.reply(lane, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    rig.say(client, "BLPOP l 1");
    assert_eq!(rig.sent(lane).as_bytes(), requests(&["BLPOP l 1"]));
    rig.say(client, "PING");
    rig.reply(lane, "*-1\r\n");
    rig.say(client, "SELECT 4");
    let shared = rig.connect()[0];
    rig.sent(shared);
    rig.reply(shared, "+OK\r\n");
    rig.say(client, "BLPOP l 1");
    assert_eq!(rig.sent(lane), "", "that one is in another database");
}

/// What is lost whole may have run, if it may not run twice: then the connection was perhaps changed.
#[test]
fn a_lost_block_is_sent_again_or_changes_nothing_here() {
    for (write, expected) in [("SET k v", "*2\r\n+OK\r\n+OK\r\n"), ("INCR k", "-UNCERTAIN")] {
        let mut rig = Rig::new(settings());
        let (client, lane) = sent(&mut rig, &format!("MULTI\nSELECT 3\n{write}\nEXEC"));
        rig.lose(lane);
        rig.wait(SECOND / 10);
        for lane in rig.connect() {
            assert_eq!(rig.sent(lane).as_bytes(), requests(&["MULTI", "SELECT 3", write, "EXEC"]));
            rig.reply(lane, &(queued(2) + "*2\r\n+OK\r\n+OK\r\n"));
        }
        let heard = rig.heard(client);
        assert!(heard.starts_with(expected), "{heard}");
        let ran = !expected.starts_with('-');
        assert_eq!(db_and_name(&mut rig, client), (if ran { 3 } else { 0 }, "before".into()));
        rig.say(client, "PING");
        assert_eq!(rig.heard(client), "+PONG\r\n");
    }
}

#[test]
fn a_watched_block_that_is_lost_or_refused_changes_nothing() {
    for lost in [true, false] {
        let mut rig = Rig::new(settings());
        let client = rig.client();
        rig.say(client, "WATCH k");
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.reply(lane, "+OK\r\n");
        rig.say(client, "MULTI\nCLIENT SETNAME after\nSELECT 2\nSET k v\nEXEC");
        rig.sent(lane);
        rig.heard(client);
        match lost {
            true => rig.lose(lane),
            false => rig.reply(
                lane,
                &format!(
                    "+OK\r\n+QUEUED\r\n-READONLY You can't write against a read only replica.\r\n{ABORTED}"
                ),
            ),
        }
        let heard = rig.heard(client);
        assert!(heard.starts_with(if lost { "-UNCERTAIN" } else { "*-1\r\n" }), "{heard}");
        assert_eq!(db_and_name(&mut rig, client), (0, String::new()));
        rig.say(client, "PING");
        assert_eq!(rig.heard(client), "+PONG\r\n");
    }
}

/// The node may still run the block: its connection is in an unknown state.
#[test]
fn after_command_timeout_the_connection_is_not_used_any_more() {
    let mut rig = Rig::new(Settings { command_timeout: SECOND, ..settings() });
    let (client, lane) = sent(&mut rig, "MULTI\nSELECT 3\nEXEC");
    rig.wait(2 * SECOND);
    assert!(rig.heard(client).starts_with("-UNCERTAIN"));
    assert!(rig.core.base.lanes.get(lane).is_none());
    assert_eq!(db_and_name(&mut rig, client).0, 0);
}

#[test]
fn what_the_client_says_next_waits_for_exec_and_hears_its_changes() {
    let mut rig = Rig::new(settings());
    let (client, lane) = sent(&mut rig, "MULTI\nSELECT 3\nCLIENT SETNAME after\nEXEC\nCLIENT GETNAME\nGET k");
    rig.reply(lane, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    assert_eq!(rig.heard(client), "*2\r\n+OK\r\n+OK\r\n$5\r\nafter\r\n");
    let shared = rig.connect()[0];
    assert_eq!(rig.sent(shared).as_bytes(), requests(&["GET k"]));
    rig.reply(shared, "$1\r\nv\r\n");
    assert_eq!(rig.heard(client), "$1\r\nv\r\n");
}

#[test]
fn what_is_in_flight_is_answered_before_exec_is_sent() {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    rig.say(client, "GET a\nMULTI\nCLIENT ID\nGET b\nEXEC");
    let lane = rig.connect()[0];
    assert_eq!(rig.sent(lane).as_bytes(), requests(&["GET a"]));
    rig.reply(lane, ":7\r\n");
    assert_eq!(rig.sent(lane).as_bytes(), requests(&["MULTI", "GET b", "EXEC"]));
    rig.reply(lane, "+OK\r\n+QUEUED\r\n*1\r\n:8\r\n");
    assert_eq!(rig.heard(client), ":7\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:8\r\n");
}

#[test]
fn other_workers_are_asked_once_the_block_has_run() {
    let mut rig = Rig::new(settings());
    rig.core.begin(1, 0);
    let (client, lane) = sent(&mut rig, "MULTI\nCLIENT KILL ID 77\nCLIENT GETNAME\nGET a\nEXEC\nPING");
    assert!(rig.inquiries.is_empty());
    rig.reply(lane, &(queued(2) + "*2\r\n:0\r\n:5\r\n"));
    let (number, _) = rig.inquiries.pop().expect("they are asked");
    assert_eq!(rig.heard(client), "");
    rig.core.inquiry_answered(number, Some(crate::client::inquiry::InquiryAnswer::Count(1)));
    rig.turn();
    assert_eq!(rig.heard(client), "*3\r\n:1\r\n$6\r\nbefore\r\n:5\r\n+PONG\r\n");
}

#[test]
fn nobody_is_killed_by_a_block_that_did_not_run() {
    let refused = "-NOPERM this user has no permissions to run the 'client|kill' command\r\n";
    for (replies, expected) in [
        (
            format!("+OK\r\n{refused}+QUEUED\r\n{ABORTED}"),
            format!("-EXECABORT Transaction discarded because of: {}", &refused[1..]),
        ),
        (queued(2) + "*2\r\n" + refused + ":5\r\n", format!("*2\r\n{refused}:5\r\n")),
    ] {
        let mut rig = Rig::new(settings());
        let other = rig.client();
        let (client, lane) = sent(&mut rig, "MULTI\nCLIENT KILL ID 1\nGET a\nEXEC");
        rig.reply(lane, &replies);
        assert_eq!(rig.heard(client), expected);
        assert!(rig.closed.is_empty() && rig.core.base.clients.get(other).is_some());
    }
}

#[test]
fn a_client_that_kills_itself_hears_of_it_first() {
    let mut rig = Rig::new(settings());
    let (client, lane) = sent(&mut rig, "MULTI\nGET a\nCLIENT KILL ID 1 SKIPME no\nEXEC\nPING");
    rig.reply(lane, &(queued(2) + "*2\r\n:5\r\n:0\r\n"));
    assert_eq!(rig.heard(client), "*2\r\n:5\r\n:1\r\n");
    assert_eq!(rig.closed, [(client, CloseReason::Killed)]);
    rig.assert_nothing_left();
}

#[test]
fn a_client_that_goes_meanwhile_leaves_nothing() {
    for answered in [false, true] {
        let mut rig = Rig::new(settings());
        rig.core.begin(1, 0);
        let (client, lane) = sent(&mut rig, "MULTI\nSELECT 1\nCLIENT LIST\nSUBSCRIBE a\nEXEC");
        if answered {
            rig.reply(lane, &(queued(2) + "*2\r\n+OK\r\n$0\r\n\r\n"));
        }
        rig.core.client_gone(client);
        rig.turn();
        rig.assert_nothing_left();
    }
}

#[test]
fn a_subscription_is_confirmed_within_the_reply_and_begins_with_it() {
    let mut rig = Rig::new(settings());
    let (client, lane) = sent(&mut rig, "MULTI\nGET a\nSUBSCRIBE c\nPING\nGET b\nEXEC\nPING");
    rig.reply(lane, &(queued(2) + "*2\r\n:5\r\n:6\r\n"));
    assert_eq!(rig.heard(client), "", "no node has confirmed it");
    let listening = rig.connect()[0];
    assert!(rig.sent(listening).contains("SUBSCRIBE"));
    let confirmed = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    rig.reply(listening, confirmed);
    let pong = "*2\r\n$4\r\npong\r\n$0\r\n\r\n";
    assert_eq!(rig.heard(client), format!("*4\r\n:5\r\n{confirmed}{pong}:6\r\n"));
    let message = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n";
    assert_eq!(rig.sent(listening).as_bytes(), requests(&["PING"]));
    rig.reply(listening, &format!("{message}{pong}"));
    assert_eq!(rig.heard(client), format!("{message}{pong}"));
}

#[test]
fn a_subscription_that_no_node_confirms_is_an_error_within_the_reply() {
    let mut rig = Rig::new(settings());
    let (client, lane) = sent(&mut rig, "MULTI\nGET a\nSUBSCRIBE c\nEXEC\nGET a");
    rig.reply(lane, "+OK\r\n+QUEUED\r\n*1\r\n:5\r\n");
    rig.wait(6 * SECOND);
    let heard = rig.heard(client);
    assert!(heard.starts_with("*2\r\n:5\r\n-TRYAGAIN tideover: no node confirmed it"), "{heard}");
    assert_eq!(rig.sent(lane).as_bytes(), requests(&["GET a"]), "it is no subscriber");
}

#[test]
fn a_reply_that_does_not_fit_is_not_passed_on() {
    let mut rig = Rig::new(settings());
    let (client, lane) = sent(&mut rig, "MULTI\nGET a\nCLIENT ID\nEXEC");
    rig.reply(lane, "+OK\r\n+QUEUED\r\n*2\r\n:5\r\n:6\r\n");
    assert!(rig.heard(client).starts_with("-ERR tideover: "));
}

#[test]
fn exec_says_why_the_node_refused_a_queued_command() {
    let oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    let why = format!("-EXECABORT Transaction discarded because of: {}", &oom[1..]);
    let unknown = "-ERR unknown command 'NEW.ONE', with args beginning with: \r\n";
    let mut rig = Rig::new(settings());
    let (client, lane) = sent(&mut rig, "MULTI\nSET a 1\nSET b 1\nEXEC");
    for (replies, expected) in [
        (format!("+OK\r\n{oom}{unknown}{ABORTED}"), why.as_str()),
        (queued(2) + ABORTED, ABORTED),
        (
            format!("+OK\r\n{unknown}+QUEUED\r\n{ABORTED}"),
            "-EXECABORT Transaction discarded because of: unknown command 'NEW.ONE', with args beginning with: \r\n",
        ),
        ("-NOPERM no\r\n+OK\r\n+OK\r\n-ERR EXEC without MULTI\r\n".to_owned(), "-ERR EXEC without MULTI\r\n"),
        (queued(2) + ABORTED, ABORTED),
    ] {
        rig.reply(lane, &replies);
        assert!(rig.heard(client).ends_with(expected), "{replies}");
        rig.say(client, "MULTI\nSET a 1\nSET b 1\nEXEC");
        rig.sent(lane);
    }
}

#[test]
fn a_redirected_block_changes_the_session_once_where_it_has_run() {
    let moved = "-MOVED 3300 node:7001\r\n";
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, checks_role: false, ..settings() });
    let client = rig.client();
    rig.say(
        client,
        "CLIENT SETNAME before\nMULTI\nSELECT 0\nSET b 1\nCLIENT GETNAME\nCLIENT SETNAME after\nEXEC",
    );
    let lane = rig.connect()[0];
    let block = requests(&["MULTI", "SELECT 0", "SET b 1", "EXEC"]);
    assert_eq!(rig.sent(lane).as_bytes(), block);
    rig.heard(client);
    rig.reply(lane, &format!("+OK\r\n+QUEUED\r\n{moved}{ABORTED}"));
    assert_eq!((rig.heard(client), db_and_name(&mut rig, client).1), (String::new(), "before".into()));
    let lane = rig.connect()[0];
    assert_eq!(rig.sent(lane).as_bytes(), block);
    rig.reply(lane, &(queued(2) + "*2\r\n+OK\r\n+OK\r\n"));
    assert_eq!(rig.heard(client), "*4\r\n+OK\r\n+OK\r\n$6\r\nbefore\r\n+OK\r\n");
    assert_eq!(db_and_name(&mut rig, client).1, "after");
    rig.say(client, "MULTI\nSELECT 1\nWAIT 0 1\nEXEC");
    let home = rig.connect();
    let lane = home.first().copied().unwrap_or(lane);
    assert_eq!(rig.sent(lane).as_bytes(), requests(&["MULTI", "WAIT 0 1", "EXEC"]));
}

/// The reply of one shard stands in the block's reply; the others are asked once it is known to have run.
#[test]
fn a_command_for_all_shards_runs_in_the_block_and_then_at_the_others() {
    let noperm = "-NOPERM no\r\n";
    for (line, own, others, expected) in [
        ("FLUSHALL", "+OK\r\n", ["+OK\r\n", "+OK\r\n"], "+OK\r\n"),
        ("DBSIZE", ":1\r\n", [":10\r\n", ":100\r\n"], ":111\r\n"),
        ("FLUSHALL", "+OK\r\n", ["+OK\r\n", noperm], noperm),
        ("KEYS *", "*1\r\n$1\r\nb\r\n", ["*0\r\n", "*1\r\n$1\r\na\r\n"], "*2\r\n$1\r\nb\r\n$1\r\na\r\n"),
    ] {
        let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..settings() });
        let (client, lane) =
            sent(&mut rig, &format!("MULTI\nSET b 1\n{line}\nCLIENT GETNAME\nEXEC\nCLIENT GETNAME"));
        rig.reply(lane, &(queued(2) + "*2\r\n+OK\r\n" + own));
        let lanes = rig.connect();
        assert_eq!((rig.heard(client), lanes.len()), (String::new(), 2));
        for (lane, reply) in lanes.into_iter().zip(others) {
            assert_eq!(rig.sent(lane).as_bytes(), requests(&[line]));
            rig.reply(lane, reply);
        }
        assert_eq!(
            rig.heard(client),
            format!("*3\r\n+OK\r\n{expected}$6\r\nbefore\r\n$6\r\nbefore\r\n"),
            "{line}"
        );
    }
}

#[test]
fn what_one_shard_refuses_or_nobody_ran_is_not_asked_of_the_others() {
    for reply in ["*2\r\n+OK\r\n-NOPERM no\r\n", ABORTED] {
        let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..settings() });
        let (client, lane) = sent(&mut rig, "MULTI\nSET b 1\nFLUSHALL\nEXEC");
        rig.reply(lane, &(queued(2) + reply));
        assert_eq!((rig.heard(client).as_str(), rig.connect().len()), (reply, 0));
    }
}

#[test]
fn a_shard_that_is_lost_meanwhile_makes_the_outcome_unknown() {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..settings() });
    let (client, lane) = sent(&mut rig, "MULTI\nSET b 1\nFLUSHALL\nEXEC\nPING");
    rig.reply(lane, &(queued(2) + "*2\r\n+OK\r\n+OK\r\n"));
    let lanes = rig.connect();
    lanes.iter().for_each(|lane| drop(rig.sent(*lane)));
    rig.reply(lanes[0], "+OK\r\n");
    rig.lose(lanes[1]);
    let heard = rig.heard(client);
    assert!(
        heard.starts_with("*2\r\n+OK\r\n-UNCERTAIN tideover: ") && heard.ends_with("+PONG\r\n"),
        "{heard}"
    );
}

/// While a part is awaited, the connection is in another session than its lane says: nobody may get it.
#[test]
fn a_changed_connection_is_not_given_to_others_while_a_part_is_awaited() {
    let mut rig = Rig::new(settings());
    rig.core.begin(1, 0);
    let (client, lane) = sent(&mut rig, "MULTI\nSELECT 3\nCLIENT LIST ID 77\nCLIENT GETNAME\nEXEC");
    rig.reply(lane, &(queued(2) + "*2\r\n+OK\r\n$0\r\n\r\n"));
    assert!(rig.core.base.lanes.get(lane).is_none());
    let (number, _) = rig.inquiries.pop().expect("they are asked");
    rig.core.inquiry_answered(number, None);
    rig.turn();
    assert_eq!(rig.heard(client), "*3\r\n+OK\r\n$0\r\n\r\n$6\r\nbefore\r\n");
    assert_eq!(db_and_name(&mut rig, client).0, 3);
}

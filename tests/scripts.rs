//! Tests scripts through the proxy: EVALSHA works at a node that has lost the script.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use common::Rig;
use common::conn::{bulk, pipeline};

const UNKNOWN: &str = "-NOSCRIPT No matching script. Please use EVAL.\r\n";

/// Loads a script that returns its first key, and makes the node forget it.
fn forgotten(rig: &Rig) -> String {
    let sha = rig.client().call_args(&["SCRIPT", "LOAD", "return KEYS[1]"]);
    assert_eq!(rig.direct().call("SCRIPT FLUSH"), "+OK\r\n");
    String::from_utf8(sha).unwrap().lines().nth(1).unwrap().to_owned()
}

#[test]
fn a_script_that_the_node_has_forgotten_is_brought_again() {
    let rig = Rig::start();
    let sha = forgotten(&rig);
    let mut client = rig.client();
    assert_eq!(client.call(&format!("EVALSHA {sha} 1 k")), bulk("k"));
    assert_eq!(rig.direct().call(&format!("EVALSHA {sha} 1 j")), bulk("j"));
    assert_eq!(rig.direct().call("SCRIPT FLUSH"), "+OK\r\n");
    assert_eq!(client.call(&format!("EVALSHA_RO {sha} 1 k")), bulk("k"));
    assert!(rig.admin("/metrics").1.contains("reason=\"noscript\"} 2"));
}

#[test]
fn a_script_that_nobody_brought_or_that_was_flushed_stays_unknown() {
    let rig = Rig::start();
    let mut client = rig.client();
    assert_eq!(client.call(&format!("EVALSHA {} 0", "0".repeat(40))), UNKNOWN);
    let sha = forgotten(&rig);
    assert_eq!(client.call("SCRIPT FLUSH"), "+OK\r\n");
    assert_eq!(client.call(&format!("EVALSHA {sha} 1 k")), UNKNOWN);
}

/// Each worker remembers the scripts that it has seen: one that was flushed through another worker is new to it again.
#[test]
fn a_script_that_is_used_after_a_flush_is_known_again_whichever_worker_flushed() {
    let rig = Rig::start();
    let mut clients: Vec<_> = (0..8).map(|_| rig.client()).collect();
    let sha = forgotten(&rig);
    for client in &mut clients {
        assert_eq!(client.call_args(&["EVAL", "return KEYS[1]", "1", "k"]), bulk("k").as_bytes());
    }
    assert_eq!(rig.client().call("SCRIPT FLUSH"), "+OK\r\n");
    for client in &mut clients {
        assert_eq!(client.call_args(&["EVAL", "return KEYS[1]", "1", "k"]), bulk("k").as_bytes());
        assert_eq!(rig.direct().call("SCRIPT FLUSH"), "+OK\r\n");
        assert_eq!(client.call(&format!("EVALSHA {sha} 1 k")), bulk("k"));
        assert_eq!(rig.client().call("SCRIPT FLUSH"), "+OK\r\n");
    }
}

/// If the script were loaded behind the later command, it would run in the wrong order.
#[test]
fn a_script_is_not_brought_behind_a_later_command_of_its_client() {
    let rig = Rig::start();
    let sha = forgotten(&rig);
    let mut client = rig.client();
    let lines = [format!("EVALSHA {sha} 1 k"), "INCR k".to_owned()];
    client.write(&pipeline(&lines));
    assert_eq!(client.reply(), UNKNOWN);
    assert_eq!(client.reply(), ":1\r\n");
}

/// The commands in front of it in the transaction would have run when the node answers that it does not know the
/// script.
#[test]
fn a_forgotten_script_in_a_transaction_is_brought_with_it() {
    let rig = Rig::start();
    let sha = forgotten(&rig);
    let mut client = rig.client();
    let evalsha = format!("EVALSHA {sha} 1 k");
    for watch in [false, true] {
        if watch {
            assert_eq!(client.call("WATCH w"), "+OK\r\n");
        }
        client.write(&pipeline(&["MULTI", "RPUSH l v", &evalsha, &evalsha, "EXEC"]));
        let queued: String = (0..4).map(|_| client.reply()).collect();
        assert_eq!(queued, "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
        let pushed = 1 + i32::from(watch);
        assert_eq!(client.reply(), format!("*3\r\n:{pushed}\r\n$1\r\nk\r\n$1\r\nk\r\n"));
        assert_eq!(rig.direct().call("SCRIPT FLUSH"), "+OK\r\n");
    }
    // A script that was sent within a transaction is known like any other.
    client.write(&pipeline(&["MULTI", "EVAL return(7) 0", "EXEC"]));
    (0..2).for_each(|_| drop(client.reply()));
    assert_eq!(client.reply(), "*1\r\n:7\r\n");
    assert_eq!(rig.direct().call("SCRIPT FLUSH"), "+OK\r\n");
    let seven = client.call("SCRIPT LOAD return(7)").lines().nth(1).unwrap().to_owned();
    assert_eq!(rig.direct().call("SCRIPT FLUSH"), "+OK\r\n");
    assert_eq!(client.call(&format!("EVALSHA {seven} 0")), ":7\r\n");
}

/// The EVALSHA of a user who may not run EVAL is never sent as EVAL.
#[test]
fn a_user_who_may_only_run_known_scripts_goes_on_to_do_so_in_transactions() {
    let rig = Rig::start();
    let sha = String::from_utf8(rig.client().call_args(&["SCRIPT", "LOAD", "return KEYS[1]"])).unwrap();
    let sha = sha.lines().nth(1).unwrap();
    let user = "ACL SETUSER worker on >secret ~* +@all -eval -script";
    assert_eq!(rig.direct().call(user), "+OK\r\n");
    let mut client = rig.client();
    assert_eq!(client.call("AUTH worker secret"), "+OK\r\n");
    client.write(&pipeline(&["MULTI", &format!("EVALSHA {sha} 1 k"), "EXEC"]));
    (0..2).for_each(|_| drop(client.reply()));
    assert_eq!(client.reply(), "*1\r\n$1\r\nk\r\n");
}

/// On the same connection it would wait behind the script until that ends by itself.
#[test]
fn a_script_that_does_not_end_can_be_killed_by_whoever_shares_its_connection() {
    let rig = Rig::with(&["lua-time-limit 200"], &[]);
    let mut clients: Vec<_> = (0..5).map(|_| rig.client()).collect();
    clients.iter_mut().for_each(|client| drop(client.call("PING")));
    let (caller, others) = clients.split_first_mut().unwrap();
    for (db, kill) in others.iter_mut().enumerate() {
        kill.call(&format!("SELECT {db}"));
        caller.write(&tideover_testbed::client::encode(&["EVAL", "while true do end", "0"]));
        common::until("the script is killed", || {
            let answer = kill.call("SCRIPT KILL");
            assert!(answer == "+OK\r\n" || answer.starts_with("-NOTBUSY"), "{answer}");
            answer == "+OK\r\n"
        });
        let error = caller.reply();
        assert!(error.starts_with("-ERR") && error.contains("killed"), "{error}");
    }
}

/// SCRIPT KILL has a connection without a selected database, unlike the other commands of its client.
#[test]
fn what_ends_a_script_keeps_its_place_among_the_commands_of_its_client() {
    let rig = Rig::start();
    let mut client = rig.client();
    client.call("SELECT 3");
    client.write(&pipeline(&[
        "LPUSH l a b",
        "SCRIPT KILL",
        "BLPOP l 1",
        "FUNCTION KILL",
        "BLPOP l 1",
        "SCRIPT KILL",
        "LLEN l",
    ]));
    let replies: Vec<String> = (0..7).map(|_| client.reply()).collect();
    let expected = [
        ":2",
        "-NOTBUSY",
        "*2\r\n$1\r\nl\r\n$1\r\nb",
        "-NOTBUSY",
        "*2\r\n$1\r\nl\r\n$1\r\na",
        "-NOTBUSY",
        ":0",
    ];
    for (reply, expected) in replies.iter().zip(expected) {
        assert!(reply.starts_with(expected), "{expected}: {replies:?}");
    }
}

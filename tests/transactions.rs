//! Tests MULTI, EXEC, DISCARD and WATCH through the proxy against the server's own answers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use common::cluster::ClusterRig;
use common::conn::{Conn, bulk};
use common::{Rig, until};

/// Sends the same lines to both sides; every reply must be the same bytes.
fn same(rig: &Rig, lines: &[&str]) {
    let (mut proxied, mut direct) = (rig.client(), rig.direct());
    rig.direct().call("FLUSHALL");
    let through: Vec<String> = lines.iter().map(|line| proxied.call(line)).collect();
    rig.direct().call("FLUSHALL");
    let itself: Vec<String> = lines.iter().map(|line| direct.call(line)).collect();
    for ((line, through), itself) in lines.iter().zip(&through).zip(&itself) {
        assert_eq!(through, itself, "{line} in {lines:?}");
    }
}

#[test]
fn transactions_answer_as_the_server_does() {
    let rig = Rig::start();
    same(&rig, &["MULTI", "SET k 1", "INCR k", "GET k", "EXEC", "GET k"]);
    same(&rig, &["MULTI", "SET k 1", "DISCARD", "GET k", "EXEC"]);
    same(&rig, &["EXEC", "DISCARD", "MULTI", "MULTI", "SET k 1", "EXEC"]);
    same(&rig, &["MULTI", "SET k", "SET k 1", "EXEC", "GET k"]);
    same(&rig, &["MULTI", "NOSUCH a b", "SET k 1", "EXEC", "GET k"]);
    same(&rig, &["MULTI", "WATCH k", "SET k 1", "EXEC"]);
    same(&rig, &["SET k x", "MULTI", "INCR k", "LPUSH k 1", "SET j 1", "EXEC", "GET j"]);
    same(&rig, &["MULTI", "EXEC"]);
    same(&rig, &["MULTI", "PING", "ECHO hello", "PING x", "EXEC"]);
    same(&rig, &["WATCH k", "UNWATCH", "UNWATCH", "MULTI", "UNWATCH", "EXEC"]);
    same(&rig, &["WATCH k", "SET k 1", "MULTI", "GET k", "EXEC"]);
    same(&rig, &["WATCH k", "MULTI", "DISCARD", "SET k 1", "MULTI", "GET k", "EXEC"]);
    same(&rig, &["MULTI", "BLPOP l 0", "EXEC", "PING"]);
    same(&rig, &["MULTI x", "EXEC"]);
    same(&rig, &["MULTI", "HSET h f v", "HGETALL h", "GET none", "EXEC"]);
    same(&rig, &["WATCH", "MULTI", "WATCH", "EXEC"]);
}

#[test]
fn a_foreign_write_after_watch_stops_the_transaction() {
    let rig = Rig::start();
    let (mut client, mut other) = (rig.client(), rig.client());
    for (between, expected) in [("SET k 2", "*-1\r\n"), ("SET unrelated 2", "*1\r\n+OK\r\n")] {
        assert_eq!(client.call("WATCH k"), "+OK\r\n");
        assert!(!client.call("GET k").is_empty());
        assert_eq!(other.call(between), "+OK\r\n");
        assert_eq!(client.call("MULTI"), "+OK\r\n");
        assert_eq!(client.call("SET k 3"), "+QUEUED\r\n");
        assert_eq!(client.call("EXEC"), expected, "{between}");
    }
    assert!(client.call("HELLO 3").starts_with('%'));
    assert_eq!(client.call("WATCH k"), "+OK\r\n");
    assert_eq!(other.call("SET k 9"), "+OK\r\n");
    assert_eq!(client.call("MULTI"), "+OK\r\n");
    assert_eq!(client.call("EXEC"), "_\r\n");
}

#[test]
fn unwatch_and_discard_forget_what_was_watched() {
    let rig = Rig::start();
    let (mut client, mut other) = (rig.client(), rig.client());
    for forget in [&["UNWATCH"][..], &["MULTI", "DISCARD"]] {
        assert_eq!(client.call("WATCH k"), "+OK\r\n");
        assert_eq!(other.call("SET k 2"), "+OK\r\n");
        for line in forget {
            assert_eq!(client.call(line), "+OK\r\n");
        }
        assert_eq!(client.call("MULTI"), "+OK\r\n");
        assert_eq!(client.call("PING"), "+QUEUED\r\n");
        assert_eq!(client.call("EXEC"), "*1\r\n+PONG\r\n");
    }
}

#[test]
fn the_commands_of_a_transaction_run_together() {
    let rig = Rig::start();
    let mut clients: Vec<Conn> = (0..4).map(|_| rig.client()).collect();
    let block = common::conn::pipeline(&["MULTI", "INCR n", "INCR n", "INCR n", "EXEC"]);
    for _ in 0..100 {
        clients.iter_mut().for_each(|client| client.write(&block));
    }
    for client in &mut clients {
        for _ in 0..100 {
            let replies: Vec<String> = (0..5).map(|_| client.reply()).collect();
            let values: Vec<i64> =
                replies[4].split("\r\n:").skip(1).map(|n| n.trim_end().parse().unwrap()).collect();
            assert_eq!(values, [values[0], values[0] + 1, values[0] + 2]);
        }
    }
    assert_eq!(rig.client().call("GET n"), bulk("1200"));
}

#[test]
fn the_connection_that_watched_is_told_to_forget_it_when_its_client_has_gone() {
    let rig = Rig::start();
    let mut client = rig.client();
    assert_eq!(client.call("WATCH k"), "+OK\r\n");
    assert_eq!(rig.server_clients("cmd=watch"), 1);
    drop(client);
    until("the watching connection is wiped", || rig.server_clients("cmd=unwatch") == 1);
    assert_eq!(rig.server_clients("cmd=watch"), 0);
}

#[test]
fn a_node_that_restarts_fails_the_watch_not_the_client() {
    let mut rig = Rig::start();
    let mut client = rig.client();
    assert_eq!(client.call("WATCH k"), "+OK\r\n");
    rig.restart_server();
    assert_eq!(client.call("MULTI"), "+OK\r\n");
    assert_eq!(client.call("SET k 1"), "+QUEUED\r\n");
    assert_eq!(client.call("EXEC"), "*-1\r\n");
    assert_eq!(client.call("GET k"), "$-1\r\n");
}

#[test]
fn a_pipeline_of_watched_and_spoilt_transactions_loses_no_reply() {
    let rig = Rig::start();
    let lines = [
        "SET k 1", "WATCH k", "MULTI", "INCR k", "EXEC", "MULTI", "GET", "EXEC", "WATCH k", "UNWATCH",
        "WATCH k", "MULTI", "GET", "EXEC", "WATCH k", "MULTI", "DISCARD", "MULTI", "INCR k", "EXEC", "GET k",
    ];
    let (mut proxied, mut direct) = (rig.client(), rig.direct());
    for _ in 0..20 {
        let [through, itself] = [&mut proxied, &mut direct].map(|conn| {
            conn.write(&common::conn::pipeline(&lines));
            lines.map(|_| conn.reply())
        });
        assert_eq!(through, itself);
    }
}

/// The transaction is larger than what a socket takes at once: the node answers its first commands before the last are
/// written.
#[test]
fn a_transaction_of_any_size_is_sent_once() {
    let rig = Rig::start();
    let mut client = rig.client();
    for values in [1, 4, 15] {
        let value = vec![b'v'; 1 << 20];
        client.call("MULTI");
        for _ in 0..values {
            assert_eq!(client.call_args(&[b"APPEND".as_slice(), b"k", &value]), b"+QUEUED\r\n");
        }
        client.call("STRLEN k");
        let sizes: Vec<String> = (1..=values).chain([values]).map(|n| format!(":{}\r\n", n << 20)).collect();
        assert_eq!(client.call("EXEC"), format!("*{}\r\n{}", values + 1, sizes.concat()));
        client.call("DEL k");
    }
    let (_, metrics) = rig.admin("/metrics");
    for none in [
        "retries_total{proxy=\"default\",reason=\"connection\"} 0",
        "protocol_broken_total{proxy=\"default\"} 0",
    ] {
        assert!(metrics.contains(none), "{none}");
    }
}

/// Blocks with commands about the connection, and what shows the session afterwards.
const ABOUT_THE_CONNECTION: &[&[&str]] = &[
    &["MULTI", "CLIENT SETNAME mine", "CLIENT GETNAME", "SET k 1", "EXEC", "CLIENT GETNAME"],
    &["MULTI", "CLIENT SETNAME mine", "SET k", "EXEC", "CLIENT GETNAME"],
    &["MULTI", "CLIENT SETNAME mine", "DISCARD", "CLIENT GETNAME"],
    &["MULTI", "CLIENT SETNAME a\tb", "CLIENT GETNAME", "EXEC"],
    &["MULTI", "CLIENT NO-EVICT ON", "CLIENT NO-EVICT x", "CLIENT GETREDIR", "EXEC"],
    &["MULTI", "CLIENT NOSUCH", "EXEC", "MULTI", "CLIENT", "EXEC", "MULTI", "CLIENT SETNAME", "EXEC"],
    &["MULTI", "CLIENT REPLY SKIP", "SET k 1", "EXEC", "NO", "PING", "+OK"],
    &["SET k 0", "MULTI", "SELECT 1", "SET k 1", "GET k", "EXEC", "GET k", "SELECT 0", "GET k"],
    &[
        "MULTI",
        "SELECT 3",
        "SELECT 2",
        "SELECT 99",
        "SET k 2",
        "EXEC",
        "GET k",
        "LPUSH l 1",
        "BLPOP l 1",
        "DEL k",
    ],
    &["MULTI", "SELECT x", "SELECT -1", "SET k 2", "EXEC", "GET k"],
    &["MULTI", "SELECT 1", "NOSUCH", "EXEC", "SET k 1", "SELECT 1", "EXISTS k"],
    &["WATCH k", "MULTI", "SELECT 4", "SET k 4", "EXEC", "WATCH k", "MULTI", "GET k", "EXEC", "FLUSHDB"],
    &["WATCH k", "SET k 1", "MULTI", "SELECT 4", "CLIENT SETNAME x", "EXEC", "GET k", "CLIENT GETNAME"],
    &["MULTI", "HELLO 3", "GET none", "EXEC", "GET none", "HGETALL none"],
    &["HELLO 3", "MULTI", "GET none", "HELLO 2", "GET none", "EXEC", "GET none"],
    &["MULTI", "HELLO 3", "HELLO 2", "HELLO", "GET none", "EXEC", "GET none"],
    &["MULTI", "HELLO 3 SETNAME mine", "CLIENT GETNAME", "EXEC", "CLIENT GETNAME", "CLIENT SETNAME other"],
    &["MULTI", "HELLO 9", "HELLO x", "GET none", "EXEC", "GET none"],
    &["MULTI", "AUTH nonsense", "AUTH a b c", "GET none", "EXEC"],
    &["MULTI", "SELECT 1", "RESET", "EXEC", "GET none"],
    &["MULTI", "SELECT 1", "MULTI", "WATCH k", "EXEC", "EXISTS k"],
    &["MULTI", "MONITOR", "SSUBSCRIBE s", "GET none", "EXEC", "PING"],
    &["MULTI", "CLIENT KILL ID 0", "CLIENT UNBLOCK 0", "CLIENT PAUSE 0", "CLIENT UNPAUSE", "EXEC", "PING"],
    &["MULTI", "CLIENT KILL 1.2.3.4:5", "CLIENT LIST ID x", "CLIENT LIST TYPE x", "CLIENT PAUSE x", "EXEC"],
    &["MULTI", "CLIENT LIST ID 77777777", "CLIENT KILL ID x", "EXEC"],
    &["MULTI", "SUBSCRIBE a b", "PING", "PING x", "EXEC", "PING", "GET k", "UNSUBSCRIBE a b", "GET none"],
    &["HELLO 3", "MULTI", "SUBSCRIBE a b", "PING", "EXEC", "GET none", "PING", "UNSUBSCRIBE a b"],
    &[
        "MULTI",
        "SUBSCRIBE a",
        "PSUBSCRIBE b*",
        "SUNSUBSCRIBE",
        "UNSUBSCRIBE a",
        "PUNSUBSCRIBE",
        "EXEC",
        "PING",
    ],
    &["HELLO 3", "SUBSCRIBE x", "MULTI", "PSUBSCRIBE y*", "UNSUBSCRIBE x", "EXEC", "PUNSUBSCRIBE y*"],
    &["MULTI", "SUBSCRIBE a", "NOSUCH", "EXEC", "GET none"],
    &["MULTI", "SUBSCRIBE", "EXEC", "MULTI", "UNSUBSCRIBE", "EXEC"],
    &["MULTI", "ROLE", "ECHO x", "PING x y", "COMMAND GETKEYS GET k", "EXEC"],
    &["MULTI", "CLUSTER INFO", "SET k 1", "EXEC", "GET k"],
    &[
        "MULTI",
        "WAIT 0 10",
        "SCRIPT LOAD return",
        "SCRIPT EXISTS x",
        "FUNCTION LIST",
        "FUNCTION DUMP",
        "EXEC",
    ],
    &["SET k 1", "MULTI", "FLUSHALL", "DBSIZE", "SET k 2", "SCRIPT FLUSH", "EXEC", "GET k"],
    &["MULTI", "ACL WHOAMI", "CONFIG GET maxmemory", "OBJECT HELP", "EXEC"],
    &["MULTI", "SAVE", "EXEC", "MULTI", "SHUTDOWN NOSAVE", "EXEC", "MULTI", "SYNC", "EXEC"],
    &["SUBSCRIBE a", "MULTI", "EXEC", "DISCARD", "UNSUBSCRIBE a"],
    &["EXEC x", "MULTI", "GET none", "EXEC x", "EXEC", "MULTI", "DISCARD x", "EXEC"],
    &["WATCH k", "MULTI", "EXEC x", "SET k 1", "MULTI", "GET k", "EXEC"],
];

/// Replaces the id of the client in a reply to HELLO, which differs.
fn without_id(reply: &str) -> String {
    match reply.split_once("$2\r\nid\r\n:") {
        Some((before, rest)) => {
            let rest = rest.split_once("\r\n").unwrap().1;
            format!("{before}$2\r\nid\r\n:0\r\n{}", without_id(rest))
        }
        None => reply.to_owned(),
    }
}

/// Sends the lines one by one, and returns everything that comes back until a last ECHO is answered.
fn said(mut conn: Conn, lines: &[&str]) -> String {
    for line in lines {
        conn.send(line);
    }
    conn.send("CLIENT REPLY ON");
    conn.send("RESET");
    // One of the lines may be a RESET as well.
    conn.send("ECHO the-end");
    let mut text = String::new();
    while !text.ends_with("$7\r\nthe-end\r\n") {
        text.push_str(&String::from_utf8_lossy(&conn.some()));
    }
    without_id(&text)
}

/// Checks that both texts are the same, and shows where they begin to differ.
fn same_text(through: &str, itself: &str, lines: &[&str]) {
    let common = through.bytes().zip(itself.bytes()).take_while(|(one, other)| one == other).count();
    let rest = |text: &str| {
        String::from_utf8_lossy(&text.as_bytes()[common..][..text.len().min(common + 200) - common])
            .into_owned()
    };
    let before =
        String::from_utf8_lossy(&through.as_bytes()[common.saturating_sub(200)..common]).into_owned();
    assert!(
        through == itself,
        "{lines:?}: behind {before:?} {:?} instead of {:?}",
        rest(through),
        rest(itself)
    );
}

#[test]
fn what_speaks_of_the_connection_has_its_place_in_a_transaction() {
    let rig = Rig::start();
    for proto in ["HELLO 2", "HELLO 3"] {
        for lines in ABOUT_THE_CONNECTION {
            let lines = [&[proto][..], lines].concat();
            rig.direct().call("FLUSHALL");
            let through = said(rig.client(), &lines);
            rig.direct().call("FLUSHALL");
            same_text(&through, &said(rig.direct(), &lines), &lines);
        }
    }
}

#[test]
fn a_session_that_changes_within_a_transaction_is_one_clients_alone() {
    let rig = Rig::start();
    let (mut client, mut other) = (rig.client(), rig.client());
    assert_eq!(other.call("SET where zero"), "+OK\r\n");
    for line in ["MULTI", "SELECT 5", "SET where five", "CLIENT SETNAME mine", "HELLO 3", "EXEC"] {
        client.send(line);
    }
    let replies: Vec<String> = (0..6).map(|_| client.reply()).collect();
    assert!(replies[5].starts_with("*4\r\n+OK\r\n+OK\r\n+OK\r\n%7\r\n"), "{replies:?}");
    assert_eq!((client.call("GET where"), other.call("GET where")), (bulk("five"), bulk("zero")));
    assert_eq!((client.call("GET none"), other.call("GET none")), ("_\r\n".into(), "$-1\r\n".into()));
    assert_eq!(
        (client.call("CLIENT GETNAME"), other.call("CLIENT GETNAME")),
        (bulk("mine"), "$-1\r\n".into())
    );
    assert_eq!(rig.server_clients("name=mine"), 0, "the connection to the node is everybody's");
}

#[test]
fn a_user_who_changes_within_a_transaction_has_the_rights_of_the_new_one() {
    let rig = Rig::start();
    rig.direct().call("ACL SETUSER bob on >pw ~* &* +@all -select -client|kill");
    for lines in [
        &[
            "MULTI",
            "ACL WHOAMI",
            "AUTH bob wrong",
            "ACL WHOAMI",
            "AUTH bob pw",
            "ACL WHOAMI",
            "EXEC",
            "ACL WHOAMI",
        ][..],
        &[
            "MULTI",
            "AUTH bob pw",
            "SELECT 1",
            "CLIENT KILL ID 77777777",
            "CLIENT UNBLOCK 0",
            "EXEC",
            "SET k 1",
            "DEL k",
        ],
        &[
            "SELECT 3",
            "MULTI",
            "HELLO 3 AUTH bob pw",
            "SET k 1",
            "EXEC",
            "EXISTS k",
            "MULTI",
            "AUTH default x",
            "EXEC",
            "EXISTS k",
        ],
    ] {
        same_text(&said(rig.client(), lines), &said(rig.direct(), lines), lines);
    }
}

#[test]
fn a_client_is_killed_unblocked_and_listed_within_a_transaction() {
    let rig = Rig::start();
    let (mut client, mut blocked, mut killed) = (rig.client(), rig.client(), rig.client());
    let id = |conn: &mut Conn| conn.call("CLIENT ID").trim_matches([':', '\r', '\n']).to_owned();
    let (waiting, doomed) = (id(&mut blocked), id(&mut killed));
    blocked.send("BLPOP nothing 0");
    until("it is blocked", || client.call("CLIENT LIST").contains("flags=b"));
    client.call("MULTI");
    for line in [
        "CLIENT SETNAME mine".to_owned(),
        format!("CLIENT UNBLOCK {waiting} ERROR"),
        format!("CLIENT KILL ID {doomed}"),
        "CLIENT LIST".to_owned(),
        "INCR n".to_owned(),
    ] {
        assert_eq!(client.call(&line), "+QUEUED\r\n");
    }
    let reply = client.call("EXEC");
    assert!(reply.starts_with("*5\r\n+OK\r\n:1\r\n:1\r\n$") && reply.ends_with("\r\n:1\r\n"), "{reply}");
    assert!(
        reply.contains(" name=mine ") && reply.contains(" flags=x ") && reply.contains(" cmd=exec "),
        "{reply}"
    );
    assert!(!reply.contains(&format!("id={doomed} ")), "{reply}");
    assert!(blocked.reply().starts_with("-UNBLOCKED"));
    killed.expect_close();
}

/// Transactions of every kind in one write, with everything else that a client may send between them.
#[test]
fn a_pipeline_of_such_transactions_keeps_its_order() {
    let rig = Rig::start();
    let mut lines = vec!["SET k 0"];
    for block in
        ABOUT_THE_CONNECTION.iter().filter(|block| !block.iter().any(|line| line.contains("SUBSCRIBE")))
    {
        lines.extend(*block);
        lines.extend(["INCR n", "CLIENT GETNAME", "HELLO 2", "SELECT 0"]);
    }
    let [through, itself] = [rig.client(), rig.direct()].map(|mut conn| {
        rig.direct().call("FLUSHALL");
        conn.write(&common::conn::pipeline(&lines));
        said(conn, &[])
    });
    same_text(&through, &itself, &[]);
}

/// The node sees a queued command only with EXEC, whose error then says what the server says at the command.
#[test]
fn a_command_that_the_node_would_not_queue_is_named_by_exec() {
    let rig = Rig::start();
    rig.direct().call("ACL SETUSER default -incr");
    let (mut proxied, mut direct) = (rig.client(), rig.direct());
    let lines = ["MULTI", "SET k 1", "INCR k", "EXEC", "EXISTS k"];
    let through = lines.map(|line| proxied.call(line));
    let itself = lines.map(|line| direct.call(line));
    let why = itself[2].strip_prefix('-').unwrap();
    assert!(why.starts_with("NOPERM") && itself[3].starts_with("-EXECABORT"), "{itself:?}");
    assert_eq!(through[2], "+QUEUED\r\n");
    assert_eq!(through[3], format!("-EXECABORT Transaction discarded because of: {why}"));
    assert_eq!(through[4], itself[4]);
}

/// The one Redis is no measure for a node of a cluster, so the owner of the keys is asked itself.
#[test]
fn in_a_cluster_such_transactions_answer_as_the_owner_of_their_keys_does() {
    let rig = ClusterRig::start(&[]);
    let owns = |conn: &mut Conn| !conn.call("GET k").starts_with('-');
    let owner = || rig.masters().into_iter().find_map(|mut conn| owns(&mut conn).then_some(conn)).unwrap();
    for lines in [
        &["MULTI", "SELECT 0", "SELECT 1", "SELECT x", "SET k 1", "EXEC", "GET k"][..],
        &[
            "MULTI",
            "HELLO 3",
            "GET none",
            "CLIENT SETNAME mine",
            "EXEC",
            "CLIENT GETNAME",
            "HELLO 2",
            "GET k",
        ],
        &["WATCH k", "SET k 2", "MULTI", "CLIENT SETNAME mine", "EXEC", "CLIENT GETNAME"],
        &["WATCH k", "MULTI", "SELECT 0", "APPEND k 3", "CLIENT GETREDIR", "EXEC", "GET k"],
        &["MULTI", "SUBSCRIBE k", "INCR k", "UNSUBSCRIBE k", "SUNSUBSCRIBE", "SSUBSCRIBE k", "EXEC", "GET k"],
        &["MULTI", "SET k 7", "WAIT 0 1", "EXEC", "MULTI", "CLIENT KILL ID 77777777", "EXEC"],
        &["MULTI", "AUTH nonsense", "ECHO x", "CLIENT SETNAME mine", "NOSUCH", "EXEC", "CLIENT GETNAME"],
    ] {
        rig.client().call("DEL k");
        let through = said(rig.client(), lines).replace("mode\r\n$10\r\nstandalone", "mode\r\n$7\r\ncluster");
        rig.client().call("DEL k");
        same_text(&through, &said(owner(), lines), lines);
    }
}

/// What is read within the block may be cached before the node tracks, so the client is told to forget it behind the reply.
#[test]
fn who_begins_to_track_within_a_transaction_forgets_what_it_has_read_there() {
    const ALL: &str = ">2\r\n$10\r\ninvalidate\r\n_\r\n";
    let rig = Rig::start();
    let (mut client, mut direct, mut other) = (rig.client(), rig.direct(), rig.direct());
    other.call("SET k 1");
    let lines = [
        "MULTI",
        "CLIENT TRACKING ON OPTIN",
        "CLIENT TRACKINGINFO",
        "CLIENT CACHING YES",
        "CLIENT CACHING NO",
        "GET k",
        "CLIENT GETREDIR",
        "CLIENT TRACKING x",
        "EXEC",
    ];
    for conn in [&mut client, &mut direct] {
        conn.call("HELLO 3");
    }
    for line in lines {
        assert_eq!(client.call(line), direct.call(line), "{line}");
    }
    assert_eq!(client.reply(), ALL);
    for line in ["CLIENT TRACKING OFF", "MULTI", "SELECT 0", "CLIENT TRACKING ON", "GET k"] {
        assert_eq!(client.call(line), direct.call(line), "{line}");
    }
    assert_eq!(client.call("EXEC"), direct.call("EXEC"));
    assert_eq!(client.reply(), ALL);
    assert_eq!(client.call("GET k"), bulk("1"));
    other.call("SET k 2");
    assert_eq!(client.reply(), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
    for line in ["MULTI", "SELECT 3", "CLIENT CACHING YES", "GET k"] {
        client.call(line);
    }
    assert!(client.call("EXEC").starts_with("*3\r\n+OK\r\n-ERR CLIENT CACHING YES is only valid"));
    assert_eq!(client.reply(), ALL);
}

#[test]
fn what_is_read_within_a_transaction_of_a_client_that_tracks_is_tracked() {
    let rig = Rig::start();
    let (mut client, mut other) = (rig.client(), rig.client());
    for line in ["HELLO 3", "CLIENT TRACKING ON OPTIN", "MULTI", "CLIENT CACHING YES", "CLIENT ID", "GET k"] {
        client.call(line);
    }
    assert!(client.call("EXEC").ends_with("_\r\n"));
    other.call("SET k 1");
    assert_eq!(client.reply(), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
    assert_eq!(client.call("GET j"), "_\r\n");
    other.call("SET j 1");
    assert_eq!(client.call("CLIENT GETREDIR"), ":0\r\n", "the word was for the transaction alone");
}

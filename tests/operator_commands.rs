//! Commands about nodes: a node of kind `fixed` gets them as if there were no proxy, once and never again; before several nodes those
//! that are true for all of them are answered, and the others refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use common::cluster::ClusterRig;
use common::conn::Conn;
use common::{LIMIT, Rig, runtime, until};
use std::path::Path;
use tideover_testbed::cluster::ClusterOptions;
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;

const PERMITS: &[&str] = &["enable-debug-command yes", "enable-module-command yes"];
const ALLOW: &[&str] = &["clients.debug=allow", "runtime.workers=2"];

/// Returns everything that is answered to these inline commands and a QUIT behind them.
fn all(mut conn: Conn, lines: &str) -> String {
    let lines: String = lines.split(" ; ").chain(["QUIT"]).map(|line| format!("{line}\r\n")).collect();
    conn.write(lines.as_bytes());
    conn.rest().escape_ascii().to_string()
}

/// Each is sent between a write and a read, in both versions of the protocol.
const LINES: &[&str] = &[
    "SAVE",
    "SAVE x",
    "BGSAVE NOSUCH",
    "MODULE LIST",
    "MODULE HELP",
    "MODULE NOSUCH",
    "MODULE LOAD /nosuch.so",
    "MODULE LOADEX /nosuch.so",
    "MODULE UNLOAD nosuch",
    "MEMORY DOCTOR",
    "DEBUG",
    "DEBUG HELP",
    "DEBUG NOSUCH",
    "DEBUG ERROR \"LOADING it is played\"",
    "DEBUG ERROR \"READONLY it is played\"",
    "DEBUG ERROR \"MASTERDOWN it is played\"",
    "DEBUG ERROR \"MOVED 1 127.0.0.1:1\"",
    "DEBUG ERROR \"ERR max number of clients reached\"",
    "DEBUG SLEEP 0",
    "DEBUG SLEEP 0.3",
    "DEBUG DIGEST",
    "DEBUG DIGEST-VALUE k",
    "DEBUG RELOAD",
    "DEBUG RELOAD NOSAVE",
    "DEBUG SET-ACTIVE-EXPIRE 1",
    "DEBUG QUICKLIST-PACKED-THRESHOLD 100b",
    "DEBUG CHANGE-REPL-ID",
    "DEBUG PROTOCOL map",
    "DEBUG POPULATE 3",
    "FAILOVER",
    "FAILOVER ABORT",
    "REPLICAOF NO ONE",
    "REPLICAOF x y",
    "REPLICAOF x",
    "SLAVEOF NO ONE",
    "SHUTDOWN ABORT",
    "SHUTDOWN NOSUCH",
    "CLUSTER RESET",
    "CLUSTER MEET 127.0.0.1 1",
    "CLUSTER NODES",
    "READONLY",
    "READWRITE",
    "ASKING",
    "ROLE",
    "CONFIG REWRITE",
    "PFSELFTEST",
    "MULTI ; SAVE ; SHUTDOWN ; PING ; EXEC",
    "MULTI ; MODULE LIST ; DEBUG SLEEP 0 ; REPLICAOF NO ONE ; INCR n ; EXEC",
    "MULTI ; DEBUG ERROR \"LOADING it is played\" ; INCR n ; EXEC",
    "MULTI ; READONLY ; READWRITE ; ASKING ; CLUSTER RESET ; INCR n ; EXEC",
    "WATCH k ; DEBUG SLEEP 0 ; MULTI ; INCR n ; EXEC",
    "CLIENT REPLY OFF ; SAVE ; CLIENT REPLY ON",
];

#[test]
fn one_node_answers_as_if_there_were_no_proxy() {
    let (bare, through) = (Rig::with(PERMITS, &[]), Rig::with(PERMITS, ALLOW));
    let mut faults = Vec::new();
    for line in LINES {
        for version in ["", "HELLO 3 ; "] {
            let hello = |mut conn: Conn| {
                if !version.is_empty() {
                    conn.call("HELLO 3");
                }
                conn
            };
            let whole = format!("SET k v ; {line} ; GET k");
            let answers = [all(hello(bare.direct()), &whole), all(hello(through.client()), &whole)];
            if answers[0] != answers[1] {
                faults.push(format!("{version}{line}\n  bare    {}\n  through {}", answers[0], answers[1]));
            }
        }
    }
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

/// The value of a field of INFO.
fn field(conn: &mut Conn, section: &str, name: &str) -> String {
    let info = conn.call(&format!("INFO {section}"));
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim().to_owned()
}

#[test]
fn one_node_saves_in_the_background() {
    let rig = Rig::set(&["runtime.workers=1"]);
    let (mut client, mut direct) = (rig.client(), rig.direct());
    client.call("SET k v");
    for (line, reply, state) in [
        ("BGSAVE", "+Background saving started\r\n", "rdb_bgsave_in_progress"),
        ("BGREWRITEAOF", "+Background append only file rewriting started\r\n", "aof_rewrite_in_progress"),
    ] {
        assert_eq!(client.call(line), reply);
        until("it is done", || field(&mut direct, "persistence", state) == "0");
    }
    assert_eq!(field(&mut direct, "persistence", "rdb_changes_since_last_save"), "0");
}

/// The run id of the process that answers, and how often it ran this command.
fn calls(conn: &mut Conn, command: &str) -> (String, String) {
    (field(conn, "server", "run_id"), field(conn, "commandstats", &format!("cmdstat_{command}")))
}

#[test]
fn shutdown_ends_the_node_that_is_there_and_no_later_one() {
    let mut rig = Rig::set(&["runtime.workers=2", "failover.hold=60s"]);
    let mut clients: Vec<Conn> = (0..6).map(|_| rig.client()).collect();
    for client in &mut clients {
        client.call("SET n 1");
    }
    let mut other = rig.client();
    other.call("GET n");
    // Nothing that stands behind it is answered, nor sent to the next node.
    clients[0].write(b"SHUTDOWN NOSAVE\r\nSHUTDOWN NOSAVE\r\nINCR n\r\n");
    assert_eq!(String::from_utf8(clients[0].rest()).unwrap(), "");
    until("the node has ended", || !rig.server.process().is_running());
    rig.restart_server();
    // All at once: the node has some of them, and the others did not run.
    for client in &mut clients[1..] {
        client.write(b"SHUTDOWN NOSAVE\r\nSHUTDOWN NOSAVE\r\n");
    }
    for client in &mut clients[1..] {
        for heard in (0..2).map_while(|_| client.try_frame().ok()) {
            let heard = String::from_utf8(heard).unwrap();
            assert!(heard.contains(" tideover: ") && heard.ends_with("; not executed\r\n"), "{heard}");
        }
    }
    until("the node has ended", || !rig.server.process().is_running());
    // It is not for the node that comes.
    let refused = other.call("SHUTDOWN NOSAVE");
    assert!(refused.starts_with("-LOADING tideover: ") && refused.contains("; not executed"), "{refused}");
    other.send("SET m 1");
    rig.restart_server();
    assert_eq!(other.reply(), "+OK\r\n", "what is no such command waits for the next node");
    let mut direct = rig.direct();
    let (process, none) = calls(&mut direct, "shutdown");
    for number in 1..=20 {
        assert_eq!(rig.client().call("INCR n"), format!(":{number}\r\n"));
    }
    assert_eq!(calls(&mut direct, "shutdown"), (process, none.clone()));
    assert_eq!(none, "");
}

#[test]
fn what_a_killed_node_was_doing_is_done_by_no_later_one() {
    for line in ["DEBUG SLEEP 100", "DEBUG SEGFAULT"] {
        let mut rig = Rig::with(PERMITS, ALLOW);
        let mut client = rig.client();
        assert_eq!(client.call("SET k v"), "+OK\r\n");
        client.send(line);
        until("the node has it", || is_busy_or_gone(&rig));
        rig.restart_server();
        client.expect_close();
        assert_eq!(rig.client().call("GET k"), "$-1\r\n");
        assert_eq!(field(&mut rig.direct(), "commandstats", "cmdstat_debug"), "", "{line}");
    }
}

/// Returns true if the node does not answer: it is at work, or has ended.
fn is_busy_or_gone(rig: &Rig) -> bool {
    let Ok(stream) = std::net::TcpStream::connect(rig.server.address()) else { return true };
    let mut conn = Conn::accepted(stream);
    conn.patience(std::time::Duration::from_millis(100));
    conn.try_write(b"PING\r\n").is_err() || conn.try_frame().is_err()
}

/// A command that takes longer than any time-out for commands is waited for.
#[test]
fn a_command_about_the_node_may_take_long() {
    let rig = Rig::with(
        PERMITS,
        &["clients.debug=allow", "failover.command_timeout=500ms", "failover.node_timeout=300ms"],
    );
    assert_eq!(rig.client().call("DEBUG SLEEP 1.5"), "+OK\r\n");
}

#[test]
fn debug_that_may_harm_is_refused_unless_it_is_allowed() {
    let rig = Rig::with(PERMITS, &["runtime.workers=1"]);
    let mut client = rig.client();
    client.call("SET k v");
    for line in ["DEBUG SLEEP 0", "DEBUG SEGFAULT", "DEBUG RELOAD NOSAVE", "debug oom", "DEBUG NOSUCH"] {
        let reply = client.call(line);
        assert!(
            reply.starts_with("-ERR tideover: DEBUG is not available here: it may end,"),
            "{line}: {reply}"
        );
    }
    for (line, reply) in
        [("DEBUG ERROR \"X y\"", "-X y\r\n"), ("DEBUG OBJECT k", "+Value at:"), ("DEBUG RELOAD", "+OK\r\n")]
    {
        client.write(format!("{line}\r\n").as_bytes());
        let found = client.reply();
        assert!(found.starts_with(reply), "{line}: {found}");
    }
    let allowed = Rig::with(PERMITS, ALLOW);
    let reply = allowed.client().call("DEBUG MARK-INTERNAL-CLIENT");
    assert!(reply.contains("it would act on the proxy's own connections"), "{reply}");
}

#[test]
fn the_node_decides_who_may() {
    let users = ["user weak on >secret ~* &* +@all -@admin -@dangerous"];
    let lines = [PERMITS, &users].concat();
    let (bare, through) = (Rig::with(&lines, &[]), Rig::with(&lines, ALLOW));
    for line in [
        "SAVE",
        "BGSAVE",
        "BGREWRITEAOF",
        "MODULE LIST",
        "DEBUG SLEEP 0",
        "REPLICAOF NO ONE",
        "SHUTDOWN NOSAVE",
        "FAILOVER",
        "CLUSTER RESET",
        "ROLE",
        "MULTI ; REPLICAOF NO ONE ; EXEC",
    ] {
        let whole = format!("AUTH weak secret ; {line} ; GET k");
        let (bare, through) = (all(bare.direct(), &whole), all(through.client(), &whole));
        match line.starts_with("MULTI") {
            true => assert!(through.contains("because of: NOPERM"), "{through}"),
            false => assert_eq!(bare, through, "{line}"),
        }
        assert!(bare.contains("NOPERM"), "{line}: {bare}");
    }
}

#[test]
fn a_node_that_a_client_makes_a_replica_answers_as_one() {
    let mut rig = Rig::set(&["runtime.workers=2"]);
    let master = Rig::start();
    let mut clients: Vec<Conn> = (0..6).map(|_| rig.client()).collect();
    master.direct().call("SET of-master 1");
    for client in &mut clients {
        assert_eq!(client.call("SET a 1"), "+OK\r\n");
    }
    let port = master.server.address().port();
    assert_eq!(clients[0].call(&format!("REPLICAOF 127.0.0.1 {port}")), "+OK\r\n");
    for client in &mut clients {
        let reply = client.call("SET a 2");
        assert!(reply.starts_with("-READONLY "), "{reply}");
        client.call("MULTI");
        client.call("SET a 3");
        let reply = client.call("EXEC");
        assert!(reply.starts_with("-EXECABORT ") && reply.contains("READONLY"), "{reply}");
    }
    until("it has the master's data", || clients[1].call("GET of-master") == "$1\r\n1\r\n");
    assert!(clients[2].call("ROLE").starts_with("*5\r\n$5\r\nslave\r\n"));
    assert_eq!(clients[3].call("REPLICAOF NO ONE"), "+OK\r\n");
    for client in &mut clients {
        assert_eq!(client.call("SET a 4"), "+OK\r\n");
    }
    clients[4].call(&format!("REPLICAOF 127.0.0.1 {port}"));
    // The next process is a master.
    rig.restart_server();
    for client in &mut clients {
        assert_eq!(client.call("SET a 5"), "+OK\r\n");
    }
}

#[test]
fn readonly_lets_a_replica_of_a_cluster_serve_the_reads_of_its_client_alone() {
    let rig = ClusterRig::with(ClusterOptions { replicas: 1, ..ClusterOptions::default() }, &[]);
    let mut whole = rig.client();
    whole.call("SET k v");
    assert_eq!(whole.call("WAIT 1 20000"), ":1\r\n");
    let replica = rig.cluster.nodes().into_iter().find(|node| {
        let mut direct = Conn::open(*node);
        direct.call("READONLY");
        direct.call("ROLE").contains("slave") && direct.call("GET k") == "$1\r\nv\r\n"
    });
    let runtime = runtime();
    let proxy = common::proxy(&runtime, replica.unwrap(), &["runtime.workers=1"]);
    let (mut client, mut other) = (Conn::open(proxy.address()), Conn::open(proxy.address()));
    for _ in 0..3 {
        for (line, expected) in [
            ("GET k", "-MOVED "),
            ("READONLY", "+OK\r\n"),
            ("GET k", "$1\r\nv\r\n"),
            ("WATCH k", "+OK\r\n"),
            ("GET k", "$1\r\nv\r\n"),
            ("UNWATCH", "+OK\r\n"),
            ("READWRITE", "+OK\r\n"),
            ("GET k", "-MOVED "),
            ("READONLY", "+OK\r\n"),
            ("RESET", "+RESET\r\n"),
            ("GET k", "-MOVED "),
            ("ASKING", "+OK\r\n"),
        ] {
            let reply = client.call(line);
            assert!(reply.starts_with(expected), "{line}: {reply}");
            let reply = other.call("GET k");
            assert!(reply.starts_with("-MOVED"), "another client behind {line}: {reply}");
        }
        client.write(b"READONLY\r\nGET k\r\nREADWRITE\r\nGET k\r\n");
        let replies: String = (0..4).map(|_| client.reply()).collect();
        assert!(replies.starts_with("+OK\r\n$1\r\nv\r\n+OK\r\n-MOVED"), "{replies}");
    }
}

/// What would change one of several nodes.
const ABOUT_ONE: &[&str] = &[
    "SHUTDOWN NOSAVE",
    "REPLICAOF NO ONE",
    "SLAVEOF NO ONE",
    "FAILOVER",
    "MODULE LOAD x",
    "MODULE UNLOAD x",
    "DEBUG SLEEP 0",
    "DEBUG OBJECT k",
    "PFSELFTEST",
];

/// Checks what a proxy before several nodes answers: `Ok`s of all, and errors for what is about one.
fn check_several(client: &mut Conn) {
    client.call("SET k v");
    assert_eq!(client.call("SAVE"), "+OK\r\n");
    assert_eq!(client.call("BGSAVE"), "+Background saving started\r\n");
    assert_eq!(client.call("MODULE LIST"), "*0\r\n");
    assert!(client.call("MEMORY DOCTOR").starts_with('$'));
    for line in ABOUT_ONE {
        let reply = client.call(line);
        assert!(reply.contains(" is not available here: it"), "{line}: {reply}");
    }
    client.write(
        b"INCR n\r\nDEBUG ERROR \"LOADING it is played\"\r\nDEBUG ERROR \"MOVED 1 a:1\"\r\nSET k w\r\n",
    );
    let replies: String = (0..4).map(|_| client.reply()).collect();
    assert!(replies.ends_with("\r\n-LOADING it is played\r\n-MOVED 1 a:1\r\n+OK\r\n"), "{replies}");
}

#[test]
fn before_a_cluster_all_masters_save() {
    let node_config = PERMITS.iter().map(|line| (*line).to_owned()).collect();
    let rig = ClusterRig::with(ClusterOptions { replicas: 0, node_config, ..ClusterOptions::default() }, &[]);
    let mut client = rig.client();
    check_several(&mut client);
    let count = |command: &str| {
        let calls = |mut master: Conn| field(&mut master, "commandstats", &format!("cmdstat_{command}"));
        rig.masters().into_iter().map(calls).filter(|stats| stats.starts_with("calls=1,")).count()
    };
    assert_eq!((count("save"), count("bgsave")), (3, 3));
    let idle = || {
        let is_idle = |mut master: Conn| {
            field(&mut master, "persistence", "rdb_bgsave_in_progress") == "0"
                && field(&mut master, "persistence", "aof_rewrite_in_progress") == "0"
        };
        rig.masters().into_iter().all(is_idle)
    };
    until("all have saved", idle);
    client.call("MULTI");
    assert_eq!(client.call("BGREWRITEAOF"), "+QUEUED\r\n");
    assert_eq!(client.call("SAVE"), "-ERR Command not allowed inside a transaction\r\n");
    assert!(client.call("EXEC").starts_with("-EXECABORT"));
    client.call("MULTI");
    client.call("BGREWRITEAOF");
    // A node that has just saved may put it off until it has seen the end of that.
    assert!(client.call("EXEC").starts_with("*1\r\n+Background append only file rewriting "));
    assert_eq!(count("bgrewriteaof"), 3);
    until("all have rewritten", idle);
    // One of them cannot: its error is the answer.
    let mut master = rig.masters().remove(1);
    for number in 0..50 {
        client.call(&format!("SET k{number} v"));
    }
    assert_eq!(master.call("CONFIG SET rdb-key-save-delay 10000000"), "+OK\r\n");
    assert_eq!(master.call("BGSAVE"), "+Background saving started\r\n");
    assert_eq!(client.call("SAVE"), "-ERR Background save already in progress\r\n");
    assert_eq!(client.call("BGSAVE"), "-ERR Background save already in progress\r\n");
}

#[test]
fn behind_sentinels_the_master_saves() {
    let runtime = runtime();
    let node_config = PERMITS.iter().map(|line| (*line).to_owned()).collect();
    let options = SentinelOptions { replicas: 1, node_config, ..SentinelOptions::default() };
    let deployment = runtime.block_on(SentinelDeployment::start(options)).unwrap();
    runtime.block_on(deployment.wait_until_healthy(LIMIT)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
    let proxy = runtime.block_on(ProxyProcess::start(program, &deployment.url(), &[])).unwrap();
    check_several(&mut Conn::open(proxy.address()));
}

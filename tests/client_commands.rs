//! CLIENT LIST, KILL, UNBLOCK and PAUSE reach every client of the proxy, whichever worker has it, and answer as a server does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use common::conn::Conn;
use common::{Rig, until};

/// Clients on several workers.
fn crowd() -> (Rig, Vec<Conn>) {
    let rig = Rig::set(&["runtime.workers=4"]);
    let clients = (0..12).map(|_| rig.client()).collect();
    (rig, clients)
}

/// The lines of CLIENT LIST, each as its fields.
fn list(client: &mut Conn, filters: &str) -> Vec<BTreeMap<String, String>> {
    let text = client.call(format!("CLIENT LIST {filters}").trim_end());
    let fields = |line: &str| {
        let pairs = line.split(' ').filter_map(|field| field.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    text.lines().filter(|line| line.starts_with("id=")).map(fields).collect()
}

fn id(client: &mut Conn) -> u64 {
    client.call("CLIENT ID").trim_start_matches(':').trim().parse().unwrap()
}

#[test]
fn a_list_has_every_client_of_every_worker_once() {
    let (_rig, mut clients) = crowd();
    let ids: Vec<u64> = clients.iter_mut().map(id).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.call(&format!("CLIENT SETNAME worker-{at}")), "+OK\r\n");
    }
    for client in &mut clients {
        let listed: Vec<u64> = list(client, "").iter().map(|fields| fields["id"].parse().unwrap()).collect();
        assert_eq!(listed, ids);
    }
    let found = list(&mut clients[0], "NAME worker-7");
    assert_eq!((found.len(), found[0]["id"].parse::<u64>().unwrap()), (1, ids[7]));
    assert_eq!(found[0]["cmd"], "client|list");
    assert_eq!(list(&mut clients[0], &format!("ID {} {} 99999", ids[3], ids[9])).len(), 2);
    assert_eq!(list(&mut clients[0], "SKIPME yes").len(), 11);
}

#[test]
fn the_fields_of_a_server_are_all_there_and_true() {
    let (rig, mut clients) = crowd();
    let mut direct = rig.direct();
    let of_server = list(&mut direct, "").remove(0);
    let client = &mut clients[0];
    client.call("SELECT 3");
    client.call("WATCH a b");
    client.call("MULTI");
    client.call("SET a 1");
    let own = id(&mut clients[1]);
    assert_ne!(own, 0);
    let fields = list(&mut clients[1], "DB 3").remove(0);
    for name in of_server.keys() {
        assert!(fields.contains_key(name), "{name} is missing");
    }
    for (name, value) in [
        ("db", "3"),
        ("multi", "1"),
        ("watch", "2"),
        ("flags", "x"),
        ("user", "default"),
        ("resp", "2"),
        ("cmd", "set"),
    ] {
        assert_eq!(fields[name], value, "{name}");
    }
    assert!(fields["laddr"] == rig.proxy.address().to_string() && fields["addr"].starts_with("127.0.0.1:"));
}

#[test]
fn who_is_killed_is_closed_on_whichever_worker_it_is() {
    let (_rig, mut clients) = crowd();
    let ids: Vec<u64> = clients.iter_mut().map(id).collect();
    let addr = list(&mut clients[0], &format!("ID {}", ids[5])).remove(0)["addr"].clone();
    assert_eq!(clients[0].call(&format!("CLIENT KILL {addr}")), "+OK\r\n");
    assert!(clients[5].rest().is_empty());
    assert_eq!(clients[0].call(&format!("CLIENT KILL {addr}")), "-ERR No such client\r\n");
    assert_eq!(clients[0].call(&format!("CLIENT KILL ID {}", ids[6])), ":1\r\n");
    assert!(clients[6].rest().is_empty());
    assert_eq!(clients[0].call("CLIENT KILL TYPE normal"), ":9\r\n");
    for at in [1, 2, 3, 4, 7, 8, 9, 10, 11] {
        assert!(clients[at].rest().is_empty(), "{at}");
    }
    clients[0].write(b"CLIENT KILL TYPE normal SKIPME no\r\nPING\r\n");
    assert_eq!(String::from_utf8(clients[0].rest()).unwrap(), ":1\r\n", "it hears it, and no more");
}

#[test]
fn a_blocked_client_is_let_go_on_whichever_worker_it_is() {
    let (_rig, mut clients) = crowd();
    let ids: Vec<u64> = clients.iter_mut().map(id).collect();
    for client in &mut clients[1..] {
        client.send("BLPOP none 0");
    }
    let (first, blocked) = clients.split_at_mut(1);
    let asker = &mut first[0];
    until("all of them are blocked", || list(asker, "FLAGS b").len() == 11);
    for (at, client) in blocked.iter_mut().enumerate() {
        let (order, expected) = match at % 2 {
            0 => ("", "*-1\r\n"),
            _ => (" ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"),
        };
        assert_eq!(asker.call(&format!("CLIENT UNBLOCK {}{order}", ids[at + 1])), ":1\r\n");
        assert_eq!(client.reply(), expected);
    }
    assert_eq!(asker.call(&format!("CLIENT UNBLOCK {}", ids[1])), ":0\r\n");
}

#[test]
fn a_pause_holds_the_commands_of_every_worker() {
    let (rig, mut clients) = crowd();
    let began = Instant::now();
    assert_eq!(clients[0].call("CLIENT PAUSE 400"), "+OK\r\n");
    for client in &mut clients {
        client.send("PING");
    }
    for client in &mut clients {
        assert_eq!(client.reply(), "+PONG\r\n");
    }
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert_eq!(clients[0].call("CLIENT PAUSE 100000 WRITE"), "+OK\r\n");
    for client in &mut clients {
        assert_eq!(client.call("GET key"), "$-1\r\n");
        client.send("INCR count");
        client.patience(Duration::from_millis(20));
    }
    for client in &mut clients {
        assert!(is_silent(client));
    }
    let mut other = rig.client();
    assert_eq!(other.call("CLIENT UNPAUSE"), "+OK\r\n");
    let mut counts: Vec<u32> = Vec::new();
    for client in &mut clients {
        client.patience(common::LIMIT);
        counts.push(client.reply().trim_start_matches(':').trim().parse().unwrap());
    }
    counts.sort_unstable();
    assert_eq!(counts, (1..=12).collect::<Vec<_>>());
    assert_eq!(other.call("GET count"), common::conn::bulk("12"));
}

fn is_silent(client: &mut Conn) -> bool {
    client.try_frame().is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn faults_are_answered_in_a_servers_words() {
    let rig = Rig::start();
    let (mut client, mut direct) = (rig.client(), rig.direct());
    for line in [
        "CLIENT",
        "CLIENT NOSUCH",
        "CLIENT LIST TYPE x",
        "CLIENT LIST ID x",
        "CLIENT LIST ID",
        "CLIENT LIST foo",
        "CLIENT LIST TYPE",
        "CLIENT KILL",
        "CLIENT KILL 1.2.3.4:5",
        "CLIENT KILL ID 0",
        "CLIENT KILL ID x",
        "CLIENT KILL ID 99999",
        "CLIENT KILL TYPE x",
        "CLIENT KILL addr",
        "CLIENT KILL SKIPME maybe",
        "CLIENT KILL foo bar",
        "CLIENT UNBLOCK x",
        "CLIENT UNBLOCK 99999",
        "CLIENT UNBLOCK 99999 foo",
        "CLIENT UNBLOCK",
        "CLIENT PAUSE",
        "CLIENT PAUSE x",
        "CLIENT PAUSE -1",
        "CLIENT PAUSE 1 foo",
        "CLIENT PAUSE 1 write extra",
        "CLIENT UNPAUSE x",
        "CLIENT UNPAUSE",
        "CLIENT NO-EVICT x",
        "CLIENT NO-EVICT ON",
        "CLIENT GETREDIR",
        "CLIENT TRACKINGINFO",
        "CLIENT CACHING yes",
        "CLIENT MAINT_NOTIFICATIONS ON",
    ] {
        assert_eq!(client.call(line), direct.call(line), "{line}");
    }
}

#[test]
fn a_monitor_sees_the_commands_of_every_worker() {
    let (rig, mut clients) = crowd();
    let mut monitor = rig.client();
    assert_eq!(monitor.call("MONITOR"), "+OK\r\n");
    for (at, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.call(&format!("SET key-{at} \"a\"")), "+OK\r\n");
    }
    let mut seen: Vec<String> = (0..clients.len()).map(|_| monitor.reply()).collect();
    seen.sort_by_key(|line| line.split('"').nth(3).map(str::to_owned));
    let mut keys: Vec<String> = (0..clients.len()).map(|at| format!("key-{at}")).collect();
    keys.sort();
    for (line, key) in seen.iter().zip(keys) {
        assert!(line.contains(&format!("] \"SET\" \"{key}\" ")), "{line}");
    }
    let mut direct = rig.direct();
    assert_eq!(direct.call("MONITOR"), "+OK\r\n");
    let words = |line: &str| line.split_once("] ").unwrap().1.to_owned();
    for (line, name) in [
        ("SET \x01 é", "SET"),
        ("EVAL \"return 1\" 0 x", "EVAL"),
        ("EVALSHA_RO 0123456789012345678901234567890123456789 0", "EVALSHA_RO"),
        ("FCALL none 0", "FCALL"),
    ] {
        clients[0].call(line);
        let theirs = loop {
            let line = direct.reply();
            if line.contains(&format!("] \"{name}\"")) {
                break line;
            }
        };
        assert_eq!(words(&monitor.reply()), words(&theirs));
    }
    assert_eq!(monitor.call("RESET"), "+RESET\r\n");
    clients[1].call("PING");
    assert_eq!(monitor.call("PING"), "+PONG\r\n", "and no line");
}

#[test]
fn a_user_without_the_right_is_refused_and_one_with_it_is_served() {
    let rig = Rig::set(&["runtime.workers=4"]);
    let mut admin = rig.client();
    for (user, rights) in [("app", "-@admin -@dangerous"), ("chief", "")] {
        let user = format!("ACL SETUSER {user} on >secret ~* &* +@all {rights}");
        assert_eq!(admin.call(user.trim_end()), "+OK\r\n");
    }
    let mut app = rig.client();
    assert_eq!(app.call("AUTH app secret"), "+OK\r\n");
    let own = id(&mut admin);
    for order in [
        "CLIENT LIST".to_owned(),
        format!("CLIENT KILL ID {own}"),
        format!("CLIENT UNBLOCK {own}"),
        "CLIENT PAUSE 100000".to_owned(),
        "CLIENT UNPAUSE".to_owned(),
        "MONITOR".to_owned(),
    ] {
        let refusal = app.call(&order);
        assert!(refusal.starts_with("-NOPERM "), "{order}: {refusal}");
        assert_eq!(app.call("PING"), "+PONG\r\n", "{order}");
        assert_eq!(admin.call("PING"), "+PONG\r\n", "{order}");
    }
    assert_eq!(app.call("AUTH chief secret"), "+OK\r\n");
    assert_eq!(list(&mut app, "USER chief").len(), 1);
    assert_eq!(app.call("MONITOR"), "+OK\r\n");
    assert_eq!(admin.call(&format!("CLIENT KILL ID {own} SKIPME no")), ":1\r\n");
}

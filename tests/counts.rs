//! Tests the numbers of subscribers through the proxy: they count clients, even if these share connections.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::path::Path;

use common::cluster::ClusterRig;
use common::conn::{Conn, bulk};
use common::{Rig, proxy, runtime, until};
use tideover_testbed::front::ProxyProcess;

fn numbers(pairs: &[(&str, usize)]) -> String {
    let body: String = pairs.iter().map(|(name, count)| format!("{}:{count}\r\n", bulk(name))).collect();
    format!("*{}\r\n{body}", 2 * pairs.len())
}

fn names(names: &[&str]) -> String {
    let body: String = names.iter().map(|name| bulk(name)).collect();
    format!("*{}\r\n{body}", names.len())
}

/// Connects so many clients that subscribe with this command, in both versions of the protocol.
fn subscribers(proxies: &[&ProxyProcess], count: usize, line: &str) -> Vec<Conn> {
    let one = |n: usize| {
        let mut client = Conn::open(proxies[n % proxies.len()].address());
        client.call(if speaks_version_2(n) { "HELLO 2" } else { "HELLO 3" });
        assert!(client.call(line).contains("subscribe"), "{line}");
        client
    };
    (0..count).map(one).collect()
}

fn speaks_version_2(n: usize) -> bool {
    (n / 2).is_multiple_of(2)
}

/// Asks until this is the answer: the changes of other clients show after an instant.
fn soon(client: &mut Conn, line: &str, expected: &str) {
    let mut last = String::new();
    let deadline = std::time::Instant::now() + common::LIMIT;
    while last != expected {
        assert!(std::time::Instant::now() < deadline, "{line}: {last} is not {expected}");
        last = client.call(line);
    }
}

#[test]
fn a_hundred_subscribers_are_a_hundred() {
    let rig = Rig::start();
    let (mut client, mut direct) = (rig.client(), rig.direct());
    let proxies = [&rig.proxy];
    let mut listening = subscribers(&proxies, 100, "SUBSCRIBE news");
    let matching = subscribers(&proxies, 7, "PSUBSCRIBE new*");
    let _others = subscribers(&proxies, 3, "PSUBSCRIBE NEW*");
    let _sharded = subscribers(&proxies, 5, "SSUBSCRIBE news");
    direct.call("SUBSCRIBE news");
    for (line, expected) in [
        ("PUBLISH news m", ":108\r\n".to_owned()),
        ("PUBLISH newer m", ":7\r\n".to_owned()),
        ("PUBLISH none m", ":0\r\n".to_owned()),
        ("SPUBLISH news m", ":5\r\n".to_owned()),
        ("PUBSUB NUMSUB", numbers(&[])),
        ("PUBSUB NUMSUB news", numbers(&[("news", 101)])),
        ("PUBSUB NUMSUB none news none", numbers(&[("none", 0), ("news", 101), ("none", 0)])),
        ("PUBSUB SHARDNUMSUB news", numbers(&[("news", 5)])),
        ("PUBSUB CHANNELS", names(&["news"])),
        ("PUBSUB CHANNELS n*", names(&["news"])),
        ("PUBSUB SHARDCHANNELS", names(&["news"])),
        ("PUBSUB NUMPAT", ":2\r\n".to_owned()),
    ] {
        soon(&mut client, line, &expected);
    }
    let channels: Vec<String> = (0..1000).map(|n| format!("none-{n}")).collect();
    let asked: Vec<&str> = channels.iter().map(String::as_str).chain(["news"]).collect();
    let expected: Vec<(&str, usize)> =
        asked.iter().map(|name| (*name, if *name == "news" { 101 } else { 0 })).collect();
    soon(&mut client, &format!("PUBSUB NUMSUB {}", asked.join(" ")), &numbers(&expected));
    let large = "m".repeat(1 << 20);
    assert_eq!(client.call_args(&["PUBLISH", "news", &large]), b":108\r\n");
    for _ in 0..60 {
        let mut gone = listening.pop().unwrap();
        gone.call("UNSUBSCRIBE news");
    }
    drop(matching);
    soon(&mut client, "PUBSUB NUMSUB news", &numbers(&[("news", 41)]));
    soon(&mut client, "PUBLISH news m", ":41\r\n");
    soon(&mut client, "PUBSUB NUMPAT", ":1\r\n");
    drop(listening);
    soon(&mut client, "PUBSUB NUMSUB news", &numbers(&[("news", 1)]));
}

#[test]
fn numbers_are_true_within_transactions_and_behind_a_watch() {
    let rig = Rig::start();
    let mut client = rig.client();
    let _listening = subscribers(&[&rig.proxy], 20, "SUBSCRIBE c");
    soon(&mut client, "PUBSUB NUMSUB c", &numbers(&[("c", 20)]));
    for watch in [false, true] {
        if watch {
            assert_eq!(client.call("WATCH k"), "+OK\r\n");
            assert_eq!(client.call("PUBLISH c m"), ":20\r\n");
        }
        client.call("MULTI");
        for line in ["SET k v", "PUBLISH c m", "PUBSUB NUMSUB c", "PUBSUB CHANNELS", "LRANGE none 0 -1"] {
            assert_eq!(client.call(line), "+QUEUED\r\n");
        }
        let expected = ["*5\r\n+OK\r\n:20\r\n", &numbers(&[("c", 20)]), &names(&["c"]), "*0\r\n"].concat();
        assert_eq!(client.call("EXEC"), expected);
    }
}

#[test]
fn what_becomes_of_a_wrong_question_is_the_servers_to_say() {
    let rig = Rig::start();
    let (mut client, mut direct) = (rig.client(), rig.direct());
    for line in [
        "PUBSUB",
        "PUBSUB NOSUCH",
        "PUBLISH",
        "PUBLISH c",
        "PUBSUB NUMPAT x",
        "PUBSUB CHANNELS a b",
        "PUBSUB HELP",
    ] {
        assert_eq!(client.call(line), direct.call(line), "{line}");
    }
}

#[test]
fn the_clients_of_two_proxies_count_together() {
    let rig = Rig::start();
    let runtime = runtime();
    let mut other = proxy(&runtime, rig.server.address(), &[]);
    let (mut here, mut there) = (rig.client(), Conn::open(other.address()));
    let _both = subscribers(&[&rig.proxy, &other], 31, "SUBSCRIBE a b");
    let _sharded = subscribers(&[&rig.proxy, &other], 8, "SSUBSCRIBE s");
    for client in [&mut here, &mut there] {
        soon(client, "PUBSUB NUMSUB a b c", &numbers(&[("a", 31), ("b", 31), ("c", 0)]));
        soon(client, "PUBSUB SHARDNUMSUB s", &numbers(&[("s", 8)]));
        soon(client, "PUBSUB SHARDCHANNELS", &names(&["s"]));
    }
    // The subscriber ends without a word: with its proxy, its clients are gone.
    other.process().kill();
    soon(&mut here, "PUBSUB NUMSUB a", &numbers(&[("a", 16)]));
    soon(&mut here, "PUBLISH a m", ":16\r\n");
}

#[test]
fn numbers_are_true_again_after_a_restart_of_the_node() {
    let mut rig = Rig::start();
    let _listening = subscribers(&[&rig.proxy], 40, "SUBSCRIBE c");
    let mut client = rig.client();
    soon(&mut client, "PUBSUB NUMSUB c", &numbers(&[("c", 40)]));
    rig.restart_server();
    until("all are told again", || client.call("PUBSUB NUMSUB c") == numbers(&[("c", 40)]));
    soon(&mut client, "PUBLISH c m", ":40\r\n");
}

/// Every number is the node's own, in scripts as well, whichever proxy a client subscribes through.
#[test]
fn subscribers_that_share_nothing_are_counted_by_the_node_itself() {
    let alone = ["clients.share_subscriptions=false"];
    let rig = Rig::set(&alone);
    let runtime = runtime();
    let other = proxy(&runtime, rig.server.address(), &alone);
    let (mut client, mut direct) = (rig.client(), rig.direct());
    let mut listening = subscribers(&[&rig.proxy, &other], 30, "SUBSCRIBE c");
    assert_eq!(rig.server_clients("sub=1"), 30, "a connection for each");
    for asking in [&mut client, &mut direct] {
        for (line, expected) in [
            ("PUBLISH c m", ":30\r\n".to_owned()),
            ("PUBSUB NUMSUB c", numbers(&[("c", 30)])),
            ("PUBSUB CHANNELS", names(&["c"])),
            ("EVAL return{redis.call('PUBLISH','c','m')} 0", "*1\r\n:30\r\n".to_owned()),
        ] {
            assert_eq!(asking.call(line), expected, "{line}");
        }
    }
    for (n, client) in listening.iter_mut().enumerate() {
        let kind = if speaks_version_2(n) { '*' } else { '>' };
        let body = names(&["message", "c", "m"]);
        for _ in 0..4 {
            assert_eq!(client.reply(), format!("{kind}{}", &body[1..]));
        }
    }
    listening.truncate(10);
    until("connections go with their clients", || rig.server_clients("sub=1") == 10);
    listening[0].call("UNSUBSCRIBE");
    until("nine are left", || rig.server_clients("sub=1") == 9);
    drop(listening);
    until("none is left", || rig.server_clients("sub=1") + rig.server_clients("cmd=unsubscribe") == 0);
}

#[test]
fn a_user_who_may_not_have_marks_is_served_all_the_same() {
    let rig = Rig::with(&["user narrow on >p +@all ~* &c", "user wide on >p +@all ~* &c*"], &[]);
    let mut client = rig.client();
    let login = |user: &str| {
        let mut client = rig.client();
        assert_eq!(client.call(&format!("AUTH {user} p")), "+OK\r\n");
        assert!(client.call("SUBSCRIBE c").contains("subscribe"));
        client
    };
    let mut wide: Vec<Conn> = (0..9).map(|_| login("wide")).collect();
    soon(&mut client, "PUBSUB NUMSUB c", &numbers(&[("c", 9)]));
    let mut narrow: Vec<Conn> = (0..9).map(|_| login("narrow")).collect();
    assert_eq!(client.call("PUBLISH c m"), ":18\r\n");
    for client in wide.iter_mut().chain(&mut narrow) {
        let told = client.reply();
        assert_eq!(told, names(&["message", "c", "m"]));
        assert_eq!(client.call("PING"), names(&["pong", ""]));
    }
}

#[test]
fn numbers_are_of_all_clients_before_a_cluster() {
    for shares in [true, false] {
        let setting = format!("clients.share_subscriptions={shares}");
        let rig = ClusterRig::start(&[&setting]);
        let url = rig.cluster.url();
        let (runtime, program) = (runtime(), env!("CARGO_BIN_EXE_tideover"));
        let other = runtime
            .block_on(ProxyProcess::start(Path::new(program), &url, &["--set", setting.as_str()]))
            .unwrap();
        let (mut here, mut there) = (rig.client(), Conn::open(other.address()));
        let own = subscribers(&[&rig.proxy], 12, "SUBSCRIBE c");
        soon(&mut here, "PUBLISH c m", ":12\r\n");
        let _both = subscribers(&[&rig.proxy, &other], 9, "SUBSCRIBE c __keyevent@0__:set");
        let _sharded = subscribers(&[&rig.proxy, &other], 10, "SSUBSCRIBE foo");
        let _others = subscribers(&[&rig.proxy, &other], 6, "SSUBSCRIBE hello");
        let _patterns = subscribers(&[&rig.proxy], 4, "PSUBSCRIBE * c*");
        for client in [&mut here, &mut there] {
            soon(
                client,
                "PUBSUB NUMSUB c __keyevent@0__:set none",
                &numbers(&[("c", 21), ("__keyevent@0__:set", 9), ("none", 0)]),
            );
            soon(client, "PUBSUB SHARDNUMSUB foo hello", &numbers(&[("foo", 10), ("hello", 6)]));
        }
        soon(&mut here, "PUBSUB NUMPAT", ":2\r\n");
        drop(own);
        soon(&mut there, "PUBSUB NUMSUB c", &numbers(&[("c", 9)]));
    }
}

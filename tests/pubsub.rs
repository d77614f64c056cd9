//! Tests subscriptions through the proxy, in both versions of the protocol.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use common::conn::{Conn, bulk, pipeline};
use common::{Rig, until};

fn confirmation(kind: char, what: &str, name: &str, count: usize) -> String {
    format!("{kind}3\r\n{}{}:{count}\r\n", bulk(what), bulk(name))
}

fn message(kind: char, words: &[&str]) -> String {
    let body: String = words.iter().map(|word| bulk(word)).collect();
    format!("{kind}{}\r\n{body}", words.len())
}

fn subscriber(rig: &Rig, version: u8) -> Conn {
    let mut client = rig.client();
    client.call(&format!("HELLO {version}"));
    client
}

#[test]
fn messages_arrive_in_both_versions() {
    let rig = Rig::start();
    for (version, kind) in [(2, '*'), (3, '>')] {
        let mut client = subscriber(&rig, version);
        client.send("SUBSCRIBE a b");
        assert_eq!(client.reply(), confirmation(kind, "subscribe", "a", 1));
        assert_eq!(client.reply(), confirmation(kind, "subscribe", "b", 2));
        assert_eq!(client.call("PSUBSCRIBE p*"), confirmation(kind, "psubscribe", "p*", 3));
        assert_eq!(client.call("SSUBSCRIBE s"), confirmation(kind, "ssubscribe", "s", 1));
        let mut publisher = rig.client();
        for line in ["PUBLISH a 1", "PUBLISH px 2", "SPUBLISH s 3", "PUBLISH none 4", "PUBLISH b 5"] {
            publisher.call(line);
        }
        assert_eq!(client.reply(), message(kind, &["message", "a", "1"]));
        assert_eq!(client.reply(), message(kind, &["pmessage", "p*", "px", "2"]));
        assert_eq!(client.reply(), message(kind, &["smessage", "s", "3"]));
        assert_eq!(client.reply(), message(kind, &["message", "b", "5"]));
    }
}

#[test]
fn every_form_of_the_commands_answers_as_the_server_does() {
    let rig = Rig::start();
    // Each line with the number of its replies.
    let lines = [
        ("UNSUBSCRIBE", 1),
        ("UNSUBSCRIBE a b", 2),
        ("PUNSUBSCRIBE", 1),
        ("SUNSUBSCRIBE", 1),
        ("SUBSCRIBE a a b", 3),
        ("PSUBSCRIBE p* q*", 2),
        ("UNSUBSCRIBE a none", 2),
        ("PUNSUBSCRIBE", 2),
        ("SUBSCRIBE", 1),
        ("UNSUBSCRIBE", 1),
        ("PING", 1),
        ("SSUBSCRIBE s t", 2),
        ("SUNSUBSCRIBE s", 1),
        ("SUNSUBSCRIBE", 1),
        ("GET k", 1),
    ];
    for version in [2, 3] {
        let (mut proxied, mut direct) = (subscriber(&rig, version), rig.direct());
        direct.call(&format!("HELLO {version}"));
        for (line, replies) in lines {
            proxied.send(line);
            direct.send(line);
            let mut through: Vec<String> = (0..replies).map(|_| proxied.reply()).collect();
            let mut itself: Vec<String> = (0..replies).map(|_| direct.reply()).collect();
            // The server lists them in the order of its hash table.
            if line == "PUNSUBSCRIBE" && replies == 2 {
                let names = |replies: &mut Vec<String>| {
                    replies.iter_mut().for_each(|reply| *reply = reply.replace("p*", "x").replace("q*", "x"));
                };
                names(&mut through);
                names(&mut itself);
            }
            assert_eq!(through, itself, "{line} in version {version}");
        }
    }
}

#[test]
fn a_subscriber_of_version_2_may_only_change_its_subscriptions() {
    let rig = Rig::start();
    let (mut client, mut direct) = (rig.client(), rig.direct());
    for line in [
        "SUBSCRIBE a",
        "GET k",
        "SET k v",
        "MULTI",
        "SELECT 1",
        "BLPOP l 0",
        "PING",
        "PING x",
        "WATCH k",
        "GET",
        "ECHO x",
        "CLIENT ID",
        "UNSUBSCRIBE a",
        "GET k",
        "PING",
        "SUBSCRIBE b",
    ] {
        assert_eq!(client.call(line), direct.call(line), "{line}");
    }
    assert_eq!(client.call("RESET"), "+RESET\r\n");
    assert_eq!(client.call("GET k"), "$-1\r\n");
}

#[test]
fn a_subscriber_of_version_3_goes_on_with_commands() {
    let rig = Rig::start();
    let mut client = subscriber(&rig, 3);
    let mut other = rig.client();
    client.call("SUBSCRIBE c");
    for n in 0..100 {
        assert_eq!(client.call(&format!("SET k {n}")), "+OK\r\n");
        assert_eq!(other.call(&format!("PUBLISH c {n}")), ":1\r\n");
        assert_eq!(client.reply(), message('>', &["message", "c", &n.to_string()]));
        assert_eq!(client.call("GET k"), bulk(&n.to_string()));
    }
    client.write(&pipeline(&["MULTI", "GET k", "EXEC", "SUBSCRIBE d", "PING"]));
    let replies: Vec<String> = (0..5).map(|_| client.reply()).collect();
    assert_eq!(replies[2], "*1\r\n$2\r\n99\r\n");
    assert_eq!(replies[3], confirmation('>', "subscribe", "d", 2));
    assert_eq!(replies[4], "+PONG\r\n");
}

#[test]
fn subscriptions_do_not_touch_other_clients() {
    let rig = Rig::start();
    let mut others: Vec<Conn> = (0..5).map(|_| rig.client()).collect();
    let mut subscribers: Vec<Conn> = (0..10).map(|n| subscriber(&rig, 2 + n % 2)).collect();
    for client in &mut subscribers {
        client.call("SUBSCRIBE c");
    }
    for n in 0..50 {
        for client in &mut others {
            assert_eq!(client.call(&format!("ECHO {n}")), bulk(&n.to_string()));
            assert_eq!(client.call(&format!("SET k {n}")), "+OK\r\n");
        }
        // The server counts the proxy's connections: one for each worker and version.
        assert_ne!(others[0].call(&format!("PUBLISH c {n}")), ":0\r\n");
    }
    for (n, client) in subscribers.iter_mut().enumerate() {
        let kind = if n % 2 == 1 { '>' } else { '*' };
        for value in 0..50 {
            assert_eq!(client.reply(), message(kind, &["message", "c", &value.to_string()]));
        }
    }
}

fn numsub(count: usize) -> String {
    format!("*2\r\n$1\r\nc\r\n:{count}\r\n")
}

#[test]
fn a_subscriber_that_leaves_is_forgotten_at_the_node() {
    let rig = Rig::start();
    let mut clients: Vec<Conn> = (0..8).map(|_| rig.client()).collect();
    clients.iter_mut().for_each(|client| assert!(client.call("SUBSCRIBE c").starts_with("*3")));
    // There is one subscribed connection for each worker, however many clients there are.
    let workers = std::thread::available_parallelism().unwrap().get();
    let listening = rig.direct().call("PUBSUB NUMSUB c");
    assert!((1..=workers.min(8)).any(|count| listening == numsub(count)), "{listening}");
    drop(clients);
    until("nobody is subscribed", || rig.direct().call("PUBSUB NUMSUB c") == numsub(0));
    until("no connection listens", || rig.server_clients("sub=1") == 0);
}

#[test]
fn subscriptions_survive_a_restart_of_the_node() {
    let mut rig = Rig::start();
    let mut clients = [subscriber(&rig, 2), subscriber(&rig, 3)];
    for client in &mut clients {
        client.call("SUBSCRIBE c");
        client.call("PSUBSCRIBE p*");
    }
    rig.restart_server();
    let mut direct = rig.direct();
    until("both are subscribed again", || direct.call("PUBLISH c again") == ":2\r\n");
    until("the patterns too", || direct.call("PUBLISH px again") == ":2\r\n");
    for (client, kind) in clients.iter_mut().zip(['*', '>']) {
        let classic = message(kind, &["message", "c", "again"]);
        let pattern = message(kind, &["pmessage", "p*", "px", "again"]);
        // The message was published until every subscriber had it.
        let first = std::iter::repeat_with(|| client.reply()).find(|reply| *reply != classic);
        assert_eq!(first, Some(pattern));
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_closed_and_nobody_else_suffers() {
    let mut rig = Rig::set(&["clients.output_buffer=1MiB"]);
    let (mut slow, mut quick, mut publisher) = (rig.client(), rig.client(), rig.client());
    slow.call("SUBSCRIBE c");
    quick.call("SUBSCRIBE c");
    let before = rig.memory();
    let text = "x".repeat(100_000);
    let mut sent = 0;
    until("the slow one is closed", || {
        sent += 1;
        publisher.call(&format!("PUBLISH c {text}"));
        assert_eq!(quick.reply().len(), message('*', &["message", "c", &text]).len());
        rig.admin("/metrics").1.contains("reason=\"output_limit\"} 1")
    });

    let grown = rig.memory().saturating_sub(before);
    println!("closed after {sent} messages of 100 kB; the proxy grew by {grown} KiB");
    assert!(grown < 40_000, "the proxy grew by {grown} KiB");
    let got = slow.rest().len();
    assert!(got < sent * text.len());
    assert_eq!(publisher.call("PUBLISH c end"), ":1\r\n");
    assert_eq!(quick.reply(), message('*', &["message", "c", "end"]));
}

#[test]
fn a_subscriber_of_version_3_keeps_its_subscriptions_whatever_else_it_does() {
    let rig = Rig::with(&["user app on >pw ~* +@all &*"], &[]);
    for lines in [
        &["WATCH k", "UNWATCH"][..],
        &["WATCH k", "MULTI", "DISCARD"],
        &["WATCH k", "MULTI", "SET k", "EXEC"],
        &["WATCH k", "MULTI", "SET k 1", "EXEC"],
        &["MULTI", "SET k", "EXEC"],
        &["SELECT 1", "BLPOP l 0.01", "SELECT 0"],
        &["BLPOP l 0.01"],
        &["WAIT 0 10"],
        &["AUTH app pw", "WATCH k", "UNWATCH"],
        &["HELLO 3 SETNAME x"],
    ] {
        let mut client = subscriber(&rig, 3);
        client.call("SUBSCRIBE c");
        for line in lines {
            client.call(line);
        }
        let mut publisher = rig.client();
        until("it is subscribed", || publisher.call("PUBLISH c again") == ":1\r\n");
        assert_eq!(client.reply(), message('>', &["message", "c", "again"]), "{lines:?}");
        assert_eq!(client.call("GET none"), "_\r\n", "{lines:?}");
        drop(client);
        until("nobody is subscribed", || rig.direct().call("PUBSUB NUMSUB c").ends_with(":0\r\n"));
    }
}

#[test]
fn a_subscriber_that_changes_the_version_gets_its_messages_in_the_new_one() {
    let rig = Rig::start();
    let mut client = subscriber(&rig, 3);
    client.call("SUBSCRIBE c");
    assert!(client.call("HELLO 2").starts_with("*14\r\n"));
    let mut publisher = rig.client();
    until("it is subscribed", || publisher.call("PUBLISH c again") == ":1\r\n");
    assert_eq!(client.reply(), message('*', &["message", "c", "again"]));
}

#[test]
fn confirmations_are_told_in_spite_of_client_reply() {
    let rig = Rig::start();
    for version in [2, 3] {
        let heard = [rig.direct(), rig.client()].map(|mut client| {
            client.call(&format!("HELLO {version}"));
            let lines = ["CLIENT REPLY OFF", "SUBSCRIBE a b", "UNSUBSCRIBE a", "UNSUBSCRIBE b"];
            client.write(&pipeline(&lines));
            client.write(&pipeline(&["CLIENT REPLY SKIP", "PSUBSCRIBE a*", "PUNSUBSCRIBE", "QUIT"]));
            client.frame();
            String::from_utf8(client.rest()).unwrap()
        });
        assert_eq!(heard[0], heard[1], "version {version}");
        assert!(heard[0].contains("punsubscribe"));
    }
}

/// What another connection has published, once that is answered, is with a subscriber before the proxy's answer to anything that
/// the subscriber asks afterwards. `TIDEOVER_MESSAGES` sets the number of rounds.
#[test]
fn a_message_comes_before_the_answer_to_a_later_command() {
    let rig = Rig::set(&["runtime.workers=2"]);
    let rounds: usize = std::env::var("TIDEOVER_MESSAGES").map_or(500, |rounds| rounds.parse().unwrap());
    for (version, kind, command, answer) in [
        (2, '*', "PING", message('*', &["pong", ""])),
        (3, '>', "PING", "+PONG\r\n".to_owned()),
        (3, '>', "ECHO x", bulk("x")),
        (3, '>', "GET", "-ERR wrong number of arguments for 'get' command\r\n".to_owned()),
    ] {
        let mut clients: Vec<Conn> = (0..4).map(|_| subscriber(&rig, version)).collect();
        clients.iter_mut().for_each(|client| drop(client.call("SUBSCRIBE c")));
        let mut publisher = rig.client();
        for round in 0..rounds {
            let text = round.to_string();
            assert_eq!(publisher.call(&format!("PUBLISH c {text}")), ":4\r\n");
            clients.iter_mut().for_each(|client| client.send(command));
            for client in &mut clients {
                assert_eq!(client.reply(), message(kind, &["message", "c", &text]), "{command} in {round}");
                assert_eq!(client.reply(), answer);
            }
        }
    }
}

/// As with Redis 7.2 and later, and in front of all servers.
#[test]
fn a_subscriber_gets_its_own_message_behind_the_reply() {
    let rig = Rig::set(&["runtime.workers=2"]);
    let mut client = subscriber(&rig, 3);
    for line in ["SUBSCRIBE c", "PSUBSCRIBE c*", "SSUBSCRIBE s"] {
        client.call(line);
    }
    let plain = |text: &str| message('>', &["message", "c", text]);
    let by_pattern = |text: &str| message('>', &["pmessage", "c*", "c", text]);
    for round in 0..200 {
        let text = round.to_string();
        let lines = [
            format!("PUBLISH c {text}"),
            format!("SPUBLISH s {text}"),
            "MULTI".to_owned(),
            format!("PUBLISH c a{text}"),
            "SET k 1".to_owned(),
            format!("PUBLISH c b{text}"),
            "EXEC".to_owned(),
        ];
        let got: Vec<String> = lines[..2].iter().map(|line| client.call(line)).collect();
        assert_eq!(got[0], ":2\r\n");
        let rest: Vec<String> = (0..3).map(|_| client.reply()).collect();
        // The answer to SPUBLISH comes as soon as the node has given it.
        let mut all: Vec<&str> = got[1..].iter().chain(&rest).map(String::as_str).collect();
        all.retain(|frame| *frame != ":1\r\n");
        assert_eq!(all, [plain(&text), by_pattern(&text), message('>', &["smessage", "s", &text])]);
        let replies: Vec<String> = lines[2..].iter().map(|line| client.call(line)).collect();
        assert_eq!(replies[0], "+OK\r\n");
        assert_eq!(replies[4], "*3\r\n:2\r\n+OK\r\n:2\r\n");
        for letter in ["a", "b"] {
            let text = format!("{letter}{text}");
            assert_eq!([client.reply(), client.reply()], [plain(&text), by_pattern(&text)]);
        }
    }
}

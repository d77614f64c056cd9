//! Subscriptions: their confirmations, and what may be sent beside them.

use super::common::Rig;
use super::common::conn::{Conn, bulk, pipeline};
use super::{Pair, compare_commands};

pub(crate) const CASES: &[&str] = &[
    "SUBSCRIBE",
    "SUBSCRIBE a",
    "SUBSCRIBE a b a",
    "SUBSCRIBE ''",
    "SUBSCRIBE \"a\\x00\\r\\n\"",
    "SUBSCRIBE a ; SUBSCRIBE a",
    "PSUBSCRIBE a* ; SUBSCRIBE a ; PUNSUBSCRIBE ; UNSUBSCRIBE",
    "SSUBSCRIBE a ; SUBSCRIBE a ; SUNSUBSCRIBE ; UNSUBSCRIBE",
    "UNSUBSCRIBE",
    "UNSUBSCRIBE a",
    "UNSUBSCRIBE a b",
    "PUNSUBSCRIBE",
    "PUNSUBSCRIBE a",
    "SUNSUBSCRIBE",
    "SUNSUBSCRIBE a",
    "SUBSCRIBE a ; PING",
    "SUBSCRIBE a ; PING x",
    "SUBSCRIBE a ; PING x y",
    "SUBSCRIBE a ; PING ''",
    "SUBSCRIBE a ; UNSUBSCRIBE ; PING",
    "SUBSCRIBE a ; GET k",
    "SUBSCRIBE a ; get k",
    "SUBSCRIBE a ; GET",
    "SUBSCRIBE a ; NOSUCH",
    "SUBSCRIBE a ; CONFIG GET x",
    "SUBSCRIBE a ; CONFIG NOSUCH",
    "SUBSCRIBE a ; CLIENT ID x",
    "SUBSCRIBE a ; CLIENT LIST TYPE nosuch",
    "SUBSCRIBE a ; AUTH x",
    "SUBSCRIBE a ; SELECT 1",
    "SUBSCRIBE a ; SELECT",
    "SUBSCRIBE a ; SELECT 99",
    "SUBSCRIBE a ; SUBSCRIBE",
    "SUBSCRIBE a ; BLPOP k 0.01",
    "SUBSCRIBE a ; WAIT 0 0",
    "SUBSCRIBE a ; ECHO x",
    "SUBSCRIBE a ; COMMAND COUNT x",
    "SUBSCRIBE a ; EVAL 'return 1' 0",
    "SUBSCRIBE a ; SCRIPT KILL",
    "SUBSCRIBE a ; RESET ; PING ; GET nosuch",
    "SUBSCRIBE a ; QUIT",
    "SUBSCRIBE a ; QUIT x",
    "SUBSCRIBE a ; RESET x",
    "SUBSCRIBE a ; MULTI",
    "SUBSCRIBE a ; UNSUBSCRIBE a ; GET nosuch",
    "PSUBSCRIBE a ; GET k",
    "SSUBSCRIBE a ; GET k",
    "SUBSCRIBE a ; CLUSTER INFO",
    "SSUBSCRIBE a b",
    "SSUBSCRIBE a ; SSUBSCRIBE a",
    "MULTI ; SUBSCRIBE a ; EXEC",
    "CLIENT REPLY OFF ; SUBSCRIBE a ; CLIENT REPLY ON ; PING",
    "CLIENT REPLY SKIP ; SUBSCRIBE a ; PING",
    "CLIENT REPLY SKIP ; UNSUBSCRIBE ; PING",
    "MONITOR x",
];

#[test]
fn subscriptions_answer_as_the_server() {
    compare_commands("subscribers", "", &Pair::start(), CASES);
}

/// What is pushed to a client that has turned replies off, or skips one.
#[test]
fn messages_come_in_spite_of_client_reply() {
    let pair = Pair::start();
    for version in ["2", "3"] {
        let told = [(pair.bare.direct(), pair.bare.direct()), (pair.through.client(), pair.through.client())]
            .map(|(listener, other)| told_without_replies(listener, other, version));
        assert_eq!(told[0], told[1], "RESP{version}");
        assert!(told[0].contains("first") && told[0].contains("second"), "{told:?}");
    }
}

fn told_without_replies(mut listener: Conn, mut other: Conn, version: &str) -> String {
    listener.call(&format!("HELLO {version}"));
    listener.write(&pipeline(&["CLIENT REPLY OFF", "SUBSCRIBE c"]));
    let mut told = listener.reply();
    assert_eq!(other.call("PUBLISH c first"), ":1\r\n");
    told += &listener.reply();
    listener.write(&pipeline(&["GET nosuch", "UNSUBSCRIBE c"]));
    told += &listener.reply();
    listener.write(&pipeline(&["CLIENT REPLY ON", "RESET", "SUBSCRIBE c", "CLIENT REPLY SKIP"]));
    told += &[listener.reply(), listener.reply(), listener.reply()].concat();
    assert_eq!(other.call("PUBLISH c second"), ":1\r\n");
    told += &listener.reply();
    listener.write(&pipeline(&["PING", "QUIT"]));
    told + &String::from_utf8(listener.rest()).unwrap()
}

#[test]
fn a_monitor_without_replies_is_shown_nothing() {
    let pair = Pair::start();
    for (mut monitor, mut other) in
        [(pair.bare.direct(), pair.bare.direct()), (pair.through.client(), pair.through.client())]
    {
        monitor.call("HELLO 3");
        assert_eq!(monitor.call("MONITOR"), "+OK\r\n");
        monitor.write(&pipeline(&["CLIENT REPLY OFF", "SUBSCRIBE c"]));
        while !monitor.reply().starts_with('>') {}
        assert_eq!(other.call("SET k 1"), "+OK\r\n");
        assert_eq!(monitor.call("RESET"), "+RESET\r\n");
    }
}

#[test]
fn nothing_that_is_pushed_comes_within_a_reply() {
    let rig = Rig::start();
    let value = bulk(&"x".repeat(1 << 20));
    let (mut listener, mut other) = (rig.client(), rig.client());
    listener.call("HELLO 3");
    listener.call("SUBSCRIBE c");
    other.write(&pipeline(&[format!("SET k {}", "x".repeat(1 << 20))]));
    other.reply();
    let (mut pushed, mut read) = (0, 0);
    for _ in 0..30 {
        listener.send("GET k");
        other.write(&pipeline(&["PUBLISH c m"; 50]));
        (0..50).for_each(|_| assert_eq!(other.reply(), ":1\r\n"));
    }
    while pushed < 1500 || read < 30 {
        match listener.reply() {
            reply if reply == ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n" => pushed += 1,
            reply if reply == value => read += 1,
            other => panic!("neither a message nor the value: {other:.100}"),
        }
    }
}

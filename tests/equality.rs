//! Sends the same commands to the server itself and through the proxy: the replies must be the same bytes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use common::conn::{Conn, pipeline};
use common::{Random, Rig};

const KEYS: [&str; 6] = ["a", "b", "{t}c", "list", "hash", "zset"];
const VALUES: [&str; 7] = ["1", "-3", "hello", "x", "99999999999999999999", "3.5", "2"];

/// Commands of every kind, right and wrong; `K`, `V` and `N` stand for keys, values and numbers.
const SHAPES: [&str; 78] = [
    "SET K V",
    "GET K",
    "GETSET K V",
    "GETDEL K",
    "SETNX K V",
    "SET K V NX",
    "SET K V GET",
    "SET K V EX 100",
    "SET K V BADOPTION",
    "APPEND K V",
    "INCR K",
    "DECRBY K N",
    "INCRBYFLOAT K V",
    "STRLEN K",
    "SETRANGE K 3 V",
    "GETRANGE K 0 N",
    "MSET K V K V",
    "MGET K K K",
    "DEL K K",
    "EXISTS K K",
    "TYPE K",
    "TTL K",
    "EXPIRE K 100",
    "PERSIST K",
    "RENAME K K",
    "COPY K K",
    "HSET K V V",
    "HGET K V",
    "HGETALL K",
    "HDEL K V",
    "HINCRBY K V N",
    "HMGET K V V",
    "HLEN K",
    "LPUSH K V V",
    "RPUSH K V",
    "LPOP K",
    "LRANGE K 0 -1",
    "LLEN K",
    "LINDEX K N",
    "LSET K N V",
    "LREM K N V",
    "LTRIM K 0 N",
    "LMOVE K K LEFT RIGHT",
    "SADD K V V",
    "SREM K V",
    "SISMEMBER K V",
    "SCARD K",
    "SINTERCARD 2 K K",
    "ZADD K N V",
    "ZADD K N V N V",
    "ZSCORE K V",
    "ZRANGE K 0 -1 WITHSCORES",
    "ZINCRBY K V V",
    "ZRANK K V",
    "ZPOPMIN K",
    "ZCOUNT K -inf N",
    "ZMSCORE K V V",
    "SETBIT K 7 1",
    "BITCOUNT K",
    "PFADD K V V",
    "PFCOUNT K",
    "OBJECT ENCODING K",
    "OBJECT HELP",
    "DBSIZE",
    "GET",
    "SET K",
    "MGET",
    "NOSUCH K V",
    "LPOP K V V V",
    "PING",
    "PING V",
    "PING V V",
    "ECHO V",
    "ECHO",
    "EVAL return{KEYS[1],ARGV[1]} 1 K V",
    "EVAL return 0 K",
    "OBJECT NOSUCH K",
    "CONFIG GET maxmemory",
];

const BLOCKS: [&[&str]; 14] = [
    &["MULTI", "SET K V", "INCR K", "GET K", "EXEC"],
    &["MULTI", "LPUSH K V", "HGETALL K", "DISCARD"],
    &["MULTI", "GET", "SET K V", "EXEC"],
    &["MULTI", "NOSUCH", "EXEC"],
    &["MULTI", "MULTI", "PING", "ECHO V", "EXEC"],
    &["WATCH K", "SET K V", "MULTI", "GET K", "EXEC"],
    &["WATCH K", "MULTI", "SET K V", "EXEC", "UNWATCH"],
    &["EXEC", "DISCARD", "UNWATCH"],
    &["SELECT 3", "SET K V", "SELECT 77", "GET K", "SELECT 0", "SELECT V"],
    &["CLIENT SETNAME V", "CLIENT GETNAME", "CLIENT NOSUCH", "CLIENT", "CLIENT SETNAME"],
    &[
        "MULTI",
        "SELECT N",
        "SET K V",
        "CLIENT SETNAME V",
        "SELECT V",
        "GET K",
        "EXEC",
        "CLIENT GETNAME",
        "GET K",
        "SELECT 0",
    ],
    &[
        "WATCH K",
        "MULTI",
        "CLIENT GETNAME",
        "SELECT N",
        "INCR K",
        "EXEC",
        "LPUSH list V",
        "BLPOP list 1",
        "SELECT 0",
    ],
    &["MULTI", "PING V", "CLIENT SETNAME V", "GET", "EXEC", "CLIENT GETNAME"],
    &["MULTI", "ROLE", "CLIENT GETREDIR", "ECHO V", "EXEC"],
];

fn filled(shape: &str, random: &mut Random) -> String {
    let words: Vec<String> = shape
        .split(' ')
        .map(|word| match word {
            "K" => random.of(&KEYS).to_owned(),
            "V" => random.of(&VALUES).to_owned(),
            "N" => random.below(5).to_string(),
            word => word.to_owned(),
        })
        .collect();
    words.join(" ")
}

fn commands(random: &mut Random, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        if random.below(12) == 0 {
            let block = BLOCKS[random.below(BLOCKS.len())];
            lines.extend(block.iter().map(|shape| filled(shape, random)));
        } else {
            lines.push(filled(random.of(&SHAPES), random));
        }
    }
    lines
}

/// Sends all lines in pipelines of a random length, and returns the replies in order.
fn replies(conn: &mut Conn, version: &str, lines: &[String], random: &mut Random) -> Vec<String> {
    conn.call(version);
    let (mut replies, mut rest) = (Vec::new(), lines);
    while !rest.is_empty() {
        let (now, later) = rest.split_at((1 + random.below(60)).min(rest.len()));
        conn.write(&pipeline(now));
        for line in now {
            let frame = conn.try_frame().unwrap_or_else(|error| panic!("{error} at {line} in {now:?}"));
            replies.push(String::from_utf8_lossy(&frame).into_owned());
        }
        rest = later;
    }
    replies
}

#[test]
fn random_commands_get_the_servers_own_bytes() {
    let rig = Rig::start();
    for (seed, version) in (1..=6).zip(["HELLO 2", "HELLO 3"].into_iter().cycle()) {
        let lines = commands(&mut Random(seed), 1500);
        rig.direct().call("FLUSHALL");
        let itself = replies(&mut rig.direct(), version, &lines, &mut Random(seed + 100));
        rig.direct().call("FLUSHALL");
        let through = replies(&mut rig.client(), version, &lines, &mut Random(seed + 200));
        for (index, line) in lines.iter().enumerate() {
            let before = &lines[index.saturating_sub(6)..index];
            assert_eq!(through[index], itself[index], "{line} after {before:?}, {version}, seed {seed}");
        }
    }
}

#[test]
fn inline_commands_get_the_servers_own_bytes() {
    let rig = Rig::start();
    let text = b"SET a 1\r\nGET a\n\r\n  GET   a  \r\nSET b \"x y\\n\\x41\"\r\nGET b\r\nSET c 'it''s'\r\nPING\r\nping hello\r\n\
        NOSUCH \"a b\"\r\nget\r\nECHO 'single \\' quote'\r\nMULTI\r\nINCR a\r\nEXEC\r\n*1\r\n$4\r\nPING\r\nGET a\r\nQUIT\r\n";
    let answers = [rig.direct(), rig.client()].map(|mut conn| {
        conn.write(text);
        String::from_utf8(conn.rest()).unwrap()
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn the_command_table_is_told_as_by_the_server() {
    let rig = Rig::start();
    for version in ["HELLO 2", "HELLO 3"] {
        let (mut client, mut direct) = (rig.client(), rig.direct());
        client.call(version);
        direct.call(version);
        for line in [
            "COMMAND GETKEYS SET k v",
            "COMMAND GETKEYS MSET a 1 b 2",
            "COMMAND GETKEYS EVAL x 2 a b c",
            "COMMAND GETKEYS XREAD STREAMS s t 0 0",
            "COMMAND GETKEYS NOSUCH x",
            "COMMAND GETKEYSANDFLAGS GET k",
            "COMMAND INFO nosuch",
            "COMMAND NOSUCH",
        ] {
            assert_eq!(client.call(line), direct.call(line), "{line} {version}");
        }
        assert!(client.call("COMMAND COUNT").starts_with(':'));
        assert!(client.call("COMMAND INFO get").contains("$3\r\nget\r\n:2\r\n"));
        assert!(client.call("COMMAND DOCS get").contains("summary"));
        assert!(client.call("COMMAND").starts_with('*'));
        assert!(client.call("COMMAND LIST").contains("$3\r\nget\r\n"));
    }
}

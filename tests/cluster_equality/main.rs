//! Sends the same random commands to one Redis and to a cluster behind the proxy: the replies and the data in the end
//! must be the same.
//!
//! `TIDEOVER_SEED=7 TIDEOVER_COMMANDS=20000 cargo test --test cluster_equality random` repeats one seed, or runs
//! longer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod all_shards;
#[path = "../common/mod.rs"]
mod common;
mod lines;
mod moving;
mod shapes;

use std::collections::BTreeSet;

use common::Rig;
use common::cluster::ClusterRig;
use common::compare::{How, Value, same};
use common::conn::Conn;
use lines::{Line, Lines};

const COMMANDS: usize = 4000;
/// Number of commands in front of a difference that are shown with it.
const CONTEXT: usize = 12;

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

fn seeds() -> Vec<u64> {
    number_of("TIDEOVER_SEED").map_or_else(|| vec![1, 2], |seed| vec![seed])
}

/// Sends pipelines of a random length, ended by commands that must be last in one, and returns the replies in order.
fn replies(conn: &mut Conn, lines: &[&Line], seed: u64) -> Vec<Vec<u8>> {
    let mut random = common::Random(seed | 1);
    let (mut replies, mut rest) = (Vec::new(), lines);
    while !rest.is_empty() {
        let len = (1 + random.below(60)).min(rest.len());
        let last = rest.iter().take(len).position(|line| line.last).map_or(len, |last| last + 1);
        let (now, later) = rest.split_at(last);
        let bytes: Vec<u8> =
            now.iter().flat_map(|line| tideover_testbed::client::encode(&line.args)).collect();
        conn.write(&bytes);
        for line in now {
            let shown = line.shown();
            replies.push(conn.try_frame().unwrap_or_else(|error| panic!("{error} at {shown}, seed {seed}")));
        }
        rest = later;
    }
    replies
}

/// Sends the same lines to both sides; panics at the first difference.
fn compare_replies(through: &mut Conn, itself: &mut Conn, lines: &[Line], label: &str, seed: u64) {
    let known: Vec<&Line> = lines.iter().filter(|line| !matches!(line.how, How::Says(_))).collect();
    let everything: Vec<&Line> = lines.iter().collect();
    let mut of_one = replies(itself, &known, seed + 100).into_iter();
    let of_proxy = replies(through, &everything, seed + 200);
    let mut shown = Vec::new();
    let mut differences = 0;
    for (line, reply) in lines.iter().zip(&of_proxy) {
        let expected = match line.how {
            How::Says(text) => text.as_bytes().to_vec(),
            _ => of_one.next().unwrap(),
        };
        shown.push(format!("{}\n        {}", line.shown(), short(reply)));
        if !same(line.how, reply, &expected) {
            let context = &shown[shown.len().saturating_sub(CONTEXT)..];
            println!("{label}, command {}:\n    {}", shown.len(), context.join("\n    "));
            println!("    instead of\n        {}", short(&expected));
            let next: Vec<String> = lines.iter().skip(shown.len()).take(CONTEXT).map(Line::shown).collect();
            println!("    before\n        {}", next.join("\n        "));
            differences += 1;
            assert!(differences < 5, "too many differences");
        }
    }
    assert_eq!(differences, 0, "{label}");
}

fn short(raw: &[u8]) -> String {
    raw.iter().take(600).copied().collect::<Vec<u8>>().escape_ascii().to_string()
}

/// The commands that read the whole value of a key, by its type, and the way of comparing their replies.
const READERS: [(&str, &str, How); 6] = [
    ("string", "GET", How::Exact),
    ("hash", "HGETALL", How::Pairs),
    ("list", "LRANGE 0 -1", How::Exact),
    ("set", "SMEMBERS", How::Bag),
    ("zset", "ZRANGE 0 -1 WITHSCORES", How::Exact),
    ("stream", "XRANGE - +", How::Exact),
];

/// The commands that must answer the same for every key, beside its value.
const TRAITS: [(&str, How); 3] = [("TYPE", How::Exact), ("OBJECT ENCODING", How::Exact), ("PTTL", How::Near)];

/// Compares every key of both sides: its value, and the answers to these commands.
fn compare_values(through: &mut Conn, itself: &mut Conn, label: &str, seed: u64, traits: &[(&str, How)]) {
    let keys = itself.call_args(&["KEYS", "*"]);
    let texts = |raw: &[u8]| Value::of(raw).elements().iter().map(Value::text).collect::<BTreeSet<_>>();
    assert_eq!(texts(&through.call_args(&["KEYS", "*"])), texts(&keys), "{label}");
    let mut lines = Vec::new();
    for key in Value::of(&keys).elements().iter().map(Value::text) {
        let kind = Value::of(&itself.call_args(&["TYPE", &key])).text();
        let (_, reader, how) = READERS.iter().find(|(known, ..)| *known == kind).unwrap();
        let (name, rest) = reader
            .split_once(' ')
            .map_or((*reader, String::new()), |(name, rest)| (name, format!(" {rest}")));
        lines.push(Line::of(&format!("{name} {key}{rest}"), *how));
        lines.extend(traits.iter().map(|(command, how)| Line::of(&format!("{command} {key}"), *how)));
    }
    compare_replies(through, itself, &lines, &format!("the data after {label}"), seed);
}

/// Runs SCAN to its end and returns the keys, each once.
fn scanned(conn: &mut Conn, options: &str) -> Vec<String> {
    let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
    loop {
        let reply = Value::of(conn.call(&format!("SCAN {cursor}{options}")).as_bytes());
        let [next, found] = reply.elements() else { panic!("{reply:?}") };
        keys.extend(found.elements().iter().map(Value::text));
        cursor = next.text();
        assert_eq!(cursor.parse::<u64>().unwrap().to_string(), cursor);
        if cursor == "0" {
            keys.sort();
            keys.dedup();
            return keys;
        }
    }
}

fn compare_scans(through: &mut Conn, itself: &mut Conn, label: &str) {
    for options in [
        "",
        " COUNT 1",
        " COUNT 1000",
        " MATCH {a}*",
        " MATCH {user:1}* COUNT 2",
        " MATCH *1 COUNT 3",
        " TYPE hash",
        " TYPE string MATCH s*",
        " COUNT 7 MATCH {b}s1",
        " MATCH nosuch",
    ] {
        assert_eq!(scanned(through, options), scanned(itself, options), "SCAN{options}, {label}");
    }
}

/// Sends random commands, then compares scans, then all data.
fn compare_everything(mut open: impl FnMut() -> [Conn; 2], crossing: usize) {
    let commands = number_of("TIDEOVER_COMMANDS").map_or(COMMANDS, |count| usize::try_from(count).unwrap());
    for seed in seeds() {
        let version = if seed % 2 == 1 { "HELLO 2" } else { "HELLO 3" };
        let [mut through, mut itself] = open();
        for conn in [&mut through, &mut itself] {
            conn.call(version);
            for line in ["FLUSHALL", "FUNCTION FLUSH", "SCRIPT FLUSH"] {
                conn.call(line);
            }
        }
        let label = format!("seed {seed}, {version}");
        println!("{label}");
        let lines = Lines::new(seed, crossing).take(commands);
        compare_replies(&mut through, &mut itself, &lines, &label, seed);
        compare_scans(&mut through, &mut itself, &label);
        compare_values(&mut through, &mut itself, &label, seed, &TRAITS);
    }
}

#[test]
fn random_commands_to_a_cluster_get_what_one_redis_answers() {
    let rig = ClusterRig::start(&[]);
    compare_everything(|| [rig.client(), rig.direct()], 20);
}

#[test]
fn random_commands_to_one_node_get_what_it_answers() {
    let (rig, other) = (Rig::start(), Rig::start());
    compare_everything(|| [rig.client(), other.direct()], 0);
}

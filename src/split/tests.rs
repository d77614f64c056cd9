use std::collections::HashMap;

use super::gather::Gathering;
use super::*;
use crate::command::lookup;
use crate::command::testing::Words;
use crate::resp::scan::{RequestScan, Scanned};
use crate::route::testing::thirds;
use crate::route::{Splitting, plan};
use proptest::prelude::*;

type Data = HashMap<Vec<u8>, Vec<u8>>;

/// One Redis that knows six commands. A node of a cluster if `slots` says that all keys must be in one.
fn run(args: &[Vec<u8>], data: &mut Data) -> Vec<u8> {
    let mut out = Vec::new();
    let keys = &args[1..];
    match args[0].to_ascii_lowercase().as_slice() {
        b"mget" => {
            reply::array(&mut out, keys.len());
            for key in keys {
                match data.get(key) {
                    Some(value) => reply::bulk(&mut out, value),
                    None => reply::null(&mut out, reply::Proto::Resp2),
                }
            }
        }
        b"mset" => {
            keys.chunks(2).for_each(|pair| drop(data.insert(pair[0].clone(), pair[1].clone())));
            reply::simple(&mut out, "OK");
        }
        b"del" | b"unlink" => {
            reply::integer(&mut out, keys.iter().filter(|key| data.remove(*key).is_some()).count() as i64);
        }
        _ => reply::integer(&mut out, keys.iter().filter(|key| data.contains_key(*key)).count() as i64),
    }
    out
}

fn arguments(frame: &[u8]) -> Vec<Vec<u8>> {
    let mut scan = RequestScan::default();
    assert_eq!(scan.scan(frame, 1 << 20), Ok(Scanned::Complete(frame.len())));
    scan.request(frame, frame.len()).args().map(<[u8]>::to_vec).collect()
}

/// Runs the request as a cluster of three would; the parts answer in an order that `seed` decides.
fn run_in_cluster(args: &[Vec<u8>], shards: &mut [Data; 3], seed: usize) -> Vec<u8> {
    let words = Words::new(args);
    let request = words.request();
    match plan(&request, lookup(request.name()), &thirds(), Splitting::All) {
        Plan::One { shard, .. } => run(args, &mut shards[usize::from(shard)]),
        Plan::Split(Split { parts, mut gathering }) => {
            let mut replies: Vec<_> =
                parts.iter().map(|part| run_part(part, args, shards)).enumerate().collect();
            let len = replies.len();
            replies.rotate_left(seed % len);
            if seed.is_multiple_of(2) {
                replies.reverse();
            }
            let last = replies.pop().expect("a split has parts");
            for (index, reply) in replies {
                assert_eq!(gathering.part(index, &reply), None);
                assert_eq!(gathering.part(index, b"-ERR twice\r\n"), None);
            }
            gathering.part(last.0, &last.1).expect("all parts are there")
        }
        other => panic!("{other:?}"),
    }
}

fn run_part(part: &Part, whole: &[Vec<u8>], shards: &mut [Data; 3]) -> Vec<u8> {
    let args = arguments(&part.request);
    let step = if whole[0] == b"mset" { 2 } else { 1 };
    assert!(args[1..].iter().step_by(step).all(|key| Slot::of_key(key) == part.slot));
    run(&args, &mut shards[usize::from(part.shard)])
}

proptest! {
    #[test]
    fn a_cluster_answers_like_one_redis(
        commands in proptest::collection::vec(
            (
                proptest::sample::select(vec!["mget", "mset", "del", "unlink", "exists", "touch"]),
                proptest::collection::vec("[a-h]{1,2}|\\{[ab]\\}[a-c]", 1..80),
                any::<usize>(),
            ), 1..12),
    ) {
        let (mut one, mut shards) = (Data::new(), [Data::new(), Data::new(), Data::new()]);
        for (index, (name, keys, seed)) in commands.into_iter().enumerate() {
            let mut args = vec![name.as_bytes().to_vec()];
            for (place, key) in keys.into_iter().enumerate() {
                args.push(key.into_bytes());
                if name == "mset" {
                    args.push(format!("{index}:{place}").into_bytes());
                }
            }
            prop_assert_eq!(run_in_cluster(&args, &mut shards, seed), run(&args, &mut one));
        }
        let everything: Data = shards.into_iter().flatten().collect();
        prop_assert_eq!(everything, one);
    }

    #[test]
    fn no_replies_make_merging_panic(
        merge in proptest::sample::select(vec![
            Merge::Positions, Merge::Sum, Merge::Min, Merge::Max, Merge::And, Merge::Or, Merge::AllSucceeded,
            Merge::OneSucceeded, Merge::Lists, Merge::Union, Merge::Tally, Merge::Texts, Merge::AnyValue, Merge::Info,
        ]),
        replies in proptest::collection::vec(
            "[*~%>$=:+_-]?-?[0-9]{0,3}\r\n([$:+*~%]-?[0-9a-c:]{0,3}\r\n){0,5}", 1..4),
    ) {
        let mut gathering = match merge {
            Merge::Positions => Gathering::by_positions(vec![0, 1, 0, 2], replies.len()),
            other => Gathering::new(other, replies.len()),
        };
        let last = replies.iter().enumerate().filter_map(|(index, raw)| gathering.part(index, raw.as_bytes())).count();
        prop_assert_eq!(last, 1);
    }
}

fn gathered(merge: Merge, replies: &[&str]) -> String {
    let mut gathering = Gathering::new(merge, replies.len());
    let whole =
        replies.iter().enumerate().rev().find_map(|(index, raw)| gathering.part(index, raw.as_bytes()));
    String::from_utf8(whole.expect("all parts are there")).expect("text")
}

#[test]
fn replies_become_one() {
    let misfit = "-ERR tideover: the replies of the shards do not fit together\r\n";
    let cases: &[(Merge, &[&str], &str)] = &[
        (Merge::Sum, &[":1\r\n", ":2\r\n", ":39\r\n"], ":42\r\n"),
        (Merge::Sum, &[":1\r\n", "+OK\r\n"], misfit),
        (Merge::Min, &[":3\r\n", ":2\r\n"], ":2\r\n"),
        (Merge::Min, &["*2\r\n:1\r\n:5\r\n", "*2\r\n:0\r\n:7\r\n"], "*2\r\n:0\r\n:5\r\n"),
        (Merge::Max, &[":3\r\n", ":2\r\n"], ":3\r\n"),
        (Merge::And, &["*2\r\n:1\r\n:1\r\n", "*2\r\n:0\r\n:1\r\n"], "*2\r\n:0\r\n:1\r\n"),
        (Merge::And, &["*2\r\n:1\r\n:1\r\n", "*1\r\n:0\r\n"], misfit),
        (Merge::Or, &[":0\r\n", ":1\r\n"], ":1\r\n"),
        (Merge::AllSucceeded, &["+OK\r\n", "+OK\r\n"], "+OK\r\n"),
        (Merge::AllSucceeded, &["+OK\r\n", "-ERR a\r\n", "-ERR b\r\n"], "-ERR a\r\n"),
        (Merge::AllSucceeded, &["-ERR a\r\n", "-UNCERTAIN tideover: x\r\n"], "-UNCERTAIN tideover: x\r\n"),
        (Merge::Sum, &[":1\r\n", "-TRYAGAIN x\r\n"], "-TRYAGAIN x\r\n"),
        (Merge::OneSucceeded, &["-NOTBUSY a\r\n", "+OK\r\n"], "+OK\r\n"),
        (Merge::OneSucceeded, &["-NOTBUSY a\r\n", "-UNKILLABLE b\r\n"], "-UNKILLABLE b\r\n"),
        (Merge::OneSucceeded, &["-NOTBUSY a\r\n", "-NOTBUSY b\r\n"], "-NOTBUSY a\r\n"),
        (
            Merge::Lists,
            &["*1\r\n$1\r\na\r\n", "*0\r\n", "*1\r\n*1\r\n:1\r\n"],
            "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
        ),
        (
            Merge::Union,
            &["*1\r\n$1\r\na\r\n", "*2\r\n$1\r\nb\r\n$1\r\na\r\n"],
            "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        ),
        (
            Merge::Tally,
            &["*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:0\r\n", "*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:0\r\n"],
            "*4\r\n$1\r\na\r\n:3\r\n$1\r\nb\r\n:0\r\n",
        ),
        (Merge::Tally, &["%1\r\n+a\r\n:1\r\n", "%1\r\n+a\r\n:2\r\n"], "%1\r\n+a\r\n:3\r\n"),
        (Merge::Texts, &["$1\r\na\r\n", "$1\r\nb\r\n"], "$4\r\na\n\nb\r\n"),
        (Merge::Texts, &["=5\r\ntxt:a\r\n", "=5\r\ntxt:b\r\n"], "=8\r\ntxt:a\n\nb\r\n"),
        (Merge::AnyValue, &["$-1\r\n", "$1\r\na\r\n", "$-1\r\n"], "$1\r\na\r\n"),
        (Merge::AnyValue, &["_\r\n", "_\r\n"], "_\r\n"),
        (
            Merge::Info,
            &["$18\r\nused_memory:1\r\n\r\n\r\n", "$15\r\nused_memory:2\r\n\r\n"],
            "$15\r\nused_memory:3\r\n\r\n",
        ),
    ];
    for (merge, replies, expected) in cases {
        assert_eq!(gathered(*merge, replies), *expected, "{merge:?} {replies:?}");
    }
}

#[test]
fn a_part_has_the_keys_of_one_slot_and_the_name_of_the_whole() {
    let words = Words::of("mGet foo bar {foo}2 bar");
    let request = words.request();
    let Plan::Split(split) = plan(&request, lookup(b"mget"), &thirds(), Splitting::All) else {
        panic!("no split")
    };
    let parts: Vec<_> =
        split.parts.iter().map(|part| (part.shard, part.slot.0, arguments(&part.request))).collect();
    let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(parts, [(2, 12182, words("mGet foo {foo}2")), (0, 5061, words("mGet bar bar"))]);
    let mut gathering = split.gathering;
    assert_eq!(gathering.part(1, b"*2\r\n$1\r\nb\r\n$1\r\nB\r\n"), None);
    let whole = gathering.part(0, b"*2\r\n$1\r\nf\r\n_\r\n").expect("all parts are there");
    assert_eq!(whole, b"*4\r\n$1\r\nf\r\n$1\r\nb\r\n_\r\n$1\r\nB\r\n");
}

#[test]
fn elements_that_are_missing_or_too_many_are_no_reply() {
    for reply in [&b"*1\r\n:1\r\n"[..], b"*3\r\n:1\r\n:2\r\n:3\r\n", b"+OK\r\n"] {
        let mut gathering = Gathering::by_positions(vec![0, 0], 1);
        assert!(gathering.part(0, reply).expect("complete").starts_with(b"-ERR tideover: "));
    }
}

use std::collections::HashMap;

use super::gather::Gathering;
use super::*;
use crate::command::testing::Words;
use crate::command::{Slot, lookup};
use crate::resp::scan::{RequestScan, Scanned};
use crate::route::owners::Owners;
use crate::route::testing::thirds;
use crate::route::{Plan, Splitting, plan};
use proptest::prelude::*;

type Data = HashMap<Vec<u8>, Vec<u8>>;

/// Runs one of six commands as a Redis would.
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

/// Runs the request as a cluster of three would. The parts answer in an order that `seed` decides.
fn run_in_cluster(args: &[Vec<u8>], owners: &Owners, shards: &mut [Data; 3], seed: usize) -> Vec<u8> {
    let words = Words::new(args);
    let request = words.request();
    match plan(&request, lookup(request.name()), owners, Splitting::All) {
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
    assert!(args[1..].iter().step_by(step).all(|key| Lot::Slot(Slot::of_key(key)) == part.lot));
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
        let map = thirds();
        for (index, (name, keys, seed)) in commands.into_iter().enumerate() {
            let mut args = vec![name.as_bytes().to_vec()];
            for (place, key) in keys.into_iter().enumerate() {
                args.push(key.into_bytes());
                if name == "mset" {
                    args.push(format!("{index}:{place}").into_bytes());
                }
            }
            prop_assert_eq!(run_in_cluster(&args, &map, &mut shards, seed), run(&args, &mut one));
        }
        let everything: Data = shards.into_iter().flatten().collect();
        prop_assert_eq!(everything, one);
    }

    #[test]
    fn no_replies_make_merging_panic(
        merge in proptest::sample::select(vec![
            Merge::Positions, Merge::Sum, Merge::Min, Merge::Max, Merge::And, Merge::Or, Merge::AllSucceeded,
            Merge::OneSucceeded, Merge::Lists, Merge::Union, Merge::Tally, Merge::Texts, Merge::AnyValue, Merge::Flushed, Merge::Info,
            Merge::InfoProxy, Merge::Newest(2), Merge::Spikes, Merge::Series, Merge::Histograms,
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
            Merge::Common,
            &[
                "*2\r\n*4\r\n$4\r\nname\r\n$1\r\na\r\n$3\r\nver\r\n:1\r\n*2\r\n$4\r\nname\r\n$1\r\nb\r\n",
                "*1\r\n*4\r\n$4\r\nname\r\n$1\r\na\r\n$3\r\nver\r\n:2\r\n",
            ],
            "*1\r\n*4\r\n$4\r\nname\r\n$1\r\na\r\n$3\r\nver\r\n:1\r\n",
        ),
        (Merge::Common, &["*0\r\n", "*1\r\n%1\r\n$4\r\nname\r\n$1\r\na\r\n"], "*0\r\n"),
        (
            Merge::Tally,
            &["*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:0\r\n", "*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:0\r\n"],
            "*4\r\n$1\r\na\r\n:3\r\n$1\r\nb\r\n:0\r\n",
        ),
        (Merge::Tally, &["%1\r\n+a\r\n:1\r\n", "%1\r\n+a\r\n:2\r\n"], "%1\r\n+a\r\n:3\r\n"),
        (Merge::Texts, &["$1\r\na\r\n", "$1\r\nb\r\n"], "$4\r\na\n\nb\r\n"),
        (Merge::Texts, &["=5\r\ntxt:a\r\n", "=5\r\ntxt:b\r\n"], "=8\r\ntxt:a\n\nb\r\n"),
        (Merge::AnyValue, &[":0\r\n", "$-1\r\n", ":1\r\n", "$1\r\na\r\n"], "$1\r\na\r\n"),
        (Merge::AnyValue, &[":7\r\n", "$-1\r\n", "-NOPERM x\r\n", "$1\r\na\r\n"], "$1\r\na\r\n"),
        (Merge::AnyValue, &[":1\r\n", "-ERR a\r\n", ":1\r\n", "$1\r\na\r\n"], "-ERR a\r\n"),
        (Merge::AnyValue, &[":0\r\n", "_\r\n", ":0\r\n", "_\r\n"], "_\r\n"),
        (Merge::Flushed, &["+OK\r\n", ":1\r\n", "+OK\r\n", "-NOPERM x\r\n"], "+OK\r\n"),
        (Merge::Flushed, &["+OK\r\n", ":1\r\n", "-ERR x\r\n", ":1\r\n"], "-ERR x\r\n"),
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
fn a_key_is_chosen_as_often_as_its_shard_is_large() {
    let replies = [":30\r\n", "$1\r\na\r\n", ":0\r\n", "$-1\r\n", ":10\r\n", "$1\r\nb\r\n"];
    let chosen = |chance: u64| {
        let mut gathering = Gathering::new(Merge::AnyValue, replies.len()).choosing(chance);
        let parts = replies.iter().enumerate();
        parts.filter_map(|(index, raw)| gathering.part(index, raw.as_bytes())).last().unwrap()
    };
    let of_a = (0..400).filter(|chance| chosen(*chance) == b"$1\r\na\r\n").count();
    let of_b = (0..400).filter(|chance| chosen(*chance) == b"$1\r\nb\r\n").count();
    assert_eq!((of_a, of_b), (300, 100));
}

/// Returns a line of words as RESP: `[` and `]` begin and end a list, `{` and `}` a map; numbers are integers.
fn resp(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut at = 0;
    let mut out = String::new();
    while at < words.len() {
        value(&words, &mut at, &mut out);
    }
    out
}

fn value(words: &[&str], at: &mut usize, out: &mut String) {
    let word = words[*at];
    *at += 1;
    let closing = match word {
        "[" => "]",
        "{" => "}",
        _ if word.parse::<i64>().is_ok() => return out.push_str(&format!(":{word}\r\n")),
        _ => return out.push_str(&format!("${}\r\n{word}\r\n", word.len())),
    };
    let (mut count, mut inner) = (0, String::new());
    while words[*at] != closing {
        value(words, at, &mut inner);
        count += 1;
    }
    *at += 1;
    let header = if word == "[" { format!("*{count}") } else { format!("%{}", count / 2) };
    out.push_str(&format!("{header}\r\n{inner}"));
}

#[test]
fn logs_of_several_nodes_become_one() {
    let cases: &[(Merge, &[&str], &str)] = &[
        (
            Merge::Newest(3),
            &["[ [ 8 300 5 a ] [ 7 100 5 b ] ]", "[ [ 2 200 5 c ] [ 1 100 5 d ] ]", "[ ]"],
            "[ [ 8 300 5 a ] [ 2 200 5 c ] [ 7 100 5 b ] ]",
        ),
        (Merge::Newest(u32::MAX), &["[ [ 1 1 ] ]", "[ [ 1 2 ] ]"], "[ [ 1 2 ] [ 1 1 ] ]"),
        (Merge::Newest(0), &["[ ]", "[ ]"], "[ ]"),
        (
            Merge::Spikes,
            &["[ [ command 10 5 90 ] [ fork 3 1 1 ] ]", "[ [ command 20 4 7 ] ]"],
            "[ [ command 20 4 90 ] [ fork 3 1 1 ] ]",
        ),
        (
            Merge::Spikes,
            &["[ [ command 10 5 9 20 3 ] ]", "[ [ command 9 6 7 10 2 ] ]"],
            "[ [ command 10 5 9 30 5 ] ]",
        ),
        (Merge::Series, &["[ [ 1 5 ] [ 3 4 ] ]", "[ [ 1 9 ] [ 2 4 ] ]"], "[ [ 1 9 ] [ 2 4 ] [ 3 4 ] ]"),
        (
            Merge::Histograms,
            &[
                "{ set { calls 3 histogram_usec { 2 1 8 3 } } }",
                "{ get { calls 1 histogram_usec { 1 1 } } set { calls 9 histogram_usec { 4 5 16 9 } } }",
            ],
            "{ set { calls 12 histogram_usec { 2 1 4 6 8 8 16 12 } } get { calls 1 histogram_usec { 1 1 } } }",
        ),
        (
            Merge::Histograms,
            &["[ ]", "[ get [ calls 1 histogram_usec [ 1 1 ] ] ]"],
            "[ get [ calls 1 histogram_usec [ 1 1 ] ] ]",
        ),
    ];
    for (merge, replies, expected) in cases {
        let replies: Vec<String> = replies.iter().map(|line| resp(line)).collect();
        let replies: Vec<&str> = replies.iter().map(String::as_str).collect();
        assert_eq!(gathered(*merge, &replies), resp(expected), "{merge:?}");
    }
}

#[test]
fn replies_that_are_too_large_together_are_refused() {
    let large = format!("*1\r\n${}\r\n{}\r\n", 100 << 20, "x".repeat(100 << 20));
    assert!(gathered(Merge::Lists, &[&large, &large]).starts_with("*2\r\n"));
    assert!(gathered(Merge::Lists, &[&large, &large, &large]).starts_with("-ERR tideover: "));
}

#[test]
fn a_part_has_the_keys_of_one_slot_and_the_name_of_the_whole() {
    let words = Words::of("mGet foo bar {foo}2 bar");
    let request = words.request();
    let Plan::Split(split) = plan(&request, lookup(b"mget"), &thirds(), Splitting::All) else {
        panic!("no split")
    };
    let parts: Vec<_> =
        split.parts.iter().map(|part| (part.shard, part.lot.index(), arguments(&part.request))).collect();
    let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(parts, [(2, 12182, words("mGet foo {foo}2")), (0, 5061, words("mGet bar bar"))]);
    let mut gathering = split.gathering;
    assert_eq!(gathering.part(1, b"*2\r\n$1\r\nb\r\n$1\r\nB\r\n"), None);
    let whole = gathering.part(0, b"*2\r\n$1\r\nf\r\n_\r\n").expect("all parts are there");
    assert_eq!(whole, b"*4\r\n$1\r\nf\r\n$1\r\nb\r\n_\r\n$1\r\nB\r\n");
}

#[test]
fn every_part_has_its_own_number_of_keys_and_the_options_of_the_whole() {
    let words = Words::of("msetex 3 foo 1 bar 2 {foo}2 3 EX 100");
    let request = words.request();
    let Plan::Split(split) = plan(&request, lookup(b"msetex"), &thirds(), Splitting::All) else {
        panic!("no split")
    };
    let parts: Vec<_> = split.parts.iter().map(|part| arguments(&part.request)).collect();
    let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(parts, [words("msetex 2 foo 1 {foo}2 3 EX 100"), words("msetex 1 bar 2 EX 100")]);
}

/// Plans, splits and merges an MGET.
fn split_and_merge(request: &Request<'_>, map: &Owners) {
    let Plan::Split(Split { parts, mut gathering }) = plan(request, lookup(b"mget"), map, Splitting::All)
    else {
        panic!("no split")
    };
    let reply = |part: &Part| {
        let keys = arguments(&part.request).len() - 1;
        format!("*{keys}\r\n{}", "$5\r\nvalue\r\n".repeat(keys)).into_bytes()
    };
    let replies: Vec<Vec<u8>> = parts.iter().map(reply).collect();
    let whole = replies.iter().enumerate().filter_map(|(index, reply)| gathering.part(index, reply)).last();
    let keys = request.len() - 1;
    assert_eq!(whole.map(|whole| whole.len()), Some(format!("*{keys}\r\n").len() + 11 * keys));
}

/// Returns the processor time of this thread in ns, which is independent of other work on the machine.
fn processor_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    stat.split(' ').next().expect("a first field").parse().expect("a number")
}

/// Returns the time for `all` keys in total, in requests of `keys` keys each.
fn time_of_requests(keys: usize, all: usize) -> u64 {
    let words =
        Words::new(std::iter::once("MGET".to_owned()).chain((0..keys).map(|key| format!("key:{key}"))));
    let (request, map) = (words.request(), thirds());
    let began = processor_time();
    (0..all / keys).for_each(|_| split_and_merge(&request, &map));
    processor_time() - began
}

#[test]
fn splitting_and_merging_take_no_longer_for_each_key_when_there_are_many() {
    let [some, many] = [1000, 100_000].map(|keys| time_of_requests(keys, 100_000));
    // A quadratic step would make the ratio a hundred.
    assert!(many < 20 * some, "{some} {many}");
}

#[test]
fn elements_that_are_missing_or_too_many_are_no_reply() {
    for reply in [&b"*1\r\n:1\r\n"[..], b"*3\r\n:1\r\n:2\r\n:3\r\n", b"+OK\r\n"] {
        let mut gathering = Gathering::by_positions(vec![0, 0], 1);
        assert!(gathering.part(0, reply).expect("complete").starts_with(b"-ERR tideover: "));
    }
}

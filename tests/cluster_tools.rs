//! Runs the usual tools against a proxy in front of a cluster: they must work as with a single Redis.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use common::cluster::ClusterRig;
use common::conn::pipeline;

/// Number of keys of each type that `filled` makes.
const EACH: usize = 300;

/// Runs a tool against this address and returns its output, with the errors behind it.
fn tool(name: &str, address: SocketAddr, args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(name)
        .args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{name} {args:?}: {said}");
    said
}

fn redis_cli(rig: &ClusterRig, args: &[&str], input: &[u8]) -> String {
    tool("redis-cli", rig.proxy.address(), args, input)
}

/// Starts a cluster with strings, lists and hashes in all shards; every tenth name has a hash tag.
fn filled() -> (ClusterRig, BTreeSet<String>) {
    let rig = ClusterRig::start(&[]);
    let name = |kind: &str, n: usize| {
        if n.is_multiple_of(10) { format!("{{tag}}{kind}{n}") } else { format!("{kind}{n}") }
    };
    let names: Vec<[String; 3]> = (0..EACH).map(|n| ["s", "l", "h"].map(|kind| name(kind, n))).collect();
    let lines: Vec<String> = names
        .iter()
        .flat_map(|[s, l, h]| {
            [format!("SET {s} value"), format!("RPUSH {l} a b c"), format!("HSET {h} f v g w")]
        })
        .chain(["SET large-string xxxxxxxxxxxxxxxxxxxxxxxx".into(), "RPUSH large-list a b c d e f".into()])
        .collect();
    let mut client = rig.client();
    client.write(&pipeline(&lines));
    lines.iter().for_each(|line| assert!(!client.reply().starts_with('-'), "{line}"));
    let large = ["large-string", "large-list"].map(str::to_owned);
    (rig, names.into_iter().flatten().chain(large).collect())
}

#[test]
fn scanning_and_looking_for_big_keys_see_every_key_of_all_shards() {
    let (rig, keys) = filled();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(lines(&redis_cli(&rig, &["--scan"], b"")), keys);
    let tagged = keys.iter().filter(|key| key.starts_with("{tag}")).cloned().collect::<BTreeSet<_>>();
    assert_eq!(lines(&redis_cli(&rig, &["--scan", "--pattern", "{tag}*"], b"")), tagged);
    let ones = keys.iter().filter(|key| key.contains('1')).cloned().collect::<BTreeSet<_>>();
    assert_eq!(lines(&redis_cli(&rig, &["--scan", "--pattern", "*1*"], b"")), ones);

    let said = redis_cli(&rig, &["--bigkeys"], b"");
    for expected in [
        format!("Sampled {} keys in the keyspace!", keys.len()),
        "Biggest string found '\"large-string\"' has 24 bytes".to_owned(),
        "Biggest   list found '\"large-list\"' has 6 items".to_owned(),
        format!("{} strings with ", EACH + 1),
        format!("{} lists with {} items", EACH + 1, 3 * EACH + 6),
        format!("{EACH} hashs with {} fields", 2 * EACH),
    ] {
        assert!(said.contains(&expected), "{expected} is not in {said}");
    }
    let said = redis_cli(&rig, &["--memkeys"], b"");
    assert!(said.contains(&format!("Sampled {} keys in the keyspace!", keys.len())), "{said}");
    assert!(said.contains(&format!("{EACH} hashs with ")), "{said}");
}

#[test]
fn a_dump_of_commands_through_the_pipe_mode_is_taken_whole() {
    let rig = ClusterRig::start(&[]);
    let lines: Vec<String> = (0..20_000)
        .map(|n| match n % 4 {
            0 => format!("SET k{n} {n}"),
            1 => format!("MSET k{n} a m{n} b"),
            2 => format!("RPUSH list{} {n}", n % 7),
            _ => format!("DEL k{} m{}", n - 2, n - 2),
        })
        .collect();
    let said = redis_cli(&rig, &["--pipe"], &pipeline(&lines));
    assert!(said.contains("errors: 0, replies: 20000"), "{said}");
    assert_eq!(rig.client().call("DBSIZE"), format!(":{}\r\n", 5000 + 7));
    let wrong = pipeline(&["SET s 1", "LPUSH s 2", "GET s"]);
    let mut child = Command::new("redis-cli");
    child
        .args(["-p", &rig.proxy.address().port().to_string(), "--pipe"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = child.stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&wrong).unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(said.contains("errors: 1, replies: 3"), "{said}");
}

#[test]
fn a_script_prints_what_it_prints_before_one_redis() {
    let rig = ClusterRig::start(&[]);
    let script = "MSET k 1 l 2 m 3\nINCR k\nHSET h f v\nHGETALL h\nMGET k l m n\nMULTI\nGET k\nEXEC\nDEL k l m n\nNOSUCH x\nLPUSH q 1\n\
        DBSIZE\nEVAL \"return redis.call('llen',KEYS[1])\" 1 q\nSELECT 0\nPING\n";
    for args in [&[][..], &["-3"], &["--no-raw"], &["-3", "--json"], &["-c"]] {
        rig.direct().call("FLUSHALL");
        rig.client().call("FLUSHALL");
        let itself = tool("redis-cli", rig.one.address(), args, script.as_bytes());
        assert_eq!(redis_cli(&rig, args, script.as_bytes()), itself, "{args:?}");
    }
}

#[test]
fn the_benchmark_runs_every_load() {
    let rig = ClusterRig::start(&[]);
    let loads = "ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,lrange_600,mset";
    for args in [&["-P", "1"][..], &["-P", "16"], &["-P", "16", "-3"], &["-P", "5", "--threads", "2"]] {
        let all = [&["-n", "3000", "-c", "20", "-r", "500", "-d", "40", "-q", "-t", loads], args].concat();
        let said = tool("redis-benchmark", rig.proxy.address(), &all, b"");
        for name in
            ["SET:", "GET:", "INCR:", "LPUSH:", "SADD:", "HSET:", "ZADD:", "LRANGE_600 ", "MSET (10 keys):"]
        {
            let line = said.split(['\r', '\n']).rfind(|line| line.starts_with(name));
            assert!(line.is_some_and(|line| line.contains("requests per second")), "{name} {args:?}: {said}");
        }
        for fault in ["rror", "WARNING"] {
            assert!(!said.contains(fault), "{args:?}: {said}");
        }
    }
    let mut client = rig.client();
    let sizes: Vec<i64> =
        rig.masters().iter_mut().map(|master| master.call("DBSIZE")[1..].trim().parse().unwrap()).collect();
    assert!(sizes.iter().all(|size| *size > 50), "{sizes:?}");
    assert_eq!(client.call("DBSIZE"), format!(":{}\r\n", sizes.iter().sum::<i64>()));
}

//! Tests commands for all shards whose replies are not those of one Redis byte for byte, but must mean the same.

use std::collections::{BTreeMap, BTreeSet};

use tideover_testbed::cluster::ClusterOptions;

use crate::common::cluster::ClusterRig;
use crate::common::compare::Value;
use crate::common::conn::{Conn, pipeline};
use crate::common::until;

/// The slots are 866, 7365 and 12182.
const A_KEY_OF_EACH: [&str; 3] = ["hello", "c", "foo"];

fn value(conn: &mut Conn, line: &str) -> Value {
    Value::of(conn.call(line).as_bytes())
}

fn number(conn: &mut Conn, line: &str) -> i64 {
    value(conn, line).number()
}

/// Checks that every call is answered without an error.
fn all_ok(conn: &mut Conn, lines: &[String]) {
    conn.write(&pipeline(lines));
    for line in lines {
        let reply = conn.reply();
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
}

fn fields(conn: &mut Conn, line: &str) -> BTreeMap<String, String> {
    let text = value(conn, line).text();
    let text = text.strip_prefix("txt:").unwrap_or(&text);
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn info_is_that_of_one_server_with_all_keys() {
    let rig = ClusterRig::start(&[]);
    let (mut client, mut direct) = (rig.client(), rig.direct());
    let lines: Vec<String> = (0..300).map(|n| format!("SET k{n} {n} EX 1000")).collect();
    all_ok(&mut client, &lines);
    all_ok(&mut direct, &lines);
    for version in ["HELLO 2", "HELLO 3"] {
        let hello = value(&mut client, version);
        let said: Vec<String> = hello.elements().iter().take(12).map(Value::text).collect();
        let of = |name: &str| said[said.iter().position(|word| word == name).unwrap() + 1].clone();
        let info = fields(&mut client, "INFO");
        direct.call(version);
        assert!(info.values().any(|value| *value == of("version")));
        for (field, expected) in [
            ("redis_version", fields(&mut direct, "INFO")["redis_version"].clone()),
            ("redis_mode", of("mode")),
            ("role", of("role")),
            ("cluster_enabled", "0".into()),
            ("loading", "0".into()),
            ("backend_shards", "3".into()),
            ("connected_slaves", "0".into()),
        ] {
            assert_eq!(info.get(field), Some(&expected), "{field} {version}");
        }
        assert!(info["db0"].starts_with("keys=300,expires=300,avg_ttl="), "{}", info["db0"]);
        for line in ["INFO", "INFO everything", "INFO memory", "INFO keyspace server"] {
            let (ours, its): (BTreeSet<_>, BTreeSet<_>) = (
                fields(&mut client, line).into_keys().collect(),
                fields(&mut direct, line).into_keys().filter(|name| !name.contains("stat_")).collect(),
            );
            let missing: Vec<_> = its.difference(&ours).collect();
            assert!(missing.is_empty(), "{line}: {missing:?}");
        }
        assert!(fields(&mut client, "INFO proxy").contains_key("tideover_version"));
    }
    let saved = rig.masters().iter_mut().map(|master| number(master, "LASTSAVE")).min();
    assert_eq!(Some(number(&mut client, "LASTSAVE")), saved);
}

#[test]
fn the_logs_of_all_shards_are_one() {
    let rig = ClusterRig::start(&[]);
    let mut client = rig.client();
    let all_logged = ["CONFIG SET slowlog-log-slower-than 0", "CONFIG SET latency-monitor-threshold 1"];
    all_ok(&mut client, &all_logged.map(str::to_owned));
    for mut master in rig.masters() {
        let said = master.call("CONFIG GET slowlog-log-slower-than");
        assert!(said.ends_with("$1\r\n0\r\n"), "{said}");
    }
    assert_eq!(client.call("SLOWLOG RESET"), "+OK\r\n");
    for key in A_KEY_OF_EACH {
        for slow in ["SET", "APPEND"] {
            client.call(&format!("{slow} {key} v"));
        }
        let busy = "for i=1,200000 do redis.call('get',KEYS[1]) end";
        client.call_args(&["EVAL", busy, "1", key]);
    }
    let log = value(&mut client, "SLOWLOG GET 5");
    let times: Vec<i64> = log.elements().iter().map(|entry| entry.elements()[1].number()).collect();
    assert_eq!(times.len(), 5);
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    assert_eq!(value(&mut client, "SLOWLOG GET").elements().len(), 10);
    assert!(value(&mut client, "SLOWLOG GET -1").elements().len() > 12);
    assert!(number(&mut client, "SLOWLOG LEN") > 12);
    client.call("CONFIG SET slowlog-log-slower-than -1");
    assert_eq!(client.call("SLOWLOG RESET"), "+OK\r\n");
    assert_eq!(number(&mut client, "SLOWLOG LEN"), 0);

    let latest = value(&mut client, "LATENCY LATEST");
    let events: Vec<String> = latest.elements().iter().map(|event| event.elements()[0].text()).collect();
    assert_eq!(events.iter().filter(|event| *event == "command").count(), 1, "{events:?}");
    let history = value(&mut client, "LATENCY HISTORY command");
    let times: Vec<i64> = history.elements().iter().map(|sample| sample.elements()[0].number()).collect();
    assert!(!times.is_empty() && times.is_sorted_by(|one, next| one < next), "{times:?}");
    assert!(client.call("LATENCY GRAPH command").contains("command - high "));
    for version in ["HELLO 2", "HELLO 3"] {
        client.call(version);
        let histograms = value(&mut client, "LATENCY HISTOGRAM eval set");
        let eval = histograms.elements().chunks(2).find(|pair| pair[0].text() == "eval").unwrap();
        assert_eq!(eval[1].elements()[1].number(), 3, "{version}");
        assert_eq!(eval[1].elements()[3].elements().last().unwrap().number(), 3, "{version}");
    }
    assert!(number(&mut client, "LATENCY RESET") >= 3);
    assert_eq!(client.call("LATENCY LATEST"), "*0\r\n");
}

#[test]
fn pubsub_counts_the_clients_of_the_proxy() {
    let rig = ClusterRig::start(&[]);
    let subscribed = |mut conn: Conn| {
        for line in ["SUBSCRIBE news sport", "PSUBSCRIBE n*", "SSUBSCRIBE {a}x", "SSUBSCRIBE foo"] {
            conn.send(line);
            (0..line.split(' ').count() - 1).for_each(|_| drop(conn.frame()));
        }
        conn
    };
    let (_through, _itself) = (subscribed(rig.client()), subscribed(rig.direct()));
    let (mut client, mut direct) = (rig.client(), rig.direct());
    for version in ["HELLO 2", "HELLO 3"] {
        client.call(version);
        direct.call(version);
        for line in [
            "PUBSUB CHANNELS",
            "PUBSUB CHANNELS s*",
            "PUBSUB NUMSUB news nosuch sport",
            "PUBSUB NUMPAT",
            "PUBSUB SHARDCHANNELS",
            "PUBSUB SHARDNUMSUB {a}x foo nosuch",
        ] {
            let sorted = |conn: &mut Conn| {
                let mut elements = value(conn, line);
                if let (Value::List(elements), true) = (&mut elements, line.contains("CHANNELS")) {
                    elements.sort();
                }
                elements
            };
            assert_eq!(sorted(&mut client), sorted(&mut direct), "{line} {version}");
        }
    }
}

#[test]
fn a_random_key_comes_from_any_shard() {
    let rig = ClusterRig::start(&[]);
    let mut client = rig.client();
    assert_eq!(client.call("RANDOMKEY"), "$-1\r\n");
    all_ok(&mut client, &(0..90).map(|n| format!("SET k{n} {n}")).collect::<Vec<_>>());
    let keys: BTreeSet<String> = (0..400).map(|_| value(&mut client, "RANDOMKEY").text()).collect();
    assert!(keys.iter().all(|key| key.starts_with('k')), "{keys:?}");
    for mut master in rig.masters() {
        let own = value(&mut master, "KEYS *");
        assert!(own.elements().iter().any(|key| keys.contains(&key.text())));
    }
}

#[test]
fn a_random_key_is_as_likely_as_any_other_whichever_shard_has_it() {
    let rig = ClusterRig::start(&[]);
    let mut client = rig.client();
    let count = |client: &mut Conn, rounds: usize| {
        let keys: Vec<String> = (0..rounds).map(|_| value(client, "RANDOMKEY").text()).collect();
        keys.iter().filter(|key| *key == "foo").count()
    };
    // Two shards with a key each, and one without.
    all_ok(&mut client, &["SET foo 1".to_owned(), "SET bar 1".to_owned()]);
    let foo = count(&mut client, 200);
    assert!((50..=150).contains(&foo), "foo {foo} times of 200");
    // One has ten times as many.
    all_ok(&mut client, &(0..9).map(|n| format!("SET {n}{{bar}} 1")).collect::<Vec<_>>());
    let foo = count(&mut client, 550);
    assert!((15..=120).contains(&foo), "foo {foo} times of 550");
}

#[test]
fn a_scan_goes_on_when_masters_change() {
    let options = ClusterOptions { replicas: 1, ..ClusterOptions::default() };
    let mut rig = ClusterRig::with(options, &[]);
    let mut client = rig.client();
    all_ok(&mut client, &(0..600).map(|n| format!("SET k{n} {n}")).collect::<Vec<_>>());
    let wait = number(&mut client, "WAIT 1 5000");
    assert_eq!(wait, 1);
    let (mut cursor, mut pages, mut keys) = ("0".to_owned(), 0, BTreeSet::new());
    loop {
        let page = value(&mut client, &format!("SCAN {cursor} COUNT 20"));
        keys.extend(page.elements()[1].elements().iter().map(Value::text));
        cursor = page.elements()[0].text();
        pages += 1;
        if cursor == "0" {
            break;
        }
        assert!(pages < 500, "endless");
        if let Some(slot) = [(4, 0), (15, 8000), (30, 16000)].iter().find(|(at, _)| *at == pages) {
            rig.run(async |cluster| cluster.planned_failover(slot.1, None).await).unwrap();
        }
    }
    assert_eq!(keys.len(), 600, "{pages} pages");
}

#[test]
fn what_one_shard_refuses_is_the_answer_to_the_whole() {
    let rig = ClusterRig::start(&[]);
    let (mut client, mut masters) = (rig.client(), rig.masters());
    all_ok(&mut client, &A_KEY_OF_EACH.map(|key| format!("SET {key} old")));
    assert_eq!(masters[0].call("CONFIG SET maxmemory 1"), "+OK\r\n");
    let [a, b, c] = A_KEY_OF_EACH;
    let oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    assert_eq!(client.call(&format!("MSET {a} new {b} new {c} new")), oom);
    assert_eq!(client.call(&format!("MGET {a} {b} {c}")), "*3\r\n$3\r\nold\r\n$3\r\nnew\r\n$3\r\nnew\r\n");
    assert_eq!(masters[0].call("CONFIG SET maxmemory 0"), "+OK\r\n");
    assert_eq!(client.call(&format!("DEL {a} {b} nosuch {c} {a}")), ":3\r\n");
}

#[test]
fn where_it_is_forbidden_no_write_is_split_but_reads_are() {
    let rig = ClusterRig::start(&["cluster.split_writes=false"]);
    let mut client = rig.client();
    let [a, b, _] = A_KEY_OF_EACH;
    let crossing = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
    for line in [format!("MSET {a} 1 {b} 2"), format!("DEL {a} {b}"), format!("UNLINK {a} {b}")] {
        assert_eq!(client.call(&line), crossing, "{line}");
    }
    assert_eq!(client.call(&format!("MSET {a} 1 {{{a}}}2 2")), "+OK\r\n");
    assert_eq!(client.call(&format!("MGET {a} {b}")), "*2\r\n$1\r\n1\r\n$-1\r\n");
}

#[test]
fn what_is_sent_before_the_cluster_is_known_waits_for_all_of_it() {
    let mut rig = ClusterRig::start(&[]);
    let [a, b, c] = A_KEY_OF_EACH;
    let (_proxy, mut client) = rig.blindfolded(|proxy| {
        let mut client = Conn::open(proxy.address());
        client.write(&pipeline(&[
            "PING".to_owned(),
            format!("MSET {a} 1 {b} 2 {c} 3"),
            "DBSIZE".to_owned(),
            format!("INCR {b}"),
            format!("MGET {c} {b} {a}"),
            "CONFIG SET slowlog-max-len 77".to_owned(),
            "SCAN 0".to_owned(),
            "EVAL return 0".to_owned(),
            "MULTI".to_owned(),
            format!("INCR {c}"),
            format!("SET {a} x"),
            "EXEC".to_owned(),
            "WAIT 0 0".to_owned(),
            format!("DEL {a} {b} {c}"),
        ]));
        assert_eq!(client.reply(), "+PONG\r\n");
        client
    });
    for expected in ["+OK\r\n", ":3\r\n", ":3\r\n", "*3\r\n$1\r\n3\r\n$1\r\n3\r\n$1\r\n1\r\n", "+OK\r\n"] {
        assert_eq!(client.reply(), expected);
    }
    assert!(!client.reply().starts_with("*2\r\n$1\r\n0\r\n"));
    for expected in ["$-1\r\n", "+OK\r\n", "+QUEUED\r\n", "-CROSSSLOT ", "-EXECABORT ", ":0\r\n", ":3\r\n"] {
        let reply = client.reply();
        assert!(reply.starts_with(expected), "{reply} instead of {expected}");
    }
    for mut master in rig.masters() {
        assert!(master.call("CONFIG GET slowlog-max-len").ends_with("$2\r\n77\r\n"));
    }
}

#[test]
fn a_shard_that_is_gone_makes_no_reply_of_less() {
    let options = ClusterOptions { replicas: 0, full_coverage: false, ..ClusterOptions::default() };
    let mut rig = ClusterRig::with(options, &["failover.hold=300ms"]);
    let mut client = rig.client();
    all_ok(&mut client, &A_KEY_OF_EACH.map(|key| format!("SET {key} old")));
    let gone = rig.cluster.nodes()[0];
    rig.cluster.kill(gone);
    let [a, b, c] = A_KEY_OF_EACH;
    until("the loss is known", || client.call(&format!("GET {a}")).starts_with("-LOADING tideover: "));
    for line in [format!("MGET {a} {b} {c}"), "DBSIZE".into(), "KEYS *".into(), format!("EXISTS {a} {b}")] {
        let reply = client.call(&line);
        assert!(reply.starts_with("-LOADING tideover: "), "{line}: {reply}");
    }
    let reply = client.call(&format!("MSET {a} new {b} new {c} new"));
    let half_done = reply.starts_with("-UNCERTAIN tideover: ");
    // It was held before it was sent, so no part of it ran.
    let unsent = reply.starts_with("-LOADING tideover: ");
    let [b_now, c_now] = [b, c].map(|key| value(&mut client, &format!("GET {key}")).text());
    let expected = if half_done { "new" } else { "old" };
    assert!(half_done || unsent, "{reply}");
    assert_eq!([b_now.as_str(), c_now.as_str()], [expected; 2], "{reply}");
}

#[test]
fn msetex_sets_keys_of_any_slots_where_the_servers_know_it() {
    let rig = ClusterRig::start(&[]);
    let (mut client, mut direct) = (rig.client(), rig.direct());
    if direct.call("MSETEX 1 probe 1") != ":1\r\n" {
        println!("SKIPPED: the server knows no MSETEX");
        return;
    }
    let [a, b, c] = A_KEY_OF_EACH;
    for line in [
        format!("MSETEX 3 {a} 1 {b} 2 {c} 3 EX 1000"),
        format!("MGET {a} {b} {c}"),
        format!("MSETEX 3 {a} 4 {b} 5 {c} 6 KEEPTTL"),
        format!("MSETEX 2 {a} 4 {b} 5 EX 0"),
        format!("MSETEX 2 {a} 4 {b} 5 EX"),
        format!("TTL {b}"),
        format!("MGET {a} {b} {c}"),
        format!("MSETEX 2 {a} 4 {{{a}}} 5 NX"),
    ] {
        assert_eq!(client.call(&line), direct.call(&line), "{line}");
    }
    assert!(client.call(&format!("MSETEX 2 {a} 4 {b} 5 XX")).starts_with("-CROSSSLOT "));
}

/// Returns the CPU time that a process has used, in ticks.
fn cpu(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_key_among_many_costs_no_more_than_one_among_few() {
    let rig = ClusterRig::start(&[]);
    let mut client = rig.client();
    let mut cost = |keys: usize, rounds: usize| {
        let pairs: Vec<String> = (0..keys).flat_map(|n| [format!("key:{n}"), format!("value:{n}")]).collect();
        let names: Vec<&str> = pairs.iter().step_by(2).map(String::as_str).collect();
        let before = cpu(rig.proxy.pid());
        for _ in 0..rounds {
            let words: Vec<&str> = std::iter::once("MSET").chain(pairs.iter().map(String::as_str)).collect();
            assert_eq!(client.call_args(&words), b"+OK\r\n");
            let words: Vec<&str> = std::iter::once("MGET").chain(names.iter().copied()).collect();
            let reply = Value::of(&client.call_args(&words));
            assert!(reply.elements().iter().zip(0..).all(|(value, n)| value.text() == format!("value:{n}")));
            let words: Vec<&str> = std::iter::once("DEL").chain(names.iter().copied()).collect();
            assert_eq!(client.call_args(&words), format!(":{keys}\r\n").as_bytes());
        }
        (cpu(rig.proxy.pid()) - before).max(1) as f64
    };
    // The same number of keys in commands of 600 and of 60,000: a quadratic step would take a hundred times as long.
    let (few, many) = (cost(600, 100), cost(60_000, 1));
    assert!(many < 3.0 * few, "{few} {many}");
}

#[test]
fn commands_for_all_shards_may_stand_in_a_transaction() {
    let rig = ClusterRig::start(&[]);
    let mut client = rig.client();
    let [a, b, c] = A_KEY_OF_EACH;
    let fill = [a, b, c].map(|key| format!("SET {key} 1"));
    for (line, expected) in [
        ("DBSIZE", ":3\r\n"),
        ("CONFIG SET slowlog-max-len 77", "+OK\r\n"),
        ("SCRIPT LOAD return{1}", ""),
        ("SCRIPT FLUSH", "+OK\r\n"),
        ("FUNCTION FLUSH", "+OK\r\n"),
        ("FLUSHALL", "+OK\r\n"),
    ] {
        all_ok(&mut client, &fill);
        for queued in [format!("INCR {a}"), line.to_owned(), format!("GET {a}")] {
            if queued.starts_with("INCR") {
                assert_eq!(client.call("MULTI"), "+OK\r\n");
            }
            assert_eq!(client.call(&queued), "+QUEUED\r\n", "{queued}");
        }
        let reply = client.call("EXEC");
        let sha = line.starts_with("SCRIPT LOAD").then(|| client.call(line));
        let expected = sha.as_deref().unwrap_or(expected);
        let last = if line == "FLUSHALL" { "$-1\r\n" } else { "$1\r\n2\r\n" };
        assert_eq!(reply, format!("*3\r\n:2\r\n{expected}{last}"), "{line}");
    }
    assert_eq!(client.call("DBSIZE"), ":0\r\n");
    for mut master in rig.masters() {
        assert!(master.call("CONFIG GET slowlog-max-len").ends_with("$2\r\n77\r\n"));
        assert_eq!(master.call("DBSIZE"), ":0\r\n");
    }
    assert_eq!(client.call("MULTI"), "+OK\r\n");
    for line in ["RANDOMKEY", "SCAN 0"] {
        assert!(client.call(line).contains("a transaction runs on one shard"), "{line}");
    }
}

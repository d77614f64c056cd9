use super::testing::{active_map, active_topology, map_of, thirds, writers};
use super::*;
use crate::command::learned::learn_names;
use crate::command::lookup;
use crate::command::testing::Words;
use crate::config::Writer;
use proptest::prelude::*;

fn planned(line: &str, splitting: Splitting) -> Plan {
    let words = Words::of(line);
    let request = words.request();
    plan(&request, lookup(request.name()), &thirds(), splitting)
}

fn place(lot: Lot) -> String {
    match lot {
        Lot::Slot(slot) => slot.0.to_string(),
        Lot::Home => "home".into(),
        Lot::Aside => "aside".into(),
    }
}

/// Returns a short text for a plan.
pub(super) fn summary(plan: Plan) -> String {
    match plan {
        Plan::One { shard, lot } => format!("{shard}/{}", place(lot)),
        Plan::Split(split) => format!("split {}", split.parts.len()),
        Plan::Everywhere(merge) => format!("all {merge:?}"),
        Plan::Anywhere => "any".into(),
        Plan::Info(merge) => format!("info {merge:?}"),
        Plan::Scan(step) => format!("scan {}", step.shard),
        Plan::Refused(why) => why.into_owned(),
        Plan::Unserved(lot) => format!("unserved {}", place(lot)),
    }
}

#[test]
fn each_request_goes_where_it_belongs() {
    // The slots of the keys: foo 12182, bar 5061, hello 866, a 15495.
    let cases = [
        ("GET foo", "2/12182"),
        ("set bar 1", "0/5061"),
        ("GET", "any"),
        ("MGET foo x{foo}", "2/12182"),
        ("MGET foo bar hello foo", "split 3"),
        ("MSET foo 1 bar 2", "split 2"),
        ("MSET foo 1 bar", "ERR wrong number of arguments for 'mset' command"),
        ("DEL foo bar", "split 2"),
        ("UNLINK foo bar", "split 2"),
        ("EXISTS foo foo bar", "split 2"),
        ("TOUCH foo bar", "split 2"),
        ("MSETNX foo 1 bar 2", CROSS_SLOT),
        ("MSETEX 2 foo 1 bar 2", "split 2"),
        ("MSETEX 2 foo 1 bar 2 EX 100", "split 2"),
        ("MSETEX 2 foo 1 bar 2 KEEPTTL", "split 2"),
        ("MSETEX 2 foo 1 bar 2 EX 100 nx", CROSS_SLOT),
        ("MSETEX 2 foo 1 bar 2 XX", CROSS_SLOT),
        ("MSETEX 2 foo 1 bar 2 PX 1 PX 2", CROSS_SLOT),
        ("MSETEX 2 foo 1 bar", CROSS_SLOT),
        ("MSETEX 2 foo 1 {foo}2 2 NX", "2/12182"),
        ("RENAME foo bar", CROSS_SLOT),
        ("RENAME foo bar hello", "any"),
        ("SMOVE foo bar", "any"),
        ("WATCH foo bar", CROSS_SLOT),
        ("WATCH {foo}1 {foo}2", "2/12182"),
        ("BLPOP foo bar 0", CROSS_SLOT),
        ("BLPOP foo 0", "2/12182"),
        ("XREAD STREAMS foo bar 0 0", CROSS_SLOT),
        ("SORT foo STORE bar", CROSS_SLOT),
        ("SORT foo BY w_* GET #", "2/12182"),
        ("BITOP AND {foo}d {foo}a {foo}b", "2/12182"),
        ("EVAL x 0", "any"),
        ("EVAL x 0 foo", "any"),
        ("EVAL x 1 foo", "2/12182"),
        ("EVAL x 2 foo bar", CROSS_SLOT),
        ("EVAL x 9 foo", "any"),
        ("FCALL f 1 bar", "0/5061"),
        ("OBJECT ENCODING foo", "2/12182"),
        ("OBJECT HELP", "any"),
        ("OBJECT NOSUCH foo", "any"),
        ("MEMORY USAGE bar", "0/5061"),
        ("SPUBLISH foo m", "2/12182"),
        ("SSUBSCRIBE foo bar", CROSS_SLOT),
        ("PUBLISH foo m", "any"),
        ("TIME", "any"),
        ("PING", "any"),
        ("NOSUCH foo", "ERR unknown command 'NOSUCH', with args beginning with: 'foo' "),
        ("SELECT 0", "any"),
        ("SELECT 1", "ERR SELECT is not allowed in cluster mode"),
        ("SELECT x", "ERR value is not an integer or out of range"),
        ("SWAPDB 0 1", "ERR SWAPDB is not allowed in cluster mode"),
        ("MOVE foo 1", "ERR MOVE is not allowed in cluster mode"),
        ("CLUSTER COUNTKEYSINSLOT 5061", "0/5061"),
        ("CLUSTER GETKEYSINSLOT 16384 5", "any"),
        ("CLUSTER INFO", "any"),
        ("SCAN 0", "scan 0"),
        ("SCAN 0 MATCH {foo}*", "scan 2"),
        ("KEYS *", "all Lists"),
        ("KEYS {foo}*", "2/12182"),
        ("DBSIZE", "all Sum"),
        ("RANDOMKEY", "all AnyValue"),
        ("FLUSHALL", "all AllSucceeded"),
        ("FLUSHDB ASYNC", "all AllSucceeded"),
        ("INFO memory", "all Info"),
        ("INFO memory Proxy", "all InfoProxy"),
        ("LASTSAVE", "all Min"),
        ("BGSAVE", "all AllSucceeded"),
        ("MODULE LIST", "all Common"),
        ("WAIT 1 0", "all Min"),
        ("WAITAOF 1 1 0", "all Min"),
        ("SCRIPT LOAD x", "all AllSucceeded"),
        ("SCRIPT FLUSH", "all AllSucceeded"),
        ("SCRIPT EXISTS a b", "all And"),
        ("SCRIPT KILL", "all OneSucceeded"),
        ("FUNCTION LOAD x", "all AllSucceeded"),
        ("FUNCTION DELETE x", "all AllSucceeded"),
        ("FUNCTION FLUSH", "all AllSucceeded"),
        ("FUNCTION RESTORE x", "all AllSucceeded"),
        ("FUNCTION KILL", "all OneSucceeded"),
        ("FUNCTION LIST", "any"),
        ("FUNCTION STATS", "any"),
        ("CONFIG GET x", "any"),
        ("CONFIG SET x y", "all AllSucceeded"),
        ("CONFIG RESETSTAT", "all AllSucceeded"),
        ("CONFIG REWRITE", "all AllSucceeded"),
        ("SLOWLOG GET", "all Newest(10)"),
        ("SLOWLOG GET 3", "all Newest(3)"),
        ("SLOWLOG GET -1", "all Newest(4294967295)"),
        ("SLOWLOG GET x", "all Newest(10)"),
        ("COMMANDLOG GET 4 slow", "all Newest(4)"),
        ("SLOWLOG LEN", "all Sum"),
        ("SLOWLOG RESET", "all AllSucceeded"),
        ("LATENCY LATEST", "all Spikes"),
        ("LATENCY HISTORY command", "all Series"),
        ("LATENCY HISTOGRAM set", "all Histograms"),
        ("LATENCY GRAPH command", "all OneSucceeded"),
        ("LATENCY RESET", "all Sum"),
        ("MEMORY DOCTOR", "all Texts"),
        ("MEMORY PURGE", "all AllSucceeded"),
        ("MEMORY STATS", "any"),
        ("PUBSUB CHANNELS", "all Union"),
        ("PUBSUB NUMSUB a", "all Tally"),
        ("PUBSUB NUMPAT", "all Sum"),
        ("PUBSUB SHARDCHANNELS", "all Union"),
        ("PUBSUB SHARDNUMSUB a", "all Tally"),
        ("ACL SETUSER x", "all AllSucceeded"),
    ];
    for (line, expected) in cases {
        assert_eq!(summary(planned(line, Splitting::All)), expected, "{line}");
    }
}

#[test]
fn what_must_not_be_split_is_a_cross_slot_error() {
    let cases = [
        ("MGET foo bar", Splitting::Reads, "split 2"),
        ("EXISTS foo bar", Splitting::Reads, "split 2"),
        ("TOUCH foo bar", Splitting::Reads, "split 2"),
        ("DEL foo bar", Splitting::Reads, CROSS_SLOT),
        ("MSET foo 1 bar 2", Splitting::Reads, CROSS_SLOT),
        ("UNLINK foo bar", Splitting::Reads, CROSS_SLOT),
        ("MGET foo bar", Splitting::Never, CROSS_SLOT),
        ("DEL foo {foo}2", Splitting::Never, "2/12182"),
        ("KEYS {foo}*", Splitting::Never, "all Lists"),
    ];
    for (line, splitting, expected) in cases {
        assert_eq!(summary(planned(line, splitting)), expected, "{line} {splitting:?}");
    }
}

#[test]
fn a_slot_without_a_shard_holds_the_whole_request() {
    let map = map_of(&[&[(0, 10_000)]]);
    for (line, expected) in
        [("GET foo", "unserved 12182"), ("MGET bar foo", "unserved 12182"), ("GET bar", "0/5061")]
    {
        let words = Words::of(line);
        let request = words.request();
        assert_eq!(summary(plan(&request, lookup(request.name()), &map, Splitting::All)), expected, "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nothing_panics_whatever_a_client_sends(
        name in proptest::sample::select(vec![
            "get", "mset", "mget", "del", "scan", "keys", "select", "cluster", "eval", "sort", "xread", "georadius",
            "migrate", "msetex", "script", "pubsub", "info", "nosuch", "bitop", "zunionstore", "memory",
        ]),
        rest in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..8),
                "(usage|load|match|store|streams|keys|countkeysinslot|[0-9]{1,20}|\\{a\\}\\*)".prop_map(String::into_bytes),
            ], 0..8),
    ) {
        let words = Words::new(std::iter::once(name.as_bytes().to_vec()).chain(rest));
        let request = words.request();
        summary(plan(&request, lookup(request.name()), &thirds(), Splitting::All));
    }
}

/// Measures a plan: `cargo test --release -- --ignored --nocapture plan_of_a_get`.
#[test]
#[ignore = "a measurement"]
fn plan_of_a_get_takes_this_long() {
    let map = thirds();
    let key = "user:1000:session".as_bytes();
    measure("lookup", || {
        std::hint::black_box(lookup(std::hint::black_box(b"GET")));
    });
    learn_names(&["measured.get"]);
    measure("lookup of a learned command", || {
        std::hint::black_box(lookup(std::hint::black_box(b"MEASURED.GET")));
    });
    measure("slot", || {
        std::hint::black_box(Slot::of_key(std::hint::black_box(key)));
    });
    let active = active_map(writers(Writer::Nearest, &[]), &active_topology(7000, 7000, &[&[(0, 16383)]]));
    for (line, map) in [("GET user:1000:session", &active), ("MGET a b c d", &active)] {
        let words = Words::of(line);
        let request = words.request();
        let command = lookup(request.name());
        measure(&format!("active {line}"), || {
            std::hint::black_box(plan(std::hint::black_box(&request), command, map, Splitting::All));
        });
    }
    for line in ["GET user:1000:session", "SET user:1000:session v", "MGET a{t} b{t}", "MGET a b c d", "INFO"]
    {
        let words = Words::of(line);
        let request = words.request();
        let command = lookup(request.name());
        measure(line, || {
            let request = std::hint::black_box(&request);
            std::hint::black_box(plan(request, command, &map, Splitting::All));
        });
    }
}

fn measure(what: &str, mut run: impl FnMut()) {
    let rounds = 3_000_000_u32;
    let began = std::time::Instant::now();
    (0..rounds).for_each(|_| run());
    println!("{what}: {:.1} ns", began.elapsed().as_nanos() as f64 / f64::from(rounds));
}

//! Tables: what servers say of a command, and what becomes of it. The replies are those of Redis 7 and 8 in RESP2.

use super::*;
use crate::command::flags::{Flags, KeyFlags};
use crate::command::lookup::lookup as find_entry;
use crate::command::table::{Handling, Merge, ReplayClass, RequestPolicy, RouteRule, TimeoutArg};
use crate::command::testing::Words;
use crate::command::{command_reply, handling, key_run, may_read_from_replica, replay_class, visit_keys};
use crate::resp::reply::Proto;
use crate::resp::value::Value;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn list(words: &str) -> Value {
    Value::Array(words.split_whitespace().map(text).collect())
}

/// A list of names and values, which are numbers if they look like it.
fn map(pairs: &[(&str, Value)]) -> Value {
    Value::Array(pairs.iter().flat_map(|(name, value)| [text(name), value.clone()]).collect())
}

fn numbers(pairs: &[(&str, i64)]) -> Value {
    map(&pairs.iter().map(|(name, number)| (*name, Value::Int(*number))).collect::<Vec<_>>())
}

fn search(kind: &str, spec: Value) -> Value {
    map(&[("type", text(kind)), ("spec", spec)])
}

fn spec(flags: &str, begin: Value, find: Value) -> Value {
    map(&[("flags", list(flags)), ("begin_search", begin), ("find_keys", find)])
}

fn index(at: i64) -> Value {
    search("index", numbers(&[("index", at)]))
}

fn range(last: i64, step: i64) -> Value {
    search("range", numbers(&[("lastkey", last), ("keystep", step), ("limit", 0)]))
}

/// As COMMAND INFO of Redis 7 has it: flags, key range, categories, tips, specs, subcommands.
fn info(name: &str, flags: &str, keys: [i64; 3], specs: Vec<Value>, subcommands: Vec<Value>) -> Value {
    let [first, last, step] = keys.map(Value::Int);
    let (tips, categories) = (list("nondeterministic_output"), list("@read @slow @json"));
    let specs = [tips, Value::Array(specs), Value::Array(subcommands)];
    Value::Array(
        [vec![text(name), Value::Int(-2), list(flags), first, last, step, categories], specs.to_vec()]
            .concat(),
    )
}

/// A command of a module that has only said where its first and last key are.
fn ranged(name: &str, flags: &str, keys: [i64; 3]) -> Value {
    let [first, last, step] = keys;
    let last = if last >= 0 { last - first } else { last };
    let specs = (first > 0).then(|| spec("RW access update", index(first), range(last, step)));
    info(name, flags, keys, specs.into_iter().collect(), vec![])
}

fn learned(info: &Value) -> Command {
    entry::entry(&Definition::read(info).expect("a command"))
}

fn keys(entry: &Command, line: &str) -> Option<Vec<String>> {
    let words = Words::of(line);
    let mut keys = Vec::new();
    let visited =
        visit_keys(&words.request(), entry, &mut |key| keys.push(String::from_utf8_lossy(key).into_owned()));
    visited.ok().map(|()| keys)
}

#[test]
fn keys_are_where_the_server_says() {
    let keynum = search("keynum", numbers(&[("keynumidx", 0), ("firstkey", 1), ("keystep", 1)]));
    let keyword = search("keyword", map(&[("keyword", text("SOURCES")), ("startfrom", Value::Int(1))]));
    let movable = "write module movablekeys";
    let two = vec![spec("OW update", index(1), range(0, 1)), spec("RO access", index(2), keynum.clone())];
    let behind = vec![spec("RO access", keyword, range(-1, 1))];
    for (info, line, expected) in [
        (ranged("x.get", "readonly module", [1, 1, 1]), "x.get a b", "a"),
        (ranged("x.del", "write module", [1, -1, 1]), "x.del a b", "a b"),
        (ranged("x.ping", "readonly module", [0, 0, 0]), "x.ping a", ""),
        (info("x.merge", movable, [1, 1, 1], two, vec![]), "x.merge d 2 a b c", "d a b"),
        (info("x.from", movable, [0, 0, 0], behind, vec![]), "x.from d SOURCES a b", "a b"),
        // The specs of servers are wrong or missing for these: the overlay has them.
        (ranged("json.mget", "readonly module", [1, 1, 1]), "JSON.MGET a b $.p", "a b"),
        (ranged("json.mset", "write module", [1, 0, 3]), "JSON.MSET a $ 1 b $ 2", "a b"),
        (ranged("FT.SEARCH", "readonly module", [0, 0, 0]), "FT.SEARCH idx *", "idx"),
        (ranged("FT.CURSOR", "readonly module", [0, 0, 0]), "FT.CURSOR READ idx 7", "idx"),
        (ranged("FT._LIST", "readonly module", [0, 0, 0]), "FT._LIST x", ""),
    ] {
        let entry = learned(&info);
        assert_eq!(keys(&entry, line).map(|keys| keys.join(" ")).as_deref(), Some(expected), "{line}");
        assert_eq!(entry.route, RouteRule::Policies, "{line}");
    }
}

#[test]
fn a_command_whose_keys_nobody_tells_is_refused_in_a_cluster() {
    let unknown = || search("unknown", Value::Array(vec![]));
    let plain = || vec![spec("RW access update variable_flags", index(1), range(0, 1))];
    let vague = vec![spec("RW", unknown(), unknown())];
    let incomplete = vec![spec("RW incomplete", index(1), range(0, 1))];
    // Redis 6 has no key specs.
    let old = match ranged("x.old", "write module movablekeys", [1, 1, 1]) {
        Value::Array(items) => Value::Array(items[..7].to_vec()),
        other => other,
    };
    for info in [
        info("x.find", "write module movablekeys", [1, 1, 1], plain(), vec![]),
        info("x.none", "write module movablekeys", [0, 0, 0], vec![], vec![]),
        info("x.vague", "write module", [0, 0, 0], vague, vec![]),
        info("x.some", "write module", [1, 1, 1], incomplete, vec![]),
        old,
    ] {
        let entry = learned(&info);
        let RouteRule::Refuse(why) = entry.route else { panic!("{} is not refused", entry.name) };
        assert!(why.starts_with("tideover: X.") && why.ends_with("do not say where its keys are"), "{why}");
        assert!(why.contains(&entry.name.to_uppercase()), "{why}");
        assert!(entry.key_specs.is_empty());
    }
    let entry = learned(&info("x.set", "write module", [1, 1, 1], plain(), vec![]));
    assert_eq!(entry.route, RouteRule::Policies);
}

#[test]
fn handling_and_replay_follow_from_the_flags() {
    let refused = |entry: &Command| matches!(entry.handling, Handling::Refuse(_));
    for (flags, handled, replay) in [
        ("readonly module", Handling::Forward, ReplayClass::Read),
        ("write module", Handling::Forward, ReplayClass::NotIdempotent),
        ("readonly write module", Handling::Forward, ReplayClass::NotIdempotent),
        ("admin module", Handling::Forward, ReplayClass::NotIdempotent),
        ("readonly blocking module", Handling::Blocking, ReplayClass::Read),
        ("write blocking module", Handling::Blocking, ReplayClass::Destructive),
    ] {
        let entry = learned(&ranged("x.y", flags, [1, 1, 1]));
        assert_eq!((entry.handling, entry.replay), (handled, replay), "{flags}");
        assert_eq!(entry.timeout == Some(TimeoutArg::Unknown), handled == Handling::Blocking, "{flags}");
    }
    for flags in ["pubsub module", "no_auth", "admin no_multi"] {
        assert!(refused(&learned(&ranged("x.y", flags, [0, 0, 0]))), "{flags}");
    }
}

#[test]
fn reads_of_modules_may_go_to_replicas() {
    for (info, line, expected) in [
        (ranged("x.get", "readonly module", [1, 1, 1]), "x.get k", true),
        (ranged("x.set", "write module", [1, 1, 1]), "x.set k", false),
        (ranged("x.wait", "readonly blocking module", [1, 1, 1]), "x.wait k", false),
        (ranged("x.all", "readonly module", [0, 0, 0]), "x.all", false),
        (ranged("ft.search", "readonly module", [0, 0, 0]), "ft.search i q", false),
        (ranged("json.mget", "readonly module", [1, 1, 1]), "json.mget a b $", true),
    ] {
        let (entry, words) = (learned(&info), Words::of(line));
        assert_eq!(may_read_from_replica(&words.request(), &entry), expected, "{line}");
    }
}

#[test]
fn many_keys_are_split_as_the_overlay_says() {
    for (name, flags, line, expected, merge) in [
        ("json.mget", "readonly module", "JSON.MGET a b c $.p", Some((3, 1, 1)), Merge::Positions),
        ("json.mset", "write module", "JSON.MSET a $ 1 b $ 2", Some((2, 3, 0)), Merge::AllSucceeded),
        ("ts.madd", "write module", "TS.MADD a 1 1 b 2 2", Some((2, 3, 0)), Merge::Positions),
        ("json.mget", "readonly module", "JSON.MGET", None, Merge::Positions),
    ] {
        let (entry, words) = (learned(&ranged(name, flags, [1, 1, 1])), Words::of(line));
        let run = key_run(&words.request(), &entry).map(|run| (run.keys, run.step, run.options));
        assert_eq!(run, expected, "{line}");
        assert_eq!(entry.merged(), Some(merge), "{line}");
        assert_eq!(entry.request_policy, Some(RequestPolicy::MultiShard), "{line}");
    }
}

#[test]
fn the_table_wins_and_the_same_definition_is_one_entry() {
    let other_get = Definition::read(&ranged("GET", "write", [2, 2, 1])).expect("a command");
    assert_eq!(learn(vec![other_get], Docs::default()), Lesson::default());
    assert_eq!(find_entry(b"get").map(|get| get.arity), Some(2));

    let first = || Definition::read(&ranged("lt.one", "readonly module", [1, 1, 1])).expect("a command");
    let second = || Definition::read(&ranged("lt.one", "write module", [1, 1, 1])).expect("a command");
    let one = Lesson { learned: 1, left_out: 0 };
    assert_eq!(learn(vec![first()], Docs::default()), one);
    let entry = find_entry(b"Lt.ONE").expect("learned");
    assert_eq!(learn(vec![first()], Docs::default()), Lesson::default());
    assert_eq!(learn(vec![second()], Docs::default()), one);
    assert!(find_entry(b"lt.one").is_some_and(Command::is_write), "the last one holds");
    assert_eq!(learn(vec![first()], Docs::default()), one);
    assert!(std::ptr::eq(entry, find_entry(b"lt.one").expect("learned")), "no entry is made twice");
    for name in ["lt.on", "lt.onee", "", &"x".repeat(NAME + 1)] {
        assert!(find_entry(name.as_bytes()).is_none(), "{name}");
    }
}

#[test]
fn entries_are_bounded() {
    let mut made = Vec::new();
    let definition = |n: usize| Definition { name: format!("lb.{n}"), ..Definition::default() };
    let count = (0..MANY + 10).filter(|n| entry_of(&mut made, definition(*n)).is_some()).count();
    assert_eq!((count, made.len()), (MANY, MANY));
    assert!(entry_of(&mut made, definition(0)).is_some(), "a known one is no new entry");
}

#[test]
fn what_makes_no_sense_is_no_command() {
    for reply in [
        Value::Nil,
        Value::Array(vec![]),
        list("x.y"),
        ranged("x\r\ny", "", [0, 0, 0]),
        ranged("x.y", "", [0, 99_999, 0]),
        ranged(&"x".repeat(200), "", [0, 0, 0]),
    ] {
        assert_eq!(Definition::read(&reply), None, "{reply:?}");
    }
}

/// The answer to a COMMAND request about this module of two commands.
fn answer(line: &str) -> String {
    let get = ranged("lc.box|get", "readonly module", [2, 2, 1]);
    let help = ranged("lc.box|help", "module", [0, 0, 0]);
    let container = info("lc.box", "module", [0, 0, 0], vec![], vec![get, help]);
    let wait = ranged("lc.wait", "readonly blocking module", [1, 1, 1]);
    let definitions = [container, wait].iter().filter_map(Definition::read).collect();
    let argument = map(&[("name", text("key")), ("type", text("key")), ("key_spec_index", Value::Int(0))]);
    let sub = map(&[("summary", text("Gets.")), ("arguments", Value::Array(vec![argument]))]);
    let doc = map(&[
        ("summary", text("A box.")),
        ("module", text("lcmod")),
        ("subcommands", map(&[("lc.box|get", sub)])),
    ]);
    let mut docs = Docs::default();
    docs.read(&map(&[("lc.box", doc)]));
    docs.read(&Value::Error("ERR unknown subcommand".into()));
    learn(definitions, docs);
    let mut out = Vec::new();
    command_reply(&Words::of(line).request(), false, Proto::Resp3, &mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn learned_commands_are_shown_as_those_of_the_table_are() {
    for (line, expected) in [
        ("COMMAND GETKEYS LC.WAIT k v", "*1\r\n$1\r\nk\r\n"),
        ("COMMAND GETKEYS LC.BOX GET k", "*1\r\n$1\r\nk\r\n"),
        ("COMMAND GETKEYS LC.BOX PUT k", "-ERR Invalid command specified\r\n"),
        (
            "COMMAND LIST FILTERBY MODULE lcmod",
            "*3\r\n$6\r\nlc.box\r\n$10\r\nlc.box|get\r\n$11\r\nlc.box|help\r\n",
        ),
        ("COMMAND LIST FILTERBY PATTERN lc.w*", "*1\r\n$7\r\nlc.wait\r\n"),
        (
            "COMMAND DOCS lc.box",
            "%1\r\n$6\r\nlc.box\r\n%3\r\n$6\r\nmodule\r\n$5\r\nlcmod\r\n$7\r\nsummary\r\n$6\r\nA box.\r\n\
             $11\r\nsubcommands\r\n%2\r\n$10\r\nlc.box|get\r\n%2\r\n$9\r\narguments\r\n*1\r\n%3\r\n\
             $14\r\nkey_spec_index\r\n:0\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n\
             $7\r\nsummary\r\n$5\r\nGets.\r\n$11\r\nlc.box|help\r\n%0\r\n",
        ),
    ] {
        assert_eq!(answer(line), expected, "{line}");
    }
    let info = answer("COMMAND INFO lc.wait");
    assert!(
        info.starts_with("*1\r\n*10\r\n$7\r\nlc.wait\r\n:-2\r\n~3\r\n+readonly\r\n+module\r\n+blocking\r\n"),
        "{info}"
    );
    assert!(info.contains("+@json\r\n"), "{info}");
    assert!(answer("COMMAND LIST FILTERBY ACLCAT json").contains("lc.box"));
}

#[test]
fn subcommands_have_entries_of_their_own() {
    answer("COMMAND COUNT");
    for (line, handled, replay) in [
        ("LC.BOX GET k", Handling::Forward, ReplayClass::Read),
        ("LC.BOX PUT k", Handling::Forward, ReplayClass::NotIdempotent),
        ("LC.WAIT k", Handling::Blocking, ReplayClass::Read),
    ] {
        let words = Words::of(line);
        assert_eq!((handling(&words.request()), replay_class(&words.request())), (handled, replay), "{line}");
    }
    let sub = find_entry(b"lc.box").and_then(|command| command.subcommand_named(b"GET")).expect("learned");
    assert_eq!(sub.key_specs.first().map(|spec| spec.flags.contains(KeyFlags::RW)), Some(true));
    assert!(sub.flags.contains(Flags::MODULE));
}

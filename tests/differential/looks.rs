//! How the replies to a command are compared: byte for byte, unless they are not a function of the commands.

use crate::common::compare::How;

/// Replies whose elements have no order: Redis' tables have a seed of their own in each process.
const UNORDERED: &[&str] = &[
    "keys",
    "smembers",
    "sinter",
    "sunion",
    "sdiff",
    "hkeys",
    "hvals",
    "function|list",
    "pubsub|channels",
    "pubsub|shardchannels",
    "config|get",
    "acl|cat",
];

/// Replies that are times.
const TIMES: &[&str] = &["ttl", "pttl", "expiretime", "pexpiretime", "object|idletime"];

/// Replies that are random, or about the process, its clock and its connections. They are of the same type.
const OWN: &[&str] = &[
    "spop",
    "srandmember",
    "hrandfield",
    "zrandmember",
    "randomkey",
    "time",
    "lastsave",
    "dump",
    "function|dump",
    "info",
    "memory|usage",
    "memory|stats",
    "memory|malloc-stats",
    "memory|doctor",
    "slowlog|get",
    "slowlog|len",
    "latency|latest",
    "latency|history",
    "latency|histogram",
    "latency|doctor",
    "latency|graph",
    "client|id",
    "client|info",
    "client|list",
    "acl|genpass",
    "acl|log",
    "lolwut",
    "xinfo|consumers",
    "role",
    "hello",
];

/// Returns how the replies to a command are compared.
pub(crate) fn how(args: &[Vec<u8>]) -> How {
    let (name, both) = names(args);
    let has = |word: &str| args.iter().skip(1).any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    let known = |list: &[&str]| list.contains(&name.as_str()) || list.contains(&both.as_str());
    match name.as_str() {
        // Their rules and texts are those of newer servers.
        "command" => How::Any,
        "asking" | "readonly" | "readwrite" => How::Refused,
        "cluster" => How::Refused,
        "hgetall" => How::Pairs,
        // Redis 7.0 looks at an errno that an earlier command may have left.
        "sort" | "sort_ro" if !has("alpha") => How::Any,
        "sort" | "sort_ro" if has("by") => How::Bag,
        // A part of what is there comes in the order of a table.
        "scan" => How::Kind,
        "hscan" | "sscan" | "zscan" if has("count") || args.get(2).is_some_and(|cursor| cursor != b"0") => {
            How::Kind
        }
        "hscan" | "sscan" | "zscan" => How::Bag,
        "xadd" if args.iter().any(|arg| arg == b"*") => How::Kind,
        "xpending" if args.len() > 3 => How::Kind,
        "xinfo" if has("full") => How::Kind,
        _ if known(UNORDERED) => How::Bag,
        _ if known(TIMES) => How::Near,
        _ if known(OWN) => How::Kind,
        _ => How::Exact,
    }
}

/// Returns the name of a command, and that of its subcommand as the server writes it: `config`, `config|get`.
pub(crate) fn names(args: &[Vec<u8>]) -> (String, String) {
    let word =
        |at: usize| args.get(at).map(|arg| String::from_utf8_lossy(arg).to_lowercase()).unwrap_or_default();
    (word(0), format!("{}|{}", word(0), word(1)))
}

/// Returns true if the name of a command is one of these.
pub(crate) fn is_one_of(args: &[Vec<u8>], list: &[&str]) -> bool {
    let (name, both) = names(args);
    list.contains(&name.as_str()) || list.contains(&both.as_str())
}

//! The commands that are not sent, or not in every place: those that would act on the machine, those that only stories may use,
//! and one rule for each section of `docs/deviations.md`.

use std::collections::BTreeSet;

use crate::looks::{is_one_of, names};

/// Commands about the server itself, its files, its peers and its users: no client of a run may meet their effects.
const ABOUT_THE_SERVER: &[&str] = &[
    "debug",
    "save",
    "bgsave",
    "bgrewriteaof",
    "lastsave",
    "shutdown",
    "failover",
    "replicaof",
    "slaveof",
    "sync",
    "psync",
    "replconf",
    "module",
    "migrate",
    "restore-asking",
    "monitor",
    "pfselftest",
    "config|rewrite",
    "acl|setuser",
    "acl|deluser",
    "acl|load",
    "acl|save",
    "acl|list",
    "acl|users",
    "swapdb",
    "script|debug",
];

/// Commands that change the session or end it: stories use them in their right places.
const OF_STORIES: &[&str] = &[
    "multi",
    "exec",
    "discard",
    "watch",
    "unwatch",
    "subscribe",
    "psubscribe",
    "ssubscribe",
    "unsubscribe",
    "punsubscribe",
    "sunsubscribe",
    "quit",
    "reset",
    "hello",
    "auth",
    "select",
    "client|reply",
    "client|kill",
    "client|tracking",
    "client|caching",
];

/// Returns true if a command of the table is never sent on its own.
pub(crate) fn left_out(words: &[String]) -> bool {
    let args: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    is_one_of(&args, ABOUT_THE_SERVER) || is_one_of(&args, OF_STORIES)
}

/// Where a command is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) in_transaction: bool,
    /// Its client may have subscriptions.
    pub(crate) listens: bool,
    /// The proxy is in front of a cluster.
    pub(crate) in_cluster: bool,
}

/// How a difference that is documented is kept out of the comparison.
enum Rule {
    /// These commands are not sent in this situation.
    Avoid(fn(&[Vec<u8>], Situation) -> bool),
    /// `looks` compares the replies in another way.
    Look,
    /// No story has it.
    NoStory,
}

/// The sections of `docs/deviations.md`.
const RULES: &[(&str, Rule)] = &[
    ("The ends of lines and arguments", Rule::NoStory),
    ("A NUL inside a line", Rule::NoStory),
    ("The length of inline commands", Rule::NoStory),
    ("The size of requests", Rule::NoStory),
    ("QUIT", Rule::NoStory),
    ("HELLO that is refused", Rule::NoStory),
    ("HELLO and AUTH beside a WATCH", Rule::NoStory),
    ("Passwords and names of users", Rule::NoStory),
    ("Bytes in error texts", Rule::NoStory),
    ("Commands and arguments of newer servers", Rule::Avoid(newer)),
    ("Users in CLIENT KILL", Rule::NoStory),
    ("Commands that are not available", Rule::Avoid(not_here)),
    ("Transactions", Rule::Avoid(in_transaction)),
    ("Scripts by their hash", Rule::Avoid(|args, _| is_one_of(args, &["script|flush"]))),
    // `tame` makes all of them long enough.
    ("Time-outs of a few milliseconds", Rule::NoStory),
    ("Messages to oneself", Rule::Avoid(to_oneself)),
    ("Messages and replies", Rule::NoStory),
    ("INFO", Rule::Look),
];

/// The rows of the table "Commands in front of a cluster" in the README that say more than where a command goes.
const IN_CLUSTER: &[(&str, Rule)] = &[
    ("SELECT", Rule::Avoid(|args, _| is_one_of(args, &["select"]) || to_another_database(args))),
    ("SWAPDB, MOVE", Rule::Avoid(|args, _| is_one_of(args, &["swapdb", "move"]))),
    ("SORT with BY or GET patterns", Rule::Avoid(by_pattern)),
];

fn to_another_database(args: &[Vec<u8>]) -> bool {
    is_one_of(args, &["copy"]) && args.iter().any(|arg| arg.eq_ignore_ascii_case(b"db"))
}

fn by_pattern(args: &[Vec<u8>], _: Situation) -> bool {
    let is_pattern = |arg: &Vec<u8>| arg.eq_ignore_ascii_case(b"by") || arg.eq_ignore_ascii_case(b"get");
    is_one_of(args, &["sort", "sort_ro"]) && args.iter().any(is_pattern)
}

/// The arity of ZRANK is told by the node alone, COMMAND has subcommands with other arities, and CLIENT LIST other filters.
fn newer(args: &[Vec<u8>], situation: Situation) -> bool {
    let is_wrong_rank = is_one_of(args, &["zrank", "zrevrank"]) && args.len() != 3;
    (is_wrong_rank && (situation.in_transaction || situation.listens))
        || (situation.in_transaction && is_one_of(args, &["command"]))
        || (is_one_of(args, &["client|list"]) && args.len() > 4)
}

/// Outside of transactions these are an error on both sides: `looks`.
fn not_here(args: &[Vec<u8>], situation: Situation) -> bool {
    situation.in_transaction && is_one_of(args, &["cluster", "asking", "readonly", "readwrite"])
}

/// What acts behind the transaction, and what a cluster refuses within one.
fn in_transaction(args: &[Vec<u8>], situation: Situation) -> bool {
    let refused = situation.in_cluster && is_one_of(args, &["scan", "randomkey", "info", "pubsub"]);
    situation.in_transaction && (refused || is_one_of(args, &["client|pause"]))
}

/// A transaction does not publish if its client may listen.
fn to_oneself(args: &[Vec<u8>], situation: Situation) -> bool {
    let publishes = ["publish", "spublish"].contains(&names(args).0.as_str());
    situation.in_transaction && situation.listens && publishes
}

/// Returns true if one of the rules says that a command is not sent here.
pub(crate) fn avoid(args: &[Vec<u8>], situation: Situation) -> bool {
    let further = if situation.in_cluster { IN_CLUSTER } else { &[] };
    let mut rules = RULES.iter().chain(further);
    rules.any(|(_, rule)| matches!(rule, Rule::Avoid(applies) if applies(args, situation)))
}

#[test]
fn there_is_a_rule_for_each_section_about_deviations() {
    let page = include_str!("../../docs/deviations.md");
    let sections: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(RULES.iter().map(|(section, _)| *section).collect::<BTreeSet<_>>(), sections);
}

#[test]
fn the_rules_for_a_cluster_are_rows_of_the_readme() {
    let page = include_str!("../../README.md");
    for (row, _) in IN_CLUSTER {
        assert!(page.contains(&format!("| {row} |")), "{row}");
    }
}

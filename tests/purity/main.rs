//! Checks that the pure parts of the code stay pure, and that modules only use those in front of them.
//!
//! The test reads the text of the sources. Tests within the sources may do as they like.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod calls;
mod shape;
mod source;

use std::collections::BTreeSet;

use source::{code, product, relative, rust_files, source_root};

/// The modules that the map calls pure: no socket, no clock, no task, no tokio, no file.
const PURE: &[&str] = &[
    "resp",
    "command",
    "topology",
    "face",
    "ids.rs",
    "reasons.rs",
    "failover.rs",
    "reads",
    "client",
    "node",
    "core",
    "config",
    "discovery/diagnose",
    "discovery/findings.rs",
    "discovery/fixed",
    "discovery/lag.rs",
    "discovery/learning/turns.rs",
    "discovery/node_reply.rs",
    "discovery/outage_log.rs",
    "discovery/peer.rs",
    "discovery/question.rs",
    "discovery/readiness_log.rs",
    "discovery/schedule.rs",
    "discovery/sentinel",
    "discovery/cluster",
    "discovery/active",
    "route",
    "split",
    "replicas/facts.rs",
    "replicas/notices.rs",
    "replicas/trouble.rs",
    "sampler/look.rs",
    "sampler/notices.rs",
    "sampler/pace.rs",
    "sampler/reading.rs",
    "sampler/suspects.rs",
    "admin/view.rs",
    "admin/route.rs",
    "../crates/testbed/src/book.rs",
    "../crates/testbed/src/jobs.rs",
    "../crates/testbed/src/ledger.rs",
    "../crates/testbed/src/ledger",
    "../crates/testbed/src/queue.rs",
    "../crates/testbed/src/round.rs",
    "../crates/testbed/src/verdict.rs",
];

/// The exceptions within these: the shells that read a file, publish, or date an event.
const SHELLS: &[&str] = &["topology/cell.rs", "topology/events.rs", "config/load.rs"];

const IMPURE: &[&str] = &[
    "tokio",
    "Instant::now",
    "SystemTime::now",
    "std::net::Tcp",
    "std::net::Udp",
    "std::net::{",
    "std::os::unix::net",
    "std::fs",
    "std::thread",
    "std::process",
];

/// The modules that each module may use: only modules further up in this table, and of these only the named ones. A
/// module may always use itself.
const EDGES: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("reasons", &[]),
    ("resp", &[]),
    ("topology", &[]),
    ("config", &["topology"]),
    ("logging", &["config"]),
    ("command", &["reasons", "resp"]),
    ("split", &["command", "resp"]),
    ("route", &["command", "config", "resp", "split", "topology"]),
    ("face", &["command", "config", "resp", "topology"]),
    ("failover", &["command", "config", "reasons", "resp"]),
    ("fuzz", &["command", "config", "resp", "route", "split"]),
    ("compatibility", &["command", "config", "face", "failover", "route", "topology"]),
    ("reads", &["config", "topology"]),
    ("metrics", &["reasons", "topology"]),
    ("node", &["command", "config", "failover", "ids", "reasons", "resp", "topology"]),
    ("client", &["command", "config", "face", "ids", "node", "reasons", "resp", "route", "split"]),
    (
        "core",
        &[
            "client", "command", "config", "face", "failover", "ids", "metrics", "node", "reads", "reasons",
            "resp", "route", "split", "topology",
        ],
    ),
    ("worker", &["client", "core", "failover", "ids", "node", "topology"]),
    ("discovery", &["command", "config", "reads", "resp", "topology"]),
    ("sampler", &["command", "config", "discovery", "metrics", "reasons", "resp", "topology"]),
    ("replicas", &["config", "discovery", "metrics", "reasons", "resp", "topology", "worker"]),
    ("admin", &["metrics", "topology"]),
    (
        "proxy",
        &[
            "admin",
            "client",
            "command",
            "config",
            "core",
            "discovery",
            "metrics",
            "reasons",
            "replicas",
            "sampler",
            "topology",
            "worker",
        ],
    ),
    ("cli", &["admin", "config", "discovery", "logging", "proxy", "topology"]),
];

#[test]
fn pure_files_name_no_socket_no_clock_and_no_task() {
    let mut files = Vec::new();
    for pure in PURE {
        let path = source_root().join(pure);
        assert!(path.exists(), "{pure} has moved: tell this test where to");
        rust_files(&path, &mut files);
    }
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| !SHELLS.contains(&relative(file).as_str())) {
        for (number, line) in code(file) {
            let named = IMPURE.iter().filter(|impure| line.contains(*impure));
            faults.extend(named.map(|impure| format!("{}:{number} names {impure}", relative(file))));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Checks that the table itself has no circle.
#[test]
fn the_table_of_modules_has_an_order() {
    let known = |at: usize, name: &str| EDGES[..at].iter().any(|(before, _)| *before == name);
    for (at, (module, allowed)) in EDGES.iter().enumerate() {
        let late: Vec<&&str> = allowed.iter().filter(|name| !known(at, name)).collect();
        assert!(late.is_empty(), "{module} may use {late:?}, which stand behind it");
    }
}

#[test]
fn modules_use_only_what_stands_before_them() {
    let mut faults = BTreeSet::new();
    for file in &product() {
        let name = relative(file);
        let module = name.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some((_, allowed)) = EDGES.iter().find(|(from, _)| *from == module) else {
            faults.insert(format!("{name}: its module is not in the table"));
            continue;
        };
        let text: String = code(file).into_iter().map(|(_, line)| line + " ").collect();
        for used in modules_named(&text) {
            if used != module && !allowed.contains(&used.as_str()) {
                faults.insert(format!("{name} uses {used}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What only active nodes need beside their map, and who may not know of it.
const OPTIONAL: &[&str] = &["agreement", "consent", "handover", "sampler"];
const DATA_PATH: &[&str] =
    &["ids", "resp", "command", "split", "route", "failover", "reads", "node", "client", "core", "worker"];

#[test]
fn the_data_path_knows_neither_the_agreement_of_proxies_nor_the_sampler() {
    let mut faults = Vec::new();
    for file in &product() {
        let name = relative(file);
        let module = name.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if !DATA_PATH.contains(&module) || name.ends_with("testing.rs") {
            continue;
        }
        for (number, line) in code(file) {
            let named = OPTIONAL.iter().filter(|word| line.to_lowercase().contains(*word));
            faults.extend(named.map(|word| format!("{name}:{number} names {word}")));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Parses imports: `crate::a::b` and `crate::{a, b::{c, d}}` name `a` and `b`.
fn modules_named(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => found.extend(members(group)),
            None => found.push(rest),
        }
    }
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
    };
    // `crate::Name` would be an item of the crate's root.
    found.into_iter().map(word).filter(|name| name.starts_with(char::is_lowercase)).collect()
}

/// Returns the text at the top level of a group, up to its closing brace.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

#[test]
fn names_of_modules_are_found_in_every_form_of_use() {
    let text =
        "use crate::core::Core; use crate::{ a::{b, c}, d, }; fn f() { crate::main_entry(); crate::Name }";
    assert_eq!(modules_named(text), ["core", "a", "d", "main_entry"]);
}

//! The page as a whole: its text, a table for each group of commands, and the suites.

use crate::command::{self, Command};
use crate::config::FaceKind;

use super::again::again;
use super::suites::suites;
use super::ways::Backend;

/// The groups in the order of the page, with their titles.
const GROUPS: [(&str, &str); 18] = [
    ("string", "Strings"),
    ("generic", "Keys of any type"),
    ("hash", "Hashes"),
    ("list", "Lists"),
    ("set", "Sets"),
    ("sorted-set", "Sorted sets"),
    ("stream", "Streams"),
    ("bitmap", "Bitmaps"),
    ("hyperloglog", "HyperLogLogs"),
    ("geo", "Geographic indexes"),
    ("pubsub", "Publish and subscribe"),
    ("transactions", "Transactions"),
    ("scripting", "Scripts and functions"),
    ("connection", "Connection"),
    ("server", "Server"),
    ("cluster", "Cluster"),
    ("sentinel", "Sentinel"),
    ("module", "Vector sets"),
];

pub(super) fn page() -> String {
    let mut page = include_str!("page.md").to_owned();
    for (group, title) in GROUPS {
        if entries().any(|entry| entry.group == group && !depends_on_face(entry)) {
            page.push_str(&format!("\n### {title}\n\n{}", table_of(group)));
        }
    }
    page.push_str(&table_of_faces());
    page.push_str(&suites());
    page
}

fn table_of(group: &str) -> String {
    let backends = [Backend::fixed(), Backend::sentinel(), Backend::cluster(), Backend::active()];
    let mut table =
        "| command | `fixed`, `sentinel` | `cluster` | `active` | sent again |\n|---|---|---|---|---|\n"
            .to_owned();
    for entry in entries().filter(|entry| entry.group == group && !depends_on_face(entry)) {
        let [fixed, sentinel, cluster, active] = backends.each_ref().map(|backend| backend.way(entry));
        let one = if fixed == sentinel { fixed } else { format!("`fixed`: {fixed}; `sentinel`: {sentinel}") };
        let [cluster, active] = [cluster, active].map(|way| briefly(way, &one));
        table.push_str(&format!("| {} | {one} | {cluster} | {active} | {} |\n", title(entry), again(entry)));
    }
    table
}

/// Shortens what the column before says at length.
fn briefly(way: String, before: &str) -> String {
    if way.len() > 30 && way == before { "the same".to_owned() } else { way }
}

fn depends_on_face(entry: &Command) -> bool {
    let differs = |url: &&str| {
        let ways = [FaceKind::Standalone, FaceKind::Sentinel, FaceKind::Cluster]
            .map(|kind| Backend::with_face(url, kind).way(entry));
        ways.iter().any(|way| *way != ways[0])
    };
    ["redis://h", "redis-sentinel://h/m", "redis-cluster://h", "redis-active://h"].iter().any(differs)
}

/// The faces, in the order of their table.
fn faces() -> [Backend; 5] {
    [
        ("redis://h", FaceKind::Standalone),
        ("redis-sentinel://h/m", FaceKind::Standalone),
        ("redis-sentinel://h/m", FaceKind::Sentinel),
        ("redis-cluster://h", FaceKind::Cluster),
        ("redis-active://h", FaceKind::Cluster),
    ]
    .map(|(url, kind)| Backend::with_face(url, kind))
}

/// Returns what `clients.face` changes.
fn table_of_faces() -> String {
    let mut table = include_str!("faces.md").to_owned();
    for entry in entries().filter(|entry| depends_on_face(entry)) {
        let ways = faces().map(|backend| backend.way(entry));
        table.push_str(&format!("| {} | {} |\n", title(entry), ways.join(" | ")));
    }
    table
}

/// Returns all commands and subcommands that clients can send.
pub(super) fn entries() -> impl Iterator<Item = &'static Command> {
    command::all().flat_map(|command| {
        let alone = command.subcommands.is_empty() || command.arity == -1;
        std::iter::once(command).filter(move |_| alone).chain(command.subcommands)
    })
}

/// Returns the entry of this name, in lower case.
pub(super) fn entry(name: &str) -> &'static Command {
    entries().find(|entry| entry.name == name).expect("a command")
}

fn title(entry: &Command) -> String {
    entry.name.replace('|', " ").to_ascii_uppercase()
}

#[test]
fn the_page_has_every_command_once() {
    let known = |entry: &Command| GROUPS.iter().filter(|(group, _)| *group == entry.group).count();
    for entry in entries() {
        assert_eq!(known(entry), 1, "{}", entry.name);
    }
}

//! Reads `[proxy.backend]`: kind, nodes, and the credentials of the proxy itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::fault::quoted;
use super::machine::{Machine, secret_file};
use super::section::Section;
use super::{Backend, Credentials, Kind, address};
use crate::topology::Endpoint;

pub(super) const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
const SENTINEL_KEYS: [&str; 4] =
    ["master", "sentinel_username", "sentinel_password", "sentinel_password_file"];

/// The value of `kind`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BackendWord {
    Fixed,
    Sentinel,
    Cluster,
    Active,
}

const WORDS: [(&str, Option<BackendWord>); 4] = [
    ("fixed", Some(BackendWord::Fixed)),
    ("sentinel", Some(BackendWord::Sentinel)),
    ("cluster", Some(BackendWord::Cluster)),
    ("active", Some(BackendWord::Active)),
];

pub(super) fn backend(proxy: &Section<'_>, machine: &Machine<'_>) -> Backend {
    let section = proxy.table("backend");
    let word = kind(&section);
    let nodes = nodes(&section, word);
    let own = credentials(&section, ["username", "password", "password_file"], machine);
    let sentinel =
        credentials(&section, ["sentinel_username", "sentinel_password", "sentinel_password_file"], machine);
    let master = master(&section, word);
    let address_map = address_map(&section);
    not_available_table(&section, "tls", &["ca_file", "cert_file", "key_file", "server_name"]);
    section.finish();
    let kind = match word {
        Some(BackendWord::Sentinel) => {
            Kind::Sentinel { sentinels: nodes, master, credentials: sentinel.credentials }
        }
        Some(BackendWord::Cluster) => Kind::Cluster { seeds: nodes },
        Some(BackendWord::Active) => Kind::Active { nodes },
        // Without a node there is a fault, and the config is never used.
        Some(BackendWord::Fixed) | None => {
            Kind::Fixed { node: nodes.into_iter().next().unwrap_or_else(|| Endpoint::new("", 0)) }
        }
    };
    Backend {
        kind,
        credentials: own.credentials,
        password_file: own.file,
        sentinel_password_file: sentinel.file,
        address_map,
    }
}

/// Records a fault for each key of a table that is planned but not available yet, or one for the empty table.
pub(super) fn not_available_table(section: &Section<'_>, key: &'static str, keys: &[&'static str]) {
    let table = section.table(key);
    if section.has(key) && table.is_empty() {
        section.fault(key, "is not available yet");
    }
    table.not_available(keys);
    table.finish();
}

fn kind(section: &Section<'_>) -> Option<BackendWord> {
    section.require("kind", "fixed, sentinel, cluster, active");
    section.choice("kind", &WORDS, None)
}

fn nodes(section: &Section<'_>, word: Option<BackendWord>) -> Vec<Endpoint> {
    let texts = section.list("nodes", address::ENDPOINT_ALLOWED);
    if word == Some(BackendWord::Fixed) && texts.len() > 1 {
        section.fault("nodes", "more than one node; allowed with kind = \"fixed\": exactly one");
    }
    let port = if word == Some(BackendWord::Sentinel) { SENTINEL_PORT } else { REDIS_PORT };
    let mut seen = BTreeSet::new();
    let mut nodes = Vec::new();
    for text in &texts {
        match address::endpoint(&text.value, Some(port)) {
            None => {
                let what =
                    format!("{} is not a node; allowed: {}", quoted(&text.value), address::ENDPOINT_ALLOWED);
                section.fault_at(&text.place, "nodes", what);
            }
            // A sentinel that is listed twice would count twice in a majority.
            Some(node) if !seen.insert(node.clone()) => {
                section.fault_at(
                    &text.place,
                    "nodes",
                    format!("\"{node}\" is listed twice; allowed: each once"),
                );
            }
            Some(node) => nodes.push(node),
        }
    }
    nodes
}

fn master(section: &Section<'_>, word: Option<BackendWord>) -> String {
    let name = section.text("master", MASTER_ALLOWED).map(|text| text.value);
    match word {
        Some(BackendWord::Sentinel) => {
            section.require("master", MASTER_ALLOWED);
            let bad = |name: &&String| {
                name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control())
            };
            if let Some(name) = name.as_ref().filter(bad) {
                section.fault("master", format!("{} is not a name; allowed: {MASTER_ALLOWED}", quoted(name)));
            }
        }
        Some(BackendWord::Fixed | BackendWord::Cluster | BackendWord::Active) => {
            for key in SENTINEL_KEYS.into_iter().filter(|key| section.has(key)) {
                section.fault(key, "is allowed only with kind = \"sentinel\"");
            }
        }
        None => {}
    }
    name.unwrap_or_default()
}

const MASTER_ALLOWED: &str = "the name that the sentinels give the master, such as \"mymaster\"";

/// The credentials of one user of the proxy, and the file that holds the password.
struct Identity {
    credentials: Option<Credentials>,
    file: Option<PathBuf>,
}

/// Reads username and password. No message here shows a password.
fn credentials(section: &Section<'_>, keys: [&'static str; 3], machine: &Machine<'_>) -> Identity {
    let [user_key, password_key, file_key] = keys;
    let username = section.text(user_key, "the name of a user");
    let inline = section.text(password_key, "a password, such as \"${REDIS_PASSWORD}\"");
    let from_file = secret_file(section, file_key, machine);
    if section.has(password_key) && section.has(file_key) {
        section.fault(file_key, format!("contradicts {password_key}; allowed: one of the two"));
    }
    if username.is_some() && !section.has(password_key) && !section.has(file_key) {
        section
            .fault(user_key, format!("has no password; allowed: together with {file_key} or {password_key}"));
    }
    if inline.as_ref().is_some_and(|text| text.value.is_empty()) {
        section.fault(password_key, "is empty; allowed: a password, or no such key");
    }
    let (file, password) = match from_file {
        Some((path, password)) => (Some(path), Some(password)),
        None => (None, inline.map(|text| text.value)),
    };
    let username = username.map(|text| text.value).filter(|name| !name.is_empty());
    Identity { credentials: password.map(|password| Credentials { username, password }), file }
}

fn address_map(section: &Section<'_>) -> BTreeMap<Endpoint, Endpoint> {
    let mut map = BTreeMap::new();
    for (announced, dialled) in section.map("address_map", address::ENDPOINT_ALLOWED) {
        let ends = (address::endpoint(&announced, None), address::endpoint(&dialled.value, None));
        if let (Some(from), Some(to)) = ends {
            map.insert(from, to);
            continue;
        }
        let bad = if ends.0.is_none() { &announced } else { &dialled.value };
        let what = format!("{} is not a node; allowed: {}", quoted(bad), address::ENDPOINT_ALLOWED);
        section.fault_at(&dialled.place, &format!("address_map.{announced:?}"), what);
    }
    map
}

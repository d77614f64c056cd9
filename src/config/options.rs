//! Adds the options of the command line to the tree of a file: `--backend`, `--listen`, `--set failover.hold=10s` and
//! the others.
//!
//! An option becomes a node of the tree, and so it is read and checked as a file is.

use toml::de::{DeTable, DeValue};

use super::fault::{Faults, Place};
use super::tree::{Item, Table, TreeNode, insert, option_value};
use super::{Credentials, url};

const LISTEN: &str = "127.0.0.1:6380";
/// The sections of the whole process, which `--set` can reach beside the keys of the one proxy.
const PROCESS_SECTIONS: [&str; 3] = ["admin", "runtime", "log"];

/// The options of `run`. There is no `Debug`, as the URL may hold a password.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) backend: Option<String>,
    /// If empty, the addresses of the file count, or `127.0.0.1:6380` with `backend`.
    pub(crate) listen: Vec<String>,
    pub(crate) admin: Option<String>,
    pub(crate) workers: Option<String>,
    pub(crate) log: Option<String>,
    pub(crate) log_format: Option<String>,
    /// Settings of the form `key=value`.
    pub(crate) set: Vec<String>,
}

/// Adds the options to `root`; they replace values of the file.
pub(super) fn apply(options: &Options, root: &mut Table, faults: &Faults) {
    let process = [
        ("--admin", ["admin", "listen"], &options.admin),
        ("--workers", ["runtime", "workers"], &options.workers),
        ("--log", ["log", "level"], &options.log),
        ("--log-format", ["log", "format"], &options.log_format),
    ];
    for (name, path, value) in process {
        if let Some(value) = value {
            put(root, &path, &Place::Option(name.into()), Item::Untyped(value.clone()), faults);
        }
    }
    if let Some(url) = &options.backend {
        add_proxy(root, url, faults);
    }
    if !options.listen.is_empty() {
        let place = Place::Option("--listen".into());
        let item = texts(&place, &options.listen);
        put_in_proxy(root, &["listen"], &place, item, faults);
    }
    for setting in &options.set {
        set(root, setting, faults);
    }
}

/// Adds the one proxy of `run --backend`.
fn add_proxy(root: &mut Table, url: &str, faults: &Faults) {
    let place = Place::Option("--backend".into());
    let mut proxy = Table::new();
    proxy.insert(
        "listen".to_owned(),
        TreeNode { place: place.clone(), item: texts(&place, &[LISTEN.to_owned()]) },
    );
    match url::parse(url) {
        Ok(url) => {
            let backend = TreeNode { place: place.clone(), item: Item::Table(backend_table(url, &place)) };
            proxy.insert("backend".to_owned(), backend);
        }
        // Without a proxy to resolve, the fault of the URL is the only one; an empty backend would add others.
        Err(error) => return faults.add(&place, "proxy.backend", error.to_string()),
    }
    let proxy = TreeNode { place: place.clone(), item: Item::Table(proxy) };
    root.insert("proxy".to_owned(), TreeNode { place, item: Item::List(vec![proxy]) });
}

fn backend_table(url: url::BackendUrl, place: &Place) -> Table {
    let mut table = Table::new();
    let mut add = |key: &str, item| {
        table.insert(key.to_owned(), TreeNode { place: place.clone(), item });
    };
    add("kind", Item::Text(url.kind.to_owned()));
    add("nodes", texts(place, &url.nodes));
    if let Some(master) = url.master {
        add("master", Item::Text(master));
    }
    if url.tls {
        add("tls", Item::Table(Table::new()));
    }
    let identities = [
        ("username", "password", url.credentials),
        ("sentinel_username", "sentinel_password", url.sentinel_credentials),
    ];
    for (user_key, password_key, credentials) in identities {
        let Some(Credentials { username, password }) = credentials else { continue };
        add(password_key, Item::Text(password));
        if let Some(username) = username {
            add(user_key, Item::Text(username));
        }
    }
    table
}

fn texts(place: &Place, values: &[String]) -> Item {
    let node = |value: &String| TreeNode { place: place.clone(), item: Item::Text(value.clone()) };
    Item::List(values.iter().map(node).collect())
}

/// Applies one `key=value`, with a key relative to the proxy: `failover.hold=10s`.
fn set(root: &mut Table, setting: &str, faults: &Faults) {
    // A text without "=" may be a secret in the wrong place, so it is not repeated.
    let Some((key, value)) = setting.split_once('=') else {
        let what = "has no \"=\"; allowed: key=value, such as failover.hold=10s";
        return faults.add(&Place::Option("--set".into()), "", what);
    };
    let key = key.trim();
    let place = Place::Option(format!("--set {}", key.escape_debug()).into());
    let Some(path) = key_path(key) else {
        return faults.add(&place, "", "is not a key; allowed: names joined by dots, such as failover.hold");
    };
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let item = option_value(&place, value.trim(), faults);
    if path.first().is_some_and(|first| PROCESS_SECTIONS.contains(first)) {
        put(root, &path, &place, item, faults);
    } else {
        put_in_proxy(root, &path, &place, item, faults);
    }
}

/// Splits a dotted key into its parts; a quoted part may contain dots. `None`: not a key.
fn key_path(key: &str) -> Option<Vec<String>> {
    if key.contains(['\n', '\r', '#', '=']) {
        return None;
    }
    let line = format!("{key} = 0");
    let root = DeTable::parse(&line).ok()?;
    let mut path = Vec::new();
    let mut table = root.get_ref();
    while let Some((name, value)) = table.iter().next() {
        path.push(name.get_ref().to_string());
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    (!path.is_empty()).then_some(path)
}

fn put(table: &mut Table, path: &[&str], place: &Place, item: Item, faults: &Faults) {
    if let Err(what) = insert(table, path, place, item) {
        faults.add(place, "", what);
    }
}

fn put_in_proxy(root: &mut Table, path: &[&str], place: &Place, item: Item, faults: &Faults) {
    let Some(TreeNode { item: Item::List(proxies), .. }) = root.get_mut("proxy") else { return };
    match proxies.as_mut_slice() {
        [TreeNode { item: Item::Table(proxy), .. }] => put(proxy, path, place, item, faults),
        [] | [_] => {}
        _ => faults.add(place, "", "more than one proxy to set it for; allowed: with one [[proxy]]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_split_at_its_dots_but_not_within_quotes() {
        let cases: [(&str, Option<&[&str]>); 8] = [
            ("failover.hold", Some(&["failover", "hold"])),
            ("name", Some(&["name"])),
            ("backend.address_map.\"10.0.0.1:1\"", Some(&["backend", "address_map", "10.0.0.1:1"])),
            ("", None),
            (".", None),
            ("a b", None),
            ("a = 1\nb", None),
            ("a..b", None),
        ];
        for (key, expected) in cases {
            let found = key_path(key);
            let found: Option<Vec<&str>> =
                found.as_ref().map(|path| path.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), expected, "{key}");
        }
    }
}

//! Users and settings of a node, and in what those of a replica differ from its master's. Pure.
//!
//! Of a user only a hash of the rules is kept, and passwords that CONFIG GET would show are not asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use crate::resp::value::Value;
use crate::topology::differences::Difference;

/// The settings that clients would miss after a failover. Those by which nodes differ on purpose are not among them: files,
/// addresses, priorities, the times of snapshots (`save`).
const SETTINGS: &[&str] = &[
    "appendonly",
    "client-output-buffer-limit",
    "client-query-buffer-limit",
    "cluster-node-timeout",
    "cluster-require-full-coverage",
    "databases",
    "lua-time-limit",
    "maxclients",
    "maxmemory",
    "maxmemory-policy",
    "min-replicas-max-lag",
    "min-replicas-to-write",
    "notify-keyspace-events",
    "proto-max-bulk-len",
    "timeout",
    "tracking-table-max-keys",
];

/// What a node says of itself. `None`: it does not say it, as the proxy has no right to ask or the node is too old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    users: Option<BTreeMap<String, u64>>,
    settings: Option<BTreeMap<&'static str, String>>,
}

/// Returns the questions whose replies [`Facts::read`] takes.
pub(super) fn questions() -> Vec<Vec<&'static str>> {
    let settings = SETTINGS.iter().map(|name| vec!["CONFIG", "GET", name]);
    [vec!["ACL", "LIST"]].into_iter().chain(settings).collect()
}

impl Facts {
    pub(super) fn read(replies: &[Value], hasher: &impl BuildHasher) -> Facts {
        let (users, settings) = replies.split_first().unwrap_or((&Value::Nil, &[]));
        let denied = settings.iter().any(|reply| reply.error_code().is_some());
        let values = SETTINGS.iter().zip(settings).filter_map(|(name, reply)| {
            let value = reply.items().get(1).and_then(Value::text)?;
            Some((*name, value.to_owned()))
        });
        Facts {
            users: matches!(users, Value::Array(_)).then(|| read_users(users, hasher)),
            settings: (!denied && !settings.is_empty()).then(|| values.collect()),
        }
    }

    /// Returns true if the node has kept something to itself.
    pub(super) fn is_incomplete(&self) -> bool {
        self.users.is_none() || self.settings.is_none()
    }

    /// Returns in what a replica differs from this master, as far as both are known.
    pub(super) fn difference(&self, replica: &Facts) -> Difference {
        let users = self.users.as_ref().zip(replica.users.as_ref());
        let settings = self.settings.as_ref().zip(replica.settings.as_ref());
        Difference {
            users: users.map(|(own, other)| differing(own, other)),
            settings: settings.map(|(own, other)| {
                let names = differing(own, other).into_iter();
                names.filter(|name| matters(name, own, other)).collect()
            }),
        }
    }
}

/// Returns false for a replica that keeps a log of writes while its master has none: nothing is lost with it.
fn matters(name: &str, master: &BTreeMap<&str, String>, replica: &BTreeMap<&str, String>) -> bool {
    let is_on = |node: &BTreeMap<&str, String>| node.get(name).is_some_and(|value| value == "yes");
    name != "appendonly" || is_on(master) && !is_on(replica)
}

/// Returns the names whose values differ. One that only one side has differs.
fn differing<K: Ord + Clone, V: PartialEq>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> Vec<K> {
    let names: BTreeSet<&K> = one.keys().chain(other.keys()).collect();
    names.into_iter().filter(|name| one.get(name) != other.get(name)).cloned().collect()
}

/// Returns the users in a reply to ACL LIST, whose lines are `user <name> <rules>`, each with a hash of its rules.
fn read_users(reply: &Value, hasher: &impl BuildHasher) -> BTreeMap<String, u64> {
    let users = reply.items().iter().filter_map(|line| {
        let mut words = line.text()?.split(' ').skip(1);
        Some((words.next()?.to_owned(), hasher.hash_one(ordered(words.collect()))))
    });
    users.collect()
}

/// Returns rules in an order that is the same for the same rights: what allows and forbids commands counts in its order,
/// passwords, keys and channels do not.
fn ordered(rules: Vec<&str>) -> (Vec<&str>, Vec<&str>) {
    let (commands, mut others): (Vec<&str>, Vec<&str>) =
        rules.into_iter().partition(|rule| rule.starts_with(['+', '-']));
    others.sort_unstable();
    (commands, others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::RandomState;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    /// What a node says with these users, and these settings beside the defaults.
    fn facts(hasher: &RandomState, users: Option<&[&str]>, settings: Option<&[(&str, &str)]>) -> Facts {
        let denied = || Value::Error("NOPERM this user has no permissions".to_owned());
        let users =
            users.map_or_else(denied, |lines| Value::Array(lines.iter().map(|line| text(line)).collect()));
        let value = |name: &&str| {
            let given = settings?.iter().find(|(given, _)| given == name);
            let value = given.map_or("0", |(_, value)| value);
            Some(Value::Array(vec![text(name), text(value)]))
        };
        let settings = SETTINGS.iter().map(|name| value(name).unwrap_or_else(denied));
        Facts::read(&[users].into_iter().chain(settings).collect::<Vec<Value>>(), hasher)
    }

    #[test]
    fn users_differ_in_their_rights_and_not_in_the_order_of_rules() {
        let hasher = RandomState::new();
        let of = |users: &[&str]| facts(&hasher, Some(users), None);
        let default = "user default on nopass ~* &* +@all";
        let master = of(&[default, "user app on #aa #bb ~a:* ~b:* -@all +get"]);
        for (replica, expected) in [
            (vec![default, "user app on #aa #bb ~a:* ~b:* -@all +get"], vec![]),
            (vec![default, "user app on #bb #aa ~b:* ~a:* -@all +get"], vec![]),
            (vec![default, "user app on #aa #bb ~a:* ~b:* +get -@all"], vec!["app"]),
            (vec![default, "user app off #aa #bb ~a:* ~b:* -@all +get"], vec!["app"]),
            (vec![default, "user app on #aa ~a:* ~b:* -@all +get"], vec!["app"]),
            (vec![default], vec!["app"]),
            (vec!["user app on #aa #bb ~a:* ~b:* -@all +get", "user zoe on"], vec!["default", "zoe"]),
        ] {
            assert_eq!(master.difference(&of(&replica)).users, Some(owned(&expected)), "{replica:?}");
        }
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn settings_differ_if_clients_would_miss_them() {
        let hasher = RandomState::new();
        let of = |settings: &[(&str, &str)]| facts(&hasher, Some(&[]), Some(settings));
        let events = ("notify-keyspace-events", "KEA");
        let (on, off) = (("appendonly", "yes"), ("appendonly", "no"));
        for (master, replica, expected) in [
            (vec![], vec![], vec![]),
            (vec![events], vec![events], vec![]),
            (vec![events], vec![], vec!["notify-keyspace-events"]),
            (vec![], vec![events, ("maxmemory", "1")], vec!["maxmemory", "notify-keyspace-events"]),
            (vec![on], vec![off], vec!["appendonly"]),
            (vec![off], vec![on], vec![]),
        ] {
            let found = of(&master).difference(&of(&replica));
            assert_eq!(found.settings, Some(expected), "{master:?} {replica:?}");
        }
    }

    #[test]
    fn what_a_node_keeps_to_itself_is_no_difference() {
        let hasher = RandomState::new();
        let open = facts(&hasher, Some(&["user default on"]), Some(&[]));
        for (users, settings) in [(false, true), (true, false), (false, false)] {
            let closed = facts(&hasher, users.then_some(&["user default on"]), settings.then_some(&[]));
            assert!(closed.is_incomplete() && !open.is_incomplete());
            let found = open.difference(&closed);
            let expected = Difference { users: users.then(Vec::new), settings: settings.then(Vec::new) };
            assert_eq!(found, expected);
        }
        assert_eq!(Facts::read(&[], &hasher).difference(&open).settings, None);
    }

    #[test]
    fn no_password_is_asked_for() {
        let words: Vec<&str> = questions().into_iter().flatten().collect();
        assert!(!words.iter().any(|word| word.contains("pass") || word.contains("auth")), "{words:?}");
    }
}

//! Which master is asked for its commands when, and whether there is something to learn from it. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::node_reply::info;
use crate::resp::value::Value;
use crate::topology::{Endpoint, Topology};

/// A master. After a restart it counts as another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Master {
    pub(super) endpoint: Endpoint,
    pub(super) run_id: Option<Arc<str>>,
}

/// Whatever tells the commands of one server from those of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    version: Option<String>,
    modules: String,
    commands: Option<i64>,
}

impl Fingerprint {
    /// Reads the replies to INFO server, INFO modules and COMMAND COUNT.
    pub(super) fn of(values: &[Value]) -> Fingerprint {
        let version = |field| values.first().and_then(|server| info(server, field));
        Fingerprint {
            version: version("valkey_version").or(version("redis_version")).map(str::to_owned),
            modules: values.get(1).and_then(Value::text).unwrap_or_default().to_owned(),
            commands: values.get(2).and_then(Value::int),
        }
    }
}

/// The masters that were asked, with what they were when they were asked last. `None`: they did not answer.
#[derive(Debug, Default)]
pub(super) struct Turns {
    asked: BTreeMap<Master, Option<Fingerprint>>,
    last: Option<Master>,
}

impl Turns {
    /// Returns the masters that were never asked, and forgets those that are none any more.
    pub(super) fn newcomers(&mut self, masters: &[Master]) -> Vec<Master> {
        self.asked.retain(|known, _| masters.contains(known));
        masters.iter().filter(|master| !self.asked.contains_key(master)).cloned().collect()
    }

    /// Returns the masters to ask in this round: those that have not answered, and one of the others, each in its turn.
    pub(super) fn round(&mut self, masters: &[Master]) -> Vec<Master> {
        let has_answered = |master: &&Master| matches!(self.asked.get(master), Some(Some(_)));
        let (known, mut due): (Vec<&Master>, Vec<&Master>) = masters.iter().partition(has_answered);
        let after = known.iter().filter(|master| self.last.as_ref().is_none_or(|last| **master > last)).min();
        let next = after.or(known.iter().min()).copied();
        due.extend(next);
        let due = due.into_iter().cloned().collect();
        self.last = next.cloned();
        due
    }

    pub(super) fn note(&mut self, master: Master, fingerprint: Option<Fingerprint>) {
        self.asked.insert(master, fingerprint);
    }

    /// Returns true if a server like this one has told its commands already.
    pub(super) fn knows(&self, fingerprint: &Fingerprint) -> bool {
        self.asked.values().flatten().any(|known| known == fingerprint)
    }
}

/// Returns the masters of a topology.
pub(super) fn masters(topology: &Topology) -> Vec<Master> {
    let nodes = topology.shown().filter_map(|(_, shard)| shard.master_node());
    let mut masters: Vec<Master> =
        nodes.map(|node| Master { endpoint: node.endpoint.clone(), run_id: node.run_id.clone() }).collect();
    masters.sort();
    masters.dedup();
    masters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(host: &str, run: &str) -> Master {
        Master { endpoint: Endpoint::new(host, 1), run_id: Some(run.into()) }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn print(modules: &str, commands: i64) -> Fingerprint {
        Fingerprint::of(&[text("redis_version:7.0.15\r\n"), text(modules), Value::Int(commands)])
    }

    #[test]
    fn new_masters_are_asked_at_once_and_the_others_in_turn() {
        let (a, b, c) = (master("a", "1"), master("b", "1"), master("c", "1"));
        let all = [a.clone(), b.clone(), c.clone()];
        let mut turns = Turns::default();
        assert_eq!(turns.newcomers(&all), all);
        all.iter().for_each(|master| turns.note(master.clone(), Some(print("", 240))));
        assert_eq!(turns.newcomers(&all), []);
        let rounds: Vec<Vec<Master>> = (0..4).map(|_| turns.round(&all)).collect();
        assert_eq!(rounds, [[a.clone()], [b.clone()], [c.clone()], [a.clone()]]);

        turns.note(c.clone(), None);
        assert_eq!(turns.round(&all), [c, b], "one that did not answer is asked in every round");

        let again = master("a", "2");
        assert_eq!(turns.newcomers(std::slice::from_ref(&again)), [again], "after a restart");
        assert_eq!(turns.newcomers(std::slice::from_ref(&a)), [a], "it was forgotten");
    }

    #[test]
    fn only_another_version_other_modules_or_another_number_is_worth_a_question() {
        let mut turns = Turns::default();
        assert!(!turns.knows(&print("", 240)));
        turns.note(master("a", "1"), Some(print("", 240)));
        for (other, known) in
            [(print("", 240), true), (print("module:name=json", 240), false), (print("", 241), false)]
        {
            assert_eq!(turns.knows(&other), known, "{other:?}");
        }
        let newer = Fingerprint::of(&[text("redis_version:8.2.0\r\n"), text(""), Value::Int(240)]);
        assert!(!turns.knows(&newer));
    }
}

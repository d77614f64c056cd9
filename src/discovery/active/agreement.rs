//! How proxies that know nothing of each other agree on who writes which keys: before a node is given keys, all of them
//! must have stopped writing these elsewhere.
//!
//! Pure. Each proxy names its connections to the nodes by what it does ([`Stance`]), and reads in CLIENT LIST what the
//! others do. A name goes with its connection, so nothing is left behind by a proxy that is gone. One that wants to move
//! says that it is ready; once all are, each stops writing what moves, says so, and waits until all have said so. Then
//! it says that it writes as agreed, and looks once more: of two of which one gives up and one goes on, each says it
//! before it looks, so at least one of them sees the other, and stays where it is.
//!
//! A node that is lost needs no agreement: whoever writes there gets no answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::resp::value::Value;

/// The nodes that write, by the first digits of their run ids, which are the same for all proxies.
pub(super) type WriterIds = BTreeSet<String>;

const PREFIX: &str = "tideover-writers";
/// Enough of a run id to tell a few nodes apart.
const DIGITS: usize = 8;

pub(super) fn short(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(DIGITS).collect()
}

/// What a proxy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// It has not begun.
    Asks,
    Writes(WriterIds),
    /// It writes as it did, and would move.
    Ready {
        now: WriterIds,
        next: WriterIds,
    },
    /// It has stopped writing what moves.
    Holds {
        now: WriterIds,
        next: WriterIds,
    },
}

impl Stance {
    /// As the name of a connection.
    pub(super) fn name(&self, instance: &str) -> String {
        let join = |writers: &WriterIds| writers.iter().cloned().collect::<Vec<_>>().join(",");
        let (word, now, next) = match self {
            Stance::Asks => ("asks", String::new(), String::new()),
            Stance::Writes(now) => ("writes", join(now), String::new()),
            Stance::Ready { now, next } => ("ready", join(now), join(next)),
            Stance::Holds { now, next } => ("holds", join(now), join(next)),
        };
        format!("{PREFIX}:{instance}:{word}:{now}:{next}")
    }

    fn parse(word: &str, now: &str, next: &str) -> Option<Stance> {
        let split = |list: &str| list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let (now, next): (WriterIds, WriterIds) = (split(now), split(next));
        Some(match word {
            "asks" => Stance::Asks,
            "writes" => Stance::Writes(now),
            "ready" => Stance::Ready { now, next },
            "holds" => Stance::Holds { now, next },
            _ => return None,
        })
    }

    fn would_move_to(&self, to: &WriterIds) -> bool {
        match self {
            Stance::Asks => true,
            Stance::Writes(now) => now == to,
            Stance::Ready { next, .. } | Stance::Holds { next, .. } => next == to,
        }
    }

    /// It writes nothing elsewhere of what moves.
    fn has_stopped_for(&self, to: &WriterIds) -> bool {
        match self {
            Stance::Asks => true,
            Stance::Writes(now) => now == to,
            Stance::Ready { .. } => false,
            Stance::Holds { next, .. } => next == to,
        }
    }
}

/// What the others say at one node.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OthersSay {
    These(Vec<Stance>),
    /// The node does not let us ask.
    Denied,
}

/// What we say, and what we have heard.
#[derive(Debug)]
pub(super) struct Agreement {
    /// Ours alone.
    instance: String,
    stance: Stance,
    /// Since when we say so.
    since: Duration,
    heard: BTreeMap<usize, (Duration, OthersSay)>,
}

/// How far the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// Not all nodes have told what they say since we have said ours.
    Unknown,
    /// Somebody would not move.
    Against,
    /// All would move; somebody still writes.
    Ready,
    /// Nobody writes elsewhere what moves.
    Stopped,
}

impl Agreement {
    pub(super) fn new(random: u64) -> Agreement {
        let instance = format!("{random:016x}");
        Agreement { instance, stance: Stance::Asks, since: Duration::ZERO, heard: BTreeMap::new() }
    }

    /// For the next questions.
    pub(super) fn name(&self) -> String {
        self.stance.name(&self.instance)
    }

    pub(super) fn stance(&self) -> &Stance {
        &self.stance
    }

    /// Returns whether it matters what the others say.
    pub(super) fn listens(&self) -> bool {
        !matches!(self.stance, Stance::Writes(_))
    }

    /// Since when we would move.
    pub(super) fn ready_since(&self) -> Option<Duration> {
        matches!(self.stance, Stance::Ready { .. }).then_some(self.since)
    }

    pub(super) fn say(&mut self, now: Duration, stance: Stance) {
        if stance != self.stance {
            (self.stance, self.since) = (stance, now);
        }
    }

    /// The reply to CLIENT LIST of a question that carried our name, and was sent then.
    pub(super) fn heard(&mut self, at: usize, sent: Duration, list: &Value) {
        let said = match list.text() {
            Some(list) => OthersSay::These(list.lines().filter_map(|line| self.other(line)).collect()),
            None => OthersSay::Denied,
        };
        self.heard.insert(at, (sent, said));
    }

    fn other(&self, line: &str) -> Option<Stance> {
        let name = line.split(' ').find_map(|field| field.strip_prefix("name="))?;
        let mut parts = name.split(':');
        let (prefix, instance) = (parts.next()?, parts.next()?);
        if prefix != PREFIX || instance == self.instance {
            return None;
        }
        Stance::parse(parts.next()?, parts.next()?, parts.next()?)
    }

    /// `nodes`: those that answer. `None`: one of them has not told yet what is said since we have said ours. Where
    /// nobody lets us ask, there is nobody to agree with.
    fn others(&self, nodes: &[usize]) -> Option<Vec<&Stance>> {
        let mut all = Vec::new();
        for at in nodes {
            let (sent, said) = self.heard.get(at)?;
            match said {
                _ if *sent < self.since => return None,
                OthersSay::These(stances) => all.extend(stances),
                OthersSay::Denied => {}
            }
        }
        Some(all)
    }

    /// Returns how far the others are on the way to these writers.
    pub(super) fn on_the_way_to(&self, to: &WriterIds, nodes: &[usize]) -> Others {
        let Some(others) = self.others(nodes) else { return Others::Unknown };
        if others.iter().all(|stance| stance.has_stopped_for(to)) {
            Others::Stopped
        } else if others.iter().all(|stance| stance.would_move_to(to)) {
            Others::Ready
        } else {
            Others::Against
        }
    }

    /// Somebody writes as agreed already, so that nobody may go back. `None`: not known yet.
    pub(super) fn has_moved_to(&self, to: &WriterIds, nodes: &[usize]) -> Option<bool> {
        Some(self.others(nodes)?.into_iter().any(|stance| *stance == Stance::Writes(to.clone())))
    }

    /// Whoever most of the others write to. Outer `None`: not known yet, or about to change.
    pub(super) fn present(&self, nodes: &[usize]) -> Option<Option<WriterIds>> {
        let mut counts: BTreeMap<&WriterIds, usize> = BTreeMap::new();
        for stance in self.others(nodes)? {
            match stance {
                Stance::Asks => {}
                Stance::Writes(now) | Stance::Ready { now, .. } => *counts.entry(now).or_default() += 1,
                Stance::Holds { .. } => return None,
            }
        }
        Some(counts.into_iter().max_by_key(|(_, count)| *count).map(|(writers, _)| writers.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn writers(names: &str) -> WriterIds {
        names.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn writes(now: &str) -> Stance {
        Stance::Writes(writers(now))
    }

    fn ready(now: &str, next: &str) -> Stance {
        Stance::Ready { now: writers(now), next: writers(next) }
    }

    fn holds(now: &str, next: &str) -> Stance {
        Stance::Holds { now: writers(now), next: writers(next) }
    }

    fn list(stances: &[Stance]) -> Value {
        let line = |(at, stance): (usize, &Stance)| {
            format!("id={at} addr=127.0.0.1:5 fd=8 name={} age=1 db=0\n", stance.name(&format!("other{at}")))
        };
        let foreign =
            "id=9 addr=[::1]:5 name= db=0\nid=10 name=tideover-default\nid=11 name=tideover-writers:x\n";
        let lines: String = stances.iter().enumerate().map(line).collect();
        Value::Text((lines + foreign).into_bytes())
    }

    fn heard(lists: &[Value]) -> Agreement {
        let mut agreement = Agreement::new(7);
        agreement.say(MS * 5, ready("a b", "a b c"));
        lists.iter().enumerate().for_each(|(at, list)| agreement.heard(at, MS * 5, list));
        agreement
    }

    #[test]
    fn a_name_says_what_was_meant() {
        for stance in [Stance::Asks, writes("a b"), writes(""), ready("a", "a b"), holds("a b", "b")] {
            let agreement = heard(&[list(std::slice::from_ref(&stance))]);
            assert_eq!(agreement.others(&[0]), Some(vec![&stance]));
            assert!(!stance.name("x").contains([' ', '\n']));
        }
        let mut own = Agreement::new(7);
        let named = format!("id=1 name={} db=0\n", own.name());
        own.heard(0, MS, &Value::Text(named.into_bytes()));
        assert_eq!(own.others(&[0]), Some(vec![]));
        assert_eq!(short("3d79759e5dcae38d45050de8"), "3d79759e");
    }

    #[test]
    fn all_must_be_ready_and_then_all_must_have_stopped() {
        let to = "a b c";
        for (stances, expected) in [
            (vec![], Others::Stopped),
            (vec![writes("a b")], Others::Against),
            (vec![ready("a b", "a b")], Others::Against),
            (vec![ready("a b", to), writes("a b")], Others::Against),
            (vec![ready("a b", to)], Others::Ready),
            (vec![ready("a b", to), holds("a b", to)], Others::Ready),
            (vec![holds("a b", to), writes(to)], Others::Stopped),
            (vec![Stance::Asks], Others::Stopped),
        ] {
            let agreement = heard(&[list(&stances)]);
            assert_eq!(agreement.on_the_way_to(&writers(to), &[0]), expected, "{stances:?}");
        }
    }

    #[test]
    fn nothing_is_known_before_every_node_has_told_what_is_said_after_ours() {
        let to = writers("a b c");
        let mut agreement = heard(&[list(&[])]);
        assert_eq!(agreement.on_the_way_to(&to, &[0]), Others::Stopped);
        assert_eq!(agreement.on_the_way_to(&to, &[0, 1]), Others::Unknown);
        agreement.heard(1, MS * 6, &list(&[writes("a b")]));
        assert_eq!(agreement.on_the_way_to(&to, &[0, 1]), Others::Against);
        agreement.say(MS * 7, holds("a b", "a b c"));
        assert_eq!(agreement.on_the_way_to(&to, &[0, 1]), Others::Unknown);
        agreement.heard(0, MS * 7, &Value::Error("NOPERM".into()));
        agreement.heard(1, MS * 7, &Value::Error("NOPERM".into()));
        assert_eq!(agreement.on_the_way_to(&to, &[0, 1]), Others::Stopped, "nobody lets us ask");
    }

    #[test]
    fn nobody_goes_back_behind_one_who_has_moved_and_a_newcomer_does_as_most_do() {
        let to = writers("a b c");
        assert_eq!(heard(&[list(&[writes("a b c")])]).has_moved_to(&to, &[0]), Some(true));
        assert_eq!(heard(&[list(&[holds("a b", "a b c")])]).has_moved_to(&to, &[0]), Some(false));
        assert_eq!(heard(&[]).has_moved_to(&to, &[0]), None);
        assert_eq!(heard(&[list(&[writes("a b"), holds("a b", "a b c")])]).present(&[0]), None);
        let stances = [writes("a b"), ready("a b", "a b c"), writes("a b c")];
        assert_eq!(heard(&[list(&stances)]).present(&[0]), Some(Some(writers("a b"))));
        assert_eq!(heard(&[list(&[Stance::Asks])]).present(&[0]), Some(None));
    }
}

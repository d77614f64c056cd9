//! The agreement of proxies that have no connection to each other on which nodes write which keys: before a node is given keys,
//! all proxies must have stopped writing these keys elsewhere.
//!
//! Pure. Each proxy announces what it does in the name of its connections to the nodes ([`Announcement`]), and reads the
//! announcements of the others in CLIENT LIST. A name ends with its connection, so a proxy that is gone leaves nothing behind.
//! A proxy that wants to move keys announces that it is ready. Once all are ready, each one stops writing the keys that move,
//! announces that, and waits until all have done so. Then it announces that it writes as agreed, and reads the lists once
//! more before it does. If one of two proxies gives up while the other goes on, each announces it before it reads, so at
//! least one of them sees the other, and stays as it is.
//!
//! Moving the keys of a lost node needs no agreement: whoever writes there gets no answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::resp::value::Value;

/// The nodes that write keys, by the first digits of their run ids, which are the same for all proxies.
pub(super) type WriterIds = BTreeSet<String>;

const PREFIX: &str = "tideover-writers";
/// The number of digits of a run id that are used: enough to tell a few nodes apart.
const DIGITS: usize = 8;

pub(super) fn short_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(DIGITS).collect()
}

/// The announcement of a proxy: what it does at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Announcement {
    /// The proxy has not begun to write.
    Asks,
    /// The proxy writes to these nodes.
    Writes(WriterIds),
    /// The proxy still writes to `now`, and is ready to move to `next`.
    Ready { now: WriterIds, next: WriterIds },
    /// The proxy has stopped writing the keys that move from `now` to `next`.
    Holds { now: WriterIds, next: WriterIds },
}

impl Announcement {
    /// Returns the name of a connection that makes this announcement.
    pub(super) fn name(&self, instance: &str) -> String {
        let join = |writers: &WriterIds| writers.iter().cloned().collect::<Vec<_>>().join(",");
        let (word, now, next) = match self {
            Announcement::Asks => ("asks", String::new(), String::new()),
            Announcement::Writes(now) => ("writes", join(now), String::new()),
            Announcement::Ready { now, next } => ("ready", join(now), join(next)),
            Announcement::Holds { now, next } => ("holds", join(now), join(next)),
        };
        format!("{PREFIX}:{instance}:{word}:{now}:{next}")
    }

    fn parse(word: &str, now: &str, next: &str) -> Option<Announcement> {
        let split = |list: &str| list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let (now, next): (WriterIds, WriterIds) = (split(now), split(next));
        Some(match word {
            "asks" => Announcement::Asks,
            "writes" => Announcement::Writes(now),
            "ready" => Announcement::Ready { now, next },
            "holds" => Announcement::Holds { now, next },
            _ => return None,
        })
    }

    /// Returns true if the proxy is ready to write to these nodes, or does so already.
    fn would_move_to(&self, to: &WriterIds) -> bool {
        match self {
            Announcement::Asks => true,
            Announcement::Writes(now) => now == to,
            Announcement::Ready { next, .. } | Announcement::Holds { next, .. } => next == to,
        }
    }

    /// Returns true if the proxy writes none of the keys that move to nodes other than these.
    fn has_stopped_for(&self, to: &WriterIds) -> bool {
        match self {
            Announcement::Asks => true,
            Announcement::Writes(now) => now == to,
            Announcement::Ready { .. } => false,
            Announcement::Holds { next, .. } => next == to,
        }
    }
}

/// The announcements of other proxies that one node lists.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OtherProxies {
    These(Vec<Announcement>),
    /// The proxy may not list the clients of this node.
    Denied,
}

/// The announcement of this proxy, and those of the others.
#[derive(Debug)]
pub(super) struct Agreement {
    /// A random name that this proxy alone has.
    instance: String,
    announcement: Announcement,
    /// The time since which the announcement is made.
    since: Duration,
    /// The last list of each node by its place, and the time at which the node was asked for it.
    lists: BTreeMap<usize, (Duration, OtherProxies)>,
}

/// The progress of the other proxies on the way to a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OthersProgress {
    /// Not all nodes have sent a list since this proxy made its announcement.
    Unknown,
    /// Some proxy is not ready.
    Against,
    /// All proxies are ready, but some still write the keys that move.
    Ready,
    /// No proxy writes the keys that move at their old nodes any more.
    Stopped,
}

impl Agreement {
    pub(super) fn new(random: u64) -> Agreement {
        let instance = format!("{random:016x}");
        Agreement {
            instance,
            announcement: Announcement::Asks,
            since: Duration::ZERO,
            lists: BTreeMap::new(),
        }
    }

    /// Returns the name of the connections, for the next questions.
    pub(super) fn name(&self) -> String {
        self.announcement.name(&self.instance)
    }

    pub(super) fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    /// Returns true if the announcements of the others matter.
    pub(super) fn needs_others(&self) -> bool {
        !matches!(self.announcement, Announcement::Writes(_))
    }

    /// Returns the time since which this proxy has been ready to move.
    pub(super) fn ready_since(&self) -> Option<Duration> {
        matches!(self.announcement, Announcement::Ready { .. }).then_some(self.since)
    }

    pub(super) fn announce(&mut self, now: Duration, announcement: Announcement) {
        if announcement != self.announcement {
            (self.announcement, self.since) = (announcement, now);
        }
    }

    /// Takes in the reply to CLIENT LIST of the node at a place. The question was sent at `sent`, with our present name.
    pub(super) fn add_list(&mut self, at: usize, sent: Duration, list: &Value) {
        let listed = match list.text() {
            Some(list) => OtherProxies::These(list.lines().filter_map(|line| self.other(line)).collect()),
            None => OtherProxies::Denied,
        };
        self.lists.insert(at, (sent, listed));
    }

    fn other(&self, line: &str) -> Option<Announcement> {
        let name = line.split(' ').find_map(|field| field.strip_prefix("name="))?;
        let mut parts = name.split(':');
        let (prefix, instance) = (parts.next()?, parts.next()?);
        if prefix != PREFIX || instance == self.instance {
            return None;
        }
        Announcement::parse(parts.next()?, parts.next()?, parts.next()?)
    }

    /// Returns all announcements that these nodes list. `None`: a node has not sent a list since this proxy made its own. If no
    /// node lets the proxy list its clients, there is nobody to agree with.
    fn others(&self, nodes: &[usize]) -> Option<Vec<&Announcement>> {
        let mut all = Vec::new();
        for at in nodes {
            let (sent, listed) = self.lists.get(at)?;
            match listed {
                _ if *sent < self.since => return None,
                OtherProxies::These(announcements) => all.extend(announcements),
                OtherProxies::Denied => {}
            }
        }
        Some(all)
    }

    /// Returns the progress of the others on the way to these writers.
    pub(super) fn progress_to(&self, to: &WriterIds, nodes: &[usize]) -> OthersProgress {
        let Some(others) = self.others(nodes) else { return OthersProgress::Unknown };
        if others.iter().all(|announcement| announcement.has_stopped_for(to)) {
            OthersProgress::Stopped
        } else if others.iter().all(|announcement| announcement.would_move_to(to)) {
            OthersProgress::Ready
        } else {
            OthersProgress::Against
        }
    }

    /// Returns true if some proxy writes as agreed already, so that none may go back. `None`: it is not known yet.
    pub(super) fn has_moved_to(&self, to: &WriterIds, nodes: &[usize]) -> Option<bool> {
        Some(
            self.others(nodes)?
                .into_iter()
                .any(|announcement| *announcement == Announcement::Writes(to.clone())),
        )
    }

    /// Returns the writers that most of the others write to. Outer `None`: they are not known yet, or about to change.
    pub(super) fn majority_writers(&self, nodes: &[usize]) -> Option<Option<WriterIds>> {
        let mut counts: BTreeMap<&WriterIds, usize> = BTreeMap::new();
        for announcement in self.others(nodes)? {
            match announcement {
                Announcement::Asks => {}
                Announcement::Writes(now) | Announcement::Ready { now, .. } => {
                    *counts.entry(now).or_default() += 1
                }
                Announcement::Holds { .. } => return None,
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

    fn writes(now: &str) -> Announcement {
        Announcement::Writes(writers(now))
    }

    fn ready(now: &str, next: &str) -> Announcement {
        Announcement::Ready { now: writers(now), next: writers(next) }
    }

    fn holds(now: &str, next: &str) -> Announcement {
        Announcement::Holds { now: writers(now), next: writers(next) }
    }

    fn list(announcements: &[Announcement]) -> Value {
        let line = |(at, announcement): (usize, &Announcement)| {
            format!(
                "id={at} addr=127.0.0.1:5 fd=8 name={} age=1 db=0\n",
                announcement.name(&format!("other{at}"))
            )
        };
        let foreign =
            "id=9 addr=[::1]:5 name= db=0\nid=10 name=tideover-default\nid=11 name=tideover-writers:x\n";
        let lines: String = announcements.iter().enumerate().map(line).collect();
        Value::Text((lines + foreign).into_bytes())
    }

    fn with_lists(lists: &[Value]) -> Agreement {
        let mut agreement = Agreement::new(7);
        agreement.announce(MS * 5, ready("a b", "a b c"));
        lists.iter().enumerate().for_each(|(at, list)| agreement.add_list(at, MS * 5, list));
        agreement
    }

    #[test]
    fn a_name_says_what_was_announced() {
        for announcement in
            [Announcement::Asks, writes("a b"), writes(""), ready("a", "a b"), holds("a b", "b")]
        {
            let agreement = with_lists(&[list(std::slice::from_ref(&announcement))]);
            assert_eq!(agreement.others(&[0]), Some(vec![&announcement]));
            assert!(!announcement.name("x").contains([' ', '\n']));
        }
        let mut own = Agreement::new(7);
        let named = format!("id=1 name={} db=0\n", own.name());
        own.add_list(0, MS, &Value::Text(named.into_bytes()));
        assert_eq!(own.others(&[0]), Some(vec![]));
        assert_eq!(short_name("3d79759e5dcae38d45050de8"), "3d79759e");
    }

    #[test]
    fn all_must_be_ready_and_then_all_must_have_stopped() {
        let to = "a b c";
        for (announcements, expected) in [
            (vec![], OthersProgress::Stopped),
            (vec![writes("a b")], OthersProgress::Against),
            (vec![ready("a b", "a b")], OthersProgress::Against),
            (vec![ready("a b", to), writes("a b")], OthersProgress::Against),
            (vec![ready("a b", to)], OthersProgress::Ready),
            (vec![ready("a b", to), holds("a b", to)], OthersProgress::Ready),
            (vec![holds("a b", to), writes(to)], OthersProgress::Stopped),
            (vec![Announcement::Asks], OthersProgress::Stopped),
        ] {
            let agreement = with_lists(&[list(&announcements)]);
            assert_eq!(agreement.progress_to(&writers(to), &[0]), expected, "{announcements:?}");
        }
    }

    #[test]
    fn nothing_is_known_before_every_node_has_listed_the_others_after_our_announcement() {
        let to = writers("a b c");
        let mut agreement = with_lists(&[list(&[])]);
        assert_eq!(agreement.progress_to(&to, &[0]), OthersProgress::Stopped);
        assert_eq!(agreement.progress_to(&to, &[0, 1]), OthersProgress::Unknown);
        agreement.add_list(1, MS * 6, &list(&[writes("a b")]));
        assert_eq!(agreement.progress_to(&to, &[0, 1]), OthersProgress::Against);
        agreement.announce(MS * 7, holds("a b", "a b c"));
        assert_eq!(agreement.progress_to(&to, &[0, 1]), OthersProgress::Unknown);
        agreement.add_list(0, MS * 7, &Value::Error("NOPERM".into()));
        agreement.add_list(1, MS * 7, &Value::Error("NOPERM".into()));
        assert_eq!(agreement.progress_to(&to, &[0, 1]), OthersProgress::Stopped, "nobody lets us ask");
    }

    #[test]
    fn nobody_goes_back_behind_one_who_has_moved_and_a_newcomer_does_as_most_do() {
        let to = writers("a b c");
        assert_eq!(with_lists(&[list(&[writes("a b c")])]).has_moved_to(&to, &[0]), Some(true));
        assert_eq!(with_lists(&[list(&[holds("a b", "a b c")])]).has_moved_to(&to, &[0]), Some(false));
        assert_eq!(with_lists(&[]).has_moved_to(&to, &[0]), None);
        assert_eq!(with_lists(&[list(&[writes("a b"), holds("a b", "a b c")])]).majority_writers(&[0]), None);
        let announcements = [writes("a b"), ready("a b", "a b c"), writes("a b c")];
        assert_eq!(with_lists(&[list(&announcements)]).majority_writers(&[0]), Some(Some(writers("a b"))));
        assert_eq!(with_lists(&[list(&[Announcement::Asks])]).majority_writers(&[0]), Some(None));
    }
}

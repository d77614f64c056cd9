//! Which differences are reported: those that were seen twice. A command on its way to the replicas makes one for a moment. Pure.

use std::collections::BTreeMap;

use crate::topology::Endpoint;
use crate::topology::differences::Difference;

/// What is known of each replica.
#[derive(Debug, Default)]
pub(super) struct Notices {
    reported: BTreeMap<Endpoint, Difference>,
    /// Seen once, and not reported yet.
    seen: BTreeMap<Endpoint, Difference>,
}

/// What is to be said of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    Differs(Difference),
    /// It did differ.
    Alike,
}

impl Notices {
    /// Takes in what was found of a replica.
    pub(super) fn note(&mut self, node: &Endpoint, found: Difference) -> Option<Notice> {
        let reported = self.reported.get(node);
        if reported == Some(&found) {
            self.seen.remove(node);
            return None;
        }
        let did_differ = reported.is_some_and(|reported| !reported.is_none());
        let is_sure = found.is_none() || self.seen.get(node) == Some(&found);
        if !is_sure {
            self.seen.insert(node.clone(), found);
            return None;
        }
        self.seen.remove(node);
        self.reported.insert(node.clone(), found.clone());
        match found.is_none() {
            false => Some(Notice::Differs(found)),
            true => did_differ.then_some(Notice::Alike),
        }
    }

    /// Forgets the nodes that are no replicas any more.
    pub(super) fn retain(&mut self, replicas: &[Endpoint]) {
        self.reported.retain(|node, _| replicas.contains(node));
        self.seen.retain(|node, _| replicas.contains(node));
    }

    /// Returns true if something was seen once, so that it is time for another look.
    pub(super) fn are_unsure(&self) -> bool {
        !self.seen.is_empty()
    }

    pub(super) fn reported(&self) -> &BTreeMap<Endpoint, Difference> {
        &self.reported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Difference {
        let users = names.iter().map(|name| (*name).to_owned()).collect();
        Difference { users: Some(users), settings: Some(Vec::new()) }
    }

    #[test]
    fn a_difference_is_reported_once_it_was_seen_twice() {
        let node = Endpoint::new("r", 1);
        let mut notices = Notices::default();
        // What was found, the notice, whether another look is due, what is shown.
        for (found, notice, unsure, shown) in [
            (users(&[]), None, false, Some(users(&[]))),
            (users(&["a"]), None, true, Some(users(&[]))),
            (users(&[]), None, false, Some(users(&[]))),
            (users(&["a"]), None, true, Some(users(&[]))),
            (users(&["a"]), Some(Notice::Differs(users(&["a"]))), false, Some(users(&["a"]))),
            (users(&["a"]), None, false, Some(users(&["a"]))),
            (users(&["a", "b"]), None, true, Some(users(&["a"]))),
            (users(&["b"]), None, true, Some(users(&["a"]))),
            (users(&["b"]), Some(Notice::Differs(users(&["b"]))), false, Some(users(&["b"]))),
            (users(&[]), Some(Notice::Alike), false, Some(users(&[]))),
        ] {
            assert_eq!(notices.note(&node, found.clone()), notice, "{found:?}");
            assert_eq!(notices.are_unsure(), unsure, "{found:?}");
            assert_eq!(notices.reported().get(&node), shown.as_ref(), "{found:?}");
        }
    }

    #[test]
    fn a_node_that_is_no_replica_any_more_is_forgotten() {
        let node = Endpoint::new("r", 1);
        let mut notices = Notices::default();
        notices.note(&node, users(&["a"]));
        assert!(notices.reported().is_empty() && notices.are_unsure());
        notices.retain(&[Endpoint::new("other", 1)]);
        assert!(!notices.are_unsure());
        for _ in 0..2 {
            notices.note(&node, users(&["a"]));
        }
        notices.retain(std::slice::from_ref(&node));
        assert_eq!(notices.reported().len(), 1);
        notices.retain(&[]);
        assert!(notices.reported().is_empty());
    }
}

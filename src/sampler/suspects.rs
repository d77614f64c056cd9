//! Remembers keys that differed, and decides which of them have diverged. Pure.
//!
//! A write on its way makes nodes differ as well, so one look proves nothing. A key has diverged if the nodes differed at
//! every look for longer than `settle`, **and** one of them held the same value all that time: it had long enough to
//! receive any write from elsewhere. As long as the values at all nodes keep changing, clients keep writing the key, and
//! every look may have met a write on its way: such a key never counts as diverged, however long it differs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::look::{HeldValue, Look};
use crate::topology::Endpoint;

pub(super) type SuspectKey = Arc<[u8]>;

/// Most keys that are remembered. Keys found beyond that only count as different.
const MOST: usize = 1024;
/// Number of looks that must have found a node unchanged. With fewer, a value that alternates could seem unchanged.
const LOOKS: u32 = 4;
/// Number of looks in the time of `settle` at a key that has not diverged.
const LOOKS_PER_SETTLE: u32 = 4;

/// The meaning of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookVerdict {
    Agrees,
    /// The key had diverged, and all nodes that differed hold the same value now.
    Healed,
    /// The nodes differ, perhaps by a write on its way; or the key has diverged before.
    Differs,
    /// The key has diverged with this look. Returned once for each key until it agrees again.
    Diverged,
}

#[derive(Debug)]
pub(super) struct Suspects {
    settle: Duration,
    known: HashMap<SuspectKey, SuspectedKey>,
    /// Every known key by the time of its next look.
    queue: BTreeSet<(Duration, SuspectKey)>,
    /// The budget of looks at known keys, counted in half looks: they get no more than half of all looks, so that new keys
    /// are found even if many differ.
    half_looks: usize,
}

#[derive(Debug)]
struct SuspectedKey {
    /// The nodes of the last look at which the key differed.
    held: Vec<Steady>,
    diverged: bool,
    /// The time of the next look.
    next: Duration,
}

/// A node that `looks` looks in a row found unchanged, the first of them at `since`.
#[derive(Debug)]
struct Steady {
    node: Endpoint,
    held: HeldValue,
    since: Duration,
    looks: u32,
}

impl Suspects {
    pub(super) fn new(settle: Duration) -> Self {
        Suspects { settle, known: HashMap::new(), queue: BTreeSet::new(), half_looks: 0 }
    }

    /// Returns the known keys to look at now, given `room` for looks in all. The next look at each is scheduled already, so
    /// that a key comes again even if this look fails.
    pub(super) fn due(&mut self, now: Duration, room: usize) -> Vec<SuspectKey> {
        self.half_looks = (self.half_looks + room).min(2 * room.max(1));
        let mut keys = Vec::new();
        while keys.len() < room && self.half_looks >= 2 {
            let Some(key) =
                self.queue.first().filter(|(next, _)| *next <= now).map(|(_, key)| Arc::clone(key))
            else {
                break;
            };
            let Some(suspect) = self.take(&key) else { break };
            self.keep(now, &key, suspect);
            self.half_looks -= 2;
            keys.push(key);
        }
        keys
    }

    pub(super) fn record(&mut self, now: Duration, key: &SuspectKey, look: &Look) -> LookVerdict {
        match (self.take(key), look.agrees()) {
            (None, true) => LookVerdict::Agrees,
            (None, false) => {
                let mut suspect = SuspectedKey { held: Vec::new(), diverged: false, next: now };
                suspect.record_difference(now, look, self.settle);
                self.keep(now, key, suspect);
                LookVerdict::Differs
            }
            (Some(suspect), true) if !suspect.diverged => LookVerdict::Agrees,
            (Some(suspect), true) if suspect.is_complete(look) => LookVerdict::Healed,
            // Some of the nodes that differed are missing: that the others agree proves nothing.
            (Some(suspect), true) => {
                self.keep(now, key, suspect);
                LookVerdict::Agrees
            }
            (Some(mut suspect), false) => {
                let newly = suspect.record_difference(now, look, self.settle);
                self.keep(now, key, suspect);
                if newly { LookVerdict::Diverged } else { LookVerdict::Differs }
            }
        }
    }

    /// Returns the number of remembered keys that have diverged.
    pub(super) fn diverged(&self) -> usize {
        self.known.values().filter(|suspect| suspect.diverged).count()
    }

    fn take(&mut self, key: &SuspectKey) -> Option<SuspectedKey> {
        let suspect = self.known.remove(key)?;
        self.queue.remove(&(suspect.next, Arc::clone(key)));
        Some(suspect)
    }

    fn keep(&mut self, now: Duration, key: &SuspectKey, mut suspect: SuspectedKey) {
        if self.known.len() >= MOST {
            return;
        }
        suspect.next = now + if suspect.diverged { self.settle } else { self.settle / LOOKS_PER_SETTLE };
        self.queue.insert((suspect.next, Arc::clone(key)));
        self.known.insert(Arc::clone(key), suspect);
        debug_assert_eq!(self.known.len(), self.queue.len());
    }
}

impl SuspectedKey {
    /// Records a look at which the nodes differ. Returns true if the key has diverged with it.
    fn record_difference(&mut self, now: Duration, look: &Look, settle: Duration) -> bool {
        self.held = look.nodes().map(|(node, held)| self.steady(now, node, held)).collect();
        let settled = |node: &Steady| now.saturating_sub(node.since) > settle && node.looks >= LOOKS;
        let newly = !self.diverged && self.held.iter().any(settled);
        self.diverged |= newly;
        newly
    }

    /// Continues the record of a node. One that was missing at the last look begins anew, as one that changed does.
    fn steady(&self, now: Duration, node: &Endpoint, held: &HeldValue) -> Steady {
        let before = self.held.iter().find(|before| before.node == *node && before.held == *held);
        let (since, looks) = before.map_or((now, 0), |before| (before.since, before.looks));
        Steady { node: node.clone(), held: *held, since, looks: looks + 1 }
    }

    /// Returns true if all nodes that differed are in this look.
    fn is_complete(&self, look: &Look) -> bool {
        self.held.iter().all(|before| look.nodes().any(|(node, _)| *node == before.node))
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::look;
    use super::*;

    const SETTLE: Duration = Duration::from_secs(10);
    const S: Duration = Duration::from_secs(1);

    fn key(name: &str) -> SuspectKey {
        name.as_bytes().into()
    }

    /// Looks at one key at the given seconds, and returns a letter for the verdict of each look.
    fn verdicts(looks: &[(u32, &str)]) -> String {
        let mut suspects = Suspects::new(SETTLE);
        let letter = |verdict| match verdict {
            LookVerdict::Agrees => '=',
            LookVerdict::Healed => 'h',
            LookVerdict::Differs => '.',
            LookVerdict::Diverged => 'D',
        };
        let looked = looks.iter().map(|(at, held)| suspects.record(S * *at, &key("k"), &look(held)));
        looked.map(letter).collect()
    }

    #[test]
    fn a_key_diverges_when_a_node_stays_behind_for_longer_than_settle() {
        type Case<'a> = (&'a str, &'a [(u32, &'a str)], &'a str);
        let cases: [Case<'_>; 14] = [
            ("agrees", &[(0, "xx"), (5, "yy")], "=="),
            ("a write on its way", &[(0, "xy"), (1, "yy")], ".="),
            ("differs for good", &[(0, "xy"), (3, "xy"), (6, "xy"), (10, "xy"), (11, "xy")], "....D"),
            ("not longer than settle", &[(0, "xy"), (3, "xy"), (6, "xy"), (10, "xy")], "...."),
            ("too few looks", &[(0, "xy"), (50, "xy"), (99, "xy")], "..."),
            (
                "counted once, healed once",
                &[(0, "xy"), (3, "xy"), (6, "xy"), (11, "xy"), (20, "xy"), (30, "xx"), (40, "xx")],
                "...D.h=",
            ),
            (
                "written all the time, and differs at every look",
                &[(0, "ab"), (3, "cd"), (6, "ef"), (9, "gh"), (12, "ij"), (15, "kl"), (99, "mn")],
                ".......",
            ),
            (
                "written all the time on one node, which the other does not hear of",
                &[(0, "ax"), (3, "bx"), (6, "cx"), (9, "dx"), (12, "ex")],
                "....D",
            ),
            (
                "a change begins anew",
                &[(0, "ax"), (3, "ax"), (6, "ax"), (9, "by"), (12, "by"), (15, "by"), (18, "by"), (21, "by")],
                ".......D",
            ),
            (
                "an agreement begins anew",
                &[(0, "xy"), (3, "xy"), (6, "xy"), (9, "yy"), (12, "xy"), (15, "xy")],
                "...=..",
            ),
            ("a delete that came back", &[(0, "x-"), (3, "x-"), (6, "x-"), (11, "x-"), (12, "--")], "...Dh"),
            ("one of three", &[(0, "xxy"), (3, "xxy"), (6, "xxy"), (11, "xxy"), (12, "xxx")], "...Dh"),
            (
                "the one that differs is down: not healed until it is back and agrees",
                &[(0, "xxy"), (3, "xxy"), (6, "xxy"), (11, "xxy"), (12, "xx "), (22, "xxy"), (32, "xxx")],
                "...D=.h",
            ),
            (
                "the one that differs was away: it begins anew, the others have not changed",
                &[(0, "xxy"), (3, "xxy"), (6, "xx "), (9, "xxy"), (12, "xxy"), (15, "xxy")],
                "..=...",
            ),
        ];
        for (what, looks, expected) in cases {
            assert_eq!(verdicts(looks), expected, "{what}");
        }
    }

    #[test]
    fn known_keys_come_again_until_they_are_settled_and_more_seldom_when_they_have_diverged() {
        let mut suspects = Suspects::new(SETTLE);
        let mut seen = Vec::new();
        suspects.record(Duration::ZERO, &key("k"), &look("xy"));
        for tenth in 1..400 {
            let now = S * tenth / 10;
            for due in suspects.due(now, 4) {
                seen.push(tenth);
                suspects.record(now, &due, &look("xy"));
            }
        }
        assert_eq!(seen, [25, 50, 75, 100, 125, 225, 325]);
        assert_eq!(suspects.diverged(), 1);
    }

    #[test]
    fn a_key_that_cannot_be_looked_at_comes_again() {
        let mut suspects = Suspects::new(SETTLE);
        suspects.record(Duration::ZERO, &key("k"), &look("xy"));
        assert_eq!(suspects.due(S, 4).len(), 0);
        assert_eq!(suspects.due(S * 3, 4).len(), 1);
        assert_eq!(suspects.due(S * 3, 4).len(), 0);
        assert_eq!(suspects.due(S * 6, 4).len(), 1);
    }

    #[test]
    fn known_keys_get_half_of_the_looks_and_are_bounded_in_number() {
        let mut suspects = Suspects::new(SETTLE);
        for number in 0..2 * MOST {
            suspects.record(Duration::ZERO, &key(&number.to_string()), &look("xy"));
        }
        assert_eq!(suspects.known.len(), MOST);
        for room in [1, 3, 16] {
            let (mut again, mut all) = (0, 0);
            for _ in 0..20 {
                again += suspects.due(SETTLE, room).len();
                all += room;
            }
            assert!(again.abs_diff(all / 2) <= room, "{again} of {all}");
        }
    }
}

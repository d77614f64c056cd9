//! Who gets which commands: what must change because a node cannot serve, and what should change when there is time.
//!
//! Pure. Nodes are named by their place in the slice, which is the order of the list.

use std::collections::BTreeSet;

use super::agreement::{self, WriterIds};
use super::choice::{Candidate, ReadPolicy, preferred};
use super::writers;
use crate::config::{Active, Writer};

/// What there is to be assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duties {
    pub(super) home: ReadPolicy,
    /// For keys whose rule asks for the other policy.
    pub(super) aside: Option<ReadPolicy>,
    /// Some keys, or all, have writers of their own.
    pub(super) by_key: bool,
}

impl Duties {
    pub(super) fn of(active: &Active) -> Duties {
        let asked = |writer: Writer| active.rules.iter().any(|rule| rule.writer == writer);
        let (home, other, other_writer) = match active.writer {
            Writer::Nearest | Writer::Key => (ReadPolicy::Nearest, ReadPolicy::First, Writer::First),
            Writer::First => (ReadPolicy::First, ReadPolicy::Nearest, Writer::Nearest),
        };
        Duties {
            home,
            aside: asked(other_writer).then_some(other),
            by_key: active.writer == Writer::Key || asked(Writer::Key),
        }
    }
}

/// What counts of one node here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AssignedNode {
    pub(super) candidate: Candidate,
    /// Its run id, by which all proxies call it.
    pub(super) name: String,
    /// It may serve now.
    pub(super) is_usable: bool,
    /// It would be good enough, but for its quarantine.
    pub(super) is_fit: bool,
    /// It has been fit for as long as a node must be that is to be given something.
    pub(super) is_steady: bool,
    /// It is to be left in peace.
    pub(super) is_drained: bool,
    /// Other proxies wrote to it when this one began.
    pub(super) is_adopted: bool,
}

/// Who has what. `None`: nobody, so it is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) home: Option<usize>,
    pub(super) aside: Option<usize>,
    /// Those among whom the keys are shared out that have writers of their own. Empty where there are none.
    pub(super) writers: BTreeSet<usize>,
}

impl Assignment {
    /// Whatever has a node that cannot serve goes to one that can; the rest stays as it is.
    pub(super) fn repaired(&self, nodes: &[AssignedNode], duties: Duties) -> Assignment {
        let single = |policy: ReadPolicy, present: Option<usize>| {
            let stays = present.filter(|at| is_usable(nodes, *at));
            stays.or_else(|| best(policy, nodes))
        };
        Assignment {
            home: single(duties.home, self.home),
            aside: duties.aside.and_then(|policy| single(policy, self.aside)),
            writers: if duties.by_key { self.repaired_writers(nodes) } else { BTreeSet::new() },
        }
    }

    /// Those that write already, so that nobody is given keys who may be on its way back; at a start those that others
    /// write to; else whoever can.
    fn repaired_writers(&self, nodes: &[AssignedNode]) -> BTreeSet<usize> {
        let usable = places(nodes, |node| node.is_usable);
        let staying = self.writers.intersection(&usable).copied().collect();
        let adopted = places(nodes, |node| node.is_usable && node.is_adopted);
        let free = places(nodes, |node| node.is_usable && !node.is_drained);
        [staying, adopted, free].into_iter().find(|writers| !writers.is_empty()).unwrap_or(usable)
    }

    /// Returns what would be best. A node that does not serve yet may be wished for: it is waited for.
    pub(super) fn wished(&self, nodes: &[AssignedNode], duties: Duties) -> Assignment {
        let single = |policy: ReadPolicy, present: Option<usize>| {
            let may = |node: &&AssignedNode| {
                let serves = Some(node.candidate.at) == present && node.is_usable;
                (node.is_fit || serves) && !node.is_drained
            };
            let candidates: Vec<Candidate> = nodes.iter().filter(may).map(|node| node.candidate).collect();
            preferred(policy, &candidates, present).or(present)
        };
        Assignment {
            home: single(duties.home, self.home),
            aside: duties.aside.and_then(|policy| single(policy, self.aside)),
            writers: if duties.by_key { self.wished_writers(nodes) } else { BTreeSet::new() },
        }
    }

    fn wished_writers(&self, nodes: &[AssignedNode]) -> BTreeSet<usize> {
        let writes = |node: &AssignedNode| self.writers.contains(&node.candidate.at) || node.is_steady;
        let wished = places(nodes, |node| node.is_usable && !node.is_drained && writes(node));
        if wished.is_empty() { self.writers.clone() } else { wished }
    }

    /// Whoever gives something up in favour of another one: from, to.
    pub(super) fn moves_to(&self, next: &Assignment, nodes: &[AssignedNode]) -> BTreeSet<(usize, usize)> {
        let singles = [(self.home, next.home), (self.aside, next.aside)];
        let owners = match self.writers == next.writers {
            true => Vec::new(),
            false => self.owners(nodes).into_iter().zip(next.owners(nodes)).collect(),
        };
        let pairs = singles.into_iter().chain(owners);
        pairs.filter_map(|(from, to)| Some((from?, to?))).filter(|(from, to)| from != to).collect()
    }

    /// Returns what stays where it is on the way to `next`; what moves is held. Of keys it is said in [`Assignment::shares`].
    pub(super) fn held_for(&self, next: &Assignment) -> Assignment {
        let stays = |from: Option<usize>, to: Option<usize>| from.filter(|_| from == to);
        Assignment {
            home: stays(self.home, next.home),
            aside: stays(self.aside, next.aside),
            writers: self.writers.clone(),
        }
    }

    /// The slots of each node's own keys; on the way to `next` without those that move.
    pub(super) fn shares(&self, next: Option<&Assignment>, nodes: &[AssignedNode]) -> Vec<Vec<(u16, u16)>> {
        let mut owners = self.owners(nodes);
        let later = next.map(|next| next.owners(nodes)).unwrap_or_default();
        for (owner, later) in owners.iter_mut().zip(later) {
            *owner = owner.filter(|_| *owner == later);
        }
        (0..nodes.len()).map(|at| writers::slots(&owners, at)).collect()
    }

    fn owners(&self, nodes: &[AssignedNode]) -> Vec<Option<usize>> {
        let is_writer = |node: &&AssignedNode| self.writers.contains(&node.candidate.at);
        let named: Vec<(usize, &str)> =
            nodes.iter().filter(is_writer).map(|node| (node.candidate.at, node.name.as_str())).collect();
        writers::owners(&named)
    }

    /// The writers by the names that all proxies call them by.
    pub(super) fn named_writers(&self, nodes: &[AssignedNode]) -> WriterIds {
        let writers = self.writers.iter().filter_map(|at| nodes.get(*at));
        writers.map(|node| agreement::short(&node.name)).collect()
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.home == Some(at) || self.aside == Some(at) || self.writers.contains(&at)
    }
}

/// For what must go somewhere now: better one whose writes reach all others, better one that is not to be drained.
fn best(policy: ReadPolicy, nodes: &[AssignedNode]) -> Option<usize> {
    let pools: [fn(&AssignedNode) -> bool; 3] =
        [|node| node.is_fit && !node.is_drained, |node| !node.is_drained, |_| true];
    pools.into_iter().find_map(|is_in| {
        let candidates: Vec<Candidate> =
            nodes.iter().filter(|node| node.is_usable && is_in(node)).map(|node| node.candidate).collect();
        preferred(policy, &candidates, None)
    })
}

fn places(nodes: &[AssignedNode], is_in: impl Fn(&AssignedNode) -> bool) -> BTreeSet<usize> {
    nodes.iter().filter(|node| is_in(node)).map(|node| node.candidate.at).collect()
}

fn is_usable(nodes: &[AssignedNode], at: usize) -> bool {
    nodes.get(at).is_some_and(|node| node.is_usable)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SINGLE: Duties = Duties { home: ReadPolicy::Nearest, aside: None, by_key: false };
    const BY_KEY: Duties = Duties { by_key: true, ..SINGLE };

    /// One node a word: round trip in milliseconds, `u` usable, `f` fit, `s` steady, `d` to be drained.
    fn nodes(line: &str) -> Vec<AssignedNode> {
        let node = |(at, word): (usize, &str)| {
            let digits: String = word.chars().filter(char::is_ascii_digit).collect();
            let rtt = Some(Duration::from_millis(digits.parse().unwrap()));
            AssignedNode {
                candidate: Candidate { at, is_local: false, rtt },
                name: format!("node {at}"),
                is_usable: word.contains('u'),
                is_fit: word.contains('f'),
                is_steady: word.contains('s'),
                is_drained: word.contains('d'),
                is_adopted: word.contains('a'),
            }
        };
        line.split(' ').enumerate().map(node).collect()
    }

    fn at(home: Option<usize>) -> Assignment {
        Assignment { home, ..Assignment::default() }
    }

    #[test]
    fn home_stays_until_its_node_cannot_serve() {
        for (present, line, expected) in [
            (None, "9ufs 1ufs 5ufs", Some(1)),
            (Some(0), "9ufs 1ufs 5ufs", Some(0)),
            (Some(1), "9ufs 1f 5ufs", Some(2)),
            (Some(1), "9ufs 1 5u", Some(0)),
            (Some(1), "9u 1 5u", Some(2)),
            (Some(1), "9ufs 1 5ufsd", Some(0)),
            (Some(1), "9 1 5ufsd", Some(2)),
            (Some(1), "9f 1 5", None),
        ] {
            assert_eq!(at(present).repaired(&nodes(line), SINGLE).home, expected, "{present:?} {line}");
        }
    }

    #[test]
    fn the_nearest_is_wished_for_before_it_serves_again() {
        for (present, line, expected) in [
            (Some(0), "9ufs 1ufs 5ufs", Some(1)),
            (Some(0), "9ufs 1f 5ufs", Some(1)),
            (Some(0), "19ufs 1 5ufs", Some(2)),
            // The one that serves is not left because peers come back to it.
            (Some(0), "1u 9ufs 9ufs", Some(0)),
            (Some(0), "1ufsd 9ufs 5ufs", Some(2)),
            (Some(0), "1ufsd 9 5", Some(0)),
        ] {
            assert_eq!(at(present).wished(&nodes(line), SINGLE).home, expected, "{present:?} {line}");
        }
    }

    fn writers(assignment: &Assignment) -> Vec<usize> {
        assignment.writers.iter().copied().collect()
    }

    #[test]
    fn keys_go_to_those_that_write_and_come_back_to_one_that_is_steady() {
        let all = Assignment::default().repaired(&nodes("1ufs 1ufs 1uf"), BY_KEY);
        assert_eq!(writers(&all), [0, 1, 2]);
        let two = all.repaired(&nodes("1ufs 1 1ufs"), BY_KEY);
        assert_eq!(writers(&two), [0, 2]);
        for (line, repaired, wished) in [
            // It is back: nothing changes before it is steady, not even when another one is lost.
            ("1ufs 1uf 1ufs", vec![0, 2], vec![0, 2]),
            ("1 1uf 1ufs", vec![2], vec![2]),
            ("1ufs 1ufs 1ufs", vec![0, 2], vec![0, 1, 2]),
            ("1ufs 1ufs 1ufsd", vec![0, 2], vec![0, 1]),
            // None of those that wrote is left.
            ("1 1uf 1", vec![1], vec![0, 2]),
            ("1 1 1", vec![], vec![0, 2]),
            ("1d 1 1ud", vec![2], vec![0, 2]),
        ] {
            let nodes = nodes(line);
            assert_eq!(writers(&two.repaired(&nodes, BY_KEY)), repaired, "{line}");
            assert_eq!(writers(&two.wished(&nodes, BY_KEY)), wished, "{line}");
        }
        // At a start it is as others have it.
        let adopted = Assignment::default().repaired(&nodes("1ufsa 1ufs 1ufsa"), BY_KEY);
        assert_eq!(writers(&adopted), [0, 2]);
    }

    #[test]
    fn what_moves_is_held() {
        let nodes = nodes("1ufs 1ufs 1ufs");
        let (from, to) = (at(Some(0)), at(Some(1)));
        assert_eq!(from.moves_to(&to, &nodes), BTreeSet::from([(0, 1)]));
        assert_eq!(from.held_for(&to), at(None));
        assert_eq!(from.held_for(&from), from);
        assert!(from.moves_to(&at(None), &nodes).is_empty());
        let sharing =
            |writers: &[usize]| Assignment { writers: writers.iter().copied().collect(), ..at(None) };
        let (two, all) = (sharing(&[0, 2]), sharing(&[0, 1, 2]));
        assert_eq!(two.moves_to(&all, &nodes), BTreeSet::from([(0, 1), (2, 1)]));
        let count = |shares: Vec<Vec<(u16, u16)>>| -> Vec<usize> {
            let sum = |ranges: &Vec<(u16, u16)>| ranges.iter().map(|(a, b)| usize::from(b - a) + 1).sum();
            shares.iter().map(sum).collect()
        };
        let (before, after) = (count(two.shares(None, &nodes)), count(all.shares(None, &nodes)));
        let held = count(two.shares(Some(&all), &nodes));
        assert_eq!(held, [after[0], 0, after[2]], "what stays with them, and nothing for the newcomer");
        assert_eq!((before.iter().sum::<usize>(), after.iter().sum::<usize>()), (16384, 16384));
    }

    #[test]
    fn a_second_policy_is_served_where_a_rule_asks_for_it() {
        let duties = Duties { aside: Some(ReadPolicy::First), ..SINGLE };
        let both = Assignment::default().repaired(&nodes("9ufs 1ufs"), duties);
        assert_eq!((both.home, both.aside), (Some(1), Some(0)));
        assert!(both.has(0) && both.has(1) && !both.has(2));
    }
}

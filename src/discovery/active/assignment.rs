//! Who gets which commands: what must change because a node cannot serve, and what should change when there is time.
//!
//! Pure. Nodes are named by their place in the slice, which is the order of the list.

use std::collections::BTreeSet;

use super::agreement::{self, Writers};
use super::choice::{Candidate, Policy, preferred};
use super::writers;
use crate::config::{Active, Writer};

/// What there is to be assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duties {
    pub(super) home: Policy,
    /// For keys whose rule asks for the other policy.
    pub(super) aside: Option<Policy>,
    /// Some keys, or all, have writers of their own.
    pub(super) by_key: bool,
}

impl Duties {
    pub(super) fn of(active: &Active) -> Duties {
        let asked = |writer: Writer| active.rules.iter().any(|rule| rule.writer == writer);
        let (home, other, other_writer) = match active.writer {
            Writer::Nearest | Writer::Key => (Policy::Nearest, Policy::First, Writer::First),
            Writer::First => (Policy::First, Policy::Nearest, Writer::Nearest),
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
pub(super) struct Node {
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
    /// Of each bucket. Empty where no key has a writer of its own.
    pub(super) owners: Vec<Option<usize>>,
}

impl Assignment {
    /// Whatever has a node that cannot serve goes to one that can; the rest stays as it is.
    pub(super) fn repaired(&self, nodes: &[Node], duties: Duties) -> Assignment {
        let single = |policy: Policy, present: Option<usize>| {
            let stays = present.filter(|at| is_usable(nodes, *at));
            stays.or_else(|| best(policy, nodes))
        };
        Assignment {
            home: single(duties.home, self.home),
            aside: duties.aside.and_then(|policy| single(policy, self.aside)),
            owners: if duties.by_key { self.repaired_owners(nodes) } else { Vec::new() },
        }
    }

    fn repaired_owners(&self, nodes: &[Node]) -> Vec<Option<usize>> {
        let is_whole = |owner: &Option<usize>| owner.is_some_and(|at| is_usable(nodes, at));
        if self.owners.len() == writers::BUCKETS && self.owners.iter().all(is_whole) {
            return self.owners.clone();
        }
        let heirs = owners_among(nodes, &self.heirs(nodes));
        let present = self.owners.iter().copied().chain(std::iter::repeat(None));
        heirs
            .into_iter()
            .zip(present)
            .map(|(heir, owner)| owner.filter(|at| is_usable(nodes, *at)).or(heir))
            .collect()
    }

    /// Those that write already, so that nobody is given keys who may be on its way back; at a start those that others
    /// write to; else whoever can.
    fn heirs(&self, nodes: &[Node]) -> BTreeSet<usize> {
        let owning: BTreeSet<usize> = self.owners.iter().copied().flatten().collect();
        let usable = || places(nodes, |node| node.is_usable);
        let free = || places(nodes, |node| node.is_usable && !node.is_drained);
        let heirs: BTreeSet<usize> = free().intersection(&owning).copied().collect();
        let adopted = places(nodes, |node| node.is_usable && node.is_adopted);
        [heirs, adopted, free()].into_iter().find(|heirs| !heirs.is_empty()).unwrap_or_else(usable)
    }

    /// What would be best. A node that does not serve yet may be wished for: it is waited for.
    pub(super) fn wished(&self, nodes: &[Node], duties: Duties) -> Assignment {
        let single = |policy: Policy, present: Option<usize>| {
            let may = |node: &&Node| {
                let serves = Some(node.candidate.at) == present && node.is_usable;
                (node.is_fit || serves) && !node.is_drained
            };
            let candidates: Vec<Candidate> = nodes.iter().filter(may).map(|node| node.candidate).collect();
            preferred(policy, &candidates, present).or(present)
        };
        Assignment {
            home: single(duties.home, self.home),
            aside: duties.aside.and_then(|policy| single(policy, self.aside)),
            owners: if duties.by_key { self.wished_owners(nodes) } else { Vec::new() },
        }
    }

    fn wished_owners(&self, nodes: &[Node]) -> Vec<Option<usize>> {
        let owning: BTreeSet<usize> = self.owners.iter().copied().flatten().collect();
        let writes = |node: &Node| owning.contains(&node.candidate.at) || node.is_steady;
        let members = places(nodes, |node| node.is_usable && !node.is_drained && writes(node));
        // Whoever shares them out to the same nodes again comes to the same result.
        let is_same = members.is_empty() || members == owning;
        if is_same { self.owners.clone() } else { owners_among(nodes, &members) }
    }

    /// Whoever gives something up in favour of another one: from, to.
    pub(super) fn moves_to(&self, next: &Assignment) -> BTreeSet<(usize, usize)> {
        let pairs = self.places().zip(next.places());
        pairs.filter_map(|(from, to)| Some((from?, to?))).filter(|(from, to)| from != to).collect()
    }

    /// What stays where it is on the way to `next`; what moves is held.
    pub(super) fn held_for(&self, next: &Assignment) -> Assignment {
        let stays = |(from, to): (Option<usize>, Option<usize>)| from.filter(|_| from == to);
        Assignment {
            home: stays((self.home, next.home)),
            aside: stays((self.aside, next.aside)),
            owners: self.owners.iter().copied().zip(next.owners.iter().copied()).map(stays).collect(),
        }
    }

    /// Every place, in an order that is the same for all assignments of the same duties.
    fn places(&self) -> impl Iterator<Item = Option<usize>> {
        [self.home, self.aside].into_iter().chain(self.owners.iter().copied())
    }

    /// The nodes that keys have as writers, by the names that all proxies call them by.
    pub(super) fn writers(&self, nodes: &[Node]) -> Writers {
        let owning: BTreeSet<usize> = self.owners.iter().copied().flatten().collect();
        owning.into_iter().filter_map(|at| nodes.get(at)).map(|node| agreement::short(&node.name)).collect()
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.places().any(|place| place == Some(at))
    }
}

/// For what must go somewhere now: better one whose writes reach all others, better one that is not to be drained.
fn best(policy: Policy, nodes: &[Node]) -> Option<usize> {
    let pools: [fn(&Node) -> bool; 3] =
        [|node| node.is_fit && !node.is_drained, |node| !node.is_drained, |_| true];
    pools.into_iter().find_map(|is_in| {
        let candidates: Vec<Candidate> =
            nodes.iter().filter(|node| node.is_usable && is_in(node)).map(|node| node.candidate).collect();
        preferred(policy, &candidates, None)
    })
}

fn owners_among(nodes: &[Node], members: &BTreeSet<usize>) -> Vec<Option<usize>> {
    let is_member = |node: &&Node| members.contains(&node.candidate.at);
    let named: Vec<(usize, &str)> =
        nodes.iter().filter(is_member).map(|node| (node.candidate.at, node.name.as_str())).collect();
    writers::owners(&named)
}

fn places(nodes: &[Node], is_in: impl Fn(&Node) -> bool) -> BTreeSet<usize> {
    nodes.iter().filter(|node| is_in(node)).map(|node| node.candidate.at).collect()
}

fn is_usable(nodes: &[Node], at: usize) -> bool {
    nodes.get(at).is_some_and(|node| node.is_usable)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SINGLE: Duties = Duties { home: Policy::Nearest, aside: None, by_key: false };
    const BY_KEY: Duties = Duties { by_key: true, ..SINGLE };

    /// One node a word: round trip in milliseconds, `u` usable, `f` fit, `s` steady, `d` to be drained.
    fn nodes(line: &str) -> Vec<Node> {
        let node = |(at, word): (usize, &str)| {
            let digits: String = word.chars().filter(char::is_ascii_digit).collect();
            let rtt = Some(Duration::from_millis(digits.parse().unwrap()));
            Node {
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

    fn shares(assignment: &Assignment) -> Vec<usize> {
        (0..3).map(|at| assignment.owners.iter().filter(|owner| **owner == Some(at)).count()).collect()
    }

    #[test]
    fn keys_go_to_those_that_write_and_come_back_to_one_that_is_steady() {
        let all = Assignment::default().repaired(&nodes("1ufs 1ufs 1uf"), BY_KEY);
        assert!(shares(&all).iter().all(|share| *share > 256), "{:?}", shares(&all));
        let two = all.repaired(&nodes("1ufs 1 1ufs"), BY_KEY);
        assert_eq!(shares(&two)[1], 0);
        let kept = all.owners.iter().zip(&two.owners).filter(|(before, after)| before == after).count();
        assert_eq!(kept, writers::BUCKETS - shares(&all)[1], "only the lost one's keys move");
        // It is back: nothing changes before it is steady, not even when another one is lost.
        assert_eq!(two.wished(&nodes("1ufs 1uf 1ufs"), BY_KEY).owners, two.owners);
        assert_eq!(shares(&two.repaired(&nodes("1 1uf 1ufs"), BY_KEY)), [0, 0, writers::BUCKETS]);
        assert_eq!(two.wished(&nodes("1ufs 1ufs 1ufs"), BY_KEY).owners, all.owners);
        assert_eq!(two.wished(&nodes("1ufs 1ufs 1ufsd"), BY_KEY).owners.iter().flatten().max(), Some(&1));
        // At a start it is as others have it.
        let adopted = Assignment::default().repaired(&nodes("1ufsa 1ufs 1ufsa"), BY_KEY);
        assert_eq!(adopted.owners, two.owners);
        // None of those that wrote is left.
        assert_eq!(shares(&two.repaired(&nodes("1 1uf 1"), BY_KEY)), [0, writers::BUCKETS, 0]);
        assert_eq!(shares(&two.repaired(&nodes("1 1 1"), BY_KEY)), [0, 0, 0]);
    }

    #[test]
    fn what_moves_is_held() {
        let (from, to) = (at(Some(0)), at(Some(1)));
        assert_eq!(from.moves_to(&to), BTreeSet::from([(0, 1)]));
        assert_eq!(from.held_for(&to), at(None));
        assert_eq!(from.held_for(&from), from);
        assert!(from.moves_to(&at(None)).is_empty());
        let all = Assignment::default().repaired(&nodes("1ufs 1ufs 1ufs"), BY_KEY);
        let two = all.repaired(&nodes("1ufs 1 1ufs"), BY_KEY);
        let held = two.held_for(&all);
        assert_eq!(held.owners.iter().filter(|owner| owner.is_none()).count(), shares(&all)[1]);
        assert_eq!(two.moves_to(&all), BTreeSet::from([(0, 1), (2, 1)]));
    }

    #[test]
    fn a_second_policy_is_served_where_a_rule_asks_for_it() {
        let duties = Duties { aside: Some(Policy::First), ..SINGLE };
        let both = Assignment::default().repaired(&nodes("9ufs 1ufs"), duties);
        assert_eq!((both.home, both.aside), (Some(1), Some(0)));
        assert!(both.has(0) && both.has(1) && !both.has(2));
    }
}

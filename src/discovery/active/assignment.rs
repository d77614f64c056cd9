//! The assignment of commands to nodes: what must change because a node cannot serve, and what should change by a planned move.
//!
//! Pure. Nodes are named by their place in the slice, which is their order in the config.

use std::collections::BTreeSet;

use super::agreement::{self, WriterIds};
use super::choice::{Candidate, NodePolicy, preferred};
use super::writers;
use crate::config::{Active, Writer};

/// The policies by which writers are chosen, as the config gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WriterPolicies {
    pub(super) home: NodePolicy,
    /// The policy for keys whose rule asks for the other one. `None`: no rule does.
    pub(super) aside: Option<NodePolicy>,
    /// True if some keys, or all, have writers of their own.
    pub(super) by_key: bool,
}

impl WriterPolicies {
    pub(super) fn of(active: &Active) -> WriterPolicies {
        let asked = |writer: Writer| active.rules.iter().any(|rule| rule.writer == writer);
        let (home, other, other_writer) = match active.writer {
            Writer::Nearest | Writer::Key => (NodePolicy::Nearest, NodePolicy::First, Writer::First),
            Writer::First => (NodePolicy::First, NodePolicy::Nearest, Writer::Nearest),
        };
        WriterPolicies {
            home,
            aside: asked(other_writer).then_some(other),
            by_key: active.writer == Writer::Key || asked(Writer::Key),
        }
    }
}

/// One node, as far as it matters for the assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AssignedNode {
    pub(super) candidate: Candidate,
    /// The run id, by which all proxies call the node.
    pub(super) name: String,
    /// True if the node can serve now.
    pub(super) is_usable: bool,
    /// True if the node could serve, except that it may still have to wait for `active.failback` to pass.
    pub(super) is_fit: bool,
    /// True if the node has been fit for the time of `active.failback`.
    pub(super) is_steady: bool,
    /// True if the operator wants commands to leave the node.
    pub(super) is_drained: bool,
    /// True if other proxies wrote to the node when this one started.
    pub(super) is_adopted: bool,
}

/// The nodes that commands go to. `None`: no node, so the commands are held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) home: Option<usize>,
    pub(super) aside: Option<usize>,
    /// The nodes that share the keys with writers of their own. Empty if there are no such keys.
    pub(super) writers: BTreeSet<usize>,
}

impl Assignment {
    /// Returns the assignment without nodes that cannot serve: their commands go to others, and the rest stays as it is.
    pub(super) fn repaired(&self, nodes: &[AssignedNode], policies: WriterPolicies) -> Assignment {
        let single = |policy: NodePolicy, present: Option<usize>| {
            let stays = present.filter(|at| is_usable(nodes, *at));
            stays.or_else(|| best(policy, nodes))
        };
        Assignment {
            home: single(policies.home, self.home),
            aside: policies.aside.and_then(|policy| single(policy, self.aside)),
            writers: if policies.by_key { self.repaired_writers(nodes) } else { BTreeSet::new() },
        }
    }

    /// Returns the present writers that can serve, so that a node which has just come back is not given keys. If there are none:
    /// at a start the nodes that other proxies write to, else all nodes that can serve.
    fn repaired_writers(&self, nodes: &[AssignedNode]) -> BTreeSet<usize> {
        let usable = places(nodes, |node| node.is_usable);
        let staying = self.writers.intersection(&usable).copied().collect();
        let adopted = places(nodes, |node| node.is_usable && node.is_adopted);
        let free = places(nodes, |node| node.is_usable && !node.is_drained);
        [staying, adopted, free].into_iter().find(|writers| !writers.is_empty()).unwrap_or(usable)
    }

    /// Returns the best assignment. It may contain a node that does not serve yet, which is then waited for.
    pub(super) fn wished(&self, nodes: &[AssignedNode], policies: WriterPolicies) -> Assignment {
        let single = |policy: NodePolicy, present: Option<usize>| {
            let may = |node: &&AssignedNode| {
                let serves = Some(node.candidate.at) == present && node.is_usable;
                (node.is_fit || serves) && !node.is_drained
            };
            let candidates: Vec<Candidate> = nodes.iter().filter(may).map(|node| node.candidate).collect();
            preferred(policy, &candidates, present).or(present)
        };
        Assignment {
            home: single(policies.home, self.home),
            aside: policies.aside.and_then(|policy| single(policy, self.aside)),
            writers: if policies.by_key { self.wished_writers(nodes) } else { BTreeSet::new() },
        }
    }

    fn wished_writers(&self, nodes: &[AssignedNode]) -> BTreeSet<usize> {
        let writes = |node: &AssignedNode| self.writers.contains(&node.candidate.at) || node.is_steady;
        let wished = places(nodes, |node| node.is_usable && !node.is_drained && writes(node));
        if wished.is_empty() { self.writers.clone() } else { wished }
    }

    /// Returns the pairs of nodes of which the first gives something up and the second takes it over.
    pub(super) fn moves_to(&self, next: &Assignment, nodes: &[AssignedNode]) -> BTreeSet<(usize, usize)> {
        let singles = [(self.home, next.home), (self.aside, next.aside)];
        let owners = match self.writers == next.writers {
            true => Vec::new(),
            false => self.owners(nodes).into_iter().zip(next.owners(nodes)).collect(),
        };
        let pairs = singles.into_iter().chain(owners);
        pairs.filter_map(|(from, to)| Some((from?, to?))).filter(|(from, to)| from != to).collect()
    }

    /// Returns what stays where it is on the way to `next`; what moves is held. [`Assignment::shares`] does the same for slots.
    pub(super) fn held_for(&self, next: &Assignment) -> Assignment {
        let stays = |from: Option<usize>, to: Option<usize>| from.filter(|_| from == to);
        Assignment {
            home: stays(self.home, next.home),
            aside: stays(self.aside, next.aside),
            writers: self.writers.clone(),
        }
    }

    /// Returns the slots of each node's own keys, without those that move on the way to `next`.
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

    /// Returns the writers by their short run ids, which all proxies use.
    pub(super) fn named_writers(&self, nodes: &[AssignedNode]) -> WriterIds {
        let writers = self.writers.iter().filter_map(|at| nodes.get(*at));
        writers.map(|node| agreement::short_name(&node.name)).collect()
    }

    /// Returns true if any commands go to this node.
    pub(super) fn has(&self, at: usize) -> bool {
        self.home == Some(at) || self.aside == Some(at) || self.writers.contains(&at)
    }
}

/// Returns the best node for commands that must go somewhere now: one that is fit and not to be drained, else one that is not
/// to be drained, else any that can serve.
fn best(policy: NodePolicy, nodes: &[AssignedNode]) -> Option<usize> {
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

    const SINGLE: WriterPolicies = WriterPolicies { home: NodePolicy::Nearest, aside: None, by_key: false };
    const BY_KEY: WriterPolicies = WriterPolicies { by_key: true, ..SINGLE };

    /// Parses nodes, one a word: round trip in milliseconds, `u` usable, `f` fit, `s` steady, `d` to be drained, `a` adopted.
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
            // A node that serves is not left because its peers come back.
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
            // The second node is back: nothing changes before it is steady, not even if another one is lost.
            ("1ufs 1uf 1ufs", vec![0, 2], vec![0, 2]),
            ("1 1uf 1ufs", vec![2], vec![2]),
            ("1ufs 1ufs 1ufs", vec![0, 2], vec![0, 1, 2]),
            ("1ufs 1ufs 1ufsd", vec![0, 2], vec![0, 1]),
            // None of the writers is left.
            ("1 1uf 1", vec![1], vec![0, 2]),
            ("1 1 1", vec![], vec![0, 2]),
            ("1d 1 1ud", vec![2], vec![0, 2]),
        ] {
            let nodes = nodes(line);
            assert_eq!(writers(&two.repaired(&nodes, BY_KEY)), repaired, "{line}");
            assert_eq!(writers(&two.wished(&nodes, BY_KEY)), wished, "{line}");
        }
        // At a start this proxy does as the others do.
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
        let policies = WriterPolicies { aside: Some(NodePolicy::First), ..SINGLE };
        let both = Assignment::default().repaired(&nodes("9ufs 1ufs"), policies);
        assert_eq!((both.home, both.aside), (Some(1), Some(0)));
        assert!(both.has(0) && both.has(1) && !both.has(2));
    }
}

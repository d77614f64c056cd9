//! The replication links between the nodes, and what follows: whose writes reach which nodes.
//!
//! Pure. Nodes are named by their place in the slice. A link to a node that does not answer has no meaning: the last survivor of
//! a mesh has no link at all, and is as good as before.

/// One node, as far as it matters for the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeFacts {
    pub(super) answers: bool,
    /// True if the node takes writes and is not missing data that is on its way to it.
    pub(super) is_whole: bool,
    /// True if this process was ready before, so that its data counts.
    pub(super) is_proven: bool,
    /// True if the node has masters, known or unknown, with links that are up or down.
    pub(super) replicates: bool,
    /// The known masters whose links are not up.
    pub(super) lacks: Vec<usize>,
    /// True if the process has been up for longer than `active.failback`.
    pub(super) is_mature: bool,
    /// The known masters whose links are up.
    pub(super) pulls: Vec<usize>,
}

/// The way in which the nodes that answer are linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// There is one node, or none.
    Alone,
    /// No node has a master: writes to one are unknown to the others.
    Unlinked,
    /// Each node pulls from each other one.
    Mesh,
    /// The writes of each node reach all others, but some only through other nodes: one dead node cuts them off.
    Ring,
    /// The writes of some nodes do not reach all others.
    Parted,
}

impl Shape {
    /// Returns the text about what is wrong with this shape.
    pub(super) fn fault(self) -> Option<&'static str> {
        match self {
            Shape::Alone | Shape::Mesh => None,
            Shape::Unlinked => {
                Some("the nodes do not replicate: what is written to one is unknown to the others")
            }
            Shape::Ring => {
                Some("the nodes are a ring: one that dies cuts off others; let each replicate from each")
            }
            Shape::Parted => {
                Some("some nodes do not hear of what is written to others; let each replicate from each")
            }
        }
    }
}

pub(super) fn shape(facts: &[NodeFacts]) -> Shape {
    let present: Vec<usize> = (0..facts.len()).filter(|at| answers(facts, *at)).collect();
    let pairs = || {
        present
            .iter()
            .flat_map(|from| present.iter().filter(move |to| *to != from).map(move |to| (*from, *to)))
    };
    if present.len() < 2 {
        Shape::Alone
    } else if is_unlinked(facts) {
        Shape::Unlinked
    } else if pairs().all(|(from, to)| pulls(facts, from, to)) {
        Shape::Mesh
    } else if pairs().all(|(from, to)| reaches(facts, from, to, &present)) {
        Shape::Ring
    } else {
        Shape::Parted
    }
}

/// Returns true for each node that is fit to take commands: its writes reach all proven nodes, theirs reach it, and no link
/// between them is still to come up, for that would mean another full sync. While no node is proven, the largest group whose
/// members reach each other is fit. A single node is fit only if it is mature: a young one may wait for its peers.
pub(super) fn fit(facts: &[NodeFacts]) -> Vec<bool> {
    let all = 0..facts.len();
    let whole: Vec<usize> = all.clone().filter(|at| is_whole(facts, *at)).collect();
    if is_unlinked(facts) {
        return all.map(|at| whole.contains(&at)).collect();
    }
    let anchors: Vec<usize> = all.clone().filter(|at| is_anchor(facts, *at)).collect();
    let members =
        if anchors.is_empty() { largest_group(facts, &whole) } else { linked(facts, &whole, &anchors) };
    all.map(|at| members.contains(&at)).collect()
}

/// Returns true for each proven node without links while others are linked: its data grows old, and its writes reach no other.
pub(super) fn isolated(facts: &[NodeFacts]) -> Vec<bool> {
    let anchors: Vec<usize> = (0..facts.len()).filter(|at| is_anchor(facts, *at)).collect();
    let is_linked = |one: usize, other: usize| pulls(facts, one, other) && pulls(facts, other, one);
    let is_isolated = |at: usize| {
        let others = || anchors.iter().copied().filter(|other| *other != at);
        let is_alone = others().all(|other| !pulls(facts, at, other) && !pulls(facts, other, at));
        let are_linked = others().any(|one| others().any(|other| other != one && is_linked(one, other)));
        anchors.contains(&at) && is_alone && are_linked
    };
    (0..facts.len()).map(is_isolated).collect()
}

fn linked(facts: &[NodeFacts], whole: &[usize], anchors: &[usize]) -> Vec<usize> {
    let all: Vec<usize> = (0..facts.len()).filter(|at| whole.contains(at) || anchors.contains(at)).collect();
    let is_linked = |at: &usize| {
        let mut others = anchors.iter().filter(|anchor| *anchor != at);
        others.all(|anchor| {
            let lacks = lacks(facts, *at, *anchor) || lacks(facts, *anchor, *at);
            !lacks && reaches(facts, *at, *anchor, &all) && reaches(facts, *anchor, *at, &all)
        })
    };
    whole.iter().copied().filter(is_linked).collect()
}

/// Returns the largest group of nodes that reach each other; of equal ones that with most mature nodes, then the first.
fn largest_group(facts: &[NodeFacts], whole: &[usize]) -> Vec<usize> {
    let group = |of: usize| -> Vec<usize> {
        let belongs = |at: &usize| reaches(facts, *at, of, whole) && reaches(facts, of, *at, whole);
        whole.iter().copied().filter(belongs).collect()
    };
    let is_mature = |at: &usize| facts.get(*at).is_some_and(|fact| fact.is_mature);
    let size = |group: &Vec<usize>| (group.len(), group.iter().filter(|at| is_mature(at)).count());
    let groups = whole.iter().rev().map(|of| group(*of));
    let largest = groups.max_by_key(size).unwrap_or_default();
    match largest.as_slice() {
        [alone] if !is_mature(alone) => Vec::new(),
        _ => largest,
    }
}

/// Returns true if writes at `to` arrive at `from`, directly or through other nodes in `among`.
fn reaches(facts: &[NodeFacts], from: usize, to: usize, among: &[usize]) -> bool {
    let (mut seen, mut open) = (vec![from], vec![from]);
    while let Some(at) = open.pop() {
        for next in among.iter().copied().filter(|next| pulls(facts, at, *next)) {
            if !seen.contains(&next) {
                seen.push(next);
                open.push(next);
            }
        }
    }
    seen.contains(&to)
}

fn is_unlinked(facts: &[NodeFacts]) -> bool {
    !facts.iter().any(|fact| fact.answers && fact.replicates)
}

fn pulls(facts: &[NodeFacts], from: usize, to: usize) -> bool {
    facts.get(from).is_some_and(|fact| fact.answers && fact.pulls.contains(&to))
}

fn lacks(facts: &[NodeFacts], from: usize, to: usize) -> bool {
    facts.get(from).is_some_and(|fact| fact.answers && fact.lacks.contains(&to))
}

fn answers(facts: &[NodeFacts], at: usize) -> bool {
    facts.get(at).is_some_and(|fact| fact.answers)
}

fn is_whole(facts: &[NodeFacts], at: usize) -> bool {
    facts.get(at).is_some_and(|fact| fact.answers && fact.is_whole)
}

fn is_anchor(facts: &[NodeFacts], at: usize) -> bool {
    facts.get(at).is_some_and(|fact| fact.answers && fact.is_proven)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses nodes, one for each word: `!` does not answer, `~` is not whole, `*` is proven, `+` is mature, `.` has no masters;
    /// digits are the nodes that it pulls from, letters those that it would pull from if the link were up.
    fn facts(line: &str) -> Vec<NodeFacts> {
        let fact = |word: &str| NodeFacts {
            answers: !word.contains('!'),
            is_whole: !word.contains('~'),
            is_proven: word.contains('*'),
            replicates: !word.contains('.'),
            lacks: word
                .chars()
                .filter(|c| ('a'..='c').contains(c))
                .map(|c| c as usize - 'a' as usize)
                .collect(),
            is_mature: word.contains('+'),
            pulls: word.chars().filter_map(|c| c.to_digit(10)).map(|digit| digit as usize).collect(),
        };
        line.split(' ').map(fact).collect()
    }

    fn marked(line: &str, of: impl Fn(&[NodeFacts]) -> Vec<bool>) -> String {
        of(&facts(line)).into_iter().map(|is| if is { 'x' } else { '-' }).collect()
    }

    #[test]
    fn a_node_is_fit_if_writes_reach_it_and_its_own_reach_all_proven_nodes() {
        for (line, expected) in [
            // At a start no node is proven.
            ("12 02 01", "xxx"),
            ("12 02 ~01", "xx-"),
            ("1 0 -", "xx-"),
            ("- - -", "---"),
            ("+ - -", "x--"),
            ("- + +1", "-x-"),
            ("! ! -", "---"),
            ("! ! +", "--x"),
            // These are plain servers, none of which replicates.
            (". . .", "xxx"),
            (". ~. !.", "x--"),
            // One node has no links, and the others have.
            ("1 0 .", "xx-"),
            // In a ring writes reach every node.
            ("2 0 1", "xxx"),
            // One node is back: with both links, with one, or with links in one direction only.
            ("*12 *02 01", "xxx"),
            ("*1 *0 01", "xx-"),
            ("*12 *0c 1a", "xx-"),
            ("*12 *02 1a", "xx-"),
            ("*12 *0c 01", "xx-"),
            // A node that is always linked with one of the others only is reached through it.
            ("*1 *02 1", "xxx"),
            ("*12 *02 -", "xx-"),
            ("*12 *02 ~01", "xx-"),
            // The last survivor, alone and with a node that is back and has not synced with it.
            ("! ! *-", "--x"),
            ("! - *-", "--x"),
            ("! 2 *1", "-xx"),
            // A proven node that is loading is not fit, but the others must still be linked with it.
            ("~*12 *02 01", "-xx"),
            ("~* *2 1", "---"),
        ] {
            assert_eq!(marked(line, fit), expected, "{line}");
        }
    }

    #[test]
    fn a_proven_node_without_links_is_isolated_while_others_are_linked() {
        for (line, expected) in [
            ("*12 *02 *01", "---"),
            ("*- *2 *1", "x--"),
            ("*- *2 *", "---"),
            ("*- *2 !*1", "---"),
            ("*- *-", "--"),
            ("*1 *2 *1", "---"),
            ("- *2 *1", "---"),
            ("*1 *0 *3 *2", "----"),
            ("*- *23 *13 *12", "x---"),
        ] {
            assert_eq!(marked(line, isolated), expected, "{line}");
        }
    }

    #[test]
    fn the_shape_follows_from_the_links() {
        for (line, expected) in [
            ("12 02 01", Shape::Mesh),
            ("2 0 1", Shape::Ring),
            ("1 0 01", Shape::Parted),
            (". .", Shape::Unlinked),
            (". !1", Shape::Alone),
            ("1 0 !", Shape::Mesh),
            ("! !", Shape::Alone),
        ] {
            assert_eq!(shape(&facts(line)), expected, "{line}");
        }
    }
}

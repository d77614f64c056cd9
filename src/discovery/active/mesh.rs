//! Who replicates from whom, and what follows for each node: whether its writes reach the others and theirs reach it.
//!
//! Pure. Nodes are named by their place in the slice. A link to a node that does not answer says nothing: the last
//! survivor of a mesh has no link at all and is as good as ever.

/// What the mesh needs to know of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) answers: bool,
    /// It takes writes, and no data is on its way to it.
    pub(super) is_whole: bool,
    /// This very process was ready before: what it has counts.
    pub(super) is_proven: bool,
    /// It has masters, known ones or not, whether their links are up or not.
    pub(super) replicates: bool,
    /// Known masters whose links are not up.
    pub(super) lacks: Vec<usize>,
    /// Not young any more: it has been up for longer than the quarantine.
    pub(super) is_grown: bool,
    /// Whom it replicates from over a link that is up.
    pub(super) pulls: Vec<usize>,
}

/// How the nodes that answer are linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One node, or none.
    Alone,
    /// None has a master: what is written to one is not known to the others.
    Unlinked,
    /// Each pulls from each.
    Mesh,
    /// Each one's writes reach all others, but some only through others: one dead node cuts them off.
    Ring,
    /// Some do not hear of others' writes.
    Parted,
}

impl Shape {
    /// Returns what is wrong with it, for people.
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

pub(super) fn shape(facts: &[Fact]) -> Shape {
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

/// Returns which nodes are fit to take commands: each one's writes reach all proven nodes, and theirs reach it, and no link
/// between them is still to come up, for that would mean another full sync. While no node is proven, the largest group whose members reach each other is fit; one on its own only if it is grown, since a
/// young one may wait for peers that are about to come.
pub(super) fn fit(facts: &[Fact]) -> Vec<bool> {
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

/// Returns which proven nodes hear of nobody while others are linked: what they have grows old, and what they take is lost to
/// the others for as long.
pub(super) fn isolated(facts: &[Fact]) -> Vec<bool> {
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

fn linked(facts: &[Fact], whole: &[usize], anchors: &[usize]) -> Vec<usize> {
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

/// Of groups of the same size the one with more grown nodes, then the one with the first node.
fn largest_group(facts: &[Fact], whole: &[usize]) -> Vec<usize> {
    let group = |of: usize| -> Vec<usize> {
        let belongs = |at: &usize| reaches(facts, *at, of, whole) && reaches(facts, of, *at, whole);
        whole.iter().copied().filter(belongs).collect()
    };
    let is_grown = |at: &usize| facts.get(*at).is_some_and(|fact| fact.is_grown);
    let size = |group: &Vec<usize>| (group.len(), group.iter().filter(|at| is_grown(at)).count());
    let groups = whole.iter().rev().map(|of| group(*of));
    let largest = groups.max_by_key(size).unwrap_or_default();
    match largest.as_slice() {
        [alone] if !is_grown(alone) => Vec::new(),
        _ => largest,
    }
}

/// Returns whether writes at `to` arrive at `from`, perhaps through others of `among`.
fn reaches(facts: &[Fact], from: usize, to: usize, among: &[usize]) -> bool {
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

fn is_unlinked(facts: &[Fact]) -> bool {
    !facts.iter().any(|fact| fact.answers && fact.replicates)
}

fn pulls(facts: &[Fact], from: usize, to: usize) -> bool {
    facts.get(from).is_some_and(|fact| fact.answers && fact.pulls.contains(&to))
}

fn lacks(facts: &[Fact], from: usize, to: usize) -> bool {
    facts.get(from).is_some_and(|fact| fact.answers && fact.lacks.contains(&to))
}

fn answers(facts: &[Fact], at: usize) -> bool {
    facts.get(at).is_some_and(|fact| fact.answers)
}

fn is_whole(facts: &[Fact], at: usize) -> bool {
    facts.get(at).is_some_and(|fact| fact.answers && fact.is_whole)
}

fn is_anchor(facts: &[Fact], at: usize) -> bool {
    facts.get(at).is_some_and(|fact| fact.answers && fact.is_proven)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One node a word: `!` does not answer, `~` is not whole, `*` is proven, `+` is grown, `.` has no masters; the
    /// digits are those it pulls from, the letters those that it would pull from if its link were up.
    fn facts(line: &str) -> Vec<Fact> {
        let fact = |word: &str| Fact {
            answers: !word.contains('!'),
            is_whole: !word.contains('~'),
            is_proven: word.contains('*'),
            replicates: !word.contains('.'),
            lacks: word
                .chars()
                .filter(|c| ('a'..='c').contains(c))
                .map(|c| c as usize - 'a' as usize)
                .collect(),
            is_grown: word.contains('+'),
            pulls: word.chars().filter_map(|c| c.to_digit(10)).map(|digit| digit as usize).collect(),
        };
        line.split(' ').map(fact).collect()
    }

    fn marked(line: &str, of: impl Fn(&[Fact]) -> Vec<bool>) -> String {
        of(&facts(line)).into_iter().map(|is| if is { 'x' } else { '-' }).collect()
    }

    #[test]
    fn who_is_fit() {
        for (line, expected) in [
            // A start: nobody is proven.
            ("12 02 01", "xxx"),
            ("12 02 ~01", "xx-"),
            ("1 0 -", "xx-"),
            ("- - -", "---"),
            ("+ - -", "x--"),
            ("- + +1", "-x-"),
            ("! ! -", "---"),
            ("! ! +", "--x"),
            // Plain servers, of which none replicates.
            (". . .", "xxx"),
            (". ~. !.", "x--"),
            // One that nobody replicates with, beside others that do.
            ("1 0 .", "xx-"),
            // A ring reaches everybody.
            ("2 0 1", "xxx"),
            // One is back, with both links, one, or one way only.
            ("*12 *02 01", "xxx"),
            ("*1 *0 01", "xx-"),
            ("*12 *0c 1a", "xx-"),
            ("*12 *02 1a", "xx-"),
            ("*12 *0c 01", "xx-"),
            // One that replicates with one of them only, for good, is reached through it.
            ("*1 *02 1", "xxx"),
            ("*12 *02 -", "xx-"),
            ("*12 *02 ~01", "xx-"),
            // The last survivor, and one that is back and has not synced with it.
            ("! ! *-", "--x"),
            ("! - *-", "--x"),
            ("! 2 *1", "-xx"),
            // A proven one that loads is none to send to, but still one to be linked with.
            ("~*12 *02 01", "-xx"),
            ("~* *2 1", "---"),
        ] {
            assert_eq!(marked(line, fit), expected, "{line}");
        }
    }

    #[test]
    fn who_is_isolated() {
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
    fn how_they_are_linked() {
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

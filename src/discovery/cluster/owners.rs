//! The owner of each slot. An owner that was accepted is kept until a newer claim replaces it.

use std::collections::BTreeMap;

use super::picture::{PeerReport, Picture};
use super::replies::{LineRole, NodeId, NodeLine};
use crate::topology::{ConfigEpoch, SLOTS};

/// The owner of a slot, and the epoch with which it claimed the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) node: NodeId,
    pub(super) epoch: ConfigEpoch,
}

/// A claim to a slot.
#[derive(Clone, Copy)]
struct Claim {
    owner: Owner,
    /// True if the node itself claims the slot; false if another node says so.
    own: bool,
}

/// The accepted owner of each slot.
#[derive(Debug)]
pub(super) struct AcceptedOwners {
    slots: Vec<Option<Owner>>,
}

impl Default for AcceptedOwners {
    fn default() -> Self {
        AcceptedOwners { slots: vec![None; usize::from(SLOTS)] }
    }
}

impl AcceptedOwners {
    /// Takes in all views that count. A node that is not in `picture` is no member any more.
    pub(super) fn update(&mut self, trusted: &[PeerReport<'_>], picture: &Picture) {
        let own: BTreeMap<NodeId, &NodeLine> =
            trusted.iter().filter_map(|(_, report)| Some((report.me, report.own()?))).collect();
        let claims = claims(trusted, &own, picture);
        let confirmed = self.confirmed(&own);
        for ((slot, confirmed), claim) in self.slots.iter_mut().zip(confirmed).zip(claims) {
            let gone = slot.is_some_and(|owner| !picture.contains_key(&owner.node));
            let reports = |owner: Owner| own.get(&owner.node).is_some_and(|own| own.epoch >= owner.epoch);
            let denied = !confirmed && slot.is_some_and(reports);
            *slot = accepted(*slot, claim, gone, denied);
        }
    }

    /// Returns true for each slot whose owner itself says that it owns it.
    fn confirmed(&self, own: &BTreeMap<NodeId, &NodeLine>) -> Vec<bool> {
        let mut slots: Vec<(Option<Owner>, bool)> = self.slots.iter().map(|owner| (*owner, false)).collect();
        for (node, line) in own {
            for (owner, confirmed) in slots_of(&mut slots, line) {
                *confirmed |= owner.is_some_and(|owner| owner.node == *node);
            }
        }
        slots.into_iter().map(|(_, confirmed)| confirmed).collect()
    }

    /// Returns the inclusive slot ranges of every owner, ascending.
    pub(super) fn ranges(&self) -> BTreeMap<NodeId, Vec<(u16, u16)>> {
        let mut ranges: BTreeMap<NodeId, Vec<(u16, u16)>> = BTreeMap::new();
        for (slot, owner) in (0..SLOTS).zip(&self.slots) {
            let Some(owner) = owner else { continue };
            let ranges = ranges.entry(owner.node).or_default();
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == slot => *last = slot,
                Some(_) | None => ranges.push((slot, slot)),
            }
        }
        ranges
    }

    /// Returns the highest epoch with which each owner has claimed a slot.
    pub(super) fn epochs(&self) -> BTreeMap<NodeId, ConfigEpoch> {
        let mut epochs = BTreeMap::new();
        for owner in self.slots.iter().flatten() {
            let highest = epochs.entry(owner.node).or_insert(owner.epoch);
            *highest = owner.epoch.max(*highest);
        }
        epochs
    }
}

/// Returns the best claim to each slot: the one with the highest epoch or, of equal ones, that of the node itself. What others
/// say of a node that reports itself counts only with a higher epoch than its own.
fn claims(
    trusted: &[PeerReport<'_>],
    own: &BTreeMap<NodeId, &NodeLine>,
    picture: &Picture,
) -> Vec<Option<Claim>> {
    let mut best: Vec<Option<Claim>> = vec![None; usize::from(SLOTS)];
    for line in trusted.iter().flat_map(|(_, report)| &report.lines) {
        let outdated = !line.myself && own.get(&line.id).is_some_and(|own| own.epoch >= line.epoch);
        if outdated || line.role != LineRole::Master || !picture.contains_key(&line.id) {
            continue;
        }
        let claim = Claim { owner: Owner { node: line.id, epoch: line.epoch }, own: line.myself };
        for slot in slots_of(&mut best, line) {
            if slot.is_none_or(|other| (other.owner.epoch, other.own) < (claim.owner.epoch, claim.own)) {
                *slot = Some(claim);
            }
        }
    }
    best
}

/// Returns the entries of the slots of one line in a table with one entry for each slot.
fn slots_of<'a, T>(table: &'a mut [T], line: &'a NodeLine) -> impl Iterator<Item = &'a mut T> {
    // The ranges of one line are ascending and do not overlap, so each one is searched from the end of the last one.
    let mut rest = table;
    let mut at = 0;
    let mut parts = Vec::new();
    for (first, last) in &line.slots {
        let (first, end) = (usize::from(*first), usize::from(*last) + 1);
        if first < at {
            continue;
        }
        let Some((_, from_first)) = rest.split_at_mut_checked(first - at) else { break };
        let Some((part, after)) = from_first.split_at_mut_checked(end - first) else { break };
        parts.push(part);
        (rest, at) = (after, end);
    }
    parts.into_iter().flatten()
}

/// Returns the owner of a slot after a claim. The present one may be `gone` from the cluster, or have `denied` that it owns it.
fn accepted(present: Option<Owner>, claim: Option<Claim>, gone: bool, denied: bool) -> Option<Owner> {
    let Some(present) = present else { return claim.map(|claim| claim.owner) };
    let Some(claim) = claim else { return if gone || denied { None } else { Some(present) } };
    if claim.owner.node == present.node {
        return Some(Owner { epoch: claim.owner.epoch.max(present.epoch), ..present });
    }
    let newer = claim.owner.epoch > present.epoch;
    if newer || gone || (denied && claim.own) { Some(claim.owner) } else { Some(present) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(letter: char) -> NodeId {
        NodeId::parse(&letter.to_string().repeat(40)).unwrap()
    }

    #[test]
    fn an_owner_changes_only_for_a_newer_claim_or_when_it_says_so_itself() {
        let owner = |letter, epoch| Owner { node: id(letter), epoch: ConfigEpoch(epoch) };
        let own = |letter, epoch| Some(Claim { owner: owner(letter, epoch), own: true });
        let hearsay = |letter, epoch| Some(Claim { owner: owner(letter, epoch), own: false });
        let a5 = Some(owner('a', 5));
        // The present owner, the claim, gone, denied, the owner afterwards.
        let cases = [
            (None, hearsay('a', 1), false, false, Some(owner('a', 1))),
            (a5, None, false, false, a5),
            (a5, None, true, false, None),
            (a5, None, false, true, None),
            (a5, own('a', 7), false, false, Some(owner('a', 7))),
            (a5, hearsay('a', 4), false, false, a5),
            (a5, hearsay('b', 6), false, false, Some(owner('b', 6))),
            (a5, own('b', 5), false, false, a5),
            (a5, own('b', 4), false, false, a5),
            (a5, own('b', 4), false, true, Some(owner('b', 4))),
            (a5, hearsay('b', 4), false, true, a5),
            (a5, hearsay('b', 4), true, false, Some(owner('b', 4))),
        ];
        for (index, (now, claim, gone, denied, then)) in cases.into_iter().enumerate() {
            assert_eq!(accepted(now, claim, gone, denied), then, "case {index}");
        }
    }
}

//! Counts the votes of sentinels, one for each. A majority is one of all sentinels that exist, not of those that answer.

use std::collections::BTreeMap;

use crate::topology::{ConfigEpoch, Endpoint};

/// The master that one sentinel names. A sentinel that knows no master, or is in TILT, has no vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) address: Endpoint,
    /// The epoch, if it is certain to belong to the address.
    pub(super) epoch: Option<ConfigEpoch>,
}

/// The address that was elected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ElectedAddress {
    pub(super) address: Endpoint,
    /// The lowest and the highest epoch that its voters pair with it.
    pub(super) epochs: Option<(ConfigEpoch, ConfigEpoch)>,
}

/// Returns the address that more than half of `electorate` sentinels name.
pub(super) fn majority(votes: &[Vote], electorate: usize) -> Option<ElectedAddress> {
    tally(votes)
        .into_iter()
        .find(|(_, voters)| voters.len() * 2 > electorate)
        .map(|(address, voters)| choice(address, &voters))
}

/// Returns the one address that all votes name. It is for a start while most sentinels are gone.
pub(super) fn unanimous(votes: &[Vote]) -> Option<ElectedAddress> {
    let tally = tally(votes);
    if tally.len() > 1 {
        return None;
    }
    tally.into_iter().next().map(|(address, voters)| choice(address, &voters))
}

/// Returns the address and epoch that a majority agrees on, if that epoch is below the present one.
pub(super) fn lower(
    votes: &[Vote],
    electorate: usize,
    present: ConfigEpoch,
) -> Option<(Endpoint, ConfigEpoch)> {
    let mut counts: BTreeMap<(&Endpoint, ConfigEpoch), usize> = BTreeMap::new();
    for vote in votes {
        if let Some(epoch) = vote.epoch.filter(|epoch| *epoch < present) {
            *counts.entry((&vote.address, epoch)).or_default() += 1;
        }
    }
    let agreed = counts.into_iter().find(|(_, count)| count * 2 > electorate);
    agreed.map(|((address, epoch), _)| (address.clone(), epoch))
}

fn tally(votes: &[Vote]) -> BTreeMap<&Endpoint, Vec<Option<ConfigEpoch>>> {
    let mut tally: BTreeMap<&Endpoint, Vec<Option<ConfigEpoch>>> = BTreeMap::new();
    for vote in votes {
        tally.entry(&vote.address).or_default().push(vote.epoch);
    }
    tally
}

fn choice(address: &Endpoint, epochs: &[Option<ConfigEpoch>]) -> ElectedAddress {
    let known = || epochs.iter().copied().flatten();
    ElectedAddress { address: address.clone(), epochs: known().min().zip(known().max()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Named<'a> = (&'a str, Option<u64>);

    fn votes(votes: &[Named<'_>]) -> Vec<Vote> {
        let vote = |(host, epoch): &Named<'_>| Vote {
            address: Endpoint::new(host, 1),
            epoch: epoch.map(ConfigEpoch),
        };
        votes.iter().map(vote).collect()
    }

    #[test]
    fn a_majority_is_one_of_all_sentinels_that_exist() {
        let cases: [(&[Named<'_>], usize, Option<&str>); 8] = [
            (&[], 3, None),
            (&[("a", None)], 1, Some("a")),
            (&[("a", None)], 3, None),
            (&[("a", None), ("a", None)], 3, Some("a")),
            (&[("a", None), ("a", None)], 4, None),
            (&[("a", None), ("b", None)], 3, None),
            (&[("a", None), ("b", None), ("b", None)], 3, Some("b")),
            (&[("a", None), ("a", None), ("b", None)], 6, None),
        ];
        for (given, electorate, expected) in cases {
            let found = majority(&votes(given), electorate).map(|choice| choice.address);
            assert_eq!(found, expected.map(|host| Endpoint::new(host, 1)), "{given:?} of {electorate}");
        }
    }

    #[test]
    fn epochs_come_only_from_voters_that_know_them() {
        let found =
            majority(&votes(&[("a", Some(3)), ("a", None), ("a", Some(5)), ("b", Some(9))]), 4).unwrap();
        assert_eq!(found.epochs, Some((ConfigEpoch(3), ConfigEpoch(5))));
        assert_eq!(majority(&votes(&[("a", None), ("a", None)]), 3).unwrap().epochs, None);
    }

    #[test]
    fn unanimous_means_that_nobody_disagrees() {
        assert!(unanimous(&votes(&[("a", None)])).is_some());
        assert!(unanimous(&votes(&[("a", None), ("b", None)])).is_none());
        assert!(unanimous(&[]).is_none());
    }

    #[test]
    fn a_lower_epoch_needs_a_majority_that_agrees_on_both() {
        let lower = |given, electorate| lower(&votes(given), electorate, ConfigEpoch(5));
        let b1 = Some((Endpoint::new("b", 1), ConfigEpoch(1)));
        assert_eq!(lower(&[("b", Some(1)), ("b", Some(1))], 3), b1);
        assert_eq!(lower(&[("b", Some(1)), ("b", Some(2))], 3), None);
        assert_eq!(lower(&[("b", Some(1)), ("b", None)], 3), None);
        assert_eq!(lower(&[("b", Some(1))], 3), None);
        assert_eq!(lower(&[("b", Some(5)), ("b", Some(5))], 3), None);
    }
}

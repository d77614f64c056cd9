//! Chooses one node out of several: the nearest, or the first one in the config.
//!
//! The nearest node is found by zones first, then by round trips. Nodes whose round trips differ by noise alone are equal, and
//! of equal nodes the first one in the config is chosen, so that proxies side by side choose the same. The node that serves now
//! stays until another one is nearer by more than twice the noise.

use std::time::Duration;

/// The difference of two round trips that is noise, whatever the distance.
const NOISE: Duration = Duration::from_millis(1);

/// The policy by which a node is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodePolicy {
    Nearest,
    First,
}

/// One node that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The place of the node in the config.
    pub(super) at: usize,
    /// True if the node is in the proxy's own zone.
    pub(super) is_local: bool,
    /// The round trip. `None`: it is not measured yet, and counts as longer than any other.
    pub(super) rtt: Option<Duration>,
}

/// Returns the preferred node. `candidates` are in the order of the config; `current` is the node that serves now.
pub(super) fn preferred(
    policy: NodePolicy,
    candidates: &[Candidate],
    current: Option<usize>,
) -> Option<usize> {
    match policy {
        NodePolicy::First => candidates.first().map(|candidate| candidate.at),
        NodePolicy::Nearest => nearest(candidates, current),
    }
}

fn nearest(candidates: &[Candidate], current: Option<usize>) -> Option<usize> {
    let any_local = candidates.iter().any(|candidate| candidate.is_local);
    let pool: Vec<&Candidate> =
        candidates.iter().filter(|candidate| candidate.is_local || !any_local).collect();
    let Some(shortest) = pool.iter().filter_map(|candidate| candidate.rtt).min() else {
        let stays = pool.iter().find(|candidate| Some(candidate.at) == current);
        return stays.or(pool.first()).map(|candidate| candidate.at);
    };
    let within = |candidate: &Candidate, limit: Duration| candidate.rtt.is_some_and(|rtt| rtt <= limit);
    let noise = shortest / 5 + NOISE;
    let stays = pool
        .iter()
        .find(|candidate| Some(candidate.at) == current && within(candidate, shortest + noise * 2));
    let equal = || pool.iter().find(|candidate| within(candidate, shortest + noise));
    stays.or_else(equal).map(|candidate| candidate.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses candidates: round trips in tenths of a millisecond, 0 if not measured; `l` marks nodes in the proxy's zone.
    fn candidates(line: &str) -> Vec<Candidate> {
        let candidate = |(at, word): (usize, &str)| {
            let tenths: u64 = word.trim_end_matches('l').parse().unwrap();
            let rtt = (tenths > 0).then(|| Duration::from_micros(tenths * 100));
            Candidate { at, is_local: word.ends_with('l'), rtt }
        };
        line.split(' ').enumerate().map(candidate).collect()
    }

    #[test]
    fn the_nearest_is_found_by_zone_then_by_round_trip() {
        for (line, current, expected) in [
            ("5 3 4", None, Some(0)),
            ("30 3 4", None, Some(1)),
            ("30 4 3", None, Some(1)),
            ("30 40l 300l", None, Some(1)),
            ("30 300l 40l", None, Some(2)),
            // The nodes differ by noise alone: the one that serves stays.
            ("5 3 4", Some(2), Some(2)),
            ("24 3 4", Some(0), Some(0)),
            ("25 3 4", Some(0), Some(1)),
            // Zones count first, even against the node that serves.
            ("5 6l", Some(0), Some(1)),
            ("0 0 0", None, Some(0)),
            ("0 0 0", Some(2), Some(2)),
            ("0 9 0", None, Some(1)),
            ("0 9 0", Some(0), Some(1)),
        ] {
            let nearest = preferred(NodePolicy::Nearest, &candidates(line), current);
            assert_eq!(nearest, expected, "{line} {current:?}");
        }
        assert_eq!(preferred(NodePolicy::Nearest, &[], Some(1)), None);
    }

    #[test]
    fn the_first_is_the_first() {
        assert_eq!(preferred(NodePolicy::First, &candidates("300 3l"), Some(1)), Some(0));
        assert_eq!(preferred(NodePolicy::First, &[], Some(1)), None);
    }
}

//! One node out of several: the nearest, or the first of the list.
//!
//! Nearest is first a matter of zones, then of round trips. Nodes that differ by noise alone are equal, and among equals
//! the order of the list decides, so that proxies side by side choose the same one. Whoever serves now stays until
//! another one is nearer by more than twice the noise.

use std::time::Duration;

/// Less than this is noise, whatever the distance.
const NOISE: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadPolicy {
    Nearest,
    First,
}

/// One node, at its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) at: usize,
    /// It is in the proxy's own zone.
    pub(super) is_local: bool,
    /// `None`: not measured yet, which is further than anything.
    pub(super) rtt: Option<Duration>,
}

/// `candidates` in the order of the list; `current` is the one that serves now.
pub(super) fn preferred(
    policy: ReadPolicy,
    candidates: &[Candidate],
    current: Option<usize>,
) -> Option<usize> {
    match policy {
        ReadPolicy::First => candidates.first().map(|candidate| candidate.at),
        ReadPolicy::Nearest => nearest(candidates, current),
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

    /// Round trips in tenths of a millisecond; 0: not measured. `l` marks those of the proxy's zone.
    fn candidates(line: &str) -> Vec<Candidate> {
        let candidate = |(at, word): (usize, &str)| {
            let tenths: u64 = word.trim_end_matches('l').parse().unwrap();
            let rtt = (tenths > 0).then(|| Duration::from_micros(tenths * 100));
            Candidate { at, is_local: word.ends_with('l'), rtt }
        };
        line.split(' ').enumerate().map(candidate).collect()
    }

    #[test]
    fn who_is_the_nearest() {
        for (line, current, expected) in [
            ("5 3 4", None, Some(0)),
            ("30 3 4", None, Some(1)),
            ("30 4 3", None, Some(1)),
            ("30 40l 300l", None, Some(1)),
            ("30 300l 40l", None, Some(2)),
            // Equal but for noise: whoever serves stays.
            ("5 3 4", Some(2), Some(2)),
            ("24 3 4", Some(0), Some(0)),
            ("25 3 4", Some(0), Some(1)),
            // Zones come first even for the one that serves.
            ("5 6l", Some(0), Some(1)),
            ("0 0 0", None, Some(0)),
            ("0 0 0", Some(2), Some(2)),
            ("0 9 0", None, Some(1)),
            ("0 9 0", Some(0), Some(1)),
        ] {
            let nearest = preferred(ReadPolicy::Nearest, &candidates(line), current);
            assert_eq!(nearest, expected, "{line} {current:?}");
        }
        assert_eq!(preferred(ReadPolicy::Nearest, &[], Some(1)), None);
    }

    #[test]
    fn the_first_is_the_first() {
        assert_eq!(preferred(ReadPolicy::First, &candidates("300 3l"), Some(1)), Some(0));
        assert_eq!(preferred(ReadPolicy::First, &[], Some(1)), None);
    }
}

//! The round trip to one node, smoothed: what "nearest" is measured with.

use std::time::Duration;

/// A new sample counts for an eighth, as in TCP's own estimate.
const WEIGHT: u32 = 8;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trip(Option<Duration>);

impl Trip {
    pub(super) fn sampled(&mut self, rtt: Duration) {
        self.0 = Some(match self.0 {
            None => rtt,
            Some(smoothed) => (smoothed * (WEIGHT - 1) + rtt) / WEIGHT,
        });
    }

    pub(super) fn smoothed(self) -> Option<Duration> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_answer_moves_it_a_little() {
        let mut trip = Trip::default();
        assert_eq!(trip.smoothed(), None);
        for (sample, smoothed) in [(800, 800), (800, 800), (8800, 1800), (800, 1675)] {
            trip.sampled(Duration::from_micros(sample));
            assert_eq!(trip.smoothed(), Some(Duration::from_micros(smoothed)));
        }
    }
}

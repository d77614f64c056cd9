//! The smoothed round trip to one node, by which the nearest node is found.

use std::time::Duration;

/// A new sample counts for one part in this number, as in TCP's own estimate.
const WEIGHT: u32 = 8;

/// The smoothed round trip. `None` inside: there is no sample yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SmoothedRtt(Option<Duration>);

impl SmoothedRtt {
    pub(super) fn add(&mut self, rtt: Duration) {
        self.0 = Some(match self.0 {
            None => rtt,
            Some(smoothed) => (smoothed * (WEIGHT - 1) + rtt) / WEIGHT,
        });
    }

    pub(super) fn value(self) -> Option<Duration> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_answer_moves_it_a_little() {
        let mut rtt = SmoothedRtt::default();
        assert_eq!(rtt.value(), None);
        for (sample, smoothed) in [(800, 800), (800, 800), (8800, 1800), (800, 1675)] {
            rtt.add(Duration::from_micros(sample));
            assert_eq!(rtt.value(), Some(Duration::from_micros(smoothed)));
        }
    }
}

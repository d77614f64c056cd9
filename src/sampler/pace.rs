//! Bounds the number of keys per second.

use std::time::Duration;

/// Most keys looked at together, in one question to each node. It bounds the memory for the replies.
pub(super) const BATCH: usize = 16;

#[derive(Debug)]
pub(super) struct Pace {
    /// The time between two keys.
    period: Duration,
    /// The time of the next key.
    next: Duration,
}

impl Pace {
    /// Makes a pace of so many keys per second. The caller does not start a sampler for 0, which means off.
    pub(super) fn new(keys_per_second: u32) -> Self {
        Pace { period: Duration::from_secs(1) / keys_per_second.max(1), next: Duration::ZERO }
    }

    pub(super) fn next(&self) -> Duration {
        self.next
    }

    /// Returns the number of keys that may be looked at now. After a pause this is one batch at most, so that keys missed
    /// during the pause are not made up for in a rush.
    pub(super) fn take(&mut self, now: Duration) -> usize {
        let Some(late) = now.checked_sub(self.next) else { return 0 };
        let batch = self.period * BATCH as u32;
        if late >= batch {
            self.next = now + self.period;
            return BATCH;
        }
        let mut keys = 0;
        while self.next <= now {
            self.next += self.period;
            keys += 1;
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn keys_come_at_the_rate_and_never_more_than_a_batch_at_once() {
        // Keys in a second, milliseconds between turns, keys in the first ten seconds.
        let cases = [(1, 1, 10), (1, 100, 10), (10, 1, 100), (1000, 1, 10_000), (1000, 10, 10_000)];
        for (rate, turn, expected) in cases {
            let mut pace = Pace::new(rate);
            let mut keys = 0;
            for at in (0..10_000).step_by(turn) {
                let taken = pace.take(MS * at as u32);
                assert!(taken <= BATCH, "{rate} {turn}: {taken}");
                keys += taken;
            }
            assert!(keys.abs_diff(expected) <= BATCH, "{rate} {turn}: {keys}");
        }
    }

    #[test]
    fn a_pause_is_not_made_good_for() {
        let mut pace = Pace::new(10);
        assert_eq!(pace.take(MS), 1);
        assert_eq!(pace.take(MS * 3_600_000), BATCH);
        assert_eq!(pace.take(MS * 3_600_001), 0);
        assert_eq!(pace.next(), MS * 3_600_100);
        assert_eq!(pace.take(MS * 3_600_100), 1);
    }
}

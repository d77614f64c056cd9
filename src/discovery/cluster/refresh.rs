//! When the whole map is asked for again: at once after a hint, then not more often than something changes.

use std::time::Duration;

/// Between two refreshes, however many hints there are.
const SHORTEST: Duration = Duration::from_millis(100);
/// Nothing changes: what is hinted at is known, or will not come.
const LONGEST: Duration = Duration::from_secs(1);
/// How long it is looked closer after a hint.
const HOT: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Refresh {
    last: Option<Duration>,
    due: Option<Duration>,
    gap: Duration,
    hot_until: Duration,
}

impl Refresh {
    /// Somebody doubts the map.
    pub(super) fn ask(&mut self, now: Duration) {
        if now >= self.hot_until {
            self.gap = SHORTEST;
        }
        self.hot_until = now + HOT;
        let at = self.last.map_or(now, |last| now.max(last + self.gap));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// The map has changed: more may follow soon.
    pub(super) fn changed(&mut self) {
        self.gap = SHORTEST;
    }

    /// True once when it is time.
    pub(super) fn take(&mut self, now: Duration, random: f64) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.last = Some(now);
        // Not in step with other proxies.
        let next = now + self.gap.mul_f64(1.0 + random / 4.0);
        self.due = (next < self.hot_until).then_some(next);
        self.gap = (self.gap * 2).min(LONGEST);
        true
    }

    pub(super) fn wake(&self) -> Option<Duration> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_first_hint_is_followed_at_once_and_a_flood_is_not() {
        let mut refresh = Refresh::default();
        let mut taken = Vec::new();
        for step in 5000..9000 {
            refresh.ask(MS * step);
            if refresh.take(MS * step, 0.0) {
                taken.push(step);
            }
        }
        assert_eq!(taken, [5000, 5100, 5300, 5700, 6500, 7500, 8500]);
    }

    #[test]
    fn one_hint_is_looked_after_for_a_while() {
        let mut refresh = Refresh::default();
        refresh.ask(MS * 5000);
        let taken: Vec<u32> = (5000..9000).filter(|step| refresh.take(MS * *step, 0.0)).collect();
        assert_eq!(taken, [5000, 5100, 5300, 5700, 6500]);
        assert_eq!(refresh.wake(), None);
    }

    #[test]
    fn after_a_change_it_is_asked_again_soon() {
        let mut refresh = Refresh::default();
        let mut taken = Vec::new();
        for step in 5000..6000 {
            refresh.ask(MS * step);
            if refresh.take(MS * step, 0.0) {
                taken.push(step);
                refresh.changed();
            }
        }
        assert_eq!(taken.len(), 10, "{taken:?}");
    }
}

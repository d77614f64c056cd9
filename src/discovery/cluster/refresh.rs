//! Decides when to ask for the whole map again: at once after a hint, and then more and more slowly while nothing changes.

use std::time::Duration;

/// The shortest time between two refreshes, however many hints there are.
const SHORTEST: Duration = Duration::from_millis(100);
/// The longest time between two refreshes, reached while nothing changes: the cause of the hints is known, or will not show.
const LONGEST: Duration = Duration::from_secs(1);
/// The time for which refreshes go on after a hint.
const HINTED: Duration = Duration::from_secs(2);

/// The schedule of refreshes.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    last: Option<Duration>,
    due: Option<Duration>,
    /// The time from one refresh to the next.
    gap: Duration,
    hinted_until: Duration,
}

impl Refresh {
    /// Asks for a refresh as soon as the gap allows it.
    pub(super) fn ask(&mut self, now: Duration) {
        if now >= self.hinted_until {
            self.gap = SHORTEST;
        }
        self.hinted_until = now + HINTED;
        let at = self.last.map_or(now, |last| now.max(last + self.gap));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Makes the next refreshes fast again: the map has changed, and more changes may follow.
    pub(super) fn changed(&mut self) {
        self.gap = SHORTEST;
    }

    /// Returns true if it is time for a refresh, which then counts as done.
    pub(super) fn take_due(&mut self, now: Duration, random: f64) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.last = Some(now);
        // Random, so that proxies do not refresh in step.
        let next = now + self.gap.mul_f64(1.0 + random / 4.0);
        self.due = (next < self.hinted_until).then_some(next);
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
            if refresh.take_due(MS * step, 0.0) {
                taken.push(step);
            }
        }
        assert_eq!(taken, [5000, 5100, 5300, 5700, 6500, 7500, 8500]);
    }

    #[test]
    fn one_hint_is_looked_after_for_a_while() {
        let mut refresh = Refresh::default();
        refresh.ask(MS * 5000);
        let taken: Vec<u32> = (5000..9000).filter(|step| refresh.take_due(MS * *step, 0.0)).collect();
        assert_eq!(taken, [5000, 5100, 5300, 5700, 6500]);
        assert_eq!(refresh.wake(), None);
    }

    #[test]
    fn after_a_change_it_is_asked_again_soon() {
        let mut refresh = Refresh::default();
        let mut taken = Vec::new();
        for step in 5000..6000 {
            refresh.ask(MS * step);
            if refresh.take_due(MS * step, 0.0) {
                taken.push(step);
                refresh.changed();
            }
        }
        assert_eq!(taken.len(), 10, "{taken:?}");
    }
}

//! Decides when to log that the backend does not serve as it should: once that has lasted, and again from time to time.

use std::time::Duration;

/// The time that a problem must last to be logged. The event that ends a shorter one is logged anyway.
const LASTS: Duration = Duration::from_secs(1);
/// The time between two lines about the same problem.
const AGAIN: Duration = Duration::from_secs(30);
/// The time between lines about two different problems: they may alternate.
const CHANGED: Duration = Duration::from_secs(5);

/// The log lines about the readiness of one proxy.
#[derive(Debug, Default)]
pub(super) struct ReadinessLog {
    /// The time since which something has been wrong.
    since: Option<Duration>,
    /// The last line, and the time at which it was logged.
    logged: Option<(Duration, String)>,
    /// The time of the next line, if the problem stays the same.
    next: Option<Duration>,
}

/// A line to log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LogLine {
    Wrong,
    /// The problem that was logged is over.
    Well,
}

impl ReadinessLog {
    /// Returns the line to log now. `wrong` is the present problem.
    pub(super) fn update(&mut self, now: Duration, wrong: Option<&str>) -> Option<LogLine> {
        let Some(wrong) = wrong else {
            (self.since, self.next) = (None, None);
            return self.logged.take().map(|_| LogLine::Well);
        };
        let due = self.due(now, wrong);
        if now < due {
            self.next = Some(due);
            return None;
        }
        (self.logged, self.next) = (Some((now, wrong.to_owned())), Some(now + AGAIN));
        Some(LogLine::Wrong)
    }

    /// Returns the time at which this problem is to be logged.
    fn due(&mut self, now: Duration, wrong: &str) -> Duration {
        let since = *self.since.get_or_insert(now);
        match &self.logged {
            None => since + LASTS,
            Some((at, logged)) if logged == wrong => *at + AGAIN,
            Some((at, _)) => *at + CHANGED,
        }
    }

    /// Returns the time at which [`ReadinessLog::update`] must be called at the latest.
    pub(super) fn wake(&self) -> Option<Duration> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_said_once_and_then_every_half_minute() {
        let mut readiness = ReadinessLog::default();
        let mut logged = Vec::new();
        for at in 0..100u64 {
            let wrong = match at {
                0..10 | 95.. => None,
                10..50 => Some("a"),
                _ => Some("b"),
            };
            logged.extend(readiness.update(Duration::from_secs(at), wrong).map(|line| (at, line)));
        }
        let expected = [
            (11, LogLine::Wrong),
            (41, LogLine::Wrong),
            (50, LogLine::Wrong),
            (80, LogLine::Wrong),
            (95, LogLine::Well),
        ];
        assert_eq!(logged, expected);
    }

    #[test]
    fn a_short_gap_is_not_worth_a_line_and_reasons_that_change_do_not_flood() {
        let mut readiness = ReadinessLog::default();
        let mut lines = 0;
        for at in 0..60_000u64 {
            let wrong = match at {
                0..900 => Some("a"),
                900..1000 => None,
                _ if at % 2 == 0 => Some("b"),
                _ => Some("c"),
            };
            lines += u32::from(readiness.update(Duration::from_millis(at), wrong).is_some());
            assert!(at != 950 || lines == 0);
        }
        assert!((2..=12).contains(&lines), "{lines} lines in a minute");
    }
}

//! When it is logged that a proxy is not ready: once it has lasted, and again from time to time while it lasts.

use std::time::Duration;

/// What is over sooner is told by what ends it.
const LASTS: Duration = Duration::from_secs(1);
/// Between two lines about the same.
const AGAIN: Duration = Duration::from_secs(30);
/// Between two lines about something else: reasons may change back and forth.
const CHANGED: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Notice {
    since: Option<Duration>,
    /// The last line, and when it was logged.
    said: Option<(Duration, String)>,
    /// When there is something to say, unless something changes.
    next: Option<Duration>,
}

/// What is to be logged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LogLine {
    Wrong,
    /// What was said to be wrong is over.
    Well,
}

impl Notice {
    /// `wrong`: what is so at this moment.
    pub(super) fn look(&mut self, now: Duration, wrong: Option<&str>) -> Option<LogLine> {
        let Some(wrong) = wrong else {
            (self.since, self.next) = (None, None);
            return self.said.take().map(|_| LogLine::Well);
        };
        let due = self.due(now, wrong);
        if now < due {
            self.next = Some(due);
            return None;
        }
        (self.said, self.next) = (Some((now, wrong.to_owned())), Some(now + AGAIN));
        Some(LogLine::Wrong)
    }

    /// Returns when this is to be said.
    fn due(&mut self, now: Duration, wrong: &str) -> Duration {
        let since = *self.since.get_or_insert(now);
        match &self.said {
            None => since + LASTS,
            Some((at, said)) if said == wrong => *at + AGAIN,
            Some((at, _)) => *at + CHANGED,
        }
    }

    /// Returns when to look again at the latest.
    pub(super) fn wake(&self) -> Option<Duration> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_said_once_and_then_every_half_minute() {
        let mut notice = Notice::default();
        let mut said = Vec::new();
        for at in 0..100u64 {
            let wrong = match at {
                0..10 | 95.. => None,
                10..50 => Some("a"),
                _ => Some("b"),
            };
            said.extend(notice.look(Duration::from_secs(at), wrong).map(|line| (at, line)));
        }
        let expected = [
            (11, LogLine::Wrong),
            (41, LogLine::Wrong),
            (50, LogLine::Wrong),
            (80, LogLine::Wrong),
            (95, LogLine::Well),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_short_gap_is_not_worth_a_line_and_reasons_that_change_do_not_flood() {
        let mut notice = Notice::default();
        let mut lines = 0;
        for at in 0..60_000u64 {
            let wrong = match at {
                0..900 => Some("a"),
                900..1000 => None,
                _ if at % 2 == 0 => Some("b"),
                _ => Some("c"),
            };
            lines += u32::from(notice.look(Duration::from_millis(at), wrong).is_some());
            assert!(at != 950 || lines == 0);
        }
        assert!((2..=12).contains(&lines), "{lines} lines in a minute");
    }
}

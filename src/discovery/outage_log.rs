//! Decides when to log that commands have begun to wait for a node, and what became of them once none waits any more. Pure.

use std::time::Duration;

use crate::topology::events::CommandCounts;

/// The shortest wait that counts as an outage. Shorter ones are usual: a connection has to be made first.
const SHORTEST: Duration = Duration::from_millis(200);

/// An event to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutageNotice {
    /// This number of commands wait for a node; for a while there has always been at least one.
    Waiting(u64),
    /// No command waits any more. The counts are of this outage; the duration is its length.
    Over(CommandCounts, Duration),
}

/// The log lines about the outages of one proxy.
#[derive(Debug, Default)]
pub(super) struct OutageLog {
    /// The counts when nothing waited.
    quiet: CommandCounts,
    /// The time since which commands have waited.
    since: Option<Duration>,
    /// True if the present outage was logged.
    is_logged: bool,
}

impl OutageLog {
    /// Takes in the present counts. Returns the event to log now.
    pub(super) fn update(&mut self, now: Duration, counts: CommandCounts) -> Option<OutageNotice> {
        if counts.held == 0 {
            let before = std::mem::replace(&mut self.quiet, counts);
            let since = self.since.take();
            let is_logged = std::mem::take(&mut self.is_logged);
            return since
                .filter(|_| is_logged)
                .map(|since| OutageNotice::Over(counts.since(before), now - since));
        }
        let since = *self.since.get_or_insert(now);
        let is_news = !self.is_logged && now - since >= SHORTEST;
        self.is_logged |= is_news;
        is_news.then_some(OutageNotice::Waiting(counts.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(held: u64, sent: u64, uncertain: u64) -> CommandCounts {
        CommandCounts { held, sent, uncertain, ..CommandCounts::default() }
    }

    #[test]
    fn an_outage_is_told_once_when_it_lasts_and_once_when_it_is_over() {
        let mut outages = OutageLog::default();
        let over = OutageNotice::Over(counts(0, 7, 2), Duration::from_millis(900));
        for (at, held, sent, uncertain, is_logged) in [
            (0, 0, 10, 1, None),
            (100, 3, 10, 1, None),
            (150, 0, 13, 1, None),
            (200, 3, 13, 1, None),
            (399, 4, 13, 3, None),
            (400, 5, 13, 3, Some(OutageNotice::Waiting(5))),
            (900, 7, 13, 3, None),
            (1_100, 0, 20, 3, Some(over)),
            (1_200, 0, 25, 3, None),
        ] {
            let found = outages.update(Duration::from_millis(at), counts(held, sent, uncertain));
            assert_eq!(found, is_logged, "at {at}");
        }
    }
}

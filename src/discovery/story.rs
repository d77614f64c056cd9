//! The story of an outage for the log: when commands began to wait, and what had become of them when none waited any more.
//! Pure: it is told the counts and the time, and says what is to be logged.

use std::time::Duration;

use crate::topology::events::CommandCounts;

/// Waits that are shorter are no outage: a connection has to be made first.
const SHORTEST: Duration = Duration::from_millis(200);

/// What is to be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chapter {
    /// So many commands wait for a node, and have done so for a while.
    Waiting(u64),
    /// None waits any more: what became of them, and how long that took.
    Over(CommandCounts, Duration),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// The counts when nothing waited.
    quiet: CommandCounts,
    since: Option<Duration>,
    told: bool,
}

impl Story {
    /// Takes in how things stand.
    pub(super) fn look(&mut self, now: Duration, counts: CommandCounts) -> Option<Chapter> {
        if counts.held == 0 {
            let before = std::mem::replace(&mut self.quiet, counts);
            let since = self.since.take();
            let told = std::mem::take(&mut self.told);
            return since.filter(|_| told).map(|since| Chapter::Over(counts.since(before), now - since));
        }
        let since = *self.since.get_or_insert(now);
        let is_news = !self.told && now - since >= SHORTEST;
        self.told |= is_news;
        is_news.then_some(Chapter::Waiting(counts.held))
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
        let mut story = Story::default();
        let over = Chapter::Over(counts(0, 7, 2), Duration::from_millis(900));
        for (at, held, sent, uncertain, told) in [
            (0, 0, 10, 1, None),
            (100, 3, 10, 1, None),
            (150, 0, 13, 1, None),
            (200, 3, 13, 1, None),
            (399, 4, 13, 3, None),
            (400, 5, 13, 3, Some(Chapter::Waiting(5))),
            (900, 7, 13, 3, None),
            (1_100, 0, 20, 3, Some(over)),
            (1_200, 0, 25, 3, None),
        ] {
            let found = story.look(Duration::from_millis(at), counts(held, sent, uncertain));
            assert_eq!(found, told, "at {at}");
        }
    }
}

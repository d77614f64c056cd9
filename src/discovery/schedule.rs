//! Decides when to ask a peer again: one question at a time, at a given pace, and sooner after an event.

use std::time::Duration;

use crate::config::{ReadFrom, Reads};

/// The shortest time from an answer to the next question to the same peer: hints come in floods.
const SHORTEST_GAP: Duration = Duration::from_millis(2);
/// The shortest period of questions, however small a lag is allowed.
const SHORTEST_PERIOD: Duration = Duration::from_millis(50);

/// The schedule of the questions to one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    /// The time of the next question.
    next: Duration,
    /// True while a question is not answered.
    asked: bool,
    /// True if something happened after the open question was sent.
    again: bool,
    /// The time of the last answer.
    last: Option<Duration>,
}

impl Schedule {
    /// Returns true if it is time to ask; the question then counts as asked.
    pub(super) fn take_due(&mut self, now: Duration) -> bool {
        let due = !self.asked && now >= self.next;
        self.asked |= due;
        due
    }

    /// Notes an answer or a failure; the next question follows after `period`.
    pub(super) fn answered(&mut self, now: Duration, period: Duration) {
        self.asked = false;
        self.last = Some(now);
        self.next = now + if self.again { SHORTEST_GAP } else { period };
        self.again = false;
    }

    /// Moves the next question to the earliest time that is allowed.
    pub(super) fn hurry(&mut self, now: Duration) {
        if self.asked {
            self.again = true;
        } else {
            let earliest = self.last.map_or(now, |last| now.max(last + SHORTEST_GAP));
            self.next = self.next.min(earliest);
        }
    }

    /// Changes the pace: moves the next question to at most `period` after the last answer.
    pub(super) fn at_pace(&mut self, period: Duration) {
        if let Some(last) = self.last {
            self.next = self.next.min(last + period);
        }
    }

    /// Returns the time of the next question. `None`: a question waits for its answer.
    pub(super) fn wake(&self) -> Option<Duration> {
        if self.asked { None } else { Some(self.next) }
    }
}

/// The period of questions to a replica until its lag is known.
pub(super) const UNMEASURED: Duration = Duration::from_millis(100);

/// The periods of questions to nodes while nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sampling {
    pub(super) master: Duration,
    pub(super) replica: Duration,
}

impl Sampling {
    /// Returns the periods for this config. Masters are asked often, since they may fail; replicas that serve reads are asked
    /// four times within the lag that is allowed. No period is shorter than [`SHORTEST_PERIOD`].
    pub(super) fn new(reads: &Reads) -> Self {
        let usual = Sampling { master: Duration::from_millis(200), replica: Duration::from_secs(1) };
        let period = (reads.max_lag / 4).max(SHORTEST_PERIOD);
        match reads.from {
            ReadFrom::Master => usual,
            ReadFrom::PreferReplica | ReadFrom::Replica | ReadFrom::Nearest => {
                Sampling { master: usual.master.min(period), replica: usual.replica.min(period) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn lags_are_sampled_as_often_as_the_limit_asks_for() {
        let cases = [
            (ReadFrom::Master, 1000, (200, 1000)),
            (ReadFrom::Replica, 1000, (200, 250)),
            (ReadFrom::PreferReplica, 60_000, (200, 1000)),
            (ReadFrom::Nearest, 400, (100, 100)),
            (ReadFrom::Nearest, 0, (50, 50)),
        ];
        for (from, max_lag, (master, replica)) in cases {
            let sampling = Sampling::new(&Reads { from, max_lag: MS * max_lag });
            assert_eq!(
                sampling,
                Sampling { master: MS * master, replica: MS * replica },
                "{from:?} {max_lag}"
            );
        }
    }

    #[test]
    fn one_question_at_a_time_at_the_given_pace() {
        let mut schedule = Schedule::default();
        assert!(schedule.take_due(Duration::ZERO));
        assert!(!schedule.take_due(MS * 500), "not before the answer");
        schedule.answered(MS * 500, MS * 1000);
        assert_eq!(schedule.wake(), Some(MS * 1500));
        schedule.at_pace(MS * 100);
        assert!(!schedule.take_due(MS * 599));
        assert!(schedule.take_due(MS * 600));
    }

    #[test]
    fn a_hurry_during_a_question_asks_again_right_after_it() {
        let mut schedule = Schedule::default();
        schedule.take_due(Duration::ZERO);
        schedule.hurry(MS);
        schedule.answered(MS * 3, MS * 1000);
        assert_eq!(schedule.wake(), Some(MS * 5));
        schedule.take_due(MS * 5);
        schedule.answered(MS * 6, MS * 1000);
        for _ in 0..100 {
            schedule.hurry(MS * 6);
        }
        assert_eq!(schedule.wake(), Some(MS * 8), "a flood of hints is no flood of questions");
    }
}

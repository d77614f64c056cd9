//! The changeover of an audience from one home to another. For a while the nodes of both homes send the messages that
//! every node of the cluster has. The audience hears the former home to its end, and then the next one from the point
//! where the former has left off: nothing is missed, delivered twice or out of order.
//!
//! Messages have no numbers. Two are the same if they have equal bytes and come within [`LAG`] of each other.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// The time by which one node may be behind the other, in microseconds.
const LAG: u64 = 50_000;

/// The least time for which both homes send everything, in microseconds.
const OVERLAP: u64 = 2 * LAG;

/// Both nodes have to answer a PING within this time, in microseconds: a node that does not may be long gone.
const PONG_TIME: u64 = 500_000;

/// The most that is remembered: messages that the former home has sent and the next has not, and bytes of those that
/// the next has sent and the former has not.
const FULL: usize = 1 << 18;
const FULL_BYTES: usize = 4 << 20;

/// One of the two homes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Former,
    Next,
}

/// The stage of a changeover. Times are microseconds on the worker's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Messages of the former home are noted: the next node may be behind, and send them later.
    Noting { since: u64 },
    /// The next home is asked for everything that is listened to.
    Asking { since: u64 },
    /// Both homes send everything.
    Overlapping { since: u64 },
    /// Both homes were asked for a sign of life.
    Pinging { since: u64 },
    /// The next home has taken over. It may still send messages that the former one has sent before.
    TakenOver { since: u64 },
}

/// The facts that the next step depends on, see [`Changeover::next_step`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChangeoverFacts {
    pub(crate) now: u64,
    /// The next home has confirmed everything.
    pub(crate) confirmed: bool,
    /// The time when both homes had been heard, which is the earlier of the two times.
    pub(crate) heard: u64,
    /// The time that the next home may take to confirm everything, in microseconds.
    pub(crate) patience: u64,
}

/// The next step of a changeover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeoverStep {
    Wait,
    /// Ask the next home for everything that is listened to.
    Ask,
    /// Ask both homes for a sign of life.
    Ping,
    /// Let the next home take over: nothing was missed. The messages that only it has sent are delivered now.
    TakeOver,
    /// Give up: it took too long, or one of the two nodes is gone. Messages may be missed.
    GiveUp,
    /// End the changeover: nothing more is to be done.
    End,
}

/// The state of a changeover. See the module.
#[derive(Debug)]
pub(crate) struct Changeover {
    to: u16,
    stage: Stage,
    /// When the former home sent messages that the next one has not, by hash; the latest time is last.
    ahead: HashMap<u64, Vec<u64>>,
    /// The messages that the next home has sent and the former one has not, with their hashes, in order.
    waiting: VecDeque<(u64, Box<[u8]>)>,
    waiting_bytes: usize,
    hasher: RandomState,
}

impl Changeover {
    /// Starts a changeover to the home of this shard.
    pub(crate) fn new(to: u16, now: u64) -> Self {
        Changeover {
            to,
            stage: Stage::Noting { since: now },
            ahead: HashMap::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            hasher: RandomState::new(),
        }
    }

    /// Returns the shard of the next home, until it has taken over.
    pub(super) fn next_home(&self) -> Option<u16> {
        match self.stage {
            Stage::Noting { .. }
            | Stage::Asking { .. }
            | Stage::Overlapping { .. }
            | Stage::Pinging { .. } => Some(self.to),
            Stage::TakenOver { .. } => None,
        }
    }

    /// Returns true if the next home is to be asked for what is listened to.
    pub(crate) fn asks(&self) -> bool {
        !matches!(self.stage, Stage::Noting { .. })
    }

    /// Takes a message. Returns true if it is to be delivered now, false if it is a repetition or kept until the takeover.
    pub(crate) fn delivers_now(&mut self, side: Side, message: &[u8], now: u64) -> bool {
        let hash = self.hasher.hash_one(message);
        match side {
            Side::Former => {
                if !self.stop_waiting(hash) {
                    self.ahead.entry(hash).or_default().push(now);
                }
                true
            }
            Side::Next if self.was_told(hash, now) => false,
            Side::Next if self.next_home().is_none() => true,
            Side::Next => {
                self.waiting_bytes += message.len();
                self.waiting.push_back((hash, message.into()));
                false
            }
        }
    }

    fn stop_waiting(&mut self, hash: u64) -> bool {
        // The position is one of the first, unless the former home is far behind.
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == hash);
        let gone = at.and_then(|at| self.waiting.remove(at));
        self.waiting_bytes -= gone.as_ref().map_or(0, |(_, message)| message.len());
        gone.is_some()
    }

    /// Returns true if the former home has sent this message lately. The latest of equal messages is taken; those
    /// that came before the next home was asked stay behind and are forgotten.
    fn was_told(&mut self, hash: u64, now: u64) -> bool {
        let Some(times) = self.ahead.get_mut(&hash) else { return false };
        let is_recent = times.pop().is_some_and(|time| now.saturating_sub(time) <= LAG);
        if times.is_empty() || !is_recent {
            self.ahead.remove(&hash);
        }
        is_recent
    }

    /// Lets the next home take over. Returns the messages that are to be delivered now.
    pub(crate) fn take_over(&mut self, now: u64) -> impl Iterator<Item = Box<[u8]>> + use<> {
        self.stage = Stage::TakenOver { since: now };
        self.waiting_bytes = 0;
        std::mem::take(&mut self.waiting).into_iter().map(|(_, message)| message)
    }

    /// Returns true if both homes have sent the same messages.
    fn is_level(&self, now: u64) -> bool {
        let is_young = |time: &u64| now.saturating_sub(*time) <= LAG;
        self.waiting.is_empty() && !self.ahead.values().filter_map(|times| times.last()).any(is_young)
    }

    /// Returns the next step, and moves to its stage.
    pub(super) fn next_step(&mut self, facts: ChangeoverFacts) -> ChangeoverStep {
        let now = facts.now;
        let is_over = |since: u64, time: u64| now.saturating_sub(since) >= time;
        let (stage, step) = match self.stage {
            Stage::TakenOver { since } if is_over(since, LAG) => (self.stage, ChangeoverStep::End),
            Stage::TakenOver { .. } => (self.stage, ChangeoverStep::Wait),
            _ if self.ahead.len() > FULL || self.waiting_bytes > FULL_BYTES => {
                (self.stage, ChangeoverStep::GiveUp)
            }
            Stage::Noting { since } if is_over(since, LAG) => {
                (Stage::Asking { since: now }, ChangeoverStep::Ask)
            }
            Stage::Asking { .. } if facts.confirmed => {
                (Stage::Overlapping { since: now }, ChangeoverStep::Wait)
            }
            Stage::Asking { since } if is_over(since, facts.patience) => (self.stage, ChangeoverStep::GiveUp),
            Stage::Overlapping { since } if is_over(since, OVERLAP) => {
                (Stage::Pinging { since: now }, ChangeoverStep::Ping)
            }
            Stage::Pinging { since }
                if facts.heard > since && (self.is_level(now) || is_over(since, LAG)) =>
            {
                (self.stage, ChangeoverStep::TakeOver)
            }
            Stage::Pinging { since } if is_over(since, PONG_TIME) => (self.stage, ChangeoverStep::GiveUp),
            stage @ (Stage::Noting { .. }
            | Stage::Asking { .. }
            | Stage::Overlapping { .. }
            | Stage::Pinging { .. }) => (stage, ChangeoverStep::Wait),
        };
        self.stage = stage;
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages of each home, in small letters those of the former and in capitals those of the next; `.` is a
    /// time of more than [`LAG`]. Expected are the messages that are delivered; behind `|` those that are delivered
    /// when the next home takes over.
    #[test]
    fn the_former_home_is_heard_to_its_end_and_the_next_from_there() {
        for (sent, delivered) in [
            ("a", "a|"),
            ("aA", "a|"),
            ("Aa", "a|"),
            ("abAB", "ab|"),
            ("aCDbcd", "abcd|"),
            ("aCDbc", "abc|D"),
            ("aaAA", "aa|"),
            ("aAaA", "aa|"),
            ("aAAa", "aa|"),
            ("ABC", "|ABC"),
            ("aBBb", "ab|B"),
            // The first one was sent before the next home was asked.
            ("a.aA", "aa|"),
            ("a.A", "a|A"),
            ("a.aAA", "aa|A"),
        ] {
            let (mut changeover, mut now) = (Changeover::new(1, 0), 0);
            let mut out = String::new();
            for letter in sent.chars() {
                let side = if letter.is_lowercase() { Side::Former } else { Side::Next };
                let message = letter.to_ascii_lowercase().to_string();
                match letter {
                    '.' => now += LAG + 1,
                    _ if changeover.delivers_now(side, message.as_bytes(), now) => out.push(letter),
                    _ => {}
                }
            }
            out.push('|');
            let waiting = changeover.take_over(now).map(|message| message[0].to_ascii_uppercase() as char);
            out.extend(waiting);
            assert_eq!(out, delivered, "{sent}");
        }
    }

    #[test]
    fn a_late_message_of_the_next_home_is_not_delivered_again() {
        let mut changeover = Changeover::new(1, 0);
        assert!(changeover.delivers_now(Side::Former, b"a", 10));
        assert!(changeover.delivers_now(Side::Former, b"b", 20));
        assert_eq!(changeover.take_over(20).count(), 0);
        assert!(!changeover.delivers_now(Side::Next, b"a", 30));
        assert!(changeover.delivers_now(Side::Next, b"a", 40));
        assert!(changeover.delivers_now(Side::Next, b"b", 20 + LAG + 1), "another of the same text");
    }

    /// Time, whether the next home has confirmed everything, when both were heard; the next step.
    #[test]
    fn the_next_home_takes_over_when_both_have_sent_everything_for_a_while() {
        let later = OVERLAP + 20;
        for steps in [
            vec![
                (10, false, 0, ChangeoverStep::Wait),
                (1009, false, 0, ChangeoverStep::Wait),
                (1010, false, 0, ChangeoverStep::GiveUp),
            ],
            vec![
                (20, true, 0, ChangeoverStep::Wait),
                (later - 1, true, 0, ChangeoverStep::Wait),
                (later, true, later, ChangeoverStep::Ping),
                (later + 1, true, later, ChangeoverStep::Wait),
                (later + 2, true, later + 1, ChangeoverStep::TakeOver),
                (later + 3, true, later + 1, ChangeoverStep::Wait),
                (later + 2 + LAG, true, later + 1, ChangeoverStep::End),
            ],
            vec![
                (20, true, 0, ChangeoverStep::Wait),
                (later, true, 0, ChangeoverStep::Ping),
                (later + PONG_TIME, true, later, ChangeoverStep::GiveUp),
            ],
        ] {
            let mut changeover = Changeover::new(1, 10);
            changeover.stage = Stage::Asking { since: 10 };
            for (now, confirmed, heard, expected) in steps {
                let facts = ChangeoverFacts { now, confirmed, heard, patience: 1000 };
                assert_eq!(changeover.next_step(facts), expected, "{facts:?}");
                if expected == ChangeoverStep::TakeOver {
                    assert_eq!(changeover.take_over(now).count(), 0);
                }
            }
        }
    }

    #[test]
    fn the_next_home_is_asked_when_the_messages_it_may_repeat_are_known() {
        let mut changeover = Changeover::new(1, 10);
        for (now, step, asks) in
            [(10 + LAG - 1, ChangeoverStep::Wait, false), (10 + LAG, ChangeoverStep::Ask, true)]
        {
            assert!(!changeover.asks());
            let facts = ChangeoverFacts { now, confirmed: true, heard: 0, patience: 1000 };
            assert_eq!((changeover.next_step(facts), changeover.asks()), (step, asks));
        }
    }

    #[test]
    fn homes_that_are_not_level_get_a_little_more_time() {
        for (sent_by, level) in [(None, true), (Some(Side::Former), false), (Some(Side::Next), false)] {
            let mut changeover = Changeover::new(1, 0);
            changeover.stage = Stage::Pinging { since: 0 };
            if let Some(side) = sent_by {
                changeover.delivers_now(side, b"a", 1);
            }
            let mut step = |now| {
                changeover.next_step(ChangeoverFacts { now, confirmed: true, heard: 1, patience: 1000 })
            };
            assert_eq!(
                step(2),
                if level { ChangeoverStep::TakeOver } else { ChangeoverStep::Wait },
                "{sent_by:?}"
            );
            assert_eq!(step(LAG), ChangeoverStep::TakeOver, "{sent_by:?}");
        }
    }

    #[test]
    fn remembered_messages_are_bounded() {
        let facts = ChangeoverFacts { now: 1, confirmed: false, heard: 0, patience: 1000 };
        let mut changeover = Changeover::new(1, 0);
        assert!((0..FULL).all(|number| changeover.delivers_now(Side::Former, &number.to_le_bytes(), 0)));
        assert_eq!(changeover.next_step(facts), ChangeoverStep::Wait);
        changeover.delivers_now(Side::Former, b"one more", 0);
        assert_eq!(changeover.next_step(facts), ChangeoverStep::GiveUp);
        let mut changeover = Changeover::new(1, 0);
        changeover.delivers_now(Side::Next, &vec![b'x'; FULL_BYTES + 1], 0);
        assert_eq!(changeover.next_step(facts), ChangeoverStep::GiveUp);
        assert!(changeover.delivers_now(Side::Former, &vec![b'x'; FULL_BYTES + 1], 0));
        assert_eq!(changeover.next_step(facts), ChangeoverStep::Wait);
    }
}

//! The round trip of one node and its lag behind its master, as control probes measure them.
//!
//! Pure. The tracker of a master keeps a history of its replication offsets, each with its time. The data of a replica is as
//! old as the newest offset of that history that the replica has reached.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Failure;
use super::node_reply::{self, NodeRole};

/// The number of round trips that are kept. The shortest counts: whatever makes one longer is noise.
const RTTS: usize = 5;
/// The number of offsets in a history. When it is full, the offset that matters least is removed: the history then reaches back
/// far enough for any lag, with less precision the longer ago it was.
const HISTORY: usize = 128;

/// The measurements of one node, as a master or as a replica.
#[derive(Debug, Default)]
pub(super) struct LagTracker {
    run_id: Option<Arc<str>>,
    /// The last round trips.
    rtts: VecDeque<Duration>,
    /// The offsets of a master, the oldest first.
    history: VecDeque<MasterOffset>,
    /// The last offset of a replica that has, or had, a link to its master.
    reached: Option<ReplicaOffset>,
    /// True if the last question was answered by a master, or by a replica with a link to its master.
    is_current: bool,
}

/// An offset of a master, and the time during which the master is known to have been there.
#[derive(Debug)]
struct MasterOffset {
    offset: u64,
    /// The time at which the first answer with this offset arrived: from then on the master was at least there.
    first_answer: Duration,
    /// The time at which the last question was sent that was answered with this offset: until then the master was no further.
    last_question: Duration,
}

/// An offset that a replica reported.
#[derive(Debug)]
struct ReplicaOffset {
    offset: u64,
    /// The time at which the question was sent.
    sent: Duration,
    /// The time at which the answer arrived.
    at: Duration,
}

impl LagTracker {
    /// Takes in an answer to a question that was sent at `sent`. Another run id means another process, with a new history.
    pub(super) fn answered(
        &mut self,
        now: Duration,
        sent: Duration,
        rtt: Duration,
        node: &node_reply::NodeReply,
    ) {
        if self.run_id.as_deref() != node.run_id.as_deref() && node.run_id.is_some() {
            *self = LagTracker { run_id: node.run_id.as_deref().map(Arc::from), ..LagTracker::default() };
        }
        if self.rtts.len() == RTTS {
            self.rtts.pop_front();
        }
        self.rtts.push_back(rtt);
        match node.role {
            NodeRole::Master { offset, .. } => {
                (self.reached, self.is_current) = (None, true);
                self.add_offset(now, sent, offset);
            }
            NodeRole::Replica { linked, offset, .. } => {
                self.history.clear();
                self.is_current = linked;
                if linked {
                    self.reached = Some(ReplicaOffset { offset, sent, at: now });
                }
            }
            NodeRole::Unknown => {
                self.history.clear();
                (self.reached, self.is_current) = (None, false);
            }
        }
    }

    /// Notes that the node did not answer.
    pub(super) fn missed(&mut self) {
        self.is_current = false;
    }

    /// Forgets the round trips of a node that counts as down. If it refused the connection its process is gone, and the next
    /// one has other data: the offsets are forgotten too.
    pub(super) fn went_down(&mut self, failure: &Failure) {
        self.rtts.clear();
        if *failure == Failure::Refused {
            self.history.clear();
            self.reached = None;
        }
    }

    /// Returns true if the node answers as a replica with a link to its master.
    pub(super) fn is_linked(&self) -> bool {
        self.is_current && self.reached.is_some()
    }

    /// Returns the shortest of the last round trips.
    pub(super) fn rtt(&self) -> Option<Duration> {
        self.rtts.iter().min().copied()
    }

    /// Returns the age that the data of this replica has at most: zero if it had all that its master was known to have. If not,
    /// or while one of the two does not answer, the age counts from the newest offset in the master's history that the replica
    /// has reached. `None`: it has reached none, or has never had a link to a master.
    pub(super) fn lag_behind(&self, master: &LagTracker, now: Duration) -> Option<Duration> {
        let reached = self.reached.as_ref()?;
        let newest = master.history.iter().rev().find(|entry| entry.offset <= reached.offset)?;
        if !self.is_current {
            return Some(now.saturating_sub(newest.last_question.min(reached.at)));
        }
        if !master.is_current {
            return Some(now.saturating_sub(newest.last_question));
        }
        // An offset that the master reported after the replica was asked proves nothing: the replica may have it by now.
        let is_missing =
            |entry: &MasterOffset| entry.offset > reached.offset && entry.first_answer <= reached.sent;
        let behind = master.history.iter().any(is_missing);
        Some(if behind { reached.at.saturating_sub(newest.last_question) } else { Duration::ZERO })
    }

    fn add_offset(&mut self, now: Duration, sent: Duration, offset: u64) {
        match self.history.back_mut() {
            Some(last) if last.offset == offset => {
                last.last_question = sent;
                return;
            }
            // A lower offset belongs to another history: the master has lost its data, or has begun a new stream.
            Some(last) if last.offset > offset => self.history.clear(),
            Some(_) | None => {}
        }
        self.history.push_back(MasterOffset { offset, first_answer: now, last_question: sent });
        if self.history.len() == HISTORY {
            self.thin_out(now);
        }
    }

    /// Removes the offset whose neighbours are the closest in proportion to how long ago it was, but never the last one.
    fn thin_out(&mut self, now: Duration) {
        let entries = self.history.iter();
        let triples = entries.clone().zip(entries.clone().skip(1)).zip(entries.skip(2));
        let weight = |((before, entry), after): ((&MasterOffset, &MasterOffset), &MasterOffset)| {
            let gap = after.first_answer.saturating_sub(before.last_question).as_secs_f64();
            gap / now.saturating_sub(entry.first_answer).as_secs_f64().max(f64::EPSILON)
        };
        let least = triples.map(weight).enumerate().min_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((before, _)) = least {
            self.history.remove(before + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const RTT: Duration = Duration::from_millis(2);

    fn reply(role: NodeRole, run_id: &str) -> node_reply::NodeReply {
        node_reply::NodeReply { role, service: node_reply::Service::Ready, run_id: Some(run_id.into()) }
    }

    /// Answers as a master. Times are in milliseconds; every question takes two of them.
    fn master(tracker: &mut LagTracker, at: u32, offset: u64) {
        let node = reply(NodeRole::Master { offset, replicas: 1 }, "m");
        tracker.answered(MS * at, MS * at - RTT, RTT, &node);
    }

    fn replica(tracker: &mut LagTracker, at: u32, offset: u64, linked: bool) {
        let node = reply(NodeRole::Replica { master: None, linked, offset }, "r");
        tracker.answered(MS * at, MS * at - RTT, RTT, &node);
    }

    #[test]
    fn a_replica_is_as_old_as_the_newest_offset_that_it_has_reached() {
        // The master's samples, the replica's answer, the lag.
        type Case<'a> = (&'a [(u32, u64)], (u32, u64), Option<u32>);
        let cases: [Case<'_>; 9] = [
            (&[(1000, 50)], (1100, 50), Some(0)),
            (&[(1000, 50)], (1100, 70), Some(0)),
            (&[(1000, 50), (1200, 50), (1400, 50)], (1450, 50), Some(0)),
            (&[(1000, 50), (1200, 60)], (1300, 50), Some(302)),
            (&[(1000, 50), (1200, 60)], (1300, 55), Some(302)),
            (&[(1000, 50), (1200, 50), (1400, 60)], (1500, 50), Some(302)),
            (&[(1000, 50)], (1100, 40), None),
            (&[], (1100, 40), None),
            // The replica was asked before the master reported its newer offset.
            (&[(1000, 50), (1200, 60)], (1201, 50), Some(0)),
        ];
        for (samples, (at, offset), lag) in cases {
            let (mut m, mut r) = (LagTracker::default(), LagTracker::default());
            samples.iter().for_each(|(at, offset)| master(&mut m, *at, *offset));
            replica(&mut r, at, offset, true);
            let lag = lag.map(|lag| MS * lag);
            assert_eq!(r.lag_behind(&m, MS * at), lag, "{samples:?}, {at}, {offset}");
        }
    }

    #[test]
    fn a_later_offset_of_the_master_proves_nothing_until_the_replica_is_asked_again() {
        let (mut m, mut r) = (LagTracker::default(), LagTracker::default());
        master(&mut m, 1000, 50);
        replica(&mut r, 1100, 50, true);
        master(&mut m, 1200, 60);
        assert_eq!(r.lag_behind(&m, MS * 1300), Some(Duration::ZERO));
        replica(&mut r, 1350, 50, true);
        assert_eq!(r.lag_behind(&m, MS * 1350), Some(MS * 352));
        replica(&mut r, 1600, 60, true);
        assert_eq!(r.lag_behind(&m, MS * 1600), Some(Duration::ZERO));
    }

    #[test]
    fn while_one_of_them_does_not_answer_the_lag_grows() {
        let measured = || {
            let (mut m, mut r) = (LagTracker::default(), LagTracker::default());
            master(&mut m, 1000, 50);
            replica(&mut r, 1100, 50, true);
            (m, r)
        };
        let (m, mut r) = measured();
        r.missed();
        assert_eq!(r.lag_behind(&m, MS * 1500), Some(MS * 502));
        assert_eq!(r.lag_behind(&m, MS * 2500), Some(MS * 1502));
        let (mut m, r) = measured();
        m.missed();
        assert_eq!(r.lag_behind(&m, MS * 1500), Some(MS * 502));
        let (mut m, mut r) = measured();
        replica(&mut r, 1300, 0, false);
        master(&mut m, 1400, 50);
        assert_eq!(r.lag_behind(&m, MS * 1500), Some(MS * 400), "its link is down");
        replica(&mut r, 1600, 50, true);
        assert_eq!(r.lag_behind(&m, MS * 1600), Some(Duration::ZERO));
    }

    #[test]
    fn another_process_starts_anew() {
        let (mut m, mut r) = (LagTracker::default(), LagTracker::default());
        master(&mut m, 1000, 50);
        replica(&mut r, 1100, 50, true);
        let restarted = reply(NodeRole::Replica { master: None, linked: false, offset: 0 }, "other");
        r.answered(MS * 1200, MS * 1198, RTT, &restarted);
        assert_eq!(r.lag_behind(&m, MS * 1200), None);
        master(&mut m, 1300, 20);
        replica(&mut r, 1400, 50, true);
        master(&mut m, 1500, 60);
        replica(&mut r, 1600, 30, true);
        assert_eq!(r.lag_behind(&m, MS * 1600), Some(MS * 302), "its offsets began anew");
    }

    #[test]
    fn a_history_reaches_back_however_long_ago_and_stays_short() {
        let (mut m, mut r) = (LagTracker::default(), LagTracker::default());
        for step in 1..=10_000 {
            master(&mut m, step * 200, u64::from(step) * 10);
        }
        assert!(m.history.len() <= HISTORY);
        // Samples ago of the newest offset that the replica has reached, and the tolerance in milliseconds.
        for (ago, most) in [(10, 500), (60, 2000), (1000, 40_000)] {
            replica(&mut r, 2_000_100, (10_000 - ago) * 10, true);
            let lag = r.lag_behind(&m, MS * 2_000_100).map(|lag| lag.as_millis() as u64);
            let truth = ago * 200;
            assert!(lag.is_some_and(|lag| lag > truth && lag < truth + most), "{ago}: {lag:?}");
        }
    }

    #[test]
    fn the_shortest_of_the_last_round_trips_counts() {
        let mut tracker = LagTracker::default();
        assert_eq!(tracker.rtt(), None);
        let node = reply(NodeRole::Unknown, "m");
        for (rtt, expected) in [(5, 5), (3, 3), (9, 3), (9, 3), (9, 3), (9, 3), (9, 9)] {
            tracker.answered(MS, MS, MS * rtt, &node);
            assert_eq!(tracker.rtt(), Some(MS * expected));
        }
        tracker.went_down(&Failure::TimedOut);
        assert_eq!(tracker.rtt(), None);
    }
}

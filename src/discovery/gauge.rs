//! What control probes measure of one node: its round trip, and how far it is behind its master.
//!
//! Pure. A master leaves a trail: where its replication offset was when. A replica is as old as the newest place on
//! that trail that it has reached.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Failure;
use super::said::{self, NodeRole};

/// Round trips that are looked back at. The shortest counts: all that makes one longer is noise.
const TRIPS: usize = 5;
/// Places on a trail. When it is full the one that is missed least is left out, so that it reaches back far enough for
/// any lag, only less exactly the longer ago.
const TRAIL: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Gauge {
    run_id: Option<Arc<str>>,
    trips: VecDeque<Duration>,
    trail: VecDeque<MasterOffset>,
    /// Of a replica that has, or had, a link to its master.
    reached: Option<Reached>,
    /// The last question was answered by a master, or by a replica with a link to its master.
    heard: bool,
}

/// An offset, and for how long the master was seen there.
#[derive(Debug)]
struct MasterOffset {
    offset: u64,
    /// When the first answer that told it was in: from here on the master was at least there.
    arrived: Duration,
    /// When the last question was sent that was answered with it: until then the master was no further.
    stayed: Duration,
}

/// How far a replica was between the question and its answer.
#[derive(Debug)]
struct Reached {
    offset: u64,
    sent: Duration,
    at: Duration,
}

impl Gauge {
    pub(super) fn answered(&mut self, now: Duration, sent: Duration, rtt: Duration, node: &said::NodeSaid) {
        if self.run_id.as_deref() != node.run_id.as_deref() && node.run_id.is_some() {
            *self = Gauge { run_id: node.run_id.as_deref().map(Arc::from), ..Gauge::default() };
        }
        if self.trips.len() == TRIPS {
            self.trips.pop_front();
        }
        self.trips.push_back(rtt);
        match node.role {
            NodeRole::Master { offset, .. } => {
                (self.reached, self.heard) = (None, true);
                self.step(now, sent, offset);
            }
            NodeRole::Replica { linked, offset, .. } => {
                self.trail.clear();
                self.heard = linked;
                if linked {
                    self.reached = Some(Reached { offset, sent, at: now });
                }
            }
            NodeRole::Unknown => {
                self.trail.clear();
                (self.reached, self.heard) = (None, false);
            }
        }
    }

    /// It did not answer.
    pub(super) fn missed(&mut self) {
        self.heard = false;
    }

    /// It is given up: old round trips tell nothing. Where nobody listens any more, what comes back has other data.
    pub(super) fn down(&mut self, failure: &Failure) {
        self.trips.clear();
        if *failure == Failure::Refused {
            self.trail.clear();
            self.reached = None;
        }
    }

    /// It answers, as a replica with a link to its master.
    pub(super) fn is_linked(&self) -> bool {
        self.heard && self.reached.is_some()
    }

    pub(super) fn rtt(&self) -> Option<Duration> {
        self.trips.iter().min().copied()
    }

    /// Returns how old the data of this replica is at most, as far as anybody could know: zero when it had all that the master
    /// was known to have; else, and for as long as either of them is not heard, counted from the newest place on the
    /// master's trail that it has reached. `None`: it has reached none, or has no link to a master.
    pub(super) fn lag_behind(&self, master: &Gauge, now: Duration) -> Option<Duration> {
        let reached = self.reached.as_ref()?;
        let newest = master.trail.iter().rev().find(|place| place.offset <= reached.offset)?;
        if !self.heard {
            return Some(now.saturating_sub(newest.stayed.min(reached.at)));
        }
        if !master.heard {
            return Some(now.saturating_sub(newest.stayed));
        }
        // A place that was told after the replica was asked is no proof: it may be there by now.
        let is_behind = |place: &MasterOffset| place.offset > reached.offset && place.arrived <= reached.sent;
        let behind = master.trail.iter().any(is_behind);
        Some(if behind { reached.at.saturating_sub(newest.stayed) } else { Duration::ZERO })
    }

    fn step(&mut self, now: Duration, sent: Duration, offset: u64) {
        match self.trail.back_mut() {
            Some(last) if last.offset == offset => {
                last.stayed = sent;
                return;
            }
            // Counted from elsewhere: it has lost its data, or a new history began.
            Some(last) if last.offset > offset => self.trail.clear(),
            Some(_) | None => {}
        }
        self.trail.push_back(MasterOffset { offset, arrived: now, stayed: sent });
        if self.trail.len() == TRAIL {
            self.thin_out(now);
        }
    }

    /// Without a place its neighbours are further apart; how far matters less the longer ago it was. Never the last
    /// one.
    fn thin_out(&mut self, now: Duration) {
        let places = self.trail.iter();
        let triples = places.clone().zip(places.clone().skip(1)).zip(places.skip(2));
        let missed = |((before, place), after): ((&MasterOffset, &MasterOffset), &MasterOffset)| {
            let gap = after.arrived.saturating_sub(before.stayed).as_secs_f64();
            gap / now.saturating_sub(place.arrived).as_secs_f64().max(f64::EPSILON)
        };
        let least = triples.map(missed).enumerate().min_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((before, _)) = least {
            self.trail.remove(before + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const RTT: Duration = Duration::from_millis(2);

    fn said(role: NodeRole, run_id: &str) -> said::NodeSaid {
        said::NodeSaid { role, service: said::Service::Ready, run_id: Some(run_id.into()) }
    }

    /// Times are milliseconds; every question takes two of them.
    fn master(gauge: &mut Gauge, at: u32, offset: u64) {
        let node = said(NodeRole::Master { offset, replicas: 1 }, "m");
        gauge.answered(MS * at, MS * at - RTT, RTT, &node);
    }

    fn replica(gauge: &mut Gauge, at: u32, offset: u64, linked: bool) {
        let node = said(NodeRole::Replica { master: None, linked, offset }, "r");
        gauge.answered(MS * at, MS * at - RTT, RTT, &node);
    }

    #[test]
    fn a_replica_is_as_old_as_the_newest_place_that_it_has_reached() {
        // The master's samples; the replica's answer; lag.
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
            // Asked before the master's newer place was told.
            (&[(1000, 50), (1200, 60)], (1201, 50), Some(0)),
        ];
        for (samples, (at, offset), lag) in cases {
            let (mut m, mut r) = (Gauge::default(), Gauge::default());
            samples.iter().for_each(|(at, offset)| master(&mut m, *at, *offset));
            replica(&mut r, at, offset, true);
            let lag = lag.map(|lag| MS * lag);
            assert_eq!(r.lag_behind(&m, MS * at), lag, "{samples:?}, {at}, {offset}");
        }
    }

    #[test]
    fn a_later_place_of_the_master_proves_nothing_until_the_replica_is_asked_again() {
        let (mut m, mut r) = (Gauge::default(), Gauge::default());
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
    fn while_one_of_them_is_not_heard_the_lag_grows() {
        let heard = || {
            let (mut m, mut r) = (Gauge::default(), Gauge::default());
            master(&mut m, 1000, 50);
            replica(&mut r, 1100, 50, true);
            (m, r)
        };
        let (m, mut r) = heard();
        r.missed();
        assert_eq!(r.lag_behind(&m, MS * 1500), Some(MS * 502));
        assert_eq!(r.lag_behind(&m, MS * 2500), Some(MS * 1502));
        let (mut m, r) = heard();
        m.missed();
        assert_eq!(r.lag_behind(&m, MS * 1500), Some(MS * 502));
        let (mut m, mut r) = heard();
        replica(&mut r, 1300, 0, false);
        master(&mut m, 1400, 50);
        assert_eq!(r.lag_behind(&m, MS * 1500), Some(MS * 400), "its link is down");
        replica(&mut r, 1600, 50, true);
        assert_eq!(r.lag_behind(&m, MS * 1600), Some(Duration::ZERO));
    }

    #[test]
    fn another_process_starts_anew() {
        let (mut m, mut r) = (Gauge::default(), Gauge::default());
        master(&mut m, 1000, 50);
        replica(&mut r, 1100, 50, true);
        let restarted = said(NodeRole::Replica { master: None, linked: false, offset: 0 }, "other");
        r.answered(MS * 1200, MS * 1198, RTT, &restarted);
        assert_eq!(r.lag_behind(&m, MS * 1200), None);
        master(&mut m, 1300, 20);
        replica(&mut r, 1400, 50, true);
        master(&mut m, 1500, 60);
        replica(&mut r, 1600, 30, true);
        assert_eq!(r.lag_behind(&m, MS * 1600), Some(MS * 302), "its offsets began anew");
    }

    #[test]
    fn a_trail_reaches_back_however_long_ago_and_stays_short() {
        let (mut m, mut r) = (Gauge::default(), Gauge::default());
        for step in 1..=10_000 {
            master(&mut m, step * 200, u64::from(step) * 10);
        }
        assert!(m.trail.len() <= TRAIL);
        // It has all until 100, 500 and 9000 samples ago.
        for (ago, most) in [(10, 500), (60, 2000), (1000, 40_000)] {
            replica(&mut r, 2_000_100, (10_000 - ago) * 10, true);
            let lag = r.lag_behind(&m, MS * 2_000_100).map(|lag| lag.as_millis() as u64);
            let truth = ago * 200;
            assert!(lag.is_some_and(|lag| lag > truth && lag < truth + most), "{ago}: {lag:?}");
        }
    }

    #[test]
    fn the_shortest_of_the_last_round_trips_counts() {
        let mut gauge = Gauge::default();
        assert_eq!(gauge.rtt(), None);
        let node = said(NodeRole::Unknown, "m");
        for (trip, expected) in [(5, 5), (3, 3), (9, 3), (9, 3), (9, 3), (9, 3), (9, 9)] {
            gauge.answered(MS, MS, MS * trip, &node);
            assert_eq!(gauge.rtt(), Some(MS * expected));
        }
        gauge.down(&Failure::TimedOut);
        assert_eq!(gauge.rtt(), None);
    }
}

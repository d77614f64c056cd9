//! What the clients saw, counted while they run: shared by all of them, read by the live view and by the verdict.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ledger::writes::{Moment, Now};

/// The class under which the proxy's "outcome unknown" is counted.
pub(crate) const UNCERTAIN: &str = "UNCERTAIN";

/// Counts of one era: from one kill to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EraCounts {
    pub(crate) commands: u64,
    /// By the first word of the error reply, or `closed`, `refused`, `timeout`.
    pub(crate) errors: BTreeMap<String, u64>,
    /// The longest time from sending a command to the client's next good reply.
    pub(crate) longest_stall: Duration,
    /// The same for each client.
    pub(crate) stalls: Vec<Duration>,
    /// Commands sent and unanswered when the kill took effect, whose outcome may stay unknown.
    pub(crate) in_flight: u64,
}

impl EraCounts {
    /// Returns how many clients had no good reply yet.
    pub(crate) fn unserved(&self) -> usize {
        self.stalls.iter().filter(|stall| stall.is_zero()).count()
    }

    /// The longest stall of these clients.
    pub(crate) fn longest_of(&self, clients: &[usize]) -> Duration {
        let stalls = clients.iter().filter_map(|client| self.stalls.get(*client));
        stalls.max().copied().unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    eras: Vec<EraCounts>,
    /// Nobody counts kills: losses are excused at any time.
    losing: bool,
    outstanding: u64,
    /// A master is being killed at this moment: what is sent now is in flight too.
    killing: bool,
    /// A killed node is on its way back to a mesh.
    returning: bool,
    /// Since when each client waits for a good reply.
    waiting: Vec<Option<Instant>>,
    /// How many rounds each client has done.
    rounds: Vec<u64>,
    /// The longest stall since it was last asked for.
    recent: Duration,
}

/// The shared counts.
pub(crate) struct Meter(Mutex<State>);

/// A look at the counts, for a live line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glance {
    pub(crate) commands: u64,
    pub(crate) errors: u64,
    /// How many clients wait for longer than is usual, and the longest of them.
    pub(crate) stalled: usize,
    pub(crate) longest_wait: Duration,
}

/// A client that waits for less is simply waiting for its reply.
const USUAL: Duration = Duration::from_millis(100);

impl Meter {
    pub(crate) fn new(clients: usize) -> Self {
        let eras = vec![EraCounts { stalls: vec![Duration::ZERO; clients], ..EraCounts::default() }];
        let (waiting, rounds) = (vec![None; clients], vec![0; clients]);
        Self(Mutex::new(State { eras, waiting, rounds, ..State::default() }))
    }

    /// Excuses losses at any time, and not only when the meter is told of a kill.
    pub(crate) fn losing(self) -> Self {
        self.state().losing = true;
        self
    }

    /// Returns the moment of what is sent now: the number of kills that are over counts.
    pub(crate) fn moment(&self) -> Moment {
        let state = self.state();
        Moment { era: state.eras.len() - 1 - usize::from(state.killing), returning: state.returning }
    }

    /// Returns the moment of what is read now.
    pub(crate) fn now(&self) -> Now {
        Now { era: self.moment().era, losing: self.state().losing }
    }

    pub(crate) fn sent(&self, client: usize, may_stay_unknown: bool, since: Instant) {
        let mut state = self.state();
        state.outstanding += u64::from(may_stay_unknown);
        if state.killing
            && let Some(era) = state.eras.last_mut()
        {
            era.in_flight += u64::from(may_stay_unknown);
        }
        if let Some(waiting) = state.waiting.get_mut(client) {
            waiting.get_or_insert(since);
        }
    }

    /// A command has its reply, or will never have one.
    pub(crate) fn ended(&self, may_stay_unknown: bool, error: Option<&str>) {
        let mut state = self.state();
        state.outstanding = state.outstanding.saturating_sub(u64::from(may_stay_unknown));
        let Some(era) = state.eras.last_mut() else { return };
        era.commands += 1;
        if let Some(class) = error {
            *era.errors.entry(class.to_owned()).or_default() += 1;
        }
    }

    /// A client had a good reply after waiting for `stall`.
    pub(crate) fn stalled(&self, client: usize, stall: Duration) {
        let mut state = self.state();
        let Some(era) = state.eras.last_mut() else { return };
        era.longest_stall = era.longest_stall.max(stall);
        if let Some(longest) = era.stalls.get_mut(client) {
            *longest = stall.max(*longest);
        }
        state.recent = stall.max(state.recent);
    }

    /// Returns the longest stall of any client since this was asked last.
    pub(crate) fn take_recent(&self) -> Duration {
        std::mem::take(&mut self.state().recent)
    }

    /// Enters that a client has done so many rounds more.
    pub(crate) fn advanced(&self, client: usize, rounds: usize) {
        self.state().rounds.iter_mut().skip(client).take(1).for_each(|done| *done += rounds as u64);
    }

    /// Returns the rounds of each client.
    pub(crate) fn rounds(&self) -> Vec<u64> {
        self.state().rounds.clone()
    }

    /// A client waits for nothing more.
    pub(crate) fn at_rest(&self, client: usize) {
        if let Some(waiting) = self.state().waiting.get_mut(client) {
            *waiting = None;
        }
    }

    /// A master is about to be killed: what goes wrong from here on belongs to a new era.
    pub(crate) fn killing(&self) {
        let mut state = self.state();
        let (in_flight, stalls) = (state.outstanding, vec![Duration::ZERO; state.waiting.len()]);
        state.eras.push(EraCounts { in_flight, stalls, ..EraCounts::default() });
        state.killing = true;
    }

    /// It is dead, and its death is known: what is sent from here on is not in flight to it.
    pub(crate) fn killed(&self) {
        self.state().killing = false;
    }

    /// Begins an era in which nothing that is sent may be lost.
    pub(crate) fn nothing_is_lost(&self) {
        self.killing();
        self.killed();
        self.state().losing = false;
    }

    /// A killed node starts again, or is back.
    pub(crate) fn set_returning(&self, returning: bool) {
        self.state().returning = returning;
    }

    pub(crate) fn glance(&self, now: Instant) -> Glance {
        let state = self.state();
        let waits = state.waiting.iter().flatten().map(|since| now.saturating_duration_since(*since));
        let long: Vec<Duration> = waits.filter(|wait| *wait > USUAL).collect();
        Glance {
            commands: state.eras.iter().map(|era| era.commands).sum(),
            errors: state.eras.iter().flat_map(|era| era.errors.values()).sum(),
            stalled: long.len(),
            longest_wait: long.iter().max().copied().unwrap_or_default(),
        }
    }

    /// The counts of the steady time before the first kill, then of each kill.
    pub(crate) fn eras(&self) -> Vec<EraCounts> {
        self.state().eras.clone()
    }

    /// The counts since the last kill.
    pub(crate) fn current(&self) -> EraCounts {
        self.state().eras.last().cloned().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unanswered_at_a_kill_is_in_flight_unless_it_may_run_twice() {
        let (meter, now) = (Meter::new(2), Instant::now());
        meter.sent(0, true, now);
        meter.sent(0, true, now);
        meter.sent(1, false, now);
        meter.ended(true, None);
        meter.killing();
        assert_eq!(meter.moment().era, 0, "what is sent now may still reach the old master");
        meter.sent(1, true, now);
        meter.killed();
        assert_eq!(meter.moment().era, 1);
        meter.sent(1, true, now);
        meter.ended(true, Some(UNCERTAIN));
        meter.ended(false, None);
        let eras = meter.eras();
        assert_eq!(eras.iter().map(|era| era.in_flight).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(eras.iter().map(|era| era.commands).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(meter.current().errors.get(UNCERTAIN), Some(&1));
    }

    #[test]
    fn a_stall_belongs_to_the_era_in_which_it_ended() {
        let meter = Meter::new(2);
        meter.stalled(0, Duration::from_millis(3));
        meter.killing();
        meter.killed();
        assert_eq!(meter.current().unserved(), 2);
        meter.stalled(0, Duration::from_secs(1));
        assert_eq!(meter.current().unserved(), 1);
        meter.stalled(0, Duration::from_millis(2));
        meter.stalled(1, Duration::from_millis(5));
        assert_eq!(meter.current().longest_of(&[1]), Duration::from_millis(5));
        assert_eq!(meter.current().longest_of(&[0, 1]), Duration::from_secs(1));
        let stalls: Vec<Duration> = meter.eras().iter().map(|era| era.longest_stall).collect();
        assert_eq!(stalls, [Duration::from_millis(3), Duration::from_secs(1)]);
    }

    #[test]
    fn a_glance_counts_only_clients_that_wait_for_long() {
        let (meter, start) = (Meter::new(3), Instant::now());
        meter.sent(0, false, start);
        meter.sent(1, false, start + Duration::from_millis(950));
        meter.sent(2, false, start);
        meter.at_rest(2);
        let glance = meter.glance(start + Duration::from_secs(1));
        assert_eq!((glance.stalled, glance.longest_wait), (1, Duration::from_secs(1)));
    }
    #[test]
    fn losses_are_excused_at_kills_or_at_any_time_until_nothing_is_lost() {
        for (meter, losing) in [(Meter::new(1), false), (Meter::new(1).losing(), true)] {
            let first = meter.moment();
            assert_eq!(meter.now().excuses(first), losing);
            meter.nothing_is_lost();
            assert!(meter.now().excuses(first) && !meter.now().excuses(meter.moment()), "{losing}");
        }
    }
}

//! A counter: INCRs have no names, so what can be said of them is how far it moved.

use super::super::faults::Faults;
use super::super::sharing::Sharing;
use super::writes::{Era, Moment, Rules};

/// Every INCR of the key.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    /// What the last INCR answered; of nodes that stand apart, how many were acked.
    last: i64,
    since: Era,
    sent: i64,
    /// INCRs of unknown outcome that no step of the counter has shown yet.
    unknown: i64,
    /// INCRs by which the counter of a mesh went back: they may still arrive.
    late: i64,
    /// INCRs that the backend may yet turn out to have run twice, or lost.
    returning: i64,
}

impl Counter {
    pub(super) fn send(&mut self, sent: Moment) {
        self.sent += 1;
        self.returning += i64::from(sent.returning);
    }

    /// Enters an INCR of unknown outcome.
    pub(super) fn unknown(&mut self) {
        self.unknown += 1;
    }

    /// Enters what an INCR answered.
    pub(super) fn answered(&mut self, value: i64, sent: Moment, rules: &mut Rules<'_>) {
        if value < 1 || (rules.sharing == Sharing::Apart && value > self.sent) {
            rules.faults.mixed_up += 1;
        }
        match rules.sharing {
            Sharing::Followed | Sharing::Meshed => {
                self.stood_at(value.saturating_sub(1), rules);
                (self.last, self.since) = (value, sent.era);
            }
            Sharing::Apart => self.last += 1,
        }
    }

    /// Compares with where the counter stood before anything else was acked.
    pub(super) fn stood_at(&mut self, value: i64, rules: &mut Rules<'_>) {
        let step = value.saturating_sub(self.last);
        match step >= 0 {
            true => self.forward(step, rules.faults),
            false => self.back(-step, rules),
        }
    }

    fn forward(&mut self, step: i64, faults: &mut Faults) {
        let step = step - take(&mut self.unknown, step);
        let late = take(&mut self.late, step);
        // Those that arrived late are not lost.
        faults.lost.incr = faults.lost.incr.saturating_sub(late.unsigned_abs());
        let redone = take(&mut self.returning, step - late);
        faults.redone.incr += redone.unsigned_abs();
        faults.doubled.incr += (step - late - redone).unsigned_abs();
    }

    /// A node that lost INCRs when it came back shows it only when it is used.
    fn back(&mut self, step: i64, rules: &mut Rules<'_>) {
        let sent = Moment { era: self.since, returning: false };
        match rules.now.excuses(sent) || step <= self.returning {
            true => rules.faults.lost.incr += step.unsigned_abs(),
            false => rules.faults.misordered += 1,
        }
        if rules.sharing == Sharing::Meshed {
            self.late += step;
        }
    }
}

/// Takes as much as is wanted and there.
fn take(from: &mut i64, wanted: i64) -> i64 {
    let taken = wanted.min(*from);
    *from -= taken;
    taken
}

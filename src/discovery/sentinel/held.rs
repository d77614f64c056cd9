//! The rules of elections, and of the time while commands are held: a candidate is taken, or the hold ends without one.

use std::time::Duration;

use super::super::Reason;
use super::SentinelRules;
use super::serving::{HeldMaster, HoldCause, Serving, ServingMaster, Trust};
use super::view::mark_up;
use crate::topology::{ConfigEpoch, Endpoint};

/// The time that an election may show no sign of life before the old master is used again.
const ELECTION: Duration = Duration::from_secs(3);

impl SentinelRules {
    /// Holds commands because the leader of an election has published its candidate.
    pub(super) fn on_candidate(
        &mut self,
        now: Duration,
        leader: &Endpoint,
        address: &Endpoint,
    ) -> Option<Reason> {
        let candidate = self.canonical(address).clone();
        let master = self.serving.last_master()?.clone();
        let published = self.sentinels.all.get(leader).and_then(|peer| peer.new_epoch);
        let epoch = published.unwrap_or(ConfigEpoch(master.epoch.0.saturating_add(1)));
        let running = match &self.serving {
            Serving::Held(HeldMaster { cause: HoldCause::Election { candidate, epoch, .. }, .. }) => {
                Some((candidate, *epoch))
            }
            Serving::Nothing | Serving::Master(_) | Serving::Held(_) => None,
        };
        let known = running.is_some_and(|(running, at)| *running == candidate || at > epoch);
        if epoch <= master.epoch || known || self.serving.master() == Some(&candidate) {
            return None;
        }
        let leader = leader.clone();
        self.hold(now, master, HoldCause::Election { candidate, epoch, leader }, Reason::Selected)
    }

    /// Notes that a leader has given up its election. The elections of other leaders go on.
    pub(super) fn on_aborted(&mut self, now: Duration, sentinel: &Endpoint) {
        match &mut self.serving {
            Serving::Nothing => {}
            Serving::Master(ServingMaster { trust: Trust::Provisional { leader, disputed, .. }, .. }) => {
                *disputed |= leader == sentinel;
            }
            Serving::Master(_) => {}
            Serving::Held(held) => {
                if matches!(&held.cause, HoldCause::Election { leader, .. } if leader == sentinel) {
                    (held.cause, held.since) = (HoldCause::Aborted, now);
                }
            }
        }
    }

    /// Takes the candidate of an election as soon as it says that it is a master, some 0.9 s before Sentinel announces it.
    pub(super) fn take_candidate(&mut self, now: Duration, held: &HeldMaster) -> Option<Reason> {
        let HoldCause::Election { candidate, epoch, leader } = &held.cause else { return None };
        // Masters before the former one do not matter any more, and a chain of them would grow without end.
        let former = Box::new(ServingMaster { trust: Trust::Confirmed, ..held.former.clone() });
        let trust = Trust::Provisional { leader: leader.clone(), since: now, former, disputed: false };
        self.take_master(now, candidate, *epoch, trust, Reason::Promoted, held.since)
    }

    /// Ends a hold without a newer epoch.
    pub(super) fn end_hold(&mut self, now: Duration, held: &HeldMaster) -> Option<Reason> {
        match held.cause {
            HoldCause::Election { .. } if held.since + ELECTION > now => None,
            HoldCause::Election { .. } | HoldCause::Aborted => {
                self.return_to_former(now, held).or_else(|| self.take_majority(now, held))
            }
            HoldCause::Demoted | HoldCause::Restarted | HoldCause::Conflict | HoldCause::Undone => {
                self.take_majority(now, held)
            }
        }
    }

    /// Uses the former master again, if the same process still proves to be a master and no sentinel goes on with the failover.
    fn return_to_former(&mut self, now: Duration, held: &HeldMaster) -> Option<Reason> {
        let former = &held.former;
        let member = self.members.all.get(&former.endpoint)?;
        let same = former.run_id.is_none() || member.node.run_id == former.run_id;
        if !same || !member.proves_master(now, held.since) || self.is_failing_over(now, held.since) {
            return None;
        }
        mark_up(&mut self.members, &former.endpoint);
        self.serving = Serving::Master(former.clone());
        Some(Reason::Aborted)
    }

    /// Takes the node that a majority, asked after the hold began, names as the master, if it proves to be one.
    fn take_majority(&mut self, now: Duration, held: &HeldMaster) -> Option<Reason> {
        let choice = self.majority(now, held.since)?;
        if choice.address != held.former.endpoint {
            let reason = if held.cause == HoldCause::Undone { Reason::Undone } else { Reason::Switched };
            return self.take_choice(now, &choice, &held.former, reason, held.since);
        }
        if self.is_failing_over(now, held.since) || self.is_objectively_down(now, held.since) {
            return None;
        }
        let reason = if held.cause == HoldCause::Undone { Reason::Undone } else { Reason::Resumed };
        let epoch = choice.epochs.map_or(held.former.epoch, |(_, highest)| highest.max(held.former.epoch));
        self.take_master(now, &choice.address, epoch, Trust::Confirmed, reason, held.since)
    }
}

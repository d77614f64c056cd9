//! The rules: when a master is taken, when it is given up, when nobody is.
//!
//! In words: a higher config epoch wins if the node itself says master and serves; a candidate that the leader
//! of an election has published is taken the moment it says master; everything else needs a majority of all
//! sentinels, and an older story is never believed.

use std::time::Duration;

use super::super::Reason;
use super::super::node_reply::NodeRole;
use super::Sentinel;
use super::election::{self, ElectedAddress, Vote};
use super::members::Member;
use super::pace::SUSPECT;
use super::seat::{Cause, HeldSeat, Seat, Serving, Trust};
use super::view::mark_up;
use crate::topology::diagnosis::Finding;
use crate::topology::fault::Fault;
use crate::topology::{ConfigEpoch, Endpoint};

/// How long an election may show no sign of life before the old master is used again.
const ELECTION: Duration = Duration::from_secs(3);
/// Epochs that go down are believed when they were told for two hello periods.
const LOWER_EPOCH: Duration = Duration::from_secs(4);
/// How long a start waits for a majority of sentinels before fewer are believed.
const PATIENCE: Duration = Duration::from_secs(5);

impl Sentinel {
    /// Applies the rules until nothing more follows. The last reason counts.
    pub(super) fn decide(&mut self, now: Duration) -> Option<Reason> {
        let mut reason = None;
        // One observation can hold a master and prove the next; more than that is left for the next one.
        for _ in 0..3 {
            let Some(next) = self.step(now) else { break };
            reason = Some(next);
        }
        reason
    }

    fn step(&mut self, now: Duration) -> Option<Reason> {
        match self.serving.clone() {
            Serving::Nothing => self.start(now),
            Serving::Master(seat) => self
                .newer(now, seat.epoch)
                .or_else(|| self.examine(now, &seat))
                .or_else(|| self.contradicted(now, &seat))
                .or_else(|| self.unconfirmed(now, &seat))
                .or_else(|| self.epochs_reset(now, &seat)),
            Serving::Held(held) => self
                .newer(now, held.former.epoch)
                .or_else(|| self.elected(now, &held))
                .or_else(|| self.settle(now, &held))
                .or_else(|| self.epochs_reset(now, &held.former)),
        }
    }

    /// A leader has published its choice.
    pub(super) fn selected(
        &mut self,
        now: Duration,
        leader: &Endpoint,
        address: &Endpoint,
    ) -> Option<Reason> {
        let candidate = self.canonical(address).clone();
        let seat = self.serving.seat()?.clone();
        let published = self.watchers.all.get(leader).and_then(|watcher| watcher.new_epoch);
        let epoch = published.unwrap_or(ConfigEpoch(seat.epoch.0.saturating_add(1)));
        let running = match &self.serving {
            Serving::Held(HeldSeat { cause: Cause::Election { candidate, epoch, .. }, .. }) => {
                Some((candidate, *epoch))
            }
            Serving::Nothing | Serving::Master(_) | Serving::Held(_) => None,
        };
        let known = running.is_some_and(|(running, at)| *running == candidate || at > epoch);
        if epoch <= seat.epoch || known || self.serving.master() == Some(&candidate) {
            return None;
        }
        let leader = leader.clone();
        self.hold(now, seat, Cause::Election { candidate, epoch, leader }, Reason::Selected)
    }

    /// A leader has given up. Others' elections are not concerned.
    pub(super) fn aborted(&mut self, now: Duration, sentinel: &Endpoint) {
        match &mut self.serving {
            Serving::Nothing => {}
            Serving::Master(Seat { trust: Trust::Provisional { leader, disputed, .. }, .. }) => {
                *disputed |= leader == sentinel;
            }
            Serving::Master(_) => {}
            Serving::Held(held) => {
                if matches!(&held.cause, Cause::Election { leader, .. } if leader == sentinel) {
                    (held.cause, held.since) = (Cause::Aborted, now);
                }
            }
        }
    }

    /// The first master: named by a majority, or, after some patience, by everybody who can be asked, if its
    /// replicas vouch for it. A former master that has come back, and one that is cut off, have none.
    fn start(&mut self, now: Duration) -> Option<Reason> {
        let votes = self.votes(now, Duration::ZERO);
        let electorate = self.watchers.electorate(now);
        let choice = election::majority(&votes, electorate).or_else(|| {
            let patient = self.first_word.is_some_and(|first| first + PATIENCE <= now);
            let choice = election::unanimous(&votes).filter(|_| patient)?;
            if self.replicas(now, &choice.address) > 0 { Some(choice) } else { None }
        })?;
        let epoch = choice.epochs.map(|(_, highest)| highest).unwrap_or_default();
        self.take(now, &choice.address, epoch, Trust::Confirmed, Reason::Found, Duration::ZERO)
    }

    /// Returns why there is no first master, where sentinels answer.
    pub(super) fn unfounded(&self) -> Option<Finding> {
        let now = self.now;
        if self.serving != Serving::Nothing || self.first_word.is_none() {
            return None;
        }
        let Some(choice) = self.majority(now, Duration::ZERO) else {
            let (answer, of) = (self.watchers.words(now).count(), self.watchers.electorate(now));
            let too_few = answer * 2 <= of;
            return too_few.then_some(Finding { fault: Fault::TooFew { answer, of }, about: None });
        };
        let member = self.members.all.get(&choice.address)?.said(now, Duration::ZERO)?;
        match &member.role {
            NodeRole::Replica { master, .. } => {
                Some(Finding { fault: Fault::NotMaster(master.clone()), about: Some(choice.address) })
            }
            NodeRole::Master { .. } | NodeRole::Unknown => None,
        }
    }

    /// A higher epoch wins, whoever tells it, if the node itself agrees.
    fn newer(&mut self, now: Duration, than: ConfigEpoch) -> Option<Reason> {
        let claims = self.claims(now);
        let confirms = |epoch: ConfigEpoch, address: &Endpoint| match &self.serving {
            // The epoch of a provisional master is the newest that its leader published; the one it got in the
            // end may be lower, if another election began meanwhile.
            Serving::Master(Seat { trust: Trust::Provisional { former, .. }, endpoint, .. }) => {
                epoch > former.epoch && address == endpoint
            }
            Serving::Master(_) | Serving::Nothing | Serving::Held(_) => false,
        };
        let (_, epoch) = claims
            .iter()
            .filter(|(address, epoch)| *epoch > than || confirms(*epoch, address))
            .max_by_key(|(_, epoch)| *epoch)?;
        let mut addresses: Vec<&Endpoint> =
            claims.iter().filter(|(_, other)| other == epoch).map(|(address, _)| address).collect();
        addresses.dedup();
        let address = match addresses.as_slice() {
            [only] => (*only).clone(),
            // Forced failovers need no vote, so two can have the same epoch.
            _ => self.majority(now, Duration::ZERO)?.address,
        };
        if let Serving::Master(seat) = &mut self.serving
            && seat.endpoint == address
        {
            (seat.epoch, seat.trust) = (*epoch, Trust::Confirmed);
            return Some(Reason::Refreshed);
        }
        self.take(now, &address, *epoch, Trust::Confirmed, Reason::Switched, Duration::ZERO)
    }

    /// Returns what the master says of itself.
    fn examine(&mut self, now: Duration, seat: &Seat) -> Option<Reason> {
        let member = self.members.all.get(&seat.endpoint)?;
        let said = member.said(now, Duration::ZERO)?;
        let other_process = match (&seat.run_id, &said.run_id) {
            (Some(ours), Some(theirs)) => **ours != **theirs,
            (Some(_) | None, _) => false,
        };
        if other_process {
            return self.hold(now, seat.clone(), Cause::Restarted, Reason::Restarted);
        }
        match said.role {
            NodeRole::Master { .. } | NodeRole::Unknown => {}
            NodeRole::Replica { .. } => return self.demoted(now, seat),
        }
        if seat.run_id.is_none() && member.node.run_id.is_some() {
            let run_id = member.node.run_id.clone();
            self.serving = Serving::Master(Seat { run_id, ..seat.clone() });
            return Some(Reason::Refreshed);
        }
        None
    }

    fn demoted(&mut self, now: Duration, seat: &Seat) -> Option<Reason> {
        match &seat.trust {
            Trust::Provisional { former, .. } => {
                self.hold(now, former.as_ref().clone(), Cause::Undone, Reason::Undone)
            }
            Trust::Confirmed => self.hold(now, seat.clone(), Cause::Demoted, Reason::Demoted),
        }
    }

    /// Others name another master: with the same epoch a majority decides, and without one nobody is the
    /// master. When ours does not answer a majority is enough, whatever epoch it is about to have.
    fn contradicted(&mut self, now: Duration, seat: &Seat) -> Option<Reason> {
        let conflict = self.claims(now).iter().any(|(address, epoch)| {
            // One that was not asked yet may be our master under another name.
            *epoch == seat.epoch && *address != seat.endpoint && self.was_asked(address)
        });
        let silent = self.members.all.get(&seat.endpoint).is_some_and(|member| member.is_silent());
        if !conflict && (!silent || seat.is_provisional()) {
            return None;
        }
        let choice = self.majority(now, Duration::ZERO);
        if let Some(choice) = &choice {
            if choice.address == seat.endpoint {
                return None;
            }
            let taken = self.take_choice(now, choice, seat, Reason::Switched, Duration::ZERO);
            if taken.is_some() {
                return taken;
            }
        }
        if conflict { self.hold(now, seat.clone(), Cause::Conflict, Reason::Conflict) } else { None }
    }

    /// A provisional master that was disputed, or that nobody has confirmed in time: whom the majority names
    /// and who proves itself. Without one it stays, for there is no better.
    fn unconfirmed(&mut self, now: Duration, seat: &Seat) -> Option<Reason> {
        let Trust::Provisional { since, disputed, former, .. } = &seat.trust else { return None };
        if !disputed && *since + self.failover_timeout > now {
            return None;
        }
        let choice = self.majority(now, *since)?;
        if choice.address == seat.endpoint {
            return None;
        }
        let epoch = choice.epochs.map_or(former.epoch, |(_, highest)| highest);
        self.take(now, &choice.address, epoch, Trust::Confirmed, Reason::Undone, *since)
    }

    /// A candidate that says master is the master from this moment, 0.9 s before Sentinel says so.
    fn elected(&mut self, now: Duration, held: &HeldSeat) -> Option<Reason> {
        let Cause::Election { candidate, epoch, leader } = &held.cause else { return None };
        // What came before the former one does not matter any more; a chain would grow without end.
        let former = Box::new(Seat { trust: Trust::Confirmed, ..held.former.clone() });
        let trust = Trust::Provisional { leader: leader.clone(), since: now, former, disputed: false };
        self.take(now, candidate, *epoch, trust, Reason::Promoted, held.since)
    }

    /// The end of a hold without a newer epoch.
    fn settle(&mut self, now: Duration, held: &HeldSeat) -> Option<Reason> {
        match held.cause {
            Cause::Election { .. } if held.since + ELECTION > now => None,
            Cause::Election { .. } | Cause::Aborted => {
                self.release(now, held).or_else(|| self.resettle(now, held))
            }
            Cause::Demoted | Cause::Restarted | Cause::Conflict | Cause::Undone => self.resettle(now, held),
        }
    }

    /// Back to the old master: the same process, still a master, and nobody goes on with the failover.
    fn release(&mut self, now: Duration, held: &HeldSeat) -> Option<Reason> {
        let former = &held.former;
        let member = self.members.all.get(&former.endpoint)?;
        let same = former.run_id.is_none() || member.node.run_id == former.run_id;
        if !same || !member.proves_master(now, held.since) || self.failing_over(now, held.since) {
            return None;
        }
        mark_up(&mut self.members, &former.endpoint);
        self.serving = Serving::Master(former.clone());
        Some(Reason::Aborted)
    }

    /// Whom a majority names, asked after the hold began, and who proves itself.
    fn resettle(&mut self, now: Duration, held: &HeldSeat) -> Option<Reason> {
        let choice = self.majority(now, held.since)?;
        if choice.address != held.former.endpoint {
            let reason = if held.cause == Cause::Undone { Reason::Undone } else { Reason::Switched };
            return self.take_choice(now, &choice, &held.former, reason, held.since);
        }
        if self.failing_over(now, held.since) || self.objectively_down(now, held.since) {
            return None;
        }
        let reason = if held.cause == Cause::Undone { Reason::Undone } else { Reason::Resumed };
        let epoch = choice.epochs.map_or(held.former.epoch, |(_, highest)| highest.max(held.former.epoch));
        self.take(now, &choice.address, epoch, Trust::Confirmed, reason, held.since)
    }

    /// The sentinels were set up anew and count from a lower number.
    fn epochs_reset(&mut self, now: Duration, seat: &Seat) -> Option<Reason> {
        let votes = self.votes(now, Duration::ZERO);
        let lower = election::lower(&votes, self.watchers.electorate(now), seat.epoch);
        let Some((address, epoch)) = lower.filter(|_| !seat.is_provisional()) else {
            self.lower = None;
            return None;
        };
        let since = match &self.lower {
            Some((told, at, since)) if *told == address && *at == epoch => *since,
            Some(_) | None => now,
        };
        self.lower = Some((address.clone(), epoch, since));
        if since + LOWER_EPOCH > now {
            return None;
        }
        self.take(now, &address, epoch, Trust::Confirmed, Reason::EpochReset, Duration::ZERO)
    }

    /// Never an older story: not if any of its voters pairs the address with a lower epoch.
    fn take_choice(
        &mut self,
        now: Duration,
        choice: &ElectedAddress,
        present: &Seat,
        reason: Reason,
        since: Duration,
    ) -> Option<Reason> {
        let (lowest, highest) = choice.epochs.unwrap_or((present.epoch, present.epoch));
        if lowest < present.epoch {
            return None;
        }
        self.take(now, &choice.address, highest, Trust::Confirmed, reason, since)
    }

    /// The new master, if it proved itself by an answer to a question sent at `since` or later. If it did not,
    /// it is asked soon.
    fn take(
        &mut self,
        now: Duration,
        endpoint: &Endpoint,
        epoch: ConfigEpoch,
        trust: Trust,
        reason: Reason,
        since: Duration,
    ) -> Option<Reason> {
        let member = self.members.ensure(now, endpoint)?;
        if !member.proves_master(now, since) {
            member.node.schedule.at_pace(SUSPECT);
            return None;
        }
        let run_id = member.node.run_id.clone();
        mark_up(&mut self.members, endpoint);
        self.lower = None;
        self.serving = Serving::Master(Seat { endpoint: endpoint.clone(), run_id, epoch, trust });
        // The others' lists and roles change now.
        self.heat(now);
        Some(reason)
    }

    fn hold(&mut self, now: Duration, former: Seat, cause: Cause, reason: Reason) -> Option<Reason> {
        self.lost_at.get_or_insert(now);
        self.heat(now);
        for watcher in self.watchers.all.values_mut() {
            watcher.group.hurry(now);
        }
        self.serving = Serving::Held(HeldSeat { former, cause, since: now });
        Some(reason)
    }

    fn votes(&self, now: Duration, since: Duration) -> Vec<Vote> {
        let mut votes = self.watchers.votes(now, since);
        for vote in &mut votes {
            vote.address = self.canonical(&vote.address).clone();
        }
        votes
    }

    fn claims(&self, now: Duration) -> Vec<(Endpoint, ConfigEpoch)> {
        let mut claims = self.watchers.claims(now);
        for (address, _) in &mut claims {
            *address = self.canonical(address).clone();
        }
        claims.sort();
        claims
    }

    fn majority(&self, now: Duration, since: Duration) -> Option<ElectedAddress> {
        election::majority(&self.votes(now, since), self.watchers.electorate(now))
    }

    fn failing_over(&self, now: Duration, since: Duration) -> bool {
        self.watchers.words(now).any(|word| word.failing_over && word.sent >= since)
    }

    fn objectively_down(&self, now: Duration, since: Duration) -> bool {
        self.watchers.words(now).any(|word| word.objectively_down && word.sent >= since)
    }

    fn was_asked(&self, endpoint: &Endpoint) -> bool {
        self.members.all.get(endpoint).is_some_and(Member::was_asked)
    }

    /// Returns how many replicas are connected to it, by its own word.
    fn replicas(&self, now: Duration, endpoint: &Endpoint) -> usize {
        let member = self.members.all.get(endpoint);
        match member.and_then(|member| member.said(now, Duration::ZERO)).map(|node| &node.role) {
            Some(NodeRole::Master { replicas, .. }) => *replicas,
            Some(NodeRole::Replica { .. } | NodeRole::Unknown) | None => 0,
        }
    }
}

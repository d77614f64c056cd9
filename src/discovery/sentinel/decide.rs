//! Decides which node is the master: when one is taken, and when no node is the master.
//!
//! A higher config epoch wins if the node itself says that it is a master, and serves. A candidate that the leader of an
//! election has published is taken as soon as it says that it is a master. Everything else needs a majority of all sentinels,
//! and a claim with an older epoch is never believed. [`super::doubts`] has the rules while a master serves, [`super::held`]
//! those while commands are held.

use std::time::Duration;

use super::super::Reason;
use super::super::node_reply::NodeRole;
use super::SentinelRules;
use super::election::{self, ElectedAddress};
use super::pace::SUSPECT;
use super::serving::{HeldMaster, HoldCause, Serving, ServingMaster, Trust};
use super::view::mark_up;
use crate::topology::diagnosis::Finding;
use crate::topology::fault::Fault;
use crate::topology::{ConfigEpoch, Endpoint};

/// The time for which a majority must report lower epochs before they are believed: two periods of hello.
const LOWER_EPOCH: Duration = Duration::from_secs(4);
/// The time that a start waits for a majority of the sentinels before fewer are believed.
const PATIENCE: Duration = Duration::from_secs(5);

impl SentinelRules {
    /// Applies the rules until nothing more follows, and returns the last reason.
    pub(super) fn decide(&mut self, now: Duration) -> Option<Reason> {
        let mut reason = None;
        // One observation can hold a master and prove the next one. Whatever else follows waits for the next observation.
        for _ in 0..3 {
            let Some(next) = self.apply_rules(now) else { break };
            reason = Some(next);
        }
        reason
    }

    fn apply_rules(&mut self, now: Duration) -> Option<Reason> {
        match self.serving.clone() {
            Serving::Nothing => self.find_first_master(now),
            Serving::Master(master) => self
                .take_newer_epoch(now, master.epoch)
                .or_else(|| self.check_own_reply(now, &master))
                .or_else(|| self.check_contradiction(now, &master))
                .or_else(|| self.replace_unconfirmed(now, &master))
                .or_else(|| self.accept_lower_epoch(now, &master)),
            Serving::Held(held) => self
                .take_newer_epoch(now, held.former.epoch)
                .or_else(|| self.take_candidate(now, &held))
                .or_else(|| self.end_hold(now, &held))
                .or_else(|| self.accept_lower_epoch(now, &held.former)),
        }
    }

    /// Takes the first master: the one that a majority names or, after some patience, all sentinels that answer, if replicas are
    /// connected to it. A former master that has come back, or one that is cut off, has none.
    fn find_first_master(&mut self, now: Duration) -> Option<Reason> {
        let votes = self.votes(now, Duration::ZERO);
        let electorate = self.sentinels.electorate(now);
        let choice = election::majority(&votes, electorate).or_else(|| {
            let patient = self.first_reply_at.is_some_and(|first| first + PATIENCE <= now);
            let choice = election::unanimous(&votes).filter(|_| patient)?;
            if self.replica_count(now, &choice.address) > 0 { Some(choice) } else { None }
        })?;
        let epoch = choice.epochs.map(|(_, highest)| highest).unwrap_or_default();
        self.take_master(now, &choice.address, epoch, Trust::Confirmed, Reason::Found, Duration::ZERO)
    }

    /// Returns the fault because of which no first master was found, although sentinels answer.
    pub(super) fn fault_of_start(&self) -> Option<Finding> {
        let now = self.now;
        if self.serving != Serving::Nothing || self.first_reply_at.is_none() {
            return None;
        }
        let Some(choice) = self.majority(now, Duration::ZERO) else {
            let (answer, of) = (self.sentinels.replies(now).count(), self.sentinels.electorate(now));
            let too_few = answer * 2 <= of;
            return too_few.then_some(Finding { fault: Fault::TooFew { answer, of }, about: None });
        };
        let member = self.members.all.get(&choice.address)?.recent_reply(now, Duration::ZERO)?;
        match &member.role {
            NodeRole::Replica { master, .. } => {
                Some(Finding { fault: Fault::NotMaster(master.clone()), about: Some(choice.address) })
            }
            NodeRole::Master { .. } | NodeRole::Unknown => None,
        }
    }

    /// Takes the master with the highest epoch above `than`, whichever sentinel claims it, if the node itself agrees.
    fn take_newer_epoch(&mut self, now: Duration, than: ConfigEpoch) -> Option<Reason> {
        let claims = self.claims(now);
        let confirms = |epoch: ConfigEpoch, address: &Endpoint| match &self.serving {
            // The epoch of a provisional master is the newest one that its leader published. The epoch that it got in the end
            // may be lower, if another election began meanwhile.
            Serving::Master(ServingMaster { trust: Trust::Provisional { former, .. }, endpoint, .. }) => {
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
        if let Serving::Master(master) = &mut self.serving
            && master.endpoint == address
        {
            (master.epoch, master.trust) = (*epoch, Trust::Confirmed);
            return Some(Reason::Refreshed);
        }
        self.take_master(now, &address, *epoch, Trust::Confirmed, Reason::Switched, Duration::ZERO)
    }

    /// Takes the master of a majority that agrees on a lower epoch for long enough: the sentinels were set up anew.
    fn accept_lower_epoch(&mut self, now: Duration, master: &ServingMaster) -> Option<Reason> {
        let votes = self.votes(now, Duration::ZERO);
        let lower = election::lower(&votes, self.sentinels.electorate(now), master.epoch);
        let Some((address, epoch)) = lower.filter(|_| !master.is_provisional()) else {
            self.lower_epoch = None;
            return None;
        };
        let since = match &self.lower_epoch {
            Some((known, at, since)) if *known == address && *at == epoch => *since,
            Some(_) | None => now,
        };
        self.lower_epoch = Some((address.clone(), epoch, since));
        if since + LOWER_EPOCH > now {
            return None;
        }
        self.take_master(now, &address, epoch, Trust::Confirmed, Reason::EpochReset, Duration::ZERO)
    }

    /// Takes the master that was elected, unless one of its voters pairs the address with an epoch below the present one.
    pub(super) fn take_choice(
        &mut self,
        now: Duration,
        choice: &ElectedAddress,
        present: &ServingMaster,
        reason: Reason,
        since: Duration,
    ) -> Option<Reason> {
        let (lowest, highest) = choice.epochs.unwrap_or((present.epoch, present.epoch));
        if lowest < present.epoch {
            return None;
        }
        self.take_master(now, &choice.address, highest, Trust::Confirmed, reason, since)
    }

    /// Takes a new master if its answer to a question sent at `since` or later proves that it is one. If not, asks it again soon.
    pub(super) fn take_master(
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
        self.lower_epoch = None;
        self.serving = Serving::Master(ServingMaster { endpoint: endpoint.clone(), run_id, epoch, trust });
        // The roles of the other nodes and the lists of the sentinels change now.
        self.ask_faster(now);
        Some(reason)
    }

    /// Gives up the master: commands are held until another one is taken.
    pub(super) fn hold(
        &mut self,
        now: Duration,
        former: ServingMaster,
        cause: HoldCause,
        reason: Reason,
    ) -> Option<Reason> {
        self.lost_at.get_or_insert(now);
        self.ask_faster(now);
        for peer in self.sentinels.all.values_mut() {
            peer.group.hurry(now);
        }
        self.serving = Serving::Held(HeldMaster { former, cause, since: now });
        Some(reason)
    }
}

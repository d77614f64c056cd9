//! The rules while a master serves: what makes the proxy give it up, or replace it without a newer epoch.

use std::time::Duration;

use super::super::Reason;
use super::super::node_reply::NodeRole;
use super::SentinelRules;
use super::serving::{HoldCause, Serving, ServingMaster, Trust};

impl SentinelRules {
    /// Holds commands if the master's own reply comes from another process or says that it is a replica.
    pub(super) fn check_own_reply(&mut self, now: Duration, master: &ServingMaster) -> Option<Reason> {
        let member = self.members.all.get(&master.endpoint)?;
        let reply = member.recent_reply(now, Duration::ZERO)?;
        let other_process = match (&master.run_id, &reply.run_id) {
            (Some(ours), Some(theirs)) => **ours != **theirs,
            (Some(_) | None, _) => false,
        };
        if other_process {
            return self.hold(now, master.clone(), HoldCause::Restarted, Reason::Restarted);
        }
        match reply.role {
            NodeRole::Master { .. } | NodeRole::Unknown => {}
            NodeRole::Replica { .. } => return self.hold_demoted(now, master),
        }
        if master.run_id.is_none() && member.node.run_id.is_some() {
            let run_id = member.node.run_id.clone();
            self.serving = Serving::Master(ServingMaster { run_id, ..master.clone() });
            return Some(Reason::Refreshed);
        }
        None
    }

    fn hold_demoted(&mut self, now: Duration, master: &ServingMaster) -> Option<Reason> {
        match &master.trust {
            Trust::Provisional { former, .. } => {
                self.hold(now, former.as_ref().clone(), HoldCause::Undone, Reason::Undone)
            }
            Trust::Confirmed => self.hold(now, master.clone(), HoldCause::Demoted, Reason::Demoted),
        }
    }

    /// Acts on sentinels that name another master. If its epoch is the same, a majority decides; without one no node is the
    /// master. If the present master does not answer, a majority is enough even if the new epoch is not known yet.
    pub(super) fn check_contradiction(&mut self, now: Duration, master: &ServingMaster) -> Option<Reason> {
        let conflict = self.claims(now).iter().any(|(address, epoch)| {
            // A node that was not asked yet may be the present master under another name.
            *epoch == master.epoch && *address != master.endpoint && self.was_asked(address)
        });
        let silent = self.members.all.get(&master.endpoint).is_some_and(|member| member.is_silent());
        if !conflict && (!silent || master.is_provisional()) {
            return None;
        }
        let choice = self.majority(now, Duration::ZERO);
        if let Some(choice) = &choice {
            if choice.address == master.endpoint {
                return None;
            }
            let taken = self.take_choice(now, choice, master, Reason::Switched, Duration::ZERO);
            if taken.is_some() {
                return taken;
            }
        }
        if conflict { self.hold(now, master.clone(), HoldCause::Conflict, Reason::Conflict) } else { None }
    }

    /// Replaces a provisional master that its leader disputes, or that no sentinel has confirmed in time, by the one that a
    /// majority names and that proves to be a master. Until there is such a one it stays.
    pub(super) fn replace_unconfirmed(&mut self, now: Duration, master: &ServingMaster) -> Option<Reason> {
        let Trust::Provisional { since, disputed, former, .. } = &master.trust else { return None };
        if !disputed && *since + self.failover_timeout > now {
            return None;
        }
        let choice = self.majority(now, *since)?;
        if choice.address == master.endpoint {
            return None;
        }
        let epoch = choice.epochs.map_or(former.epoch, |(_, highest)| highest);
        self.take_master(now, &choice.address, epoch, Trust::Confirmed, Reason::Undone, *since)
    }
}

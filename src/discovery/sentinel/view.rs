//! The view to publish: one shard, made of the serving master and the tables.

use std::time::Duration;

use super::super::{Change, Reason};
use super::SentinelRules;
use super::members::{Member, Members};
use super::serving::{HoldCause, Serving};
use crate::topology::{Endpoint, Node, Role, SLOTS, Shard, View};

impl SentinelRules {
    /// Returns the present view. `None`: no master has been found since the start.
    pub(super) fn view(&self) -> Option<View> {
        let last_master = self.serving.last_master()?;
        let shown = |endpoint: &Endpoint, member: &Member| {
            *endpoint == last_master.endpoint || (!member.hidden && self.canonical(endpoint) == endpoint)
        };
        let members = self.members.all.iter().filter(|(endpoint, member)| shown(endpoint, member));
        let nodes: Vec<Node> = members.map(|(endpoint, member)| self.node(endpoint, member)).collect();
        let master =
            self.serving.master().and_then(|master| nodes.iter().position(|node| node.endpoint == *master));
        let shard = Shard { slots: vec![(0, SLOTS - 1)], master, nodes, epoch: last_master.epoch };
        Some(View { shards: vec![shard], asks_password: false })
    }

    pub(super) fn node(&self, endpoint: &Endpoint, member: &Member) -> Node {
        let last_master = self.serving.last_master().filter(|master| master.endpoint == *endpoint);
        let role = if last_master.is_some() && !self.is_demoted() { Role::Master } else { Role::Replica };
        let run_id = last_master.map_or_else(|| member.node.run_id.clone(), |master| master.run_id.clone());
        let endpoint = endpoint.clone();
        let (rtt, lag) = (member.node.tracker.rtt(), self.lag(member, role));
        Node { endpoint, role, state: member.state(), run_id, rtt, lag }
    }

    /// Returns the lag of a node behind the present or last master.
    pub(super) fn lag(&self, member: &Member, role: Role) -> Option<Duration> {
        match role {
            Role::Master => Some(Duration::ZERO),
            Role::Replica | Role::Active => {
                let master = self.members.all.get(&self.serving.last_master()?.endpoint)?;
                member.node.tracker.lag_behind(&master.node.tracker, self.now)
            }
        }
    }

    pub(super) fn is_demoted(&self) -> bool {
        match &self.serving {
            Serving::Held(held) => held.cause == HoldCause::Demoted,
            Serving::Nothing | Serving::Master(_) => false,
        }
    }

    /// Returns the change since the last publication. Round trips and lags alone are no change.
    pub(super) fn change(&mut self, now: Duration, reason: Option<Reason>) -> Option<Change> {
        let lost_at = self.lost_at;
        let proven = |master| {
            self.members
                .all
                .get(master)
                .is_some_and(|member| member.proves_master(now, lost_at.unwrap_or_default()))
        };
        if self.serving.master().is_some_and(proven) {
            self.lost_at = None;
        }
        let view = self.view()?;
        let steady = view.without_health();
        if self.published.as_ref() == Some(&steady) {
            return None;
        }
        self.published = Some(steady);
        let may_lower_epoch = std::mem::take(&mut self.epoch_lowered);
        Some(Change { view, reason: reason.unwrap_or(Reason::Refreshed), lost_at, may_lower_epoch })
    }

    /// Returns the endpoint that stands for this node if it is known by several.
    pub(super) fn canonical<'a>(&'a self, endpoint: &'a Endpoint) -> &'a Endpoint {
        let preferred = self.serving.last_master().map(|master| &master.endpoint);
        self.members.canonical(endpoint, preferred)
    }
}

/// Marks a master that was just taken as up: it has proved that it is.
pub(super) fn mark_up(members: &mut Members, endpoint: &Endpoint) {
    if let Some(member) = members.all.get_mut(endpoint) {
        member.mark_up();
    }
}

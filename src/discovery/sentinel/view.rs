//! What is published: the tables and the seat as one shard.

use std::time::Duration;

use super::super::{Change, Reason};
use super::Sentinel;
use super::members::{Member, Members};
use super::seat::{Cause, Serving};
use crate::topology::{Endpoint, Node, Role, SLOTS, Shard, View};

impl Sentinel {
    /// Returns what is to be published. `None`: nothing was ever found.
    pub(super) fn view(&self) -> Option<View> {
        let seat = self.serving.seat()?;
        let shown = |endpoint: &Endpoint, member: &Member| {
            *endpoint == seat.endpoint || (!member.hidden && self.canonical(endpoint) == endpoint)
        };
        let members = self.members.all.iter().filter(|(endpoint, member)| shown(endpoint, member));
        let nodes: Vec<Node> = members.map(|(endpoint, member)| self.node(endpoint, member)).collect();
        let master =
            self.serving.master().and_then(|master| nodes.iter().position(|node| node.endpoint == *master));
        let shard = Shard { slots: vec![(0, SLOTS - 1)], master, nodes, epoch: seat.epoch };
        Some(View { shards: vec![shard] })
    }

    pub(super) fn node(&self, endpoint: &Endpoint, member: &Member) -> Node {
        let seat = self.serving.seat().filter(|seat| seat.endpoint == *endpoint);
        let role = if seat.is_some() && !self.is_demoted() { Role::Master } else { Role::Replica };
        let run_id = seat.map_or_else(|| member.node.run_id.clone(), |seat| seat.run_id.clone());
        let endpoint = endpoint.clone();
        let (rtt, lag) = (member.node.tracker.rtt(), self.lag(member, role));
        Node { endpoint, role, state: member.state(), run_id, rtt, lag }
    }

    /// Behind the node that serves, or served last.
    pub(super) fn lag(&self, member: &Member, role: Role) -> Option<Duration> {
        match role {
            Role::Master => Some(Duration::ZERO),
            Role::Replica | Role::Active => {
                let master = self.members.all.get(&self.serving.seat()?.endpoint)?;
                member.node.tracker.lag_behind(&master.node.tracker, self.now)
            }
        }
    }

    pub(super) fn is_demoted(&self) -> bool {
        match &self.serving {
            Serving::Held(held) => held.cause == Cause::Demoted,
            Serving::Nothing | Serving::Master(_) => false,
        }
    }

    /// The change since the last publication, leaving round trips and lags aside.
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
        let may_lower_epoch = std::mem::take(&mut self.lowers);
        Some(Change { view, reason: reason.unwrap_or(Reason::Refreshed), lost_at, may_lower_epoch })
    }

    /// The name by which we know that node.
    pub(super) fn canonical<'a>(&'a self, endpoint: &'a Endpoint) -> &'a Endpoint {
        let preferred = self.serving.seat().map(|seat| &seat.endpoint);
        self.members.canonical(endpoint, preferred)
    }
}

/// A master that was just taken has proven to be up.
pub(super) fn mark_up(members: &mut Members, endpoint: &Endpoint) {
    if let Some(member) = members.all.get_mut(endpoint) {
        member.mark_up();
    }
}

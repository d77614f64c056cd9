//! The questions of the rules to the tables of sentinels and nodes: votes, claims, and what sentinels report.

use std::time::Duration;

use super::super::node_reply::NodeRole;
use super::SentinelRules;
use super::election::{self, ElectedAddress, Vote};
use super::members::Member;
use crate::topology::{ConfigEpoch, Endpoint};

impl SentinelRules {
    /// Returns one vote for each sentinel that has one, from replies to questions sent at `since` or later.
    pub(super) fn votes(&self, now: Duration, since: Duration) -> Vec<Vote> {
        let mut votes = self.sentinels.votes(now, since);
        for vote in &mut votes {
            vote.address = self.canonical(&vote.address).clone();
        }
        votes
    }

    /// Returns all pairs of a master and its epoch that sentinels claim, sorted.
    pub(super) fn claims(&self, now: Duration) -> Vec<(Endpoint, ConfigEpoch)> {
        let mut claims = self.sentinels.claims(now);
        for (address, _) in &mut claims {
            *address = self.canonical(address).clone();
        }
        claims.sort();
        claims
    }

    /// Returns the master that a majority of all sentinels names.
    pub(super) fn majority(&self, now: Duration, since: Duration) -> Option<ElectedAddress> {
        election::majority(&self.votes(now, since), self.sentinels.electorate(now))
    }

    pub(super) fn is_failing_over(&self, now: Duration, since: Duration) -> bool {
        self.sentinels.replies(now).any(|reply| reply.failing_over && reply.sent >= since)
    }

    pub(super) fn is_objectively_down(&self, now: Duration, since: Duration) -> bool {
        self.sentinels.replies(now).any(|reply| reply.objectively_down && reply.sent >= since)
    }

    pub(super) fn was_asked(&self, endpoint: &Endpoint) -> bool {
        self.members.all.get(endpoint).is_some_and(Member::was_asked)
    }

    /// Returns the number of replicas that are connected to a node, by its own reply.
    pub(super) fn replica_count(&self, now: Duration, endpoint: &Endpoint) -> usize {
        let member = self.members.all.get(endpoint);
        match member.and_then(|member| member.recent_reply(now, Duration::ZERO)).map(|node| &node.role) {
            Some(NodeRole::Master { replicas, .. }) => *replicas,
            Some(NodeRole::Replica { .. } | NodeRole::Unknown) | None => 0,
        }
    }
}

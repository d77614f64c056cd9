//! Merges the views of the nodes, and keeps the table of the endpoints that are asked in line with the members.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ClusterRules;
use super::picture::{self, PictureBuilder};
use super::replies::NodeId;
use crate::topology::Endpoint;

/// The time for which only unknown nodes must answer at the known addresses to count as a cluster that was set up anew.
const STRANGERS_ONLY: Duration = Duration::from_secs(5);

impl ClusterRules {
    /// Merges the views of the nodes anew if they have changed.
    pub(super) fn update_picture(&mut self, now: Duration) {
        if !std::mem::take(&mut self.stale) && self.strangers_only_since.is_none() {
            return;
        }
        let reports = self.peers.reports();
        let known: BTreeSet<NodeId> = self.picture.keys().copied().collect();
        let mut trusted = picture::trusted(&reports, &known);
        if trusted.is_empty() && !reports.is_empty() {
            let since = *self.strangers_only_since.get_or_insert(now);
            if now < since + STRANGERS_ONLY {
                return;
            }
            self.picture.clear();
            trusted = picture::trusted(&reports, &BTreeSet::new());
        }
        self.strangers_only_since = None;
        if trusted.is_empty() {
            return;
        }
        let may_forget = self.is_quorum(trusted.iter().map(|(_, report)| report.me).collect());
        let builder = PictureBuilder {
            before: &self.picture,
            address_map: &self.address_map,
            unresolved: &self.unresolved,
            may_forget,
        };
        let picture = builder.build(&trusted);
        let aliases = builder.aliases(&trusted, &picture);
        self.owners.update(&trusted, &picture);
        self.shards.update(&picture, &self.owners);
        (self.picture, self.aliases) = (picture, aliases);
        self.ask_all_members();
    }

    /// Returns true if most of the masters that own slots are among these nodes. Their views are then enough to forget a node.
    pub(super) fn is_quorum(&self, nodes: BTreeSet<NodeId>) -> bool {
        let owners: Vec<NodeId> = self.owners.epochs().into_keys().collect();
        let present = owners.iter().filter(|owner| nodes.contains(owner)).count();
        present * 2 > owners.len() || owners.is_empty()
    }

    /// Adds every member to the nodes that are asked.
    fn ask_all_members(&mut self) {
        for endpoint in self.picture.values().filter_map(|member| member.endpoint.as_ref()) {
            self.peers.ensure(endpoint);
        }
    }

    /// Forgets endpoints that are no members and not hinted at. Seeds stay while no member answers or nothing is published.
    pub(super) fn forget_peers(&mut self, now: Duration) {
        let members: BTreeSet<&Endpoint> =
            self.picture.values().filter_map(|member| member.endpoint.as_ref()).collect();
        let none_answers =
            members.iter().all(|member| self.peers.all.get(member).is_none_or(|peer| peer.node.is_silent()));
        let seeds = if none_answers || self.published.is_none() { self.seeds.as_slice() } else { &[] };
        let wanted = |endpoint: &Endpoint, until: Duration| {
            members.contains(endpoint) || seeds.contains(endpoint) || until > now
        };
        let before = self.peers.all.len();
        self.peers.all.retain(|endpoint, peer| wanted(endpoint, peer.hinted_until));
        self.stale |= self.peers.all.len() < before;
        for seed in seeds {
            self.peers.ensure(seed);
        }
    }
}

//! Puts observations into the tables: answers, events, hints and lost connections.

use std::time::Duration;

use crate::resp::value::Value;
use crate::topology::Endpoint;
use crate::topology::hint::Hint;

use super::super::{Answer, Failure, PeerKind, Reason, node_reply};
use super::election::Vote;
use super::events::{self, SentinelEvent};
use super::pace::{group_pace, lists_pace};
use super::sentinels::GroupReply;
use super::{SentinelRules, replies};

/// The longest failover timeout that is used, whatever a sentinel reports.
const LONGEST_FAILOVER: Duration = Duration::from_secs(3600);

impl SentinelRules {
    /// Takes in the reply of a sentinel about the group.
    pub(super) fn on_group(
        &mut self,
        now: Duration,
        sentinel: &Endpoint,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
    ) {
        let reply = outcome.as_ref().ok().and_then(|answer| self.group_reply(sent, &answer.values));
        if reply.is_some() {
            self.first_reply_at.get_or_insert(now);
        }
        if let Some(address) = reply.as_ref().and_then(|reply| reply.names.clone()) {
            self.members.ensure(now, &address);
        }
        let unsettled = self.is_unsettled(now);
        let named = reply.as_ref().map(|reply| reply.names.is_some());
        if let Some(peer) = self.sentinels.all.get_mut(sentinel) {
            peer.names_no_master = named.map_or(peer.names_no_master, |named| !named);
            peer.misses = if outcome.is_ok() { 0 } else { peer.misses.saturating_add(1) };
            peer.group.answered(now, group_pace(unsettled, peer.misses));
        }
        self.sentinels.set_reply(sentinel, reply);
    }

    /// Parses a reply about the group. The epoch is kept only if it certainly belongs to the address; in a failover it may not.
    fn group_reply(&mut self, sent: Duration, values: &[Value]) -> Option<GroupReply> {
        let [address, master, ..] = values else { return None };
        let names = replies::master_address(address);
        let master = replies::master(master);
        if let Some(timeout) = master.failover_timeout {
            self.failover_timeout = timeout.min(LONGEST_FAILOVER);
        }
        let consistent = !master.failing_over && names.is_some() && names == master.address;
        Some(GroupReply {
            sent,
            names: names.map(|names| self.dialled(names)),
            epoch: master.epoch.filter(|_| consistent),
            failing_over: master.failing_over,
            objectively_down: master.objectively_down,
            others: master.others,
        })
    }

    /// Takes in the lists of replicas and sentinels that a sentinel knows.
    pub(super) fn on_lists(
        &mut self,
        now: Duration,
        sentinel: &Endpoint,
        outcome: &Result<Answer, Failure>,
    ) -> Option<Reason> {
        let unsettled = self.is_unsettled(now);
        if let Some(peer) = self.sentinels.all.get_mut(sentinel) {
            peer.members.answered(now, lists_pace(unsettled, peer));
        }
        let values = &outcome.as_ref().ok()?.values;
        let [replicas, peers, own_id, info] = values.as_slice() else { return None };
        if let Some(tilt) = node_reply::info(info, "sentinel_tilt")
            && let Some(peer) = self.sentinels.all.get_mut(sentinel)
        {
            peer.tilt = tilt == "1";
        }
        if let Some(run_id) = own_id.text() {
            self.sentinels.identified(now, sentinel, run_id);
        }
        let mut peers = replies::peers(peers);
        for peer in &mut peers {
            peer.address = self.dialled(peer.address.clone());
        }
        self.sentinels.discovered(now, peers);
        let mut replicas = replies::replicas(replicas);
        for replica in &mut replicas {
            replica.address = self.dialled(replica.address.clone());
        }
        let chosen = replicas.iter().find(|replica| replica.promoted).map(|replica| replica.address.clone());
        let keep: Vec<&Endpoint> = self
            .serving
            .last_master()
            .map(|master| &master.endpoint)
            .into_iter()
            .chain(self.serving.candidate())
            .collect();
        self.members.listed(now, replicas, &keep);
        self.on_listed_candidate(now, sentinel, &chosen?)
    }

    /// Takes in the candidate that a leader marks in its list; without its events there is no other sign of it. The mark stays
    /// for the whole failover, so it counts only if the sentinel still names the master that we know.
    fn on_listed_candidate(
        &mut self,
        now: Duration,
        sentinel: &Endpoint,
        candidate: &Endpoint,
    ) -> Option<Reason> {
        let peer = self.sentinels.all.get(sentinel)?;
        let names = peer.reply.as_ref().filter(|reply| reply.failing_over)?.names.clone()?;
        let ours = &self.serving.last_master()?.endpoint;
        if peer.is_subscribed || self.canonical(&names) != ours {
            return None;
        }
        self.hurry_node(now, candidate);
        self.on_candidate(now, sentinel, candidate)
    }

    /// Takes in the answer of a data node.
    pub(super) fn on_node(
        &mut self,
        now: Duration,
        node: &Endpoint,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
    ) {
        let last_master = self.serving.last_master().map(|master| master.endpoint.clone());
        self.members.answered(now, node, sent, outcome, last_master.as_ref());
        if outcome.is_err() && self.serving.master() == Some(node) {
            self.lost_at.get_or_insert(sent);
            self.ask_faster(now);
        }
        let pace = self.pace(now, node);
        if let Some(member) = self.members.all.get_mut(node) {
            member.node.schedule.answered(now, pace);
        }
    }

    pub(super) fn on_message(
        &mut self,
        now: Duration,
        target: &PeerKind,
        channel: &str,
        payload: &str,
    ) -> Option<Reason> {
        match target {
            PeerKind::Node(_) => {
                let hello = events::hello(&self.group, payload)?;
                let address = self.dialled(hello.master);
                self.members.ensure(now, &address);
                let vote = Vote { address, epoch: Some(hello.epoch) };
                self.sentinels.add_hello(now, &hello.run_id, vote);
                None
            }
            PeerKind::Sentinel(sentinel) => {
                let event = events::event(&self.group, channel, payload)?;
                self.on_event(now, sentinel, event)
            }
        }
    }

    pub(super) fn on_event(
        &mut self,
        now: Duration,
        sentinel: &Endpoint,
        event: SentinelEvent,
    ) -> Option<Reason> {
        self.ask_faster(now);
        let peer = self.sentinels.all.get_mut(sentinel)?;
        peer.group.hurry(now);
        match event {
            SentinelEvent::NewEpoch(epoch) => peer.new_epoch = Some(epoch),
            SentinelEvent::Tilt(tilt) => peer.tilt = tilt,
            SentinelEvent::Other => {}
            SentinelEvent::Aborted => self.on_aborted(now, sentinel),
            SentinelEvent::Switched(address) => {
                let address = self.dialled(address);
                self.members.ensure(now, &address)?.node.schedule.hurry(now);
            }
            SentinelEvent::Candidate(address) => {
                let address = self.dialled(address);
                self.members.ensure(now, &address)?.node.schedule.hurry(now);
                return self.on_candidate(now, sentinel, &address);
            }
        }
        None
    }

    pub(super) fn on_hint(&mut self, now: Duration, hint: &Hint) {
        self.ask_faster(now);
        let is_master = self.serving.master() == Some(&hint.endpoint);
        if is_master && hint.reason.is_outage() {
            self.lost_at.get_or_insert(now);
        }
        self.hurry_node(now, &hint.endpoint);
        for peer in self.sentinels.all.values_mut() {
            peer.group.at_pace(group_pace(true, peer.misses));
        }
    }

    pub(super) fn on_lost(&mut self, now: Duration, target: &PeerKind) {
        match target {
            PeerKind::Sentinel(sentinel) => {
                if let Some(peer) = self.sentinels.all.get_mut(sentinel) {
                    peer.group.hurry(now);
                }
            }
            PeerKind::Node(node) => {
                self.hurry_node(now, node);
                if self.serving.master() == Some(node) {
                    self.lost_at.get_or_insert(now);
                    self.ask_faster(now);
                }
            }
        }
    }

    /// Returns the address to dial for one that was announced.
    pub(super) fn dialled(&self, announced: Endpoint) -> Endpoint {
        self.address_map.get(&announced).cloned().unwrap_or(announced)
    }
}

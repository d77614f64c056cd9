//! What comes in, put into the tables: answers, events, hints, lost connections.

use std::time::Duration;

use crate::resp::value::Value;
use crate::topology::Endpoint;
use crate::topology::hint::Hint;

use super::super::{Answer, Failure, PeerKind, Reason, node_reply};
use super::election::Vote;
use super::events::{self, SentinelEvent};
use super::pace::{group_pace, lists_pace};
use super::watchers::GroupWord;
use super::{Sentinel, replies};

/// Whatever a sentinel says: beyond it a promotion is as good as confirmed.
const LONGEST_FAILOVER: Duration = Duration::from_secs(3600);

impl Sentinel {
    pub(super) fn on_group(
        &mut self,
        now: Duration,
        sentinel: &Endpoint,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
    ) {
        let word = outcome.as_ref().ok().and_then(|answer| self.word(sent, &answer.values));
        if word.is_some() {
            self.first_word.get_or_insert(now);
        }
        if let Some(address) = word.as_ref().and_then(|word| word.names.clone()) {
            self.members.ensure(now, &address);
        }
        let unsettled = self.is_unsettled(now);
        let named = word.as_ref().map(|word| word.names.is_some());
        if let Some(watcher) = self.watchers.all.get_mut(sentinel) {
            watcher.is_stranger = named.map_or(watcher.is_stranger, |named| !named);
            watcher.misses = if outcome.is_ok() { 0 } else { watcher.misses.saturating_add(1) };
            watcher.group.answered(now, group_pace(unsettled, watcher.misses));
        }
        self.watchers.said(sentinel, word);
    }

    /// Address and epoch are paired only when they cannot come from two sides of a failover.
    pub(super) fn word(&mut self, sent: Duration, values: &[Value]) -> Option<GroupWord> {
        let [address, master, ..] = values else { return None };
        let names = replies::master_address(address);
        let master = replies::master(master);
        if let Some(timeout) = master.failover_timeout {
            self.failover_timeout = timeout.min(LONGEST_FAILOVER);
        }
        let consistent = !master.failing_over && names.is_some() && names == master.address;
        Some(GroupWord {
            sent,
            names: names.map(|names| self.dialled(names)),
            epoch: master.epoch.filter(|_| consistent),
            failing_over: master.failing_over,
            objectively_down: master.objectively_down,
            others: master.others,
        })
    }

    pub(super) fn on_lists(
        &mut self,
        now: Duration,
        sentinel: &Endpoint,
        outcome: &Result<Answer, Failure>,
    ) -> Option<Reason> {
        let unsettled = self.is_unsettled(now);
        if let Some(watcher) = self.watchers.all.get_mut(sentinel) {
            watcher.members.answered(now, lists_pace(unsettled, watcher));
        }
        let values = &outcome.as_ref().ok()?.values;
        let [replicas, peers, own_id, info] = values.as_slice() else { return None };
        if let Some(tilt) = node_reply::info(info, "sentinel_tilt")
            && let Some(watcher) = self.watchers.all.get_mut(sentinel)
        {
            watcher.tilt = tilt == "1";
        }
        if let Some(run_id) = own_id.text() {
            self.watchers.identified(now, sentinel, run_id);
        }
        let mut peers = replies::peers(peers);
        for peer in &mut peers {
            peer.address = self.dialled(peer.address.clone());
        }
        self.watchers.discovered(now, peers);
        let mut replicas = replies::replicas(replicas);
        for replica in &mut replicas {
            replica.address = self.dialled(replica.address.clone());
        }
        let chosen = replicas.iter().find(|replica| replica.promoted).map(|replica| replica.address.clone());
        let keep: Vec<&Endpoint> = self
            .serving
            .seat()
            .map(|seat| &seat.endpoint)
            .into_iter()
            .chain(self.serving.candidate())
            .collect();
        self.members.listed(now, replicas, &keep);
        self.chosen(now, sentinel, &chosen?)
    }

    /// The leader marks its candidate in its list: all there is to see where its events cannot be heard. The
    /// mark stays for as long as its failover does, so it must be about the master that we know.
    fn chosen(&mut self, now: Duration, sentinel: &Endpoint, candidate: &Endpoint) -> Option<Reason> {
        let watcher = self.watchers.all.get(sentinel)?;
        let names = watcher.word.as_ref().filter(|word| word.failing_over)?.names.clone()?;
        let ours = &self.serving.seat()?.endpoint;
        if watcher.watched || self.canonical(&names) != ours {
            return None;
        }
        self.hurry_node(now, candidate);
        self.selected(now, sentinel, candidate)
    }

    pub(super) fn on_node(
        &mut self,
        now: Duration,
        node: &Endpoint,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
    ) {
        let seat = self.serving.seat().map(|seat| seat.endpoint.clone());
        self.members.answered(now, node, sent, outcome, seat.as_ref());
        if outcome.is_err() && self.serving.master() == Some(node) {
            self.lost_at.get_or_insert(sent);
            self.heat(now);
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
                self.watchers.heard_hello(now, &hello.run_id, vote);
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
        self.heat(now);
        let watcher = self.watchers.all.get_mut(sentinel)?;
        watcher.group.hurry(now);
        match event {
            SentinelEvent::NewEpoch(epoch) => watcher.new_epoch = Some(epoch),
            SentinelEvent::Tilt(tilt) => watcher.tilt = tilt,
            SentinelEvent::Stirring => {}
            SentinelEvent::Aborted => self.aborted(now, sentinel),
            SentinelEvent::Switched(address) => {
                let address = self.dialled(address);
                self.members.ensure(now, &address)?.node.schedule.hurry(now);
            }
            SentinelEvent::Candidate(address) => {
                let address = self.dialled(address);
                self.members.ensure(now, &address)?.node.schedule.hurry(now);
                return self.selected(now, sentinel, &address);
            }
        }
        None
    }

    pub(super) fn on_hint(&mut self, now: Duration, hint: &Hint) {
        self.heat(now);
        let is_master = self.serving.master() == Some(&hint.endpoint);
        if is_master && hint.reason.is_outage() {
            self.lost_at.get_or_insert(now);
        }
        self.hurry_node(now, &hint.endpoint);
        for watcher in self.watchers.all.values_mut() {
            watcher.group.at_pace(group_pace(true, watcher.misses));
        }
    }

    pub(super) fn on_lost(&mut self, now: Duration, target: &PeerKind) {
        match target {
            PeerKind::Sentinel(sentinel) => {
                if let Some(watcher) = self.watchers.all.get_mut(sentinel) {
                    watcher.group.hurry(now);
                }
            }
            PeerKind::Node(node) => {
                self.hurry_node(now, node);
                if self.serving.master() == Some(node) {
                    self.lost_at.get_or_insert(now);
                    self.heat(now);
                }
            }
        }
    }

    /// The address to dial for one that was announced.
    pub(super) fn dialled(&self, announced: Endpoint) -> Endpoint {
        self.address_map.get(&announced).cloned().unwrap_or(announced)
    }
}

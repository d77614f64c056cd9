//! Decides how often each peer is asked: slowly while nothing is wrong, fast while something is going on.

use std::time::Duration;

use super::super::schedule::UNMEASURED;
use super::SentinelRules;
use super::members::Member;
use super::sentinels::SentinelPeer;
use super::serving::Serving;
use crate::topology::{Endpoint, Role};

/// The period of questions to a sentinel about the master: usually, and while something is going on.
pub(super) const GROUP: Duration = Duration::from_secs(1);
pub(super) const GROUP_FAST: Duration = Duration::from_millis(100);
/// The period of questions to a sentinel about the other sentinels and the replicas: usually, and while something is going on.
pub(super) const LISTS: Duration = Duration::from_secs(3);
pub(super) const LISTS_FAST: Duration = Duration::from_secs(1);
/// The period of questions to the candidate of an election.
pub(super) const CANDIDATE: Duration = Duration::from_millis(10);
/// The period of questions to all nodes while there is no master, and to the master while something is going on.
pub(super) const SUSPECT: Duration = Duration::from_millis(20);
/// The same in an outage that has lasted for long.
pub(super) const AWAY: Duration = Duration::from_millis(200);
/// The time for which all peers are asked faster after an event.
pub(super) const FAST: Duration = Duration::from_secs(2);
/// The length of an outage after which nodes are asked more slowly.
pub(super) const LONG_OUTAGE: Duration = Duration::from_secs(60);

impl SentinelRules {
    /// Asks all peers faster for a while.
    pub(super) fn ask_faster(&mut self, now: Duration) {
        self.fast_until = now + FAST;
    }

    pub(super) fn is_unsettled(&self, now: Duration) -> bool {
        now < self.fast_until || self.is_without_master()
    }

    pub(super) fn is_without_master(&self) -> bool {
        let silent = |endpoint| self.members.all.get(endpoint).is_none_or(Member::is_silent);
        self.serving.master().is_none_or(silent)
    }

    pub(super) fn hurry_node(&mut self, now: Duration, node: &Endpoint) {
        if let Some(member) = self.members.all.get_mut(node) {
            member.node.schedule.hurry(now);
        }
    }

    /// Returns the present period of questions to this node.
    pub(super) fn pace(&self, now: Duration, node: &Endpoint) -> Duration {
        if self.serving.candidate() == Some(node) {
            return CANDIDATE;
        }
        let is_master = self.serving.master() == Some(node);
        let never_found = self.first_reply_at.filter(|_| self.serving == Serving::Nothing);
        let lost_at = self.lost_at.or(never_found);
        let long = lost_at.is_some_and(|lost| lost + LONG_OUTAGE < now);
        if self.is_without_master() || (is_master && now < self.fast_until) {
            return if long { AWAY } else { SUSPECT };
        }
        match (is_master, self.is_unmeasured(node)) {
            (true, _) => self.sampling.master,
            (false, true) => self.sampling.replica.min(UNMEASURED),
            (false, false) => self.sampling.replica,
        }
    }

    fn is_unmeasured(&self, node: &Endpoint) -> bool {
        let member = self.members.all.get(node).filter(|member| member.node.tracker.is_linked());
        member.is_some_and(|member| self.lag(member, Role::Replica).is_none())
    }

    /// Moves the next question to each peer forward if the pace has become faster.
    pub(super) fn adjust_paces(&mut self, now: Duration) {
        let paces: Vec<Duration> = self.members.all.keys().map(|node| self.pace(now, node)).collect();
        for (member, pace) in self.members.all.values_mut().zip(paces) {
            member.node.schedule.at_pace(pace);
        }
        if self.is_unsettled(now) {
            for peer in self.sentinels.all.values_mut() {
                peer.group.at_pace(group_pace(true, peer.misses));
                peer.members.at_pace(lists_pace(true, peer));
            }
        }
    }

    pub(super) fn wake(&self, now: Duration) -> Duration {
        let sentinels = self.sentinels.all.values().flat_map(|peer| [peer.group.wake(), peer.members.wake()]);
        let members = self.members.all.values().map(|member| member.node.schedule.wake());
        sentinels.chain(members).flatten().min().unwrap_or(now + GROUP).clamp(now, now + GROUP)
    }
}

/// Returns the period of questions about the master. A silent sentinel is asked less and less often, down to once a second.
pub(super) fn group_pace(unsettled: bool, misses: u32) -> Duration {
    if unsettled { (GROUP_FAST * (1 << misses.min(4))).min(GROUP) } else { GROUP }
}

/// Returns the period of questions for lists. Without events, the choice of a sentinel is seen only in these lists.
pub(super) fn lists_pace(unsettled: bool, peer: &SentinelPeer) -> Duration {
    match (unsettled, peer.is_subscribed) {
        (true, false) => group_pace(true, peer.misses),
        (true, true) => LISTS_FAST,
        (false, _) => LISTS,
    }
}

//! How often each peer is asked: slowly in peace, fast while something is going on.

use std::time::Duration;

use super::super::schedule::UNMEASURED;
use super::Sentinel;
use super::members::Member;
use super::seat::Serving;
use super::watchers::Watcher;
use crate::topology::{Endpoint, Role};

/// How often a sentinel is asked for the master, in peace and while something is going on.
pub(super) const GROUP: Duration = Duration::from_secs(1);
pub(super) const GROUP_HOT: Duration = Duration::from_millis(100);
/// How often a sentinel is asked for the other sentinels and the replicas.
pub(super) const LISTS: Duration = Duration::from_secs(3);
pub(super) const LISTS_HOT: Duration = Duration::from_secs(1);
/// How often a node is asked for its role.
pub(super) const CANDIDATE: Duration = Duration::from_millis(10);
pub(super) const SUSPECT: Duration = Duration::from_millis(20);
/// One that has been away for long.
pub(super) const AWAY: Duration = Duration::from_millis(200);
/// How long everything is asked faster after something happened.
pub(super) const HOT: Duration = Duration::from_secs(2);
/// An outage longer than this is waited out at a slower pace.
pub(super) const LONG_OUTAGE: Duration = Duration::from_secs(60);

impl Sentinel {
    /// Looks closer for a while.
    pub(super) fn heat(&mut self, now: Duration) {
        self.hot_until = now + HOT;
    }

    pub(super) fn is_unsettled(&self, now: Duration) -> bool {
        now < self.hot_until || self.is_without_master()
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

    /// Returns how often this node is asked at present.
    pub(super) fn pace(&self, now: Duration, node: &Endpoint) -> Duration {
        if self.serving.candidate() == Some(node) {
            return CANDIDATE;
        }
        let is_master = self.serving.master() == Some(node);
        let never_found = self.first_word.filter(|_| self.serving == Serving::Nothing);
        let lost_at = self.lost_at.or(never_found);
        let long = lost_at.is_some_and(|lost| lost + LONG_OUTAGE < now);
        if self.is_without_master() || (is_master && now < self.hot_until) {
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

    /// Waiting questions follow a change of pace.
    pub(super) fn adjust_paces(&mut self, now: Duration) {
        let paces: Vec<Duration> = self.members.all.keys().map(|node| self.pace(now, node)).collect();
        for (member, pace) in self.members.all.values_mut().zip(paces) {
            member.node.schedule.at_pace(pace);
        }
        if self.is_unsettled(now) {
            for watcher in self.watchers.all.values_mut() {
                watcher.group.at_pace(group_pace(true, watcher.misses));
                watcher.members.at_pace(lists_pace(true, watcher));
            }
        }
    }

    pub(super) fn wake(&self, now: Duration) -> Duration {
        let watchers =
            self.watchers.all.values().flat_map(|watcher| [watcher.group.wake(), watcher.members.wake()]);
        let members = self.members.all.values().map(|member| member.node.schedule.wake());
        watchers.chain(members).flatten().min().unwrap_or(now + GROUP).clamp(now, now + GROUP)
    }
}

/// One that does not answer is asked less and less often, but never less than once in a second.
pub(super) fn group_pace(unsettled: bool, misses: u32) -> Duration {
    if unsettled { (GROUP_HOT * (1 << misses.min(4))).min(GROUP) } else { GROUP }
}

/// The lists of one whose events are not heard are all that tells its choice.
pub(super) fn lists_pace(unsettled: bool, watcher: &Watcher) -> Duration {
    match (unsettled, watcher.watched) {
        (true, false) => group_pace(true, watcher.misses),
        (true, true) => LISTS_HOT,
        (false, _) => LISTS,
    }
}

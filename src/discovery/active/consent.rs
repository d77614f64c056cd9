//! The steps at which this proxy's moves wait for the others: what it announces, and what they must have announced before.
//!
//! Only keys with writers of their own need that. This proxy ignores which node is home for the others.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ActiveRules;
use super::agreement::{Announcement, OthersProgress};
use super::assignment::{AssignedNode, Assignment};
use super::peer::ActivePeer;

impl ActiveRules {
    /// Returns true once this proxy knows the writers of the others and may start. A start is like a move: the proxy announces the
    /// nodes that it will write to, as the others do, and reads the lists once more before it writes.
    pub(super) fn has_adopted_writers(&mut self, now: Duration) -> bool {
        let listing_nodes = self.listing_nodes();
        if self.has_served || !self.policies.by_key || listing_nodes.is_empty() {
            return true;
        }
        let Some(present) = self.agreement.majority_writers(&listing_nodes) else { return false };
        let present = present.unwrap_or_default();
        if *self.agreement.announcement() != Announcement::Asks && self.adopted == present {
            return true;
        }
        self.adopted = present;
        let nodes = self.assignable(now);
        let intended = Assignment::default().repaired(&nodes, self.policies);
        self.agreement.announce(now, Announcement::Writes(intended.named_writers(&nodes)));
        false
    }

    /// Returns the wished writers once all others are ready for them, and the present ones until then.
    pub(super) fn agreed_writers(
        &mut self,
        now: Duration,
        wished: BTreeSet<usize>,
        nodes: &[AssignedNode],
    ) -> BTreeSet<usize> {
        let present = self.present.writers.clone();
        if wished == present || now < self.no_move_before {
            self.announce_present(now, nodes);
            return present;
        }
        let wish = Assignment { writers: wished, ..Assignment::default() };
        let (writers, next) = (self.present.named_writers(nodes), wish.named_writers(nodes));
        self.agreement.announce(now, Announcement::Ready { now: writers, next: next.clone() });
        match self.agreement.progress_to(&next, &self.listing_nodes()) {
            OthersProgress::Ready | OthersProgress::Stopped => wish.writers,
            OthersProgress::Unknown | OthersProgress::Against => present,
        }
    }

    pub(super) fn announce_present(&mut self, now: Duration, nodes: &[AssignedNode]) {
        if self.policies.by_key && self.present.home.is_some() {
            self.agreement.announce(now, Announcement::Writes(self.present.named_writers(nodes)));
        }
    }

    /// Ends a handover whose commands are held, answered and replicated, once no other proxy writes these keys at their old nodes.
    pub(super) fn agree(&mut self, now: Duration, nodes: &[AssignedNode]) {
        let Some(handover) = self.handover.clone() else { return };
        if !self.writers_change() {
            return self.end_handover(Some(handover.to));
        }
        if handover.is_over(now) {
            return self.begin_retreat(now, nodes);
        }
        let (writers, next) = (self.present.named_writers(nodes), handover.to.named_writers(nodes));
        let stopped = self.agreement.progress_to(&next, &self.listing_nodes()) == OthersProgress::Stopped;
        let holds = Announcement::Holds { now: writers, next: next.clone() };
        let writes = Announcement::Writes(next);
        let announced = self.agreement.announcement().clone();
        if announced == writes && stopped {
            return self.end_handover(Some(handover.to));
        }
        // After announcing that it writes, the proxy reads the lists once more before it does.
        let may_write = announced == holds && stopped;
        let waits = announced == writes && self.others_are_unknown(&writes);
        self.agreement.announce(now, if may_write || waits { writes } else { holds });
    }

    fn others_are_unknown(&self, announcement: &Announcement) -> bool {
        let Announcement::Writes(next) = announcement else { return false };
        self.agreement.progress_to(next, &self.listing_nodes()) == OthersProgress::Unknown
    }

    /// Gives up a move that has taken too long. Its commands stay held until it is known that no other proxy has completed it.
    pub(super) fn begin_retreat(&mut self, now: Duration, nodes: &[AssignedNode]) {
        self.no_move_before = now + self.active.failback;
        if !self.writers_change() {
            return self.end_handover(None);
        }
        self.agreement.announce(now, Announcement::Writes(self.present.named_writers(nodes)));
        if let Some(handover) = &mut self.handover {
            handover.retreats = true;
        }
        self.retreat(now, nodes);
    }

    /// Ends a move that was given up, or resumes it if another proxy has completed it.
    pub(super) fn retreat(&mut self, now: Duration, nodes: &[AssignedNode]) {
        let Some(next) = self.handover.as_ref().map(|handover| handover.to.named_writers(nodes)) else {
            return;
        };
        match self.agreement.has_moved_to(&next, &self.listing_nodes()) {
            None => {}
            Some(false) => self.end_handover(None),
            Some(true) => {
                if let Some(handover) = &mut self.handover {
                    (handover.retreats, handover.began) = (false, now);
                }
            }
        }
    }

    /// Returns the nodes whose lists of clients count: those that all proxies can connect to.
    fn listing_nodes(&self) -> Vec<usize> {
        let speaks = |(at, peer): &(usize, &ActivePeer)| peer.is_usable() && self.alias(*at).is_none();
        self.peers.iter().enumerate().filter(speaks).map(|(at, _)| at).collect()
    }
}

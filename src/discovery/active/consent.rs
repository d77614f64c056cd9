//! Where this proxy's moves wait for the others: what it says at each step, and what it must have heard before the next.
//!
//! Only keys with writers of their own need that. Where other proxies have their home is of no account to this one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ActiveRules;
use super::agreement::{Others, Stance};
use super::assignment::{AssignedNode, Assignment};
use super::peer::ActivePeer;

impl ActiveRules {
    /// A start is like a move: it says to whom it will write, as the others do, and looks once more before it does.
    pub(super) fn knows_others(&mut self, now: Duration) -> bool {
        let speakers = self.speakers();
        if self.has_served || !self.duties.by_key || speakers.is_empty() {
            return true;
        }
        let Some(present) = self.agreement.present(&speakers) else { return false };
        let present = present.unwrap_or_default();
        if *self.agreement.stance() != Stance::Asks && self.adopted == present {
            return true;
        }
        self.adopted = present;
        let nodes = self.assignable(now);
        let intended = Assignment::default().repaired(&nodes, self.duties);
        self.agreement.say(now, Stance::Writes(intended.named_writers(&nodes)));
        false
    }

    /// The writers that are wished for, once all others are ready for them; the present ones until then.
    pub(super) fn agreed_writers(
        &mut self,
        now: Duration,
        wished: BTreeSet<usize>,
        nodes: &[AssignedNode],
    ) -> BTreeSet<usize> {
        let present = self.present.writers.clone();
        if wished == present || now < self.rest_until {
            self.say_present(now, nodes);
            return present;
        }
        let wish = Assignment { writers: wished, ..Assignment::default() };
        let (writers, next) = (self.present.named_writers(nodes), wish.named_writers(nodes));
        self.agreement.say(now, Stance::Ready { now: writers, next: next.clone() });
        match self.agreement.on_the_way_to(&next, &self.speakers()) {
            Others::Ready | Others::Stopped => wish.writers,
            Others::Unknown | Others::Against => present,
        }
    }

    pub(super) fn say_present(&mut self, now: Duration, nodes: &[AssignedNode]) {
        if self.duties.by_key && self.present.home.is_some() {
            self.agreement.say(now, Stance::Writes(self.present.named_writers(nodes)));
        }
    }

    /// All that moves is held, answered and has arrived. It goes on when nobody else writes it where it was.
    pub(super) fn agree(&mut self, now: Duration, nodes: &[AssignedNode]) {
        let Some(handover) = self.handover.clone() else { return };
        if !self.writers_change() {
            return self.end_handover(Some(handover.to));
        }
        if handover.is_over(now) {
            return self.begin_retreat(now, nodes);
        }
        let (writers, next) = (self.present.named_writers(nodes), handover.to.named_writers(nodes));
        let stopped = self.agreement.on_the_way_to(&next, &self.speakers()) == Others::Stopped;
        let holds = Stance::Holds { now: writers, next: next.clone() };
        let writes = Stance::Writes(next);
        let heard = self.agreement.stance().clone();
        if heard == writes && stopped {
            return self.end_handover(Some(handover.to));
        }
        // Whoever says that it writes looks once more before it does.
        let may_write = heard == holds && stopped;
        let waits = heard == writes && self.others_are_unknown(&writes);
        self.agreement.say(now, if may_write || waits { writes } else { holds });
    }

    fn others_are_unknown(&self, stance: &Stance) -> bool {
        let Stance::Writes(next) = stance else { return false };
        self.agreement.on_the_way_to(next, &self.speakers()) == Others::Unknown
    }

    /// It has taken too long. What moves stays held until it is known that nobody has gone through with it.
    pub(super) fn begin_retreat(&mut self, now: Duration, nodes: &[AssignedNode]) {
        self.rest_until = now + self.active.failback;
        if !self.writers_change() {
            return self.end_handover(None);
        }
        self.agreement.say(now, Stance::Writes(self.present.named_writers(nodes)));
        if let Some(handover) = &mut self.handover {
            handover.retreats = true;
        }
        self.retreat(now, nodes);
    }

    pub(super) fn retreat(&mut self, now: Duration, nodes: &[AssignedNode]) {
        let Some(next) = self.handover.as_ref().map(|handover| handover.to.named_writers(nodes)) else {
            return;
        };
        match self.agreement.has_moved_to(&next, &self.speakers()) {
            None => {}
            Some(false) => self.end_handover(None),
            Some(true) => {
                if let Some(handover) = &mut self.handover {
                    (handover.retreats, handover.began) = (false, now);
                }
            }
        }
    }

    /// The nodes that are asked what others say: those that all proxies can speak to.
    fn speakers(&self) -> Vec<usize> {
        let speaks = |(at, peer): &(usize, &ActivePeer)| peer.is_usable() && self.alias(*at).is_none();
        self.peers.iter().enumerate().filter(speaks).map(|(at, _)| at).collect()
    }
}

//! One look at everything: who is ready, who must be left, who is to be moved to.

use std::time::Duration;

use super::agreement::short;
use super::assignment::{AssignedNode, Assignment};
use super::choice::Candidate;
use super::handover::{Handover, Heard, Progress};
use super::mesh::Shape;
use super::peer::{ActivePeer, PeerContact, PeerLoss};
use super::replies::LinkState;
use super::{ActiveRules, Wish};
use crate::discovery::Reason;

/// A node that takes over from one that is gone first hears out what that one had sent it: its link must be down, which
/// takes milliseconds. No longer than this.
const HEARING: Duration = Duration::from_millis(60);

/// What has happened since the last view.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) reason: Option<Reason>,
    /// When the node was lost that is replaced.
    pub(super) lost_at: Option<Duration>,
}

impl ActiveRules {
    pub(super) fn look(&mut self, now: Duration) {
        let patience = self.patience;
        self.peers.iter_mut().for_each(|peer| peer.tire(now, patience));
        self.judge(now);
        if !self.knows_others(now) {
            return;
        }
        let nodes = self.assignable(now);
        if self.repair(now, &nodes) {
            self.advance(now, &nodes);
            self.improve(now, &nodes);
        }
    }

    /// Leaves whoever cannot serve. Returns whether that is done.
    fn repair(&mut self, now: Duration, nodes: &[AssignedNode]) -> bool {
        let repaired = self.present.repaired(nodes, self.duties);
        if repaired == self.present {
            return true;
        }
        if !self.has_heard_out(now, &repaired, nodes) {
            return false;
        }
        self.handover =
            self.handover.take().and_then(|handover| handover.repaired(&repaired, nodes, self.duties));
        let lost = self.lost(&repaired);
        self.news =
            News { reason: Some(if self.has_served { Reason::Left } else { Reason::Found }), lost_at: lost };
        self.present = repaired;
        self.has_served |= self.present.home.is_some();
        if self.handover.is_none() {
            self.say_present(now, nodes);
        }
        true
    }

    fn lost(&self, repaired: &Assignment) -> Option<Duration> {
        let left =
            self.peers.iter().enumerate().filter(|(at, _)| self.present.has(*at) && !repaired.has(*at));
        left.filter_map(|(_, peer)| peer.doubted).min().or(self.news.lost_at)
    }

    /// Returns whether everybody who takes over has all that the lost ones had sent it.
    fn has_heard_out(&self, now: Duration, repaired: &Assignment, nodes: &[AssignedNode]) -> bool {
        self.present.moves_to(repaired, nodes).into_iter().all(|(from, to)| {
            let (Some(from), Some(heir)) = (self.peers.get(from), self.peers.get(to)) else { return true };
            let PeerContact::Down { since, loss: PeerLoss::Gone } = from.contact else { return true };
            let knows = heir.asked >= since && self.link_between(from, heir) != LinkState::Up;
            let unlinked = heir.said.as_ref().is_none_or(|said| said.masters.is_empty());
            knows || unlinked || now >= since + HEARING
        })
    }

    /// The link by which `heir` pulls from `from`.
    fn link_between(&self, from: &ActivePeer, heir: &ActivePeer) -> LinkState {
        let masters = heir.said.iter().flat_map(|said| &said.masters);
        let from = self.place(&from.endpoint);
        let mut links =
            masters.filter(|(master, _)| self.resolved(master) == from).map(|(_, link)| link.state);
        links.next().unwrap_or(LinkState::Down)
    }

    /// Goes on with a planned move.
    fn advance(&mut self, now: Duration, nodes: &[AssignedNode]) {
        let Some(handover) = &self.handover else { return };
        let moves = self.present.moves_to(&handover.to, nodes);
        let is_there = |at: usize| nodes.get(at).is_some_and(|node| node.is_usable);
        let is_vain = !moves.iter().all(|(_, to)| is_there(*to));
        let pairs: Vec<(usize, Heard)> =
            moves.into_iter().map(|(from, to)| (from, self.heard_of(from, to))).collect();
        match handover.progress(now, &pairs) {
            _ if handover.retreats => self.retreat(now, nodes),
            // Nobody can write there: there is nothing to agree on.
            _ if is_vain => self.end_handover(None),
            Progress::Waiting => {}
            Progress::Done => self.agree(now, nodes),
            Progress::Failed => self.begin_retreat(now, nodes),
        }
    }

    pub(super) fn end_handover(&mut self, to: Option<Assignment>) {
        self.news.reason = Some(if to.is_some() { Reason::Moved } else { Reason::Resumed });
        self.present = to.unwrap_or_else(|| self.present.clone());
        self.handover = None;
    }

    pub(super) fn writers_change(&self) -> bool {
        self.handover.as_ref().is_some_and(|handover| handover.to.writers != self.present.writers)
    }

    /// Returns what `to` has of what `from` wrote.
    fn heard_of(&self, from: usize, to: usize) -> Heard {
        if self.shape == Shape::Unlinked {
            return Heard::Nothing;
        }
        let masters = self.peers.get(to).and_then(|peer| peer.said.as_ref()).map(|said| &said.masters);
        let mut links = masters.into_iter().flatten();
        let direct =
            links.find(|(master, link)| link.state == LinkState::Up && self.resolved(master) == Some(from));
        direct.map_or(Heard::Indirectly, |(_, link)| Heard::UpTo(link.offset))
    }

    /// Begins a planned move to what has been better for long enough.
    fn improve(&mut self, now: Duration, nodes: &[AssignedNode]) {
        if self.handover.is_some() || self.present.home.is_none() {
            return;
        }
        let wished = self.present.wished(nodes, self.duties);
        let failback = self.active.failback;
        let may = |at: Option<usize>, present: Option<usize>, wish: &mut Wish| {
            let granted = granted(now, at, present, wish, nodes, failback);
            if granted { at } else { present }
        };
        let next = Assignment {
            home: may(wished.home, self.present.home, &mut self.home_wish),
            aside: may(wished.aside, self.present.aside, &mut self.aside_wish),
            writers: self.agreed_writers(now, wished.writers, nodes),
        };
        if next == self.present || now < self.rest_until {
            return;
        }
        self.handover = Some(Handover::new(next, now));
        self.news.reason = Some(Reason::Moving);
    }

    pub(super) fn assignable(&self, now: Duration) -> Vec<AssignedNode> {
        let failback = self.active.failback;
        let node = |(at, peer): (usize, &ActivePeer)| {
            let is_alias = self.alias(at).is_some();
            let steady = peer.standing.fit_since.is_some_and(|since| now >= since + failback);
            AssignedNode {
                candidate: Candidate { at, is_local: self.is_local(peer), rtt: peer.trip.smoothed() },
                name: peer.run_id().map_or_else(|| peer.endpoint.to_string(), ToString::to_string),
                is_usable: peer.is_usable() && !is_alias,
                is_fit: peer.is_fit(),
                is_steady: steady,
                is_drained: peer.said.as_ref().is_some_and(|said| said.is_drained),
                is_adopted: peer.run_id().is_some_and(|name| self.adopted.contains(&short(name))),
            }
        };
        self.peers.iter().enumerate().map(node).collect()
    }

    fn is_local(&self, peer: &ActivePeer) -> bool {
        let zone = self.active.zones.get(&peer.endpoint);
        zone.is_some() && zone == self.active.zone.as_ref()
    }
}

/// Returns whether a node that is wished for may be moved to: it serves, and has been the better one without a break for the
/// time of quarantine. One that is to be drained is left at once.
fn granted(
    now: Duration,
    wished: Option<usize>,
    present: Option<usize>,
    wish: &mut Wish,
    nodes: &[AssignedNode],
    failback: Duration,
) -> bool {
    let Some(at) = wished.filter(|_| wished != present) else {
        *wish = None;
        return true;
    };
    let since = wish.filter(|(before, _)| *before == at).map_or(now, |(_, since)| since);
    *wish = Some((at, since));
    let node = |at: usize| nodes.get(at);
    let is_drained = present.and_then(node).is_some_and(|node| node.is_drained);
    node(at).is_some_and(|node| node.is_usable) && (is_drained || now >= since + failback)
}

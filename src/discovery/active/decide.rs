//! Decides what changes: which nodes are ready, which must be left, and which commands move by plan.

use std::time::Duration;

use super::agreement::short_name;
use super::assignment::{AssignedNode, Assignment};
use super::choice::Candidate;
use super::handover::{Handover, Progress, Received};
use super::mesh::Shape;
use super::peer::{ActivePeer, PeerContact, PeerLoss};
use super::replies::LinkState;
use super::{ActiveRules, Wish};
use crate::discovery::Reason;

/// The longest time for which a node that takes over from a dead one waits for the rest of its stream: until the link between
/// them is down, which usually takes milliseconds.
const REST: Duration = Duration::from_millis(60);

/// The events since the last view.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) reason: Option<Reason>,
    /// The time at which the node was lost that is replaced.
    pub(super) lost_at: Option<Duration>,
}

impl ActiveRules {
    /// Evaluates all answers together, and changes the assignment if it must or should change.
    pub(super) fn decide(&mut self, now: Duration) {
        let patience = self.patience;
        self.peers.iter_mut().for_each(|peer| peer.check_silence(now, patience));
        self.update_readiness(now);
        if !self.has_adopted_writers(now) {
            return;
        }
        let nodes = self.assignable(now);
        if self.replace_unusable(now, &nodes) {
            self.advance_handover(now, &nodes);
            self.begin_planned_move(now, &nodes);
        }
    }

    /// Gives the commands of nodes that cannot serve to other nodes. Returns false if that has to wait.
    fn replace_unusable(&mut self, now: Duration, nodes: &[AssignedNode]) -> bool {
        let repaired = self.present.repaired(nodes, self.policies);
        if repaired == self.present {
            return true;
        }
        if !self.has_received_rest(now, &repaired, nodes) {
            return false;
        }
        self.handover =
            self.handover.take().and_then(|handover| handover.repaired(&repaired, nodes, self.policies));
        let lost_at = self.loss_time(&repaired);
        self.news =
            News { reason: Some(if self.has_served { Reason::Left } else { Reason::Found }), lost_at };
        self.present = repaired;
        self.has_served |= self.present.home.is_some();
        if self.handover.is_none() {
            self.announce_present(now, nodes);
        }
        true
    }

    /// Returns the time at which the first of the nodes was lost that no commands go to any more.
    fn loss_time(&self, repaired: &Assignment) -> Option<Duration> {
        let left =
            self.peers.iter().enumerate().filter(|(at, _)| self.present.has(*at) && !repaired.has(*at));
        left.filter_map(|(_, peer)| peer.doubted_since).min().or(self.news.lost_at)
    }

    /// Returns true if every node that takes over has all that the dead node had sent it.
    fn has_received_rest(&self, now: Duration, repaired: &Assignment, nodes: &[AssignedNode]) -> bool {
        self.present.moves_to(repaired, nodes).into_iter().all(|(from, to)| {
            let (Some(from), Some(heir)) = (self.peers.get(from), self.peers.get(to)) else { return true };
            let PeerContact::Down { since, loss: PeerLoss::Gone } = from.contact else { return true };
            let knows = heir.asked_at >= since && self.link_between(from, heir) != LinkState::Up;
            let unlinked = heir.reply.as_ref().is_none_or(|reply| reply.masters.is_empty());
            knows || unlinked || now >= since + REST
        })
    }

    /// Returns the state of the link by which `heir` pulls from `from`.
    fn link_between(&self, from: &ActivePeer, heir: &ActivePeer) -> LinkState {
        let masters = heir.reply.iter().flat_map(|reply| &reply.masters);
        let from = self.place(&from.endpoint);
        let mut links =
            masters.filter(|(master, _)| self.resolved(master) == from).map(|(_, link)| link.state);
        links.next().unwrap_or(LinkState::Down)
    }

    /// Goes on with the handover that is under way.
    fn advance_handover(&mut self, now: Duration, nodes: &[AssignedNode]) {
        let Some(handover) = &self.handover else { return };
        let moves = self.present.moves_to(&handover.to, nodes);
        let is_there = |at: usize| nodes.get(at).is_some_and(|node| node.is_usable);
        let is_vain = !moves.iter().all(|(_, to)| is_there(*to));
        let pairs: Vec<(usize, Received)> =
            moves.into_iter().map(|(from, to)| (from, self.received_from(from, to))).collect();
        match handover.progress(now, &pairs) {
            _ if handover.retreats => self.retreat(now, nodes),
            // No proxy can write to the new node, so there is nothing to agree on.
            _ if is_vain => self.end_handover(None),
            Progress::Waiting => {}
            Progress::Done => self.agree(now, nodes),
            Progress::Failed => self.begin_retreat(now, nodes),
        }
    }

    /// Ends the handover, with the new assignment or, if it has failed, the present one.
    pub(super) fn end_handover(&mut self, to: Option<Assignment>) {
        self.news.reason = Some(if to.is_some() { Reason::Moved } else { Reason::Resumed });
        self.present = to.unwrap_or_else(|| self.present.clone());
        self.handover = None;
    }

    /// Returns true if the handover changes the writers of keys.
    pub(super) fn writers_change(&self) -> bool {
        self.handover.as_ref().is_some_and(|handover| handover.to.writers != self.present.writers)
    }

    /// Returns the part of the stream of `from` that `to` has received.
    fn received_from(&self, from: usize, to: usize) -> Received {
        if self.shape == Shape::Unlinked {
            return Received::Nothing;
        }
        let masters = self.peers.get(to).and_then(|peer| peer.reply.as_ref()).map(|reply| &reply.masters);
        let mut links = masters.into_iter().flatten();
        let direct =
            links.find(|(master, link)| link.state == LinkState::Up && self.resolved(master) == Some(from));
        direct.map_or(Received::Indirectly, |(_, link)| Received::UpTo(link.offset))
    }

    /// Begins a handover to the assignment that has been the better one for long enough.
    fn begin_planned_move(&mut self, now: Duration, nodes: &[AssignedNode]) {
        if self.handover.is_some() || self.present.home.is_none() {
            return;
        }
        let wished = self.present.wished(nodes, self.policies);
        let failback = self.active.failback;
        let allowed = |at: Option<usize>, present: Option<usize>, wish: &mut Wish| {
            if may_move_to(now, at, present, wish, nodes, failback) { at } else { present }
        };
        let next = Assignment {
            home: allowed(wished.home, self.present.home, &mut self.home_wish),
            aside: allowed(wished.aside, self.present.aside, &mut self.aside_wish),
            writers: self.agreed_writers(now, wished.writers, nodes),
        };
        if next == self.present || now < self.no_move_before {
            return;
        }
        self.handover = Some(Handover::new(next, now));
        self.news.reason = Some(Reason::Moving);
    }

    /// Returns all nodes as the assignment sees them.
    pub(super) fn assignable(&self, now: Duration) -> Vec<AssignedNode> {
        let failback = self.active.failback;
        let node = |(at, peer): (usize, &ActivePeer)| {
            let is_alias = self.alias(at).is_some();
            let steady = peer.readiness.fit_since.is_some_and(|since| now >= since + failback);
            AssignedNode {
                candidate: Candidate { at, is_local: self.is_local(peer), rtt: peer.rtt.value() },
                name: peer.run_id().map_or_else(|| peer.endpoint.to_string(), ToString::to_string),
                is_usable: peer.is_usable() && !is_alias,
                is_fit: peer.is_fit(),
                is_steady: steady,
                is_drained: peer.reply.as_ref().is_some_and(|reply| reply.is_drained),
                is_adopted: peer.run_id().is_some_and(|name| self.adopted.contains(&short_name(name))),
            }
        };
        self.peers.iter().enumerate().map(node).collect()
    }

    fn is_local(&self, peer: &ActivePeer) -> bool {
        let zone = self.active.zones.get(&peer.endpoint);
        zone.is_some() && zone == self.active.zone.as_ref()
    }
}

/// Returns true if commands may move to the wished node: it serves, and has been the better one without a break for the time of
/// `active.failback`. A node that is to be drained is left at once.
fn may_move_to(
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

//! Takes in observations: answers, hints, and lost connections.

use std::time::Duration;

use super::super::{Answer, Failure, PeerProbe};
use super::ClusterRules;
use crate::topology::Endpoint;
use crate::topology::hint::Hint;

/// The time for which an address is asked that a hint has named.
const HINTED: Duration = Duration::from_secs(2);
/// The largest number of names that are remembered because they do not resolve.
const MOST_UNRESOLVED: usize = 2048;
/// The largest number of addresses that hints may add.
const MOST_HINTED: usize = 8;

impl ClusterRules {
    pub(super) fn on_answer(
        &mut self,
        now: Duration,
        probe: &PeerProbe,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
    ) {
        let endpoint = probe.target.endpoint();
        let Some(peer) = self.peers.all.get_mut(endpoint) else { return };
        self.stale |= match outcome {
            Ok(answer) => peer.answered(now, sent, answer),
            Err(failure) => peer.missed(failure),
        };
        // A name that has resolved before may do so again.
        if *outcome == Err(Failure::Unresolved)
            && peer.node.last.is_none()
            && self.unresolved.len() < MOST_UNRESOLVED
        {
            self.stale |= self.unresolved.insert(endpoint.clone());
        }
        if peer.report.is_some() {
            self.first_report_at.get_or_insert(now);
        }
        match outcome {
            Ok(_) => self.master_answers(endpoint, sent),
            Err(_) => self.master_lost(sent, endpoint),
        }
        self.check_role(now, endpoint);
    }

    /// Asks for the whole map anew if the role of a node does not fit it: some node's view is out of date.
    fn check_role(&mut self, now: Duration, endpoint: &Endpoint) {
        if self.role_differs(endpoint) {
            self.refresh.ask(now);
            if let Some(peer) = self.peers.all.get_mut(endpoint) {
                peer.hinted_until = now + HINTED;
            }
        }
    }

    pub(super) fn on_hint(&mut self, now: Duration, hint: &Hint) {
        self.refresh.ask(now);
        if hint.reason.is_outage() {
            self.master_lost(now, &hint.endpoint);
        }
        let hinted = self.peers.all.values().filter(|peer| peer.hinted_until > now).count();
        let known = self.peers.all.contains_key(&hint.endpoint);
        if !known && hinted >= MOST_HINTED {
            return;
        }
        if let Some(peer) = self.peers.ensure(&hint.endpoint) {
            peer.hinted_until = now + HINTED;
            if !known || hint.reason.is_outage() {
                peer.map_at = now;
                peer.node.schedule.hurry(now);
            }
        }
    }

    pub(super) fn on_lost(&mut self, now: Duration, endpoint: &Endpoint) {
        self.master_lost(now, endpoint);
        self.peers.hurry(now, endpoint);
    }

    /// Notes that writes to a shard have had no node to go to since `since`, if this endpoint is its master.
    fn master_lost(&mut self, since: Duration, endpoint: &Endpoint) {
        if let Some(place) = self.place_of_master(endpoint) {
            self.lost_at.entry(place).or_insert(since);
        }
    }

    /// Forgets that the master at this endpoint was lost, if it has answered a question that was sent afterwards.
    fn master_answers(&mut self, endpoint: &Endpoint, sent: Duration) {
        let Some(place) = self.place_of_master(endpoint) else { return };
        let was_down = self.published_master_is_down(place);
        if !was_down && self.lost_at.get(&place).is_some_and(|lost| *lost < sent) {
            self.lost_at.remove(&place);
        }
    }
}

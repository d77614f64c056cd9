//! Decides how often each node is asked: steadily while nothing is wrong, fast while a node is lost or commands move.

use std::time::Duration;

use super::ActiveRules;
use super::peer::{ActivePeer, PeerContact};
use crate::topology::Endpoint;

/// The usual period of questions. It is so short that a hanging node has missed a question when the data path gives it up.
const PEACE: Duration = Duration::from_millis(100);
/// The period while a node with commands may be lost.
const TROUBLE: Duration = Duration::from_millis(5);
/// The period while commands wait for a planned move.
const MOVE: Duration = Duration::from_millis(2);
/// The period for a node that is down.
const AWAY: Duration = Duration::from_millis(200);
/// The period for a node that went down less than `JUST` ago: it may be restarting.
const JUST_LOST: Duration = Duration::from_millis(50);
const JUST: Duration = Duration::from_secs(2);
/// The period for a node that only other nodes name and that has never answered.
const STRANGER: Duration = Duration::from_secs(2);
/// The time after which trouble no longer makes questions faster.
const LONG_TROUBLE: Duration = Duration::from_secs(5);

impl ActiveRules {
    /// Returns the nodes to ask now, each with true if its clients cannot be listed.
    pub(super) fn due(&mut self, now: Duration) -> Vec<(Endpoint, bool)> {
        let paces: Vec<Duration> = self.peers.iter().map(|peer| self.pace(now, peer)).collect();
        let mut due = Vec::new();
        for (peer, pace) in self.peers.iter_mut().zip(paces) {
            peer.schedule.at_pace(pace);
            if peer.schedule.take_due(now) {
                peer.unanswered_since = Some(now);
                due.push((peer.endpoint.clone(), peer.cannot_list));
            }
        }
        due
    }

    /// Schedules the next question to a node after its answer.
    pub(super) fn reschedule(&mut self, now: Duration, endpoint: &Endpoint) {
        let Some(at) = self.place(endpoint) else { return };
        let Some(pace) = self.peers.get(at).map(|peer| self.pace(now, peer)) else { return };
        if let Some(peer) = self.peers.get_mut(at) {
            peer.schedule.answered(now, pace);
        }
    }

    pub(super) fn wake(&self, now: Duration) -> Duration {
        let questions = self.peers.iter().filter_map(|peer| peer.schedule.wake());
        let waiting = match (self.handover.is_some(), self.trouble(now)) {
            (true, _) => MOVE,
            (false, true) => TROUBLE,
            (false, false) => PEACE,
        };
        questions.chain([now + waiting]).min().unwrap_or(now + PEACE).max(now)
    }

    fn pace(&self, now: Duration, peer: &ActivePeer) -> Duration {
        match peer.contact {
            PeerContact::Down { .. } if !peer.is_configured && peer.reply.is_none() => STRANGER,
            PeerContact::Down { since, .. } if now < since + JUST => JUST_LOST,
            PeerContact::Down { .. } => AWAY,
            PeerContact::Unasked | PeerContact::Answers | PeerContact::Silent { .. }
                if self.handover.is_some() =>
            {
                MOVE
            }
            PeerContact::Unasked | PeerContact::Answers | PeerContact::Silent { .. } => {
                match self.trouble(now) {
                    true => TROUBLE,
                    false => PEACE,
                }
            }
        }
    }

    /// Returns true if a node that commands go to may have been lost a short time ago.
    fn trouble(&self, now: Duration) -> bool {
        self.peers.iter().enumerate().any(|(at, peer)| {
            let doubted = peer.doubted_since.is_some_and(|since| now < since + LONG_TROUBLE);
            doubted && self.present.has(at)
        })
    }
}

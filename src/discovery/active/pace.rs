//! How often each node is asked: steadily in peace, fast while something is lost or on the move.

use std::time::Duration;

use super::ActiveRules;
use super::peer::{ActivePeer, PeerContact};
use crate::topology::Endpoint;

/// In peace. A node that hangs must have missed a question when the data path gives it up.
const PEACE: Duration = Duration::from_millis(100);
/// While a node is doubted, or takes over.
const TROUBLE: Duration = Duration::from_millis(5);
/// While commands wait for a planned move.
const MOVE: Duration = Duration::from_millis(2);
/// One that is not there.
const AWAY: Duration = Duration::from_millis(200);
/// One that was lost a moment ago may be a restart.
const JUST_LOST: Duration = Duration::from_millis(50);
const JUST: Duration = Duration::from_secs(2);
/// One that only others speak of, and that has never answered.
const STRANGER: Duration = Duration::from_secs(2);
/// Trouble that lasts is waited out at a slower pace.
const LONG_TROUBLE: Duration = Duration::from_secs(5);

impl ActiveRules {
    /// Whom to ask now, and whether it cannot tell what other proxies say.
    pub(super) fn due(&mut self, now: Duration) -> Vec<(Endpoint, bool)> {
        let paces: Vec<Duration> = self.peers.iter().map(|peer| self.pace(now, peer)).collect();
        let mut due = Vec::new();
        for (peer, pace) in self.peers.iter_mut().zip(paces) {
            peer.schedule.at_pace(pace);
            if peer.schedule.take_due(now) {
                peer.open = Some(now);
                due.push((peer.endpoint.clone(), peer.is_mute));
            }
        }
        due
    }

    /// After an answer: when this one is asked again.
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
            PeerContact::Down { .. } if !peer.is_configured && peer.said.is_none() => STRANGER,
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

    /// A node that has work cannot do it, and not for long.
    fn trouble(&self, now: Duration) -> bool {
        self.peers.iter().enumerate().any(|(at, peer)| {
            let doubted = peer.doubted.is_some_and(|since| now < since + LONG_TROUBLE);
            doubted && self.present.has(at)
        })
    }
}

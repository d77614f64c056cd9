//! One endpoint that is asked: the contact with the node there, its last reply, and the readiness of its process.

use std::sync::Arc;
use std::time::Duration;

use super::super::lag::LagTracker;
use super::super::node_reply::{NodeReply, NodeRole, Service as Serves};
use super::super::schedule::Schedule;
use super::super::{Answer, Failure};
use super::replies::{ActiveReply, WriteService};
use super::smoothed_rtt::SmoothedRtt;
use crate::topology::Endpoint;

/// The time that a node may be silent if the data path has waited for it in vain: it only has to show that it is there.
const SUSPECTED: Duration = Duration::from_millis(20);

/// One endpoint, and the node there.
#[derive(Debug)]
pub(super) struct ActivePeer {
    pub(super) endpoint: Endpoint,
    /// True if the config names the endpoint.
    pub(super) is_configured: bool,
    pub(super) schedule: Schedule,
    pub(super) contact: PeerContact,
    /// The last answer, kept while the node is silent.
    pub(super) reply: Option<ActiveReply>,
    /// True if the node has too many clients to list them.
    pub(super) cannot_list: bool,
    /// The time at which the question was sent that `reply` answers.
    pub(super) asked_at: Duration,
    pub(super) rtt: SmoothedRtt,
    pub(super) readiness: ProcessReadiness,
    /// The time at which a connection was lost, if the node has not answered a later question.
    pub(super) doubted_since: Option<Duration>,
    /// True if the data path has given up a connection to the node because of silence.
    pub(super) is_suspected: bool,
    /// The time at which the question was sent that is not answered yet.
    pub(super) unanswered_since: Option<Duration>,
    /// The time from which silence counts: the proxy itself stood still before.
    pub(super) silence_counts_from: Duration,
    /// The offsets of the node's own replication stream.
    pub(super) stream: LagTracker,
}

/// The contact with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerContact {
    Unasked,
    Answers,
    /// The node has not answered a question that was sent at `since`.
    Silent {
        since: Duration,
    },
    Down {
        since: Duration,
        loss: PeerLoss,
    },
}

/// The way in which a node was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerLoss {
    /// Nobody listens there, or connections are closed at once: the process is gone.
    Gone,
    /// The node does not answer. Commands that it was sent may still run when it goes on.
    Hung,
}

/// The readiness of the process at an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProcessReadiness {
    /// The time since which the process has been fit without a break.
    pub(super) fit_since: Option<Duration>,
    /// True if the process was ready once. It stays so without links, unless it is isolated for too long.
    pub(super) is_proven: bool,
    /// The time since which the proven process has had no link to the others, while these are linked.
    pub(super) isolated_since: Option<Duration>,
}

impl ActivePeer {
    pub(super) fn new(endpoint: &Endpoint, is_configured: bool) -> Self {
        ActivePeer {
            endpoint: endpoint.clone(),
            is_configured,
            schedule: Schedule::default(),
            contact: PeerContact::Unasked,
            reply: None,
            asked_at: Duration::ZERO,
            rtt: SmoothedRtt::default(),
            readiness: ProcessReadiness::default(),
            doubted_since: None,
            is_suspected: false,
            cannot_list: false,
            unanswered_since: None,
            silence_counts_from: Duration::ZERO,
            stream: LagTracker::default(),
        }
    }

    pub(super) fn answers(&self) -> bool {
        match self.contact {
            PeerContact::Answers | PeerContact::Silent { .. } => self.reply.is_some(),
            PeerContact::Unasked | PeerContact::Down { .. } => false,
        }
    }

    pub(super) fn is_down(&self) -> bool {
        match self.contact {
            PeerContact::Down { .. } => true,
            PeerContact::Unasked | PeerContact::Answers | PeerContact::Silent { .. } => false,
        }
    }

    pub(super) fn run_id(&self) -> Option<&Arc<str>> {
        self.reply.as_ref()?.run_id.as_ref()
    }

    pub(super) fn answered(&mut self, now: Duration, sent: Duration, answer: &Answer, reply: ActiveReply) {
        let is_other =
            self.run_id().is_some() && reply.run_id.is_some() && self.run_id() != reply.run_id.as_ref();
        if is_other {
            self.readiness = ProcessReadiness::default();
        }
        self.doubted_since = self.doubted_since.filter(|since| *since > sent);
        (self.is_suspected, self.unanswered_since) = (false, None);
        self.rtt.add(answer.rtt);
        self.contact = PeerContact::Answers;
        self.stream.answered(now, sent, answer.rtt, &as_master(&reply));
        (self.reply, self.asked_at) = (Some(reply), sent);
    }

    /// Takes in the failure of a question that was sent at `sent`. `patience` is the time that the node may be silent.
    pub(super) fn missed(&mut self, now: Duration, sent: Duration, failure: &Failure, patience: Duration) {
        self.stream.missed();
        self.unanswered_since = None;
        match failure {
            Failure::Refused => self.lost(now, PeerLoss::Gone),
            // The connection was accepted and closed at once. Once may be chance.
            Failure::Closed => match self.contact {
                PeerContact::Silent { .. } => self.lost(now, PeerLoss::Gone),
                PeerContact::Unasked | PeerContact::Answers => {
                    self.contact = PeerContact::Silent { since: sent }
                }
                PeerContact::Down { .. } => {}
            },
            Failure::TimedOut | Failure::Unreachable | Failure::Unresolved => {
                if matches!(self.contact, PeerContact::Unasked | PeerContact::Answers) {
                    self.contact = PeerContact::Silent { since: sent };
                }
                self.check_silence(now, patience);
            }
            Failure::Denied(code) => self.refuses(sent, code),
            Failure::Malformed => self.refuses(sent, "no RESP"),
        }
    }

    /// Gives the node up once it has been silent for too long, to discovery or to the data path.
    pub(super) fn check_silence(&mut self, now: Duration, patience: Duration) {
        let silent = match self.contact {
            PeerContact::Silent { since } => Some(since),
            PeerContact::Unasked | PeerContact::Answers | PeerContact::Down { .. } => None,
        };
        let patience = if self.is_suspected { SUSPECTED.min(patience) } else { patience };
        if silent
            .or(self.unanswered_since)
            .is_some_and(|since| now >= since.max(self.silence_counts_from) + patience)
        {
            self.lost(now, PeerLoss::Hung);
        }
    }

    pub(super) fn lost(&mut self, now: Duration, loss: PeerLoss) {
        let since = match self.contact {
            PeerContact::Silent { since } => since,
            PeerContact::Unasked | PeerContact::Answers | PeerContact::Down { .. } => now,
        };
        self.doubted_since.get_or_insert(self.unanswered_since.map_or(since, |open| open.min(since)));
        self.is_suspected = false;
        if !self.is_down() {
            self.contact = PeerContact::Down { since: now, loss };
        }
        self.readiness.fit_since = None;
        self.rtt = SmoothedRtt::default();
    }

    /// Notes that the node is there but does not let the proxy in, so that it tells nothing about itself.
    fn refuses(&mut self, sent: Duration, why: &str) {
        self.contact = PeerContact::Answers;
        let silent = ActiveReply { service: WriteService::Refuses(why.to_owned()), ..ActiveReply::nothing() };
        let run_id = self.run_id().cloned();
        (self.reply, self.asked_at) = (Some(ActiveReply { run_id, ..silent }), sent);
    }
}

/// Returns the reply of a node as that of a master: it is one to the nodes that pull from it.
fn as_master(reply: &ActiveReply) -> NodeReply {
    NodeReply {
        role: NodeRole::Master { offset: reply.offset, replicas: reply.replicas.len() },
        service: Serves::Ready,
        run_id: reply.run_id.as_deref().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const PATIENCE: Duration = Duration::from_secs(2);

    fn peer() -> ActivePeer {
        ActivePeer::new(&Endpoint::new("a", 1), true)
    }

    fn answer(peer: &mut ActivePeer, at: u32, run_id: &str) {
        let reply = ActiveReply { run_id: Some(run_id.into()), ..ActiveReply::nothing() };
        let answer = Answer { values: Vec::new(), rtt: MS };
        peer.answered(MS * at, MS * at - MS, &answer, reply);
    }

    #[test]
    fn a_closed_door_is_down_at_once_and_silence_after_its_time() {
        let timed_out = Failure::TimedOut;
        // The time of the failure, the time of the question, and the failure.
        type Miss = (u32, u32, Failure);
        let cases: [(&[Miss], Option<PeerLoss>); 6] = [
            (&[(110, 100, Failure::Refused)], Some(PeerLoss::Gone)),
            (&[(110, 100, Failure::Closed)], None),
            (&[(110, 100, Failure::Closed), (120, 111, Failure::Closed)], Some(PeerLoss::Gone)),
            (&[(600, 100, timed_out.clone())], None),
            (&[(600, 100, timed_out.clone()), (1200, 700, timed_out.clone())], None),
            (&[(600, 100, timed_out.clone()), (2100, 1600, timed_out)], Some(PeerLoss::Hung)),
        ];
        for (misses, expected) in cases {
            let mut peer = peer();
            answer(&mut peer, 50, "x");
            for (now, sent, failure) in misses {
                peer.missed(MS * *now, MS * *sent, failure, PATIENCE);
            }
            peer.unanswered_since = None;
            let lost = match peer.contact {
                PeerContact::Down { loss, .. } => Some(loss),
                PeerContact::Unasked | PeerContact::Answers | PeerContact::Silent { .. } => None,
            };
            assert_eq!(lost, expected, "{misses:?}");
            assert_eq!(peer.answers(), expected.is_none());
        }
    }

    #[test]
    fn another_process_has_nothing_to_show() {
        let mut peer = peer();
        answer(&mut peer, 50, "x");
        peer.readiness.is_proven = true;
        answer(&mut peer, 100, "x");
        assert!(peer.readiness.is_proven);
        peer.lost(MS * 150, PeerLoss::Gone);
        assert!(peer.readiness.is_proven, "it may be cut off only");
        answer(&mut peer, 200, "y");
        assert!(!peer.readiness.is_proven);
    }
}

//! One address that is asked: whether it answers, what it said last, and how long the process there has been fit.

use std::sync::Arc;
use std::time::Duration;

use super::super::lag::LagTracker;
use super::super::node_reply::{NodeReply, NodeRole, Service as Serves};
use super::super::schedule::Schedule;
use super::super::{Answer, Failure};
use super::replies::{ActiveReply, WriteService};
use super::trip::Trip;
use crate::topology::Endpoint;

/// One that the data path has waited for in vain only has to prove that it is there.
const SUSPECTED: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct ActivePeer {
    pub(super) endpoint: Endpoint,
    /// It stands in the config, so it is never forgotten.
    pub(super) is_configured: bool,
    pub(super) schedule: Schedule,
    pub(super) contact: PeerContact,
    /// The last answer, kept while the node is silent.
    pub(super) said: Option<ActiveReply>,
    /// It has too many clients to list them.
    pub(super) is_mute: bool,
    /// When the question was sent that `said` answers.
    pub(super) asked: Duration,
    pub(super) trip: Trip,
    pub(super) standing: ProcessStanding,
    /// Something was lost there at that time, and nothing has been heard since.
    pub(super) doubted: Option<Duration>,
    /// The data path has given up a connection to it because of silence.
    pub(super) is_suspected: bool,
    /// When the question was sent that is not answered yet.
    pub(super) open: Option<Duration>,
    /// The proxy itself stood still until then: what was not heard before is no silence.
    pub(super) awake: Duration,
    /// Where its own replication stream was, and when.
    pub(super) stream: LagTracker,
}

/// Whether it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerContact {
    Unasked,
    Answers,
    /// It has not answered a question that was sent then.
    Silent {
        since: Duration,
    },
    Down {
        since: Duration,
        loss: PeerLoss,
    },
}

/// How it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerLoss {
    /// Nobody listens there, or it does not keep a connection: the process is gone.
    Gone,
    /// It says nothing. What it was sent may still run when it wakes.
    Hung,
}

/// What is known of the process at the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProcessStanding {
    /// Fit without a break since then.
    pub(super) fit_since: Option<Duration>,
    /// It was ready once. It stays so, whatever its links are, until another process takes its place.
    pub(super) is_proven: bool,
    /// Proven, and left alone by nodes that are linked with each other, since then.
    pub(super) isolated_since: Option<Duration>,
}

impl ActivePeer {
    pub(super) fn new(endpoint: &Endpoint, is_configured: bool) -> Self {
        ActivePeer {
            endpoint: endpoint.clone(),
            is_configured,
            schedule: Schedule::default(),
            contact: PeerContact::Unasked,
            said: None,
            asked: Duration::ZERO,
            trip: Trip::default(),
            standing: ProcessStanding::default(),
            doubted: None,
            is_suspected: false,
            is_mute: false,
            open: None,
            awake: Duration::ZERO,
            stream: LagTracker::default(),
        }
    }

    pub(super) fn answers(&self) -> bool {
        match self.contact {
            PeerContact::Answers | PeerContact::Silent { .. } => self.said.is_some(),
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
        self.said.as_ref()?.run_id.as_ref()
    }

    pub(super) fn answered(&mut self, now: Duration, sent: Duration, answer: &Answer, said: ActiveReply) {
        let is_other =
            self.run_id().is_some() && said.run_id.is_some() && self.run_id() != said.run_id.as_ref();
        if is_other {
            self.standing = ProcessStanding::default();
        }
        self.doubted = self.doubted.filter(|since| *since > sent);
        (self.is_suspected, self.open) = (false, None);
        self.trip.sampled(answer.rtt);
        self.contact = PeerContact::Answers;
        self.stream.answered(now, sent, answer.rtt, &as_master(&said));
        (self.said, self.asked) = (Some(said), sent);
    }

    /// It did not answer what was sent then. `patience`: how long it may be silent.
    pub(super) fn missed(&mut self, now: Duration, sent: Duration, failure: &Failure, patience: Duration) {
        self.stream.missed();
        self.open = None;
        match failure {
            Failure::Refused => self.lost(now, PeerLoss::Gone),
            // A connection that is taken and closed at once: once may be chance.
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
                self.tire(now, patience);
            }
            Failure::Denied(code) => self.refuses(sent, code),
            Failure::Malformed => self.refuses(sent, "no RESP"),
        }
    }

    /// Returns it up once it has been silent for too long, to us or to the data path.
    pub(super) fn tire(&mut self, now: Duration, patience: Duration) {
        let silent = match self.contact {
            PeerContact::Silent { since } => Some(since),
            PeerContact::Unasked | PeerContact::Answers | PeerContact::Down { .. } => None,
        };
        let patience = if self.is_suspected { SUSPECTED.min(patience) } else { patience };
        if silent.or(self.open).is_some_and(|since| now >= since.max(self.awake) + patience) {
            self.lost(now, PeerLoss::Hung);
        }
    }

    pub(super) fn lost(&mut self, now: Duration, loss: PeerLoss) {
        let since = match self.contact {
            PeerContact::Silent { since } => since,
            PeerContact::Unasked | PeerContact::Answers | PeerContact::Down { .. } => now,
        };
        self.doubted.get_or_insert(self.open.map_or(since, |open| open.min(since)));
        self.is_suspected = false;
        if !self.is_down() {
            self.contact = PeerContact::Down { since: now, loss };
        }
        self.standing.fit_since = None;
        self.trip = Trip::default();
    }

    /// It is there, and lets nobody in: as good as nothing said.
    fn refuses(&mut self, sent: Duration, why: &str) {
        self.contact = PeerContact::Answers;
        let silent = ActiveReply { service: WriteService::Refuses(why.to_owned()), ..ActiveReply::nothing() };
        let run_id = self.run_id().cloned();
        (self.said, self.asked) = (Some(ActiveReply { run_id, ..silent }), sent);
    }
}

/// Every active node is a master to those that pull from it.
fn as_master(said: &ActiveReply) -> NodeReply {
    NodeReply {
        role: NodeRole::Master { offset: said.offset, replicas: said.replicas.len() },
        service: Serves::Ready,
        run_id: said.run_id.as_deref().map(str::to_owned),
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
        let said = ActiveReply { run_id: Some(run_id.into()), ..ActiveReply::nothing() };
        let answer = Answer { values: Vec::new(), rtt: MS };
        peer.answered(MS * at, MS * at - MS, &answer, said);
    }

    #[test]
    fn a_closed_door_is_down_at_once_and_silence_after_its_time() {
        let timed_out = Failure::TimedOut;
        // When it was known, when it was sent, and how it failed.
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
            peer.open = None;
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
        peer.standing.is_proven = true;
        answer(&mut peer, 100, "x");
        assert!(peer.standing.is_proven);
        peer.lost(MS * 150, PeerLoss::Gone);
        assert!(peer.standing.is_proven, "it may be cut off only");
        answer(&mut peer, 200, "y");
        assert!(!peer.standing.is_proven);
    }
}

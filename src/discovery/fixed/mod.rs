//! One node, which may be any RESP server: it is the master at once and for ever. Probes find its state and round trip, and from
//! time to time its kind: a sentinel, or a cluster node that has not all slots, cannot serve here.

mod identity;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::topology::fault::Fault;
use crate::topology::hint::HintReason;
use crate::topology::{ConfigEpoch, Endpoint, Node, NodeState, Role, SLOTS, Shard, View};

use self::identity::{IdentityStatus, NodeIdentity};
use super::diagnose::{Evidence, Expected, asks_clients, contact};
use super::peer::Contact;
use super::{Answer, Ask, Change, Discovery, Failure, Observation, PeerKind, PeerProbe, Question, Reason};

/// The period of PING while the node answers.
const PERIOD: Duration = Duration::from_millis(200);
/// The period of PING while it does not.
const PERIOD_DOWN: Duration = Duration::from_millis(50);

/// The rules for one fixed node.
pub(super) struct FixedRules {
    node: Endpoint,
    expected: Expected,
    state: NodeState,
    rtt: Option<Duration>,
    contact: Contact,
    /// The time at which the node stopped answering.
    lost_at: Option<Duration>,
    /// The time of the next PING.
    next: Duration,
    /// True while a question is not answered.
    asked: bool,
    published: bool,
    /// The node asks for a password, which clients bring.
    asks_password: bool,
    identity: NodeIdentity,
    /// The state by the last answer to PING if it was an error. It counts more than the identity.
    ping_state: Option<NodeState>,
}

impl FixedRules {
    pub(super) fn new(node: Endpoint, expected: Expected) -> Self {
        FixedRules {
            node,
            expected,
            state: NodeState::Unproven,
            rtt: None,
            contact: Contact::Unasked,
            lost_at: None,
            next: Duration::ZERO,
            asked: false,
            published: false,
            asks_password: false,
            identity: NodeIdentity::default(),
            ping_state: None,
        }
    }

    fn view(&self) -> View {
        let (slots, nodes) = (vec![(0, SLOTS - 1)], vec![self.node()]);
        let shard = Shard { slots, master: Some(0), nodes, epoch: ConfigEpoch::default() };
        View { shards: vec![shard], asks_password: self.asks_password }
    }

    fn node(&self) -> Node {
        Node {
            endpoint: self.node.clone(),
            role: Role::Master,
            state: self.state,
            run_id: None,
            rtt: self.rtt,
            lag: None,
        }
    }

    fn answers(&self) -> bool {
        self.contact == Contact::Answers
    }

    fn due(&mut self, now: Duration) -> Option<Question> {
        if self.asked {
            return None;
        }
        let identity = if self.answers() { self.identity.due(now) } else { None };
        identity.or((now >= self.next).then_some(Question::Ping))
    }

    fn pinged(&mut self, now: Duration, question: &Question, outcome: &Result<Answer, Failure>) {
        match outcome {
            Ok(answer) => {
                if !self.answers() {
                    self.identity.ask_now(now);
                }
                self.contact = Contact::Answers;
                self.rtt = Some(answer.rtt);
                self.ping_state = match contact(self.expected, question, outcome) {
                    Evidence::Fault(Fault::Loading) => Some(NodeState::Loading),
                    Evidence::Fault(fault) if !fault.is_warning() => Some(NodeState::Unproven),
                    Evidence::Fault(_) | Evidence::Well | Evidence::Nothing => None,
                };
                self.asks_password = asks_clients(self.expected, answer);
                self.state = self.answering();
            }
            Err(failure) => self.missed(now, failure),
        }
        self.next = now + if self.contact.is_silent() { PERIOD_DOWN } else { PERIOD };
    }

    fn missed(&mut self, now: Duration, failure: &Failure) {
        self.contact.missed(failure);
        self.lost_at.get_or_insert(now);
        self.state = self.contact.down_state().unwrap_or(self.state);
    }

    /// Returns the state of the node while it answers.
    fn answering(&self) -> NodeState {
        let kind = match self.identity.status {
            IdentityStatus::Serves => NodeState::Up,
            IdentityStatus::Unknown | IdentityStatus::Useless => NodeState::Unproven,
        };
        self.ping_state.unwrap_or(kind)
    }

    fn identified(&mut self, now: Duration, question: &Question, outcome: &Result<Answer, Failure>) {
        self.identity.update(now, self.expected, question, outcome);
        if let Err(failure @ (Failure::Refused | Failure::TimedOut)) = outcome {
            self.missed(now, failure);
        }
        if !self.state.answers_nothing() {
            self.state = self.answering();
        }
    }

    fn hinted(&mut self, now: Duration, reason: HintReason) {
        self.next = now;
        match reason {
            HintReason::ReadOnly | HintReason::MasterDown | HintReason::Moved | HintReason::WrongIdentity => {
                self.identity.ask_soon(now);
            }
            HintReason::ConnectionLost
            | HintReason::ConnectRefused
            | HintReason::TimedOut
            | HintReason::Loading
            | HintReason::ClusterDown => {}
        }
    }
}

impl Discovery for FixedRules {
    fn poll(&mut self, now: Duration) -> Ask {
        let question = self.due(now);
        self.asked |= question.is_some();
        let probe = |question| PeerProbe { target: PeerKind::Node(self.node.clone()), question };
        let next = if self.answers() { self.next.min(self.identity.at) } else { self.next };
        let wake = if self.asked { now + PERIOD } else { next };
        Ask { probes: question.map(probe).into_iter().collect(), subscriptions: Vec::new(), wake }
    }

    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change> {
        let before = (self.state, self.asks_password);
        match observation {
            Observation::Answer { probe, outcome, .. } => {
                self.asked = false;
                match probe.question {
                    Question::Identity { .. } => self.identified(now, &probe.question, &outcome),
                    Question::Ping
                    | Question::Node
                    | Question::Group(_)
                    | Question::GroupAndIdentity(_)
                    | Question::Members(_)
                    | Question::Map
                    | Question::MapAndNames
                    | Question::Active { .. } => self.pinged(now, &probe.question, &outcome),
                }
            }
            Observation::Hint(hint) => self.hinted(now, hint.reason),
            Observation::Lost { .. } => {
                self.next = now;
                self.identity.ask_soon(now);
            }
            Observation::Tick
            | Observation::Message { .. }
            | Observation::Subscribed { .. }
            | Observation::Drained => {}
        }
        if self.published && before == (self.state, self.asks_password) {
            return None;
        }
        let lost_at = if self.state == NodeState::Up { self.lost_at.take() } else { self.lost_at };
        let reason = if self.published { Reason::Refreshed } else { Reason::Found };
        self.published = true;
        Some(Change { view: self.view(), reason, lost_at, may_lower_epoch: false })
    }

    fn nodes(&self) -> Vec<Node> {
        vec![self.node()]
    }
}

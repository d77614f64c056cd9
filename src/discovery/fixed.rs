//! One node, any RESP server: it is the master at once and for ever. Probes tell its state and round trip, and now and
//! then what kind of server it is: a sentinel and a node that shares its slots with others serve nobody here.

use std::time::Duration;

use super::diagnose::{Expected, Tells, identity};
use super::said::mode;
use super::{
    Answer, Ask, Change, Discovery, Failure, HintReason, Observation, Probe, Question, Reason, Target,
};
use crate::topology::health::NodeHealth;
use crate::topology::{ConfigEpoch, Endpoint, Node, NodeState, Role, SLOTS, Shard, View};

const PERIOD: Duration = Duration::from_millis(200);
const PERIOD_DOWN: Duration = Duration::from_millis(50);
/// How often it is asked what it is: in peace, when something is wrong, and when it does not tell.
const IDENTITY: Duration = Duration::from_secs(5);
const IDENTITY_WRONG: Duration = Duration::from_secs(1);
const IDENTITY_UNTOLD: Duration = Duration::from_secs(60);
/// This many timeouts in a row are a node that is down; a refused connection is at once.
const MISSES: u32 = 3;

pub(super) struct Fixed {
    node: Endpoint,
    state: NodeState,
    rtt: Option<Duration>,
    misses: u32,
    lost_at: Option<Duration>,
    next: Duration,
    asked: bool,
    published: bool,
    standing: Standing,
    /// When it is asked next what it is, and when it was asked last.
    identity_at: Duration,
    identified_at: Option<Duration>,
    /// It says that it is of a cluster.
    is_clustered: bool,
}

/// What kind of server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Unknown,
    Serves,
    /// No command can be served there, whoever sends it.
    Useless,
}

impl Fixed {
    pub(super) fn new(node: Endpoint) -> Self {
        Fixed {
            node,
            state: NodeState::Unproven,
            rtt: None,
            misses: 0,
            lost_at: None,
            next: Duration::ZERO,
            asked: false,
            published: false,
            standing: Standing::Unknown,
            identity_at: Duration::ZERO,
            identified_at: None,
            is_clustered: false,
        }
    }

    fn view(&self) -> View {
        let node = Node {
            endpoint: self.node.clone(),
            role: Role::Master,
            state: self.state,
            run_id: None,
            rtt: self.rtt,
            lag: None,
        };
        let slots = vec![(0, SLOTS - 1)];
        View {
            shards: vec![Shard { slots, master: Some(0), nodes: vec![node], epoch: ConfigEpoch::default() }],
        }
    }

    fn answers(&self) -> bool {
        self.rtt.is_some() && self.misses == 0
    }

    fn due(&mut self, now: Duration) -> Option<Question> {
        match () {
            () if self.asked => None,
            () if self.answers() && now >= self.identity_at => {
                self.identified_at = Some(now);
                Some(Question::Identity { cluster: self.is_clustered })
            }
            () if now >= self.next => Some(Question::Ping),
            () => None,
        }
    }

    fn pinged(&mut self, now: Duration, outcome: Result<Answer, Failure>) {
        match outcome {
            Ok(answer) => {
                if !self.answers() {
                    self.identity_at = now;
                }
                self.misses = 0;
                self.rtt = Some(answer.rtt);
                let loading = answer.values.first().and_then(|value| value.error_code()) == Some("LOADING");
                self.state = if loading { NodeState::Loading } else { self.state_by_standing() };
            }
            Err(failure) => self.missed(now, &failure),
        }
        let down = self.misses > 0;
        self.next = now + if down { PERIOD_DOWN } else { PERIOD };
    }

    fn missed(&mut self, now: Duration, failure: &Failure) {
        self.misses += 1;
        self.lost_at.get_or_insert(now);
        if *failure == Failure::Refused || self.misses >= MISSES {
            self.state = NodeState::Down;
        }
    }

    fn state_by_standing(&self) -> NodeState {
        match self.standing {
            Standing::Serves => NodeState::Up,
            Standing::Unknown | Standing::Useless => NodeState::Unproven,
        }
    }

    /// One that does not say what it is, or closes the connection at such a question, is taken to serve.
    fn identified(&mut self, now: Duration, question: &Question, outcome: Result<Answer, Failure>) {
        let (standing, pause) = match outcome {
            Err(failure @ (Failure::Refused | Failure::TimedOut)) => {
                self.missed(now, &failure);
                (self.standing, IDENTITY_UNTOLD)
            }
            Err(_) => (Standing::Serves, IDENTITY_UNTOLD),
            Ok(answer) => self.told(question, &answer),
        };
        self.identity_at = now + pause;
        self.standing = match standing {
            // Its answer to the first PING has shown that it is there.
            Standing::Unknown if pause == IDENTITY_UNTOLD => Standing::Serves,
            other => other,
        };
        if matches!(self.state, NodeState::Up | NodeState::Unproven) {
            self.state = self.state_by_standing();
        }
    }

    fn told(&mut self, question: &Question, answer: &Answer) -> (Standing, Duration) {
        let server = answer.values.first();
        self.is_clustered = server.and_then(mode) == Some("cluster");
        let does_tell = answer.values.iter().any(|value| value.text().is_some());
        match identity(Expected::Any { asks_clients: true }, question, &answer.values) {
            Tells::Nothing => (self.standing, Duration::ZERO),
            Tells::Well if does_tell => (Standing::Serves, IDENTITY),
            Tells::Well => (Standing::Serves, IDENTITY_UNTOLD),
            Tells::Fault(fault) if fault.is_warning() => (Standing::Serves, IDENTITY_WRONG),
            Tells::Fault(_) => (Standing::Useless, IDENTITY_WRONG),
        }
    }

    /// It may be another process, or another role of the same. However often that is said, it is not asked more often
    /// than when something is wrong.
    fn doubt(&mut self, now: Duration) {
        let earliest = self.identified_at.map_or(now, |last| now.max(last + IDENTITY_WRONG));
        self.identity_at = self.identity_at.min(earliest);
    }

    fn hinted(&mut self, now: Duration, reason: HintReason) {
        self.next = now;
        match reason {
            HintReason::ReadOnly | HintReason::MasterDown | HintReason::Moved | HintReason::WrongIdentity => {
                self.doubt(now);
            }
            HintReason::ConnectionLost
            | HintReason::ConnectRefused
            | HintReason::TimedOut
            | HintReason::Loading
            | HintReason::ClusterDown => {}
        }
    }
}

impl Discovery for Fixed {
    fn poll(&mut self, now: Duration) -> Ask {
        let question = self.due(now);
        self.asked |= question.is_some();
        let probe = |question| Probe { target: Target::Node(self.node.clone()), question };
        let next = if self.answers() { self.next.min(self.identity_at) } else { self.next };
        let wake = if self.asked { now + PERIOD } else { next };
        Ask { probes: question.map(probe).into_iter().collect(), watches: Vec::new(), wake }
    }

    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change> {
        let before = self.state;
        match observation {
            Observation::Answer { probe, outcome, .. } => {
                self.asked = false;
                match probe.question {
                    Question::Identity { .. } => self.identified(now, &probe.question, outcome),
                    Question::Ping
                    | Question::Node
                    | Question::Group(_)
                    | Question::Stranger(_)
                    | Question::Members(_)
                    | Question::Map
                    | Question::MapAndNames
                    | Question::Active { .. } => self.pinged(now, outcome),
                }
            }
            Observation::Hint(hint) => self.hinted(now, hint.reason),
            Observation::Lost { .. } => {
                self.next = now;
                self.doubt(now);
            }
            Observation::Tick
            | Observation::Message { .. }
            | Observation::Watching { .. }
            | Observation::Drained => {}
        }
        if self.published && before == self.state {
            return None;
        }
        let lost_at = if self.state == NodeState::Up { self.lost_at.take() } else { self.lost_at };
        let reason = if self.published { Reason::Refreshed } else { Reason::Found };
        self.published = true;
        Some(Change { view: self.view(), reason, lost_at, may_lower_epoch: false })
    }

    fn health(&self) -> Vec<NodeHealth> {
        let endpoint = self.node.clone();
        vec![NodeHealth { endpoint, role: Role::Master, state: self.state, rtt: self.rtt, lag: None }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::value::Value;

    const MS: Duration = Duration::from_millis(1);

    fn fixed() -> Fixed {
        let mut fixed = Fixed::new(Endpoint::new("a", 1));
        fixed.observe(Duration::ZERO, Observation::Tick);
        fixed
    }

    fn reply(values: Vec<Value>) -> Result<Answer, Failure> {
        Ok(Answer { values, rtt: MS })
    }

    fn text(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    fn pong() -> Result<Answer, Failure> {
        reply(vec![text("PONG")])
    }

    fn server(mode: &str, role: &str) -> Result<Answer, Failure> {
        reply(vec![text(&format!("redis_mode:{mode}\r\n")), text(&format!("role:{role}\r\n"))])
    }

    /// What is asked at this moment.
    fn asks(fixed: &mut Fixed, now: Duration) -> Option<Question> {
        fixed.poll(now).probes.pop().map(|probe| probe.question)
    }

    fn answer(
        fixed: &mut Fixed,
        now: Duration,
        question: Question,
        outcome: Result<Answer, Failure>,
    ) -> Option<Change> {
        let probe = Probe { target: Target::Node(Endpoint::new("a", 1)), question };
        fixed.observe(now, Observation::Answer { probe, sent: now, outcome })
    }

    /// It answers PING, and what it is.
    fn identified(outcome: Result<Answer, Failure>) -> Fixed {
        let mut fixed = fixed();
        assert_eq!(asks(&mut fixed, MS), Some(Question::Ping));
        answer(&mut fixed, MS, Question::Ping, pong());
        assert_eq!(fixed.state, NodeState::Unproven, "not before it is known what it is");
        let question = asks(&mut fixed, MS).unwrap();
        assert_eq!(question, Question::Identity { cluster: false });
        answer(&mut fixed, MS, question, outcome);
        fixed
    }

    #[test]
    fn is_the_master_before_anything_has_answered() {
        let mut fixed = Fixed::new(Endpoint::new("a", 1));
        let change = fixed.observe(Duration::ZERO, Observation::Tick).unwrap();
        let shard = &change.view.shards[0];
        assert_eq!((shard.slots.as_slice(), shard.master), (&[(0, 16383)][..], Some(0)));
        assert_eq!((shard.nodes[0].state, shard.nodes[0].run_id.clone()), (NodeState::Unproven, None));
        assert_eq!(fixed.observe(MS, Observation::Tick), None);
    }

    #[test]
    fn state_follows_the_probes_and_the_master_stays() {
        let mut fixed = identified(server("standalone", "master"));
        let loading = || reply(vec![Value::Error("LOADING busy".into())]);
        let timed_out = || Err(Failure::TimedOut);
        let cases = [
            (pong(), None),
            (pong(), None),
            (timed_out(), None),
            (timed_out(), None),
            (timed_out(), Some(NodeState::Down)),
            (loading(), Some(NodeState::Loading)),
            (pong(), Some(NodeState::Up)),
            (Err(Failure::Refused), Some(NodeState::Down)),
        ];
        for (step, (outcome, expected)) in cases.into_iter().enumerate() {
            let now = MS * (step as u32 + 2);
            let change = answer(&mut fixed, now, Question::Ping, outcome);
            let state = change.map(|change| {
                assert_eq!(change.view.shards[0].master, Some(0));
                change.view.shards[0].nodes[0].state
            });
            assert_eq!(state, expected, "step {step}");
        }
    }

    #[test]
    fn what_cannot_serve_is_not_up_and_what_does_not_tell_is() {
        let unknown = || Value::Error("ERR unknown command".into());
        // When it is asked again.
        for (outcome, state, again) in [
            (server("standalone", "master"), NodeState::Up, IDENTITY),
            (server("standalone", "slave"), NodeState::Up, IDENTITY_WRONG),
            (server("sentinel", "master"), NodeState::Unproven, IDENTITY_WRONG),
            (reply(vec![unknown(), unknown()]), NodeState::Up, IDENTITY_UNTOLD),
            (Err(Failure::Closed), NodeState::Up, IDENTITY_UNTOLD),
            (Err(Failure::TimedOut), NodeState::Up, IDENTITY_UNTOLD),
        ] {
            let fixed = identified(outcome.clone());
            assert_eq!((fixed.state, fixed.identity_at), (state, MS + again), "{outcome:?}");
        }
    }

    #[test]
    fn a_cluster_node_is_asked_whether_it_shares_its_slots() {
        for (masters, state) in [(3, NodeState::Unproven), (1, NodeState::Up)] {
            let mut fixed = identified(server("cluster", "master"));
            assert_eq!(fixed.state, NodeState::Unproven);
            let question = asks(&mut fixed, MS).unwrap();
            assert_eq!(question, Question::Identity { cluster: true });
            let mut values = server("cluster", "master").unwrap().values;
            values.push(text(&format!("cluster_slots_assigned:16384\r\ncluster_size:{masters}\r\n")));
            answer(&mut fixed, MS, question, reply(values));
            assert_eq!(fixed.state, state, "{masters} masters");
        }
    }

    #[test]
    fn one_that_came_back_is_up_at_once_and_asked_what_it_is() {
        let mut fixed = identified(server("standalone", "master"));
        answer(&mut fixed, MS * 100, Question::Ping, Err(Failure::Refused));
        assert_eq!(asks(&mut fixed, MS * 150), Some(Question::Ping));
        let change = answer(&mut fixed, MS * 150, Question::Ping, pong()).unwrap();
        assert_eq!(change.view.shards[0].nodes[0].state, NodeState::Up);
        let question = asks(&mut fixed, MS * 150).unwrap();
        assert_eq!(question, Question::Identity { cluster: false });
        let change = answer(&mut fixed, MS * 151, question, server("sentinel", "master")).unwrap();
        assert_eq!(change.view.shards[0].nodes[0].state, NodeState::Unproven);
    }

    #[test]
    fn asks_one_question_at_a_time_and_at_once_on_a_hint() {
        let mut fixed = identified(server("standalone", "master"));
        assert_eq!(asks(&mut fixed, PERIOD * 2), Some(Question::Ping));
        assert_eq!(asks(&mut fixed, PERIOD * 3), None);
        answer(&mut fixed, PERIOD * 3, Question::Ping, pong());
        let ask = fixed.poll(PERIOD * 3 + MS);
        assert_eq!((ask.probes.len(), ask.wake), (0, PERIOD * 4));
        fixed.observe(PERIOD * 3 + MS, Observation::Lost { target: Target::Node(Endpoint::new("a", 1)) });
        assert_eq!(asks(&mut fixed, PERIOD * 3 + MS), Some(Question::Ping));
    }

    #[test]
    fn a_flood_of_refusals_is_no_flood_of_questions() {
        let mut fixed = identified(server("standalone", "slave"));
        let mut questions = 0;
        for at in 2..5000 {
            let endpoint = Endpoint::new("a", 1);
            let hint = super::super::Hint { endpoint, reason: HintReason::ReadOnly };
            fixed.observe(MS * at, Observation::Hint(hint));
            let Some(question) = asks(&mut fixed, MS * at) else { continue };
            let is_identity = matches!(question, Question::Identity { .. });
            questions += u32::from(is_identity);
            let outcome = if is_identity { server("standalone", "slave") } else { pong() };
            answer(&mut fixed, MS * at, question, outcome);
        }
        assert_eq!(questions, 4);
    }
}

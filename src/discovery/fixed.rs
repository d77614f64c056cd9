//! One node, any RESP server: it is the master at once and for ever. Probes only tell its state and round trip.

use std::time::Duration;

use super::{Answer, Ask, Change, Discovery, Failure, Observation, Probe, Question, Reason, Target};
use crate::topology::health::NodeHealth;
use crate::topology::{ConfigEpoch, Endpoint, Node, NodeState, Role, SLOTS, Shard, View};

const PERIOD: Duration = Duration::from_millis(200);
const PERIOD_DOWN: Duration = Duration::from_millis(50);
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
}

impl Fixed {
    pub(super) fn new(node: Endpoint) -> Self {
        let state = NodeState::Unproven;
        Fixed {
            node,
            state,
            rtt: None,
            misses: 0,
            lost_at: None,
            next: Duration::ZERO,
            asked: false,
            published: false,
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

    fn take(&mut self, now: Duration, outcome: Result<Answer, Failure>) {
        self.asked = false;
        match outcome {
            Ok(answer) => {
                self.misses = 0;
                self.rtt = Some(answer.rtt);
                let loading = answer.values.first().and_then(|value| value.error_code()) == Some("LOADING");
                self.state = if loading { NodeState::Loading } else { NodeState::Up };
            }
            Err(failure) => {
                self.misses += 1;
                self.lost_at.get_or_insert(now);
                if failure == Failure::Refused || self.misses >= MISSES {
                    self.state = NodeState::Down;
                }
            }
        }
        let down = self.misses > 0;
        self.next = now + if down { PERIOD_DOWN } else { PERIOD };
    }
}

impl Discovery for Fixed {
    fn poll(&mut self, now: Duration) -> Ask {
        let due = !self.asked && now >= self.next;
        let probe = Probe { target: Target::Node(self.node.clone()), question: Question::Ping };
        self.asked |= due;
        let wake = if self.asked { now + PERIOD } else { self.next };
        Ask { probes: due.then_some(probe).into_iter().collect(), watches: Vec::new(), wake }
    }

    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change> {
        let before = self.state;
        match observation {
            Observation::Answer { outcome, .. } => self.take(now, outcome),
            Observation::Hint(_) | Observation::Lost { .. } => self.next = now,
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

    fn answer(now: Duration, outcome: Result<Answer, Failure>) -> Observation {
        let probe = Probe { target: Target::Node(Endpoint::new("a", 1)), question: Question::Ping };
        Observation::Answer { probe, sent: now, outcome }
    }

    fn reply(value: Value) -> Result<Answer, Failure> {
        Ok(Answer { values: vec![value], rtt: MS })
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
        let mut fixed = Fixed::new(Endpoint::new("a", 1));
        fixed.observe(Duration::ZERO, Observation::Tick);
        let pong = || reply(Value::Text(b"PONG".to_vec()));
        let loading = || reply(Value::Error("LOADING busy".into()));
        let timed_out = || Err(Failure::TimedOut);
        let cases = [
            (pong(), Some(NodeState::Up)),
            (pong(), None),
            (timed_out(), None),
            (timed_out(), None),
            (timed_out(), Some(NodeState::Down)),
            (loading(), Some(NodeState::Loading)),
            (pong(), Some(NodeState::Up)),
            (Err(Failure::Refused), Some(NodeState::Down)),
        ];
        for (step, (outcome, expected)) in cases.into_iter().enumerate() {
            let now = MS * (step as u32 + 1);
            let change = fixed.observe(now, answer(now, outcome));
            let state = change.map(|change| {
                assert_eq!(change.view.shards[0].master, Some(0));
                change.view.shards[0].nodes[0].state
            });
            assert_eq!(state, expected, "step {step}");
        }
    }

    #[test]
    fn asks_one_question_at_a_time_and_at_once_on_a_hint() {
        let mut fixed = Fixed::new(Endpoint::new("a", 1));
        assert_eq!(fixed.poll(Duration::ZERO).probes.len(), 1);
        assert_eq!(fixed.poll(PERIOD * 2).probes.len(), 0);
        fixed.observe(PERIOD * 2, answer(PERIOD * 2, reply(Value::Text(b"PONG".to_vec()))));
        let ask = fixed.poll(PERIOD * 2 + MS);
        assert_eq!((ask.probes.len(), ask.wake), (0, PERIOD * 3));
        fixed.observe(PERIOD * 2 + MS, Observation::Lost { target: Target::Node(Endpoint::new("a", 1)) });
        assert_eq!(fixed.poll(PERIOD * 2 + MS).probes.len(), 1);
    }
}

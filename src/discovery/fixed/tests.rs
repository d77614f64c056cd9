//! The rules for one node on simulated time: its answers, and the questions that follow.

use super::identity::{UNTOLD_PERIOD, USUAL_PERIOD, WRONG_PERIOD};
use super::*;
use crate::resp::value::Value;
use crate::topology::hint::Hint;

const MS: Duration = Duration::from_millis(1);

fn new() -> FixedRules {
    FixedRules::new(Endpoint::new("a", 1), Expected::Any { asks_clients: false })
}

fn fixed() -> FixedRules {
    let mut fixed = new();
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

/// Returns what is asked at this moment.
fn asks(fixed: &mut FixedRules, now: Duration) -> Option<Question> {
    fixed.poll(now).probes.pop().map(|probe| probe.question)
}

fn answer(
    fixed: &mut FixedRules,
    now: Duration,
    question: Question,
    outcome: Result<Answer, Failure>,
) -> Option<Change> {
    let probe = PeerProbe { target: PeerKind::Node(Endpoint::new("a", 1)), question };
    fixed.observe(now, Observation::Answer { probe, sent: now, outcome })
}

/// Returns the rules after the node has answered PING and, with this outcome, the question for its identity.
fn identified(outcome: Result<Answer, Failure>) -> FixedRules {
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
    let mut fixed = new();
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
        (timed_out(), Some(NodeState::Silent)),
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
    // `again` is the time after which the node is asked again.
    for (outcome, state, again) in [
        (server("standalone", "master"), NodeState::Up, USUAL_PERIOD),
        (server("standalone", "slave"), NodeState::Up, WRONG_PERIOD),
        (server("sentinel", "master"), NodeState::Unproven, WRONG_PERIOD),
        (reply(vec![unknown(), unknown()]), NodeState::Up, UNTOLD_PERIOD),
        (Err(Failure::Closed), NodeState::Up, UNTOLD_PERIOD),
        (Err(Failure::TimedOut), NodeState::Up, UNTOLD_PERIOD),
    ] {
        let fixed = identified(outcome.clone());
        assert_eq!((fixed.state, fixed.identity.at), (state, MS + again), "{outcome:?}");
    }
}

#[test]
fn one_that_lets_nobody_in_is_not_up_and_one_that_takes_no_writes_is() {
    for (error, state) in [
        ("NOAUTH Authentication required.", NodeState::Unproven),
        ("ERR max number of clients reached", NodeState::Unproven),
        ("DENIED Redis is running in protected mode", NodeState::Unproven),
        ("MISCONF Errors writing to the AOF file", NodeState::Up),
        ("NOPERM no", NodeState::Up),
        ("BUSY Redis is busy running a script.", NodeState::Up),
        ("ERR unknown command 'PING'", NodeState::Up),
    ] {
        let mut fixed = identified(server("standalone", "master"));
        answer(&mut fixed, MS * 2, Question::Ping, reply(vec![Value::Error(error.into())]));
        assert_eq!(fixed.state, state, "{error}");
        // Its identity does not change that, neither now nor at the start.
        answer(&mut fixed, MS * 3, Question::Identity { cluster: false }, server("standalone", "master"));
        assert_eq!(fixed.state, state, "{error}");
        let mut fixed = new();
        answer(&mut fixed, MS, Question::Ping, reply(vec![Value::Error(error.into())]));
        answer(
            &mut fixed,
            MS,
            Question::Identity { cluster: false },
            reply(vec![Value::Error(error.into())]),
        );
        assert_eq!(fixed.state, state, "{error}");
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
    fixed.observe(PERIOD * 3 + MS, Observation::Lost { target: PeerKind::Node(Endpoint::new("a", 1)) });
    assert_eq!(asks(&mut fixed, PERIOD * 3 + MS), Some(Question::Ping));
}

#[test]
fn a_flood_of_refusals_is_no_flood_of_questions() {
    let mut fixed = identified(server("standalone", "slave"));
    let mut questions = 0;
    for at in 2..5000 {
        let endpoint = Endpoint::new("a", 1);
        let hint = Hint { endpoint, reason: HintReason::ReadOnly };
        fixed.observe(MS * at, Observation::Hint(hint));
        let Some(question) = asks(&mut fixed, MS * at) else { continue };
        let is_identity = matches!(question, Question::Identity { .. });
        questions += u32::from(is_identity);
        let outcome = if is_identity { server("standalone", "slave") } else { pong() };
        answer(&mut fixed, MS * at, question, outcome);
    }
    assert_eq!(questions, 4);
}

#[test]
fn a_node_that_asks_clients_for_a_password_serves_and_says_so() {
    let noauth = || reply(vec![Value::Error("NOAUTH Authentication required.".into())]);
    for (asks_clients, outcome, expected) in
        [(true, noauth(), true), (false, noauth(), false), (true, pong(), false)]
    {
        let mut fixed = FixedRules::new(Endpoint::new("a", 1), Expected::Any { asks_clients });
        fixed.observe(Duration::ZERO, Observation::Tick);
        let change = answer(&mut fixed, MS, Question::Ping, outcome);
        assert_eq!(fixed.view().asks_password, expected, "{asks_clients}");
        assert_eq!(change.is_some(), expected, "the state is still unproven");
        answer(&mut fixed, MS, Question::Ping, if expected { pong() } else { noauth() });
        assert_eq!(fixed.view().asks_password, asks_clients && !expected, "{asks_clients}");
    }
}

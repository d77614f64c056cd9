//! The rules on simulated time: a scene of three sentinels and three nodes, whose events the tests state line by line.

mod chaos;
mod failovers;
mod held;
mod lag;
mod start;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{ReadFrom, Reads};
use crate::resp::value::Value;
use crate::topology::hint::{Hint, HintReason};
use crate::topology::{Endpoint, NodeState, Role, Shard};

use super::super::{Answer, Change, Discovery, Failure, Observation, PeerKind, PeerProbe, Question, Reason};
use super::SentinelRules;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
const SENTINELS: [&str; 3] = ["s1", "s2", "s3"];

fn node(host: &str) -> Endpoint {
    Endpoint::new(host, 6379)
}

fn sentinel(host: &str) -> Endpoint {
    Endpoint::new(host, 26379)
}

fn text(text: &str) -> Value {
    Value::Text(text.as_bytes().to_vec())
}

fn list(words: &[&str]) -> Value {
    Value::Array(words.iter().map(|word| text(word)).collect())
}

/// The rules, and methods by which a test states what happens.
struct Scene {
    rules: SentinelRules,
    now: Duration,
    /// All published changes.
    changes: Vec<Change>,
}

impl Scene {
    /// Creates a scene in which nothing has answered yet.
    fn new() -> Self {
        Scene::reading(ReadFrom::Master)
    }

    /// Creates the same scene with reads from `from`.
    fn reading(from: ReadFrom) -> Self {
        let reads = Reads { from, max_lag: S };
        let rules = SentinelRules::new(&SENTINELS.map(sentinel), "m", BTreeMap::new(), &reads);
        Scene { rules, now: S, changes: Vec::new() }
    }

    /// Creates a scene in which `a` is the master with epoch 5, `b` and `c` are its replicas, and all sentinels agree.
    fn settled() -> Self {
        Scene::settled_reading(ReadFrom::Master)
    }

    fn settled_reading(from: ReadFrom) -> Self {
        let mut scene = Scene::reading(from);
        scene.all_say("a", 5);
        scene.replica("b", "a").replica("c", "a").master("a");
        scene.serves("a", Reason::Found);
        assert_eq!(scene.epoch(), 5);
        scene.wait(MS);
        scene
    }

    fn wait(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.see(Observation::Tick)
    }

    fn see(&mut self, observation: Observation) -> &mut Self {
        let change = self.rules.observe(self.now, observation);
        self.changes.extend(change);
        self.rules.poll(self.now);
        self
    }

    fn answer(
        &mut self,
        target: PeerKind,
        question: Question,
        values: Result<Vec<Value>, Failure>,
    ) -> &mut Self {
        let outcome = values.map(|values| Answer { values, rtt: MS });
        self.see(Observation::Answer { probe: PeerProbe { target, question }, sent: self.now, outcome })
    }

    /// A sentinel answers. `names` is its reply to GET-MASTER-ADDR-BY-NAME; the other values are those of SENTINEL MASTER.
    fn answers(&mut self, who: &str, names: Option<&str>, old: &str, epoch: u64, flags: &str) -> &mut Self {
        let address = names.map_or(Value::Nil, |names| list(&[names, "6379"]));
        let epoch = epoch.to_string();
        let master =
            ["ip", old, "port", "6379", "flags", flags, "config-epoch", &epoch, "failover-timeout", "5000"];
        let values = vec![address, list(&master)];
        self.answer(PeerKind::Sentinel(sentinel(who)), Question::Group("m".into()), Ok(values))
    }

    fn says(&mut self, who: &str, names: &str, epoch: u64) -> &mut Self {
        self.answers(who, Some(names), names, epoch, "master")
    }

    fn all_say(&mut self, names: &str, epoch: u64) -> &mut Self {
        for who in SENTINELS {
            self.says(who, names, epoch);
        }
        self
    }

    fn sentinel_gone(&mut self, who: &str) -> &mut Self {
        self.answer(PeerKind::Sentinel(sentinel(who)), Question::Group("m".into()), Err(Failure::Refused))
    }

    fn node_says(&mut self, host: &str, ping: Value, role: Value, run_id: &str) -> &mut Self {
        let values = vec![ping, role, text(&format!("run_id:{run_id}\r\n")), text("loading:0\r\n")];
        self.answer(PeerKind::Node(node(host)), Question::Node, Ok(values))
    }

    fn master(&mut self, host: &str) -> &mut Self {
        self.master_with(host, &format!("id-{host}"), 0)
    }

    fn master_at(&mut self, host: &str, offset: i64) -> &mut Self {
        let role = Value::Array(vec![text("master"), Value::Int(offset), Value::Array(vec![])]);
        self.node_says(host, text("PONG"), role, &format!("id-{host}"))
    }

    fn replica_at(&mut self, host: &str, of: &str, link: &str, offset: i64) -> &mut Self {
        let role = vec![text("slave"), text(of), Value::Int(6379), text(link), Value::Int(offset)];
        self.node_says(host, text("PONG"), Value::Array(role), &format!("id-{host}"))
    }

    fn master_with(&mut self, host: &str, run_id: &str, replicas: usize) -> &mut Self {
        let replicas = (0..replicas).map(|_| list(&["r", "6379", "0"])).collect();
        let role = Value::Array(vec![text("master"), Value::Int(100), Value::Array(replicas)]);
        self.node_says(host, text("PONG"), role, run_id)
    }

    fn loading(&mut self, host: &str, run_id: &str) -> &mut Self {
        let role = Value::Array(vec![text("master"), Value::Int(100), Value::Array(vec![])]);
        self.node_says(host, Value::Error("LOADING wait".into()), role, run_id)
    }

    fn replica(&mut self, host: &str, of: &str) -> &mut Self {
        self.rules.members.ensure(self.now, &node(host));
        self.replica_at(host, of, "connected", 100)
    }

    fn silent(&mut self, host: &str) -> &mut Self {
        self.answer(PeerKind::Node(node(host)), Question::Node, Err(Failure::TimedOut))
    }

    fn gone(&mut self, host: &str) -> &mut Self {
        self.answer(PeerKind::Node(node(host)), Question::Node, Err(Failure::Refused))
    }

    fn event(&mut self, who: &str, channel: &str, payload: &str) -> &mut Self {
        let target = PeerKind::Sentinel(sentinel(who));
        self.see(Observation::Message { target, channel: channel.into(), payload: payload.into() })
    }

    /// The leader `who` publishes its election with `epoch`, and its candidate.
    fn selects(&mut self, who: &str, epoch: u64, candidate: &str, old: &str) -> &mut Self {
        self.event(who, "+new-epoch", &epoch.to_string());
        self.event(who, "+selected-slave", &format!("slave {candidate}:6379 {candidate} 6379 @ m {old} 6379"))
    }

    fn aborts(&mut self, who: &str, why: &str) -> &mut Self {
        self.event(who, &format!("-failover-abort-{why}"), "master m a 6379")
    }

    fn hint(&mut self, host: &str, reason: HintReason) -> &mut Self {
        self.see(Observation::Hint(Hint { endpoint: node(host), reason }))
    }

    fn shard(&self) -> &Shard {
        &self.changes.last().expect("something is published").view.shards[0]
    }

    fn epoch(&self) -> u64 {
        self.shard().epoch.0
    }

    fn reason(&self) -> Reason {
        self.changes.last().expect("something is published").reason
    }

    fn published(&self) -> Option<&str> {
        self.changes.last()?.view.shards[0].master_node().map(|node| &*node.endpoint.host)
    }

    #[track_caller]
    fn serves(&mut self, host: &str, reason: Reason) -> &mut Self {
        assert_eq!((self.published(), self.reason()), (Some(host), reason));
        self
    }

    #[track_caller]
    fn still_serves(&mut self, host: &str) -> &mut Self {
        assert_eq!(self.published(), Some(host), "{:?}", self.reason());
        self
    }

    #[track_caller]
    fn holds(&mut self, reason: Reason) -> &mut Self {
        assert_eq!((self.published(), self.reason()), (None, reason));
        assert!(!self.changes.is_empty());
        self
    }

    #[track_caller]
    fn still_holds(&mut self) -> &mut Self {
        assert_eq!(self.published(), None, "{:?}", self.reason());
        self
    }

    fn state(&self, host: &str) -> (Role, NodeState) {
        let found =
            self.shard().nodes.iter().find(|found| found.endpoint == node(host)).expect("node is listed");
        (found.role, found.state)
    }
}

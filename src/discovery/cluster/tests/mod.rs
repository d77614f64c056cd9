//! The rules on simulated time: a scene of three masters and three replicas, whose events the tests state line by line.

mod failovers;
mod lag;
mod start;
mod topology;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{ReadFrom, Reads};
use crate::resp::value::Value;
use crate::topology::hint::{Hint, HintReason};
use crate::topology::{Endpoint, NodeState, Shard};

use super::super::{Answer, Change, Discovery, Failure, Observation, PeerKind, PeerProbe, Question, Reason};
use super::ClusterRules;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
/// `a` to `c` are masters, `d` follows `a`, `e` follows `b`, `f` follows `c`.
const HOSTS: [char; 6] = ['a', 'b', 'c', 'd', 'e', 'f'];

fn node(host: char) -> Endpoint {
    Endpoint::new(&host.to_string(), 7000)
}

fn text(text: &str) -> Value {
    Value::Text(text.as_bytes().to_vec())
}

/// One member as the cluster sees it. Its id is derived from its letter.
#[derive(Clone)]
struct Seen {
    host: char,
    flags: &'static str,
    master: Option<char>,
    epoch: u64,
    slots: &'static str,
}

fn master(host: char, epoch: u64, slots: &'static str) -> Seen {
    Seen { host, flags: "master", master: None, epoch, slots }
}

fn replica(host: char, of: char, epoch: u64) -> Seen {
    Seen { host, flags: "slave", master: Some(of), epoch, slots: "" }
}

/// Returns the members before anything happens.
fn peace() -> Vec<Seen> {
    vec![
        master('a', 1, "0-5460"),
        master('b', 2, "5461-10921"),
        master('c', 3, "10922-16383"),
        replica('d', 'a', 1),
        replica('e', 'b', 2),
        replica('f', 'c', 3),
    ]
}

/// Returns the members after `a` was lost and `d` has taken its slots.
fn failed_over() -> Vec<Seen> {
    let mut map = peace();
    map[0] = Seen { flags: "master,fail", slots: "", ..master('a', 1, "") };
    map[3] = master('d', 7, "0-5460");
    map
}

fn lines(me: char, map: &[Seen]) -> Value {
    let id = |host: char| format!("{:02x}", u32::from(host)).repeat(20);
    let line = |seen: &Seen| {
        let myself = if seen.host == me { "myself," } else { "" };
        let master = seen.master.map_or_else(|| "-".to_owned(), id);
        let Seen { host, flags, epoch, slots, .. } = seen;
        format!("{} {host}:7000@17000 {myself}{flags} {master} 0 0 {epoch} connected {slots}\n", id(*host))
    };
    text(&map.iter().map(line).collect::<String>())
}

/// The rules, and methods by which a test states what happens.
struct Scene {
    rules: ClusterRules,
    now: Duration,
    /// All published changes.
    changes: Vec<Change>,
}

impl Scene {
    /// Creates a scene in which nothing has answered yet; `a` and `b` are the seeds.
    fn new() -> Self {
        Scene::reading(ReadFrom::Master)
    }

    /// Creates the same scene with reads from `from`.
    fn reading(from: ReadFrom) -> Self {
        let reads = Reads { from, max_lag: S };
        let rules = ClusterRules::new(&[node('a'), node('b')], BTreeMap::new(), 1, &reads);
        Scene { rules, now: S, changes: Vec::new() }
    }

    /// Creates a scene in which all nodes agree and the first minute is over.
    fn settled() -> Self {
        Scene::settled_reading(ReadFrom::Master)
    }

    fn settled_reading(from: ReadFrom) -> Self {
        let mut scene = Scene::reading(from);
        scene.all_say(&HOSTS, &peace());
        scene.now += S * 100;
        scene.all_say(&HOSTS, &peace());
        assert_eq!(scene.masters(), "abc");
        scene.changes.clear();
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

    fn answer(&mut self, host: char, outcome: Result<Vec<Value>, Failure>) -> &mut Self {
        self.answer_at(node(host), outcome)
    }

    fn answer_at(&mut self, endpoint: Endpoint, outcome: Result<Vec<Value>, Failure>) -> &mut Self {
        self.now += MS;
        let probe = PeerProbe { target: PeerKind::Node(endpoint), question: Question::Map };
        let outcome = outcome.map(|values| Answer { values, rtt: MS });
        self.see(Observation::Answer { probe, sent: self.now - MS, outcome })
    }

    /// The node reports its view, and its role as in that view.
    fn says(&mut self, host: char, map: &[Seen]) -> &mut Self {
        self.answer(host, Ok(report_of(host, map)))
    }

    fn all_say(&mut self, hosts: &[char], map: &[Seen]) -> &mut Self {
        for host in hosts {
            self.says(*host, map);
        }
        self
    }

    fn gone(&mut self, host: char) -> &mut Self {
        self.answer(host, Err(Failure::Refused))
    }

    /// Returns the nodes that the rules want to ask at this moment, with their questions.
    fn asks(&mut self) -> Vec<(char, Question)> {
        let probes = self.rules.poll(self.now).probes;
        let host = |probe: &PeerProbe| probe.target.endpoint().host.chars().next().unwrap();
        probes.iter().map(|probe| (host(probe), probe.question.clone())).collect()
    }

    fn shards(&self) -> Vec<Shard> {
        self.rules.published.as_ref().map(|view| view.shards.clone()).unwrap_or_default()
    }

    /// Returns the letter of each shard's master, or `-` if it has none.
    fn masters(&self) -> String {
        let letter = |shard: &Shard| shard.master_node().and_then(|node| node.endpoint.host.chars().next());
        self.shards().iter().map(|shard| letter(shard).unwrap_or('-')).collect()
    }

    fn slots(&self, index: usize) -> Vec<(u16, u16)> {
        self.shards()[index].slots.clone()
    }

    fn reason(&self) -> Reason {
        self.changes.last().expect("something is published").reason
    }

    fn state(&self, host: char) -> NodeState {
        let shards = self.shards();
        let mut nodes = shards.iter().flat_map(|shard| &shard.nodes);
        nodes.find(|found| found.endpoint == node(host)).expect("node is listed").state
    }
}

fn report_of(host: char, map: &[Seen]) -> Vec<Value> {
    let own = map.iter().find(|seen| seen.host == host).expect("it lists itself");
    let role = match own.master {
        None => vec![text("master"), Value::Int(100), Value::Array(vec![])],
        Some(of) => {
            let of = of.to_string();
            vec![text("slave"), text(&of), Value::Int(7000), text("connected"), Value::Int(100)]
        }
    };
    let run_id = text(&format!("run_id:id-{host}\r\n"));
    vec![text("PONG"), Value::Array(role), run_id, text("loading:0\r\n"), lines(host, map)]
}

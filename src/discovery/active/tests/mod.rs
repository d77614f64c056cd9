//! The rules on simulated time: a simulated mesh whose nodes answer as real ones would.

mod agreeing;
mod failover;
mod keys;
mod mesh;
mod returning;
mod start;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{self, Kind, Proxy, Writer};
use crate::resp::value::Value;
use crate::topology::hint::{Hint, HintReason};
use crate::topology::{Endpoint, NodeState, View};

use super::super::{Answer, Change, Discovery, Failure, Observation, PeerKind, PeerProbe, Question, Reason};
use super::ActiveRules;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

fn endpoint(host: char) -> Endpoint {
    Endpoint::new(&host.to_string(), 1)
}

fn text(text: &str) -> Value {
    Value::Text(text.as_bytes().to_vec())
}

/// One simulated node.
#[derive(Clone, Debug)]
struct Sim {
    /// The beginning of its run id.
    name: char,
    /// The number of the process. `None`: there is no process, so connections are refused.
    process: Option<u32>,
    born: Duration,
    hangs: bool,
    loads: bool,
    drained: bool,
    rtt: Duration,
    offset: u64,
    /// The nodes that it pulls from, each with the state of the link as ROLE shows it, and the offset.
    masters: BTreeMap<char, (&'static str, u64)>,
}

struct World {
    rules: ActiveRules,
    nodes: BTreeMap<char, Sim>,
    now: Duration,
    /// Questions without an answer yet: the time at which the answer is due, the time at which they were sent, and the probe.
    open: Vec<(Duration, Duration, PeerProbe)>,
    /// The names of this proxy's connections to each node, and of another proxy's.
    names: BTreeMap<char, String>,
    others: BTreeMap<char, String>,
    /// A node whose list of clients is too long to be read.
    crowded: Option<char>,
    /// True if the workers get the replies to what they had sent.
    drains: bool,
    view: Option<View>,
    changes: Vec<(Duration, Reason)>,
    /// Every node that was home, with the time since which it was.
    homes: Vec<(Duration, Option<char>)>,
}

/// Returns the config of a proxy with nodes of these names, in this order.
fn proxy(hosts: &str, writer: Writer) -> Proxy {
    let nodes: Vec<String> = hosts.chars().map(|host| endpoint(host).to_string()).collect();
    let mut proxy = config::one_proxy(&format!("redis-active://{}", nodes.join(","))).unwrap();
    proxy.active.writer = writer;
    proxy
}

impl World {
    /// Creates a mesh that has been up for long, with the shortest round trip to the first node.
    fn mesh(hosts: &str) -> World {
        World::with(hosts, proxy(hosts, Writer::Nearest))
    }

    fn with(hosts: &str, proxy: Proxy) -> World {
        let Kind::Active { nodes } = proxy.backend.kind.clone() else { panic!("active") };
        let node = |(at, host): (usize, char)| {
            let others = hosts.chars().filter(|other| *other != host);
            let masters = others.map(|other| (other, ("connected", 0))).collect();
            let rtt = MS + MS * 4 * at as u32;
            let sim = Sim {
                name: host,
                process: Some(0),
                born: Duration::ZERO,
                hangs: false,
                loads: false,
                drained: false,
                rtt,
                offset: 0,
                masters,
            };
            (host, sim)
        };
        World {
            rules: ActiveRules::new(&nodes, &proxy, u64::from(hosts.starts_with('a'))),
            nodes: hosts.chars().enumerate().map(node).collect(),
            now: S * 1000,
            open: Vec::new(),
            names: BTreeMap::new(),
            others: BTreeMap::new(),
            crowded: None,
            drains: true,
            view: None,
            changes: Vec::new(),
            homes: Vec::new(),
        }
    }

    fn node(&mut self, host: char) -> &mut Sim {
        self.nodes.get_mut(&host).unwrap()
    }

    /// Ends the process of a node; its peers notice it.
    fn kill(&mut self, host: char) {
        self.node(host).process = None;
        self.links_of(host, "connect");
        self.see(Observation::Lost { target: PeerKind::Node(endpoint(host)) });
    }

    /// Starts another process, empty, whose links are in this state.
    fn restart(&mut self, host: char, links: &'static str) {
        let now = self.now;
        let node = self.node(host);
        node.process = Some(node.process.unwrap_or(0) + 1 + now.as_millis() as u32);
        (node.born, node.offset, node.loads) = (now, 0, false);
        self.links_of(host, links);
    }

    /// Sets the state of the links in both directions between this node and all others that run.
    fn links_of(&mut self, host: char, state: &'static str) {
        for (at, node) in &mut self.nodes {
            for (master, link) in &mut node.masters {
                if *at == host || *master == host {
                    link.0 = state;
                }
            }
        }
        let gone: Vec<char> =
            self.nodes.iter().filter(|(_, node)| node.process.is_none()).map(|(host, _)| *host).collect();
        for node in self.nodes.values_mut() {
            for (_, link) in node.masters.iter_mut().filter(|(master, _)| gone.contains(master)) {
                link.0 = "connect";
            }
        }
    }

    fn answer(&mut self, probe: &PeerProbe) -> Result<Answer, Failure> {
        let host = probe.target.endpoint().host.chars().next().unwrap();
        let Some(node) = self.nodes.get(&host) else { return Err(Failure::Unreachable) };
        let Some(process) = node.process else { return Err(Failure::Refused) };
        if node.hangs {
            return Err(Failure::TimedOut);
        }
        let write = match node.loads {
            true => Value::Error("LOADING KeyDB is loading the dataset in memory".into()),
            false => Value::Int(0),
        };
        let uptime = self.now.saturating_sub(node.born).as_secs();
        let server = format!("run_id:{}{process}\r\nuptime_in_seconds:{uptime}\r\n", node.name);
        let mut values = vec![
            text("PONG"),
            write,
            text(&server),
            text("loading:0\r\n"),
            text(&replication(node)),
            Value::Nil,
        ];
        let rtt = node.rtt;
        if let Question::Active { name: Some(name), list } = &probe.question {
            self.names.insert(host, name.clone());
            let names = [self.names.get(&host), self.others.get(&host)].into_iter().flatten();
            let names: String = names.map(|name| format!("id=1 name={name} db=0\n")).collect();
            if *list && self.crowded == Some(host) {
                return Err(Failure::Malformed);
            }
            values.push(text("OK"));
            values.extend(list.then(|| text(&names)));
        }
        Ok(Answer { values, rtt })
    }

    fn see(&mut self, observation: Observation) {
        let change = self.rules.observe(self.now, observation);
        if let Some(Change { view, reason, .. }) = change {
            self.changes.push((self.now, reason));
            self.view = Some(view);
            let home = self.home();
            if self.homes.last().map(|(_, home)| *home) != Some(home) {
                self.homes.push((self.now, home));
            }
        }
    }

    /// Lets time pass, and answers the questions of the rules.
    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            let ask = self.rules.poll(self.now);
            for probe in ask.probes {
                let host = probe.target.endpoint().host.chars().next().unwrap();
                let hangs = self.nodes.get(&host).is_some_and(|node| node.hangs);
                let rtt = self.nodes.get(&host).map_or(MS, |node| node.rtt);
                let due = self.now + if hangs { MS * 500 } else { rtt };
                self.open.push((due, self.now, probe));
            }
            self.open.sort_by_key(|(due, ..)| *due);
            let next = self.open.first().map_or(until, |(due, ..)| *due);
            self.now = next.min(ask.wake.max(self.now + MS / 10)).min(until);
            if self.drains && self.rules.awaits_drain() {
                self.see(Observation::Drained);
            }
            let now = self.now;
            let due: Vec<_> = self.open.extract_if(.., |(due, ..)| *due <= now).collect();
            if due.is_empty() {
                self.see(Observation::Tick);
            }
            for (_, sent, probe) in due {
                let outcome = self.answer(&probe);
                self.see(Observation::Answer { probe, sent, outcome });
            }
        }
    }

    fn home(&self) -> Option<char> {
        let home = self.view.as_ref()?.shards.first()?.master_node()?;
        home.endpoint.host.chars().next()
    }

    fn state(&self, host: char) -> NodeState {
        let health = self.rules.health();
        health.iter().find(|node| node.endpoint == endpoint(host)).unwrap().state
    }

    /// Returns the reasons of all changes since `from`.
    fn reasons(&self, from: Duration) -> Vec<Reason> {
        let changes = self.changes.iter();
        let changes = changes.filter(|(at, reason)| *at >= from && *reason != Reason::Refreshed);
        changes.map(|(_, reason)| *reason).collect()
    }

    /// Returns the number of slots of each node's own place.
    fn shares(&self) -> Vec<usize> {
        let Some(view) = &self.view else { return Vec::new() };
        let count =
            |slots: &[(u16, u16)]| slots.iter().map(|(first, last)| usize::from(last - first) + 1).sum();
        view.shards.iter().skip(2).map(|shard| count(&shard.slots)).collect()
    }
}

fn replication(node: &Sim) -> String {
    let role = if node.masters.is_empty() { "master" } else { "active-replica" };
    let mut info = format!("role:{role}\r\n");
    for (index, (master, (state, offset))) in node.masters.iter().enumerate() {
        let prefix = if index == 0 { String::new() } else { format!("_{index}") };
        let (up, syncing) = (if *state == "connected" { "up" } else { "down" }, u8::from(*state == "sync"));
        info += &format!(
            "master{prefix}_host:{master}\r\nmaster{prefix}_port:1\r\nmaster{prefix}_link_status:{up}\r\n\
             master{prefix}_sync_in_progress:{syncing}\r\nslave_repl_offset:{offset}\r\n"
        );
    }
    let priority = if node.drained { 0 } else { 100 };
    info + &format!("slave_priority:{priority}\r\nmaster_repl_offset:{}\r\n", node.offset)
}

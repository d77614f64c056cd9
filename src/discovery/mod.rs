//! Finding out which node is the master: what to ask and how to read the answers (pure), and the one loop that
//! does the asking for every kind of backend.
//!
//! [`Discovery`] holds the rules; it sees time only as the `now` that it is given. [`driver`] owns the sockets.

mod active;
mod cluster;
pub(crate) mod control;
mod diagnose;
pub(crate) mod driver;
mod findings;
mod fixed;
mod gauge;
mod link;
mod notice;
pub(crate) mod once;
mod peer;
mod publisher;
#[cfg(test)]
mod real_tests;
mod said;
mod schedule;
mod sentinel;
mod story;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use crate::config;
use crate::resp::value::Value;
use crate::topology::diagnosis::Finding;
use crate::topology::health::NodeHealth;
use crate::topology::hint::Hint;
use crate::topology::{Endpoint, Node, NodeState, View};

use self::diagnose::Expected;

static NO_ALIASES: BTreeMap<Endpoint, Endpoint> = BTreeMap::new();

/// The rules of one kind of backend. Time runs forward from zero at the start of the driver.
pub(crate) trait Discovery: Send {
    /// Returns what is to be asked now. Every probe handed out gets exactly one [`Observation::Answer`].
    fn poll(&mut self, now: Duration) -> Ask;

    /// Takes in what was seen. `Some` when what is to be published has changed.
    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change>;

    /// Returns what is wrong with the deployment as a whole, beside what is wrong with single peers.
    fn complaint(&self) -> Option<Finding> {
        None
    }

    /// Other names of nodes, and where these are dialled: nodes may be called by names that do not resolve here.
    fn aliases(&self) -> &BTreeMap<Endpoint, Endpoint> {
        &NO_ALIASES
    }

    /// Returns whether [`Observation::Drained`] is waited for.
    fn awaits_drain(&self) -> bool {
        false
    }

    /// Returns all nodes that are known, as they are at this moment: round trips and lags change without a new topology.
    fn nodes(&self) -> Vec<Node>;

    fn health(&self) -> Vec<NodeHealth> {
        self.nodes().into_iter().map(NodeHealth::from).collect()
    }
}

/// What discovery wants from the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) probes: Vec<PeerProbe>,
    /// All subscriptions that should exist; the driver opens and closes what differs.
    pub(crate) watches: Vec<Subscription>,
    /// Poll again at this time even if nothing is observed.
    pub(crate) wake: Duration,
}

/// Whom a connection leads to; decides which credentials it presents.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum PeerKind {
    Node(Endpoint),
    Sentinel(Endpoint),
}

impl PeerKind {
    pub(crate) fn endpoint(&self) -> &Endpoint {
        match self {
            PeerKind::Node(endpoint) | PeerKind::Sentinel(endpoint) => endpoint,
        }
    }
}

/// One question to one peer: commands that are sent together and answered together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerProbe {
    pub(crate) target: PeerKind,
    pub(crate) question: Question,
}

/// What is asked. The answer carries one value per command, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// PING, ROLE, INFO server, INFO persistence.
    Node,
    /// PING alone: for servers of which nothing else is known.
    Ping,
    /// INFO server, INFO replication: what kind of server it is. CLUSTER INFO too, of one that says that it is of a
    /// cluster.
    Identity { cluster: bool },
    /// SENTINEL GET-MASTER-ADDR-BY-NAME, SENTINEL MASTER.
    Group(String),
    /// The same of one that has named no master, with ROLE and INFO server: is it a sentinel, and of which groups?
    Stranger(String),
    /// SENTINEL REPLICAS, SENTINEL SENTINELS, SENTINEL MYID, INFO sentinel.
    Members(String),
    /// PING, ROLE, INFO server, INFO persistence, CLUSTER NODES.
    Map,
    /// The same and CLUSTER SLOTS, which shows the address that clients are meant to use.
    MapAndNames,
    /// PING, a DEL that changes nothing, INFO server, INFO persistence, INFO replication, ROLE; if there is something to
    /// say to other proxies, CLIENT SETNAME with it, and if what they say matters, CLIENT LIST.
    Active { name: Option<String>, list: bool },
}

impl Question {
    /// The commands to send.
    pub(crate) fn commands(&self) -> Vec<Vec<String>> {
        let words = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match self {
            Question::Node => vec![
                words(&["PING"]),
                words(&["ROLE"]),
                words(&["INFO", "server"]),
                words(&["INFO", "persistence"]),
            ],
            Question::Map => {
                let mut commands = Question::Node.commands();
                commands.push(words(&["CLUSTER", "NODES"]));
                commands
            }
            Question::MapAndNames => {
                let mut commands = Question::Map.commands();
                commands.push(words(&["CLUSTER", "SLOTS"]));
                commands
            }
            Question::Ping => vec![words(&["PING"])],
            Question::Identity { cluster } => {
                let mut commands = vec![words(&["INFO", "server"]), words(&["INFO", "replication"])];
                commands.extend(cluster.then(|| words(&["CLUSTER", "INFO"])));
                commands
            }
            Question::Active { name, list } => {
                let mut commands = vec![
                    words(&["PING"]),
                    words(&["DEL", active::PROBE_KEY]),
                    words(&["INFO", "server"]),
                    words(&["INFO", "persistence"]),
                    words(&["INFO", "replication"]),
                    words(&["ROLE"]),
                ];
                commands.extend(name.as_ref().map(|name| words(&["CLIENT", "SETNAME", name])));
                commands.extend(list.then(|| words(&["CLIENT", "LIST", "TYPE", "normal"])));
                commands
            }
            Question::Group(name) => vec![
                words(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]),
                words(&["SENTINEL", "MASTER", name]),
            ],
            Question::Stranger(name) => {
                let mut commands = Question::Group(name.clone()).commands();
                commands.extend([words(&["ROLE"]), words(&["INFO", "server"])]);
                commands
            }
            Question::Members(name) => vec![
                words(&["SENTINEL", "REPLICAS", name]),
                words(&["SENTINEL", "SENTINELS", name]),
                words(&["SENTINEL", "MYID"]),
                words(&["INFO", "sentinel"]),
            ],
        }
    }
}

/// A subscription that is kept up, reconnecting by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Subscription {
    pub(crate) target: PeerKind,
    pub(crate) channel: Channel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Channel {
    /// `PSUBSCRIBE *`: every event of a sentinel.
    Everything,
    /// `SUBSCRIBE __sentinel__:hello` on a data node.
    Hello,
}

/// What the driver saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observation {
    /// Time has passed, nothing else. Also the very first observation.
    Tick,
    Answer {
        probe: PeerProbe,
        sent: Duration,
        outcome: Result<Answer, Failure>,
    },
    Message {
        target: PeerKind,
        channel: String,
        payload: String,
    },
    /// A subscription is up, or was lost.
    Watching {
        target: PeerKind,
        up: bool,
    },
    /// An idle connection was closed by its peer: a crash, or a change of role.
    Lost {
        target: PeerKind,
    },
    Hint(Hint),
    /// Every worker has the replies to all that it had sent when the last map was published.
    Drained,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) values: Vec<Value>,
    /// Until the first reply.
    pub(crate) rtt: Duration,
}

/// Why a question got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("connection refused")]
    Refused,
    #[error("timed out")]
    TimedOut,
    #[error("connection closed")]
    Closed,
    #[error("cannot be reached")]
    Unreachable,
    #[error("does not resolve")]
    Unresolved,
    /// The code of the reply to AUTH.
    #[error("does not let us in: {0}")]
    Denied(String),
    #[error("answers no RESP2")]
    Malformed,
}

impl Failure {
    /// Returns what a node counts as that keeps failing so.
    fn state(&self) -> NodeState {
        match self {
            Failure::TimedOut => NodeState::Silent,
            Failure::Refused
            | Failure::Closed
            | Failure::Unreachable
            | Failure::Unresolved
            | Failure::Denied(_)
            | Failure::Malformed => NodeState::Down,
        }
    }
}

/// A view to publish, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) view: View,
    pub(crate) reason: Reason,
    /// When the master that is replaced, or is back, was lost.
    pub(crate) lost_at: Option<Duration>,
    /// The config epoch may be lower than the one published before: a provisional one was taken back, or the
    /// sentinels were set up anew.
    pub(crate) may_lower_epoch: bool,
}

/// Why a view changed. The same names in log, event and metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The first master.
    Found,
    /// Confirmed by a newer config epoch.
    Switched,
    /// Seen on the node itself, before Sentinel announced it.
    Promoted,
    /// An election has chosen a candidate: nothing is written to the old master any more.
    Selected,
    /// The master says that it is a replica.
    Demoted,
    /// Another process answers at the master's address.
    Restarted,
    /// Two addresses claim the same epoch and neither has a majority.
    Conflict,
    /// A held master is used again.
    Resumed,
    /// The election was given up: back to the old master.
    Aborted,
    /// A promotion that was not confirmed.
    Undone,
    /// Epochs went down: the sentinels were set up anew.
    EpochReset,
    /// Slots have moved between shards, or a shard has come or gone.
    Resharded,
    /// An active node cannot serve: what it had goes to others.
    Left,
    /// What is to go to another active node is held, until that one has everything.
    Moving,
    /// It has gone there.
    Moved,
    /// Same master; something else changed: its replicas, a state, a confirmed epoch.
    Refreshed,
    /// The same nodes; others of them may serve reads, or are the nearest.
    Readers,
}

impl Reason {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::Found => "found",
            Reason::Switched => "switched",
            Reason::Promoted => "promoted",
            Reason::Selected => "selected",
            Reason::Demoted => "demoted",
            Reason::Restarted => "restarted",
            Reason::Conflict => "conflict",
            Reason::Resumed => "resumed",
            Reason::Aborted => "aborted",
            Reason::Undone => "undone",
            Reason::EpochReset => "epoch-reset",
            Reason::Resharded => "resharded",
            Reason::Left => "left",
            Reason::Moving => "moving",
            Reason::Moved => "moved",
            Reason::Refreshed => "refreshed",
            Reason::Readers => "readers",
        }
    }
}

/// The rules for the backend of this proxy.
fn rules(proxy: &config::Proxy) -> Box<dyn Discovery> {
    match &proxy.backend.kind {
        config::Kind::Fixed { node } => {
            let expected = Expected::of(proxy, &PeerKind::Node(node.clone()));
            Box::new(fixed::Fixed::new(node.clone(), expected))
        }
        config::Kind::Sentinel { sentinels, master, .. } => {
            let address_map = proxy.backend.address_map.clone();
            Box::new(sentinel::Sentinel::new(sentinels, master, address_map, &proxy.reads))
        }
        config::Kind::Cluster { seeds } => {
            let seed = RandomState::new().build_hasher().finish();
            let address_map = proxy.backend.address_map.clone();
            Box::new(cluster::ClusterRules::new(seeds, address_map, seed, &proxy.reads))
        }
        config::Kind::Active { nodes } => {
            let seed = RandomState::new().build_hasher().finish();
            Box::new(active::ActiveRules::new(nodes, proxy, seed))
        }
    }
}

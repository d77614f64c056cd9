//! The questions that discovery asks, the peers that it asks, and the subscriptions that it keeps.

use crate::topology::Endpoint;

use super::active;

/// The peer at the other end of a control connection. Its kind decides which credentials the proxy presents.
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

/// One question to one peer: its commands are sent together and answered together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerProbe {
    pub(crate) target: PeerKind,
    pub(crate) question: Question,
}

/// A question. The answer has one value for each command, in the order given here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// PING, ROLE, INFO server, INFO persistence.
    Node,
    /// PING alone, which any server can answer.
    Ping,
    /// INFO server, INFO replication: the kind of server. CLUSTER INFO too, if the server has said that it is in a cluster.
    Identity { cluster: bool },
    /// SENTINEL GET-MASTER-ADDR-BY-NAME, SENTINEL MASTER.
    Group(String),
    /// The same, then ROLE and INFO server, for a peer that has named no master: its kind, and the groups that it knows.
    GroupAndIdentity(String),
    /// SENTINEL REPLICAS, SENTINEL SENTINELS, SENTINEL MYID, INFO sentinel.
    Members(String),
    /// PING, ROLE, INFO server, INFO persistence, CLUSTER NODES.
    Map,
    /// The same and CLUSTER SLOTS, which shows which of a node's addresses clients are meant to use.
    MapAndNames,
    /// PING, a DEL that changes nothing, INFO server, INFO persistence, INFO replication, ROLE; CLIENT SETNAME with `name` if
    /// there is something to announce to other proxies, and CLIENT LIST if their announcements matter.
    Active { name: Option<String>, list: bool },
}

impl Question {
    /// Returns the commands to send.
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
            Question::GroupAndIdentity(name) => {
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

/// A subscription that is kept up, with a new connection whenever one is lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Subscription {
    pub(crate) target: PeerKind,
    pub(crate) channel: Channel,
}

/// The channels of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Channel {
    /// `PSUBSCRIBE *`: every event of a sentinel.
    Everything,
    /// `SUBSCRIBE __sentinel__:hello` on a data node.
    Hello,
}

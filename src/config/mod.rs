//! The config: reads it from a file and from options, checks it, and fills in every default.
//!
//! The way of a file: [`tree`] reads TOML and remembers lines, [`options`] adds the command line to it, [`resolve`] makes
//! a [`Config`] of it or a list of every [`fault`]. Only [`mod@load`] touches files and the environment. [`mod@show`]
//! writes a config as TOML.

mod active;
mod address;
mod announce;
mod backend;
mod failover;
mod fault;
pub(crate) mod load;
mod machine;
mod options;
mod proxy;
mod resolve;
mod section;
mod show;
#[cfg(any(test, fuzzing))]
pub(crate) mod text;
mod tree;
mod units;
mod url;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use fault::Fault;
pub(crate) use load::{Source, load, one_proxy};
pub(crate) use options::Options;
pub(crate) use show::show;

use crate::topology::Endpoint;

/// The config of the whole process. Only a field without a default is optional.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) admin: Admin,
    pub(crate) runtime: Runtime,
    pub(crate) log: Log,
    pub(crate) proxies: Vec<Proxy>,
}

#[derive(Clone, Debug)]
pub(crate) struct Admin {
    /// The address of the admin server; `None` if it is off.
    pub(crate) listen: Option<String>,
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    /// Number of worker threads, at least 1: for 0 in the file it is the number of cores.
    pub(crate) workers: usize,
    /// Longest time that clients have to finish their work at the end.
    pub(crate) shutdown_grace: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// A `tracing` filter, such as `info` or `info,tideover=debug`.
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// One proxy: its listeners and the one backend behind them.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) name: String,
    pub(crate) listen: Vec<Listen>,
    pub(crate) backend: Backend,
    pub(crate) clients: Clients,
    pub(crate) failover: Failover,
    pub(crate) reads: Reads,
    pub(crate) replicas: Replicas,
    pub(crate) cluster: Cluster,
    pub(crate) active: Active,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Tcp(String),
    Unix(PathBuf),
}

impl std::fmt::Display for Listen {
    /// Writes the address as in a config.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Listen::Tcp(address) => write!(f, "{address}"),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Backend {
    pub(crate) kind: Kind,
    /// The user as whom the proxy itself logs in: for discovery, for probes, and for clients with `auth = "backend"`.
    pub(crate) credentials: Option<Credentials>,
    /// The file that the password was read from.
    pub(crate) password_file: Option<PathBuf>,
    /// The file that the password of [`Kind::Sentinel`] was read from.
    pub(crate) sentinel_password_file: Option<PathBuf>,
    /// Maps the address that a node announces to the address to connect to.
    pub(crate) address_map: BTreeMap<Endpoint, Endpoint>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Fixed {
        node: Endpoint,
    },
    Sentinel {
        sentinels: Vec<Endpoint>,
        master: String,
        credentials: Option<Credentials>,
    },
    Cluster {
        /// The nodes by which the others are found.
        seeds: Vec<Endpoint>,
    },
    /// Nodes of which each takes writes, in the order of preference.
    Active {
        nodes: Vec<Endpoint>,
    },
}

impl Kind {
    /// Returns the word of the config file.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Kind::Fixed { .. } => "fixed",
            Kind::Sentinel { .. } => "sentinel",
            Kind::Cluster { .. } => "cluster",
            Kind::Active { .. } => "active",
        }
    }
}

/// A user and a password; without a user name, AUTH has only the password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Credentials {
    pub(crate) username: Option<String>,
    pub(crate) password: String,
}

impl std::fmt::Debug for Credentials {
    /// Writes the user only, never the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, ***)", self.username.as_deref().unwrap_or("default"))
    }
}

/// The user as whom a client's commands run at the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthMode {
    /// The user as whom the client logs in.
    Passthrough,
    /// The user of the proxy itself.
    Backend,
    /// The default user of a backend without a password.
    None,
}

/// The kind of deployment that the proxy presents to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaceKind {
    Standalone,
    Cluster,
    Sentinel,
}

/// The treatment of DEBUG commands that may harm the node, and of those that a node may keep for its own machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DebugCommands {
    Refuse,
    /// Sent to the one node, which may refuse them itself.
    Allow,
}

#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) auth: AuthMode,
    pub(crate) face: FaceKind,
    /// The addresses at which clients are told to connect. Empty only with [`FaceKind::Standalone`], which tells none.
    pub(crate) announce: Vec<Endpoint>,
    /// True if the operator accepts that every client that reaches the listener acts as the backend identity.
    pub(crate) accept_open_access: bool,
    /// True if the subscribers of a worker share one connection to a node where they may; false for one each.
    pub(crate) share_subscriptions: bool,
    pub(crate) debug: DebugCommands,
    pub(crate) max_clients: usize,
    /// Longest request, in bytes.
    pub(crate) max_frame: usize,
    /// Most bytes of replies and messages that may wait for one client.
    pub(crate) output_buffer: usize,
    /// Most keys, times their readers, that are remembered for clients with CLIENT TRACKING.
    pub(crate) tracked_keys: usize,
    /// The time after which an idle client is disconnected; zero for never.
    pub(crate) idle_timeout: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Failover {
    /// Longest time that a command waits for a node that takes it.
    pub(crate) hold: Duration,
    /// Most bytes of waiting commands and of large requests in flight, over all clients.
    pub(crate) hold_bytes: usize,
    /// Largest request, in bytes, that is kept until it is answered; a larger one is streamed, and sent only once.
    pub(crate) resend_size: usize,
    pub(crate) retry: RetryPolicy,
    pub(crate) blocked: Blocked,
    pub(crate) answers: Answers,
    /// Client libraries with answers of their own. The first that matches counts.
    pub(crate) libraries: Vec<Library>,
    /// The time of silence after which a node gets no more commands; an active node then counts as dead.
    pub(crate) node_timeout: Duration,
    /// Longest time that a command which was sent waits for its reply; zero: as long as its node remains in charge.
    pub(crate) command_timeout: Duration,
}

/// The treatment of a blocking command whose node was lost while it waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// It waits at the next node for the rest of its time.
    Wait,
    /// It is answered as any other command of unknown outcome.
    Uncertain,
}

/// The ways of telling a client that there is no reply of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) on_unknown: OnUnknown,
    pub(crate) on_refused: OnRefused,
}

/// The answer to a command whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnUnknown {
    /// The error `-UNCERTAIN`.
    Error,
    /// The end of the connection, as when a server crashes.
    Close,
}

/// The answer to a command that was not executed: an error that begins with this word, or the end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRefused {
    TryAgain,
    Loading,
    ReadOnly,
    ClusterDown,
    Close,
}

/// The answers for clients of one name, given by CLIENT SETINFO LIB-NAME or CLIENT SETNAME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) name: String,
    pub(crate) answers: Answers,
}

/// The classes of commands that may run again after their outcome became unknown. Each policy includes the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RetryPolicy {
    Never,
    Reads,
    Idempotent,
    Relaxed,
    Always,
}

impl RetryPolicy {
    /// Returns the policy that allows one class less. Reads, which never change anything, stay allowed.
    pub(crate) fn stricter(self) -> RetryPolicy {
        match self {
            RetryPolicy::Always => RetryPolicy::Relaxed,
            RetryPolicy::Relaxed => RetryPolicy::Idempotent,
            RetryPolicy::Idempotent | RetryPolicy::Reads => RetryPolicy::Reads,
            RetryPolicy::Never => RetryPolicy::Never,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Reads {
    pub(crate) from: ReadFrom,
    /// A replica that lags further behind serves no reads.
    pub(crate) max_lag: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFrom {
    Master,
    PreferReplica,
    Replica,
    Nearest,
}

/// What keeps replicas like their master, in what replication does not carry.
#[derive(Clone, Debug)]
pub(crate) struct Replicas {
    /// True if replicas get the commands that change users and settings as well.
    pub(crate) relay: bool,
    /// The time between two comparisons of users and settings; zero for none.
    pub(crate) compare: Duration,
}

/// The settings for a backend of kind cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// True if MSET, DEL and UNLINK over several slots are split, which makes them not atomic.
    pub(crate) split_writes: bool,
}

/// The settings for a backend in which every node takes writes.
#[derive(Clone, Debug)]
pub(crate) struct Active {
    pub(crate) writer: Writer,
    /// The writers of keys by their prefix. The longest prefix that matches counts.
    pub(crate) rules: Vec<WriterRule>,
    /// The time for which a node that came back must be steady before it is used again.
    pub(crate) failback: Duration,
    /// The zone of the proxy. Nodes of the same zone are nearer than all others.
    pub(crate) zone: Option<String>,
    /// The zones of the nodes.
    pub(crate) zones: BTreeMap<Endpoint, String>,
    pub(crate) flush: Flush,
    pub(crate) sampler: SamplerSettings,
}

/// The node that writes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// The node with the shortest round trip.
    Nearest,
    /// The first ready node of the list.
    First,
    /// A node that depends on the key, the same for all proxies.
    Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriterRule {
    pub(crate) prefix: String,
    pub(crate) writer: Writer,
}

/// The treatment of FLUSHALL and FLUSHDB: the others would undo the flush of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    Refuse,
    /// Sent to every node, if all of them are ready.
    All,
}

/// The settings of the sampler, which compares the values of sampled keys between the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SamplerSettings {
    /// 0 switches the sampler off.
    pub(crate) keys_per_second: u32,
    /// The time after which nodes whose values still differ count as diverged.
    pub(crate) settle: Duration,
}

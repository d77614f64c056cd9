//! The effective config: every default decided once, nothing optional that has a default.
//!
//! The way of a file: [`tree`] reads TOML and remembers lines, [`options`] lays the command line over it,
//! [`resolve`] makes a [`Config`] of it or a list of every [`fault`]. Only [`mod@load`] touches files and the
//! environment. [`mod@show`] goes the other way.

mod active;
mod address;
mod announce;
mod backend;
mod failover;
mod fault;
pub(crate) mod load;
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
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use fault::Fault;
pub(crate) use load::{Source, load, one_proxy};
pub(crate) use options::Options;
pub(crate) use show::show;

use crate::topology::Endpoint;

/// The whole process.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) admin: Admin,
    pub(crate) runtime: Runtime,
    pub(crate) log: Log,
    pub(crate) proxies: Vec<Proxy>,
}

#[derive(Clone, Debug)]
pub(crate) struct Admin {
    /// `None`: off.
    pub(crate) listen: Option<String>,
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    /// At least 1; 0 in the file has been resolved to the number of cores.
    pub(crate) workers: usize,
    pub(crate) shutdown_grace: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// A `tracing` filter: `info`, `tideover=debug`.
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl std::fmt::Display for Listen {
    /// As it is written in a config.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Listen::Tcp(address) => write!(f, "{address}"),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One front: its listeners and the one backend behind them.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) name: String,
    pub(crate) listen: Vec<Listen>,
    pub(crate) backend: Backend,
    pub(crate) clients: Clients,
    pub(crate) failover: Failover,
    pub(crate) reads: Reads,
    pub(crate) cluster: Cluster,
    pub(crate) active: Active,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Tcp(String),
    Unix(PathBuf),
}

#[derive(Clone, Debug)]
pub(crate) struct Backend {
    pub(crate) kind: Kind,
    /// Used by the proxy itself: discovery, health, and `auth = "backend"`.
    pub(crate) credentials: Option<Credentials>,
    /// Where the password came from, so that it can be read again.
    pub(crate) password_file: Option<PathBuf>,
    /// The same for the credentials of [`Kind::Sentinel`].
    pub(crate) sentinel_password_file: Option<PathBuf>,
    /// From the address that a node announces to the address to dial.
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
    /// A few of its nodes, by which the others are found.
    Cluster {
        seeds: Vec<Endpoint>,
    },
    /// Every node takes writes. In order of preference.
    Active {
        nodes: Vec<Endpoint>,
    },
}

impl Kind {
    /// As in the config file.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Kind::Fixed { .. } => "fixed",
            Kind::Sentinel { .. } => "sentinel",
            Kind::Cluster { .. } => "cluster",
            Kind::Active { .. } => "active",
        }
    }
}

/// `username: None` is the password-only form of AUTH.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Credentials {
    pub(crate) username: Option<String>,
    pub(crate) password: String,
}

impl std::fmt::Debug for Credentials {
    /// Never shows the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, ***)", self.username.as_deref().unwrap_or("default"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthMode {
    Passthrough,
    Backend,
    None,
}

/// What the proxy looks like to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Standalone,
    Cluster,
    Sentinel,
}

#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) auth: AuthMode,
    pub(crate) face: Face,
    /// Where clients are told to connect. Empty only with [`Face::Standalone`], which tells nobody.
    pub(crate) announce: Vec<Endpoint>,
    /// The operator knows that everybody who reaches the listener acts as the backend identity.
    pub(crate) accept_open_access: bool,
    /// One connection to a node for all subscribers of a worker that may share it; else one for each.
    pub(crate) share_subscriptions: bool,
    pub(crate) max_clients: usize,
    pub(crate) max_frame: usize,
    pub(crate) output_buffer: usize,
    /// Zero: never.
    pub(crate) idle_timeout: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Failover {
    pub(crate) hold: Duration,
    pub(crate) hold_bytes: usize,
    /// A request up to this size is kept until it is answered; a larger one is streamed, once.
    pub(crate) resend_size: usize,
    pub(crate) retry: RetryPolicy,
    pub(crate) blocked: Blocked,
    pub(crate) answers: Answers,
    /// Who is told in another way. The first that fits counts.
    pub(crate) libraries: Vec<Library>,
    pub(crate) node_timeout: Duration,
    /// Zero: a command that was sent waits as long as its node is the one.
    pub(crate) command_timeout: Duration,
}

/// What becomes of a blocking command whose node was lost while it waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// It waits at the next node for the rest of its time.
    Wait,
    /// As any other command of unknown outcome.
    Uncertain,
}

/// How a client is told that a command has no reply of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) on_unknown: OnUnknown,
    pub(crate) on_refused: OnRefused,
}

/// How an unknown outcome is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnUnknown {
    /// `-UNCERTAIN`
    Error,
    /// The connection ends, as it does when a server crashes.
    Close,
}

/// How it is said that a command was not executed: with the word that an error begins with, or by the connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRefused {
    TryAgain,
    Loading,
    ReadOnly,
    ClusterDown,
    Close,
}

/// The clients that call themselves so, by CLIENT SETINFO LIB-NAME or by their name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) name: String,
    pub(crate) answers: Answers,
}

/// What may run again after its outcome became unknown. Ordered: each allows what the one before allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RetryPolicy {
    Never,
    Reads,
    Idempotent,
    Relaxed,
    Always,
}

impl RetryPolicy {
    /// One class less may run again. Reads change nothing wherever they run, so they stay allowed.
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
    /// A replica further behind serves no reads.
    pub(crate) max_lag: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFrom {
    Master,
    PreferReplica,
    Replica,
    Nearest,
}

/// Of a backend whose slots are shared out.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// MSET, DEL and UNLINK over several slots are split, and are not atomic then.
    pub(crate) split_writes: bool,
}

/// Of a backend in which every node takes writes.
#[derive(Clone, Debug)]
pub(crate) struct Active {
    pub(crate) writer: Writer,
    /// Who writes the keys that begin like this. Of several that fit, the longest prefix counts.
    pub(crate) rules: Vec<WriterRule>,
    /// A node that came back is used again after being steady for this long.
    pub(crate) failback: Duration,
    /// Where the proxy is. Nodes of the same zone are nearer than all others.
    pub(crate) zone: Option<String>,
    /// Where the nodes are.
    pub(crate) zones: BTreeMap<Endpoint, String>,
    pub(crate) flush: Flush,
    pub(crate) sampler: SamplerSettings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// The node with the shortest round trip.
    Nearest,
    /// The first of the list that is ready.
    First,
    /// Each key has one, the same for all proxies.
    Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriterRule {
    pub(crate) prefix: String,
    pub(crate) writer: Writer,
}

/// What becomes of FLUSHALL and FLUSHDB: one node's alone would be undone by the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    Refuse,
    /// Sent to every node, if all of them are ready.
    All,
}

/// Compares the values of sampled keys over the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SamplerSettings {
    /// 0: off.
    pub(crate) keys_per_second: u32,
    /// Nodes that differ for longer have diverged.
    pub(crate) settle: Duration,
}

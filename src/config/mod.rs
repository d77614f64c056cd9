//! The effective config: every default decided once, nothing optional that has a default.

use std::collections::BTreeMap;
use std::time::Duration;

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
    pub(crate) token_file: Option<std::path::PathBuf>,
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

/// One front: its listeners and the one backend behind them.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) name: String,
    pub(crate) listen: Vec<Listen>,
    pub(crate) backend: Backend,
    pub(crate) clients: Clients,
    pub(crate) failover: Failover,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Tcp(String),
    Unix(std::path::PathBuf),
}

#[derive(Clone, Debug)]
pub(crate) struct Backend {
    pub(crate) kind: Kind,
    /// Used by the proxy itself: discovery, health, and `auth = "backend"`.
    pub(crate) credentials: Option<Credentials>,
    /// From the address that a node announces to the address to dial.
    pub(crate) address_map: BTreeMap<Endpoint, Endpoint>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Fixed { node: Endpoint },
    Sentinel { sentinels: Vec<Endpoint>, master: String, credentials: Option<Credentials> },
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

#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) auth: AuthMode,
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
    pub(crate) retry: RetryPolicy,
    pub(crate) node_timeout: Duration,
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

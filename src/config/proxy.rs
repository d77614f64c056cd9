//! Reads `[[proxy]]` and those of its sections that have no file of their own.

use std::time::Duration;

use super::fault::quoted;
use super::machine::{self, Claims, Machine};
use super::section::Section;
use super::{
    AuthMode, Backend, Clients, Cluster, DebugCommands, Kind, Listen, Proxy, ReadFrom, Reads, Replicas,
    active, address, announce, backend, failover,
};

/// Name of a proxy without one, as with `run --backend`.
const DEFAULT_NAME: &str = "default";
const NAME_ALLOWED: &str = "1 to 64 letters, digits, \"-\", \"_\" or \".\"";

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Smallest buffer: a few ordinary commands would fill a smaller one.
pub(super) const LEAST_BUFFER: usize = 64 * KIB;
const LEAST_FRAME: usize = KIB;

pub(super) const AUTH_MODES: [(&str, Option<AuthMode>); 4] = [
    ("passthrough", Some(AuthMode::Passthrough)),
    ("users", None),
    ("backend", Some(AuthMode::Backend)),
    ("none", Some(AuthMode::None)),
];
pub(super) const DEBUG_COMMANDS: [(&str, DebugCommands); 2] =
    [("refuse", DebugCommands::Refuse), ("allow", DebugCommands::Allow)];
pub(super) const READ_FROM: [(&str, ReadFrom); 4] = [
    ("master", ReadFrom::Master),
    ("prefer-replica", ReadFrom::PreferReplica),
    ("replica", ReadFrom::Replica),
    ("nearest", ReadFrom::Nearest),
];

pub(super) fn proxy(section: Section<'_>, machine: &Machine<'_>, claims: &mut Claims) -> Proxy {
    let name = name(&section, claims);
    let listen = listen(&section, claims);
    let backend = backend::backend(&section, machine);
    let clients = clients(section.table("clients"), &listen, &backend);
    let failover = failover::failover(section.table("failover"), clients.face);
    let reads = reads(section.table("reads"), &backend);
    let replicas = replicas(section.table("replicas"));
    let cluster = cluster(section.table("cluster"));
    let active = active::active(section.table("active"), &backend);
    section.finish();
    Proxy { name, listen, backend, clients, failover, reads, replicas, cluster, active }
}

/// Reads the name, which is a metric label and part of admin paths.
fn name(section: &Section<'_>, claims: &mut Claims) -> String {
    let name = section.text("name", NAME_ALLOWED).map_or_else(|| DEFAULT_NAME.to_owned(), |text| text.value);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        section.fault("name", format!("{} is not a name; allowed: {NAME_ALLOWED}", quoted(&name)));
    } else if let Err(first) = claims.claim(format!("name {name}"), section.place_of("name")) {
        let what =
            format!("{} is in use at {first}; allowed: a name of its own for each proxy", quoted(&name));
        section.fault("name", what);
    }
    name
}

fn listen(section: &Section<'_>, claims: &mut Claims) -> Vec<Listen> {
    let texts = section.list("listen", address::LISTEN_ALLOWED);
    texts.iter().filter_map(|text| machine::listen(section, "listen", text, claims)).collect()
}

fn clients(section: Section<'_>, listen: &[Listen], backend: &Backend) -> Clients {
    let (face, announce) = announce::face(&section, listen);
    let clients = Clients {
        auth: auth(&section),
        face,
        announce,
        accept_open_access: section.boolean("accept_open_access", false),
        max_clients: section.integer("max_clients", 10_000, 1..=10_000_000, "1 to 10000000"),
        max_frame: section.size("max_frame", 512 * MIB, LEAST_FRAME),
        output_buffer: section.size("output_buffer", 256 * MIB, LEAST_BUFFER),
        idle_timeout: section.duration("idle_timeout", Duration::ZERO),
        tracked_keys: section.integer("tracked_keys", 1_000_000, 1..=1_000_000_000, "1 to 1000000000"),
        share_subscriptions: section.boolean("share_subscriptions", true),
        debug: debug(&section, backend),
    };
    backend::not_available_table(&section, "tls", &["cert_file", "key_file", "client_ca_file"]);
    section.not_available(&["user"]);
    check_access(&section, &clients, listen, backend);
    section.finish();
    clients
}

fn debug(section: &Section<'_>, backend: &Backend) -> DebugCommands {
    let debug = section.choice("debug", &DEBUG_COMMANDS, DebugCommands::Refuse);
    if debug == DebugCommands::Allow && !matches!(backend.kind, Kind::Fixed { .. }) {
        let what = format!(
            "DEBUG is about one node, and kind \"{}\" has several; allowed here: refuse",
            backend.kind.name()
        );
        section.fault("debug", what);
    }
    debug
}

fn auth(section: &Section<'_>) -> AuthMode {
    let Some(mode) = section.choice("auth", &AUTH_MODES.map(|(word, mode)| (word, Some(mode))), None) else {
        return AuthMode::Passthrough;
    };
    if mode.is_none() {
        section.fault("auth", "\"users\" is not available yet; allowed: passthrough, backend, none");
    }
    mode.unwrap_or(AuthMode::Passthrough)
}

/// Checks that only an explicit config gives the proxy's own rights to every client that reaches a listener, as `backend`
/// and `none` do.
fn check_access(section: &Section<'_>, clients: &Clients, listen: &[Listen], backend: &Backend) {
    let open = match clients.auth {
        AuthMode::Passthrough => return,
        AuthMode::Backend | AuthMode::None => listen.iter().find(|listen| !address::is_local(listen)),
    };
    if clients.auth == AuthMode::None && backend.credentials.is_some() {
        section.fault(
            "auth",
            "\"none\" is for a backend without a password; allowed here: passthrough, backend",
        );
    }
    if let Some(listen) = open.filter(|_| !clients.accept_open_access) {
        let what = format!(
            "everybody who reaches {listen} would act as the backend identity; allowed on loopback and unix sockets, \
             elsewhere with accept_open_access = true"
        );
        section.fault("auth", what);
    }
}

fn reads(section: Section<'_>, backend: &Backend) -> Reads {
    let from = section.choice("from", &READ_FROM, ReadFrom::Master);
    let max_lag = section.duration("max_lag", Duration::from_secs(1));
    match (&backend.kind, from) {
        (_, ReadFrom::Master) | (Kind::Sentinel { .. } | Kind::Cluster { .. }, _) => {}
        (
            kind @ (Kind::Fixed { .. } | Kind::Active { .. }),
            ReadFrom::PreferReplica | ReadFrom::Replica | ReadFrom::Nearest,
        ) => {
            let what = format!("a backend of kind \"{}\" has no replicas; allowed here: master", kind.name());
            section.fault("from", what);
        }
    }
    section.finish();
    Reads { from, max_lag }
}

fn replicas(section: Section<'_>) -> Replicas {
    let relay = section.boolean("relay", true);
    let compare = section.duration("compare", Duration::from_secs(60));
    section.finish();
    Replicas { relay, compare }
}

fn cluster(section: Section<'_>) -> Cluster {
    let cluster = Cluster { split_writes: section.boolean("split_writes", true) };
    section.finish();
    cluster
}

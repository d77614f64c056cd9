//! File descriptors: the number that the process may have, the number that it needs for itself, and the number of
//! clients that it can serve with the rest.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};

use crate::admin;
use crate::config::{Config, Kind, Proxy};
use crate::replicas;
use crate::worker::socket_budget::Limits;

/// For standard streams, signals, and files that libraries open for a moment, such as the resolver's.
const PROCESS: usize = 24;
/// For one runtime.
const RUNTIME: usize = 4;
/// For a listener and a socket that it has accepted and not passed on yet.
const LISTENER: usize = 2;
/// For the shared connections of a worker to a node: lanes of two protocol versions, reads, messages, a probe.
const LANES: usize = 5;
/// For the connections of discovery to one peer: one that asks and one that listens.
const ASKING: usize = 2;
/// The assumed number of nodes of a Sentinel group and of a cluster. Seeds may be fewer, since discovery finds the others.
const GROUP: usize = 3;
const CLUSTER: usize = 9;

/// The descriptors that the process needs beside its clients and their own connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reserve {
    /// For the process itself, its listeners, admin and discovery.
    fixed: usize,
    /// For the connections that clients share.
    shared: usize,
}

/// Raises the limit of open files as far as possible, logs it, and returns the limits on sockets that follow from it.
pub(super) fn limits(config: &Config) -> Limits {
    let files = raise();
    let wanted = config.proxies.iter().map(|proxy| proxy.clients.max_clients).sum();
    let reserve = Reserve::of(config);
    let limits = divide(files, wanted, reserve);
    let (max_clients, own_connections) = (limits.clients, limits.own);
    let reserved = files - limits.clients - limits.own;
    match limits.clients < wanted {
        false => info!(files, reserved, own_connections, max_clients, "open files"),
        true => warn!(
            files,
            reserved,
            own_connections,
            max_clients,
            configured = wanted,
            needed = needed(wanted, reserve),
            "the limit of open files allows fewer clients than max_clients: raise it (ulimit -n, LimitNOFILE)"
        ),
    }
    limits
}

/// Raises the soft limit of open files to the hard one, and returns the limit that holds then.
fn raise() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    usize::try_from(if raised { hard } else { soft }).unwrap_or(usize::MAX)
}

impl Reserve {
    fn of(config: &Config) -> Reserve {
        let workers = config.runtime.workers;
        let listeners: usize = config.proxies.iter().map(|proxy| proxy.listen.len()).sum();
        let admin = config.admin.listen.as_ref().map_or(0, |_| LISTENER + admin::server::MAX_CONNECTIONS);
        let discovery: usize = config.proxies.iter().map(|proxy| ASKING * peers(proxy)).sum();
        let sampler: usize = config.proxies.iter().map(sampled).sum();
        let replicas: usize = config.proxies.iter().map(kept_alike).sum();
        let nodes: usize = config.proxies.iter().map(nodes).sum();
        Reserve {
            fixed: PROCESS
                + RUNTIME * (workers + 1)
                + LISTENER * listeners
                + admin
                + discovery
                + sampler
                + replicas,
            shared: workers * nodes * LANES,
        }
    }
}

/// Returns the number of nodes that clients' commands may go to.
fn nodes(proxy: &Proxy) -> usize {
    match &proxy.backend.kind {
        Kind::Fixed { .. } => 1,
        Kind::Sentinel { .. } => GROUP,
        Kind::Cluster { seeds } => seeds.len().max(CLUSTER),
        Kind::Active { nodes } => nodes.len(),
    }
}

/// Returns the number of peers that discovery talks to.
fn peers(proxy: &Proxy) -> usize {
    let sentinels = match &proxy.backend.kind {
        Kind::Sentinel { sentinels, .. } => sentinels.len(),
        Kind::Fixed { .. } | Kind::Cluster { .. } | Kind::Active { .. } => 0,
    };
    sentinels + nodes(proxy)
}

/// Returns the number of connections for what keeps replicas like their masters: one to each node, and one to compare them.
fn kept_alike(proxy: &Proxy) -> usize {
    if replicas::are_there(proxy) { nodes(proxy) + 1 } else { 0 }
}

fn sampled(proxy: &Proxy) -> usize {
    if proxy.active.sampler.keys_per_second > 0 { nodes(proxy) } else { 0 }
}

/// Divides the descriptors. The reserve gets at most three quarters of them. Of the rest, up to a third is kept for
/// clients' own connections, of which every second client may have one.
fn divide(files: usize, wanted: usize, reserve: Reserve) -> Limits {
    let most = files - files / 4;
    let fixed = reserve.fixed.min(most);
    let shared = reserve.shared.min(most - fixed);
    let total = files - fixed;
    let left = total - shared;
    let clients = wanted.min(left - left / 3).max(1);
    Limits { total, clients, shared, own: wanted.div_ceil(2).min(left.saturating_sub(clients)) }
}

/// Returns the limit of open files that would allow as many clients as wanted.
fn needed(wanted: usize, reserve: Reserve) -> usize {
    reserve.fixed + reserve.shared + wanted + wanted.div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::one_proxy;

    fn config(urls: &[&str], workers: usize) -> Config {
        let proxies = urls.iter().map(|url| one_proxy(url).unwrap()).collect();
        let log = crate::config::Log { level: String::new(), format: crate::config::LogFormat::Text };
        let admin = crate::config::Admin { listen: Some("127.0.0.1:0".to_owned()), token_file: None };
        let runtime = crate::config::Runtime { workers, shutdown_grace: Default::default() };
        Config { admin, runtime, log, proxies }
    }

    #[test]
    fn the_reserve_follows_from_the_config() {
        let admin = LISTENER + admin::server::MAX_CONNECTIONS;
        let process = |workers: usize| PROCESS + RUNTIME * (workers + 1) + admin;
        for (urls, workers, fixed, shared) in [
            (&["redis://a:1"][..], 1, process(1) + 2, 5),
            (&["redis://a:1"], 8, process(8) + 2, 40),
            (&["redis-sentinel://a:1,b:1,c:1/m"], 2, process(2) + 12 + 4, 30),
            (&["redis-cluster://a:1"], 2, process(2) + 18 + 10, 90),
            (&["redis-active://a:1,b:1"], 2, process(2) + 4, 20),
            (&["redis://a:1", "redis-active://a:1,b:1,c:1"], 2, process(2) + 8, 40),
        ] {
            let mut config = config(urls, workers);
            config.proxies.iter_mut().for_each(|proxy| proxy.listen.clear());
            assert_eq!(Reserve::of(&config), Reserve { fixed, shared }, "{urls:?} {workers}");
        }
        let mut config = config(&["redis-active://a:1,b:1"], 1);
        config.proxies[0].listen.clear();
        let before = Reserve::of(&config);
        config.proxies[0].active.sampler.keys_per_second = 10;
        config.proxies[0].listen = vec![crate::config::Listen::Tcp("127.0.0.1:0".to_owned()); 3];
        config.admin.listen = None;
        assert_eq!(Reserve::of(&config).fixed, before.fixed + 2 + 3 * LISTENER - admin);
    }

    #[test]
    fn clients_get_what_is_left_and_no_more_than_is_wanted() {
        let reserve = Reserve { fixed: 100, shared: 20 };
        for (files, wanted, expected) in [
            (20_000, 10_000, (19_900, 10_000, 20, 5_000)),
            (15_120, 10_000, (15_020, 10_000, 20, 5_000)),
            (15_119, 10_000, (15_019, 10_000, 20, 4_999)),
            (15_117, 10_000, (15_017, 9_998, 20, 4_999)),
            (1_024, 10_000, (924, 603, 20, 301)),
            (1_024, 50, (924, 50, 20, 25)),
            (256, 600, (156, 91, 20, 45)),
            // The reserve does not take all descriptors.
            (64, 600, (16, 11, 0, 5)),
            (4, 600, (1, 1, 0, 0)),
        ] {
            let limits = divide(files, wanted, reserve);
            let found = (limits.total, limits.clients, limits.shared, limits.own);
            assert_eq!(found, expected, "{files} files, {wanted} clients");
            assert!(limits.clients + limits.shared + limits.own <= limits.total);
        }
        let enough = needed(10_000, reserve);
        assert_eq!(divide(enough, 10_000, reserve).clients, 10_000);
    }
}

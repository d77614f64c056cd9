//! A master with a sentinel, a replica with one, a sentinel alone, and the proxy.

use tideover_testbed::wait::wait_until;

use crate::hosts::{Hosts, ask};
use crate::live::LIMIT;

const SENTINELS: [&str; 3] = ["m", "r", "s"];

/// Starts all of it, with `down_after` in milliseconds. `None` if there are no namespaces.
pub(crate) async fn start(down_after: u32) -> Option<Hosts> {
    let mut hosts = Hosts::of(&["m", "r", "s", "p"])?;
    let master = hosts.net.address("m");
    hosts.start_server("m", "");
    hosts.start_server("r", &format!("--replicaof {master} 6379"));
    for host in SENTINELS {
        let config = format!(
            "sentinel monitor mymaster {master} 6379 2\nsentinel down-after-milliseconds mymaster {down_after}\n\
             sentinel failover-timeout mymaster 10000\n"
        );
        hosts.start_sentinel(host, &config);
    }
    for host in SENTINELS {
        knows_everybody(&hosts, host).await;
    }
    let sentinels = SENTINELS.map(|host| format!("{}:26379", hosts.net.address(host))).join(",");
    hosts.start_proxy(&format!("redis-sentinel://{sentinels}/mymaster")).await;
    Some(hosts)
}

/// Waits until the sentinel has found the others and the replica.
async fn knows_everybody(hosts: &Hosts, host: &str) {
    wait_until("the sentinel knows everybody", LIMIT, || async {
        let told = ask(hosts.at(host, 26379), "SENTINEL MASTER mymaster").await?;
        let known = ["num-slaves", "num-other-sentinels"].map(|name| told.field(name));
        let whole = [Some("1".to_owned()), Some("2".to_owned())];
        if known == whole { Ok(()) } else { Err(format!("{known:?}")) }
    })
    .await
    .unwrap();
}

//! Three masters, a replica of the first, and the proxy.

use tideover_testbed::wait::wait_until;

use crate::hosts::{Hosts, ask};
use crate::live::LIMIT;

/// The first master has the slot of the key tag `{b}`, 3300.
const MASTERS: [(&str, &str); 3] = [("m", "0 5460"), ("b", "5461 10922"), ("c", "10923 16383")];
const REPLICA: &str = "r";

/// Starts all of it, with `node_timeout` in milliseconds. `None` if there are no namespaces.
pub(crate) async fn start(node_timeout: u32) -> Option<Hosts> {
    let mut hosts = Hosts::of(&["m", "b", "c", "r", "p"])?;
    let options = format!("--cluster-enabled yes --cluster-node-timeout {node_timeout}");
    let masters = MASTERS.map(|(host, _)| host);
    for host in masters.into_iter().chain([REPLICA]) {
        hosts.start_server(host, &options);
        wait_until("the server answers", LIMIT, || ask(hosts.server(host), "PING")).await.unwrap();
    }
    let first = hosts.net.address("m");
    for (epoch, (host, slots)) in MASTERS.into_iter().enumerate() {
        must(&hosts, host, &format!("CLUSTER ADDSLOTSRANGE {slots}")).await;
        must(&hosts, host, &format!("CLUSTER SET-CONFIG-EPOCH {}", epoch + 1)).await;
        must(&hosts, host, &format!("CLUSTER MEET {first} 6379")).await;
    }
    must(&hosts, REPLICA, &format!("CLUSTER MEET {first} 6379")).await;
    for host in masters.into_iter().chain([REPLICA]) {
        says(&hosts, host, "CLUSTER INFO", &["cluster_state:ok", "cluster_known_nodes:4"]).await;
    }
    let id = ask(hosts.server("m"), "CLUSTER MYID").await.unwrap().text().unwrap();
    must(&hosts, REPLICA, &format!("CLUSTER REPLICATE {id}")).await;
    says(&hosts, REPLICA, "INFO replication", &["role:slave", "master_link_status:up"]).await;
    for host in masters {
        says(&hosts, host, "CLUSTER NODES", &[&format!("slave {id}")]).await;
    }
    let seeds = masters.map(|host| format!("{}:6379", hosts.net.address(host))).join(",");
    hosts.start_proxy(&format!("redis-cluster://{seeds}")).await;
    Some(hosts)
}

async fn must(hosts: &Hosts, host: &str, question: &str) {
    let reply = ask(hosts.server(host), question).await.unwrap();
    assert_eq!(reply.text().as_deref(), Some("OK"), "{question} at {host}");
}

async fn says(hosts: &Hosts, host: &str, question: &str, expected: &[&str]) {
    wait_until("the node knows the others", LIMIT, || async {
        let told = ask(hosts.server(host), question).await?.text().unwrap_or_default();
        if expected.iter().all(|part| told.contains(part)) { Ok(()) } else { Err(format!("{host}: {told}")) }
    })
    .await
    .unwrap();
}

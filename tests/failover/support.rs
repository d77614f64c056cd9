//! Helpers for the tests in front of a Sentinel group.

use std::net::SocketAddr;

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::jobs::Job;
use tideover_testbed::load::Load;
use tideover_testbed::round::SINGLE;
use tideover_testbed::sharing::Sharing;
use tideover_testbed::wait::wait_until;

pub(crate) use super::live::*;

/// Starts a healthy deployment.
pub(crate) async fn deployment(options: SentinelOptions) -> SentinelDeployment {
    let deployment = SentinelDeployment::start(options).await.unwrap();
    deployment.wait_until_healthy(LIMIT).await.unwrap();
    deployment
}

/// Returns clients under way with single keys, one for each depth: `c0`, `c1` and so on.
pub(crate) async fn load(proxy: &ProxyProcess, depths: &[usize]) -> Load {
    let jobs = Job::each("c", depths, SINGLE);
    Load::under_way(proxy.address(), &jobs, Sharing::Followed).await.unwrap()
}

/// Returns the node to which the proxy sends writes, as the proxy shows it.
pub(crate) async fn master_of(proxy: &ProxyProcess) -> Option<String> {
    let topology = topology(proxy).await;
    let nodes = topology["shards"][0]["nodes"].as_array()?.clone();
    let master = nodes.iter().find(|node| node["role"] == "master" && node["state"] == "up")?;
    master["endpoint"].as_str().map(str::to_owned)
}

/// Asks for a failover with a living master until a sentinel takes the request, as the one before may not be over.
pub(crate) async fn fail_over(deployment: &SentinelDeployment) {
    let asked = wait_until("a sentinel takes the request", LIMIT, || async {
        deployment.planned_failover().await.map_err(|error| error.to_string())
    });
    asked.await.unwrap();
}

/// Returns the role that a node reports: `master` or `slave`.
pub(crate) async fn role(deployment: &SentinelDeployment, node: SocketAddr) -> String {
    let Ok(mut client) = deployment.client(node).await else { return String::new() };
    let role = client.call(&["ROLE"]).await;
    role.ok().and_then(|role| role.elements().first().and_then(Reply::text)).unwrap_or_default()
}

/// Collects every command that reaches a node from now on, as MONITOR prints it, until the node ends the connection.
pub(crate) async fn monitor(
    deployment: &SentinelDeployment,
    node: SocketAddr,
) -> tokio::task::JoinHandle<Vec<String>> {
    let mut client = Client::connect(node, LIMIT).await.unwrap();
    if let Some(password) = deployment.password() {
        client.must(&["AUTH", password]).await.unwrap();
    }
    client.must(&["MONITOR"]).await.unwrap();
    tokio::spawn(async move {
        let mut lines = Vec::new();
        while let Ok(line) = client.reply().await {
            lines.extend(line.text());
        }
        lines
    })
}

//! Helpers for the tests in front of a cluster.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use tideover_testbed::client::Reply;
use tideover_testbed::cluster::slots::name_within;
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::jobs::Job;
use tideover_testbed::load::Load;
use tideover_testbed::sharing::Sharing;
use tideover_testbed::wait::wait_until;

pub(crate) use super::live::*;

/// A slot in each of the three shards of a new cluster.
pub(crate) const SLOTS: [u16; 3] = [0, 6000, 12000];

/// Starts a healthy cluster.
pub(crate) async fn cluster(options: ClusterOptions) -> ClusterDeployment {
    ClusterDeployment::start(options).await.unwrap()
}

pub(crate) async fn master_of(cluster: &ClusterDeployment, slot: u16) -> SocketAddr {
    cluster.master_of(slot).await.expect("a master of the slot")
}

/// Clients under way that do these jobs.
pub(crate) async fn load(proxy: &ProxyProcess, jobs: &[Job]) -> Load {
    Load::under_way(proxy.address(), jobs, Sharing::Followed).await.unwrap()
}

/// One client for each depth, its keys in slots of their own.
pub(crate) fn spread(name: &str, depths: &[usize]) -> Vec<Job> {
    let job = |(index, depth): (usize, &usize)| Job::full(*depth, |key| format!("{{{name}{index}-{key}}}"));
    depths.iter().enumerate().map(job).collect()
}

/// One client for each depth, all its keys in one of these slots.
pub(crate) fn within(name: &str, slots: RangeInclusive<u16>, depths: &[usize]) -> Vec<Job> {
    let job = |(index, depth): (usize, &usize)| {
        let tag = tagged(&format!("{name}{index}x"), slots.clone());
        Job::full(*depth, |key| format!("{tag}{key}"))
    };
    depths.iter().enumerate().map(job).collect()
}

/// Returns a hash tag in one of these slots.
pub(crate) fn tagged(name: &str, slots: RangeInclusive<u16>) -> String {
    format!("{{{}}}", name_within(name, &slots))
}

/// Waits until so many clients are blocked on the node.
pub(crate) async fn wait_for_blocked(cluster: &ClusterDeployment, node: SocketAddr, count: usize) {
    wait_until("a blocked client on the node", LIMIT, || async {
        let info = info(cluster, node, "clients").await;
        if info.contains(&format!("blocked_clients:{count}\r\n")) { Ok(()) } else { Err(info) }
    })
    .await
    .unwrap();
}

/// Returns a section of a node's INFO; empty if it does not answer.
pub(crate) async fn info(cluster: &ClusterDeployment, node: SocketAddr, section: &str) -> String {
    let Ok(mut client) = cluster.client(node).await else { return String::new() };
    client.call(&["INFO", section]).await.ok().and_then(|info| info.text()).unwrap_or_default()
}

/// Waits until a node says of the cluster that it is `ok` or `fail`.
pub(crate) async fn wait_for_state(cluster: &ClusterDeployment, node: SocketAddr, state: &str) {
    wait_until("the state of the cluster", LIMIT, || async {
        let mut client = cluster.client(node).await.map_err(|error| error.to_string())?;
        let info = client.call(&["CLUSTER", "INFO"]).await.map_err(|error| error.to_string())?;
        let info = info.text().unwrap_or_default();
        let fits = info.lines().any(|line| line == format!("cluster_state:{state}"));
        if fits { Ok(()) } else { Err(info) }
    })
    .await
    .unwrap();
}

pub(crate) fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

pub(crate) fn ok() -> Reply {
    Reply::Simple("OK".into())
}

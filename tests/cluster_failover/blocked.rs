//! Tests clients that wait for an element while their master changes or their slot moves.

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::front::ProxyProcess;

use super::support::{LIMIT, SLOTS, bulk, client, cluster, master_of, metric, proxy, run, wait_for_blocked};

/// The slot of the hash tag `{hello}`.
const SLOT: u16 = 866;

async fn blocked_on(cluster: &ClusterDeployment, proxy: &ProxyProcess) -> Client {
    let mut blocked = client(proxy.address()).await;
    blocked.send(&["BLPOP", "{hello}:queue", "0"]).await.unwrap();
    wait_for_blocked(cluster, master_of(cluster, SLOT).await, 1).await;
    blocked
}

/// The waiting client gets the element, and it is gone.
async fn is_served(mut blocked: Client, proxy: &ProxyProcess) {
    let mut other = client(proxy.address()).await;
    assert_eq!(other.call(&["RPUSH", "{hello}:queue", "element"]).await.unwrap(), Reply::Integer(1));
    assert_eq!(blocked.reply().await.unwrap(), Reply::Array(vec![bulk("{hello}:queue"), bulk("element")]));
    assert_eq!(other.call(&["LLEN", "{hello}:queue"]).await.unwrap(), Reply::Integer(0));
    assert_eq!(metric(proxy, "uncertain_total", &[]).await, 0.0);
}

#[test]
fn a_client_goes_on_waiting_through_planned_failovers() {
    run(async {
        let cluster = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let blocked = blocked_on(&cluster, &proxy).await;
        let new = cluster.planned_failover(SLOT, None).await.unwrap();
        wait_for_blocked(&cluster, new, 1).await;
        let new = cluster.planned_failover(SLOT, Some("TAKEOVER")).await.unwrap();
        wait_for_blocked(&cluster, new, 1).await;
        is_served(blocked, &proxy).await;
    });
}

#[test]
fn a_client_goes_on_waiting_when_its_slot_moves() {
    run(async {
        let cluster = cluster(ClusterOptions { replicas: 0, ..ClusterOptions::default() }).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let blocked = blocked_on(&cluster, &proxy).await;
        let (from, to) = (master_of(&cluster, SLOT).await, master_of(&cluster, SLOTS[2]).await);
        cluster.reshard(from, to, SLOT..=SLOT).await.unwrap();
        wait_for_blocked(&cluster, to, 1).await;
        is_served(blocked, &proxy).await;
    });
}

/// Commands that wait at a killed master wait at the next one, in front of commands that were sent while there was
/// none.
#[test]
fn a_client_goes_on_waiting_when_its_master_is_killed() {
    run(async {
        let mut cluster = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &["failover.hold=60s"]).await;
        let blocked = blocked_on(&cluster, &proxy).await;
        let master = master_of(&cluster, SLOT).await;
        cluster.kill(master);
        let mut later = client(proxy.address()).await;
        later.send(&["BLPOP", "{hello}:later", "0"]).await.unwrap();
        let new = cluster.wait_for_switch(SLOT, master, LIMIT).await.unwrap();
        wait_for_blocked(&cluster, new, 2).await;
        is_served(blocked, &proxy).await;
        client(proxy.address()).await.must(&["RPUSH", "{hello}:later", "element"]).await.unwrap();
        assert_eq!(later.reply().await.unwrap(), Reply::Array(vec![bulk("{hello}:later"), bulk("element")]));
    });
}

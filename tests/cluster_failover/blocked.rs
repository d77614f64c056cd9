//! Clients that wait for an element while their master changes or their slot moves.

use std::time::Duration;

use tideover::demo::client::{Client, Reply};
use tideover::demo::cluster::{ClusterDeployment, ClusterOptions};
use tideover::demo::front::ProxyProcess;

use super::support::{
    SLOTS, bulk, client, cluster, error_text, master_of, metric, proxy, run, wait_for_blocked,
};

/// Of the hash tag `{hello}`.
const SLOT: u16 = 866;

async fn blocked_on(cluster: &ClusterDeployment, proxy: &ProxyProcess) -> Client {
    let mut blocked = client(proxy.address()).await;
    blocked.send(&["BLPOP", "{hello}:queue", "0"]).await.unwrap();
    wait_for_blocked(cluster, master_of(cluster, SLOT).await, 1).await;
    blocked
}

/// The element comes to the one that waits, and is gone.
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

/// What waits when its master is killed may have popped: nobody knows. What is sent while there is none is held.
#[test]
fn a_pop_in_flight_at_a_kill_is_unknown_and_one_after_it_is_held() {
    run(async {
        let mut cluster = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let mut blocked = blocked_on(&cluster, &proxy).await;
        let master = master_of(&cluster, SLOT).await;
        cluster.kill(master);
        assert_eq!(error_text(&blocked.reply().await.unwrap()).split(' ').next(), Some("UNCERTAIN"));
        let mut later = client(proxy.address()).await;
        later.send(&["BLPOP", "{hello}:queue", "0"]).await.unwrap();
        let mut other = client(proxy.address()).await;
        let sent = std::time::Instant::now();
        assert_eq!(other.call(&["RPUSH", "{hello}:queue", "element"]).await.unwrap(), Reply::Integer(1));
        assert!(sent.elapsed() > Duration::from_secs(1), "it was held until there was a master again");
        assert_eq!(later.reply().await.unwrap(), Reply::Array(vec![bulk("{hello}:queue"), bulk("element")]));
    });
}

//! Checks that the cluster of the test bed does what the demo and the integration tests rely on.

use std::time::Duration;

use tideover_testbed::client::Reply;
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(30);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

#[test]
fn a_killed_master_is_replaced_and_comes_back_as_a_replica() {
    block_on(async {
        let mut cluster = ClusterDeployment::start(ClusterOptions::default()).await.unwrap();
        assert_eq!(cluster.nodes().len(), 6);
        let first = cluster.master_of(0).await.unwrap();
        let replica = cluster.replicas_of(first).await[0];
        cluster.kill(first);
        let moved = || async {
            let master = cluster.master_of(0).await;
            if master == Some(replica) { Ok(()) } else { Err(format!("{master:?}")) }
        };
        wait_until("the replica owns the slot", LIMIT, moved).await.unwrap();
        cluster.restart(first).await.unwrap();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
        assert_eq!(cluster.replicas_of(replica).await, [first]);
    });
}

#[test]
fn slots_move_with_their_keys_and_shards_come_and_go() {
    block_on(async {
        let options = ClusterOptions {
            password: Some("node secret".into()),
            replicas: 0,
            full_coverage: false,
            ..ClusterOptions::default()
        };
        let mut cluster = ClusterDeployment::start(options).await.unwrap();
        assert!(cluster.url().starts_with("redis-cluster://:node%20secret@127.0.0.1:"));
        // Slot 866.
        let from = cluster.master_of(866).await.unwrap();
        let mut client = cluster.client(from).await.unwrap();
        assert_eq!(client.call(&["SET", "hello", "you"]).await.unwrap(), Reply::Simple("OK".into()));
        let to = cluster.add_node().await.unwrap();
        cluster.reshard(from, to, 860..=870).await.unwrap();
        assert_eq!(cluster.master_of(866).await, Some(to));
        let mut client = cluster.client(to).await.unwrap();
        assert_eq!(client.call(&["GET", "hello"]).await.unwrap(), Reply::Bulk("you".into()));
        cluster.wait_until_healthy(LIMIT).await.unwrap();

        cluster.reshard(to, from, 860..=870).await.unwrap();
        cluster.remove_node(to).await.unwrap();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
        assert_eq!(cluster.nodes().len(), 3);
    });
}

/// Fails over one replica of each shard: masters vote only once in two node timeouts for replicas of the same master.
#[test]
fn a_replica_takes_over_when_asked() {
    block_on(async {
        let cluster = ClusterDeployment::start(ClusterOptions::default()).await.unwrap();
        for (slot, how) in [(0, None), (10_000, Some("FORCE")), (16_000, Some("TAKEOVER"))] {
            let replica = cluster.planned_failover(slot, how).await.unwrap();
            assert_eq!(cluster.master_of(slot).await, Some(replica));
            cluster.wait_until_healthy(LIMIT).await.unwrap();
        }
    });
}

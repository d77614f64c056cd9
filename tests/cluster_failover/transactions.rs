//! Tests transactions and watches while their slot moves or their master changes.

use std::net::SocketAddr;

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::front::ProxyProcess;

use super::support::{SLOTS, bulk, client, cluster, master_of, metric, ok, proxy, run};

/// The slot of the hash tag `{hello}`.
const SLOT: u16 = 866;

struct Scene {
    cluster: ClusterDeployment,
    proxy: ProxyProcess,
    client: Client,
    from: SocketAddr,
    to: SocketAddr,
}

impl Scene {
    async fn new(replicas: usize) -> Self {
        let cluster = cluster(ClusterOptions { replicas, ..ClusterOptions::default() }).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let mut client = client(proxy.address()).await;
        client.must(&["MSET", "{hello}:a", "1", "{hello}:b", "2"]).await.unwrap();
        let (from, to) = (master_of(&cluster, SLOT).await, master_of(&cluster, SLOTS[2]).await);
        Self { cluster, proxy, client, from, to }
    }

    async fn call(&mut self, line: &str) -> Reply {
        self.client.call(&line.split(' ').collect::<Vec<_>>()).await.unwrap()
    }

    /// Sends MULTI and two commands that are queued.
    async fn queue(&mut self) {
        assert_eq!(self.call("MULTI").await, ok());
        for line in ["INCR {hello}:a", "INCR {hello}:b"] {
            assert_eq!(self.call(line).await, Reply::Simple("QUEUED".into()));
        }
    }

    async fn move_slot(&self) {
        self.cluster.reshard(self.from, self.to, SLOT..=SLOT).await.unwrap();
    }
}

fn integers(all: &[i64]) -> Reply {
    Reply::Array(all.iter().map(|number| Reply::Integer(*number)).collect())
}

#[test]
fn a_transaction_runs_where_its_slot_has_gone() {
    run(async {
        let mut scene = Scene::new(0).await;
        scene.queue().await;
        scene.move_slot().await;
        assert_eq!(scene.call("EXEC").await, integers(&[2, 3]));
        scene.queue().await;
        assert_eq!(scene.call("EXEC").await, integers(&[3, 4]));
        assert_eq!(metric(&scene.proxy, "uncertain_total", &[]).await, 0.0);
    });
}

/// One key of the transaction has moved, one has not: it waits until both are in one place.
#[test]
fn a_transaction_over_keys_that_are_half_moved_waits_for_the_rest() {
    run(async {
        let mut scene = Scene::new(0).await;
        let (from, to) = (scene.from, scene.to);
        scene.cluster.open_slot(from, to, SLOT).await.unwrap();
        scene.cluster.move_key(from, to, "{hello}:a").await.unwrap();
        scene.client.send(&["MULTI"]).await.unwrap();
        scene.client.send(&["INCR", "{hello}:a"]).await.unwrap();
        scene.client.send(&["INCR", "{hello}:b"]).await.unwrap();
        scene.client.send(&["EXEC"]).await.unwrap();
        scene.cluster.move_keys(from, to, SLOT).await.unwrap();
        scene.cluster.close_slot(from, to, SLOT).await.unwrap();
        assert_eq!(scene.client.reply().await.unwrap(), ok());
        for _ in 0..2 {
            assert_eq!(scene.client.reply().await.unwrap(), Reply::Simple("QUEUED".into()));
        }
        assert_eq!(scene.client.reply().await.unwrap(), integers(&[2, 3]));
    });
}

/// A watch is bound to one connection to one node. When the slot has moved it cannot be kept, and EXEC answers null,
/// which every client understands.
#[test]
fn a_watch_fails_when_its_slot_has_moved_and_the_next_try_succeeds() {
    run(async {
        let mut scene = Scene::new(0).await;
        assert_eq!(scene.call("WATCH {hello}:a").await, ok());
        assert_eq!(scene.call("GET {hello}:a").await, bulk("1"));
        scene.move_slot().await;
        scene.queue().await;
        assert_eq!(scene.call("EXEC").await, Reply::Nil);
        assert_eq!(scene.call("GET {hello}:a").await, bulk("1"));
        assert_eq!(scene.call("WATCH {hello}:a").await, ok());
        scene.queue().await;
        assert_eq!(scene.call("EXEC").await, integers(&[2, 3]));
    });
}

#[test]
fn a_watch_fails_and_a_transaction_runs_after_a_planned_failover() {
    run(async {
        let mut scene = Scene::new(1).await;
        let mut watching = client(scene.proxy.address()).await;
        watching.must(&["WATCH", "{hello}:a"]).await.unwrap();
        scene.queue().await;
        scene.cluster.planned_failover(SLOT, None).await.unwrap();
        assert_eq!(scene.call("EXEC").await, integers(&[2, 3]));
        watching.must(&["MULTI"]).await.unwrap();
        watching.call(&["SET", "{hello}:a", "over"]).await.unwrap();
        assert_eq!(watching.call(&["EXEC"]).await.unwrap(), Reply::Nil);
        assert_eq!(scene.call("GET {hello}:a").await, bulk("2"));
    });
}

//! Tests slots that move while clients use them.

use std::time::Instant;

use tideover_testbed::client::{Client, Reply, encode};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::front::ProxyProcess;

use super::support::{
    SLOTS, bulk, client, cluster, load, master_of, measured, metric, ok, proxy, run, spread, tagged,
    wait_for_metric, within,
};

/// Checks that there is no error, nothing is lost or doubled, and the order of every client is kept.
#[test]
#[ignore = "make test-failovers"]
fn four_thousand_slots_move_under_load_and_back_and_nobody_sees_it() {
    run(resharded(ClusterOptions { replicas: 0, ..ClusterOptions::default() }, 4000, Way::Keys));
}

/// The way in which slots move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Slot by slot, a few keys at a time.
    Keys,
    /// All at one moment.
    AtOnce,
}

pub(crate) async fn resharded(options: ClusterOptions, count: u16, way: Way) {
    let cluster = cluster(options).await;
    let proxy = proxy(&cluster.url(), &[]).await;
    let last = count - 1;
    let jobs = [spread("c", &[0, 0, 4]), within("t", 0..=last, &[0, 0, 1, 4])].concat();
    let load = load(&proxy, &jobs).await;
    filler(&cluster, last).await;
    let (from, to) = (master_of(&cluster, SLOTS[0]).await, master_of(&cluster, SLOTS[1]).await);
    let before = load.rounds();
    for (from, to) in [(from, to), (to, from)] {
        let started = Instant::now();
        match way {
            Way::Keys => cluster.reshard(from, to, 0..=last).await.unwrap(),
            Way::AtOnce => cluster.reshard_at_once(from, to, 0..=last).await.unwrap(),
        }
        measured(&format!("{count} slots moved within"), started);
        load.advance(5).await.unwrap();
    }
    let done: Vec<u64> = load.rounds().iter().zip(before).map(|(now, before)| now - before).collect();
    println!("steps of each client while slots moved: {done:?}");
    for reason in ["moved", "ask", "tryagain"] {
        let label = format!("reason=\"{reason}\"");
        println!("retries for {reason}: {}", metric(&proxy, "retries_total", &[&label]).await);
    }
    let books = load.finish().await.unwrap();
    books.assert_unnoticed(&cluster).await.unwrap();
    assert_eq!(books.older(), 0, "a client read what it had written over");
    assert_eq!(metric(&proxy, "uncertain_total", &[]).await, 0.0);
    assert!(metric(&proxy, "retries_total", &["reason=\"moved\""]).await > 0.0);
}

/// Writes keys, so that the slots are not empty.
async fn filler(cluster: &ClusterDeployment, last: u16) {
    let master = master_of(cluster, SLOTS[0]).await;
    let mut client = cluster.client(master).await.unwrap();
    for number in 0..400 {
        let key = format!("{}:{number}", tagged(&format!("filler{number}x"), 0..=last));
        client.must(&["SET", &key, "1"]).await.unwrap();
    }
}

/// A slot that is about to move, and a client.
struct Open {
    cluster: ClusterDeployment,
    proxy: ProxyProcess,
    client: Client,
    from: std::net::SocketAddr,
    to: std::net::SocketAddr,
}

/// The slot of the hash tag `{hello}`, used below.
const SLOT: u16 = 866;

impl Open {
    /// Writes `{hello}:a` and `{hello}:b`, and begins to move the slot.
    async fn with_two_keys() -> Self {
        let cluster = cluster(ClusterOptions { replicas: 0, ..ClusterOptions::default() }).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let mut client = client(proxy.address()).await;
        client.must(&["MSET", "{hello}:a", "1", "{hello}:b", "2"]).await.unwrap();
        let (from, to) = (master_of(&cluster, SLOT).await, master_of(&cluster, SLOTS[2]).await);
        cluster.open_slot(from, to, SLOT).await.unwrap();
        Self { cluster, proxy, client, from, to }
    }

    async fn call(&mut self, line: &str) -> Reply {
        self.client.call(&line.split(' ').collect::<Vec<_>>()).await.unwrap()
    }

    async fn retries(&self, reason: &str) -> f64 {
        metric(&self.proxy, "retries_total", &[&format!("reason=\"{reason}\"")]).await
    }
}

/// ASK for single keys, in pipelines and in transactions; new keys go to the new node.
#[test]
fn keys_of_an_open_slot_are_found_where_they_are() {
    run(async {
        let mut open = Open::with_two_keys().await;
        open.cluster.move_key(open.from, open.to, "{hello}:a").await.unwrap();
        assert_eq!(open.call("GET {hello}:a").await, bulk("1"));
        assert_eq!(open.call("GET {hello}:b").await, bulk("2"));
        assert_eq!(open.call("SET {hello}:new 3").await, ok());
        assert_eq!(open.call("GET {hello}:new").await, bulk("3"));
        let lines = ["INCR {hello}:a", "INCR {hello}:b", "INCR {hello}:a", "GET {hello}:b", "GET {hello}:a"];
        let bytes: Vec<u8> =
            lines.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect();
        open.client.write(&bytes).await.unwrap();
        for expected in [Reply::Integer(2), Reply::Integer(3), Reply::Integer(3), bulk("3"), bulk("3")] {
            assert_eq!(open.client.reply().await.unwrap(), expected);
        }
        for line in ["MULTI", "INCR {hello}:a", "GET {hello}:a"] {
            open.call(line).await;
        }
        assert_eq!(open.call("EXEC").await, Reply::Array(vec![Reply::Integer(4), bulk("4")]));
        assert!(open.retries("ask").await > 0.0);
        let mut new = open.cluster.client(open.to).await.unwrap();
        let there = new.must(&["CLUSTER", "COUNTKEYSINSLOT", &SLOT.to_string()]).await.unwrap();
        assert_eq!(there, Reply::Integer(2), "a and new are on the new node");
    });
}

/// TRYAGAIN: neither node has all the keys of one command.
#[test]
fn a_command_over_keys_that_are_half_moved_waits_for_the_rest_and_others_keep_their_order() {
    run(async {
        let mut open = Open::with_two_keys().await;
        open.cluster.move_key(open.from, open.to, "{hello}:a").await.unwrap();
        let lines =
            ["MSET {hello}:a 8 {hello}:b 9", "GET {hello}:a", "MGET {hello}:a {hello}:b", "GET {hello}:b"];
        let bytes: Vec<u8> =
            lines.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect();
        open.client.write(&bytes).await.unwrap();
        wait_for_metric(&open.proxy, "retries_total", &["reason=\"tryagain\""], |retries| retries > 2.0)
            .await;
        let mut other = client(open.proxy.address()).await;
        assert_eq!(other.call(&["GET", "{hello}:b"]).await.unwrap(), bulk("2"), "others do not wait");
        open.cluster.move_keys(open.from, open.to, SLOT).await.unwrap();
        let replies = [ok(), bulk("8"), Reply::Array(vec![bulk("8"), bulk("9")]), bulk("9")];
        for expected in replies {
            assert_eq!(open.client.reply().await.unwrap(), expected);
        }
        open.cluster.close_slot(open.from, open.to, SLOT).await.unwrap();
        assert_eq!(open.call("GET {hello}:b").await, bulk("9"));
    });
}

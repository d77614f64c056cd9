//! Tests the master of a shard that is killed, hangs, or is cut off from the others.

use std::time::{Duration, Instant};

use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::front::ProxyProcess;

use super::support::{
    LIMIT, SLOTS, client, cluster, info, load, master_of, measured, metric, ok, proxy, run, spread, tagged,
    topology, wait_for_state, within,
};
use super::wire::Wires;
use tideover_testbed::audit::Books;
use tideover_testbed::load::Load;

#[test]
fn a_killed_master_costs_clients_nothing_but_unknown_outcomes_in_flight() {
    run(killed(ClusterOptions::default()));
}

/// With full coverage, no node serves anything for a while.
pub(crate) async fn killed(options: ClusterOptions) {
    let mut cluster = cluster(options).await;
    let proxy = proxy(&cluster.url(), &[]).await;
    let load = crowd(&proxy).await;
    load.advance(30).await.unwrap();

    let old = master_of(&cluster, SLOTS[0]).await;
    let replica = cluster.replicas_of(old).await[0];
    let killed = Instant::now();
    cluster.kill(old);
    let outage = tokio::spawn(first_write(replica, killed));
    load.advance(100).await.unwrap();
    measured("from the kill until every client was served again", killed);
    let new = cluster.wait_for_switch(SLOTS[0], old, LIMIT).await.unwrap();
    let (books, outage) = (load.finish().await.unwrap(), outage.await.unwrap());
    let added = books.slowest.saturating_sub(outage);
    println!("the shard's own outage {outage:?}, longest stall {:?}, added {added:?}", books.slowest);
    assert!(added < ADDED, "{added:?}");

    only_unknown_outcomes(&books, &cluster).await;
    let unknown = books.errors_of("UNCERTAIN") as f64;
    assert_eq!(metric(&proxy, "uncertain_total", &[]).await, unknown);
    assert_eq!(metric(&proxy, "held_commands", &[]).await, 0.0);
    assert_eq!(metric(&proxy, "held_bytes", &[]).await, 0.0);
    let told = topology(&proxy).await;
    assert_eq!(metric(&proxy, "failovers_total", &[]).await, 1.0, "{told:#}");
    assert_eq!(told["ready"], true, "{told:#}");
    let nodes = told["shards"][0]["nodes"].as_array().unwrap().clone();
    assert!(
        nodes.iter().any(|node| node["role"] == "master" && node["endpoint"] == new.to_string()),
        "{told:#}"
    );
}

/// The time that the proxy may add to the outage of the shard. On an idle machine it is a tenth of this.
const ADDED: Duration = Duration::from_secs(1);

/// Returns how long after the kill the node took a write of the first shard.
async fn first_write(node: std::net::SocketAddr, killed: Instant) -> Duration {
    let key = tagged("probe", 0..=5000);
    let mut direct = client(node).await;
    while direct.call(&["SET", &key, "1"]).await.unwrap() != ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    killed.elapsed()
}

/// Starts clients of all shards, and of the first one alone.
async fn crowd(proxy: &ProxyProcess) -> Load {
    let jobs = [spread("c", &[0, 0, 1, 8]), within("t", 0..=5000, &[0, 8])].concat();
    load(proxy, &jobs).await
}

async fn only_unknown_outcomes(books: &Books, cluster: &ClusterDeployment) {
    books.assert_no_mix_up();
    books.assert_only_uncertain();
    books.audit_cluster(cluster).await.unwrap().assert_nothing_doubled();
}

/// The node's sockets stay open, and it goes on when it is no longer needed: then it still says that it is a master,
/// and runs what is in its sockets.
#[test]
fn a_hung_master_is_left_behind_and_does_no_harm_when_it_goes_on() {
    run(async {
        let mut cluster = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let load = crowd(&proxy).await;
        let old = master_of(&cluster, SLOTS[0]).await;
        let hung = Instant::now();
        cluster.node_at(old).unwrap().process().stop();
        load.advance(100).await.unwrap();
        measured("from the hang until every client was served again", hung);
        cluster.wait_for_switch(SLOTS[0], old, LIMIT).await.unwrap();
        cluster.node_at(old).unwrap().process().cont();
        load.advance(100).await.unwrap();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
        load.advance(20).await.unwrap();
        only_unknown_outcomes(&load.finish().await.unwrap(), &cluster).await;
    });
}

/// The other nodes do not reach it, while it serves its clients: it says that it is the master until it finds itself
/// alone.
#[test]
fn a_master_that_is_cut_off_from_the_others_is_left_without_an_error() {
    run(async {
        let cluster = cluster(ClusterOptions::default()).await;
        let wires = Wires::before(&cluster).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let load = crowd(&proxy).await;
        let old = master_of(&cluster, SLOTS[0]).await;
        let cut = Instant::now();
        wires.cut_off(old).await;
        cluster.wait_for_switch(SLOTS[0], old, LIMIT).await.unwrap();
        measured("from the cut until there was another master", cut);
        load.advance(50).await.unwrap();
        let says = info(&cluster, old, "replication").await;
        assert!(says.contains("role:master"), "it believes itself master: {says}");
        wait_for_state(&cluster, old, "fail").await;
        load.advance(50).await.unwrap();
        wires.mend();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
        load.advance(50).await.unwrap();

        let books = load.finish().await.unwrap();
        books.assert_unnoticed(&cluster).await.unwrap();
    });
}

/// The tolerated stall of other clients: far less than a failover takes. The proxy adds a fraction of it; the rest is
/// for a busy machine.
const UNTOUCHED: Duration = Duration::from_secs(1);

#[test]
fn clients_of_other_shards_see_nothing_of_a_killed_master() {
    run(async {
        let options = ClusterOptions { full_coverage: false, ..ClusterOptions::default() };
        let mut cluster = cluster(options).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let touched = load(&proxy, &within("a", 0..=5460, &[0, 4])).await;
        let jobs = [within("b", 5461..=10921, &[0, 4]), within("c", 10922..=16383, &[0, 4])].concat();
        let untouched = load(&proxy, &jobs).await;
        untouched.advance(200).await.unwrap();
        untouched.take_slowest();
        untouched.advance(300).await.unwrap();
        let usual = untouched.take_slowest();

        let killed = Instant::now();
        let master = master_of(&cluster, SLOTS[0]).await;
        cluster.kill(master);
        touched.advance(10).await.unwrap();
        let longest = untouched.take_slowest();
        println!(
            "clients of other shards: longest stall {longest:?}, usual {usual:?}; those of the shard waited {:?}",
            killed.elapsed()
        );
        let (touched, untouched) = (touched.finish().await.unwrap(), untouched.finish().await.unwrap());
        assert!(killed.elapsed() > Duration::from_secs(1) && longest < usual + UNTOUCHED, "{longest:?}");
        untouched.assert_unnoticed(&cluster).await.unwrap();
        only_unknown_outcomes(&touched, &cluster).await;
    });
}

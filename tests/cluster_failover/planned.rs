//! Tests a replica that takes over from a living master: clients may see nothing but a pause.

use std::time::Instant;

use tideover_testbed::cluster::ClusterOptions;

use super::support::{LIMIT, SLOTS, cluster, load, measured, metric, proxy, run, spread, within};

/// Fails over every shard once. The old master hands over all its data, so nothing is lost either.
#[test]
fn planned_failovers_show_no_error_and_keep_the_order_of_every_client() {
    run(handed_over(ClusterOptions::default()));
}

pub(crate) async fn handed_over(options: ClusterOptions) {
    let cluster = cluster(options).await;
    let proxy = proxy(&cluster.url(), &[]).await;
    let jobs = [spread("c", &[0, 0, 1, 16]), within("t", 0..=5000, &[0, 32])].concat();
    let load = load(&proxy, &jobs).await;
    for slot in SLOTS {
        let asked = Instant::now();
        cluster.planned_failover(slot, None).await.unwrap();
        load.advance(20).await.unwrap();
        measured("a planned failover until every client went on", asked);
        cluster.wait_until_healthy(LIMIT).await.unwrap();
    }
    load.advance(30).await.unwrap();
    let books = load.finish().await.unwrap();
    books.assert_unnoticed(&cluster).await.unwrap();
    assert_eq!(books.older(), 0, "a client read what it had written over");
    assert_eq!(metric(&proxy, "uncertain_total", &[]).await, 0.0);
    assert_eq!(metric(&proxy, "failovers_total", &[]).await, 3.0);
}

/// The old master is not asked. It may lose its last acknowledged writes, but no client gets an error.
#[test]
fn forced_failovers_and_takeovers_show_no_error() {
    run(async {
        let cluster = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let jobs = [spread("c", &[0, 0, 1, 16]), within("t", 0..=5000, &[0, 32])].concat();
        let load = load(&proxy, &jobs).await;
        for (slot, how) in [(SLOTS[0], "FORCE"), (SLOTS[1], "TAKEOVER"), (SLOTS[2], "FORCE")] {
            let asked = Instant::now();
            cluster.planned_failover(slot, Some(how)).await.unwrap();
            load.advance(20).await.unwrap();
            measured(&format!("{how} until every client went on"), asked);
            cluster.wait_until_healthy(LIMIT).await.unwrap();
        }
        load.advance(30).await.unwrap();
        let books = load.finish().await.unwrap();
        books.assert_no_mix_up();
        books.assert_no_error();
        let audit = books.audit_cluster(&cluster).await.unwrap();
        audit.assert_nothing_doubled();
        assert!(books.older() <= (audit.faults.lost.rpush + 1) * 20, "{} older reads", books.older());
        assert_eq!(metric(&proxy, "uncertain_total", &[]).await, 0.0);
    });
}

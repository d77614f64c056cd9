//! Tests failovers with a living master: clients may see nothing but a pause.

use std::time::{Duration, Instant};

use tideover_testbed::deployment::SentinelOptions;

use super::support::{LIMIT, deployment, fail_over, load, measured, metric, proxy, role, run};
use tideover_testbed::wait::wait_until;

/// Each client reads in the same pipeline what it has just written, so that it checks its own order all the time.
#[test]
fn planned_failovers_in_a_row_show_no_error_and_each_client_sees_its_own_writes_in_order() {
    run(async {
        let deployment = deployment(SentinelOptions::default()).await;
        let proxy = proxy(&deployment.url(), &[]).await;
        let load = load(&proxy, &[0, 0, 1, 16, 100]).await;
        let mut master = deployment.master().await.unwrap();
        for _ in 0..3 {
            let asked = Instant::now();
            fail_over(&deployment).await;
            master = deployment.wait_for_switch(master, LIMIT).await.unwrap();
            load.advance(20).await.unwrap();
            measured("a planned failover until every client went on", asked);
        }
        // Waits until the last old master has learned its role: before that it would take writes.
        deployment.wait_until_healthy(LIMIT).await.unwrap();
        load.advance(50).await.unwrap();
        let books = load.finish().await.unwrap();

        books.assert_no_mix_up();
        books.assert_no_error();
        let audit = books.audit(&mut deployment.client(master).await.unwrap()).await.unwrap();
        audit.assert_nothing_doubled();
        // The backend may lose the last acknowledged writes of the old master, but nothing after it.
        assert!(books.older() <= audit.faults.lost.rpush.max(1) * 5, "{} older reads", books.older());
        assert_eq!(metric(&proxy, "uncertain_total", &[]).await, 0.0);
        assert_eq!(metric(&proxy, "failovers_total", &[]).await, 3.0);
    });
}

/// The new master is killed while the sentinels still reconfigure for it.
#[test]
fn commands_survive_a_second_failover_right_behind_the_first_one() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let proxy = proxy(&deployment.url(), &["failover.hold=60s"]).await;
        let load = load(&proxy, &[0, 1, 16]).await;
        let first = deployment.master().await.unwrap();
        fail_over(&deployment).await;
        let second = wait_until("a second master", LIMIT, || async {
            for node in deployment.nodes() {
                if node != first && role(&deployment, node).await == "master" {
                    return Ok(node);
                }
            }
            Err("there is one master".to_owned())
        })
        .await
        .unwrap();
        load.advance(1).await.unwrap();
        let killed = Instant::now();
        deployment.kill_node(second);
        load.advance(200).await.unwrap();
        measured("from the kill of the new master until every client had gone on", killed);
        let third = deployment.wait_for_switch(second, LIMIT).await.unwrap();
        load.advance(50).await.unwrap();
        let books = load.finish().await.unwrap();

        books.assert_no_mix_up();
        books.assert_only_uncertain();
        books.audit(&mut deployment.client(third).await.unwrap()).await.unwrap().assert_nothing_doubled();
        assert!(books.slowest < Duration::from_secs(60));
    });
}

//! Tests a node in use that is killed, hangs, and comes back. The nodes do not replicate, so that all their data
//! together is exactly what ran.

use std::time::{Duration, Instant};

use super::plain::PlainNodes;
use super::support::{
    FAILBACK, FIRST, apart, assert_only_in_flight_unknown, calls, client, error_text, measured, metric, ok,
    proxy, run, state_of, topology, wait_for_metric, wait_for_reads, wait_for_state, wait_until_all_up,
};
use tideover_testbed::audit::Books;
use tideover_testbed::client::Reply;
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::load::Load;

/// Starts three nodes, with clients that write to the first one.
async fn under_load(settings: &[&str]) -> (PlainNodes, ProxyProcess, Load) {
    let nodes = PlainNodes::start(3).await;
    let proxy = proxy(&nodes.url(), settings).await;
    wait_until_all_up(&proxy, &nodes.addresses()).await;
    let load = apart("c", &proxy, &[0, 0, 1, 16]).await;
    load.advance(50).await.unwrap();
    (nodes, proxy, load)
}

/// Every acknowledged write is on some node, once.
async fn audit(books: &Books, nodes: &PlainNodes) {
    let audit = books.audit_apart(&nodes.addresses()).await.unwrap();
    audit.assert_acknowledged_kept();
    audit.assert_nothing_doubled();
}

#[test]
fn a_killed_node_costs_clients_nothing_but_unknown_outcomes_in_flight() {
    run(async {
        let (mut nodes, proxy, load) = under_load(&[FIRST, "active.failback=60s"]).await;
        let generation = metric(&proxy, "topology_generation", &[]).await;
        let most = load.most_in_flight();
        let killed = Instant::now();
        nodes.process(0).kill();
        load.advance(100).await.unwrap();
        measured("from the kill until every client was served again", killed);
        wait_for_state(&proxy, nodes.address(0), "down").await;
        let books = load.finish().await.unwrap();

        assert_only_in_flight_unknown(&books, most);
        assert_eq!(metric(&proxy, "uncertain_total", &[]).await, books.errors_of("UNCERTAIN") as f64);
        assert_eq!(metric(&proxy, "held_commands", &[]).await, 0.0);
        assert!(metric(&proxy, "topology_generation", &[]).await > generation);
        assert_eq!(topology(&proxy).await["ready"], true);
        assert_eq!(calls(nodes.address(2), "get").await, 0, "the second of the list is before the third");
        nodes.restart(0).await;
        audit(&books, &nodes).await;
    });
}

#[test]
fn a_hung_node_is_left_and_does_no_harm_when_it_goes_on() {
    run(async {
        let (mut nodes, proxy, load) = under_load(&[FIRST, FAILBACK, "failover.node_timeout=1s"]).await;
        let most = load.most_in_flight();
        let hung = Instant::now();
        nodes.process(0).stop();
        load.advance(50).await.unwrap();
        measured("from the hang until every client was served again", hung);
        assert_ne!(state_of(&proxy, nodes.address(0)).await, "up");
        nodes.process(0).cont();
        wait_for_state(&proxy, nodes.address(0), "up").await;
        wait_for_reads(nodes.address(0), 20).await;
        load.advance(20).await.unwrap();
        let books = load.finish().await.unwrap();
        assert_only_in_flight_unknown(&books, most);
        audit(&books, &nodes).await;
    });
}

#[test]
fn a_node_that_came_back_is_used_again_after_it_was_steady_and_nobody_notices() {
    run(async {
        let (mut nodes, proxy, load) = under_load(&[FIRST, "active.failback=3s"]).await;
        nodes.process(0).kill();
        load.advance(50).await.unwrap();
        let before = load.finish().await.unwrap();
        let after = apart("d", &proxy, &[0, 0, 1, 16]).await;
        let returned = Instant::now();
        nodes.restart(0).await;
        wait_for_reads(nodes.address(0), 1).await;
        let away = returned.elapsed();
        assert!(away >= Duration::from_secs(3), "it served after {away:?}");
        assert_eq!(state_of(&proxy, nodes.address(0)).await, "up");
        after.advance(50).await.unwrap();
        let after = after.finish().await.unwrap();
        after.assert_no_mix_up();
        after.assert_no_error();
        let audited = after.audit_apart(&nodes.addresses()).await.unwrap();
        audited.assert_nothing_lost();
        audited.assert_nothing_doubled();
        audit(&before, &nodes).await;
    });
}

#[test]
fn without_any_node_commands_wait_and_run_once_on_the_first_that_is_back() {
    run(async {
        let mut nodes = PlainNodes::start(2).await;
        let patient = proxy(&nodes.url(), &[FIRST, FAILBACK, "failover.hold=60s"]).await;
        let hasty = proxy(&nodes.url(), &[FIRST, FAILBACK, "failover.hold=0s"]).await;
        nodes.process(0).kill();
        nodes.process(1).kill();
        let mut waiting = client(patient.address()).await;
        waiting.send(&["INCR", "count"]).await.unwrap();
        wait_for_metric(&patient, "held_commands", &[], |held| held == 1.0).await;
        wait_for_state(&hasty, nodes.address(0), "down").await;
        wait_for_state(&hasty, nodes.address(1), "down").await;
        let refused = client(hasty.address()).await.call(&["INCR", "count"]).await.unwrap();
        let text = error_text(&refused);
        assert!(text.starts_with("LOADING tideover: ") && text.ends_with("; not executed"), "{text}");

        nodes.restart(1).await;
        assert_eq!(waiting.reply().await.unwrap(), Reply::Integer(1));
        assert_eq!(waiting.call(&["SET", "k", "v"]).await.unwrap(), ok());
        nodes.restart(0).await;
        let counts = nodes.ask_all(&["GET", "count"]).await;
        assert_eq!(counts, [Reply::Nil, super::support::bulk("1")], "the refused one did not run");
    });
}

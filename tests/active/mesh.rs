//! A mesh of three KeyDB nodes under load: the node in use is killed or hangs, all are restarted in turn, or one loses the
//! others.
//!
//! KeyDB replicates asynchronously and merges by key: what it loses or doubles itself is printed, not asserted.

use std::time::Instant;

use tideover::demo::front::ProxyProcess;

use super::keydb::{Data, Mesh, MeshOptions, on_keydb};
use super::load::Load;
use super::load::audit::Audit;
use super::load::book::{KNOWN, REPEATABLE_STEP, STEP};
use super::support::{
    FAILBACK, FIRST, ask, assert_only_in_flight_unknown, bulk, load, measured, metric, proxy, state_of,
    topology, wait_for_reads, wait_for_reply, wait_for_state, wait_until_all_up,
};

/// A mesh whose nodes all have the known key, and a proxy that uses the first of them.
async fn known(options: MeshOptions, settings: &[&str]) -> (Mesh, ProxyProcess) {
    let mesh = Mesh::start(options).await;
    ask(mesh.address(0), &["SET", KNOWN, KNOWN]).await;
    for node in mesh.addresses() {
        wait_for_reply(node, &["GET", KNOWN], &bulk(KNOWN)).await;
    }
    let proxy = proxy(&mesh.url(), &[&[FIRST], settings].concat()).await;
    wait_until_all_up(&proxy, &mesh.addresses()).await;
    (mesh, proxy)
}

async fn crowd(proxy: &ProxyProcess) -> Load {
    let load = load("c", proxy, &[0, 0, 1, 16], STEP).await;
    load.advance(50).await;
    load
}

fn nothing_ran_twice(audit: &Audit) {
    assert_eq!((audit.doubled, audit.denied, audit.overcounted), (0, 0, 0), "{audit:?}");
}

#[test]
fn a_killed_node_costs_clients_nothing_but_unknown_outcomes_in_flight() {
    on_keydb(async |options| {
        let (mut mesh, proxy) = known(options, &[FAILBACK]).await;
        let load = crowd(&proxy).await;
        let most = load.most_in_flight();
        let killed = Instant::now();
        mesh.kill(0);
        load.advance(100).await;
        measured("from the kill until every client was served again", killed);
        wait_for_state(&proxy, mesh.address(0), "down").await;
        let books = load.finish().await;
        assert_only_in_flight_unknown(&books, most);
        assert_eq!(metric(&proxy, "held_commands", &[]).await, 0.0);
        assert_eq!(topology(&proxy).await["ready"], true);
        nothing_ran_twice(&books.audit(&mut mesh.client(1).await).await);
    });
}

#[test]
fn a_hung_node_is_left_and_used_again_when_it_goes_on() {
    on_keydb(async |options| {
        let (mut mesh, proxy) = known(options, &[FAILBACK, "failover.node_timeout=1s"]).await;
        let load = crowd(&proxy).await;
        let most = load.most_in_flight();
        let hung = Instant::now();
        mesh.process(0).stop();
        load.advance(50).await;
        measured("from the hang until every client was served again", hung);
        assert_ne!(state_of(&proxy, mesh.address(0)).await, "up");
        mesh.process(0).cont();
        wait_for_state(&proxy, mesh.address(0), "up").await;
        wait_for_reads(mesh.address(0), 20).await;
        load.advance(20).await;
        let books = load.finish().await;
        assert_only_in_flight_unknown(&books, most);
        mesh.wait_until_whole().await;
        books.audit(&mut mesh.client(1).await).await;
    });
}

/// Commands that may run twice see nothing at all; of the others, those in flight at the three ends may be unknown.
#[test]
fn a_rolling_restart_of_all_nodes_is_not_noticed() {
    on_keydb(async |options| {
        let (mut mesh, proxy) = known(options, &[FAILBACK]).await;
        let (counting, repeatable) =
            (crowd(&proxy).await, load("r", &proxy, &[0, 1, 16], REPEATABLE_STEP).await);
        let most = counting.most_in_flight();
        for index in 0..3 {
            mesh.shut_down(index).await;
            wait_for_state(&proxy, mesh.address(index), "down").await;
            mesh.start_again(index, Data::None).await;
            wait_for_state(&proxy, mesh.address(index), "up").await;
            counting.advance(20).await;
            repeatable.advance(20).await;
        }
        mesh.wait_until_whole().await;
        let (counting, repeatable) = (counting.finish().await, repeatable.finish().await);
        repeatable.assert_no_mix_up();
        repeatable.assert_no_error();
        assert_only_in_flight_unknown(&counting, 3 * most);
        counting.audit(&mut mesh.client(0).await).await;
        println!("longest stall of what may run twice: {:?}", repeatable.slowest());
    });
}

/// It answers its clients as if nothing had happened, and nobody else hears of it.
#[test]
fn a_node_that_lost_the_others_is_left_without_an_error() {
    on_keydb(async |options| {
        let config = vec!["repl-timeout 3".to_owned(), "repl-ping-replica-period 1".to_owned()];
        let options = MeshOptions { wired: true, config, ..options };
        let (mesh, proxy) = known(options, &[FAILBACK]).await;
        let load = crowd(&proxy).await;
        let cut = Instant::now();
        mesh.cut_off(0);
        wait_for_reads(mesh.address(1), 20).await;
        measured("from the cut until another node served", cut);
        assert_ne!(state_of(&proxy, mesh.address(0)).await, "up");
        load.advance(20).await;
        mesh.mend();
        mesh.wait_until_whole().await;
        wait_for_state(&proxy, mesh.address(0), "up").await;
        wait_for_reads(mesh.address(0), 20).await;
        let books = load.finish().await;
        books.assert_no_mix_up();
        books.assert_no_error();
        books.audit(&mut mesh.client(1).await).await;
    });
}

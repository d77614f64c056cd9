//! Tests a mesh of three KeyDB nodes under load: the node in use is killed or hangs, all are restarted in turn, or one
//! loses the others.
//!
//! KeyDB replicates asynchronously and merges by key: writes that it loses or doubles itself are printed, not asserted.

use std::time::Instant;

use tideover_testbed::front::ProxyProcess;
use tideover_testbed::load::Load;
use tideover_testbed::round::{KNOWN, READS, REPEATABLE, SINGLE};

use super::keydb::{Data, Mesh, MeshOptions, on_keydb};
use super::support::{
    FAILBACK, FIRST, ask, assert_only_in_flight_unknown, bulk, measured, meshed, metric, ok, proxy, state_of,
    topology, wait_for_reads, wait_for_reply, wait_for_state, wait_until_all_up, wait_until_left,
};

/// Starts a mesh whose nodes all have the known key, and a proxy that has found them.
async fn known(options: MeshOptions, settings: &[&str]) -> (Mesh, ProxyProcess) {
    let mesh = Mesh::start(options).await;
    ask(mesh.address(0), &["SET", KNOWN, KNOWN]).await;
    for node in mesh.addresses() {
        wait_for_reply(node, &["GET", KNOWN], &bulk(KNOWN)).await;
    }
    let proxy = proxy(&mesh.url(), settings).await;
    wait_until_all_up(&proxy, &mesh.addresses()).await;
    (mesh, proxy)
}

async fn crowd(proxy: &ProxyProcess) -> Load {
    let load = meshed("c", proxy, &[0, 0, 1, 16], SINGLE).await;
    load.advance(50).await.unwrap();
    load
}

#[test]
fn a_killed_node_costs_clients_nothing_but_unknown_outcomes_in_flight() {
    on_keydb(async |options| {
        let (mut mesh, proxy) = known(options, &[FIRST, FAILBACK]).await;
        let load = crowd(&proxy).await;
        let most = load.most_in_flight();
        let killed = Instant::now();
        mesh.kill(0);
        load.advance(100).await.unwrap();
        measured("from the kill until every client was served again", killed);
        wait_for_state(&proxy, mesh.address(0), "down").await;
        let books = load.finish().await.unwrap();
        assert_only_in_flight_unknown(&books, most);
        assert_eq!(metric(&proxy, "held_commands", &[]).await, 0.0);
        assert_eq!(topology(&proxy).await["ready"], true);
        books.audit(&mut mesh.client(1).await).await.unwrap().assert_none_ran_twice();
    });
}

#[test]
fn a_hung_node_is_left_and_used_again_when_it_goes_on() {
    on_keydb(async |options| {
        let (mut mesh, proxy) = known(options, &[FIRST, FAILBACK, "failover.node_timeout=1s"]).await;
        let load = crowd(&proxy).await;
        let most = load.most_in_flight();
        let hung = Instant::now();
        mesh.process(0).stop();
        load.advance(50).await.unwrap();
        measured("from the hang until every client was served again", hung);
        assert_ne!(state_of(&proxy, mesh.address(0)).await, "up");
        mesh.process(0).cont();
        wait_for_state(&proxy, mesh.address(0), "up").await;
        wait_for_reads(mesh.address(0), 20).await;
        load.advance(20).await.unwrap();
        let books = load.finish().await.unwrap();
        assert_only_in_flight_unknown(&books, most);
        mesh.wait_until_whole().await;
        books.audit(&mut mesh.client(1).await).await.unwrap().assert_no_mix_up();
    });
}

/// Reads see nothing at all. Of writes, those in flight at the three ends may be unknown: a write that a node ran
/// without an answer comes back with the node, so no write is sent a second time elsewhere.
#[test]
fn a_rolling_restart_of_all_nodes_costs_writes_in_flight_alone() {
    on_keydb(async |options| {
        let (mut mesh, proxy) = known(options, &[FIRST, FAILBACK]).await;
        let (writing, reading) = (crowd(&proxy).await, meshed("r", &proxy, &[0, 1, 16], READS).await);
        let most = writing.most_in_flight();
        for index in 0..3 {
            mesh.shut_down(index).await;
            wait_for_state(&proxy, mesh.address(index), "down").await;
            mesh.start_again(index, Data::None).await;
            wait_for_state(&proxy, mesh.address(index), "up").await;
            writing.advance(20).await.unwrap();
            reading.advance(20).await.unwrap();
        }
        mesh.wait_until_whole().await;
        let (writing, reading) = (writing.finish().await.unwrap(), reading.finish().await.unwrap());
        reading.assert_no_mix_up();
        reading.assert_no_error();
        assert_only_in_flight_unknown(&writing, 3 * most);
        writing.audit(&mut mesh.client(0).await).await.unwrap().assert_no_mix_up();
        println!("longest stall of reads: {:?}", reading.slowest);
    });
}

/// Restarts the nodes as an operator does who wants no client to notice.
async fn drain_and_restart_each(mesh: &mut Mesh, proxy: &ProxyProcess, loads: [&Load; 2]) {
    for index in 0..3 {
        let node = mesh.address(index);
        assert_eq!(ask(node, &["CONFIG", "SET", "replica-priority", "0"]).await, ok());
        wait_for_state(proxy, node, "draining").await;
        wait_until_left(proxy, node).await;
        mesh.shut_down(index).await;
        wait_for_state(proxy, node, "down").await;
        mesh.start_again(index, Data::None).await;
        wait_for_state(proxy, node, "up").await;
        for load in loads {
            load.advance(20).await.unwrap();
        }
    }
}

async fn nobody_notices_a_restart_of_drained_nodes(options: MeshOptions, writer: &str) {
    let (mut mesh, proxy) = known(options, &[writer, FAILBACK]).await;
    let (counting, repeatable) = (crowd(&proxy).await, meshed("r", &proxy, &[0, 1, 16], REPEATABLE).await);
    drain_and_restart_each(&mut mesh, &proxy, [&counting, &repeatable]).await;
    mesh.wait_until_whole().await;
    for books in [counting.finish().await.unwrap(), repeatable.finish().await.unwrap()] {
        books.assert_no_mix_up();
        books.assert_no_error();
        assert_eq!(books.older(), 0, "a node was moved to before it had everything");
        books.audit(&mut mesh.client(0).await).await.unwrap().assert_no_mix_up();
    }
}

#[test]
fn nodes_that_are_drained_before_they_are_restarted_cost_nothing() {
    on_keydb(async |options| nobody_notices_a_restart_of_drained_nodes(options, FIRST).await);
}

#[test]
fn nodes_that_write_keys_of_their_own_are_drained_of_them_before_they_are_restarted() {
    on_keydb(async |options| nobody_notices_a_restart_of_drained_nodes(options, "active.writer=key").await);
}

/// The node answers its clients as if nothing had happened, but the other nodes no longer receive its writes.
#[test]
fn a_node_that_lost_the_others_is_left_without_an_error() {
    on_keydb(async |options| {
        let config = vec!["repl-timeout 3".to_owned(), "repl-ping-replica-period 1".to_owned()];
        let options = MeshOptions { wired: true, config, ..options };
        let (mesh, proxy) = known(options, &[FIRST, FAILBACK]).await;
        let load = crowd(&proxy).await;
        let cut = Instant::now();
        mesh.cut_off(0);
        wait_for_reads(mesh.address(1), 20).await;
        measured("from the cut until another node served", cut);
        assert_ne!(state_of(&proxy, mesh.address(0)).await, "up");
        load.advance(20).await.unwrap();
        mesh.mend();
        mesh.wait_until_whole().await;
        wait_for_state(&proxy, mesh.address(0), "up").await;
        wait_for_reads(mesh.address(0), 20).await;
        let books = load.finish().await.unwrap();
        books.assert_no_mix_up();
        books.assert_no_error();
        books.audit(&mut mesh.client(1).await).await.unwrap().assert_no_mix_up();
    });
}

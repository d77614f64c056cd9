//! Tests a KeyDB node that comes back empty: it answers PONG, takes writes and has no key, for as long as it takes to
//! read the data of the others. No client may reach it in this time.

use std::net::SocketAddr;
use std::time::Duration;

use tideover_testbed::client::Client;
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::round::{KNOWN, REPEATABLE, SINGLE};

use super::keydb::{Data, Mesh, on_keydb, value};
use super::support::{
    FAILBACK, FIRST, ask, bulk, calls, client, meshed, metric, proxy, state_of, wait_for_reads,
    wait_for_reply, wait_for_state, wait_until_all_up,
};

/// Number of keys, so that reading them takes a while; with three times as many a mesh is busy with itself for a
/// minute.
const KEYS: usize = 50_000;

/// Reads known keys through the proxy until the proxy says that the node is up; returns the number of reads.
async fn read_until_up(proxy: &ProxyProcess, reader: &mut Client, node: SocketAddr) -> usize {
    let mut read = 0;
    loop {
        for _ in 0..20 {
            let number = (read * 7919) % KEYS;
            let found = reader.call(&["GET", &format!("key:{number}")]).await.unwrap();
            assert_eq!(found, bulk(&value(number)), "key:{number} after {read} reads");
            read += 1;
        }
        let served = calls(node, "get").await;
        if state_of(proxy, node).await == "up" {
            return read;
        }
        assert_eq!(served, 0, "it was read from before it was ready");
    }
}

#[test]
fn a_known_key_is_always_found_while_a_node_comes_back_empty() {
    on_keydb(async |options| {
        let mut mesh = Mesh::start(options).await;
        mesh.fill(0, KEYS).await;
        let proxy = proxy(&mesh.url(), &[FIRST, "active.failback=1s"]).await;
        wait_until_all_up(&proxy, &mesh.addresses()).await;
        let mut reader = client(proxy.address()).await;
        for index in [0, 1] {
            mesh.kill(index);
            assert_eq!(reader.call(&["GET", "key:1"]).await.unwrap(), bulk(&value(1)));
            mesh.start_again(index, Data::None).await;
            let read = read_until_up(&proxy, &mut reader, mesh.address(index)).await;
            println!("{read} reads while node {index} came back");
        }
        // It is the first of the list: now it serves, and has every key.
        let before = calls(mesh.address(0), "get").await;
        for number in (0..KEYS).step_by(KEYS / 100) {
            let found = reader.call(&["GET", &format!("key:{number}")]).await.unwrap();
            assert_eq!(found, bulk(&value(number)), "key:{number}");
        }
        assert!(calls(mesh.address(0), "get").await > before);
    });
}

/// The data that it saved goes to the others too: for seconds both of them refuse writes at the same time.
#[test]
fn a_node_that_comes_back_with_what_it_had_saved_costs_time_and_no_error() {
    on_keydb(async |options| {
        let mut mesh = Mesh::start(options).await;
        mesh.fill(0, KEYS).await;
        ask(mesh.address(0), &["SET", KNOWN, KNOWN]).await;
        wait_for_reply(mesh.address(2), &["GET", KNOWN], &bulk(KNOWN)).await;
        let proxy = proxy(&mesh.url(), &[FIRST, FAILBACK]).await;
        wait_until_all_up(&proxy, &mesh.addresses()).await;
        let load = meshed("c", &proxy, &[0, 1, 16], SINGLE).await;
        ask(mesh.address(2), &["SAVE"]).await;
        mesh.kill(2);
        wait_for_state(&proxy, mesh.address(2), "down").await;
        mesh.start_again(2, Data::Saved).await;
        wait_until_all_up(&proxy, &mesh.addresses()).await;
        mesh.wait_until_whole().await;
        load.advance(20).await.unwrap();
        let books = load.finish().await.unwrap();
        books.assert_no_mix_up();
        books.assert_no_error();
        let refused = metric(&proxy, "retries_total", &["reason=\"loading\""]).await;
        println!(
            "longest stall {:?}, {refused} commands were refused by a node that read a peer's data",
            books.slowest
        );
    });
}

/// The node is ready again and again, and never for long.
#[test]
fn a_node_that_restarts_every_five_seconds_gets_no_command() {
    on_keydb(async |options| {
        let mut mesh = Mesh::start(options).await;
        ask(mesh.address(0), &["SET", KNOWN, KNOWN]).await;
        for node in mesh.addresses() {
            wait_for_reply(node, &["GET", KNOWN], &bulk(KNOWN)).await;
        }
        let proxy = proxy(&mesh.url(), &[FIRST]).await;
        wait_until_all_up(&proxy, &mesh.addresses()).await;
        mesh.kill(0);
        mesh.start_again(0, Data::None).await;
        wait_for_reads_elsewhere(&proxy, mesh.address(1)).await;
        let load = meshed("c", &proxy, &[0, 1, 16], REPEATABLE).await;
        // The test is about this rhythm, so it sleeps.
        let mut rhythm = tokio::time::interval(Duration::from_secs(5));
        rhythm.tick().await;
        for _ in 0..12 {
            rhythm.tick().await;
            assert_eq!(calls(mesh.address(0), "get").await, 0);
            assert_ne!(state_of(&proxy, mesh.address(0)).await, "up");
            mesh.kill(0);
            mesh.start_again(0, Data::None).await;
        }
        let books = load.finish().await.unwrap();
        books.assert_no_mix_up();
        books.assert_no_error();
        println!("longest stall {:?}", books.slowest);
    });
}

async fn wait_for_reads_elsewhere(proxy: &ProxyProcess, node: SocketAddr) {
    assert_eq!(ask(proxy.address(), &["GET", KNOWN]).await, bulk(KNOWN));
    let reading = async {
        loop {
            ask(proxy.address(), &["GET", KNOWN]).await;
        }
    };
    tokio::select! {
        () = reading => {}
        () = wait_for_reads(node, 1) => {}
    }
}

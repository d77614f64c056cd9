//! Tests packets that vanish: hosts in network namespaces that are cut off from each other silently, and reconnected.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/live.rs"]
mod live;

mod cluster;
mod counting;
mod hosts;
mod net;
mod sentinel;

use std::time::Duration;

use counting::{CLIENTS, key, while_cut};
use hosts::{Hosts, ask};
use live::{LIMIT, client, run};
use tideover_testbed::wait::wait_until;

/// Milliseconds of silence before a node counts as down.
const PATIENT: u32 = 30_000;
const QUICK: u32 = 1_500;

const SECOND: Duration = Duration::from_secs(1);

async fn is_a_pause(hosts: &Hosts) {
    for millis in [1_500, 6_000] {
        let time = Duration::from_millis(millis);
        let round = format!("{millis}ms");
        let (seen, _) = while_cut(hosts, &round, &[("p", "m")], time, 2 * SECOND).await;
        assert_eq!(seen.uncertain, 0, "no other node was the master");
        assert!(seen.fell_back.is_none(), "there is one master");
        assert!(seen.longest >= time - Duration::from_millis(700), "nothing was cut: {:?}", seen.longest);
    }
}

#[test]
fn some_seconds_without_a_packet_from_the_master_are_a_pause() {
    run(async {
        let Some(hosts) = sentinel::start(PATIENT).await else { return };
        is_a_pause(&hosts).await;
    });
}

#[test]
#[ignore = "make test-failovers"]
fn some_seconds_without_a_packet_from_a_shards_master_are_a_pause() {
    run(async {
        let Some(hosts) = cluster::start(PATIENT).await else { return };
        is_a_pause(&hosts).await;
    });
}

#[test]
fn sentinels_that_cannot_be_reached_cost_no_command_anything() {
    run(async {
        let Some(hosts) = sentinel::start(PATIENT).await else { return };
        // The sentinel beside the master stays with it.
        let (seen, _) = while_cut(&hosts, "sentinels", &[("p", "r"), ("p", "s")], 4 * SECOND, SECOND).await;
        assert_eq!((seen.uncertain, seen.fell_back), (0, None));
    });
}

#[test]
#[ignore = "make test-failovers"]
fn nodes_of_other_shards_that_cannot_be_reached_cost_no_command_anything() {
    run(async {
        let Some(hosts) = cluster::start(PATIENT).await else { return };
        let others = [("p", "b"), ("p", "c"), ("p", "r")];
        let (seen, _) = while_cut(&hosts, "others", &others, 4 * SECOND, SECOND).await;
        assert_eq!((seen.uncertain, seen.fell_back), (0, None));
    });
}

/// Checks that the old master follows the new one in the end, and has none of the writes that it took meanwhile.
async fn becomes_a_replica(hosts: &Hosts, round: &str) {
    let mut proxied = client(hosts.proxy).await;
    let mut counts = Vec::new();
    for n in 0..CLIENTS {
        counts.push(proxied.call(&["GET", &key(round, n)]).await.unwrap());
    }
    wait_until("the old master has the new one's data", LIMIT, || async {
        let mut conn = client(hosts.server("m")).await;
        // A replica of a cluster answers for its keys only clients that ask for that.
        let _ = conn.call(&["READONLY"]).await;
        for (n, count) in counts.iter().enumerate() {
            let held = conn.call(&["GET", &key(round, n)]).await.map_err(|error| error.to_string())?;
            if held != *count {
                return Err(format!("client {n} is at {held:?} there, not at {count:?}"));
            }
        }
        Ok(())
    })
    .await
    .unwrap();
    let info = ask(hosts.server("m"), "INFO replication").await.unwrap().text().unwrap();
    assert!(info.contains("role:slave"), "{info}");
}

async fn is_replaced(hosts: &Hosts, lost: &[(&str, &str)]) {
    let time = 8 * SECOND;
    let (seen, _) = while_cut(hosts, "lost", lost, time, 4 * SECOND).await;
    assert!(seen.uncertain <= CLIENTS, "each had one command on its way: {}", seen.uncertain);
    assert!(seen.longest < time, "the replica took over before the host was back: {:?}", seen.longest);
    becomes_a_replica(hosts, "lost").await;
}

#[test]
#[ignore = "make test-failovers"]
fn a_master_whose_host_is_lost_is_replaced_and_gets_nothing_when_it_is_back() {
    run(async {
        let Some(hosts) = sentinel::start(QUICK).await else { return };
        is_replaced(&hosts, &[("m", "r"), ("m", "s"), ("m", "p")]).await;
    });
}

#[test]
fn a_shards_master_whose_host_is_lost_is_replaced_and_gets_nothing_when_it_is_back() {
    run(async {
        let Some(hosts) = cluster::start(QUICK).await else { return };
        is_replaced(&hosts, &[("m", "b"), ("m", "c"), ("m", "r"), ("m", "p")]).await;
    });
}

/// The proxy is left with the old master, while the others elect another one. Once the network is whole, the proxy
/// turns to that one.
async fn is_left_with_the_minority(hosts: &Hosts, cut: &[(&str, &str)]) {
    let (seen, healed) = while_cut(hosts, "minority", cut, 8 * SECOND, 6 * SECOND).await;
    assert!(seen.uncertain <= CLIENTS, "each had one command on its way: {}", seen.uncertain);
    let fell_back = seen.fell_back.expect("the others chose another master, which had not seen all of it");
    assert!(fell_back > healed, "the proxy could not know it before");
    becomes_a_replica(hosts, "minority").await;
}

#[test]
fn a_proxy_with_the_minority_turns_to_the_new_master_when_the_net_is_whole() {
    run(async {
        let Some(hosts) = sentinel::start(QUICK).await else { return };
        is_left_with_the_minority(&hosts, &[("m", "r"), ("m", "s"), ("p", "r"), ("p", "s")]).await;
    });
}

#[test]
#[ignore = "make test-failovers"]
fn a_proxy_with_the_minority_of_a_cluster_turns_to_the_new_master_when_the_net_is_whole() {
    run(async {
        let Some(hosts) = cluster::start(QUICK).await else { return };
        let (lost, apart) = ([("m", "b"), ("m", "c"), ("m", "r")], [("p", "b"), ("p", "c"), ("p", "r")]);
        is_left_with_the_minority(&hosts, &[lost, apart].concat()).await;
    });
}

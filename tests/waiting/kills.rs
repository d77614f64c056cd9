//! Tests kills of the master while clients wait at it in every kind of blocking command.

use std::time::{Duration, Instant};

use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::server::{RedisOptions, RedisServer};

use super::live::{LIMIT, client, measured, proxy, run_within};
use super::pushes::Exchange;
use super::servers::times;

/// Number of kills in one test.
const KILLS: &str = "TIDEOVER_KILLS";
/// Number of clients that wait in each kind of command.
const WAITING: usize = 16;

fn limit(kills: usize) -> Duration {
    3 * LIMIT + u32::try_from(kills).unwrap_or(u32::MAX) * LIMIT / 4
}

/// Everything that the server has acknowledged is on its disk, so that a missing element was lost on the way.
#[test]
fn who_waits_at_a_node_that_is_killed_goes_on_waiting_and_gets_nothing_twice() {
    let kills = times(KILLS, 3);
    run_within(limit(kills), async {
        let config = vec!["appendonly yes".to_owned(), "appendfsync always".to_owned()];
        let options = RedisOptions { config, ..RedisOptions::default() };
        let mut server = RedisServer::start(options).await.unwrap();
        let proxy = proxy(&format!("redis://{}", server.address()), &[]).await;
        let exchange = Exchange::start(proxy.address(), WAITING).await;
        for _ in 0..kills {
            let began = Instant::now();
            server.restart(None).await.unwrap();
            exchange.advance(100).await;
            measured("a kill until elements were given again", began);
        }
        exchange.assert_books(&mut client(proxy.address()).await, WAITING * kills).await;
    });
}

#[test]
fn who_waits_at_a_killed_master_goes_on_waiting_at_the_next() {
    let kills = times(KILLS, 1);
    run_within(limit(4 * kills), async {
        let mut deployment = SentinelDeployment::start(SentinelOptions::default()).await.unwrap();
        deployment.wait_until_healthy(LIMIT).await.unwrap();
        let proxy = proxy(&deployment.url(), &["failover.hold=60s"]).await;
        let exchange = Exchange::start(proxy.address(), WAITING).await;
        for _ in 0..kills {
            let began = Instant::now();
            let old = deployment.kill_master().await.unwrap();
            exchange.advance(100).await;
            measured("a kill until elements were given again", began);
            deployment.wait_for_switch(old, LIMIT).await.unwrap();
            let index = deployment.index_of(old).unwrap();
            deployment.restart_node(index).await.unwrap();
            deployment.wait_until_healthy(LIMIT).await.unwrap();
        }
        exchange.assert_books(&mut client(proxy.address()).await, WAITING * kills).await;
    });
}

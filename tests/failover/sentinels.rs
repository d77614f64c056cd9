//! Tests sentinels that are dead, silent or outdated.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tideover_testbed::client::Reply;
use tideover_testbed::deployment::SentinelOptions;
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::process::free_port;
use tideover_testbed::server::{RedisOptions, RedisServer};

use super::fake_sentinel::FakeSentinel;
use super::support::{LIMIT, client, deployment, fail_over, load, master_of, measured, proxy, run};

/// First an address where nothing listens, then a process that accepts connections and says nothing.
#[test]
fn a_dead_or_a_silent_sentinel_first_in_the_list_costs_nothing() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let url = deployment.url();
        start_and_write("a start with every sentinel there", &url).await;
        let dead = format!("redis-sentinel://127.0.0.1:{},", free_port().unwrap());
        start_and_write("a start with a dead one in front", &url.replacen("redis-sentinel://", &dead, 1))
            .await;
        deployment.sentinel(0).unwrap().stop();
        let proxy = start_and_write("a start with a silent one in front", &url).await;

        let mut client = client(proxy.address()).await;
        let old = deployment.kill_master().await.unwrap();
        let killed = Instant::now();
        assert_eq!(client.call(&["SET", "key", "again"]).await.unwrap(), Reply::Simple("OK".into()));
        measured("a failover with a silent one in front", killed);
        assert_ne!(master_of(&proxy).await, Some(old.to_string()));
    });
}

async fn start_and_write(what: &str, url: &str) -> ProxyProcess {
    let started = Instant::now();
    let proxy = proxy(url, &[]).await;
    client(proxy.address()).await.must(&["SET", "key", "value"]).await.unwrap();
    measured(what, started);
    // Less than the time that the proxy waits for missing sentinels if there is no majority without them.
    assert!(started.elapsed() < Duration::from_secs(5));
    proxy
}

/// Before, during and after a failover, the fake names a server of its own as master, with an old epoch, and announces
/// switches to it.
#[test]
fn a_sentinel_that_tells_an_old_story_misleads_nobody() {
    run(async {
        let deployment = deployment(SentinelOptions::default()).await;
        let rogue = RedisServer::start(RedisOptions::default()).await.unwrap();
        let first = deployment.master().await.unwrap();
        let fake = FakeSentinel::start(first, rogue.address()).await;
        let url = deployment.url().replacen(
            "redis-sentinel://",
            &format!("redis-sentinel://{},", fake.address()),
            1,
        );
        let proxy = proxy(&url, &[]).await;
        let load = load(&proxy, &[0, 1, 16]).await;
        load.advance(100).await.unwrap();
        assert_eq!(master_of(&proxy).await, Some(first.to_string()));

        fail_over(&deployment).await;
        let second = deployment.wait_for_switch(first, LIMIT).await.unwrap();
        fake.tell(first);
        load.advance(200).await.unwrap();
        assert_eq!(master_of(&proxy).await, Some(second.to_string()));
        deployment.wait_until_healthy(LIMIT).await.unwrap();
        let books = load.finish().await.unwrap();

        assert!(fake.asked() > 10, "the proxy asked the fake {} times", fake.asked());
        assert!(fake.announced() > 10, "the fake announced {} switches", fake.announced());
        books.assert_no_mix_up();
        books.assert_no_error();
        books.audit(&mut deployment.client(second).await.unwrap()).await.unwrap().assert_nothing_doubled();
        no_data(rogue.address()).await;
    });
}

async fn no_data(server: SocketAddr) {
    let size = client(server).await.must(&["DBSIZE"]).await.unwrap();
    assert_eq!(size, Reply::Integer(0));
}

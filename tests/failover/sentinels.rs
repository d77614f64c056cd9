//! Sentinels that are dead, silent or behind the times.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tideover::demo::client::Reply;
use tideover::demo::deployment::SentinelOptions;
use tideover::demo::process::free_port;
use tideover::demo::server::{RedisOptions, RedisServer};

use super::fake_sentinel::FakeSentinel;
use super::load::Load;
use super::support::{LIMIT, client, deployment, fail_over, master_of, measured, proxy, run};

/// One that refuses and one that accepts and is silent stand before the two that work.
#[test]
fn dead_and_silent_sentinels_first_in_the_list_cost_nothing() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let plain = Instant::now();
        drop(proxy(&deployment.url(), &[]).await);
        measured("a start with every sentinel there", plain);

        deployment.sentinel(0).unwrap().stop();
        let dead = free_port().unwrap();
        let url =
            deployment.url().replacen("redis-sentinel://", &format!("redis-sentinel://127.0.0.1:{dead},"), 1);
        let started = Instant::now();
        let proxy = proxy(&url, &[]).await;
        let mut client = client(proxy.address()).await;
        client.must(&["SET", "key", "value"]).await.unwrap();
        measured("a start with a dead and a silent sentinel in front", started);
        assert!(started.elapsed() < Duration::from_secs(30));

        let old = deployment.kill_master().await.unwrap();
        let killed = Instant::now();
        assert_eq!(client.call(&["SET", "key", "again"]).await.unwrap(), Reply::Simple("OK".into()));
        measured("a failover with a dead and a silent sentinel in front", killed);
        assert_ne!(master_of(&proxy).await, Some(old.to_string()));
    });
}

/// The fake names a server of its own, with an old epoch, as master, and announces switches to it, before, during and
/// after a failover.
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
        let load = Load::start("c", proxy.address(), &[0, 1, 16]).await;
        load.advance(100).await;
        assert_eq!(master_of(&proxy).await, Some(first.to_string()));

        fail_over(&deployment).await;
        let second = deployment.wait_for_switch(first, LIMIT).await.unwrap();
        fake.tell(first);
        load.advance(200).await;
        assert_eq!(master_of(&proxy).await, Some(second.to_string()));
        deployment.wait_until_healthy(LIMIT).await.unwrap();
        let books = load.finish().await;

        assert!(fake.asked() > 10, "the proxy asked the fake {} times", fake.asked());
        assert!(fake.announced() > 10, "the fake announced {} switches", fake.announced());
        books.assert_no_mix_up();
        books.assert_no_error();
        books.audit(&mut deployment.client(second).await.unwrap()).await.assert_nothing_doubled();
        no_data(rogue.address()).await;
    });
}

async fn no_data(server: SocketAddr) {
    let size = client(server).await.must(&["DBSIZE"]).await.unwrap();
    assert_eq!(size, Reply::Integer(0));
}

//! Checks that the Sentinel deployment of the test bed does what the demo and the integration tests rely on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

use std::time::Duration;

use tideover_testbed::active::{ActiveDeployment, ActiveOptions, Servers};
use tideover_testbed::client::Reply;
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::server::{RedisOptions, RedisServer};
use tideover_testbed::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(30);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

#[test]
fn a_killed_master_is_replaced_and_comes_back_as_a_replica() {
    block_on(async {
        let options = SentinelOptions::default();
        let mut deployment = SentinelDeployment::start(options).await.unwrap();
        let first = deployment.wait_until_healthy(LIMIT).await.unwrap();
        assert_eq!(deployment.announced_master().await, Some(first));

        let killed = deployment.kill_master().await.unwrap();
        assert_eq!(killed, first);
        let second = deployment.wait_for_switch(killed, LIMIT).await.unwrap();
        assert_ne!(second, first);

        let index = deployment.index_of(killed).unwrap();
        deployment.restart_node(index).await.unwrap();
        assert_eq!(deployment.wait_until_healthy(LIMIT).await.unwrap(), second);
    });
}

#[test]
fn a_deployment_with_passwords_fails_over_when_asked() {
    block_on(async {
        let options = SentinelOptions {
            password: Some("node secret".into()),
            sentinel_password: Some("sentinel secret".into()),
            ..SentinelOptions::default()
        };
        let deployment = SentinelDeployment::start(options).await.unwrap();
        let first = deployment.wait_until_healthy(LIMIT).await.unwrap();
        assert!(deployment.url().starts_with("redis-sentinel://:node%20secret@127.0.0.1:"));
        assert!(deployment.url().ends_with("/mymaster?sentinel_password=sentinel%20secret"));

        deployment.planned_failover().await.unwrap();
        let second = deployment.wait_for_switch(first, LIMIT).await.unwrap();
        let mut client = deployment.client(second).await.unwrap();
        assert_eq!(client.call(&["SET", "key", "value"]).await.unwrap(), Reply::Simple("OK".into()));
    });
}

#[test]
fn a_paused_server_is_silent_until_it_is_continued() {
    block_on(async {
        let mut server = RedisServer::start(RedisOptions::default()).await.unwrap();
        let mut client = server.client().await.unwrap();
        server.process().stop();
        assert!(client.call(&["PING"]).await.is_err());
        server.process().cont();
        assert_eq!(client.reply().await.unwrap(), Reply::Simple("PONG".into()));
    });
}

#[test]
fn an_active_node_that_stands_alone_keeps_what_it_acknowledged_and_tells_no_other() {
    block_on(async {
        let mut deployment = ActiveDeployment::start(ActiveOptions::of(Servers::Redis)).await.unwrap();
        let (first, second) = (deployment.nodes()[0], deployment.nodes()[1]);
        let mut client = deployment.client(first).await.unwrap();
        client.must(&["SET", "key", "value"]).await.unwrap();
        deployment.kill(first);
        deployment.restart(first).await.unwrap();
        deployment.wait_until_whole(LIMIT).await.unwrap();
        let mut client = deployment.client(first).await.unwrap();
        assert_eq!(client.call(&["GET", "key"]).await.unwrap(), Reply::Bulk("value".into()));
        let mut client = deployment.client(second).await.unwrap();
        assert_eq!(client.call(&["GET", "key"]).await.unwrap(), Reply::Nil);
    });
}

#[test]
fn a_killed_node_of_a_mesh_comes_back_with_what_the_others_hold() {
    let variable = "TIDEOVER_KEYDB_SERVER";
    let Some(program) = std::env::var_os(variable).filter(|path| !path.is_empty()) else {
        println!("SKIPPED: {variable} names no server");
        eprintln!("SKIPPED: {variable} names no server");
        return;
    };
    block_on(async {
        let options = ActiveOptions::of(Servers::KeyDb(program.into()));
        let mut deployment = ActiveDeployment::start(options).await.unwrap();
        let (first, second) = (deployment.nodes()[0], deployment.nodes()[1]);
        deployment.kill(first);
        let mut client = deployment.client(second).await.unwrap();
        client.must(&["SET", "key", "value"]).await.unwrap();
        deployment.restart(first).await.unwrap();
        deployment.wait_until_whole(LIMIT).await.unwrap();
        wait_until("the value on the restarted node", LIMIT, || async {
            let mut client = deployment.client(first).await.map_err(|error| error.to_string())?;
            match client.call(&["GET", "key"]).await {
                Ok(Reply::Bulk(value)) if value == b"value" => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
        .unwrap();
    });
}

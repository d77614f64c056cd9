//! Tests sessions with a connection of their own while the master changes: blocked clients, subscribers, watches,
//! transactions.

use std::time::Instant;

use tideover_testbed::client::{Client, Reply, encode};
use tideover_testbed::deployment::SentinelOptions;
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::wait::wait_until;

use super::support::{
    LIMIT, client, deployment, error_text, fail_over, measured, metric, proxy, role, run, wait_for_metric,
};

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

/// A planned failover closes the connections of the new master and demotes the old one: no client notices.
#[test]
fn blocked_and_watching_clients_pass_a_planned_failover() {
    run(async {
        let deployment = deployment(SentinelOptions::default()).await;
        let proxy = proxy(&deployment.url(), &[]).await;
        let mut blocked = client(proxy.address()).await;
        let mut watching = watch(&proxy).await;
        let mut other = client(proxy.address()).await;
        blocked.send(&["BLPOP", "queue", "0"]).await.unwrap();
        wait_for_blocked(&deployment, deployment.master().await.unwrap()).await;

        let first = deployment.master().await.unwrap();
        fail_over(&deployment).await;
        let second = deployment.wait_for_switch(first, LIMIT).await.unwrap();
        wait_for_blocked(&deployment, second).await;
        assert_eq!(other.call(&["RPUSH", "queue", "element"]).await.unwrap(), Reply::Integer(1));
        assert_eq!(blocked.reply().await.unwrap(), Reply::Array(vec![bulk("queue"), bulk("element")]));
        assert_eq!(other.call(&["LLEN", "queue"]).await.unwrap(), Reply::Integer(0));

        assert_eq!(exec(&mut watching).await, Reply::Nil, "the watch died with its connection");
        assert_eq!(other.call(&["GET", "guarded"]).await.unwrap(), bulk("before"));
        // The next attempt of the same client succeeds as usual.
        watching.must(&["WATCH", "guarded"]).await.unwrap();
        assert_eq!(exec(&mut watching).await, Reply::Array(vec![Reply::Simple("OK".into())]));
        assert_eq!(metric(&proxy, "uncertain_total", &[]).await, 0.0);
    });
}

async fn watch(proxy: &ProxyProcess) -> Client {
    let mut watching = client(proxy.address()).await;
    watching.must(&["SET", "guarded", "before"]).await.unwrap();
    watching.must(&["WATCH", "guarded"]).await.unwrap();
    watching
}

async fn exec(client: &mut Client) -> Reply {
    client.must(&["MULTI"]).await.unwrap();
    assert_eq!(client.call(&["SET", "guarded", "after"]).await.unwrap(), Reply::Simple("QUEUED".into()));
    client.call(&["EXEC"]).await.unwrap()
}

async fn wait_for_blocked(
    deployment: &tideover_testbed::deployment::SentinelDeployment,
    node: std::net::SocketAddr,
) {
    wait_until("a blocked client on the node", LIMIT, || async {
        let info = deployment
            .client(node)
            .await
            .map_err(|error| error.to_string())?
            .call(&["INFO", "clients"])
            .await;
        let info = info.ok().and_then(|info| info.text()).unwrap_or_default();
        if info.contains("blocked_clients:1") { Ok(()) } else { Err(role(deployment, node).await) }
    })
    .await
    .unwrap();
}

/// Tests subscribers and watches at a master that is killed.
#[test]
fn subscribers_hear_on_after_a_kill_and_a_watch_fails() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let proxy = proxy(&deployment.url(), &[]).await;
        let mut subscriber = client(proxy.address()).await;
        let mut publisher = client(proxy.address()).await;
        subscriber.send(&["SUBSCRIBE", "news", "weather"]).await.unwrap();
        subscriber.send(&["PSUBSCRIBE", "new*"]).await.unwrap();
        for (kind, channel, count) in
            [("subscribe", "news", 1), ("subscribe", "weather", 2), ("psubscribe", "new*", 3)]
        {
            let confirmed = Reply::Array(vec![bulk(kind), bulk(channel), Reply::Integer(count)]);
            assert_eq!(subscriber.reply().await.unwrap(), confirmed);
        }
        assert_eq!(publisher.call(&["PUBLISH", "news", "before"]).await.unwrap(), Reply::Integer(2));
        heard(&mut subscriber, "before").await;
        let mut watching = watch(&proxy).await;

        let killed = Instant::now();
        deployment.kill_master().await.unwrap();
        wait_until("a message reaches both subscriptions", LIMIT, || async {
            let mut publisher = client(proxy.address()).await;
            let received = publisher.call(&["PUBLISH", "news", "probe"]).await.unwrap();
            if received == Reply::Integer(2) { Ok(()) } else { Err(format!("{received:?}")) }
        })
        .await
        .unwrap();
        measured("from the kill until the subscriptions stood again", killed);
        publisher.must(&["PUBLISH", "news", "after"]).await.unwrap();
        last_heard(&mut subscriber, "after").await;

        assert_eq!(exec(&mut watching).await, Reply::Nil);
        assert_eq!(publisher.call(&["GET", "guarded"]).await.unwrap(), bulk("before"));
    });
}

/// Reads the message, once for the channel and once for the pattern.
async fn heard(subscriber: &mut Client, payload: &str) {
    let message = Reply::Array(vec![bulk("message"), bulk("news"), bulk(payload)]);
    assert_eq!(subscriber.reply().await.unwrap(), message);
    let message = Reply::Array(vec![bulk("pmessage"), bulk("new*"), bulk("news"), bulk(payload)]);
    assert_eq!(subscriber.reply().await.unwrap(), message);
}

/// Checks that nothing but messages comes before this one, and no second confirmation.
async fn last_heard(subscriber: &mut Client, payload: &str) {
    loop {
        let message = subscriber.reply().await.unwrap();
        let kind = message.elements().first().and_then(Reply::text).unwrap_or_default();
        assert!(kind == "message" || kind == "pmessage", "{message:?}");
        if kind == "pmessage" && message.elements().last() == Some(&bulk(payload)) {
            return;
        }
    }
}

/// The master is frozen with everything in its sockets, then killed: it is unknown which of it ran.
#[test]
fn transactions_in_flight_at_a_kill_are_unknown_and_never_run_twice_and_who_waits_goes_on() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let proxy = proxy(&deployment.url(), &["failover.node_timeout=60s"]).await;
        let old = deployment.master().await.unwrap();
        let mut popping = client(proxy.address()).await;
        let mut plain = client(proxy.address()).await;
        plain.must(&["SET", "warm", "up"]).await.unwrap();
        popping.send(&["BLPOP", "queue", "0"]).await.unwrap();
        wait_for_blocked(&deployment, old).await;

        let index = deployment.index_of(old).unwrap();
        deployment.node(index).unwrap().process().stop();
        let block = ["MULTI", "INCR count", "RPUSH list token", "EXEC"];
        let bytes: Vec<u8> =
            block.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect();
        let before = metric(&proxy, "node_bytes_total", &["direction=\"out\""]).await;
        plain.write(&bytes).await.unwrap();
        wait_for_metric(&proxy, "node_bytes_total", &["direction=\"out\""], |now| {
            now >= before + bytes.len() as f64
        })
        .await;
        deployment.kill_node(old);

        assert_eq!(plain.reply().await.unwrap(), Reply::Simple("OK".into()));
        for _ in 0..2 {
            assert_eq!(plain.reply().await.unwrap(), Reply::Simple("QUEUED".into()));
        }
        assert_eq!(error_text(&plain.reply().await.unwrap()).split(' ').next(), Some("UNCERTAIN"));
        plain.must(&["RPUSH", "queue", "element"]).await.unwrap();
        assert_eq!(popping.reply().await.unwrap(), Reply::Array(vec![bulk("queue"), bulk("element")]));
        assert_eq!(plain.call(&["EXISTS", "count", "list"]).await.unwrap(), Reply::Integer(0));
        // Commands sent while there is no node run once.
        plain.write(&bytes).await.unwrap();
        for _ in 0..3 {
            plain.reply().await.unwrap();
        }
        let ran = Reply::Array(vec![Reply::Integer(1), Reply::Integer(1)]);
        assert_eq!(plain.reply().await.unwrap(), ran);
    });
}

/// The pop waited for a master longer than it would have waited for an element.
#[test]
fn blocking_commands_and_transactions_sent_in_an_outage_run_once_after_it() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let proxy = proxy(&deployment.url(), &[]).await;
        let (mut popping, mut plain) = (client(proxy.address()).await, client(proxy.address()).await);
        let mut counting = client(proxy.address()).await;
        plain.must(&["SET", "warm", "up"]).await.unwrap();
        deployment.kill_master().await.unwrap();
        popping.send(&["BLPOP", "empty", "1"]).await.unwrap();
        let block = ["MULTI", "INCR count", "RPUSH list token", "EXEC"];
        let bytes: Vec<u8> =
            block.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect();
        plain.write(&bytes).await.unwrap();
        counting.send(&["INCR", "other"]).await.unwrap();

        assert_eq!(popping.reply().await.unwrap(), Reply::Nil);
        for _ in 0..3 {
            plain.reply().await.unwrap();
        }
        assert_eq!(plain.reply().await.unwrap(), Reply::Array(vec![Reply::Integer(1), Reply::Integer(1)]));
        assert_eq!(counting.reply().await.unwrap(), Reply::Integer(1));
        assert_eq!(metric(&proxy, "uncertain_total", &[]).await, 0.0);
    });
}

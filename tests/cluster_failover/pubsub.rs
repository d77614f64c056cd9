//! Tests subscribers while the node that serves them dies, and while the slot of their channel moves.

use std::time::Instant;

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::wait::wait_until;

use super::support::{LIMIT, SLOTS, bulk, client, cluster, master_of, measured, metric, proxy, run};

async fn confirmed(subscriber: &mut Client, kind: &str, channel: &str, count: i64) {
    let expected = Reply::Array(vec![bulk(kind), bulk(channel), Reply::Integer(count)]);
    assert_eq!(subscriber.reply().await.unwrap(), expected);
}

async fn heard(subscriber: &mut Client, kind: &str, channel: &str, payload: &str) {
    let expected = Reply::Array(vec![bulk(kind), bulk(channel), bulk(payload)]);
    assert_eq!(subscriber.reply().await.unwrap(), expected);
}

/// All nodes are killed one after the other, so that the one with the subscription is among them.
#[test]
fn classic_subscriptions_outlive_every_master() {
    run(async {
        let mut cluster = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let mut subscriber = client(proxy.address()).await;
        let mut publisher = client(proxy.address()).await;
        subscriber.send(&["SUBSCRIBE", "news"]).await.unwrap();
        confirmed(&mut subscriber, "subscribe", "news", 1).await;
        subscriber.send(&["PSUBSCRIBE", "wea*"]).await.unwrap();
        confirmed(&mut subscriber, "psubscribe", "wea*", 2).await;
        publisher.must(&["PUBLISH", "news", "before"]).await.unwrap();
        heard(&mut subscriber, "message", "news", "before").await;
        for slot in SLOTS {
            let killed = Instant::now();
            let old = master_of(&cluster, slot).await;
            cluster.kill(old);
            cluster.wait_for_switch(slot, old, LIMIT).await.unwrap();
            cluster.restart(old).await.unwrap();
            cluster.wait_until_healthy(LIMIT).await.unwrap();
            heard_again(&mut subscriber, &mut publisher, &format!("after-{slot}")).await;
            measured("from the kill until the cluster was whole and a message came through", killed);
        }
        assert_eq!(metric(&proxy, "uncertain_total", &[]).await, 0.0);
    });
}

/// Publishes until the message arrives; nothing but messages comes, and no second confirmation.
async fn heard_again(subscriber: &mut Client, publisher: &mut Client, payload: &str) {
    let publishing = async {
        loop {
            publisher.must(&["PUBLISH", "news", payload]).await.unwrap();
            publisher.must(&["PUBLISH", "weather", payload]).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let hearing = async {
        let (mut news, mut weather) = (false, false);
        while !(news && weather) {
            let message = subscriber.reply().await.unwrap();
            let kind = message.elements().first().and_then(Reply::text).unwrap_or_default();
            assert!(kind == "message" || kind == "pmessage", "{message:?}");
            let ours = message.elements().last() == Some(&bulk(payload));
            news |= ours && kind == "message";
            weather |= ours && kind == "pmessage";
        }
    };
    tokio::select! {
        () = hearing => {}
        () = publishing => {}
    }
    drain(subscriber, publisher).await;
}

/// Reads the messages published beyond the needed one.
async fn drain(subscriber: &mut Client, publisher: &mut Client) {
    // The reply to a PUBLISH that was cut off may be on its way and does not matter.
    publisher.send(&["ECHO", "end"]).await.unwrap();
    while publisher.reply().await.unwrap() != bulk("end") {}
    publisher.must(&["PUBLISH", "news", "end"]).await.unwrap();
    while subscriber.reply().await.unwrap().elements().last() != Some(&bulk("end")) {}
}

/// The slot of the channel `hello`.
const SLOT: u16 = 866;

/// Publishes until a message has a receiver, as the reply says.
async fn reaches(publisher: &mut Client, subscriber: &mut Client, payload: &str) {
    let publisher = tokio::sync::Mutex::new(publisher);
    wait_until("a message reaches the subscriber", LIMIT, || async {
        let mut publisher = publisher.lock().await;
        let reached = publisher.call(&["SPUBLISH", "hello", payload]).await.unwrap();
        if reached == Reply::Integer(1) { Ok(()) } else { Err(format!("{reached:?}")) }
    })
    .await
    .unwrap();
    heard(subscriber, "smessage", "hello", payload).await;
}

#[test]
fn a_sharded_subscription_follows_its_slot() {
    run(async {
        let cluster = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let mut subscriber = client(proxy.address()).await;
        let mut publisher = client(proxy.address()).await;
        subscriber.send(&["SSUBSCRIBE", "hello"]).await.unwrap();
        confirmed(&mut subscriber, "ssubscribe", "hello", 1).await;
        reaches(&mut publisher, &mut subscriber, "before").await;

        let (from, to) = (master_of(&cluster, SLOT).await, master_of(&cluster, SLOTS[2]).await);
        cluster.reshard(from, to, SLOT..=SLOT).await.unwrap();
        reaches(&mut publisher, &mut subscriber, "moved").await;
        cluster.reshard(to, from, SLOT..=SLOT).await.unwrap();
        reaches(&mut publisher, &mut subscriber, "back").await;
        cluster.wait_until_healthy(LIMIT).await.unwrap();
        cluster.planned_failover(SLOT, None).await.unwrap();
        reaches(&mut publisher, &mut subscriber, "taken over").await;
    });
}

#[test]
fn a_sharded_subscription_outlives_its_master() {
    run(async {
        let mut cluster: ClusterDeployment = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let mut subscriber = client(proxy.address()).await;
        let mut publisher = client(proxy.address()).await;
        subscriber.send(&["SSUBSCRIBE", "hello"]).await.unwrap();
        confirmed(&mut subscriber, "ssubscribe", "hello", 1).await;
        let killed = Instant::now();
        let master = master_of(&cluster, SLOT).await;
        cluster.kill(master);
        reaches(&mut publisher, &mut subscriber, "after").await;
        measured("from the kill until a message came through", killed);
    });
}

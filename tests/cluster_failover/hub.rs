//! Tests many subscribers in front of a cluster: one connection of each worker for all of them, and every message once,
//! whatever happens to the nodes.

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::wait::wait_until;

use super::support::{LIMIT, SLOTS, bulk, client, cluster, master_of, metric, proxy, run, tagged};

/// Connects a subscriber and waits for its confirmation.
async fn subscriber(proxy: &ProxyProcess, command: &str, name: &str) -> Client {
    let mut subscriber = client(proxy.address()).await;
    subscriber.send(&[command, name]).await.unwrap();
    let expected = Reply::Array(vec![bulk(&command.to_lowercase()), bulk(name), Reply::Integer(1)]);
    assert_eq!(subscriber.reply().await.unwrap(), expected);
    subscriber
}

/// Returns the last words of the messages up to the one that ends with `end`.
async fn heard_until(subscriber: &mut Client, end: &str) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let message = subscriber.reply().await.unwrap();
        let last = message.elements().last().and_then(Reply::text).unwrap_or_default();
        if last == end {
            return heard;
        }
        heard.push(last);
    }
}

async fn notifying() -> ClusterDeployment {
    let node_config = vec!["notify-keyspace-events KEA".to_owned()];
    cluster(ClusterOptions { node_config, ..ClusterOptions::default() }).await
}

/// Returns a key in each shard, to be written last: events of one node may come before earlier ones of another.
fn last_keys() -> Vec<String> {
    SLOTS.iter().map(|slot| tagged("z", *slot..=slot + 4000)).collect()
}

/// Returns the messages in front of the last key of each shard.
async fn heard_of_each(events: &mut Client) -> Vec<String> {
    let (mut heard, mut missing) = (Vec::new(), last_keys());
    while !missing.is_empty() {
        let message = events.reply().await.unwrap();
        let key = message.elements().last().and_then(Reply::text).unwrap_or_default();
        match missing.iter().position(|last| *last == key) {
            Some(at) => drop(missing.remove(at)),
            None => heard.push(key),
        }
    }
    sorted(heard)
}

/// Returns two keys in each shard.
fn keys() -> Vec<String> {
    let parts = SLOTS.iter().flat_map(|slot| [(slot, "a"), (slot, "b")]);
    parts.map(|(slot, stem)| tagged(stem, *slot..=slot + 4000)).collect()
}

#[test]
fn events_of_keys_come_from_all_masters_and_once() {
    run(async {
        let mut cluster = notifying().await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let mut events = subscriber(&proxy, "PSUBSCRIBE", "__keyevent@0__:set").await;
        let mut space = subscriber(&proxy, "SUBSCRIBE", "__keyspace@0__:end").await;
        let mut writer = client(proxy.address()).await;
        let write = async |writer: &mut Client| {
            for key in keys().iter().chain(&last_keys()) {
                writer.must(&["SET", key, "v"]).await.unwrap();
            }
        };
        write(&mut writer).await;
        assert_eq!(heard_of_each(&mut events).await, sorted(keys()));
        writer.must(&["SET", "end", "v"]).await.unwrap();
        assert_eq!(heard_until(&mut events, "end").await, [""; 0]);
        assert_eq!(space.reply().await.unwrap().elements().last(), Some(&bulk("set")));

        for slot in SLOTS {
            let old = master_of(&cluster, slot).await;
            cluster.kill(old);
            cluster.wait_for_switch(slot, old, LIMIT).await.unwrap();
            cluster.restart(old).await.unwrap();
            cluster.wait_until_healthy(LIMIT).await.unwrap();
        }
        listened_to(&cluster, 1).await;
        write(&mut writer).await;
        assert_eq!(heard_of_each(&mut events).await, sorted(keys()));
    });
}

/// Waits until every master has so many patterns.
async fn listened_to(cluster: &ClusterDeployment, patterns: i64) {
    wait_until("every master is listened to", LIMIT, || async {
        for slot in SLOTS {
            let mut node = cluster.client(master_of(cluster, slot).await).await.map_err(|e| e.to_string())?;
            let count = node.call(&["PUBSUB", "NUMPAT"]).await.map_err(|e| e.to_string())?;
            if count != Reply::Integer(patterns) {
                return Err(format!("{slot}: {count:?}"));
            }
        }
        Ok(())
    })
    .await
    .unwrap();
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn who_listens_to_everything_hears_it_once() {
    run(async {
        let cluster = notifying().await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let mut subscriber = subscriber(&proxy, "PSUBSCRIBE", "*").await;
        let mut publishers = Vec::new();
        for _ in 0..6 {
            publishers.push(client(proxy.address()).await);
        }
        let mut said = Vec::new();
        for round in 0..20 {
            for (index, publisher) in publishers.iter_mut().enumerate() {
                let text = format!("{round}-{index}");
                publisher.must(&["PUBLISH", &format!("channel-{index}"), &text]).await.unwrap();
                said.push(text);
            }
        }
        for node in cluster.nodes().into_iter().take(3) {
            let mut direct = cluster.client(node).await.unwrap();
            direct.must(&["PUBLISH", "direct", &node.to_string()]).await.unwrap();
            said.push(node.to_string());
        }
        // A node sends each event twice: by key and by event.
        publishers[0].must(&["SET", "key", "v"]).await.unwrap();
        said.extend(["set".to_owned(), "key".to_owned()]);
        let mut heard = Vec::new();
        while heard.len() < said.len() {
            let message = subscriber.reply().await.unwrap();
            heard.extend(message.elements().last().and_then(Reply::text));
        }
        publishers[0].must(&["PUBLISH", "last", "end"]).await.unwrap();
        heard.extend(heard_until(&mut subscriber, "end").await);
        assert_eq!(sorted(heard), sorted(said));
    });
}

/// Subscribers that are disconnected when they may have missed messages miss none here, and are not disconnected.
#[test]
fn a_listener_misses_nothing_when_masters_are_replaced_by_plan() {
    run(async {
        let cluster = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &["failover.on_unknown=close"]).await;
        let mut listeners =
            [subscriber(&proxy, "SUBSCRIBE", "news").await, subscriber(&proxy, "PSUBSCRIBE", "new*").await];
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let mut publisher = client(proxy.address()).await;
        let published = tokio::spawn(async move {
            let mut said = Vec::new();
            while stopped.try_recv().is_err() {
                let text = said.len().to_string();
                publisher.must(&["PUBLISH", "news", &text]).await.unwrap();
                said.push(text);
            }
            publisher.must(&["PUBLISH", "news", "end"]).await.unwrap();
            said
        });
        for slot in SLOTS {
            cluster.planned_failover(slot, None).await.unwrap();
            cluster.wait_until_healthy(LIMIT).await.unwrap();
        }
        stop.send(()).unwrap();
        let said = published.await.unwrap();
        for listener in &mut listeners {
            let heard = heard_until(listener, "end").await;
            let differs = heard.iter().zip(&said).find(|(heard, said)| heard != said);
            assert!(heard == said, "{} messages, {} heard: {differs:?}", said.len(), heard.len());
        }
    });
}

const CROWD: usize = 1000;

#[test]
fn a_crowd_of_subscribers_takes_one_connection_for_each_worker() {
    run(async {
        let cluster = cluster(ClusterOptions { replicas: 0, ..ClusterOptions::default() }).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let before = metric(&proxy, "node_connections", &["use=\"shared\""]).await;
        let mut crowd = Vec::new();
        for _ in 0..CROWD {
            crowd.push(subscriber(&proxy, "SUBSCRIBE", "news").await);
        }
        let workers = std::thread::available_parallelism().unwrap().get() as f64;
        let grown = metric(&proxy, "node_connections", &["use=\"shared\""]).await - before;
        assert!((1.0..=workers).contains(&grown), "{grown} connections for {workers} workers");
        assert_eq!(metric(&proxy, "node_connections", &["use=\"dedicated\""]).await, 0.0);
        let mut publisher = cluster.client(cluster.nodes()[0]).await.unwrap();
        for n in 0..3 {
            publisher.must(&["PUBLISH", "news", &n.to_string()]).await.unwrap();
        }
        for subscriber in &mut crowd {
            for n in 0..3 {
                let expected = Reply::Array(vec![bulk("message"), bulk("news"), bulk(&n.to_string())]);
                assert_eq!(subscriber.reply().await.unwrap(), expected);
            }
        }
    });
}

#[test]
fn shard_channels_of_all_slots_are_one_command() {
    run(async {
        let mut cluster = cluster(ClusterOptions::default()).await;
        let proxy = proxy(&cluster.url(), &[]).await;
        let names = keys();
        let mut subscriber = client(proxy.address()).await;
        let words: Vec<&str> =
            std::iter::once("SSUBSCRIBE").chain(names.iter().map(String::as_str)).collect();
        subscriber.send(&words).await.unwrap();
        for (count, name) in (1..).zip(&names) {
            let expected = Reply::Array(vec![bulk("ssubscribe"), bulk(name), Reply::Integer(count)]);
            assert_eq!(subscriber.reply().await.unwrap(), expected);
        }
        let mut publisher = client(proxy.address()).await;
        for name in &names {
            publisher.must(&["SPUBLISH", name, "before"]).await.unwrap();
            let message = subscriber.reply().await.unwrap();
            assert_eq!(message, Reply::Array(vec![bulk("smessage"), bulk(name), bulk("before")]));
        }
        let old = master_of(&cluster, SLOTS[0]).await;
        cluster.kill(old);
        // Subscribers of the other shards get everything in the meantime.
        for name in names.iter().skip(2) {
            publisher.must(&["SPUBLISH", name, "meanwhile"]).await.unwrap();
            let message = subscriber.reply().await.unwrap();
            assert_eq!(message, Reply::Array(vec![bulk("smessage"), bulk(name), bulk("meanwhile")]));
        }
        cluster.wait_for_switch(SLOTS[0], old, LIMIT).await.unwrap();
        let publisher = tokio::sync::Mutex::new(publisher);
        wait_until("the new master has the subscription", LIMIT, || async {
            let reached = publisher.lock().await.call(&["SPUBLISH", &names[0], "after"]).await.unwrap();
            if reached == Reply::Integer(1) { Ok(()) } else { Err(format!("{reached:?}")) }
        })
        .await
        .unwrap();
        let message = subscriber.reply().await.unwrap();
        assert_eq!(message, Reply::Array(vec![bulk("smessage"), bulk(&names[0]), bulk("after")]));
    });
}

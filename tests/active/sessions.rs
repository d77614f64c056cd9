//! Tests sessions that are bound to one node while the node in use changes: watches, blocked clients, subscribers,
//! cursors, scripts. Also tests FLUSHALL, which would undo itself.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::wait::wait_until;

use super::plain::PlainNodes;
use super::support::{
    FAILBACK, FIRST, LIMIT, ask, bulk, client, error_text, info, ok, proxy, run, wait_until_all_up,
};

async fn two(settings: &[&str]) -> (PlainNodes, ProxyProcess) {
    let nodes = PlainNodes::start(2).await;
    let proxy = proxy(&nodes.url(), &[&[FIRST], settings].concat()).await;
    wait_until_all_up(&proxy, &nodes.addresses()).await;
    (nodes, proxy)
}

async fn wait_for_blocked(node: SocketAddr) {
    wait_until("a blocked client on the node", LIMIT, || async {
        let info = info(node, "clients").await;
        if info.contains("blocked_clients:1\r\n") { Ok(()) } else { Err(info) }
    })
    .await
    .unwrap();
}

async fn exec(client: &mut Client) -> Reply {
    client.must(&["MULTI"]).await.unwrap();
    assert_eq!(client.call(&["SET", "guarded", "after"]).await.unwrap(), Reply::Simple("QUEUED".into()));
    client.call(&["EXEC"]).await.unwrap()
}

#[test]
fn a_watch_does_not_outlive_its_node() {
    run(async {
        let (mut nodes, proxy) = two(&[]).await;
        let mut watching = client(proxy.address()).await;
        watching.must(&["WATCH", "guarded"]).await.unwrap();
        nodes.process(0).kill();
        assert_eq!(exec(&mut watching).await, Reply::Nil);
        assert_eq!(ask(nodes.address(1), &["EXISTS", "guarded"]).await, Reply::Integer(0));
        watching.must(&["WATCH", "guarded"]).await.unwrap();
        assert_eq!(exec(&mut watching).await, Reply::Array(vec![ok()]));
        assert_eq!(ask(nodes.address(1), &["GET", "guarded"]).await, bulk("after"));
    });
}

#[test]
fn a_blocked_client_moves_to_the_node_that_is_used_again() {
    run(async {
        let (mut nodes, proxy) = two(&[FAILBACK]).await;
        nodes.process(0).kill();
        let mut blocked = client(proxy.address()).await;
        blocked.send(&["BLPOP", "queue", "0"]).await.unwrap();
        wait_for_blocked(nodes.address(1)).await;
        nodes.restart(0).await;
        wait_for_blocked(nodes.address(0)).await;
        assert_eq!(ask(proxy.address(), &["RPUSH", "queue", "element"]).await, Reply::Integer(1));
        assert_eq!(blocked.reply().await.unwrap(), Reply::Array(vec![bulk("queue"), bulk("element")]));
        assert!(info(nodes.address(1), "clients").await.contains("blocked_clients:0\r\n"));
    });
}

#[test]
fn subscribers_hear_on_after_a_kill() {
    run(async {
        let (mut nodes, proxy) = two(&[]).await;
        let mut subscriber = client(proxy.address()).await;
        let confirmed = Reply::Array(vec![bulk("subscribe"), bulk("news"), Reply::Integer(1)]);
        assert_eq!(subscriber.call(&["SUBSCRIBE", "news"]).await.unwrap(), confirmed);
        nodes.process(0).kill();
        wait_until("the subscription stands again", LIMIT, || async {
            let reached = ask(proxy.address(), &["PUBLISH", "news", "probe"]).await;
            if reached == Reply::Integer(1) { Ok(()) } else { Err(format!("{reached:?}")) }
        })
        .await
        .unwrap();
        ask(proxy.address(), &["PUBLISH", "news", "after"]).await;
        for payload in ["probe", "after"] {
            let message = Reply::Array(vec![bulk("message"), bulk("news"), bulk(payload)]);
            assert_eq!(subscriber.reply().await.unwrap(), message);
        }
    });
}

const KEYS: usize = 2000;

/// Each node has a layout of keys of its own: a cursor of one means nothing to another.
#[test]
fn a_scan_over_a_change_of_the_node_leaves_no_key_out() {
    run(async {
        let (mut nodes, proxy) = two(&[]).await;
        nodes.ask_all(&["DEBUG", "POPULATE", &KEYS.to_string()]).await;
        let mut scanning = client(proxy.address()).await;
        let mut seen = BTreeSet::new();
        let mut cursor = "0".to_owned();
        loop {
            let page = scanning.must(&["SCAN", &cursor, "MATCH", "key:*", "COUNT", "50"]).await.unwrap();
            let [next, keys] = page.elements() else { panic!("{page:?}") };
            seen.extend(keys.elements().iter().filter_map(Reply::text));
            cursor = next.text().unwrap();
            if seen.len() > KEYS / 2 && nodes.process(0).is_running() {
                assert!(seen.len() < KEYS, "it was to change on the way");
                nodes.process(0).kill();
            }
            if cursor == "0" {
                break;
            }
        }
        assert!(!nodes.process(0).is_running(), "the node was changed on the way");
        assert_eq!(seen.len(), KEYS);
    });
}

#[test]
fn flushing_one_node_of_several_is_refused() {
    run(async {
        let (nodes, proxy) = two(&[]).await;
        for command in ["FLUSHALL", "FLUSHDB"] {
            let refused = ask(proxy.address(), &[command]).await;
            let wanted = format!("ERR tideover: {command} is not available here: ");
            assert!(error_text(&refused).starts_with(&wanted), "{refused:?}");
        }
        assert_eq!(nodes.ask_all(&["DBSIZE"]).await, [Reply::Integer(1), Reply::Integer(1)]);
    });
}

#[test]
fn every_node_saves_and_none_is_shut_down() {
    run(async {
        let (nodes, proxy) = two(&[]).await;
        let mut asking = client(proxy.address()).await;
        asking.must(&["SAVE"]).await.unwrap();
        asking.must(&["BGSAVE"]).await.unwrap();
        for stats in nodes.ask_all(&["INFO", "commandstats"]).await {
            let stats = stats.text().unwrap();
            assert!(
                stats.contains("cmdstat_save:calls=1,") && stats.contains("cmdstat_bgsave:calls=1,"),
                "{stats}"
            );
        }
        assert_eq!(asking.must(&["MODULE", "LIST"]).await.unwrap(), Reply::Array(Vec::new()));
        let refused = ask(proxy.address(), &["SHUTDOWN"]).await;
        assert!(
            error_text(&refused).starts_with("ERR tideover: SHUTDOWN is not available here: "),
            "{refused:?}"
        );
    });
}

#[test]
fn a_script_that_was_loaded_is_on_every_node() {
    run(async {
        let (mut nodes, proxy) = two(&[]).await;
        let mut asking = client(proxy.address()).await;
        let digest = asking.must(&["SCRIPT", "LOAD", "return 'ran'"]).await.unwrap().text().unwrap();
        let exists = Reply::Array(vec![Reply::Integer(1)]);
        assert_eq!(nodes.ask_all(&["SCRIPT", "EXISTS", &digest]).await, [exists.clone(), exists]);
        nodes.process(0).kill();
        assert_eq!(asking.call(&["EVALSHA", &digest, "0"]).await.unwrap(), bulk("ran"));
    });
}

//! Tests the choice of the node for a command, by `active.writer` and its rules. The nodes do not replicate, so that a
//! key is where it was written.

use std::collections::BTreeMap;

use super::plain::PlainNodes;
use super::support::{
    FAILBACK, LIMIT, ask, bulk, client, error_text, info, ok, proxy, proxy_of, run, url, wait_for_state,
    wait_until_all_write,
};
use tideover_testbed::client::Reply;
use tideover_testbed::wait::wait_until;

/// Writes these keys through the proxy, and returns the node that has each.
async fn places(proxy: std::net::SocketAddr, nodes: &PlainNodes, keys: &[String]) -> BTreeMap<String, usize> {
    let mut writer = client(proxy).await;
    let mut places = BTreeMap::new();
    for key in keys {
        assert_eq!(writer.call(&["SET", key, "v"]).await.unwrap(), ok());
        let holders = nodes.holders(key).await;
        assert_eq!(holders.len(), 1, "{key} is on {holders:?}");
        places.insert(key.clone(), holders[0]);
    }
    places
}

fn keys(prefix: &str) -> Vec<String> {
    (0..60).map(|number| format!("{prefix}:{number}")).collect()
}

#[test]
fn each_key_has_one_writer_and_the_same_for_all_proxies() {
    run(async {
        let mut nodes = PlainNodes::start(3).await;
        let mut reversed = nodes.addresses();
        reversed.reverse();
        let first = proxy(&nodes.url(), &["active.writer=key", FAILBACK]).await;
        let second = proxy(&url(&reversed), &["active.writer=key", FAILBACK]).await;
        for proxy in [&first, &second] {
            wait_until_all_write(proxy, 3).await;
        }
        let before = places(first.address(), &nodes, &keys("k")).await;
        for node in 0..3 {
            assert!(before.values().any(|place| *place == node), "none on {node}: {before:?}");
        }
        // Each key is still on one node alone: the other proxy wrote to the same.
        assert_eq!(places(second.address(), &nodes, &keys("k")).await, before);
        assert_eq!(ask(second.address(), &["GET", "k:0"]).await, bulk("v"));

        nodes.process(0).kill();
        wait_for_state(&first, nodes.address(0), "down").await;
        let mut reader = client(first.address()).await;
        for (key, place) in &before {
            let found = reader.call(&["GET", key]).await.unwrap();
            let stays = if *place == 0 { Reply::Nil } else { bulk("v") };
            assert_eq!(found, stays, "{key} was on {place}: keys of a living node stay where they are");
        }
    });
}

/// Keys of one hash tag are written by one node, whatever else is in their names.
#[test]
fn commands_of_several_keys_go_to_their_one_writer() {
    run(async {
        let nodes = PlainNodes::start(3).await;
        let proxy = proxy(&nodes.url(), &["active.writer=key", FAILBACK]).await;
        wait_until_all_write(&proxy, 3).await;
        for tag in 0..20 {
            let [a, b] = ["a", "b"].map(|name| format!("{{tag{tag}}}:{name}"));
            assert_eq!(ask(proxy.address(), &["RPUSH", &a, "element"]).await, Reply::Integer(1));
            assert_eq!(ask(proxy.address(), &["RPOPLPUSH", &a, &b]).await, bulk("element"));
            assert_eq!(nodes.holders(&b).await.len(), 1);
        }
    });
}

#[test]
fn a_rule_gives_the_keys_of_a_prefix_another_writer_and_the_longest_prefix_counts() {
    run(async {
        let nodes = PlainNodes::start(3).await;
        let rules = "[proxy.active]\nwriter = \"key\"\nfailback = \"500ms\"\n\
            [[proxy.active.rule]]\nprefix = \"lock:\"\nwriter = \"first\"\n\
            [[proxy.active.rule]]\nprefix = \"lock:own:\"\nwriter = \"key\"\n";
        let proxy = proxy_of(&nodes.addresses(), rules).await;
        wait_until_all_write(&proxy, 3).await;
        let locks = places(proxy.address(), &nodes, &keys("lock")).await;
        assert!(locks.values().all(|place| *place == 0), "{locks:?}");
        for prefix in ["lock:own", "other"] {
            let own = places(proxy.address(), &nodes, &keys(prefix)).await;
            assert!(own.values().any(|place| *place != own[&format!("{prefix}:0")]), "{own:?}");
        }
    });
}

#[test]
fn a_node_of_the_own_zone_is_nearer_than_all_others_while_it_is_there() {
    run(async {
        let mut nodes = PlainNodes::start(3).await;
        let zone = |node: usize| format!("\"{}\" = \"{}\"\n", nodes.address(node), ["a", "b", "here"][node]);
        let zones: String = (0..3).map(zone).collect();
        let config =
            format!("[proxy.active]\nfailback = \"500ms\"\nzone = \"here\"\n[proxy.active.zones]\n{zones}");
        let proxy = proxy_of(&nodes.addresses(), &config).await;
        let near = places(proxy.address(), &nodes, &keys("near")).await;
        assert!(near.values().all(|place| *place == 2), "{near:?}");
        nodes.process(2).kill();
        assert_eq!(ask(proxy.address(), &["SET", "far", "v"]).await, ok());
        nodes.restart(2).await;
        wait_for_state(&proxy, nodes.address(2), "up").await;
        let again = places(proxy.address(), &nodes, &keys("again")).await;
        assert!(again.values().all(|place| *place == 2), "{again:?}");
    });
}

#[test]
fn a_flush_of_all_nodes_is_one_of_every_node_if_it_is_allowed() {
    run(async {
        let mut nodes = PlainNodes::start(3).await;
        let proxy = proxy_of(&nodes.addresses(), "[proxy.active]\nflush = \"all\"\n").await;
        assert_eq!(ask(proxy.address(), &["FLUSHALL"]).await, ok());
        assert_eq!(nodes.ask_all(&["DBSIZE"]).await, vec![Reply::Integer(0); 3]);
        for address in nodes.addresses() {
            ask(address, &["SET", "k", "v"]).await;
        }
        nodes.process(2).kill();
        wait_for_state(&proxy, nodes.address(2), "down").await;
        let refused = ask(proxy.address(), &["FLUSHALL"]).await;
        assert!(!error_text(&refused).is_empty(), "one of them would bring everything back");
        nodes.restart(2).await;
        assert_eq!(nodes.ask_all(&["DBSIZE"]).await, vec![Reply::Integer(1); 3]);
    });
}

/// A node replicates its flush to the others; one that has not received it yet would delete keys written after the
/// reply. These nodes have no replica that could confirm it, so each is waited for until the limit.
#[test]
fn a_flush_is_answered_when_every_node_was_waited_for() {
    run(async {
        let nodes = PlainNodes::start(2).await;
        let config = "[proxy.active]\nflush = \"all\"\n[proxy.failover]\nnode_timeout = \"6s\"\n";
        let proxy = proxy_of(&nodes.addresses(), config).await;
        let mut flushing = client(proxy.address()).await;
        flushing.send(&["FLUSHALL"]).await.unwrap();
        flushing.send(&["SET", "later", "v"]).await.unwrap();
        for node in nodes.addresses() {
            wait_until("the node has flushed and waits", LIMIT, || async {
                let said = info(node, "clients").await;
                if said.contains("blocked_clients:1\r\n") { Ok(()) } else { Err(said) }
            })
            .await
            .unwrap();
            assert_eq!(ask(node, &["DBSIZE"]).await, Reply::Integer(0));
            // Commands on the shared connections are not delayed.
            assert_eq!(ask(proxy.address(), &["EXISTS", "later"]).await, Reply::Integer(0));
        }
        assert_eq!(flushing.reply().await.unwrap(), ok());
        assert_eq!(flushing.reply().await.unwrap(), ok());
        for node in nodes.addresses() {
            assert!(info(node, "commandstats").await.contains("cmdstat_wait:calls=1,"));
        }
    });
}

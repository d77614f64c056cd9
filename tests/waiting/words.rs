//! Tests the answers by which clients learn that a command was not executed, or that its outcome is unknown.

use std::net::SocketAddr;

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::error::ClientError;
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::server::{RedisOptions, RedisServer};

use super::live::{binary, client, error_text, metric, proxy, run};

/// Starts a proxy that does not hold, in front of a node that is away.
async fn away(settings: &[&str]) -> (RedisServer, ProxyProcess) {
    let mut server = RedisServer::start(RedisOptions::default()).await.unwrap();
    let settings: Vec<&str> = [&["failover.hold=100ms"][..], settings].concat();
    let proxy = proxy(&format!("redis://{}", server.address()), &settings).await;
    server.process().kill();
    (server, proxy)
}

/// Starts a proxy in front of a node that hangs until it counts as lost.
async fn hung(settings: &[&str]) -> (RedisServer, ProxyProcess) {
    let server = RedisServer::start(RedisOptions::default()).await.unwrap();
    let settings: Vec<&str> = [&["failover.node_timeout=200ms"][..], settings].concat();
    let proxy = proxy(&format!("redis://{}", server.address()), &settings).await;
    (server, proxy)
}

async fn is_closed(client: &mut Client) -> bool {
    matches!(client.reply().await, Err(ClientError::Closed | ClientError::Io(_)))
}

#[test]
fn not_executed_is_said_with_the_word_of_the_operator() {
    run(async {
        for (word, expected) in [
            (None, "LOADING"),
            (Some("TRYAGAIN"), "TRYAGAIN"),
            (Some("READONLY"), "READONLY"),
            (Some("CLUSTERDOWN"), "CLUSTERDOWN"),
        ] {
            let setting = word.map(|word| format!("failover.on_refused={word}"));
            let settings: Vec<&str> = setting.iter().map(String::as_str).collect();
            let (_server, proxy) = away(&settings).await;
            let reply = client(proxy.address()).await.call(&["INCR", "n"]).await.unwrap();
            let text = error_text(&reply);
            assert!(text.starts_with(&format!("{expected} tideover: ")), "{text}");
            assert!(text.ends_with("; not executed"), "{text}");
            assert_eq!(
                metric(&proxy, "commands_total", &["command=\"incr\"", "result=\"tryagain\""]).await,
                1.0
            );
        }
    });
}

#[test]
fn a_face_has_a_word_of_its_own() {
    run(async {
        for (face, expected) in [("standalone", "LOADING"), ("sentinel", "LOADING"), ("cluster", "TRYAGAIN")]
        {
            let (_server, proxy) = away(&[&format!("clients.face={face}")]).await;
            let reply = client(proxy.address()).await.call(&["INCR", "n"]).await.unwrap();
            assert!(error_text(&reply).starts_with(&format!("{expected} tideover: ")), "{face}: {reply:?}");
        }
    });
}

/// The replies in front of it come, and nothing behind it.
#[test]
fn a_connection_is_closed_behind_the_last_certain_reply() {
    run(async {
        let (mut server, proxy) = hung(&["failover.on_unknown=close"]).await;
        let mut counting = client(proxy.address()).await;
        assert_eq!(counting.call(&["INCR", "n"]).await.unwrap(), Reply::Integer(1));
        server.process().stop();
        let batch = [["ECHO", "first"], ["INCR", "n"], ["ECHO", "last"]];
        let bytes: Vec<u8> =
            batch.iter().flat_map(|command| tideover_testbed::client::encode(command)).collect();
        counting.write(&bytes).await.unwrap();
        assert_eq!(counting.reply().await.unwrap(), Reply::Bulk("first".into()));
        server.process().kill();
        assert!(is_closed(&mut counting).await);
        assert_eq!(metric(&proxy, "clients_closed_total", &["reason=\"unknown\""]).await, 1.0);
    });
}

#[test]
fn a_connection_is_closed_where_no_word_is_wanted() {
    run(async {
        let (_server, proxy) = away(&["failover.on_refused=close"]).await;
        let mut refused = client(proxy.address()).await;
        refused.send(&["INCR", "n"]).await.unwrap();
        assert!(is_closed(&mut refused).await);
        assert_eq!(metric(&proxy, "clients_closed_total", &["reason=\"not_executed\""]).await, 1.0);
    });
}

/// A library is recognised by the name that its clients give.
#[test]
fn a_library_is_told_in_its_own_way() {
    run(async {
        let mut server = RedisServer::start(RedisOptions::default()).await.unwrap();
        let node = server.address();
        let proxy =
            ProxyProcess::start_from_file(binary(), |listen, admin| config(node, listen, admin)).await;
        let mut proxy = proxy.unwrap();
        let address = proxy.address();
        server.process().kill();
        for (words, expected) in [
            (vec!["CLIENT", "SETINFO", "LIB-NAME", "redis-py(rq_v2)"], Some("READONLY")),
            (vec!["CLIENT", "SETNAME", "billing"], None),
            (vec!["CLIENT", "SETNAME", "other"], Some("TRYAGAIN")),
        ] {
            let mut asking = client(address).await;
            asking.must(&words).await.unwrap();
            asking.send(&["INCR", "n"]).await.unwrap();
            match expected {
                Some(word) => {
                    let reply = asking.reply().await.unwrap();
                    assert!(error_text(&reply).starts_with(&format!("{word} tideover: ")), "{reply:?}");
                }
                None => assert!(is_closed(&mut asking).await, "{words:?}"),
            }
        }
        proxy.process().check_running().unwrap();
    });
}

fn config(node: SocketAddr, listen: SocketAddr, admin: SocketAddr) -> String {
    format!(
        "[admin]\nlisten = \"{admin}\"\n[[proxy]]\nname = \"p\"\nlisten = [\"{listen}\"]\n\
         backend = {{ kind = \"fixed\", nodes = [\"{node}\"] }}\n\
         [proxy.failover]\nhold = \"100ms\"\non_refused = \"TRYAGAIN\"\n\
         [[proxy.failover.library]]\nname = \"Redis-Py\"\non_refused = \"READONLY\"\n\
         [[proxy.failover.library]]\nname = \"billing\"\non_refused = \"close\"\n"
    )
}

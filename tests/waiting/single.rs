//! Tests one waiting client and one fault: the client's answer, and its time.

use std::time::{Duration, Instant};

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::server::{RedisOptions, RedisServer};
use tideover_testbed::wait::wait_until;

use super::live::{LIMIT, client, error_text, proxy, run, wait_for_metric};

async fn kept(settings: &[&str]) -> (RedisServer, ProxyProcess) {
    let config = vec!["appendonly yes".to_owned(), "appendfsync always".to_owned()];
    let server = RedisServer::start(RedisOptions { config, ..RedisOptions::default() }).await.unwrap();
    let proxy = proxy(&format!("redis://{}", server.address()), settings).await;
    (server, proxy)
}

/// Sends a command, and returns when the node keeps it waiting.
async fn blocked(server: &RedisServer, client: &mut Client, command: &[&str]) {
    let before = blocked_clients(server).await;
    client.send(command).await.unwrap();
    wait_until("the node keeps the command", LIMIT, || async {
        let now = blocked_clients(server).await;
        if now > before { Ok(()) } else { Err(format!("{now} blocked")) }
    })
    .await
    .unwrap();
}

async fn blocked_clients(server: &RedisServer) -> usize {
    let info = server.client().await.unwrap().call(&["INFO", "clients"]).await.unwrap().text().unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("blocked_clients:")).unwrap();
    line.trim().parse().unwrap()
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

#[test]
fn an_element_that_comes_after_the_restart_is_given_to_who_waited_before() {
    run(async {
        let (mut server, proxy) = kept(&[]).await;
        let mut waiting = client(proxy.address()).await;
        blocked(&server, &mut waiting, &["BLPOP", "l", "0"]).await;
        server.restart(None).await.unwrap();
        client(proxy.address()).await.must(&["RPUSH", "l", "v"]).await.unwrap();
        assert_eq!(waiting.reply().await.unwrap(), Reply::Array(vec![bulk("l"), bulk("v")]));
    });
}

/// The node is away for longer than the client waits.
#[test]
fn a_time_out_runs_on_while_there_is_no_node() {
    run(async {
        let (mut server, proxy) = kept(&[]).await;
        let (mut blocking, mut late) = (client(proxy.address()).await, client(proxy.address()).await);
        let began = Instant::now();
        blocked(&server, &mut blocking, &["BLMOVE", "l", "m", "LEFT", "RIGHT", "1"]).await;
        server.process().kill();
        assert_eq!(blocking.reply().await.unwrap(), Reply::Nil);
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(980), "{took:?}");
        // The same for a client that comes meanwhile.
        let began = Instant::now();
        assert_eq!(late.call(&["BLPOP", "l", "0.3"]).await.unwrap(), Reply::Nil);
        assert!(began.elapsed() >= Duration::from_millis(280), "{:?}", began.elapsed());
        server.restart(None).await.unwrap();
        assert_eq!(late.call(&["PING"]).await.unwrap(), Reply::Simple("PONG".into()));
    });
}

/// A node that hangs keeps the commands that it has; the client gets its answer some time after its time-out.
#[test]
fn a_node_that_hangs_does_not_keep_a_client_beyond_its_time_out() {
    run(async {
        let (mut server, proxy) = kept(&["failover.node_timeout=500ms"]).await;
        let mut waiting = client(proxy.address()).await;
        blocked(&server, &mut waiting, &["BLPOP", "l", "1"]).await;
        server.process().stop();
        assert_eq!(waiting.reply().await.unwrap(), Reply::Nil);
        server.process().cont();
        assert_eq!(waiting.call(&["PING"]).await.unwrap(), Reply::Simple("PONG".into()));
    });
}

#[test]
fn what_was_added_in_the_gap_is_read_by_who_waited_for_the_end() {
    run(async {
        let (mut server, proxy) = kept(&[]).await;
        let mut adding = client(proxy.address()).await;
        adding.must(&["XADD", "s", "1-1", "n", "old"]).await.unwrap();
        let (mut one, mut two) = (client(proxy.address()).await, client(proxy.address()).await);
        blocked(&server, &mut one, &["XREAD", "BLOCK", "0", "STREAMS", "s", "$"]).await;
        blocked(&server, &mut two, &["XREAD", "BLOCK", "0", "STREAMS", "none", "s", "$", "$"]).await;
        server.restart(None).await.unwrap();
        // The element goes straight to the node: it may be there before the waiting clients are back, or after.
        server.client().await.unwrap().must(&["XADD", "s", "2-1", "n", "new"]).await.unwrap();
        for waiting in [&mut one, &mut two] {
            let reply = format!("{:?}", waiting.reply().await.unwrap());
            let fields = Reply::Array(vec![bulk("n"), bulk("new")]);
            assert!(reply.contains(&format!("{fields:?}")) && !reply.contains("old"), "{reply}");
        }
    });
}

#[test]
fn a_user_who_may_not_ask_where_a_stream_ends_reads_it_all_the_same() {
    run(async {
        let (server, proxy) = kept(&[]).await;
        let acl = ["ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@all", "-xinfo"];
        server.client().await.unwrap().must(&acl).await.unwrap();
        let mut waiting = client(proxy.address()).await;
        waiting.must(&["AUTH", "reader", "pw"]).await.unwrap();
        blocked(&server, &mut waiting, &["XREAD", "BLOCK", "0", "STREAMS", "s", "$"]).await;
        client(proxy.address()).await.must(&["XADD", "s", "1-1", "n", "new"]).await.unwrap();
        assert!(format!("{:?}", waiting.reply().await.unwrap()).contains("Bulk"));
    });
}

/// Its writes may be lost with the node, so no acknowledgement is known.
#[test]
fn a_wait_whose_node_is_lost_says_that_nobody_has_acknowledged() {
    run(async {
        let (mut server, proxy) = kept(&[]).await;
        let mut waiting = client(proxy.address()).await;
        waiting.must(&["SET", "k", "v"]).await.unwrap();
        blocked(&server, &mut waiting, &["WAIT", "1", "0"]).await;
        server.restart(None).await.unwrap();
        assert_eq!(waiting.reply().await.unwrap(), Reply::Integer(0));
    });
}

#[test]
fn who_is_to_be_told_is_told_that_the_outcome_is_unknown() {
    run(async {
        for setting in ["failover.blocked=uncertain", "failover.retry=never"] {
            let (mut server, proxy) = kept(&[setting]).await;
            let mut waiting = client(proxy.address()).await;
            blocked(&server, &mut waiting, &["BLPOP", "l", "0"]).await;
            server.restart(None).await.unwrap();
            assert!(
                error_text(&waiting.reply().await.unwrap()).starts_with("UNCERTAIN tideover: "),
                "{setting}"
            );
        }
    });
}

/// For a client that waits for ever, the wait ends with `hold`.
#[test]
fn no_wait_outlasts_the_time_to_hold() {
    run(async {
        let (mut server, proxy) = kept(&["failover.hold=500ms"]).await;
        let (mut sent, mut held) = (client(proxy.address()).await, client(proxy.address()).await);
        blocked(&server, &mut sent, &["BLPOP", "l", "0"]).await;
        server.process().kill();
        let text = sent.reply().await.unwrap();
        let text = error_text(&text).to_owned();
        // The node may have taken an element for it in its last moment.
        assert!(text.starts_with("LOADING tideover: ") && text.ends_with("; outcome unknown"), "{text}");
        let text = held.call(&["BLPOP", "l", "0"]).await.unwrap();
        let text = error_text(&text);
        assert!(text.starts_with("LOADING tideover: ") && text.ends_with("; not executed"), "{text}");
    });
}

/// Many libraries lose patience before the proxy does: they close, connect again and send the command again.
#[test]
fn what_is_sent_again_by_who_lost_patience_runs_once() {
    run(async {
        let (mut server, proxy) = kept(&[]).await;
        client(proxy.address()).await.must(&["INCR", "n"]).await.unwrap();
        server.process().kill();
        for attempt in 1..=5 {
            let mut impatient = client(proxy.address()).await;
            impatient.send(&["INCR", "n"]).await.unwrap();
            wait_for_metric(&proxy, "held_commands", &[], |held| held >= f64::from(attempt)).await;
        }
        let mut last = client(proxy.address()).await;
        last.send(&["INCR", "n"]).await.unwrap();
        wait_for_metric(&proxy, "held_commands", &[], |held| held >= 6.0).await;
        server.restart(None).await.unwrap();
        assert_eq!(last.reply().await.unwrap(), Reply::Integer(2));
        assert_eq!(last.call(&["GET", "n"]).await.unwrap(), bulk("2"));
    });
}

/// A client that connects while there is no node gets as far as its first command, whose time-out runs.
#[test]
fn who_connects_in_an_outage_is_not_kept_at_its_first_words() {
    run(async {
        let (mut server, proxy) = kept(&["runtime.workers=1"]).await;
        let acl = ["ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all"];
        server.client().await.unwrap().must(&acl).await.unwrap();
        client(proxy.address()).await.must(&["HELLO", "2", "AUTH", "app", "pw"]).await.unwrap();
        let mut first = client(proxy.address()).await;
        first.must(&["HELLO", "2"]).await.unwrap();
        first.must(&["INCR", "n"]).await.unwrap();
        server.process().kill();
        wait_for_metric(&proxy, "node_connections", &["use=\"shared\""], |count| count == 0.0).await;
        let mut late = client(proxy.address()).await;
        let hello = late.call(&["HELLO", "2", "AUTH", "app", "pw", "SETNAME", "late"]).await.unwrap();
        assert_eq!(hello.field("server").as_deref(), Some("redis"));
        assert_eq!(late.call(&["CLIENT", "GETNAME"]).await.unwrap(), bulk("late"));
        assert_eq!(late.call(&["SELECT", "0"]).await.unwrap(), Reply::Simple("OK".into()));
        assert_eq!(late.call(&["BLPOP", "l", "0.1"]).await.unwrap(), Reply::Nil);
        // A login that no node has accepted before has to wait for one.
        late.send(&["AUTH", "app", "guess"]).await.unwrap();
        server.restart(None).await.unwrap();
        let refused = late.reply().await.unwrap();
        assert!(error_text(&refused).starts_with("WRONGPASS"), "{refused:?}");
    });
}

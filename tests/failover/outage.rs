//! Tests an outage of all nodes: which commands wait, which are refused, and with which answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tideover_testbed::client::{Client, Reply, encode};
use tideover_testbed::deployment::{MASTER_NAME, SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::process::free_port;
use tideover_testbed::wait::wait_until;

use super::support::{
    LIMIT, binary, client, deployment, error_text, master_of, measured, metric, proxy, run, wait_for_metric,
};

async fn kill_all(deployment: &mut SentinelDeployment) -> SocketAddr {
    let master = deployment.master().await.unwrap();
    for node in deployment.nodes() {
        deployment.kill_node(node);
    }
    master
}

/// Starts all nodes again, each empty and in its former role.
async fn start_all(deployment: &mut SentinelDeployment, master: SocketAddr) {
    for index in 0..deployment.nodes().len() {
        let node = deployment.node(index).unwrap();
        let replica_of = (node.address() != master).then_some(master);
        node.restart(replica_of).await.unwrap();
    }
}

/// Waits until the sentinels agree that the master is down; they try to fail over to replicas that are down too.
async fn wait_until_noticed(deployment: &SentinelDeployment) {
    let sentinel = deployment.sentinels()[0];
    wait_until("the sentinels notice", LIMIT, || async {
        let entry = client(sentinel).await.call(&["SENTINEL", "MASTER", MASTER_NAME]).await.unwrap();
        let flags = entry.field("flags").unwrap_or_default();
        if flags.contains("o_down") { Ok(()) } else { Err(flags) }
    })
    .await
    .unwrap();
}

/// Tests four proxies in front of one deployment that goes down as a whole: each holds in its own way.
#[test]
fn an_outage_of_all_nodes_is_waited_out_or_answered_truthfully() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let url = deployment.url();
        let patient = proxy(&url, &["failover.hold=60s"]).await;
        let short = proxy(&url, &["failover.hold=1s"]).await;
        let none = proxy(&url, &["failover.hold=0s"]).await;
        let small = proxy(&url, &["failover.hold=60s", "failover.hold_bytes=64KiB"]).await;
        for proxy in [&patient, &short, &none, &small] {
            client(proxy.address()).await.must(&["SET", "warm", "up"]).await.unwrap();
        }
        let master = kill_all(&mut deployment).await;

        let held = hold_some(&patient).await;
        a_short_hold_ends_with_the_truth(&short).await;
        no_hold_fails_at_once(&none).await;
        let filled = a_full_buffer_refuses_at_once(&mut deployment, &small).await;

        wait_until_noticed(&deployment).await;
        start_all(&mut deployment, master).await;
        let started = Instant::now();
        what_was_held_is_executed(held, &patient).await;
        measured("from the start of the nodes until what was held had run", started);
        for mut client in filled {
            assert_eq!(client.reply().await.unwrap(), Reply::Integer(1000));
        }
        let master = deployment.wait_until_healthy(LIMIT).await.unwrap();
        let mut direct = deployment.client(master).await.unwrap();
        for list in ["short", "none", "refused"] {
            assert_eq!(
                direct.must(&["EXISTS", list]).await.unwrap(),
                Reply::Integer(0),
                "{list} was executed"
            );
        }
        for proxy in [&patient, &short, &none, &small] {
            assert_eq!(master_of(proxy).await, Some(master.to_string()));
            wait_for_metric(proxy, "held_bytes", &[], |bytes| bytes == 0.0).await;
            client(proxy.address()).await.must(&["SET", "works", "again"]).await.unwrap();
        }
    });
}

/// Starts clients whose commands wait, one of them with a pipeline and a blocking command of 1 s.
async fn hold_some(proxy: &ProxyProcess) -> (Client, Client, Client) {
    let (mut pipelined, mut plain, mut blocked) =
        (client(proxy.address()).await, client(proxy.address()).await, client(proxy.address()).await);
    let steps = (0..50).flat_map(|step| {
        let step = step.to_string();
        [encode(&["RPUSH", "held", &step]), encode(&["ECHO", &step])].concat()
    });
    pipelined.write(&steps.collect::<Vec<u8>>()).await.unwrap();
    plain.send(&["INCR", "count"]).await.unwrap();
    blocked.send(&["BLPOP", "empty", "1"]).await.unwrap();
    wait_for_metric(proxy, "held_commands", &[], |held| held >= 52.0).await;
    (pipelined, plain, blocked)
}

async fn what_was_held_is_executed(
    (mut pipelined, mut plain, mut blocked): (Client, Client, Client),
    proxy: &ProxyProcess,
) {
    for step in 0..50 {
        assert_eq!(pipelined.reply().await.unwrap(), Reply::Integer(step + 1));
        assert_eq!(pipelined.reply().await.unwrap(), Reply::Bulk(step.to_string().into()));
    }
    assert_eq!(plain.reply().await.unwrap(), Reply::Integer(1));
    assert_eq!(blocked.reply().await.unwrap(), Reply::Nil, "nothing was popped");
    assert_eq!(metric(proxy, "uncertain_total", &[]).await, 0.0);
}

async fn a_short_hold_ends_with_the_truth(proxy: &ProxyProcess) {
    let sent = Instant::now();
    let mut clients = [client(proxy.address()).await, client(proxy.address()).await];
    for client in &mut clients {
        client.send(&["RPUSH", "short", "token"]).await.unwrap();
    }
    for client in &mut clients {
        let reply = client.reply().await.unwrap();
        let text = error_text(&reply);
        assert!(text.starts_with("LOADING tideover: ") && text.ends_with("; not executed"), "{text}");
        assert!(text.contains("1s"), "{text}");
    }
    assert!(sent.elapsed() >= Duration::from_secs(1));
    measured("a hold of 1 s ended", sent);
    assert_eq!(metric(proxy, "hold_seconds_count", &["outcome=\"expired\""]).await, 2.0);
}

async fn no_hold_fails_at_once(proxy: &ProxyProcess) {
    let sent = Instant::now();
    let reply = client(proxy.address()).await.call(&["RPUSH", "none", "token"]).await.unwrap();
    let text = error_text(&reply);
    assert!(text.starts_with("LOADING tideover: ") && text.ends_with("; not executed"), "{text}");
    measured("without a hold it failed", sent);
}

/// Sends commands of 1 kB until the buffer is full: later ones are refused, and the waiting ones go on waiting.
async fn a_full_buffer_refuses_at_once(
    deployment: &mut SentinelDeployment,
    proxy: &ProxyProcess,
) -> Vec<Client> {
    assert_eq!(deployment.master().await, None);
    let value = "v".repeat(1000);
    let mut waiting = Vec::new();
    for index in 0..50 {
        let mut client = client(proxy.address()).await;
        client.send(&["APPEND", &format!("filled:{index}"), &value]).await.unwrap();
        waiting.push(client);
    }
    wait_for_metric(proxy, "held_commands", &[], |held| held >= 50.0).await;
    let before = resident(proxy);
    let mut late = client(proxy.address()).await;
    let large = "v".repeat(16 << 10);
    for _ in 0..1000 {
        let reply = late.call(&["APPEND", "refused", &large]).await.unwrap();
        assert_eq!(error_text(&reply), "LOADING tideover: the hold buffer is full; not executed");
    }
    let bytes = metric(proxy, "held_bytes", &[]).await;
    assert!((60_000.0..=65_536.0).contains(&bytes), "{bytes} bytes are held");
    let grown = resident(proxy).saturating_sub(before);
    println!("refusing 16 MB made the proxy grow by {} kB", grown >> 10);
    assert!(grown < 8 << 20, "the proxy grew by {grown} bytes");
    waiting
}

/// Returns the bytes of memory that the proxy has in use.
fn resident(proxy: &ProxyProcess) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}

/// The proxy finds nothing at first, and everything once the deployment is there.
#[test]
fn a_proxy_that_is_started_first_serves_what_waits_when_the_deployment_comes() {
    run(async {
        let ports: Vec<u16> = (0..3).map(|_| free_port().unwrap()).collect();
        let sentinels: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let url = format!("redis-sentinel://{}/mymaster", sentinels.join(","));
        let proxy = ProxyProcess::start(binary(), &url, &["--set", "failover.hold=60s"]).await.unwrap();
        let mut waiting = client(proxy.address()).await;
        waiting.write(&[encode(&["SET", "key", "value"]), encode(&["GET", "key"])].concat()).await.unwrap();
        wait_for_metric(&proxy, "held_commands", &[], |held| held == 2.0).await;
        let page = super::support::get(proxy.admin(), "/readyz").await;
        assert!(page.starts_with("HTTP/1.1 503"), "{page}");

        let started = Instant::now();
        let options = SentinelOptions { sentinel_ports: ports, ..SentinelOptions::default() };
        let deployment = SentinelDeployment::start(options).await.unwrap();
        measured("the deployment started within", started);
        assert_eq!(waiting.reply().await.unwrap(), Reply::Simple("OK".into()));
        assert_eq!(waiting.reply().await.unwrap(), Reply::Bulk("value".into()));
        measured("from the start of the deployment until the commands had run", started);
        let master = deployment.wait_until_healthy(LIMIT).await.unwrap();
        assert_eq!(master_of(&proxy).await, Some(master.to_string()));
    });
}

//! Tests a master that is killed with commands in flight.

use std::time::Instant;

use tideover_testbed::client::{Client, Reply, encode};
use tideover_testbed::deployment::SentinelOptions;
use tideover_testbed::front::ProxyProcess;

use super::support::{
    LIMIT, client, deployment, error_text, load, master_of, measured, metric, proxy, run, topology,
    wait_for_metric,
};

/// Kills once, and checks what the clients, the metrics and the topology say of it.
#[test]
fn a_killed_master_costs_clients_nothing_but_unknown_outcomes_in_flight() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let proxy = proxy(&deployment.url(), &[]).await;
        let generation = metric(&proxy, "topology_generation", &[]).await;
        let load = load(&proxy, &[0, 0, 1, 16, 100]).await;
        load.advance(50).await.unwrap();

        let killed = Instant::now();
        let old = deployment.kill_master().await.unwrap();
        load.advance(150).await.unwrap();
        measured("from the kill until every client was served again", killed);
        let new = deployment.wait_for_switch(old, LIMIT).await.unwrap();
        load.advance(50).await.unwrap();
        let books = load.finish().await.unwrap();

        books.assert_no_mix_up();
        books.assert_only_uncertain();
        let audit = books.audit(&mut deployment.client(new).await.unwrap()).await.unwrap();
        audit.assert_nothing_doubled();
        assert_eq!(master_of(&proxy).await, Some(new.to_string()));
        the_failover_is_told(
            &proxy,
            generation,
            books.errors_of("UNCERTAIN"),
            &old.to_string(),
            &new.to_string(),
        )
        .await;
    });
}

async fn the_failover_is_told(proxy: &ProxyProcess, generation: f64, unknown: u64, old: &str, new: &str) {
    wait_for_metric(proxy, "failovers_total", &[], |failovers| failovers == 1.0).await;
    assert!(metric(proxy, "topology_generation", &[]).await > generation);
    assert_eq!(metric(proxy, "uncertain_total", &[]).await, unknown as f64);
    assert_eq!(metric(proxy, "held_commands", &[]).await, 0.0);
    assert_eq!(metric(proxy, "held_bytes", &[]).await, 0.0);
    assert!(metric(proxy, "hold_seconds_count", &["outcome=\"sent\""]).await > 0.0);
    assert_eq!(metric(proxy, "failover_outage_seconds_count", &[]).await, 1.0);

    let topology = topology(proxy).await;
    let events = topology["events"].as_array().unwrap();
    let changed: Vec<_> = events.iter().filter(|event| event["kind"] == "master-changed").collect();
    assert_eq!(changed.len(), 1, "{events:?}");
    assert_eq!((changed[0]["from"].as_str(), changed[0]["to"].as_str()), (Some(old), Some(new)));
    assert!(changed[0]["outage_ms"].as_u64().is_some_and(|outage| outage > 0), "{events:?}");
    println!(
        "the proxy tells of an outage of {} ms, {} commands held",
        changed[0]["outage_ms"], changed[0]["held"]
    );
    assert_eq!(topology["ready"], true);
}

/// The commands that may run twice under each policy, in the order in which they are sent below.
const POLICIES: [(&str, [bool; 6]); 5] = [
    ("never", [false, false, false, false, false, false]),
    ("reads", [true, false, false, false, false, false]),
    ("idempotent", [true, true, false, false, false, false]),
    ("relaxed", [true, true, true, false, false, false]),
    ("always", [true, true, true, true, true, false]),
];

fn commands(policy: &str) -> [Vec<String>; 6] {
    [
        format!("GET {policy}:value"),
        format!("SET {policy}:value new"),
        format!("SADD {policy}:set member"),
        format!("SETNX {policy}:lock owner"),
        format!("RPUSH {policy}:list token"),
        "SWAPDB 7 8".to_owned(),
    ]
    .map(|line| line.split(' ').map(str::to_owned).collect())
}

/// The master is frozen, takes commands into its socket, and dies: none of them ran, but only the test can know that.
#[test]
fn each_retry_policy_runs_again_what_it_allows_and_nothing_else() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let mut proxied = Vec::new();
        for (policy, may_run) in POLICIES {
            let retry = format!("failover.retry={policy}");
            let proxy = proxy(&deployment.url(), &[&retry, "failover.node_timeout=60s"]).await;
            let mut client = client(proxy.address()).await;
            client.must(&["SET", &format!("{policy}:value"), "old"]).await.unwrap();
            proxied.push((policy, may_run, proxy, client));
        }
        let old = deployment.master().await.unwrap();
        deployment.client(old).await.unwrap().must(&["WAIT", "2", "10000"]).await.unwrap();

        let index = deployment.index_of(old).unwrap();
        deployment.node(index).unwrap().process().stop();
        for (policy, _, proxy, client) in &mut proxied {
            send_and_see_it_leave(policy, proxy, client).await;
        }
        deployment.kill_node(old);
        for (policy, may_run, proxy, client) in &mut proxied {
            replies_follow_the_policy(policy, *may_run, proxy, client).await;
        }
        let new = deployment.wait_for_switch(old, LIMIT).await.unwrap();
        for (policy, may_run, _, _) in &proxied {
            let list = format!("{policy}:list");
            let pushed = deployment.client(new).await.unwrap().must(&["LLEN", &list]).await.unwrap();
            assert_eq!(pushed, Reply::Integer(may_run[4].into()), "{policy}");
        }
    });
}

async fn send_and_see_it_leave(policy: &str, proxy: &ProxyProcess, client: &mut Client) {
    let bytes: Vec<u8> = commands(policy).iter().flat_map(|command| encode(command)).collect();
    let out = ["direction=\"out\""];
    let before = metric(proxy, "node_bytes_total", &out).await;
    client.write(&bytes).await.unwrap();
    wait_for_metric(proxy, "node_bytes_total", &out, |now| now >= before + bytes.len() as f64).await;
}

async fn replies_follow_the_policy(
    policy: &str,
    may_run: [bool; 6],
    proxy: &ProxyProcess,
    client: &mut Client,
) {
    let answers = [
        Reply::Bulk("old".into()),
        Reply::Simple("OK".into()),
        Reply::Integer(1),
        Reply::Integer(1),
        Reply::Integer(1),
        Reply::Simple("OK".into()),
    ];
    for ((command, may_run), answer) in commands(policy).iter().zip(may_run).zip(answers) {
        let reply = client.reply().await.unwrap();
        if may_run {
            assert_eq!(reply, answer, "{policy}: {command:?}");
            continue;
        }
        let wanted = "UNCERTAIN tideover: the node was lost after the command was sent; outcome unknown";
        assert_eq!(error_text(&reply), wanted, "{policy}: {command:?}");
    }
    let unknown = may_run.iter().filter(|may_run| !**may_run).count();
    assert_eq!(metric(proxy, "uncertain_total", &[]).await, unknown as f64, "{policy}");
}

//! Tests that a failover does not undo what clients have changed at the nodes themselves, users and settings, and that the
//! operator hears of a replica that is not like its master.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "common/live.rs"]
mod live;

use live::{LIMIT, client, metric, proxy, run, text, topology, wait_for_metric};
use tideover_testbed::client::{Client, Reply};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::process::Process;
use tideover_testbed::wait::wait_until;

/// Must never be in a log.
const SECRET: &str = "planted-secret";
const EVENTS: &str = "notify-keyspace-events";

fn ok() -> Reply {
    Reply::Simple("OK".into())
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

async fn say(plain: &mut Client, line: &str) -> Reply {
    plain.call(&words(line)).await.unwrap()
}

/// Returns a setting of a node, or of whoever is behind the proxy.
async fn setting(plain: &mut Client, name: &str) -> String {
    let pair = plain.call(&["CONFIG", "GET", name]).await.unwrap();
    text(&pair.elements()[1])
}

async fn wait_for_replicas(proxy: &ProxyProcess, count: usize) {
    wait_for_metric(proxy, "node_up", &["role=\"replica\""], |up| up >= count as f64).await;
}

/// Makes a user and changes settings, by themselves and in a transaction.
async fn change(plain: &mut Client) {
    let user = format!("ACL SETUSER app on >{SECRET} ~* +@all");
    assert_eq!(say(plain, &user).await, ok());
    assert_eq!(say(plain, "ACL SETUSER short on nopass").await, ok());
    assert_eq!(say(plain, "ACL DELUSER short").await, Reply::Integer(1));
    assert_eq!(say(plain, &format!("CONFIG SET {EVENTS} KEA replica-priority 7")).await, ok());
    assert_eq!(say(plain, "MULTI").await, ok());
    for line in ["CONFIG SET maxmemory 123456789", "SET a 1", "CONFIG SET replica-priority 7"] {
        assert_eq!(say(plain, line).await, Reply::Simple("QUEUED".into()));
    }
    let replies = say(plain, "EXEC").await;
    assert_eq!((replies.elements().len(), &replies.elements()[0]), (3, &ok()), "{replies:?}");
}

/// Checks a node right after the client had its replies: nothing is still on its way.
async fn assert_changed(mut node: Client) {
    assert_eq!(setting(&mut node, "maxmemory").await, "123456789");
    assert!(setting(&mut node, EVENTS).await.contains('E'));
    assert_eq!(setting(&mut node, "replica-priority").await, "100", "it belongs to the node");
    let users = say(&mut node, "ACL USERS").await;
    let users: Vec<String> = users.elements().iter().map(text).collect();
    assert_eq!(users, ["app", "default"]);
}

/// Checks that the user and the settings are there behind the proxy.
async fn assert_as_before(plain: &mut Client) {
    assert_eq!(say(plain, &format!("AUTH app {SECRET}")).await, ok());
    assert!(setting(plain, EVENTS).await.contains('E'));
    assert_eq!(setting(plain, "maxmemory").await, "123456789");
}

fn assert_no_secret(proxy: &mut ProxyProcess) {
    let log = proxy.process().log();
    assert!(!log.is_empty() && !log.contains(SECRET), "{log}");
}

#[test]
fn users_and_settings_survive_the_failover_of_a_sentinel_group() {
    run(async {
        let options = SentinelOptions { replicas: 2, down_after_ms: 1000, ..SentinelOptions::default() };
        let mut deployment = SentinelDeployment::start(options).await.unwrap();
        let mut proxy = proxy(&deployment.url(), &["log.level=debug"]).await;
        wait_for_replicas(&proxy, 2).await;
        let mut plain = client(proxy.address()).await;
        change(&mut plain).await;
        let master = deployment.master().await.unwrap();
        for replica in deployment.nodes().into_iter().filter(|node| *node != master) {
            assert_changed(deployment.client(replica).await.unwrap()).await;
        }
        assert_eq!(metric(&proxy, "relayed_commands_total", &["result=\"taken\""]).await, 10.0);
        deployment.kill_master().await.unwrap();
        deployment.wait_for_switch(master, LIMIT).await.unwrap();
        assert_as_before(&mut client(proxy.address()).await).await;
        assert_no_secret(&mut proxy);
    });
}

#[test]
fn users_and_settings_survive_the_failover_of_a_shard() {
    run(async {
        let mut cluster = ClusterDeployment::start(ClusterOptions::default()).await.unwrap();
        let mut proxy = proxy(&cluster.url(), &["log.level=debug"]).await;
        wait_for_replicas(&proxy, 3).await;
        let mut plain = client(proxy.address()).await;
        change(&mut plain).await;
        for slot in [0, 6000, 12000] {
            let master = cluster.master_of(slot).await.unwrap();
            for replica in cluster.replicas_of(master).await {
                assert_changed(cluster.client(replica).await.unwrap()).await;
            }
        }
        cluster.wait_until_replaceable(0).await.unwrap();
        let master = cluster.master_of(0).await.unwrap();
        cluster.kill(master);
        cluster.wait_for_switch(0, master, LIMIT).await.unwrap();
        // Each client has a shard for its commands without keys, so that several clients see all of them.
        let mut clients = Vec::new();
        for _ in 0..6 {
            clients.push(client(proxy.address()).await);
        }
        for plain in &mut clients {
            assert_as_before(plain).await;
        }
        assert_no_secret(&mut proxy);
    });
}

#[test]
fn a_replica_that_refuses_or_hangs_is_named_and_holds_nobody_up() {
    run(async {
        let options = SentinelOptions { replicas: 1, sentinels: 1, ..SentinelOptions::default() };
        let mut deployment = SentinelDeployment::start(options).await.unwrap();
        let settings = ["log.level=debug", "replicas.compare=2s", "replicas.relay=true"];
        let mut proxy = proxy(&deployment.url(), &settings).await;
        wait_for_replicas(&proxy, 1).await;
        let replica = deployment.nodes()[1];
        let mut of_replica = deployment.client(replica).await.unwrap();
        let mut plain = client(proxy.address()).await;

        assert_eq!(say(&mut of_replica, "ACL SETUSER default -acl|setuser").await, ok());
        assert_eq!(say(&mut plain, &format!("ACL SETUSER app on >{SECRET}")).await, ok());
        assert_eq!(metric(&proxy, "relayed_commands_total", &["result=\"refused\""]).await, 1.0);
        let said = "a replica did not take a command that its master has taken";
        wait_for_log(&mut proxy, &[said, &replica.to_string(), "acl|setuser", "refused: NOPERM"]).await;
        // It is found to differ at once, and the admin pages name what differs.
        let differing = ["what=\"users\"", &format!("node=\"{replica}\"")];
        wait_for_metric(&proxy, "node_differences", &differing, |users| users == 2.0).await;
        wait_for_log(&mut proxy, &["a replica differs from its master", "app,default"]).await;
        let shown = topology(&proxy).await["differences"].take();
        assert_eq!(shown[0]["node"], replica.to_string());
        assert_eq!(shown[0]["users"], 2);

        let process = deployment.node(1).unwrap().process();
        process.stop();
        let reply = say(&mut plain, &format!("CONFIG SET {EVENTS} KEA")).await;
        assert_eq!(reply, ok(), "the replica is still stopped");
        wait_for_log(&mut proxy, &[said, "config|set", "timed out"]).await;
        deployment.node(1).unwrap().process().cont();
        wait_for_metric(&proxy, "relayed_commands_total", &["result=\"away\""], |away| away == 1.0).await;
        assert_no_secret(&mut proxy);
    });
}

#[test]
fn a_difference_is_reported_until_it_is_gone() {
    run(async {
        let options = SentinelOptions { replicas: 1, sentinels: 1, ..SentinelOptions::default() };
        let deployment = SentinelDeployment::start(options).await.unwrap();
        let mut proxy = proxy(&deployment.url(), &["log.level=debug", "replicas.compare=1s"]).await;
        let (master, replica) = (deployment.nodes()[0], deployment.nodes()[1]);
        let is = |expected: f64| move |found: f64| found == expected;
        let page = live::get(proxy.admin(), "/metrics").await;
        assert!(!page.contains("tideover_node_differences{"), "it is not known yet");
        let node = format!("node=\"{replica}\"");
        wait_for_presence(&proxy, &node).await;
        let mut of_master = deployment.client(master).await.unwrap();
        for line in ["CONFIG SET timeout 77 hz 20", &format!("ACL SETUSER app on >{SECRET}")] {
            assert_eq!(say(&mut of_master, line).await, ok());
        }
        for what in ["what=\"users\"", "what=\"settings\""] {
            wait_for_metric(&proxy, "node_differences", &[what, &node], is(1.0)).await;
        }
        wait_for_log(
            &mut proxy,
            &["a replica differs from its master", &replica.to_string(), "app", "timeout"],
        )
        .await;
        let shown = topology(&proxy).await["differences"].take();
        assert_eq!(shown[0]["settings"], serde_json::json!(["timeout"]));
        // The way to mend it: say it again, through the proxy.
        let mut plain = client(proxy.address()).await;
        for line in ["CONFIG SET timeout 77", &format!("ACL SETUSER app on >{SECRET}")] {
            assert_eq!(say(&mut plain, line).await, ok());
        }
        wait_for_metric(&proxy, "node_differences", &[&node], is(0.0)).await;
        wait_for_log(&mut proxy, &["a replica has the users and settings of its master again"]).await;
        assert_eq!(topology(&proxy).await["differences"], serde_json::json!([]));
        assert_no_secret(&mut proxy);
    });
}

/// Waits for a line that has all of this.
async fn wait_for_log(proxy: &mut ProxyProcess, parts: &[&str]) {
    let process: &Process = proxy.process();
    wait_until("a line of the log", LIMIT, || async {
        let log = process.log();
        match log.lines().any(|line| parts.iter().all(|part| line.contains(part))) {
            true => Ok(()),
            false => Err(format!("{parts:?} not in {log}")),
        }
    })
    .await
    .unwrap();
}

async fn wait_for_presence(proxy: &ProxyProcess, node: &str) {
    wait_until("a first comparison", LIMIT, || async {
        let page = live::get(proxy.admin(), "/metrics").await;
        let is_there =
            page.lines().any(|line| line.starts_with("tideover_node_differences") && line.contains(node));
        if is_there { Ok(()) } else { Err("none yet".to_owned()) }
    })
    .await
    .unwrap();
}

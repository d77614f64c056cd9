//! Behind sentinels: reads of a module may go to replicas, and the commands are known after a failover.

use super::Module;
use super::live::LIMIT;
use super::live::{client, proxy, run, wait_for_metric};
use tideover_testbed::client::{Client, Reply};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::wait::wait_until;

/// The calls of a command at a node.
async fn served(mut node: Client, command: &str) -> u64 {
    let stats = node.call(&["INFO", "commandstats"]).await.unwrap().text().unwrap();
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|rest| rest.split(',').next()).map_or(0, |count| count.parse().unwrap())
}

async fn until_learned(plain: &mut Client) {
    let deadline = std::time::Instant::now() + LIMIT;
    while plain.call(&["COMMAND", "INFO", "test.get"]).await.unwrap().elements()[0].elements().is_empty() {
        assert!(std::time::Instant::now() < deadline, "the command is not learned");
        tokio::task::yield_now().await;
    }
}

#[test]
fn reads_of_a_module_go_to_replicas_and_writes_survive_a_failover() {
    let Some(module) = Module::compile() else { return };
    run(async {
        let options = SentinelOptions { node_config: vec![module.line()], ..SentinelOptions::default() };
        let mut deployment = SentinelDeployment::start(options).await.unwrap();
        let proxy = proxy(&deployment.url(), &["reads.from=prefer-replica"]).await;
        wait_for_metric(&proxy, "node_up", &["role=\"replica\""], |up| up == 2.0).await;
        let mut plain = client(proxy.address()).await;
        until_learned(&mut plain).await;
        assert_eq!(plain.call(&["TEST.SET", "k", "v"]).await.unwrap(), Reply::Simple("OK".into()));
        assert_eq!(plain.call(&["WAIT", "2", "20000"]).await.unwrap(), Reply::Integer(2));
        for _ in 0..5 {
            assert_eq!(plain.call(&["TEST.GET", "k"]).await.unwrap().text().as_deref(), Some("v"));
        }
        let master = deployment.master().await.unwrap();
        assert_eq!(served(deployment.client(master).await.unwrap(), "test.get").await, 0);
        assert_eq!(served(deployment.client(master).await.unwrap(), "test.set").await, 1);

        deployment.kill_node(master);
        assert_eq!(plain.call(&["TEST.SET", "k", "w"]).await.unwrap(), Reply::Simple("OK".into()));
        let moved = || async {
            match deployment.master().await {
                Some(next) if next != master => Ok(next),
                other => Err(format!("{other:?}")),
            }
        };
        let next = wait_until("there is another master", LIMIT, moved).await.unwrap();
        let mut direct = deployment.client(next).await.unwrap();
        assert_eq!(direct.call(&["GET", "k"]).await.unwrap().text().as_deref(), Some("w"));
    });
}

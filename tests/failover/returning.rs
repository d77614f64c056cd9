//! Tests a former master that is back and does not know its role yet: Sentinel leaves it a master for some 10 s.

use std::net::SocketAddr;

use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::wait::wait_until;
use tokio::task::JoinHandle;

use super::support::{LIMIT, deployment, load, master_of, metric, monitor, proxy, role, run};

/// Returns the commands of the load that a node was seen to execute.
async fn load_seen(monitored: JoinHandle<Vec<String>>) -> Vec<String> {
    let lines = tokio::time::timeout(LIMIT, monitored).await.expect("the node keeps its monitor").unwrap();
    let is_load = |line: &String| {
        ["RPUSH", "SET", "GET", "INCR"].iter().any(|name| line.contains(&format!("] \"{name}\"")))
    };
    println!("{} lines monitored on the old master", lines.len());
    lines.into_iter().filter(is_load).collect()
}

async fn wait_for_demotion(deployment: &SentinelDeployment, node: SocketAddr) {
    wait_until("the old master is demoted", LIMIT, || async {
        let role = role(deployment, node).await;
        if role == "slave" { Ok(()) } else { Err(role) }
    })
    .await
    .unwrap();
}

/// One sentinel sleeps through the failover, and tells its old state when it wakes beside the old master.
#[test]
fn an_old_master_that_comes_back_gets_no_command_even_when_a_sentinel_still_names_it() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let proxy = proxy(&deployment.url(), &[]).await;
        let load = load(&proxy, &[0, 1, 16]).await;
        deployment.sentinel(2).unwrap().stop();
        let old = deployment.kill_master().await.unwrap();
        load.advance(50).await.unwrap();
        let new = deployment.wait_for_switch(old, LIMIT).await.unwrap();

        load.nothing_is_lost();
        let index = deployment.index_of(old).unwrap();
        deployment.node(index).unwrap().restart(None).await.unwrap();
        let monitored = monitor(&deployment, old).await;
        assert_eq!(role(&deployment, old).await, "master");
        deployment.sentinel(2).unwrap().cont();
        load.advance(100).await.unwrap();
        assert_eq!(master_of(&proxy).await, Some(new.to_string()));
        wait_for_demotion(&deployment, old).await;
        load.advance(50).await.unwrap();
        let books = load.finish().await.unwrap();

        assert_eq!(load_seen(monitored).await, Vec::<String>::new());
        books.assert_no_mix_up();
        books.assert_only_uncertain();
        let mut master = deployment.client(new).await.unwrap();
        books.audit(&mut master).await.unwrap().assert_nothing_doubled();
        assert_eq!(master_of(&proxy).await, Some(new.to_string()));
        assert_eq!(metric(&proxy, "failovers_total", &[]).await, 1.0);
    });
}

/// The commands in its sockets when it froze run late and are discarded with it; newer ones never reach it.
#[test]
fn a_master_that_hangs_and_wakes_after_the_failover_gets_nothing_new() {
    run(async {
        let mut deployment = deployment(SentinelOptions::default()).await;
        let proxy = proxy(&deployment.url(), &["failover.node_timeout=1s"]).await;
        let load = load(&proxy, &[0, 1, 16, 100]).await;
        let old = deployment.master().await.unwrap();
        let index = deployment.index_of(old).unwrap();
        deployment.node(index).unwrap().process().stop();
        let at_stop = load.rounds();
        let new = deployment.wait_for_switch(old, LIMIT).await.unwrap();
        load.advance(150).await.unwrap();

        load.nothing_is_lost();
        // What is under way may have been sent before.
        load.advance(1).await.unwrap();
        let at_return = load.rounds();
        deployment.node(index).unwrap().process().cont();
        let monitored = monitor(&deployment, old).await;
        load.advance(100).await.unwrap();
        wait_for_demotion(&deployment, old).await;
        load.advance(50).await.unwrap();
        let books = load.finish().await.unwrap();

        let seen = load_seen(monitored).await;
        println!("{} commands ran late on the old master", seen.len());
        for (index, in_flight) in at_stop.iter().map(|rounds| rounds + 200).enumerate() {
            let late = format!("\"c{index}-");
            for line in seen.iter().filter(|line| line.contains(&late)) {
                let step =
                    line.rsplit(&late).next().and_then(|rest| rest.trim_end_matches('"').parse::<u64>().ok());
                assert!(step.is_some_and(|step| step < in_flight.min(at_return[index] + 1)), "{line}");
            }
        }
        books.assert_no_mix_up();
        books.assert_only_uncertain();
        let mut master = deployment.client(new).await.unwrap();
        books.audit(&mut master).await.unwrap().assert_nothing_doubled();
        assert!(books.all.iter().all(|book| book.ledgers[0].acknowledged() > 0));
        assert_eq!(master_of(&proxy).await, Some(new.to_string()));
    });
}

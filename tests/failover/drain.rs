//! Tests SIGTERM: commands in flight are answered, held ones are answered truthfully, and the process ends cleanly.

use std::time::{Duration, Instant};

use tideover_testbed::client::Reply;
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;

use super::support::{
    LIMIT, binary, client, deployment, error_text, load, measured, proxy, run, wait_for_metric,
};

/// Every command that ran had its reply, and every command with a reply ran.
#[test]
fn a_proxy_told_to_stop_under_load_answers_what_it_took_and_exits_with_0() {
    run(async {
        let deployment =
            deployment(SentinelOptions { replicas: 0, sentinels: 1, ..SentinelOptions::default() }).await;
        let mut proxy = proxy(&deployment.url(), &[]).await;
        let load = load(&proxy, &[0, 0, 1, 16, 100, 1000]).await;
        load.advance(100).await.unwrap();
        let told = Instant::now();
        proxy.process().term();
        assert_eq!(proxy.process().exit_code(LIMIT).await, Some(0), "{}", proxy.process().log_tail());
        measured("the drain", told);

        let books = load.ended().await.unwrap();
        books.assert_no_mix_up();
        println!(
            "clients ended with {:?}",
            books.all.iter().map(|book| book.ended.clone()).collect::<Vec<_>>()
        );
        assert!(books.errors().is_empty(), "{:?}", books.errors());
        let mut master = deployment.client(deployment.master().await.unwrap()).await.unwrap();
        books.audit(&mut master).await.unwrap().assert_nothing_doubled();
        for ledger in books.all.iter().flat_map(|book| &book.ledgers) {
            let ran = master.must(&["LLEN", &ledger.log_key()]).await.unwrap();
            assert_eq!(
                ran,
                Reply::Integer(ledger.acknowledged() as i64),
                "{}: ran, answered",
                ledger.log_key()
            );
        }
    });
}

/// Held commands have the rest of the grace period; after it the answer is that they did not run.
#[test]
fn a_proxy_told_to_stop_in_an_outage_answers_what_it_holds_within_the_grace() {
    run(async {
        let mut deployment =
            deployment(SentinelOptions { replicas: 0, sentinels: 1, ..SentinelOptions::default() }).await;
        let grace = Duration::from_secs(2);
        let mut proxy = with_grace(&deployment, grace).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(client(proxy.address()).await);
        }
        clients[0].must(&["SET", "warm", "up"]).await.unwrap();
        deployment.kill_master().await.unwrap();
        for client in &mut clients {
            client.send(&["RPUSH", "list", "token"]).await.unwrap();
            client.send(&["GET", "warm"]).await.unwrap();
        }
        wait_for_metric(&proxy, "held_commands", &[], |held| held == 6.0).await;

        let told = Instant::now();
        proxy.process().term();
        for client in &mut clients {
            // The word on which libraries send a whole pipeline again is used once nothing of it can run any more.
            for word in ["TRYAGAIN", "LOADING"] {
                let reply = client.reply().await.unwrap();
                let expected = format!("{word} tideover: the proxy is stopping; not executed");
                assert_eq!(error_text(&reply), expected);
            }
        }
        assert!(told.elapsed() >= grace, "the grace was theirs");
        assert_eq!(proxy.process().exit_code(LIMIT).await, Some(0), "{}", proxy.process().log_tail());
        measured("a stop with commands held and a grace of 2 s", told);
    });
}

async fn with_grace(deployment: &SentinelDeployment, grace: Duration) -> ProxyProcess {
    let sentinels: Vec<String> =
        deployment.sentinels().iter().map(|sentinel| format!("\"{sentinel}\"")).collect();
    ProxyProcess::start_from_file(binary(), |listen, admin| {
        format!(
            "[admin]\nlisten = \"{admin}\"\n[runtime]\nshutdown_grace = \"{}s\"\n[[proxy]]\nname = \"default\"\n\
             listen = [\"{listen}\"]\n[proxy.backend]\nkind = \"sentinel\"\nnodes = [{}]\nmaster = \"mymaster\"\n",
            grace.as_secs(),
            sentinels.join(", ")
        )
    })
    .await
    .unwrap()
}

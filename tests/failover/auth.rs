//! Tests passwords and ACL users across a failover: every client keeps its user.

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;

use super::support::{LIMIT, client, deployment, error_text, proxy, run, text};

const WRONG: &str = "WRONGPASS invalid username-password pair or user is disabled.";

fn guarded() -> SentinelOptions {
    SentinelOptions {
        password: Some("node secret".into()),
        sentinel_password: Some("sentinel secret".into()),
        node_config: vec!["user app on >app-secret ~app:* +@all -flushall -@admin".into()],
        ..SentinelOptions::default()
    }
}

async fn who(client: &mut Client) -> String {
    text(&client.must(&["ACL", "WHOAMI"]).await.unwrap())
}

async fn logged_in(proxy: &ProxyProcess, auth: &[&str]) -> Client {
    let mut client = client(proxy.address()).await;
    assert_eq!(client.must(auth).await.unwrap(), Reply::Simple("OK".into()));
    client
}

#[test]
fn identities_and_their_limits_outlive_failovers() {
    run(async {
        let mut deployment = deployment(guarded()).await;
        let proxy = proxy(&deployment.url(), &[]).await;
        let open = super::support::proxy(&deployment.url(), &["clients.auth=backend"]).await;

        let mut default = logged_in(&proxy, &["AUTH", "node secret"]).await;
        let mut app = logged_in(&proxy, &["AUTH", "app", "app-secret"]).await;
        let mut nobody = client(proxy.address()).await;
        let mut backend = client(open.address()).await;
        a_wrong_password_changes_nothing(&mut app).await;
        everybody_is_who_they_were(&mut default, &mut app, &mut nobody, &mut backend).await;

        let first = deployment.master().await.unwrap();
        deployment.planned_failover().await.unwrap();
        let second = deployment.wait_for_switch(first, LIMIT).await.unwrap();
        everybody_is_who_they_were(&mut default, &mut app, &mut nobody, &mut backend).await;
        deployment.wait_until_healthy(LIMIT).await.unwrap();

        let kept = kill_with_commands_held(&mut deployment, &mut default, &mut app).await;
        assert_eq!(kept, second);
        everybody_is_who_they_were(&mut default, &mut app, &mut nobody, &mut backend).await;
        a_wrong_password_changes_nothing(&mut app).await;
        let mut late = logged_in(&proxy, &["AUTH", "app", "app-secret"]).await;
        assert_eq!(who(&mut late).await, "app");
    });
}

/// Sends commands, and an AUTH, while there is no master.
async fn kill_with_commands_held(
    deployment: &mut SentinelDeployment,
    default: &mut Client,
    app: &mut Client,
) -> std::net::SocketAddr {
    let killed = deployment.kill_master().await.unwrap();
    default.send(&["SET", "held", "default"]).await.unwrap();
    app.send(&["AUTH", "app", "app-secret"]).await.unwrap();
    app.send(&["SET", "app:held", "app"]).await.unwrap();
    app.send(&["SET", "held", "app"]).await.unwrap();
    assert_eq!(default.reply().await.unwrap(), Reply::Simple("OK".into()));
    assert_eq!(app.reply().await.unwrap(), Reply::Simple("OK".into()));
    assert_eq!(app.reply().await.unwrap(), Reply::Simple("OK".into()));
    assert!(error_text(&app.reply().await.unwrap()).starts_with("NOPERM"));
    assert_eq!(text(&default.must(&["GET", "held"]).await.unwrap()), "default");
    killed
}

async fn everybody_is_who_they_were(
    default: &mut Client,
    app: &mut Client,
    nobody: &mut Client,
    backend: &mut Client,
) {
    assert_eq!(who(default).await, "default");
    assert_eq!(who(app).await, "app");
    assert_eq!(who(backend).await, "default");
    default.must(&["SET", "any", "value"]).await.unwrap();
    backend.must(&["SET", "any", "value"]).await.unwrap();
    app.must(&["SET", "app:key", "value"]).await.unwrap();
    for denied in [&["SET", "any", "value"][..], &["FLUSHALL"]] {
        let reply = app.call(denied).await.unwrap();
        assert!(error_text(&reply).starts_with("NOPERM"), "{denied:?}: {reply:?}");
    }
    let reply = nobody.call(&["GET", "any"]).await.unwrap();
    assert_eq!(error_text(&reply), "NOAUTH Authentication required.");
}

async fn a_wrong_password_changes_nothing(app: &mut Client) {
    for wrong in [&["AUTH", "app", "wrong"][..], &["AUTH", "nobody", "wrong"], &["AUTH", "wrong"]] {
        assert_eq!(error_text(&app.call(wrong).await.unwrap()), WRONG, "{wrong:?}");
        assert_eq!(who(app).await, "app");
    }
}

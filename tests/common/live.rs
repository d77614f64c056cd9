//! Helpers of every test with a deployment: deadlines, a proxy, the admin pages, plain clients.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::wait::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// A generous limit: an event that takes longer does not happen.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Number of deployments at the same time, as the machine may have two cores.
static ROOM: Semaphore = Semaphore::const_new(2);

/// Runs one test once there is room for its deployment.
pub(crate) fn run(test: impl Future<Output = ()>) {
    run_within(3 * LIMIT, test);
}

/// Runs a test that may take this long.
pub(crate) fn run_within(limit: Duration, test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _room = ROOM.acquire().await.unwrap();
        tokio::time::timeout(limit, test).await.expect("the test came to no end");
    });
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tideover"))
}

/// Starts a proxy with these settings, `key=value`, and waits until it has found its master.
pub(crate) async fn proxy(url: &str, settings: &[&str]) -> ProxyProcess {
    let args: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let proxy = ProxyProcess::start(binary(), url, &args).await.unwrap();
    wait_until("the proxy is ready", LIMIT, || async {
        let page = get(proxy.admin(), "/readyz").await;
        if page.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(page) }
    })
    .await
    .unwrap();
    proxy
}

/// Connects a plain client that is as patient as the tests.
pub(crate) async fn client(address: SocketAddr) -> Client {
    Client::connect(address, LIMIT).await.unwrap()
}

/// Returns the whole answer of the admin server.
pub(crate) async fn get(admin: SocketAddr, path: &str) -> String {
    let mut page = Vec::new();
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_to_end(&mut page).await.unwrap();
    String::from_utf8_lossy(&page).into_owned()
}

/// Returns the proxy's entry of `/topology`.
pub(crate) async fn topology(proxy: &ProxyProcess) -> serde_json::Value {
    let page = get(proxy.admin(), "/topology").await;
    let body = page.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    let mut json: serde_json::Value = serde_json::from_str(body).unwrap();
    json["proxies"][0].take()
}

/// Returns the sum of a metric's samples that have all these labels.
pub(crate) async fn metric(proxy: &ProxyProcess, name: &str, labels: &[&str]) -> f64 {
    let page = get(proxy.admin(), "/metrics").await;
    let full = format!("tideover_{name}");
    let samples = page.lines().filter(|line| {
        let rest = line.strip_prefix(&full);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    });
    samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Waits until a metric has the right value, and returns it.
pub(crate) async fn wait_for_metric(
    proxy: &ProxyProcess,
    name: &str,
    labels: &[&str],
    fits: impl Fn(f64) -> bool,
) -> f64 {
    wait_until(name, LIMIT, || async {
        let value = metric(proxy, name, labels).await;
        if fits(value) { Ok(value) } else { Err(format!("it is {value}")) }
    })
    .await
    .unwrap()
}

/// Prints how long something took.
pub(crate) fn measured(what: &str, since: Instant) {
    println!("{what}: {} ms", since.elapsed().as_millis());
}

/// Returns the text of an error reply.
pub(crate) fn error_text(reply: &Reply) -> &str {
    match reply {
        Reply::Error(text) => text,
        other => panic!("an error reply was expected, not {other:?}"),
    }
}

/// Returns the text of a bulk or simple string.
pub(crate) fn text(reply: &Reply) -> String {
    reply.text().unwrap_or_else(|| panic!("a string was expected, not {reply:?}"))
}

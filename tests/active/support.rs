//! Helpers for the tests with active nodes.

use std::net::SocketAddr;

use tideover_testbed::audit::Books;
use tideover_testbed::client::Reply;
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::jobs::Job;
use tideover_testbed::load::Load;
use tideover_testbed::round::{APART, Round};
use tideover_testbed::sharing::Sharing;
use tideover_testbed::wait::wait_until;

pub(crate) use super::live::*;

/// A node that has been steady for this long is used again: short, so that tests need not wait for it.
pub(crate) const FAILBACK: &str = "active.failback=500ms";

/// All commands go to the first ready node of the list, so that a test knows where they go.
pub(crate) const FIRST: &str = "active.writer=first";

/// Returns the URL of a backend of these nodes, in this order.
pub(crate) fn url(nodes: &[SocketAddr]) -> String {
    let list: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    format!("redis-active://{}", list.join(","))
}

/// Clients under way on a mesh that do this round, one for each depth.
pub(crate) async fn meshed(name: &str, proxy: &ProxyProcess, depths: &[usize], round: Round) -> Load {
    Load::under_way(proxy.address(), &Job::each(name, depths, round), Sharing::Meshed).await.unwrap()
}

/// The same on nodes that know nothing of each other.
pub(crate) async fn apart(name: &str, proxy: &ProxyProcess, depths: &[usize]) -> Load {
    Load::under_way(proxy.address(), &Job::each(name, depths, APART), Sharing::Apart).await.unwrap()
}

/// Checks that replies are right, that all errors are unknown outcomes, and that these are no more than what was in
/// flight.
pub(crate) fn assert_only_in_flight_unknown(books: &Books, most: u64) {
    books.assert_no_mix_up();
    books.assert_only_uncertain();
    let unknown = books.errors_of("UNCERTAIN");
    println!("{unknown} unknown outcomes of at most {most}, longest stall {:?}", books.slowest);
    assert!(unknown <= most, "{unknown} unknown outcomes, {most} in flight");
}

/// Waits until a node has answered so many more reads of clients.
pub(crate) async fn wait_for_reads(node: SocketAddr, more: u64) {
    let before = calls(node, "get").await;
    wait_until(&format!("{node} serves reads"), LIMIT, || async {
        let now = calls(node, "get").await;
        if now >= before + more { Ok(()) } else { Err(format!("{} of {more}", now.saturating_sub(before))) }
    })
    .await
    .unwrap();
}

/// Returns the state of a node, as the proxy shows it.
pub(crate) async fn state_of(proxy: &ProxyProcess, node: SocketAddr) -> String {
    let topology = topology(proxy).await;
    let nodes = topology["shards"][0]["nodes"].as_array().cloned().unwrap_or_default();
    let node = nodes.iter().find(|seen| seen["endpoint"] == node.to_string());
    let node = node.unwrap_or_else(|| panic!("no such node in {topology:#}"));
    assert_eq!(node["role"], "active", "{topology:#}");
    node["state"].as_str().unwrap_or_default().to_owned()
}

/// Waits until the proxy shows this state of the node.
pub(crate) async fn wait_for_state(proxy: &ProxyProcess, node: SocketAddr, wanted: &str) {
    wait_until(&format!("{node} is {wanted}"), LIMIT, || async {
        let state = state_of(proxy, node).await;
        if state == wanted { Ok(()) } else { Err(state) }
    })
    .await
    .unwrap();
}

/// Waits until the proxy uses all of these nodes, or would.
pub(crate) async fn wait_until_all_up(proxy: &ProxyProcess, nodes: &[SocketAddr]) {
    for node in nodes {
        wait_for_state(proxy, *node, "up").await;
    }
}

/// Waits until so many nodes write keys of their own: one that is up may be about to get some.
pub(crate) async fn wait_until_all_write(proxy: &ProxyProcess, nodes: usize) {
    wait_until("every node writes keys", LIMIT, || async {
        let topology = topology(proxy).await;
        // The first one is home.
        let shards = topology["shards"].as_array().map_or(0, Vec::len);
        if shards == nodes + 1 && topology["ready"] == true { Ok(()) } else { Err(format!("{topology:#}")) }
    })
    .await
    .unwrap();
}

/// Waits until no command goes to the node, and no move away from it is due: another one is home, and the keys that it
/// wrote have other writers.
pub(crate) async fn wait_until_left(proxy: &ProxyProcess, node: SocketAddr) {
    let node = node.to_string();
    wait_until(&format!("{node} is left"), LIMIT, || async {
        let topology = topology(proxy).await;
        let events = topology["events"].as_array().cloned().unwrap_or_default();
        let homes = ["master-found", "master-changed"];
        let last = events.iter().rfind(|event| homes.iter().any(|kind| event["kind"] == *kind));
        let shards = topology["shards"].as_array().cloned().unwrap_or_default();
        let mut own = shards.iter().skip(1);
        let writes = own.any(|shard| shard["nodes"][0]["endpoint"] == node);
        let is_home = last.is_none_or(|event| event["to"] == node);
        let is_moving = topology["ready"] != true;
        if is_home || writes || is_moving { Err(format!("{topology:#}")) } else { Ok(()) }
    })
    .await
    .unwrap();
}

/// Returns a section of a node's INFO; empty if it does not answer.
pub(crate) async fn info(node: SocketAddr, section: &str) -> String {
    let Ok(mut client) = tideover_testbed::client::Client::connect(node, LIMIT).await else {
        return String::new();
    };
    client.call(&["INFO", section]).await.ok().and_then(|info| info.text()).unwrap_or_default()
}

/// Returns how many times a node ran a command since it was started. That of GET counts clients' reads alone, as reads
/// are not replicated.
pub(crate) async fn calls(node: SocketAddr, command: &str) -> u64 {
    let stats = info(node, "commandstats").await;
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or_default()
}

/// Returns the reply of a node, or of a proxy, over a connection of its own.
pub(crate) async fn ask(address: SocketAddr, command: &[&str]) -> Reply {
    client(address).await.call(command).await.unwrap()
}

/// Waits until this is the reply.
pub(crate) async fn wait_for_reply(address: SocketAddr, command: &[&str], wanted: &Reply) {
    wait_until(&format!("{command:?} is answered {wanted:?}"), LIMIT, || async {
        let reply = ask(address, command).await;
        if reply == *wanted { Ok(()) } else { Err(format!("{reply:?}")) }
    })
    .await
    .unwrap();
}

/// Starts a proxy with this text in its config, under the backend, and waits until it has found its nodes.
pub(crate) async fn proxy_of(nodes: &[SocketAddr], active: &str) -> ProxyProcess {
    let list: Vec<String> = nodes.iter().map(|node| format!("\"{node}\"")).collect();
    let backend = format!("[proxy.backend]\nkind = \"active\"\nnodes = [{}]\n", list.join(", "));
    let config = |listen: SocketAddr, admin: SocketAddr| {
        format!(
            "[admin]\nlisten = \"{admin}\"\n[[proxy]]\nname = \"default\"\nlisten = [\"{listen}\"]\n{backend}{active}\n"
        )
    };
    let proxy = ProxyProcess::start_from_file(binary(), config).await.unwrap();
    wait_until("the proxy is ready", LIMIT, || async {
        let page = get(proxy.admin(), "/readyz").await;
        if page.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(page) }
    })
    .await
    .unwrap();
    wait_until_all_up(&proxy, nodes).await;
    proxy
}

pub(crate) fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

pub(crate) fn ok() -> Reply {
    Reply::Simple("OK".into())
}

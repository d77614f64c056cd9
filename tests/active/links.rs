//! Reads from the nodes of a mesh the state of the links between them.
//!
//! That a link is up proves little: for seconds after a node came back, its peers are megabytes behind each other while
//! all links are up and nothing is loading or syncing. The proof is how far each has read what the other one wrote.

use std::net::SocketAddr;

use tideover_testbed::wait::wait_until;

use super::support::{LIMIT, info};

/// Waits until every node has all that the others had when this was called.
pub(crate) async fn wait_until_whole(nodes: &[SocketAddr]) {
    wait_until("the mesh is linked", LIMIT, || async {
        for node in nodes {
            is_linked(*node, nodes.len() - 1).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let mut goals = Vec::new();
    for node in nodes {
        goals.push((node.port(), written(&info(*node, "replication").await)));
    }
    wait_until("every node has read the others", LIMIT, || async {
        for node in nodes {
            let read = read(&info(*node, "replication").await);
            for (port, goal) in goals.iter().filter(|(port, _)| *port != node.port()) {
                let reached = read.iter().any(|(peer, offset)| peer == port && offset >= goal);
                if !reached {
                    return Err(format!("{node} has {read:?}, {port} wrote {goal}"));
                }
            }
        }
        Ok(())
    })
    .await
    .unwrap();
}

/// Counts links in both directions: from its masters, and to its replicas.
async fn is_linked(node: SocketAddr, peers: usize) -> Result<(), String> {
    let said = info(node, "replication").await + &info(node, "persistence").await;
    let count = |text: &str| said.lines().filter(|line| line.contains(text)).count();
    let links = said.lines().any(|line| line == format!("connected_masters:{peers}"));
    let fits = links
        && count("state=online") == peers
        && count("sync_in_progress:1") == 0
        && count("loading:0") == 1;
    if fits { Ok(()) } else { Err(format!("{node}: {said}")) }
}

/// Returns how much it wrote.
fn written(said: &str) -> u64 {
    let offset = said.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
    offset.and_then(|offset| offset.parse().ok()).unwrap_or_default()
}

/// Returns how far it has read each peer. The offset follows the lines of its link and does not name the peer.
fn read(said: &str) -> Vec<(u16, u64)> {
    let (mut all, mut port) = (Vec::new(), None);
    for line in said.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name {
            "slave_read_repl_offset" => all.extend(port.zip(value.parse().ok())),
            _ if name.starts_with("master_") && name.ends_with("_port") => port = value.parse().ok(),
            _ => {}
        }
    }
    all
}

#[test]
fn what_was_read_of_each_peer_is_found_in_info() {
    let said = "master_host:a\r\nmaster_port:7502\r\nslave_read_repl_offset:12\r\nslave_repl_offset:9\r\n\
        master_1_host:a\r\nmaster_1_port:7501\r\nslave_read_repl_offset:34\r\nmaster_repl_offset:56\r\n";
    assert_eq!(read(said), [(7502, 12), (7501, 34)]);
    assert_eq!(written(said), 56);
}

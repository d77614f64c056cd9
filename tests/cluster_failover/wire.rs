//! The wires between the nodes of a cluster, which can be cut while clients still reach every node: the nodes announce
//! relays as the addresses of their bus.

use std::net::{Ipv4Addr, SocketAddr};

use tideover_testbed::cluster::ClusterDeployment;
use tideover_testbed::process::free_port;
use tideover_testbed::wait::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::support::{LIMIT, client};

/// The distance from a node's port to the port of its bus.
const BUS: u16 = 10_000;

/// The position of the sender's id in a message.
const SENDER: std::ops::Range<usize> = 40..80;

/// The node that is cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cut {
    node: SocketAddr,
    id: String,
}

/// Relays in front of the buses of all nodes.
pub(crate) struct Wires {
    cut: watch::Sender<Option<Cut>>,
    tasks: tokio::task::JoinSet<()>,
}

impl Wires {
    /// Waits until every node reaches every other one through its relay.
    pub(crate) async fn before(cluster: &ClusterDeployment) -> Self {
        let mut wires = Self { cut: watch::Sender::new(None), tasks: tokio::task::JoinSet::new() };
        let mut ports = Vec::new();
        for node in cluster.nodes() {
            let port = free_port().unwrap();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
            wires.tasks.spawn(relay(node, listener, wires.cut.subscribe()));
            let command = ["CONFIG", "SET", "cluster-announce-bus-port", &port.to_string()];
            client(node).await.must(&command).await.unwrap();
            ports.push(format!("@{port}"));
        }
        wait_until("all nodes announce their relays", LIMIT, || async {
            for node in cluster.nodes() {
                let nodes = client(node).await.must(&["CLUSTER", "NODES"]).await.unwrap().text().unwrap();
                if let Some(port) = ports.iter().find(|port| !nodes.contains(*port)) {
                    return Err(format!("{node} does not know {port}"));
                }
            }
            Ok(())
        })
        .await
        .unwrap();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
        wires
    }

    /// Cuts this node off from the others.
    pub(crate) async fn cut_off(&self, node: SocketAddr) {
        let id = client(node).await.must(&["CLUSTER", "MYID"]).await.unwrap().text().unwrap();
        self.cut.send_replace(Some(Cut { node, id }));
    }

    pub(crate) fn mend(&self) {
        self.cut.send_replace(None);
    }
}

async fn relay(node: SocketAddr, listener: TcpListener, cut: watch::Receiver<Option<Cut>>) {
    let mut links = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let cut = cut.clone();
        links.spawn(async move {
            let _ = carry(stream, node, cut).await;
        });
    }
}

/// The first message tells who the sender is.
async fn carry(
    mut stream: TcpStream,
    node: SocketAddr,
    mut cut: watch::Receiver<Option<Cut>>,
) -> std::io::Result<()> {
    let mut head = vec![0; SENDER.end];
    stream.read_exact(&mut head).await?;
    let sender = String::from_utf8_lossy(&head[SENDER]).into_owned();
    let is_cut = |cut: &Option<Cut>| cut.as_ref().is_some_and(|cut| cut.node == node || cut.id == sender);
    if is_cut(&cut.borrow()) {
        // The relay is silent for as long as the cut lasts.
        let _ = cut.wait_for(|cut| !is_cut(cut)).await;
        return Ok(());
    }
    let mut bus = TcpStream::connect((node.ip(), node.port() + BUS)).await?;
    bus.write_all(&head).await?;
    tokio::select! {
        copied = tokio::io::copy_bidirectional(&mut stream, &mut bus) => copied.map(|_| ()),
        _ = cut.wait_for(is_cut) => Ok(()),
    }
}

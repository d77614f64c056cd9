//! The wires between active nodes, which can be cut while clients still reach every node.
//!
//! A relay stands at the address by which a node is known to all; the node itself listens on the same port of a
//! loopback address of its own. A KeyDB connects to its peers from the address on which it listens, so that a relay
//! sees who connects, and every node and the proxy know the others by the same name.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Relays in front of all nodes; they end when the value is dropped.
pub(crate) struct Wires {
    /// The nodes that are cut off.
    cut: watch::Sender<BTreeSet<IpAddr>>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Wires {
    /// Starts a relay at each of these addresses.
    pub(crate) async fn before(nodes: &[SocketAddr]) -> Self {
        let cut = watch::Sender::new(BTreeSet::new());
        let mut tasks = tokio::task::JoinSet::new();
        for (index, address) in nodes.iter().enumerate() {
            let listener = TcpListener::bind(address).await.unwrap();
            tasks.spawn(relay(Self::behind(index, *address), listener, cut.subscribe()));
        }
        Self { cut, _tasks: tasks }
    }

    /// Returns the address on which the node listens that is known by this address.
    pub(crate) fn behind(index: usize, address: SocketAddr) -> SocketAddr {
        SocketAddr::new(own(index), address.port())
    }

    /// Cuts this node off from the others. Their connections stay open and silent, as when a switch dies.
    pub(crate) fn cut_off(&self, index: usize) {
        self.cut.send_modify(|cut| {
            cut.insert(own(index));
        });
    }

    /// Connects the node again: bytes on their way arrive.
    pub(crate) fn mend(&self) {
        self.cut.send_modify(BTreeSet::clear);
    }
}

/// Returns the loopback address on which the node itself listens; 127.0.0.1 is for clients and relays.
fn own(index: usize) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, u8::try_from(index).unwrap() + 2).into()
}

async fn relay(node: SocketAddr, listener: TcpListener, cut: watch::Receiver<BTreeSet<IpAddr>>) {
    let mut links = tokio::task::JoinSet::new();
    while let Ok((stream, caller)) = listener.accept().await {
        let gate = Gate { ends: [node.ip(), caller.ip()], cut: cut.clone() };
        links.spawn(carry(stream, node, gate));
    }
}

/// Two addresses between which bytes pass unless one of them is cut off.
#[derive(Clone)]
struct Gate {
    ends: [IpAddr; 2],
    cut: watch::Receiver<BTreeSet<IpAddr>>,
}

impl Gate {
    async fn open(&mut self) {
        let Self { ends, cut } = self;
        let is_client = ends.contains(&Ipv4Addr::LOCALHOST.into());
        // Fails only if the wires are gone.
        let _ = cut.wait_for(|cut| is_client || !ends.iter().any(|end| cut.contains(end))).await;
    }
}

async fn carry(mut caller: TcpStream, node: SocketAddr, mut gate: Gate) {
    gate.open().await;
    // A node that is away refuses: the caller's connection ends at once.
    let Ok(mut called) = TcpStream::connect(node).await else { return };
    let _ = (caller.set_nodelay(true), called.set_nodelay(true));
    let (mut from_caller, mut to_caller) = caller.split();
    let (mut from_called, mut to_called) = called.split();
    let other = gate.clone();
    // When one side has closed, both are closed: nothing here closes half of a connection.
    tokio::select! {
        () = pass(&mut from_caller, &mut to_called, gate) => {}
        () = pass(&mut from_called, &mut to_caller, other) => {}
    }
}

async fn pass(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), mut gate: Gate) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut bytes).await;
        gate.open().await;
        let Ok(len @ 1..) = read else { return };
        if to.write_all(&bytes[..len]).await.is_err() {
            return;
        }
    }
}

//! The wires between active nodes, which can be cut while clients still reach every node.
//!
//! A relay stands at the address by which everybody knows a node; the node itself listens at the same port of a loopback
//! address of its own. A KeyDB calls its peers from the address that it listens at, so a relay sees who calls, and every
//! node and the proxy know the others under one and the same name.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Relays before all nodes; they end with the value.
pub(crate) struct Wires {
    /// The nodes that are alone.
    cut: watch::Sender<BTreeSet<IpAddr>>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Wires {
    /// A relay at each of these addresses.
    pub(crate) async fn before(nodes: &[SocketAddr]) -> Self {
        let cut = watch::Sender::new(BTreeSet::new());
        let mut tasks = tokio::task::JoinSet::new();
        for (index, address) in nodes.iter().enumerate() {
            let listener = TcpListener::bind(address).await.unwrap();
            tasks.spawn(relay(Self::behind(index, *address), listener, cut.subscribe()));
        }
        Self { cut, _tasks: tasks }
    }

    /// Where the node listens that is known under this address.
    pub(crate) fn behind(index: usize, address: SocketAddr) -> SocketAddr {
        SocketAddr::new(own(index), address.port())
    }

    /// From here on nothing goes between this node and the others. Their connections stay open and are silent, as it is
    /// when a switch dies.
    pub(crate) fn cut_off(&self, index: usize) {
        self.cut.send_modify(|cut| {
            cut.insert(own(index));
        });
    }

    /// What was on its way arrives.
    pub(crate) fn mend(&self) {
        self.cut.send_modify(BTreeSet::clear);
    }
}

/// 127.0.0.1 is that of clients, and of the relays.
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

/// Whether anything goes between these two.
#[derive(Clone)]
struct Gate {
    ends: [IpAddr; 2],
    cut: watch::Receiver<BTreeSet<IpAddr>>,
}

impl Gate {
    async fn open(&mut self) {
        let Self { ends, cut } = self;
        let is_client = ends.contains(&Ipv4Addr::LOCALHOST.into());
        // Fails only when the wires are gone.
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
    // When one side has closed, both are: nothing here closes half of a connection.
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

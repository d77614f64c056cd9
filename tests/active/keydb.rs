//! A mesh of real KeyDB nodes: every node takes writes and replicates from every other one.
//!
//! `TIDEOVER_KEYDB_SERVER` names the executable; without it, the tests that need it say that they are skipped.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tideover_testbed::client::{Client, Reply, encode};
use tideover_testbed::process::{Process, Program, free_port};

use super::links;
use super::support::{LIMIT, bulk, client, run_within, url, wait_for_reply};
use super::wires::Wires;

/// The executable.
const SERVER: &str = "TIDEOVER_KEYDB_SERVER";

/// Number of keys in one MSET of `fill`.
const AT_ONCE: usize = 1000;

/// Runs the scenario, if there is a KeyDB.
pub(crate) fn on_keydb(scenario: impl AsyncFnOnce(MeshOptions)) {
    on_keydb_within(3 * LIMIT, scenario);
}

/// Runs a scenario that may take this long.
pub(crate) fn on_keydb_within(limit: Duration, scenario: impl AsyncFnOnce(MeshOptions)) {
    let Some(program) = std::env::var_os(SERVER).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        println!("SKIPPED: {SERVER} names no server");
        eprintln!("SKIPPED: {SERVER} names no server");
        return;
    };
    assert!(program.exists(), "{SERVER} names {}, which is not there", program.display());
    run_within(limit, scenario(MeshOptions { program, nodes: 3, config: Vec::new(), wired: false }));
}

/// The settings of a mesh.
#[derive(Clone, Debug)]
pub(crate) struct MeshOptions {
    pub(crate) program: PathBuf,
    pub(crate) nodes: usize,
    /// Further lines of each node's config, as `repl-timeout 5`.
    pub(crate) config: Vec<String>,
    /// True if the wires between the nodes can be cut.
    pub(crate) wired: bool,
}

/// The data of a node that starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    None,
    /// The data that it saved: when it was asked to end, or by a line of its config.
    Saved,
}

/// The nodes; they end when the value is dropped.
pub(crate) struct Mesh {
    program: PathBuf,
    nodes: Vec<Node>,
    wires: Option<Wires>,
}

struct Node {
    /// The address at which clients and the other nodes reach it.
    address: SocketAddr,
    process: Process,
    dir: TempDir,
    is_up: bool,
}

impl Mesh {
    /// Waits until every node has a link to every other one.
    pub(crate) async fn start(options: MeshOptions) -> Self {
        let port = |_| SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let addresses: Vec<SocketAddr> = (0..options.nodes).map(port).collect();
        let wires = if options.wired { Some(Wires::before(&addresses).await) } else { None };
        let mut nodes = Vec::new();
        for (index, address) in addresses.iter().copied().enumerate() {
            let dir = tempfile::Builder::new().prefix("tideover-keydb-").tempdir().unwrap();
            let listens = if options.wired { Wires::behind(index, address) } else { address };
            let lines = config(&options, &addresses, address, listens, dir.path());
            std::fs::write(dir.path().join("keydb.conf"), lines).unwrap();
            let process = spawn(&options.program, address, dir.path());
            nodes.push(Node { address, process, dir, is_up: true });
        }
        let mut mesh = Self { program: options.program, nodes, wires };
        for index in 0..options.nodes {
            mesh.answers(index).await;
        }
        mesh.wait_until_whole().await;
        mesh
    }

    /// Returns all nodes in the order in which they were made.
    pub(crate) fn url(&self) -> String {
        url(&self.addresses())
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        self.nodes[index].address
    }

    /// Connects to the node itself.
    pub(crate) async fn client(&self, index: usize) -> Client {
        client(self.address(index)).await
    }

    /// Returns its process, to stop it and let it go on.
    pub(crate) fn process(&mut self, index: usize) -> &mut Process {
        &mut self.nodes[index].process
    }

    pub(crate) fn kill(&mut self, index: usize) {
        self.nodes[index].process.kill();
        self.nodes[index].is_up = false;
    }

    /// Asks the node to end, and waits until it has.
    pub(crate) async fn shut_down(&mut self, index: usize) {
        assert!(self.nodes[index].process.shut_down(LIMIT).await, "it did not end by itself");
        self.nodes[index].is_up = false;
    }

    /// Starts a node again that has ended. Then it takes connections, but has nothing yet of the others' data.
    pub(crate) async fn start_again(&mut self, index: usize, data: Data) {
        let node = &mut self.nodes[index];
        let snapshot = node.dir.path().join("dump.rdb");
        if data == Data::None && snapshot.exists() {
            std::fs::remove_file(snapshot).unwrap();
        }
        node.process = spawn(&self.program, node.address, node.dir.path());
        node.is_up = true;
        self.answers(index).await;
    }

    /// Cuts this node off from the others; clients still reach all of them.
    pub(crate) fn cut_off(&self, index: usize) {
        self.wires.as_ref().expect("a mesh with wires").cut_off(index);
    }

    pub(crate) fn mend(&self) {
        self.wires.as_ref().expect("a mesh with wires").mend();
    }

    /// Waits until every running node has all that the others had when this was called.
    pub(crate) async fn wait_until_whole(&self) {
        let up = self.nodes.iter().filter(|node| node.is_up).map(|node| node.address);
        links::wait_until_whole(&up.collect::<Vec<_>>()).await;
    }

    /// Writes so many keys through one node, from `key:0` on, and waits until all running nodes have them.
    pub(crate) async fn fill(&self, index: usize, keys: usize) {
        let mut writer = self.client(index).await;
        let numbers: Vec<usize> = (0..keys).collect();
        for chunk in numbers.chunks(AT_ONCE) {
            let pairs = chunk.iter().flat_map(|number| [format!("key:{number}"), value(*number)]);
            let command: Vec<String> = std::iter::once("MSET".to_owned()).chain(pairs).collect();
            writer.write(&encode(&command)).await.unwrap();
            assert_eq!(writer.reply().await.unwrap(), Reply::Simple("OK".into()));
        }
        let (last, wanted) = (format!("key:{}", keys - 1), bulk(&value(keys - 1)));
        for node in self.nodes.iter().filter(|node| node.is_up) {
            wait_for_reply(node.address, &["GET", &last], &wanted).await;
        }
    }

    async fn answers(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        loop {
            node.process.check_running().unwrap();
            let asked = Client::connect(node.address, LIMIT).await;
            if let Ok(mut client) = asked
                && client.call(&["PING"]).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Returns the value that `fill` gives a key.
pub(crate) fn value(number: usize) -> String {
    format!("value:{number}:{}", "x".repeat(100))
}

fn spawn(program: &Path, address: SocketAddr, dir: &Path) -> Process {
    let program = Program {
        name: format!("keydb-server {address}"),
        path: program,
        package: "keydb-server",
        log: dir.join("server.log"),
    };
    Process::spawn(program, &[dir.join("keydb.conf")]).unwrap()
}

/// Both lines that make it a mesh stand in front of the peers: behind them they would have no effect.
fn config(
    options: &MeshOptions,
    all: &[SocketAddr],
    address: SocketAddr,
    listens: SocketAddr,
    dir: &Path,
) -> String {
    let mut lines = vec![
        format!("bind {}", listens.ip()),
        format!("port {}", listens.port()),
        format!("dir {}", dir.display()),
        "active-replica yes".to_owned(),
        "multi-master yes".to_owned(),
        "server-threads 1".to_owned(),
        "save \"\"".to_owned(),
        "appendonly no".to_owned(),
        "protected-mode no".to_owned(),
        format!("replica-announce-ip {}", address.ip()),
    ];
    lines.extend(options.config.iter().cloned());
    let peers = all.iter().filter(|peer| **peer != address);
    lines.extend(peers.map(|peer| format!("replicaof {} {}", peer.ip(), peer.port())));
    lines.join("\n") + "\n"
}

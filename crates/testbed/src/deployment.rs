//! A master, its replicas and the sentinels that watch them: real processes on loopback, and what can be done to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;

use super::client::{Client, Reply};
use super::error::Error;
use super::health::{Knowledge, first_text, parse_address, role_fits};
use super::process::{Process, Program, free_port};
use super::server::{RedisOptions, RedisServer, connect, quote, temp_dir, wait_for_ping, write_config};
use super::wait::wait_until;

/// The name under which the sentinels know the master.
pub const MASTER_NAME: &str = "mymaster";

/// What is started, and how patient its sentinels are.
#[derive(Clone, Debug)]
pub struct SentinelOptions {
    /// Beside the one master.
    pub replicas: usize,
    /// Their majority is the quorum.
    pub sentinels: usize,
    /// How long a node is silent before a sentinel calls it down. Sentinel opens a lost connection again at most once a
    /// second, so with 1000 or less it now and then calls a master down that it has only just promoted, and fails over
    /// again.
    pub down_after_ms: u64,
    /// Sentinel's `failover-timeout`.
    pub failover_timeout_ms: u64,
    /// The password of the nodes.
    pub password: Option<String>,
    /// The password of the sentinels.
    pub sentinel_password: Option<String>,
    /// The executable of the nodes; `None`: the `redis-server` of the search path.
    pub program: Option<PathBuf>,
    /// Further config lines of every node.
    pub node_config: Vec<String>,
    /// Further config lines of every sentinel.
    pub sentinel_config: Vec<String>,
    /// The ports of the sentinels; free ones for those that are missing here.
    pub sentinel_ports: Vec<u16>,
}

impl Default for SentinelOptions {
    fn default() -> Self {
        Self {
            replicas: 2,
            sentinels: 3,
            down_after_ms: 2000,
            failover_timeout_ms: 5000,
            password: None,
            sentinel_password: None,
            program: None,
            node_config: Vec::new(),
            sentinel_config: Vec::new(),
            sentinel_ports: Vec::new(),
        }
    }
}

struct Sentinel {
    address: SocketAddr,
    process: Process,
    /// Sentinel rewrites its config file in here.
    _dir: TempDir,
}

/// The running deployment; dropping it ends every process and removes every file.
pub struct SentinelDeployment {
    options: SentinelOptions,
    nodes: Vec<RedisServer>,
    sentinels: Vec<Sentinel>,
}

impl SentinelDeployment {
    /// Starts everything, and returns when every process answers. `wait_until_healthy` says when they know each other.
    pub async fn start(options: SentinelOptions) -> Result<Self, Error> {
        let mut deployment = Self { options, nodes: Vec::new(), sentinels: Vec::new() };
        let master = deployment.start_node(None).await?;
        for _ in 0..deployment.options.replicas {
            deployment.start_node(Some(master)).await?;
        }
        // A sentinel asks a master for its replicas every 10 s: those that are there at the first question count at
        // once.
        wait_until("replicas connected to the master", Duration::from_secs(10), || {
            deployment.replicas_connected()
        })
        .await?;
        for index in 0..deployment.options.sentinels {
            let port = deployment.options.sentinel_ports.get(index).copied().map_or_else(free_port, Ok)?;
            let sentinel = start_sentinel(&deployment.options, port, master).await?;
            deployment.sentinels.push(sentinel);
        }
        Ok(deployment)
    }

    /// The backend URL for the proxy, passwords included.
    pub fn url(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password =
            self.options.password.as_deref().map(|text| format!(":{}@", encode(text))).unwrap_or_default();
        let sentinels: Vec<String> = self.sentinels().iter().map(ToString::to_string).collect();
        let query = self.options.sentinel_password.as_deref();
        let query = query.map(|text| format!("?sentinel_password={}", encode(text))).unwrap_or_default();
        format!("redis-sentinel://{password}{}/{MASTER_NAME}{query}", sentinels.join(","))
    }

    /// The addresses of all nodes, the first master first.
    pub fn nodes(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(RedisServer::address).collect()
    }

    /// The addresses of all sentinels.
    pub fn sentinels(&self) -> Vec<SocketAddr> {
        self.sentinels.iter().map(|sentinel| sentinel.address).collect()
    }

    /// The node at this place, in the order of `nodes`.
    pub fn node(&mut self, index: usize) -> Option<&mut RedisServer> {
        self.nodes.get_mut(index)
    }

    /// The place of a node in `nodes`.
    pub fn index_of(&self, address: SocketAddr) -> Option<usize> {
        self.nodes.iter().position(|node| node.address() == address)
    }

    /// The process of a sentinel, to stop, continue or kill it.
    pub fn sentinel(&mut self, index: usize) -> Option<&mut Process> {
        self.sentinels.get_mut(index).map(|sentinel| &mut sentinel.process)
    }

    /// The password of the nodes.
    pub fn password(&self) -> Option<&str> {
        self.options.password.as_deref()
    }

    /// An authenticated connection to a node.
    pub async fn client(&self, node: SocketAddr) -> Result<Client, Error> {
        connect(node, self.options.password.as_deref()).await
    }

    /// The one node that says of itself that it is master; `None` while there is none, or more than one.
    pub async fn master(&self) -> Option<SocketAddr> {
        let mut masters = Vec::new();
        for node in &self.nodes {
            let role = self.ask(node.address(), &["ROLE"]).await;
            if role.is_ok_and(|role| first_text(&role) == "master") {
                masters.push(node.address());
            }
        }
        match masters.as_slice() {
            [master] => Some(*master),
            _ => None,
        }
    }

    /// The master that every sentinel that answers names; `None` while they disagree, or fewer than the quorum answer.
    pub async fn announced_master(&self) -> Option<SocketAddr> {
        let mut announced = Vec::new();
        for sentinel in &self.sentinels {
            let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME];
            if let Ok(reply) = self.ask_sentinel(sentinel.address, &ask).await {
                announced.push(parse_address(&reply)?);
            }
        }
        let first = *announced.first()?;
        let agreed =
            announced.iter().all(|master| *master == first) && announced.len() >= quorum(&self.options);
        agreed.then_some(first)
    }

    /// SIGKILL to a node; it is gone when this returns.
    pub fn kill_node(&mut self, address: SocketAddr) {
        if let Some(node) = self.nodes.iter_mut().find(|node| node.address() == address) {
            node.process().kill();
        }
    }

    /// SIGKILL to the present master; its address.
    pub async fn kill_master(&mut self) -> Result<SocketAddr, Error> {
        let master = self.master().await.ok_or_else(|| no_master("ROLE of the nodes"))?;
        self.kill_node(master);
        Ok(master)
    }

    /// Starts a killed node again, empty, as a replica of the master that the sentinels name.
    pub async fn restart_node(&mut self, index: usize) -> Result<(), Error> {
        let master = self.announced_master().await.ok_or_else(|| no_master("the sentinels"))?;
        match self.nodes.get_mut(index) {
            Some(node) if node.address() == master => node.restart(None).await,
            Some(node) => node.restart(Some(master)).await,
            None => Ok(()),
        }
    }

    /// Asks the first sentinel for a failover with a living master.
    pub async fn planned_failover(&self) -> Result<(), Error> {
        let Some(sentinel) = self.sentinels.first() else { return Err(no_master("no sentinel")) };
        self.ask_sentinel(sentinel.address, &["SENTINEL", "FAILOVER", MASTER_NAME]).await.map(|_| ())
    }

    /// Returns when the sentinels that answer name a master other than `old`, and all the same.
    pub async fn wait_for_switch(&self, old: SocketAddr, limit: Duration) -> Result<SocketAddr, Error> {
        wait_until("new master announced by every sentinel", limit, || async {
            match self.announced_master().await {
                Some(master) if master != old => Ok(master),
                Some(_) => Err("the sentinels still name the old one".to_owned()),
                None => Err("the sentinels do not agree".to_owned()),
            }
        })
        .await
    }

    /// Returns when one master has every replica, and every sentinel knows all of them and all other sentinels.
    pub async fn wait_until_healthy(&self, limit: Duration) -> Result<SocketAddr, Error> {
        wait_until("healthy deployment", limit, || self.health()).await
    }

    async fn health(&self) -> Result<SocketAddr, String> {
        let master = self.replicas_connected().await?;
        for sentinel in self.sentinels() {
            let ask = ["SENTINEL", "MASTER", MASTER_NAME];
            let reply = self.ask_sentinel(sentinel, &ask).await.map_err(|error| error.to_string())?;
            let wanted =
                Knowledge { master, replicas: self.options.replicas, sentinels: self.options.sentinels };
            wanted.master_entry(&reply).map_err(|why| format!("sentinel {sentinel}: {why}"))?;
            let ask = ["SENTINEL", "REPLICAS", MASTER_NAME];
            let reply = self.ask_sentinel(sentinel, &ask).await.map_err(|error| error.to_string())?;
            wanted.replica_entries(&reply).map_err(|why| format!("sentinel {sentinel}: {why}"))?;
        }
        Ok(master)
    }

    /// The master, when all replicas say that they are connected to it and it says the same.
    async fn replicas_connected(&self) -> Result<SocketAddr, String> {
        let master = self.master().await.ok_or("there is not one master")?;
        for node in self.nodes() {
            let role = self.ask(node, &["ROLE"]).await.map_err(|error| format!("{node}: {error}"))?;
            role_fits(&role, node == master, master, self.options.replicas)
                .map_err(|why| format!("{node}: {why}"))?;
        }
        Ok(master)
    }

    async fn start_node(&mut self, replica_of: Option<SocketAddr>) -> Result<SocketAddr, Error> {
        let password = self.options.password.clone();
        let config = self.options.node_config.clone();
        let program = self.options.program.clone();
        let options = RedisOptions { program, replica_of, password, config, ..RedisOptions::default() };
        let node = RedisServer::start(options).await?;
        let address = node.address();
        self.nodes.push(node);
        Ok(address)
    }

    async fn ask(&self, node: SocketAddr, command: &[&str]) -> Result<Reply, Error> {
        self.client(node).await?.must(command).await
    }

    async fn ask_sentinel(&self, sentinel: SocketAddr, command: &[&str]) -> Result<Reply, Error> {
        connect(sentinel, self.options.sentinel_password.as_deref()).await?.must(command).await
    }
}

fn no_master(asked: &str) -> Error {
    Error::Reply {
        what: format!("the present master, by {asked}"),
        reply: "there is not exactly one".to_owned(),
    }
}

/// The majority.
fn quorum(options: &SentinelOptions) -> usize {
    options.sentinels / 2 + 1
}

async fn start_sentinel(options: &SentinelOptions, port: u16, master: SocketAddr) -> Result<Sentinel, Error> {
    let dir = temp_dir("sentinel")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let config = write_config(dir.path(), &sentinel_lines(options, address, master, dir.path()))?;
    let program = Program {
        name: format!("redis-sentinel {address}"),
        path: Path::new("redis-sentinel"),
        package: "redis-sentinel",
        log: dir.path().join("server.log"),
    };
    let mut process = Process::spawn(program, &[config])?;
    let password = options.sentinel_password.as_deref();
    wait_for_ping(&mut process, address, password).await?;
    // Replicas are asked every 10 s in peace and every second in a failover. Asking every second always makes a
    // restarted node known sooner and a failover no faster. Before 7.0 there is no such command; then it takes longer.
    connect(address, password).await?.call(&["SENTINEL", "DEBUG", "INFO-PERIOD", "1000"]).await?;
    Ok(Sentinel { address, process, _dir: dir })
}

fn sentinel_lines(options: &SentinelOptions, own: SocketAddr, master: SocketAddr, dir: &Path) -> Vec<String> {
    let quorum = quorum(options);
    let mut lines = vec![
        format!("bind {}", own.ip()),
        format!("port {}", own.port()),
        format!("dir {}", dir.display()),
        format!("sentinel monitor {MASTER_NAME} {} {} {quorum}", master.ip(), master.port()),
        format!("sentinel down-after-milliseconds {MASTER_NAME} {}", options.down_after_ms),
        format!("sentinel failover-timeout {MASTER_NAME} {}", options.failover_timeout_ms),
        format!("sentinel parallel-syncs {MASTER_NAME} 1"),
    ];
    if let Some(password) = &options.password {
        lines.push(format!("sentinel auth-pass {MASTER_NAME} {}", quote(password)));
    }
    if let Some(password) = &options.sentinel_password {
        lines.push(format!("requirepass {}", quote(password)));
        lines.push(format!("sentinel sentinel-pass {}", quote(password)));
    }
    lines.extend(options.sentinel_config.iter().cloned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quorum_is_the_majority() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 7001));
        for (sentinels, quorum) in [(1, 1), (3, 2), (5, 3)] {
            let options = SentinelOptions { sentinels, ..SentinelOptions::default() };
            let lines = sentinel_lines(&options, address, address, Path::new("/d"));
            assert!(lines.contains(&format!("sentinel monitor mymaster 127.0.0.1 7001 {quorum}")));
        }
    }
}

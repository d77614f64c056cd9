//! A cluster of masters and replicas: real processes on loopback, and the changes that can be made to it.

mod failover;
mod health;
pub mod slots;
mod view;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::client::Reply;
use super::error::Error;
use super::members::Members;
use super::process::free_cluster_port;
use super::server::{RedisOptions, RedisServer};
use super::wait::wait_until;
use failover::Elected;
use view::{NodeView, nodes_of};

const SLOTS: u16 = 16384;
/// The time that forming the cluster may take.
const FORM_LIMIT: Duration = Duration::from_secs(20);

/// The options of a cluster.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The number of masters. Each of them owns an equal part of the slots.
    pub masters: usize,
    /// The number of replicas of each master.
    pub replicas: usize,
    /// `cluster-node-timeout`: the time that a node must be silent before the others suspect it, in milliseconds.
    pub node_timeout_ms: u64,
    /// `cluster-require-full-coverage`: one slot without a master stops all of them.
    pub full_coverage: bool,
    /// The password of the nodes.
    pub password: Option<String>,
    /// The executable. `None`: the `redis-server` of the search path.
    pub program: Option<PathBuf>,
    /// Further config lines of every node.
    pub node_config: Vec<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            masters: 3,
            replicas: 1,
            node_timeout_ms: 2000,
            full_coverage: true,
            password: None,
            program: None,
            node_config: Vec::new(),
        }
    }
}

/// The running cluster; dropping it ends every process and removes every file.
pub struct ClusterDeployment {
    options: ClusterOptions,
    members: Members,
    /// The times at which nodes have taken over, see [`failover`].
    elected: Elected,
}

/// A deployment has all methods of its members.
impl Deref for ClusterDeployment {
    type Target = Members;

    fn deref(&self) -> &Members {
        &self.members
    }
}

impl DerefMut for ClusterDeployment {
    fn deref_mut(&mut self) -> &mut Members {
        &mut self.members
    }
}

impl ClusterDeployment {
    /// Starts all nodes and makes a cluster of them; returns when it is healthy.
    pub async fn start(options: ClusterOptions) -> Result<Self, Error> {
        let members = Members::new(options.password.clone());
        let mut deployment = Self { options, members, elected: Elected::default() };
        let ClusterOptions { masters, replicas, .. } = deployment.options;
        for _ in 0..masters * (replicas + 1) {
            deployment.start_node().await?;
        }
        deployment.share_slots(masters).await?;
        for node in deployment.nodes() {
            deployment.introduce(node).await?;
        }
        deployment.wait_until_acquainted().await?;
        for (index, replica) in deployment.nodes().into_iter().enumerate().skip(masters) {
            let master = deployment.members.servers.get(index % masters).map(RedisServer::address);
            deployment.follow(replica, master.unwrap_or(replica)).await?;
        }
        deployment.wait_until_healthy(FORM_LIMIT).await?;
        Ok(deployment)
    }

    /// Returns the backend URL for the proxy, with the password and two nodes as seeds.
    pub fn url(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password =
            self.options.password.as_deref().map(|text| format!(":{}@", encode(text))).unwrap_or_default();
        let seeds: Vec<String> = self.nodes().iter().take(2).map(ToString::to_string).collect();
        format!("redis-cluster://{password}{}", seeds.join(","))
    }

    /// Adds a node, a master without slots, and returns its address.
    pub async fn add_node(&mut self) -> Result<SocketAddr, Error> {
        let address = self.start_node().await?;
        self.introduce(address).await?;
        self.wait_until_healthy(FORM_LIMIT).await?;
        Ok(address)
    }

    /// Makes a node without slots a replica.
    pub async fn follow(&self, replica: SocketAddr, master: SocketAddr) -> Result<(), Error> {
        let id = self.id(master).await?;
        wait_until("replica follows its master", FORM_LIMIT, || async {
            let asked = self.ask(replica, &["CLUSTER", "REPLICATE", &id]).await;
            asked.map(|_| ()).map_err(|error| error.to_string())
        })
        .await
    }

    /// Removes a node without slots from the cluster, and ends its process.
    pub async fn remove_node(&mut self, address: SocketAddr) -> Result<(), Error> {
        let id = self.id(address).await?;
        self.kill(address);
        self.members.servers.retain(|node| node.address() != address);
        for node in self.nodes() {
            self.ask(node, &["CLUSTER", "FORGET", &id]).await?;
        }
        Ok(())
    }

    async fn start_node(&mut self) -> Result<SocketAddr, Error> {
        let ClusterOptions { node_timeout_ms, full_coverage, .. } = self.options;
        let mut config = vec![
            "cluster-enabled yes".to_owned(),
            format!("cluster-node-timeout {node_timeout_ms}"),
            format!("cluster-require-full-coverage {}", if full_coverage { "yes" } else { "no" }),
        ];
        config.extend(self.options.node_config.iter().cloned());
        let options = RedisOptions {
            program: self.options.program.clone(),
            port: Some(free_cluster_port()?),
            password: self.options.password.clone(),
            config,
            ..RedisOptions::default()
        };
        let node = RedisServer::start(options).await?;
        let address = node.address();
        self.members.servers.push(node);
        Ok(address)
    }

    async fn introduce(&self, node: SocketAddr) -> Result<(), Error> {
        let host = Ipv4Addr::LOCALHOST.to_string();
        for known in self.nodes().into_iter().filter(|known| *known != node) {
            self.ask(known, &["CLUSTER", "MEET", &host, &node.port().to_string()]).await?;
        }
        Ok(())
    }

    async fn own_view(&self, node: SocketAddr) -> Option<NodeView> {
        let reply = self.ask(node, &["CLUSTER", "NODES"]).await.ok()?;
        nodes_of(&reply).into_iter().find(|node| node.myself)
    }

    async fn id(&self, node: SocketAddr) -> Result<String, Error> {
        let own = self.own_view(node).await;
        own.map(|own| own.id).ok_or_else(|| nobody("answers with its id"))
    }

    async fn ask(&self, node: SocketAddr, command: &[&str]) -> Result<Reply, Error> {
        self.client(node).await?.must(command).await
    }
}

fn nobody(does: &str) -> Error {
    Error::Reply { what: "CLUSTER NODES of the nodes".to_owned(), reply: format!("nobody {does}") }
}

//! Nodes that all take writes: real processes on loopback.

mod health;
mod proxied;
mod servers;

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::client::Reply;
use super::error::Error;
use super::members::Members;
use super::process::free_port;
use super::server::{RedisOptions, RedisServer};
use super::wait::wait_until;
pub use servers::Servers;

/// The time that the nodes may take to connect to each other.
const FORM_LIMIT: Duration = Duration::from_secs(20);

/// The options of a set of active nodes.
#[derive(Clone, Debug)]
pub struct ActiveOptions {
    /// The number of nodes. The proxy's config names them in the order of their start.
    pub nodes: usize,
    /// The program of the nodes; it decides whether they replicate.
    pub servers: Servers,
    /// The password of the nodes.
    pub password: Option<String>,
    /// Further config lines of every node.
    pub node_config: Vec<String>,
}

impl ActiveOptions {
    /// Returns the options for three nodes.
    pub fn of(servers: Servers) -> Self {
        Self { nodes: 3, servers, password: None, node_config: Vec::new() }
    }
}

/// The running nodes; dropping it ends every process and removes every file.
pub struct ActiveDeployment {
    options: ActiveOptions,
    members: Members,
}

/// A deployment has all methods of its members.
impl Deref for ActiveDeployment {
    type Target = Members;

    fn deref(&self) -> &Members {
        &self.members
    }
}

impl DerefMut for ActiveDeployment {
    fn deref_mut(&mut self) -> &mut Members {
        &mut self.members
    }
}

impl ActiveDeployment {
    /// Starts all nodes, and waits until they are healthy.
    pub async fn start(options: ActiveOptions) -> Result<Self, Error> {
        // A node of a mesh must know its peers before any of them runs.
        let ports = (0..options.nodes).map(|_| free_port()).collect::<Result<Vec<u16>, Error>>()?;
        let members = Members::new(options.password.clone());
        let mut deployment = Self { options, members };
        for port in &ports {
            let peers: Vec<u16> = ports.iter().copied().filter(|peer| peer != port).collect();
            deployment.start_node(*port, &peers).await?;
        }
        deployment.wait_until_whole(FORM_LIMIT).await?;
        Ok(deployment)
    }

    /// Returns the backend URL for the proxy, with the password.
    pub fn url(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password =
            self.options.password.as_deref().map(|text| format!(":{}@", encode(text))).unwrap_or_default();
        let nodes: Vec<String> = self.nodes().iter().map(ToString::to_string).collect();
        format!("redis-active://{password}{}", nodes.join(","))
    }

    /// Returns the program of the nodes.
    pub fn servers(&self) -> &Servers {
        &self.options.servers
    }

    /// Waits until every node serves and, in a mesh, is linked with all others. All nodes must run.
    pub async fn wait_until_whole(&self, limit: Duration) -> Result<(), Error> {
        wait_until("whole set of active nodes", limit, || async {
            for node in self.nodes() {
                self.health_of(node).await.map_err(|why| format!("{node}: {why}"))?;
            }
            Ok(())
        })
        .await
    }

    async fn health_of(&self, node: SocketAddr) -> Result<(), String> {
        let info = self.ask(node, &["INFO"]).await.map_err(|error| error.to_string())?;
        let peers = match self.options.servers {
            Servers::KeyDb(_) => self.members.servers.len().saturating_sub(1),
            Servers::Redis => 0,
        };
        health::is_whole(&info.text().unwrap_or_default(), peers)
    }

    async fn start_node(&mut self, port: u16, peers: &[u16]) -> Result<(), Error> {
        let mut config = self.options.servers.config(peers);
        config.extend(self.options.node_config.iter().cloned());
        let program: Option<PathBuf> = self.options.servers.program().cloned();
        let password = self.options.password.clone();
        let options = RedisOptions { program, port: Some(port), password, config, ..RedisOptions::default() };
        self.members.servers.push(RedisServer::start(options).await?);
        Ok(())
    }

    async fn ask(&self, node: SocketAddr, command: &[&str]) -> Result<Reply, Error> {
        self.client(node).await?.must(command).await
    }
}

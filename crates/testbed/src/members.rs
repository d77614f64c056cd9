//! The servers of a deployment in which every node is reached the same way: their addresses, connections and processes.

use std::net::SocketAddr;

use super::client::Client;
use super::error::Error;
use super::server::{RedisServer, connect};

/// Dropping it ends every process.
pub struct Members {
    pub(super) servers: Vec<RedisServer>,
    password: Option<String>,
}

impl Members {
    pub(super) fn new(password: Option<String>) -> Self {
        Self { servers: Vec::new(), password }
    }

    /// The addresses of all nodes, in the order in which they were started.
    pub fn nodes(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(RedisServer::address).collect()
    }

    /// The node at this place, in the order of `nodes`: its process can be stopped, continued and killed.
    pub fn node(&mut self, index: usize) -> Option<&mut RedisServer> {
        self.servers.get_mut(index)
    }

    /// The node at this address.
    pub fn node_at(&mut self, address: SocketAddr) -> Option<&mut RedisServer> {
        self.servers.iter_mut().find(|node| node.address() == address)
    }

    /// The place of a node in `nodes`.
    pub fn index_of(&self, address: SocketAddr) -> Option<usize> {
        self.servers.iter().position(|node| node.address() == address)
    }

    /// The password of the nodes.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// An authenticated connection to a node.
    pub async fn client(&self, node: SocketAddr) -> Result<Client, Error> {
        connect(node, self.password()).await
    }

    /// SIGKILL to a node; it is gone when this returns.
    pub fn kill(&mut self, address: SocketAddr) {
        if let Some(node) = self.node_at(address) {
            node.process().kill();
        }
    }

    /// Starts a killed node again, with the files that it had: a cluster's member is the same one without data, an active
    /// node that is alone has what it had acknowledged.
    pub async fn restart(&mut self, address: SocketAddr) -> Result<(), Error> {
        match self.node_at(address) {
            Some(node) => node.restart(None).await,
            None => Ok(()),
        }
    }
}

//! Redis servers that do not replicate, as active nodes: each keeps what it acknowledged, whatever happens to it, so
//! that the data of all of them together is exactly what ran.

use std::net::SocketAddr;

use tideover_testbed::client::Reply;
use tideover_testbed::process::Process;
use tideover_testbed::round::KNOWN;
use tideover_testbed::server::{RedisOptions, RedisServer};

use super::support::{client, url};

/// The nodes; they end when the value is dropped.
pub(crate) struct PlainNodes {
    servers: Vec<RedisServer>,
}

impl PlainNodes {
    pub(crate) async fn start(count: usize) -> Self {
        let config = ["appendonly yes", "appendfsync always", "enable-debug-command yes"];
        let options = RedisOptions { config: config.map(str::to_owned).to_vec(), ..RedisOptions::default() };
        let mut servers = Vec::new();
        for _ in 0..count {
            let server = RedisServer::start(options.clone()).await.unwrap();
            client(server.address()).await.must(&["SET", KNOWN, KNOWN]).await.unwrap();
            servers.push(server);
        }
        Self { servers }
    }

    pub(crate) fn url(&self) -> String {
        url(&self.addresses())
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(RedisServer::address).collect()
    }

    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        self.servers[index].address()
    }

    pub(crate) fn process(&mut self, index: usize) -> &mut Process {
        self.servers[index].process()
    }

    /// Starts a killed node again, with all that it had acknowledged.
    pub(crate) async fn restart(&mut self, index: usize) {
        self.servers[index].restart(None).await.unwrap();
    }

    /// Returns the nodes that have the key.
    pub(crate) async fn holders(&self, key: &str) -> Vec<usize> {
        let found = self.ask_all(&["EXISTS", key]).await;
        (0..self.servers.len()).filter(|index| found[*index] == Reply::Integer(1)).collect()
    }

    /// Returns the reply of every node.
    pub(crate) async fn ask_all(&self, command: &[&str]) -> Vec<Reply> {
        let mut replies = Vec::new();
        for address in self.addresses() {
            replies.push(client(address).await.must(command).await.unwrap());
        }
        replies
    }
}

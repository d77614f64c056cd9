//! A cluster of masters and replicas: real processes on loopback, and what can be done to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::client::{Client, Reply};
use super::cluster_view::{NodeView, nodes_of, shape};
use super::error::Error;
use super::process::free_cluster_port;
use super::server::{RedisOptions, RedisServer, connect};
use super::wait::wait_until;

const SLOTS: u16 = 16384;
/// How long forming the cluster may take.
const FORM_LIMIT: Duration = Duration::from_secs(20);
/// Keys that are moved in one go.
const BATCH: &str = "100";
/// How long moving them may take, in ms.
const MOVE_LIMIT: &str = "5000";

/// Masters vote only once in two node timeouts for a replica of the same master, so an election may have to be repeated.
const ATTEMPTS: usize = 10;
const ATTEMPT_LIMIT: Duration = Duration::from_secs(1);

/// What is started, and how patient its nodes are.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Each of them owns an equal part of the slots.
    pub masters: usize,
    /// Of each master.
    pub replicas: usize,
    /// `cluster-node-timeout`: how long a node is silent before the others suspect it.
    pub node_timeout_ms: u64,
    /// `cluster-require-full-coverage`: one slot without a master stops all of them.
    pub full_coverage: bool,
    /// The password of the nodes.
    pub password: Option<String>,
    /// The executable; `None`: the `redis-server` of the search path.
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
    nodes: Vec<RedisServer>,
}

impl ClusterDeployment {
    /// Starts all nodes and makes a cluster of them; returns when it is healthy.
    pub async fn start(options: ClusterOptions) -> Result<Self, Error> {
        let mut deployment = Self { options, nodes: Vec::new() };
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
            let master = deployment.nodes.get(index % masters).map(RedisServer::address);
            deployment.follow(replica, master.unwrap_or(replica)).await?;
        }
        deployment.wait_until_healthy(FORM_LIMIT).await?;
        Ok(deployment)
    }

    /// The backend URL for the proxy, password included. Two nodes are its seeds.
    pub fn url(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password =
            self.options.password.as_deref().map(|text| format!(":{}@", encode(text))).unwrap_or_default();
        let seeds: Vec<String> = self.nodes().iter().take(2).map(ToString::to_string).collect();
        format!("redis-cluster://{password}{}", seeds.join(","))
    }

    /// The addresses of all nodes; the first masters first.
    pub fn nodes(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(RedisServer::address).collect()
    }

    /// The node at this place, in the order of `nodes`: its process can be stopped, continued and killed.
    pub fn node(&mut self, index: usize) -> Option<&mut RedisServer> {
        self.nodes.get_mut(index)
    }

    /// The node at this address.
    pub fn node_at(&mut self, address: SocketAddr) -> Option<&mut RedisServer> {
        self.nodes.iter_mut().find(|node| node.address() == address)
    }

    /// The place of a node in `nodes`.
    pub fn index_of(&self, address: SocketAddr) -> Option<usize> {
        self.nodes.iter().position(|node| node.address() == address)
    }

    /// The password of the nodes.
    pub fn password(&self) -> Option<&str> {
        self.options.password.as_deref()
    }

    /// An authenticated connection to a node.
    pub async fn client(&self, node: SocketAddr) -> Result<Client, Error> {
        connect(node, self.options.password.as_deref()).await
    }

    /// The node that says itself that it owns the slot; the highest epoch if there are several.
    pub async fn master_of(&self, slot: u16) -> Option<SocketAddr> {
        let mut owners = Vec::new();
        for address in self.nodes() {
            let own = self.own_view(address).await;
            owners.extend(own.filter(|own| own.owns(slot)).map(|own| (own.epoch, address)));
        }
        owners.into_iter().max().map(|(_, address)| address)
    }

    /// The replicas that follow this master and answer.
    pub async fn replicas_of(&self, master: SocketAddr) -> Vec<SocketAddr> {
        let Some(id) = self.own_view(master).await.map(|own| own.id) else { return Vec::new() };
        let mut replicas = Vec::new();
        for address in self.nodes() {
            let own = self.own_view(address).await;
            replicas.extend(own.filter(|own| own.master.as_ref() == Some(&id)).map(|_| address));
        }
        replicas
    }

    /// SIGKILL to a node; it is gone when this returns.
    pub fn kill(&mut self, address: SocketAddr) {
        if let Some(node) = self.node_at(address) {
            node.process().kill();
        }
    }

    /// Starts a killed node again: the same member of the cluster, without data.
    pub async fn restart(&mut self, address: SocketAddr) -> Result<(), Error> {
        match self.node_at(address) {
            Some(node) => node.restart(None).await,
            None => Ok(()),
        }
    }

    /// `CLUSTER FAILOVER` on a replica of the slot's master; returns that replica when it says that it owns the slot.
    /// `how`: none, `FORCE` or `TAKEOVER`.
    pub async fn planned_failover(&self, slot: u16, how: Option<&str>) -> Result<SocketAddr, Error> {
        let master = self.master_of(slot).await.ok_or_else(|| nobody("owns the slot"))?;
        let replicas = self.replicas_of(master).await;
        let replica = *replicas.first().ok_or_else(|| nobody("follows the master"))?;
        let command: Vec<&str> = ["CLUSTER", "FAILOVER"].into_iter().chain(how).collect();
        let mut last = Ok(Reply::Nil);
        for _ in 0..ATTEMPTS {
            // Refused when it has become the master just now.
            last = self.ask(replica, &command).await;
            if self.owns(replica, slot, ATTEMPT_LIMIT).await {
                return Ok(replica);
            }
        }
        last.and(Err(nobody("takes over")))
    }

    async fn owns(&self, node: SocketAddr, slot: u16, limit: Duration) -> bool {
        let looked = wait_until("replica owns the slot", limit, || async {
            let own = self.own_view(node).await.filter(|own| own.owns(slot));
            own.ok_or_else(|| "not yet".to_owned())
        });
        looked.await.is_ok()
    }

    /// Moves slots with their keys from one master to another, as `redis-cli --cluster reshard` does.
    pub async fn reshard(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        slots: RangeInclusive<u16>,
    ) -> Result<(), Error> {
        for slot in slots {
            self.open_slot(from, to, slot).await?;
            self.move_keys(from, to, slot).await?;
            self.close_slot(from, to, slot).await?;
        }
        Ok(())
    }

    /// Marks a slot as on its way from one master to another: keys that are not there any more answer ASK.
    pub async fn open_slot(&self, from: SocketAddr, to: SocketAddr, slot: u16) -> Result<(), Error> {
        let (from_id, to_id) = (self.id(from).await?, self.id(to).await?);
        let slot = slot.to_string();
        self.ask(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await?;
        self.ask(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await?;
        Ok(())
    }

    /// Moves all keys of an open slot.
    pub async fn move_keys(&self, from: SocketAddr, to: SocketAddr, slot: u16) -> Result<(), Error> {
        let (slot, host, port) = (slot.to_string(), to.ip().to_string(), to.port().to_string());
        loop {
            let keys = self.ask(from, &["CLUSTER", "GETKEYSINSLOT", &slot, BATCH]).await?;
            let keys: Vec<String> = keys.elements().iter().filter_map(Reply::text).collect();
            if keys.is_empty() {
                return Ok(());
            }
            let mut command = vec!["MIGRATE", &host, &port, "", "0", MOVE_LIMIT];
            if let Some(password) = &self.options.password {
                command.extend(["AUTH", password]);
            }
            command.push("KEYS");
            command.extend(keys.iter().map(String::as_str));
            self.ask(from, &command).await?;
        }
    }

    /// Gives an open slot to its new owner: first to that one, so that it is never without.
    pub async fn close_slot(&self, from: SocketAddr, to: SocketAddr, slot: u16) -> Result<(), Error> {
        let (slot, owner) = (slot.to_string(), self.id(to).await?);
        let command = ["CLUSTER", "SETSLOT", &slot, "NODE", &owner];
        self.ask(to, &command).await?;
        match self.client(from).await?.call(&command).await? {
            // It has heard already that its last slot has gone, and follows the new owner.
            Reply::Error(text) if !text.contains("only with masters") => {
                Err(Error::Reply { what: command.join(" "), reply: text })
            }
            _ => Ok(()),
        }
    }

    /// A further node, a master without slots; its address.
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

    /// Takes a node without slots out of the cluster, and ends it.
    pub async fn remove_node(&mut self, address: SocketAddr) -> Result<(), Error> {
        let id = self.id(address).await?;
        self.kill(address);
        self.nodes.retain(|node| node.address() != address);
        for node in self.nodes() {
            self.ask(node, &["CLUSTER", "FORGET", &id]).await?;
        }
        Ok(())
    }

    /// Returns when every node says that all slots are served and all members there, and every replica is in step.
    pub async fn wait_until_healthy(&self, limit: Duration) -> Result<(), Error> {
        wait_until("healthy cluster", limit, || self.health()).await
    }

    async fn health(&self) -> Result<(), String> {
        let mut first = None;
        for node in self.nodes() {
            let failed = |error: Error| format!("{node}: {error}");
            let info = self.ask(node, &["CLUSTER", "INFO"]).await.map_err(failed)?;
            let info = info.text().unwrap_or_default();
            for wanted in ["cluster_state:ok".to_owned(), format!("cluster_slots_ok:{SLOTS}")] {
                if !info.lines().any(|line| line == wanted) {
                    return Err(format!("{node}: not {wanted}"));
                }
            }
            let view = nodes_of(&self.ask(node, &["CLUSTER", "NODES"]).await.map_err(failed)?);
            if view.len() != self.nodes.len() || view.iter().any(|node| !node.healthy) {
                return Err(format!("{node}: not all nodes are there"));
            }
            let map = shape(&view);
            if *first.get_or_insert_with(|| map.clone()) != map {
                return Err(format!("{node}: not the same map as others"));
            }
            let role = self.ask(node, &["ROLE"]).await.map_err(failed)?;
            let link = role.elements().get(3).and_then(Reply::text);
            if link.is_some_and(|link| link != "connected") {
                return Err(format!("{node}: not in step with its master"));
            }
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
        self.nodes.push(node);
        Ok(address)
    }

    /// An equal part to each master, and an epoch of its own: equal ones would have to be sorted out first.
    async fn share_slots(&self, masters: usize) -> Result<(), Error> {
        for (index, node) in self.nodes().into_iter().enumerate() {
            self.ask(node, &["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]).await?;
            if index < masters {
                let first = usize::from(SLOTS) * index / masters;
                let last = usize::from(SLOTS) * (index + 1) / masters - 1;
                self.ask(node, &["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]).await?;
            }
        }
        Ok(())
    }

    async fn introduce(&self, node: SocketAddr) -> Result<(), Error> {
        let host = Ipv4Addr::LOCALHOST.to_string();
        for known in self.nodes().into_iter().filter(|known| *known != node) {
            self.ask(known, &["CLUSTER", "MEET", &host, &node.port().to_string()]).await?;
        }
        Ok(())
    }

    async fn wait_until_acquainted(&self) -> Result<(), Error> {
        wait_until("every node knows all others", FORM_LIMIT, || async {
            for node in self.nodes() {
                let reply = self.ask(node, &["CLUSTER", "NODES"]).await.map_err(|error| error.to_string())?;
                let known = nodes_of(&reply).iter().filter(|node| node.healthy).count();
                if known != self.nodes.len() {
                    return Err(format!("{node} knows {known}"));
                }
            }
            Ok(())
        })
        .await
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

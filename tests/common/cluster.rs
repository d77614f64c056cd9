//! A cluster with the proxy in front of it, beside one Redis to compare it with.

use std::path::{Path, PathBuf};

use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::process::Process;
use tideover_testbed::server::{RedisOptions, RedisServer};
use tokio::runtime::Runtime;

use super::conn::Conn;
use super::runtime;

/// A cluster behind the proxy, and one Redis; all end when the value is dropped.
pub struct ClusterRig {
    pub proxy: ProxyProcess,
    pub cluster: ClusterDeployment,
    pub one: RedisServer,
    runtime: Runtime,
}

impl ClusterRig {
    /// Starts three masters without replicas, and the proxy with these settings, such as `failover.hold=10s`.
    pub fn start(settings: &[&str]) -> Self {
        Self::with(ClusterOptions { replicas: 0, ..ClusterOptions::default() }, settings)
    }

    /// Starts a cluster of this kind. `TIDEOVER_TEST_SERVER` names another server than `redis-server`.
    pub fn with(options: ClusterOptions, settings: &[&str]) -> Self {
        let runtime = runtime();
        let program = std::env::var_os("TIDEOVER_TEST_SERVER").map(PathBuf::from);
        let options = ClusterOptions { program: program.clone(), ..options };
        let cluster = runtime.block_on(ClusterDeployment::start(options)).unwrap();
        let options = RedisOptions { program, ..RedisOptions::default() };
        let one = runtime.block_on(RedisServer::start(options)).unwrap();
        let args: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
        let proxy = runtime.block_on(ProxyProcess::start(program, &cluster.url(), &args)).unwrap();
        Self { proxy, cluster, one, runtime }
    }

    /// Starts a proxy while all nodes are stopped; the nodes go on when `work` is done with it.
    pub fn blindfolded<T>(&mut self, work: impl FnOnce(&ProxyProcess) -> T) -> (ProxyProcess, T) {
        let nodes = self.cluster.nodes();
        let mut each = |act: fn(&mut Process)| {
            for node in &nodes {
                act(self.cluster.node_at(*node).unwrap().process());
            }
        };
        each(|node| node.stop());
        // The nodes are stopped, but their addresses are known.
        let url = format!("redis-cluster://{}", nodes[0]);
        let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
        let proxy = self.runtime.block_on(ProxyProcess::start(program, &url, &[])).unwrap();
        let done = work(&proxy);
        each(|node| node.cont());
        (proxy, done)
    }

    /// Connects a client to the proxy.
    pub fn client(&self) -> Conn {
        Conn::open(self.proxy.address())
    }

    /// Connects a client to the one Redis.
    pub fn direct(&self) -> Conn {
        Conn::open(self.one.address())
    }

    /// Connects a client to each master.
    pub fn masters(&self) -> Vec<Conn> {
        self.cluster.nodes().into_iter().map(Conn::open).collect()
    }

    /// Runs work on the cluster.
    pub fn run<T>(&mut self, work: impl AsyncFnOnce(&mut ClusterDeployment) -> T) -> T {
        self.runtime.block_on(work(&mut self.cluster))
    }
}

/// Returns the slot of a key.
pub fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.iter().position(|byte| *byte == b'}').filter(|len| *len > 0).map(|len| &rest[..len])
    });
    let crc =
        tag.unwrap_or(key).iter().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        });
    crc % 16384
}

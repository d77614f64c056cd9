//! The addresses at which a program runs: the original, and proxies.

use std::any::Any;
use std::net::SocketAddr;
use std::path::Path;

use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::server::{RedisOptions, RedisServer};
use tokio::runtime::Runtime;

use super::common::LIMIT;

/// What a library takes the address for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Standalone,
    Cluster,
    Sentinel,
}

/// The kind of backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    Fixed,
    Sentinel,
    Cluster,
}

impl Behind {
    pub(crate) const ALL: [Self; 3] = [Self::Fixed, Self::Sentinel, Self::Cluster];
}

/// An address and the processes that serve it, which end with the value.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    _processes: Vec<Box<dyn Any>>,
}

impl Place {
    fn new(address: SocketAddr, processes: Vec<Box<dyn Any>>) -> Self {
        Self { address, _processes: processes }
    }
}

/// Starts what a library of this kind was made for.
pub(crate) fn original(runtime: &Runtime, face: Face) -> Place {
    let (_, address, backend) = match face {
        Face::Standalone => backend(runtime, Behind::Fixed),
        Face::Cluster => backend(runtime, Behind::Cluster),
        Face::Sentinel => backend(runtime, Behind::Sentinel),
    };
    Place::new(address, vec![backend])
}

/// Starts a proxy with this face before a backend of its own.
pub(crate) fn proxied(runtime: &Runtime, face: Face, behind: Behind) -> Place {
    let (url, _, backend) = backend(runtime, behind);
    let face = match face {
        Face::Standalone => "clients.face=standalone",
        Face::Cluster => "clients.face=cluster",
        Face::Sentinel => "clients.face=sentinel",
    };
    let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
    let proxy = runtime.block_on(ProxyProcess::start(program, &url, &["--set", face])).unwrap();
    Place::new(proxy.address(), vec![Box::new(proxy), backend])
}

/// Returns the URL for the proxy, the address for a client, and the processes.
fn backend(runtime: &Runtime, kind: Behind) -> (String, SocketAddr, Box<dyn Any>) {
    match kind {
        Behind::Fixed => {
            let server = runtime.block_on(RedisServer::start(RedisOptions::default())).unwrap();
            (format!("redis://{}", server.address()), server.address(), Box::new(server))
        }
        Behind::Sentinel => {
            let group = runtime.block_on(SentinelDeployment::start(SentinelOptions::default())).unwrap();
            runtime.block_on(group.wait_until_healthy(LIMIT)).unwrap();
            (group.url(), group.sentinels()[0], Box::new(group))
        }
        Behind::Cluster => {
            let options = ClusterOptions { replicas: 0, ..ClusterOptions::default() };
            let cluster = runtime.block_on(ClusterDeployment::start(options)).unwrap();
            (cluster.url(), cluster.nodes()[0], Box::new(cluster))
        }
    }
}

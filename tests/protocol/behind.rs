//! A proxy and what it is in front of.

use std::any::Any;
use std::net::SocketAddr;
use std::path::Path;

use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;

use super::common::conn::Conn;
use super::common::{LIMIT, Rig, runtime};

/// The proxy is in front of sentinels. A case that differs before one server differs there too.
pub(crate) const SENTINELS: &str = "before sentinels: ";

/// The address of a proxy, and its processes, which end when the value is dropped.
pub(crate) struct Behind {
    proxy: SocketAddr,
    _processes: Box<dyn Any>,
}

impl Behind {
    pub(crate) fn one_server(rig: Rig) -> Self {
        Self { proxy: rig.proxy.address(), _processes: Box::new(rig) }
    }

    pub(crate) fn sentinels() -> Self {
        let runtime = runtime();
        let options = SentinelOptions { replicas: 0, sentinels: 1, ..SentinelOptions::default() };
        let deployment = runtime.block_on(SentinelDeployment::start(options)).unwrap();
        runtime.block_on(deployment.wait_until_healthy(LIMIT)).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
        let proxy = runtime.block_on(ProxyProcess::start(program, &deployment.url(), &[])).unwrap();
        Self { proxy: proxy.address(), _processes: Box::new((proxy, deployment, runtime)) }
    }

    /// Connects a client to the proxy.
    pub(crate) fn client(&self) -> Conn {
        Conn::open(self.proxy)
    }
}

#[test]
fn commands_before_sentinels_are_answered_as_by_one_server() {
    use super::{Pair, client, compare_commands, faults, replies, sessions, subscribers, transactions};
    let pair = Pair { bare: Rig::start(), through: Behind::sentinels() };
    let cases = [
        sessions::HELLO,
        sessions::SELECT,
        transactions::CASES,
        client::CASES,
        faults::CASES,
        subscribers::CASES,
        replies::CASES,
    ];
    compare_commands("sentinels", SENTINELS, &pair, &cases.concat());
}

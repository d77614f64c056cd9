//! The base of tests against real servers: one Redis with the proxy in front of it, and a blocking client that returns
//! replies as the bytes that came.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(unreachable_pub, reason = "shared by several test crates")]

pub mod cluster;
pub mod compare;
pub mod conn;
pub mod fake;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tideover_testbed::front::ProxyProcess;
use tideover_testbed::server::{RedisOptions, RedisServer};
use tokio::runtime::Runtime;

use conn::Conn;

/// The longest that anything may take before a test fails.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A Redis and the proxy in front of it; both end when the value is dropped.
pub struct Rig {
    pub proxy: ProxyProcess,
    pub server: RedisServer,
    runtime: Runtime,
}

impl Rig {
    /// Starts both with their defaults.
    pub fn start() -> Self {
        Self::with(&[], &[])
    }

    /// Starts the proxy with these settings, such as `failover.hold=10s`.
    pub fn set(settings: &[&str]) -> Self {
        Self::with(&[], settings)
    }

    /// Starts a Redis with these lines in its config, and a proxy with these settings.
    pub fn with(config: &[&str], settings: &[&str]) -> Self {
        Self::of(config, None, settings)
    }

    /// Starts a Redis whose default user has this password, which the proxy does not know.
    pub fn protected(password: &str, config: &[&str]) -> Self {
        Self::of(config, Some(password), &[])
    }

    fn of(config: &[&str], password: Option<&str>, settings: &[&str]) -> Self {
        let options = RedisOptions {
            config: config.iter().map(|line| (*line).to_owned()).collect(),
            password: password.map(str::to_owned),
            ..RedisOptions::default()
        };
        let runtime = runtime();
        let server = runtime.block_on(RedisServer::start(options)).unwrap();
        let proxy = proxy(&runtime, server.address(), settings);
        Self { proxy, server, runtime }
    }

    /// Connects a client to the proxy.
    pub fn client(&self) -> Conn {
        Conn::open(self.proxy.address())
    }

    /// Connects a client to the server itself.
    pub fn direct(&self) -> Conn {
        Conn::open(self.server.address())
    }

    /// Kills the server and starts it again, empty.
    pub fn restart_server(&mut self) {
        self.runtime.block_on(self.server.restart(None)).unwrap();
    }

    /// Starts another server that follows this one, and waits until it is in sync.
    pub fn replica(&self) -> RedisServer {
        let options = RedisOptions { replica_of: Some(self.server.address()), ..RedisOptions::default() };
        let replica = self.runtime.block_on(RedisServer::start(options)).unwrap();
        let mut direct = self.direct();
        until("the replica is in step", || direct.call("INFO replication").contains("state=online"));
        replica
    }

    /// Counts the server's connections whose line in CLIENT LIST has this text.
    pub fn server_clients(&self, text: &str) -> usize {
        self.direct().call("CLIENT LIST").lines().filter(|line| line.contains(text)).count()
    }

    /// Returns status and body of a GET to the admin listener.
    pub fn admin(&self, path: &str) -> (u16, String) {
        http(self.proxy.admin(), path)
    }

    /// Returns the resident memory of the proxy, in KiB.
    pub fn memory(&mut self) -> usize {
        memory(self.proxy.process().pid())
    }

    /// Fails if the proxy has ended.
    pub fn check_alive(&mut self) {
        self.proxy.process().check_running().unwrap();
    }
}

/// Makes a runtime for starting and ending processes.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Starts a proxy in front of any address.
pub fn proxy(runtime: &Runtime, backend: SocketAddr, settings: &[&str]) -> ProxyProcess {
    let url = format!("redis://{backend}");
    let args: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
    runtime.block_on(ProxyProcess::start(program, &url, &args)).unwrap()
}

/// Waits until the condition holds.
pub fn until(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !look() {
        assert!(Instant::now() < deadline, "did not come about: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the resident memory of a process, in KiB.
pub fn memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Sends one GET and returns status and body.
pub fn http(address: SocketAddr, path: &str) -> (u16, String) {
    let mut conn = Conn::open(address);
    conn.write(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
    let answer = String::from_utf8(conn.rest()).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Random numbers that are the same for the same seed.
pub struct Random(pub u64);

impl Random {
    /// Returns the next number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % bound
    }

    /// Returns one of these.
    pub fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

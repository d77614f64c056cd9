//! Real servers for tests: one master, two replicas, three sentinels on free ports of the loopback.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::config::{Credentials, Kind, Proxy};
use crate::topology::Endpoint;

pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Three nodes and three sentinels; dropping it ends all of them.
pub(super) struct Deployment {
    pub(super) nodes: Vec<Server>,
    pub(super) sentinels: Vec<Server>,
    setup: Setup,
    dir: tempfile::TempDir,
}

pub(super) struct Server {
    pub(super) port: u16,
    child: Child,
    command: Vec<String>,
}

impl Server {
    pub(super) fn start(command: Vec<String>, port: u16) -> Self {
        let child =
            Command::new(&command[0]).args(&command[1..]).stdout(Stdio::null()).stdin(Stdio::null()).spawn();
        let server = Server { port, child: child.unwrap(), command };
        wait_for("server answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal. A process stopped with SIGSTOP keeps its connections open and answers nothing.
    pub(super) fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub(super) fn restart(&mut self) {
        *self = Server::start(self.command.clone(), self.port);
    }

    /// Starts the process again with further options.
    pub(super) fn restart_with(&mut self, options: &[&str]) {
        let mut command = self.command.clone();
        command.extend(options.iter().map(|option| (*option).to_owned()));
        *self = Server::start(command, self.port);
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::new("127.0.0.1", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Deployment {
    pub(super) fn start(down_after: u32) -> Self {
        Self::with(Setup { down_after, ..Setup::default() })
    }

    pub(super) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Deployment { nodes: Vec::new(), sentinels: Vec::new(), setup: Setup::default(), dir }
    }

    pub(super) fn with(setup: Setup) -> Self {
        let ports = free_ports(6);
        let mut deployment = Self::empty();
        deployment.setup = setup;
        for (index, port) in ports[..3].iter().enumerate() {
            let conf = setup.node_conf(*port, if index > 0 { Some(ports[0]) } else { None });
            let command = deployment.command("node", *port, &conf, &[]);
            deployment.nodes.push(Server::start(command, *port));
        }
        for port in &ports[3..] {
            let conf = setup.sentinel_conf(*port, ports[0]);
            let command = deployment.command("sentinel", *port, &conf, &["--sentinel"]);
            deployment.sentinels.push(Server::start(command, *port));
        }
        deployment.wait_until_formed();
        deployment
    }

    pub(super) fn command(&self, name: &str, port: u16, conf: &str, more: &[&str]) -> Vec<String> {
        let dir = self.dir.path().join(format!("{name}-{port}"));
        std::fs::create_dir(&dir).unwrap();
        let file = dir.join("server.conf");
        std::fs::write(&file, format!("{conf}dir {}\n", dir.display())).unwrap();
        let words = ["redis-server", file.to_str().unwrap()];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    fn wait_until_formed(&self) {
        for sentinel in &self.sentinels {
            wait_for("sentinels and replicas know each other", || {
                let reply = ask(sentinel.port, self.setup.sentinel_password, "SENTINEL MASTER m");
                field(&reply, "num-slaves") == Some("2") && field(&reply, "num-other-sentinels") == Some("2")
            });
        }
    }

    pub(super) fn proxy(&self) -> Proxy {
        let sentinels = self.sentinels.iter().map(Server::endpoint).collect();
        self.proxy_with(sentinels)
    }

    pub(super) fn proxy_with(&self, sentinels: Vec<Endpoint>) -> Proxy {
        let kind = Kind::Sentinel {
            sentinels,
            master: "m".into(),
            credentials: self.setup.sentinel_password.map(credentials),
        };
        proxy(kind, self.setup.password.map(credentials))
    }

    pub(super) fn node(&mut self, endpoint: &Endpoint) -> &mut Server {
        self.nodes.iter_mut().find(|node| node.port == endpoint.port).unwrap()
    }
}

/// The options of a deployment.
#[derive(Clone, Copy)]
pub(super) struct Setup {
    pub(super) down_after: u32,
    pub(super) password: Option<&'static str>,
    pub(super) sentinel_password: Option<&'static str>,
    /// The host by which the sentinels' config names the master.
    pub(super) host: &'static str,
    /// Further config lines of the sentinels.
    pub(super) sentinel_lines: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        let host = "127.0.0.1";
        Setup { down_after: 2000, password: None, sentinel_password: None, host, sentinel_lines: "" }
    }
}

impl Setup {
    fn node_conf(&self, port: u16, replica_of: Option<u16>) -> String {
        let mut conf = format!("port {port}\nbind 127.0.0.1\nsave \"\"\nrepl-diskless-sync-delay 0\n");
        if let Some(password) = self.password {
            conf += &format!("requirepass {password}\nmasterauth {password}\n");
        }
        if let Some(master) = replica_of {
            conf += &format!("replicaof 127.0.0.1 {master}\n");
        }
        conf
    }

    fn sentinel_conf(&self, port: u16, master: u16) -> String {
        let Setup { host, down_after, sentinel_lines, .. } = self;
        let mut conf = format!(
            "port {port}\nbind 127.0.0.1\n{sentinel_lines}\nsentinel monitor m {host} {master} 2\n\
             sentinel down-after-milliseconds m {down_after}\nsentinel failover-timeout m 5000\n"
        );
        if let Some(password) = self.password {
            conf += &format!("sentinel auth-pass m {password}\n");
        }
        if let Some(password) = self.sentinel_password {
            conf += &format!("requirepass {password}\nsentinel sentinel-pass {password}\n");
        }
        conf
    }
}

fn credentials(password: &str) -> Credentials {
    Credentials { username: None, password: password.into() }
}

pub(super) fn proxy(kind: Kind, credentials: Option<Credentials>) -> Proxy {
    let mut proxy = crate::config::one_proxy("redis://127.0.0.1:1").unwrap();
    proxy.backend.kind = kind;
    proxy.backend.credentials = credentials;
    proxy
}

pub(super) fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

pub(super) fn wait_for(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends one inline command on a connection of its own, and waits for the reply. It is empty if there is no answer.
pub(super) fn ask(port: u16, password: Option<&str>, command: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    let mut prober = Prober { stream: &mut stream };
    if let Some(password) = password {
        prober.ask(&format!("AUTH {password}"));
    }
    prober.ask(command)
}

pub(super) struct Prober<'a> {
    pub(super) stream: &'a mut TcpStream,
}

impl Prober<'_> {
    pub(super) fn ask(&mut self, command: &str) -> String {
        let mut buffer = [0; 16384];
        let _ = self.stream.set_read_timeout(Some(Duration::from_millis(500)));
        let _ = self.stream.set_nodelay(true);
        let _ = self.stream.write_all(format!("{command}\r\n").as_bytes());
        let read = self.stream.read(&mut buffer).unwrap_or(0);
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    }
}

fn field<'a>(reply: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = reply.lines().filter(|line| !line.starts_with(['$', '*']));
    lines.find(|line| *line == name)?;
    lines.next()
}

//! Discovery against real servers: one master, two replicas, three sentinels on free ports of the loopback.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{driver, once};
use crate::config::{
    Active, AuthMode, Backend, Clients, Credentials, Failover, Kind, Proxy, ReadFrom, Reads, RetryPolicy, Writer,
};
use crate::topology::cell::TopologyCell;
use crate::topology::events::{EventKind, Events};
use crate::topology::{Endpoint, NodeState, Role, Topology, print};

const PATIENCE: Duration = Duration::from_secs(30);

/// Three nodes and three sentinels; all of them end with it.
struct Deployment {
    nodes: Vec<Server>,
    sentinels: Vec<Server>,
    credentials: Option<Credentials>,
    _dir: tempfile::TempDir,
}

struct Server {
    port: u16,
    child: Child,
    command: Vec<String>,
}

impl Server {
    fn start(command: Vec<String>, port: u16) -> Self {
        let child =
            Command::new(&command[0]).args(&command[1..]).stdout(Stdio::null()).stdin(Stdio::null()).spawn();
        let server = Server { port, child: child.unwrap(), command };
        wait_for("server answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        *self = Server::start(self.command.clone(), self.port);
    }

    fn endpoint(&self) -> Endpoint {
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
    fn start(down_after: u32) -> Self {
        Self::with_password(down_after, None)
    }

    fn with_password(down_after: u32, password: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ports = free_ports(6);
        let master = ports[0];
        let mut deployment = Deployment {
            nodes: Vec::new(),
            sentinels: Vec::new(),
            credentials: password.map(|password| Credentials { username: None, password: password.into() }),
            _dir: dir,
        };
        let secret = |line: &str| password.map(|password| format!("{line} {password}\n")).unwrap_or_default();
        for (index, port) in ports[..3].iter().enumerate() {
            let mut conf = format!("port {port}\nbind 127.0.0.1\nsave \"\"\nrepl-diskless-sync-delay 0\n");
            conf += &(secret("requirepass") + &secret("masterauth"));
            if index > 0 {
                conf += &format!("replicaof 127.0.0.1 {master}\n");
            }
            let command = deployment.command("node", *port, &conf, &[]);
            deployment.nodes.push(Server::start(command, *port));
        }
        for port in &ports[3..] {
            let conf = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 {master} 2\n\
                 sentinel down-after-milliseconds m {down_after}\nsentinel failover-timeout m 5000\n{}",
                secret("sentinel auth-pass m")
            );
            let command = deployment.command("sentinel", *port, &conf, &["--sentinel"]);
            deployment.sentinels.push(Server::start(command, *port));
        }
        deployment.wait_until_formed();
        deployment
    }

    fn command(&self, name: &str, port: u16, conf: &str, more: &[&str]) -> Vec<String> {
        let dir = self._dir.path().join(format!("{name}-{port}"));
        std::fs::create_dir(&dir).unwrap();
        let file = dir.join("server.conf");
        std::fs::write(&file, format!("{conf}dir {}\n", dir.display())).unwrap();
        let words = ["redis-server", file.to_str().unwrap()];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    fn wait_until_formed(&self) {
        for sentinel in &self.sentinels {
            wait_for("sentinels and replicas know each other", || {
                let reply = ask(sentinel.port, None, "SENTINEL MASTER m");
                field(&reply, "num-slaves") == Some("2") && field(&reply, "num-other-sentinels") == Some("2")
            });
        }
    }

    fn proxy(&self) -> Proxy {
        let sentinels = self.sentinels.iter().map(Server::endpoint).collect();
        let kind = Kind::Sentinel { sentinels, master: "m".into(), credentials: None };
        proxy(kind, self.credentials.clone())
    }

    fn node(&mut self, endpoint: &Endpoint) -> &mut Server {
        self.nodes.iter_mut().find(|node| node.port == endpoint.port).unwrap()
    }

    fn password(&self) -> Option<&str> {
        self.credentials.as_ref().map(|credentials| credentials.password.as_str())
    }
}

fn proxy(kind: Kind, credentials: Option<Credentials>) -> Proxy {
    Proxy {
        name: "test".into(),
        listen: Vec::new(),
        backend: Backend {
            kind,
            credentials,
            password_file: None,
            sentinel_password_file: None,
            address_map: Default::default(),
        },
        clients: Clients {
            auth: AuthMode::None,
            accept_open_access: false,
            max_clients: 1,
            max_frame: 1024,
            output_buffer: 1024,
            idle_timeout: Duration::ZERO,
        },
        failover: Failover {
            hold: Duration::from_secs(30),
            hold_bytes: 1024,
            retry: RetryPolicy::Idempotent,
            node_timeout: Duration::from_secs(2),
        },
        reads: Reads { from: ReadFrom::Master, max_lag: Duration::from_secs(1) },
        active: Active { writer: Writer::Nearest, failback: Duration::from_secs(30) },
    }
}

/// Discovery in the background of one test.
struct Running {
    cell: Arc<TopologyCell>,
    events: Arc<Events>,
    task: tokio::task::JoinHandle<()>,
    _hints: mpsc::Sender<super::Hint>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    fn start(proxy: Proxy) -> Self {
        let cell = Arc::new(TopologyCell::new());
        let events = Arc::new(Events::new(|| 0));
        let (hints, received) = mpsc::channel(16);
        let task = tokio::spawn(driver::run(proxy, Arc::clone(&cell), Arc::clone(&events), received));
        Running { cell, events, task, _hints: hints }
    }

    /// Waits for a published topology, event driven, and tells when it was seen.
    async fn until(&self, what: &str, accept: impl Fn(&Topology) -> bool) -> (Arc<Topology>, Instant) {
        let mut changed = self.cell.subscribe();
        let found = async {
            loop {
                let topology = self.cell.load();
                if accept(&topology) {
                    return (topology, Instant::now());
                }
                changed.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("never: {what}; now {:?}", self.cell.load()))
    }

    async fn settled(&self) -> Endpoint {
        let (topology, _) = self.until("master and two replicas up", |topology| up(topology) == 3).await;
        master(&topology).unwrap()
    }
}

fn up(topology: &Topology) -> usize {
    let nodes = topology.shards.iter().flat_map(|shard| &shard.nodes);
    if topology.is_complete() { nodes.filter(|node| node.state == NodeState::Up).count() } else { 0 }
}

fn master(topology: &Topology) -> Option<Endpoint> {
    topology.shards.first()?.master_node().map(|node| node.endpoint.clone())
}

fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One inline command on a connection of its own, blocking. Empty when there is no answer.
fn ask(port: u16, password: Option<&str>, command: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    let mut prober = Prober { stream: &mut stream };
    if let Some(password) = password {
        prober.ask(&format!("AUTH {password}"));
    }
    prober.ask(command)
}

struct Prober<'a> {
    stream: &'a mut TcpStream,
}

impl Prober<'_> {
    fn ask(&mut self, command: &str) -> String {
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

/// Writes to every given node each 5 ms; tells when the first write was taken, and where.
fn first_write(ports: Vec<u16>, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<Option<(u16, Instant)>> {
    std::thread::spawn(move || {
        let mut streams: Vec<_> = ports.iter().map(|_| None).collect();
        while !stop.load(Ordering::Relaxed) {
            for (port, stream) in ports.iter().zip(&mut streams) {
                if stream.is_none() {
                    *stream = TcpStream::connect(("127.0.0.1", *port)).ok();
                }
                let Some(open) = stream else { continue };
                let reply = Prober { stream: open }.ask("SET probe 1");
                if reply.starts_with("+OK") {
                    return Some((*port, Instant::now()));
                }
                if reply.is_empty() {
                    *stream = None;
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    })
}

/// Kills the master: (first write taken, our publication) after the kill, and the time between them.
async fn fail_over(deployment: &mut Deployment, running: &Running) -> (Duration, Duration, i64) {
    let old = running.settled().await;
    let others = deployment.nodes.iter().map(|node| node.port).filter(|port| *port != old.port).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = first_write(others, Arc::clone(&stop));
    deployment.node(&old).kill();
    let killed = Instant::now();
    let moved = |topology: &Topology| master(topology).is_some_and(|master| master != old);
    let (topology, published) = running.until("a new master", moved).await;
    let role = ask(master(&topology).unwrap().port, None, "ROLE");
    assert!(role.contains("master"), "{role}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.store(true, Ordering::Relaxed);
    let (port, wrote) = writer.join().unwrap().unwrap();
    assert_eq!(port, master(&topology).unwrap().port);
    let late =
        published.duration_since(killed).as_micros() as i64 - wrote.duration_since(killed).as_micros() as i64;
    (wrote - killed, published - killed, late)
}

#[tokio::test]
async fn a_killed_master_is_replaced_and_its_return_changes_nothing() {
    let mut deployment = Deployment::start(2000);
    let running = Running::start(deployment.proxy());
    let old = running.settled().await;
    let (wrote, published, late) = fail_over(&mut deployment, &running).await;
    println!("first write after {wrote:?}, published after {published:?}, {late} us later");
    let new = master(&running.cell.load()).unwrap();

    // It says master for about 11 s, until Sentinel makes it a replica.
    deployment.node(&old).restart();
    wait_for("the old master says master", || ask(old.port, None, "ROLE").contains("master"));
    let demoted = |topology: &Topology| {
        assert!(master(topology).is_none_or(|master| master == new), "{topology:?}");
        up(topology) == 3
    };
    let (topology, _) = running.until("the old master is a replica", demoted).await;
    let returned = topology.shards[0].nodes.iter().find(|node| node.endpoint == old).unwrap();
    assert_eq!(returned.role, Role::Replica);
    let log = running.events.snapshot();
    assert_eq!(log.failovers, 1, "{log:?}");
    let changed = log.last.iter().find(|event| event.kind == EventKind::MasterChanged).unwrap();
    assert_eq!((changed.from.as_ref(), changed.to.as_ref()), (Some(&old), Some(&new)));
    assert!(changed.outage_ms.is_some_and(|outage| outage > 1500), "{changed:?}");
}

#[tokio::test]
async fn a_planned_failover_is_followed_at_once() {
    let deployment = Deployment::start(2000);
    let running = Running::start(deployment.proxy());
    let old = running.settled().await;
    let others = deployment.nodes.iter().map(|node| node.port).filter(|port| *port != old.port).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = first_write(others, Arc::clone(&stop));
    assert_eq!(ask(deployment.sentinels[1].port, None, "SENTINEL FAILOVER m"), "+OK\r\n");
    let held = |topology: &Topology| topology.shards.first().is_some_and(|shard| shard.master.is_none());
    let (_, held_at) = running.until("held before the promotion", held).await;
    let moved = |topology: &Topology| master(topology).is_some_and(|master| master != old);
    let (_, published) = running.until("a new master", moved).await;
    wait_for("a write is taken", || writer.is_finished());
    let (_, wrote) = writer.join().unwrap().unwrap();
    println!(
        "held {:?} before, published {:?} after the first write",
        wrote - held_at,
        published.saturating_duration_since(wrote)
    );
    assert!(held_at < wrote);
}

#[tokio::test]
async fn finds_a_master_behind_a_password_and_through_one_living_sentinel_address() {
    let mut deployment = Deployment::with_password(2000, Some("secret"));
    let dead = Endpoint::new("127.0.0.1", free_ports(1)[0]);
    let sentinels = vec![dead, deployment.sentinels[2].endpoint()];
    let kind = Kind::Sentinel { sentinels, master: "m".into(), credentials: None };
    let found = once::ask_once(proxy(kind, deployment.credentials.clone())).await;
    assert!(print::is_writable(&found), "{found:?}");
    assert_eq!(master(&found), Some(deployment.nodes[0].endpoint()));
    assert!(
        found.shards[0].nodes.iter().all(|node| node.state == NodeState::Up && node.rtt.is_some()),
        "{found:?}"
    );
    assert!(found.shards[0].nodes.iter().all(|node| node.run_id.is_some()));
    assert_eq!(found.shards[0].nodes.len(), 3);
    assert!(ask(deployment.nodes[0].port, deployment.password(), "ROLE").contains("master"));
    deployment.sentinels[0].kill();
}

#[tokio::test]
async fn a_fixed_node_that_does_not_exist_is_published_and_not_writable() {
    let node = Endpoint::new("127.0.0.1", free_ports(1)[0]);
    let found = once::ask_once(proxy(Kind::Fixed { node: node.clone() }, None)).await;
    assert_eq!(master(&found), Some(node));
    assert!(!print::is_writable(&found));
}

/// Not a test but a measurement: `cargo test measure_failovers -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes a minute and asserts nothing"]
async fn measure_failovers() {
    let mut late = Vec::new();
    for run in 0..8 {
        let mut deployment = Deployment::start(1000);
        let running = Running::start(deployment.proxy());
        let (wrote, published, after) = fail_over(&mut deployment, &running).await;
        println!("run {run}: first write {wrote:?}, published {published:?}, {after} us later");
        late.push(after);
    }
    late.sort_unstable();
    println!("published after the first write, us: median {}, all {late:?}", late[late.len() / 2]);
}

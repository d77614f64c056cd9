//! Discovery against real servers: one master, two replicas, three sentinels on free ports of the loopback.

mod cluster;
mod deployment;
mod reads;

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::sync::mpsc;

use crate::config::{Kind, Proxy};
use crate::topology::cell::TopologyCell;
use crate::topology::events::{EventKind, Events};
use crate::topology::hint::{Hint, HintReason};
use crate::topology::{Endpoint, NodeState, Role, Shard, Topology, print};

use self::deployment::{Deployment, PATIENCE, Prober, Server, Setup, ask, free_ports, proxy, wait_for};
use super::{driver, once};

/// Discovery that runs in the background of one test.
struct Running {
    cell: Arc<TopologyCell>,
    events: Arc<Events>,
    task: tokio::task::JoinHandle<()>,
    hints: mpsc::Sender<Hint>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    fn start(proxy: Proxy) -> Self {
        let cell = Arc::new(TopologyCell::new());
        let events = Arc::new(Events::new(crate::topology::events::CommandCounts::default));
        let (hints, received) = mpsc::channel(16);
        let task = tokio::spawn(driver::run(proxy, Arc::clone(&cell), Arc::clone(&events), received));
        Running { cell, events, task, hints }
    }

    /// Waits for a published topology that is accepted, and returns it with the time at which it was seen.
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

/// Writes to every given node each 5 ms; returns the port of the first node that takes a write, and the time.
fn first_write(ports: Vec<u16>, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<Option<(u16, Instant)>> {
    first_write_of("SET probe 1", ports, stop)
}

fn first_write_of(
    command: &'static str,
    ports: Vec<u16>,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<Option<(u16, Instant)>> {
    std::thread::spawn(move || {
        let mut streams: Vec<_> = ports.iter().map(|_| None).collect();
        while !stop.load(Ordering::Relaxed) {
            for (port, stream) in ports.iter().zip(&mut streams) {
                if stream.is_none() {
                    *stream = TcpStream::connect(("127.0.0.1", *port)).ok();
                }
                let Some(open) = stream else { continue };
                let reply = Prober { stream: open }.ask(command);
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill,
    Freeze,
}

/// Makes the master fail. Returns the times from the fault to the first write that another node takes and to the publication, and
/// the microseconds by which the second is later.
async fn fail_over(
    deployment: &mut Deployment,
    running: &Running,
    fault: Fault,
) -> (Duration, Duration, i64) {
    let old = running.settled().await;
    let others = deployment.nodes.iter().map(|node| node.port).filter(|port| *port != old.port).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = first_write(others, Arc::clone(&stop));
    match fault {
        Fault::Kill => deployment.node(&old).kill(),
        Fault::Freeze => deployment.node(&old).signal(Signal::SIGSTOP),
    }
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
    let (wrote, published, late) = fail_over(&mut deployment, &running, Fault::Kill).await;
    println!("first write after {wrote:?}, published after {published:?}, {late} us later");
    let new = master(&running.cell.load()).unwrap();

    // The old master says that it is a master for about 11 s, until Sentinel makes it a replica.
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
async fn a_frozen_master_is_replaced_although_a_sentinel_is_frozen_too() {
    let mut deployment = Deployment::start(2000);
    let running = Running::start(deployment.proxy());
    let old = running.settled().await;
    deployment.sentinels[0].signal(Signal::SIGSTOP);
    let (wrote, published, late) = fail_over(&mut deployment, &running, Fault::Freeze).await;
    println!("first write after {wrote:?}, published after {published:?}, {late} us later");
    let new = master(&running.cell.load()).unwrap();
    let state = |topology: &Topology| {
        topology.shards[0].nodes.iter().find(|node| node.endpoint == old).unwrap().state
    };
    running.until("the frozen one is down", |topology| state(topology) == NodeState::Silent).await;

    // After they go on, both report what is out of date; the node still says that it is a master.
    deployment.node(&old).signal(Signal::SIGCONT);
    deployment.sentinels[0].signal(Signal::SIGCONT);
    let demoted = |topology: &Topology| {
        assert!(master(topology).is_none_or(|master| master == new), "{topology:?}");
        up(topology) == 3
    };
    running.until("the old master is a replica", demoted).await;
}

#[tokio::test]
async fn a_start_before_anything_is_up_finds_the_master_later_and_keeps_it_without_sentinels() {
    let ports = free_ports(2);
    let kind = Kind::Sentinel {
        sentinels: vec![Endpoint::new("127.0.0.1", ports[1])],
        master: "m".into(),
        credentials: None,
    };
    let running = Running::start(proxy(kind, None));
    let mut deployment = Deployment::empty();
    let conf = format!("port {}\nbind 127.0.0.1\nsave \"\"\n", ports[0]);
    let mut node = Server::start(deployment.command("node", ports[0], &conf, &[]), ports[0]);
    let conf = format!("port {}\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 {} 1\n", ports[1], ports[0]);
    deployment
        .sentinels
        .push(Server::start(deployment.command("sentinel", ports[1], &conf, &["--sentinel"]), ports[1]));
    running.until("the master", |topology| up(topology) == 1).await;
    deployment.sentinels[0].kill();
    node.kill();
    running.until("the master down", |topology| topology.is_complete() && up(topology) == 0).await;
    assert_eq!(master(&running.cell.load()), Some(node.endpoint()));
    // Another process answers, and no sentinel can say that it is still the master: it may have lost its data.
    node.restart();
    running.until("held", |topology| !topology.is_complete()).await;
    deployment.sentinels[0].restart();
    running.until("the master again", |topology| up(topology) == 1).await;
}

#[tokio::test]
async fn finds_a_master_behind_passwords_and_through_one_living_sentinel_address() {
    let setup = Setup { password: Some("secret"), sentinel_password: Some("other"), ..Setup::default() };
    let deployment = Deployment::with(setup);
    let dead = Endpoint::new("127.0.0.1", free_ports(1)[0]);
    let found =
        once::ask_once(deployment.proxy_with(vec![dead, deployment.sentinels[2].endpoint()])).await.topology;
    assert!(print::is_writable(&found), "{found:?}");
    assert_eq!(master(&found), Some(deployment.nodes[0].endpoint()));
    let nodes = &found.shards[0].nodes;
    assert_eq!(nodes.len(), 3);
    assert!(nodes.iter().all(|node| node.state == NodeState::Up && node.rtt.is_some()), "{found:?}");
    assert!(nodes.iter().all(|node| node.run_id.is_some() && node.lag.is_some()), "{found:?}");
}

#[tokio::test]
async fn a_group_that_announces_names_is_followed() {
    let lines = "sentinel resolve-hostnames yes\nsentinel announce-hostnames yes";
    let setup = Setup { host: "localhost", sentinel_lines: lines, ..Setup::default() };
    let mut deployment = Deployment::with(setup);
    let running = Running::start(deployment.proxy());
    let old = running.settled().await;
    assert_eq!(&*old.host, "localhost");
    fail_over(&mut deployment, &running, Fault::Kill).await;
    deployment.node(&old).restart();
    let (topology, _) = running.until("all three are up", |topology| up(topology) == 3).await;
    assert_eq!(topology.shards[0].nodes.len(), 3, "nobody is listed under two names: {topology:?}");
}

#[tokio::test]
async fn without_events_a_failover_is_still_followed() {
    let lines = "user default on nopass sanitize-payload ~* &* +@all -subscribe -psubscribe";
    let mut deployment = Deployment::with(Setup { sentinel_lines: lines, ..Setup::default() });
    let running = Running::start(deployment.proxy());
    let (wrote, published, late) = fail_over(&mut deployment, &running, Fault::Kill).await;
    println!("first write after {wrote:?}, published after {published:?}, {late} us later");
}

#[tokio::test]
async fn a_fixed_node_that_does_not_exist_is_published_and_not_writable() {
    let node = Endpoint::new("127.0.0.1", free_ports(1)[0]);
    let found = once::ask_once(proxy(Kind::Fixed { node: node.clone() }, None)).await.topology;
    assert_eq!(master(&found), Some(node));
    assert!(!print::is_writable(&found));
}

/// A measurement, not a test: `cargo test measure_failovers -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes a minute and asserts nothing"]
async fn measure_failovers() {
    for (name, fault) in [("kill", Fault::Kill), ("freeze", Fault::Freeze)] {
        let mut late = Vec::new();
        for _ in 0..8 {
            let mut deployment = Deployment::start(1000);
            let running = Running::start(deployment.proxy());
            let (wrote, published, after) = fail_over(&mut deployment, &running, fault).await;
            println!("{name}: first write {wrote:?}, published {published:?}, {after} us later");
            late.push(after);
        }
        late.sort_unstable();
        println!(
            "{name}: published after the first write, us: median {}, all {late:?}",
            late[late.len() / 2]
        );
    }
}

/// Causes one fault after the other; after each of them the proxy and all sentinels must agree.
/// Run with `cargo test soak_faults -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes two minutes"]
async fn soak_faults() {
    let mut deployment = Deployment::start(1000);
    let running = Running::start(deployment.proxy());
    for round in 0..6 {
        let old = running.settled().await;
        let started = Instant::now();
        match round % 3 {
            0 => deployment.node(&old).kill(),
            1 => deployment.node(&old).signal(Signal::SIGSTOP),
            _ => {
                // Two failovers at once: forced ones need no vote.
                ask(deployment.sentinels[0].port, None, "SENTINEL FAILOVER m");
                ask(deployment.sentinels[1].port, None, "SENTINEL FAILOVER m");
            }
        }
        let moved = |topology: &Topology| master(topology).is_some_and(|master| master != old);
        let (topology, at) = running.until("a new master", moved).await;
        println!("round {round}: {old} -> {:?} after {:?}", master(&topology), at - started);
        match round % 3 {
            0 => deployment.node(&old).restart(),
            1 => deployment.node(&old).signal(Signal::SIGCONT),
            _ => {}
        }
        let ports: Vec<u16> = deployment.sentinels.iter().map(|sentinel| sentinel.port).collect();
        let cell = Arc::clone(&running.cell);
        let agreed = move || {
            wait_for("all agree", || {
                let port = master(&cell.load()).map(|master| master.port.to_string()).unwrap_or_default();
                let named = |sentinel: &u16| ask(*sentinel, None, "SENTINEL GET-MASTER-ADDR-BY-NAME m");
                up(&cell.load()) == 3 && ports.iter().all(|sentinel| named(sentinel).contains(&port))
            });
        };
        tokio::task::spawn_blocking(agreed).await.unwrap();
    }
    for event in running.events.snapshot().last {
        println!("{} {:?} -> {:?} outage {:?}", event.kind.name(), event.from, event.to, event.outage_ms);
    }
}

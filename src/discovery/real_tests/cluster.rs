//! Discovery against real clusters of three masters and three replicas.

use std::net::SocketAddr;

use super::*;
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};

async fn cluster(options: ClusterOptions) -> (ClusterDeployment, Running) {
    let cluster = ClusterDeployment::start(options).await.unwrap();
    let running = Running::start(crate::config::one_proxy(&cluster.url()).unwrap());
    running.until("six nodes up", |topology| up(topology) == 6).await;
    (cluster, running)
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::new(&address.ip().to_string(), address.port())
}

/// Returns the index of the shard that owns the slot, and its master.
fn owner(topology: &Topology, slot: u16) -> Option<(usize, Endpoint)> {
    let owns = |shard: &Shard| shard.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot));
    let index = topology.shards.iter().position(owns)?;
    Some((index, topology.shards[index].master_node()?.endpoint.clone()))
}

fn slots(topology: &Topology) -> Vec<Vec<(u16, u16)>> {
    topology.shards.iter().map(|shard| shard.slots.clone()).collect()
}

const EVEN: [(u16, u16); 3] = [(0, 5460), (5461, 10921), (10922, 16383)];

/// Kills or freezes a master. Returns the times to the first write that another node takes and to the publication, and the
/// microseconds by which the second is later.
async fn fail_over_shard(
    cluster: &mut ClusterDeployment,
    running: &Running,
    fault: Fault,
) -> (Duration, Duration, i64) {
    let before = running.cell.load();
    let old = cluster.master_of(0).await.unwrap();
    let (index, published_old) = owner(&before, 0).unwrap();
    assert_eq!(published_old, endpoint(old));
    let others = cluster.replicas_of(old).await.iter().map(|replica| replica.port()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    // The key is in slot 0.
    let writer = first_write_of("SET 3560 1", others, Arc::clone(&stop));
    match fault {
        Fault::Kill => cluster.kill(old),
        Fault::Freeze => cluster.node_at(old).unwrap().process().stop(),
    }
    let killed = Instant::now();
    let moved = |topology: &Topology| {
        assert_eq!(slots(topology), slots(&before), "others are not disturbed");
        owner(topology, 0).is_some_and(|(_, master)| master != endpoint(old))
    };
    let (topology, published) = running.until("a new master", moved).await;
    assert_eq!(owner(&topology, 0).unwrap().0, index);
    let wrote = tokio::task::spawn_blocking(move || writer.join().unwrap().unwrap()).await.unwrap();
    assert_eq!(endpoint(([127, 0, 0, 1], wrote.0).into()), owner(&topology, 0).unwrap().1);
    let late = published.duration_since(killed).as_micros() as i64
        - wrote.1.duration_since(killed).as_micros() as i64;
    (wrote.1 - killed, published - killed, late)
}

#[tokio::test]
async fn a_killed_master_of_a_cluster_is_replaced_at_its_place() {
    let (mut cluster, running) = cluster(ClusterOptions::default()).await;
    let first = running.cell.load();
    assert_eq!(slots(&first), EVEN.map(|range| vec![range]));
    let old = owner(&first, 0).unwrap().1;
    let (wrote, published, late) = fail_over_shard(&mut cluster, &running, Fault::Kill).await;
    println!("kill: first write after {wrote:?}, published after {published:?}, {late} us later");
    // On an idle machine it is a tenth of that.
    assert!(late < 1_000_000, "{late} us");
    let log = running.events.snapshot();
    assert_eq!(log.failovers, 1, "{log:?}");
    let changed = log.last.iter().find(|event| event.kind == EventKind::MasterChanged).unwrap();
    assert!(changed.outage_ms.is_some_and(|outage| outage > 1500), "{changed:?}");

    let new = owner(&running.cell.load(), 0).unwrap();
    cluster.restart(([127, 0, 0, 1], old.port).into()).await.unwrap();
    let (topology, _) = running.until("all six are up again", |topology| up(topology) == 6).await;
    assert_eq!(owner(&topology, 0), Some(new));
    let returned = topology.shards[0].nodes.iter().find(|node| node.endpoint == old).unwrap();
    assert_eq!(returned.role, Role::Replica);
}

#[tokio::test]
async fn a_frozen_master_of_a_cluster_is_replaced() {
    let options = ClusterOptions { full_coverage: false, ..ClusterOptions::default() };
    let (mut cluster, running) = cluster(options).await;
    let old = cluster.master_of(0).await.unwrap();
    let (wrote, published, late) = fail_over_shard(&mut cluster, &running, Fault::Freeze).await;
    println!("freeze: first write after {wrote:?}, published after {published:?}, {late} us later");
    let new = owner(&running.cell.load(), 0).unwrap();
    cluster.node_at(old).unwrap().process().cont();
    let back = |topology: &Topology| {
        assert_eq!(owner(topology, 0), Some(new.clone()));
        up(topology) == 6
    };
    running.until("all six are up again", back).await;
}

#[tokio::test]
async fn planned_failovers_of_a_cluster_are_followed() {
    // On a busy machine a short node timeout makes the nodes fail over by themselves in between.
    let (cluster, running) = cluster(ClusterOptions::default()).await;
    // The slot, a write to it, the kind of failover, and true if the data path would give a hint. Masters vote only once in two
    // node timeouts for a replica of the same master, so each case has a shard of its own; TAKEOVER needs no votes.
    let cases = [
        (0, "SET 3560 1", None, false),
        (6000, "SET 29289 1", None, true),
        (12000, "SET 68446 1", Some("FORCE"), true),
        (0, "SET 3560 1", Some("TAKEOVER"), true),
    ];
    for (slot, write, how, hinted) in cases {
        cluster.wait_until_healthy(PATIENCE).await.unwrap();
        let old = cluster.master_of(slot).await.unwrap();
        let new = cluster.replicas_of(old).await[0];
        let index = owner(&running.cell.load(), slot).unwrap().0;
        running.until("map", |topology| owner(topology, slot) == Some((index, endpoint(old)))).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = first_write_of(write, vec![new.port()], Arc::clone(&stop));
        let hints = running.hints.clone();
        let wrote = tokio::task::spawn_blocking(move || {
            let (_, wrote) = writer.join().unwrap().unwrap();
            if hinted {
                // The data path does the same when a command is answered with MOVED.
                hints.blocking_send(Hint { endpoint: endpoint(new), reason: HintReason::Moved }).unwrap();
            }
            wrote
        });
        let (command, published) =
            tokio::join!(async { cluster.planned_failover(slot, how).await.unwrap() }, async {
                running
                    .until("moved", |topology| owner(topology, slot) == Some((index, endpoint(new))))
                    .await
                    .1
            });
        assert_eq!(command, new);
        let late = published.saturating_duration_since(wrote.await.unwrap());
        println!("CLUSTER FAILOVER {how:?}, hint {hinted}: published {late:?} after the first write");
    }
}

#[tokio::test]
async fn slots_that_move_change_ranges_and_no_index() {
    let (mut cluster, running) = cluster(ClusterOptions::default()).await;
    let (from, to) = (cluster.master_of(0).await.unwrap(), cluster.master_of(6000).await.unwrap());
    cluster.reshard(from, to, 100..=109).await.unwrap();
    let hint = |address: SocketAddr| Hint { endpoint: endpoint(address), reason: HintReason::Moved };
    running.hints.send(hint(to)).await.unwrap();
    let expected = vec![vec![(0, 99), (110, 5460)], vec![(100, 109), (5461, 10921)], vec![(10922, 16383)]];
    let asked = Instant::now();
    let (_, published) = running.until("moved slots", |topology| slots(topology) == expected).await;
    println!("reshard: published {:?} after the hint", published - asked);

    let new = cluster.add_node().await.unwrap();
    cluster.open_slot(from, new, 0).await.unwrap();
    running.hints.send(hint(new)).await.unwrap();
    let known = |topology: &Topology| {
        topology
            .shards
            .get(3)
            .and_then(|shard| shard.master_node())
            .is_some_and(|node| node.endpoint == endpoint(new))
    };
    running.until("the new shard while it imports", known).await;
    cluster.move_keys(from, new, 0).await.unwrap();
    cluster.close_slot(from, new, 0).await.unwrap();
    running.hints.send(hint(new)).await.unwrap();
    running.until("its first slot", |topology| owner(topology, 0) == Some((3, endpoint(new)))).await;

    cluster.reshard(new, from, 0..=0).await.unwrap();
    running.hints.send(hint(from)).await.unwrap();
    running.until("its last slot", |topology| owner(topology, 0) == Some((0, endpoint(from)))).await;
    cluster.remove_node(new).await.unwrap();
    let gone = |topology: &Topology| topology.shards.len() == 4 && topology.shards[3].nodes.is_empty();
    running.until("an empty place", gone).await;
    assert_eq!(slots(&running.cell.load())[..3], expected[..3]);
}

#[tokio::test]
async fn a_cluster_is_found_through_one_living_seed_and_a_password() {
    let options = ClusterOptions { password: Some("secret".into()), ..ClusterOptions::default() };
    let cluster = ClusterDeployment::start(options).await.unwrap();
    let dead = free_ports(1)[0];
    let seed = cluster.nodes()[4].port();
    let url = format!("redis-cluster://:secret@127.0.0.1:{dead},localhost:{seed}");
    let found = once::ask_once(crate::config::one_proxy(&url).unwrap()).await.topology;
    assert!(print::is_writable(&found), "{found:?}");
    assert_eq!((found.shards.len(), up(&found)), (3, 6), "{found:?}");
    let mut nodes = found.shards.iter().flat_map(|shard| &shard.nodes);
    assert!(nodes.all(|node| node.run_id.is_some() && node.lag.is_some() && node.rtt.is_some()), "{found:?}");
}

/// A measurement, not a test: `cargo test measure_cluster -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes a minute and asserts little"]
async fn measure_cluster_failovers() {
    for (name, fault) in [("kill", Fault::Kill), ("freeze", Fault::Freeze)] {
        let mut late = Vec::new();
        for _ in 0..5 {
            let (mut cluster, running) = cluster(ClusterOptions::default()).await;
            let (wrote, published, after) = fail_over_shard(&mut cluster, &running, fault).await;
            println!("{name}: first write {wrote:?}, published {published:?}, {after} us later");
            late.push(after);
        }
        late.sort_unstable();
        println!("{name}: published after the first write, us: {late:?}");
    }
}

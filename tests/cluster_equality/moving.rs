//! Makes the same comparison while slots move and masters are replaced: no client may notice.

use std::sync::atomic::{AtomicBool, Ordering};

use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};

use crate::common::cluster::{ClusterRig, slot};
use crate::common::compare::How;
use crate::common::{LIMIT, runtime};
use crate::lines::Lines;
use crate::{compare_replies, compare_values, number_of};

const COMMANDS: usize = 3000;

/// The keys whose slots move: those of every tag, and some without.
const MOVING: [&str; 8] = ["{a}", "{b}", "{user:1}", "s0", "h1", "l2", "t0", "z1"];

/// The commands to leave out while slots move: those whose reply depends on the way that a key has come, those that
/// miss moving keys or count them twice, and WATCH, which a moving key ends.
const NOT_WHILE_MOVING: [&str; 11] = [
    "WATCH",
    "UNWATCH",
    "DBSIZE",
    "KEYS",
    "RANDOMKEY",
    "OBJECT",
    "MEMORY",
    "XINFO",
    "INFO",
    "FLUSHALL",
    "FLUSHDB",
];

/// The commands to leave out at a failover: about what the new master does not know, those that count replicas, and
/// WATCH, which ends with its master.
const NOT_WHILE_MASTERS_CHANGE: [&str; 5] = ["WATCH", "UNWATCH", "SCRIPT", "WAIT", "INFO"];

/// Moves the slot, and all keys in it, to the next master.
async fn pass_on(cluster: &ClusterDeployment, slot: u16) {
    let nodes = cluster.nodes();
    let from = cluster.master_of(slot).await.unwrap();
    let to = nodes[(cluster.index_of(from).unwrap() + 1) % nodes.len()];
    cluster.reshard(from, to, slot..=slot).await.unwrap();
    // Two nodes that raise their epochs at once can lose a slot between them: that is a matter of the cluster.
    cluster.wait_until_healthy(LIMIT).await.unwrap();
}

/// Ends what runs beside a test, even if it fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Compares random commands except these, while `work` is done to the cluster again and again, at most `most` times.
/// Returns how often it was done.
fn compare_beside(
    rig: &ClusterRig,
    without: &[&str],
    label: &str,
    most: usize,
    work: impl AsyncFn(&ClusterDeployment, usize) + Sync,
) -> usize {
    let (seed, stop) = (number_of("TIDEOVER_SEED").unwrap_or(1), AtomicBool::new(false));
    let commands = number_of("TIDEOVER_COMMANDS").map_or(COMMANDS, |count| usize::try_from(count).unwrap());
    let mut lines = Lines::new(seed, 20).take(commands);
    lines.retain(|line| !without.iter().any(|name| line.args[0] == name.as_bytes()));
    // Half of several keys may have moved: such a command has to wait, while the node takes the next one for the other
    // half. The proxy then refuses the first; with nothing behind it, there is nothing to refuse.
    lines.iter_mut().for_each(|line| line.last = line.keys > 1 || line.args == [b"EXEC"]);
    let (mut through, mut itself) = (rig.client(), rig.direct());
    let (cluster, label) = (&rig.cluster, format!("seed {seed}, {label}"));
    let times = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let rounds = (0..most).take_while(|_| !stop.load(Ordering::Relaxed));
            rounds.map(|round| runtime().block_on(work(cluster, round))).count()
        });
        let stopping = Stop(&stop);
        compare_replies(&mut through, &mut itself, &lines, &label, seed);
        drop(stopping);
        worker.join().unwrap()
    });
    println!("{label}: {times} times");
    compare_values(&mut through, &mut itself, &label, seed, &[("PTTL", How::Near)]);
    times
}

#[test]
#[ignore = "make test-failovers"]
fn random_commands_get_the_same_while_slots_move() {
    let rig = ClusterRig::start(&[]);
    let times =
        compare_beside(&rig, &NOT_WHILE_MOVING, "slots moving", usize::MAX, async |cluster, round| {
            pass_on(cluster, slot(MOVING[round % MOVING.len()].as_bytes())).await;
        });
    assert!(times > 3, "{times}");
}

#[test]
fn random_commands_get_the_same_while_masters_change() {
    let rig = ClusterRig::with(ClusterOptions::default(), &[]);
    let work = async |cluster: &ClusterDeployment, round: usize| {
        cluster.planned_failover([0, 8000, 16000][round % 3], None).await.unwrap();
        cluster.wait_until_healthy(LIMIT).await.unwrap();
    };
    // There and back, once for each shard: masters vote for a successor of the same node only once in two node
    // timeouts, and until then its shard takes no writes.
    let times = compare_beside(&rig, &NOT_WHILE_MASTERS_CHANGE, "masters changing", 6, work);
    assert!(times > 0, "{times}");
}

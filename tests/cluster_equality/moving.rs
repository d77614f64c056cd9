//! The same comparison while the slots of the keys move from master to master: no client sees anything of it.

use std::sync::atomic::{AtomicBool, Ordering};

use tideover::demo::cluster::ClusterDeployment;

use crate::common::cluster::ClusterRig;
use crate::common::{LIMIT, runtime};
use crate::compare::How;
use crate::lines::{Line, Lines, slot};
use crate::{compare_replies, compare_values, number_of};

const COMMANDS: usize = 3000;

/// Keys whose slots move: those of every tag, and some without.
const MOVING: [&str; 8] = ["{a}", "{b}", "{user:1}", "s0", "h1", "l2", "t0", "z1"];

/// What the way that a key has come leaves its mark on, what counts keys that are on their way, and WATCH, which a
/// moving key ends.
const NOT_WHILE_MOVING: [&str; 9] =
    ["WATCH", "UNWATCH", "DBSIZE", "KEYS", "RANDOMKEY", "OBJECT", "MEMORY", "XINFO", "INFO"];

fn may_move(line: &Line) -> bool {
    !NOT_WHILE_MOVING.iter().any(|name| line.args[0] == name.as_bytes())
}

/// Gives the slot, and all keys in it, to the next master.
async fn pass_on(cluster: &ClusterDeployment, slot: u16) {
    let nodes = cluster.nodes();
    let from = cluster.master_of(slot).await.unwrap();
    let to = nodes[(cluster.index_of(from).unwrap() + 1) % nodes.len()];
    cluster.reshard(from, to, slot..=slot).await.unwrap();
    // Two that raise their epochs at once can lose a slot between them: that is the cluster's own affair.
    cluster.wait_until_healthy(LIMIT).await.unwrap();
}

/// Ends what runs beside a test, also when that fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn random_commands_get_the_same_while_slots_move() {
    let rig = ClusterRig::start(&[]);
    let (seed, stop) = (number_of("TIDEOVER_SEED").unwrap_or(1), AtomicBool::new(false));
    let commands = number_of("TIDEOVER_COMMANDS").map_or(COMMANDS, |count| usize::try_from(count).unwrap());
    let mut lines = Lines::new(seed, 20).take(commands);
    lines.retain(may_move);
    let (mut through, mut itself) = (rig.client(), rig.direct());
    let cluster = &rig.cluster;
    let moves = std::thread::scope(|scope| {
        let mover = scope.spawn(|| {
            let runtime = runtime();
            let slots = MOVING.iter().cycle().map(|key| slot(key.as_bytes()));
            let until_stopped = slots.take_while(|_| !stop.load(Ordering::Relaxed));
            until_stopped.map(|slot| runtime.block_on(pass_on(cluster, slot))).count()
        });
        let stopping = Stop(&stop);
        let label = format!("seed {seed}, slots moving");
        compare_replies(&mut through, &mut itself, &lines, &label, seed);
        drop(stopping);
        mover.join().unwrap()
    });
    println!("{moves} slots moved");
    assert!(moves > 3, "{moves}");
    compare_values(&mut through, &mut itself, "moving slots", seed, &[("PTTL", How::Near)]);
}

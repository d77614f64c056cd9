//! Random sequences of events: whatever happens, a few invariants hold.

use super::*;

/// A small random number generator: the same seed gives the same sequence everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const NODES: [&str; 4] = ["a", "b", "c", "d"];

fn anything(scene: &mut Scene, dice: &mut Dice) {
    let (host, other, who) = (dice.one(&NODES), dice.one(&NODES), dice.one(&SENTINELS));
    let epoch = 4 + dice.below(5) as u64;
    match dice.below(16) {
        0 => _ = scene.says(who, host, epoch),
        1 => _ = scene.all_say(host, epoch),
        2 => _ = scene.answers(who, Some(host), other, epoch, "master,failover_in_progress"),
        3 => _ = scene.answers(who, None, other, epoch, "master,o_down"),
        4 => _ = scene.sentinel_gone(who),
        5 | 6 => _ = scene.master(host),
        7 => _ = scene.master_with(host, "another", dice.below(2)),
        8 => _ = scene.replica(host, other),
        9 => _ = scene.gone(host),
        10 => _ = scene.loading(host, "another"),
        11 => _ = scene.selects(who, epoch, host, other),
        12 => _ = scene.aborts(who, "slave-timeout"),
        13 => _ = scene.event(who, dice.one(&["+tilt", "-tilt", "+sdown", "garbage"]), "master m a 6379"),
        14 => _ = scene.hint(host, HintReason::ConnectionLost),
        _ => _ = scene.see(Observation::Lost { target: PeerKind::Node(node(host)) }),
    }
}

/// Checks that a new master has just said that it is one, and that epochs do not go down unless that is allowed.
fn check(scene: &Scene, before: usize, story: u64) {
    for index in before..scene.changes.len() {
        let shard = &scene.changes[index].view.shards[0];
        let former = index.checked_sub(1).map(|index| &scene.changes[index].view.shards[0]);
        let lowered = former.is_some_and(|former| shard.epoch < former.epoch);
        assert!(!lowered || scene.changes[index].may_lower_epoch, "story {story}: epoch went down");
        let masters = shard.nodes.iter().filter(|node| node.role == Role::Master).count();
        assert!(masters <= 1, "story {story}: {masters} masters");
        let Some(master) = shard.master_node() else { continue };
        let same =
            former.and_then(Shard::master_node).is_some_and(|former| former.endpoint == master.endpoint);
        let proven = scene.rules.members.all[&master.endpoint].proves_master(scene.now, Duration::ZERO);
        assert!(same || proven, "story {story}: {} is published without proof", master.endpoint);
    }
}

#[test]
fn no_story_makes_a_master_without_proof_or_lowers_an_epoch_in_secret() {
    let mut published = 0;
    for story in 1..=300 {
        let mut dice = Dice(u64::wrapping_mul(story, 0x9E37_79B9_7F4A_7C15));
        let mut scene = Scene::new();
        for _ in 0..300 {
            let before = scene.changes.len();
            anything(&mut scene, &mut dice);
            check(&scene, before, story);
            let before = scene.changes.len();
            let pause = MS * dice.below(400) as u32;
            scene.wait(pause);
            check(&scene, before, story);
        }
        published += scene.changes.len();
    }
    assert!(published > 5000, "the stories tell something: {published}");
}

#[test]
fn after_every_story_a_healthy_group_is_served_again() {
    for story in 1..=100 {
        let mut dice = Dice(u64::wrapping_mul(story, 0x9E37_79B9_7F4A_7C15));
        let mut scene = Scene::new();
        for _ in 0..200 {
            anything(&mut scene, &mut dice);
            let pause = MS * dice.below(400) as u32;
            scene.wait(pause);
        }
        let healthy = dice.one(&NODES);
        for who in SENTINELS {
            scene.event(who, "-tilt", "#tilt mode exited");
        }
        for _ in 0..60 {
            scene.wait(MS * 100).all_say(healthy, 20);
            for host in NODES {
                if host == healthy {
                    scene.master(host)
                } else {
                    scene.replica(host, healthy)
                };
            }
        }
        assert_eq!(scene.published(), Some(healthy), "story {story}: {:?}", scene.rules.serving);
    }
}

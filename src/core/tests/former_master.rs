//! What a former master still says to requests that it was sent while it was the master.

use crate::core::settings::Settings;
use crate::ids::{ClientId, LaneId};
use crate::route::owners::Sharding;

use super::rig::{Rig, THIRDS, settings};

const MILLI: u64 = 1_000;

/// A request is on its way when the shard gets another master.
fn replaced(line: &str) -> (Rig, ClientId, LaneId) {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    rig.say(client, line);
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.gate(Some(2));
    (rig, client, lane)
}

#[test]
fn what_has_come_by_then_is_delivered() {
    let (mut rig, client, lane) = replaced("INCR k");
    rig.reply(lane, ":1\r\n");
    assert_eq!(rig.heard(client), ":1\r\n");
}

#[test]
fn what_it_says_later_is_no_promise() {
    let (mut rig, client, lane) = replaced("INCR k");
    rig.wait(10 * MILLI);
    rig.reply(lane, ":1\r\n");
    assert!(rig.heard(client).starts_with("-UNCERTAIN"));
}

#[test]
fn what_may_run_twice_is_sent_again() {
    for line in ["SET k v", "GET k"] {
        let (mut rig, client, lane) = replaced(line);
        rig.wait(10 * MILLI);
        rig.reply(lane, "+OK\r\n");
        rig.wait(100 * MILLI);
        let lane = rig.connect()[0];
        assert!(rig.sent(lane).contains(line.split(' ').next().unwrap()), "{line}");
        rig.reply(lane, "+OK\r\n");
        assert_eq!(rig.heard(client), "+OK\r\n", "{line}");
    }
}

#[test]
fn what_it_refuses_is_sent_again() {
    let (mut rig, client, lane) = replaced("INCR k");
    rig.wait(10 * MILLI);
    rig.reply(lane, "-READONLY You can't write against a read only replica.\r\n");
    rig.wait(100 * MILLI);
    let lane = rig.connect()[0];
    assert!(rig.sent(lane).contains("INCR"));
    rig.reply(lane, ":1\r\n");
    assert_eq!(rig.heard(client), ":1\r\n");
}

#[test]
fn it_is_not_waited_for_long() {
    let (mut rig, client, _) = replaced("INCR k");
    assert_eq!(rig.heard(client), "");
    rig.wait(100 * MILLI);
    assert!(rig.heard(client).starts_with("-UNCERTAIN"));
}

#[test]
fn a_master_that_did_nothing_for_long_but_says_that_it_lives_gets_its_time_to_answer() {
    for lives in [true, false] {
        let mut rig = Rig::new(settings());
        let client = rig.client();
        rig.say(client, "INCR k");
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.wait(50 * MILLI);
        let probe = rig.connect_probe();
        rig.wait(900 * MILLI);
        rig.sent(probe);
        if lives {
            rig.reply(probe, "$12\r\nrun_id:run\r\n\r\n");
        }
        rig.wait(150 * MILLI);
        rig.gate(Some(2));
        assert_eq!(rig.links.contains_key(&lane.slot), lives);
        if lives {
            rig.reply(lane, ":1\r\n");
            assert_eq!(rig.heard(client), ":1\r\n");
        }
    }
}

/// In front of a cluster each node tells it to all others; elsewhere a former master tells it to nobody.
#[test]
fn a_message_that_a_former_master_of_a_cluster_has_sent_stays_sent() {
    for (sharding, heard) in [(Sharding::Single, "-UNCERTAIN"), (Sharding::Cluster, ":1\r\n")] {
        let mut rig = Rig::new(Settings { sharding: sharding.clone(), ..settings() });
        let client = rig.client();
        rig.say(client, "PUBLISH a m");
        let lane = rig.connect()[0];
        rig.sent(lane);
        match sharding {
            Sharding::Cluster => rig.publish(&[(Some(9), &[(0, 5460)]), THIRDS[1], THIRDS[2]]),
            Sharding::Single | Sharding::Active(_) => rig.gate(Some(2)),
        }
        rig.wait(10 * MILLI);
        rig.reply(lane, ":1\r\n");
        let said = rig.heard(client);
        assert!(said.starts_with(heard), "{said}");
    }
}

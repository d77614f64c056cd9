//! While slots move: what may be refused for one of its keys, although the next command is taken.

use crate::core::settings::Settings;
use crate::route::owners::Sharding;

use super::rig::{Rig, SECOND, settings};

const ASK: &str = "-ASK 3300 node:7001\r\n";

fn names(sent: &str) -> Vec<&str> {
    sent.split("\r\n")
        .filter(|line| ["GET", "SET", "MSET", "MULTI", "EXEC", "ASKING"].contains(line))
        .collect()
}

/// A rig of which the first shard has just sent a request for a key of slot 3300 on.
fn moving() -> (Rig, crate::ids::ClientId) {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..settings() });
    let client = rig.client();
    rig.say(client, "GET b");
    rig.connect();
    let first = rig.lane_to(7000);
    rig.sent(first);
    rig.reply(first, ASK);
    rig.connect();
    let second = rig.lane_to(7001);
    assert_eq!(names(&rig.sent(second)), ["ASKING", "GET"]);
    rig.reply(second, "+OK\r\n$-1\r\n");
    assert_eq!(rig.heard(client), "$-1\r\n");
    (rig, client)
}

#[test]
fn a_command_of_several_keys_stands_alone() {
    let (mut rig, client) = moving();
    rig.say(client, "SET b 0\nMSET {b}x 1 {b}y 2\nGET {b}x");
    let first = rig.lane_to(7000);
    for (sent, reply) in [("SET", "+OK\r\n"), ("MSET", "+OK\r\n"), ("GET", "$1\r\n1\r\n")] {
        assert_eq!(names(&rig.sent(first)), [sent]);
        rig.reply(first, reply);
    }
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n$1\r\n1\r\n");
}

#[test]
fn a_transaction_stands_alone() {
    let (mut rig, client) = moving();
    rig.say(client, "MULTI\nSET {b}x 1\nEXEC\nGET {b}x");
    let first = rig.lane_to(7000);
    assert_eq!(names(&rig.sent(first)), ["MULTI", "SET", "EXEC"]);
    rig.reply(first, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    assert_eq!(names(&rig.sent(first)), ["GET"]);
}

#[test]
fn a_second_later_everything_is_pipelined_again() {
    let (mut rig, client) = moving();
    rig.wait(2 * SECOND);
    rig.say(client, "MSET {b}x 1 {b}y 2\nGET {b}x");
    let first = rig.lane_to(7000);
    assert_eq!(names(&rig.sent(first)), ["MSET", "GET"]);
}

//! Unknown commands at the start, while the nodes have not been asked for theirs.

use super::rig::{Rig, SECOND, settings};
use crate::core::settings::Settings;
use crate::route::owners::Sharding;
use crate::topology::asked::CommandsAsked;

const UNKNOWN: &str = "-ERR unknown command 'NOSUCH', with args beginning with: 'k' \r\n";

fn rig(commands_asked: CommandsAsked) -> Rig {
    Rig::new(Settings { sharding: Sharding::Cluster, commands_asked, ..settings() })
}

#[test]
fn an_unknown_command_waits_until_the_nodes_were_asked_and_others_do_not() {
    let asked = CommandsAsked::default();
    let mut rig = rig(asked.clone());
    let (client, other) = (rig.client(), rig.client());
    rig.say(client, "PING\nNOSUCH k\nPING");
    assert_eq!(rig.heard(client), "+PONG\r\n");
    rig.say(other, "PING");
    assert_eq!(rig.heard(other), "+PONG\r\n");
    rig.wait(SECOND / 2);
    assert_eq!(rig.heard(client), "", "nobody has asked yet");
    asked.set();
    rig.wait(SECOND / 50);
    assert_eq!(rig.heard(client), format!("{UNKNOWN}+PONG\r\n"));
    rig.say(client, "NOSUCH k");
    assert_eq!(rig.heard(client), UNKNOWN, "from now on there is no wait");
}

#[test]
fn nobody_waits_for_long_nor_twice() {
    let mut rig = rig(CommandsAsked::default());
    let client = rig.client();
    rig.wait(9 * SECOND);
    rig.say(client, "NOSUCH k");
    rig.wait(settings().hold - SECOND / 5);
    assert_eq!(rig.heard(client), "");
    rig.wait(SECOND / 2);
    assert_eq!(rig.heard(client), UNKNOWN);
    rig.say(client, "NOSUCH k");
    assert_eq!(rig.heard(client), UNKNOWN);
}

#[test]
fn nobody_waits_once_the_nodes_were_asked_nor_without_hold() {
    let asked = rig(CommandsAsked::already());
    let commands_asked = CommandsAsked::default();
    let without_hold =
        Rig::new(Settings { sharding: Sharding::Cluster, hold: 0, commands_asked, ..settings() });
    for mut rig in [asked, without_hold] {
        let client = rig.client();
        rig.say(client, "NOSUCH k");
        assert_eq!(rig.heard(client), UNKNOWN);
    }
}

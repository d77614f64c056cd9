//! Stories of INFO and its section about the proxy.

use crate::core::settings::Settings;
use crate::route::owners::Sharding;

use super::listening::frame;
use super::rig::{Rig, THIRDS, settings};

fn text(body: &str) -> String {
    format!("${}\r\n{body}\r\n", body.len())
}

#[test]
fn the_section_needs_no_node_and_the_rest_is_the_nodes() {
    let mut rig = Rig::new(settings());
    rig.gate(None);
    let (client, held) = (rig.client(), rig.client());
    rig.say(client, "INFO Proxy");
    let alone = rig.heard(client);
    assert!(alone.contains("\r\n# Proxy\r\ntideover_version:"), "{alone}");
    rig.say(held, "INFO server proxy\nINFO memory\nINFO");
    assert_eq!(rig.heard(held), "");
    rig.gate(Some(1));
    let lane = rig.connect()[0];
    let asked = frame(&["INFO", "server"]) + &frame(&["INFO", "memory"]) + &frame(&["INFO"]);
    assert_eq!(rig.sent(lane), asked);
    let body = "# Replication\r\nrole:slave\r\nslave0:ip=x\r\n";
    rig.reply(lane, &text(body).repeat(2));
    rig.reply(lane, "-NOPERM no\r\n");
    let heard = rig.heard(held);
    let first = heard.split_once("\r\n").unwrap().1;
    assert!(first.starts_with(&format!("{body}\r\n# Proxy\r\ntideover_version:")), "{heard}");
    assert!(heard.ends_with(&(text(body) + "-NOPERM no\r\n")), "{heard}");
    rig.core.client_gone(client);
    rig.core.client_gone(held);
    rig.assert_nothing_left();
}

#[test]
fn an_info_that_was_held_before_the_shards_were_known_has_the_section_too() {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..settings() });
    rig.publish(&[]);
    let client = rig.client();
    rig.say(client, "INFO memory proxy");
    assert_eq!(rig.heard(client), "");
    rig.publish(&THIRDS);
    for lane in rig.connect() {
        assert_eq!(rig.sent(lane), frame(&["INFO", "memory"]));
        rig.reply(lane, &text("# Memory\r\nused_memory:2\r\n"));
    }
    let heard = rig.heard(client);
    assert!(heard.contains("# Memory\r\nused_memory:6\r\n\r\n# Proxy\r\n"), "{heard}");
    assert!(heard.ends_with("\r\nbackend_shards:3\r\n\r\n"), "{heard}");
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

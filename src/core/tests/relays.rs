//! What replicas get as well: what is relayed, when the client has its reply, and that no wait is without end.

use crate::config::Credentials;
use crate::core::relays::LONGEST;
use crate::core::settings::Settings;
use crate::node::relay::Relay;
use crate::route::owners::Sharding;
use crate::topology::Endpoint;

use super::rig::{Rig, settings};

const OK: &str = "+OK\r\n";

fn rig() -> Rig {
    Rig::new(Settings { relays: true, ..settings() })
}

/// The commands for replicas so far, each with the port of the node that has accepted it. All of them are still to be answered.
fn relays(rig: &mut Rig) -> Vec<(u32, u16, String)> {
    let told = std::mem::take(&mut rig.relays).into_iter();
    told.map(|(number, relay)| (number, relay.acceptance.node.port, words(&relay))).collect()
}

fn words(relay: &Relay) -> String {
    let text = String::from_utf8_lossy(&relay.bytes).into_owned();
    let words: Vec<&str> = text.split("\r\n").filter(|part| !part.starts_with(['*', '$'])).collect();
    words.join(" ").trim_end().to_owned()
}

fn done(rig: &mut Rig, number: u32) {
    rig.core.relayed(number);
    rig.turn();
}

#[test]
fn the_client_has_its_reply_when_the_replicas_have_the_command() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "PING\nCONFIG SET maxmemory 1gb replica-priority 0\nACL SETUSER a on\nGET k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, &format!("{OK}+OK\r\n$1\r\nv\r\n"));
    let told = relays(&mut rig);
    let texts: Vec<(u16, &str)> = told.iter().map(|(_, port, text)| (*port, text.as_str())).collect();
    assert_eq!(texts, [(1, "CONFIG SET maxmemory 1gb"), (1, "ACL SETUSER a on")]);
    assert_eq!(rig.heard(client), "+PONG\r\n");
    done(&mut rig, told[1].0);
    assert_eq!(rig.heard(client), "", "the first comes first");
    done(&mut rig, told[0].0);
    assert_eq!(rig.heard(client), format!("{OK}{OK}$1\r\nv\r\n"));
    done(&mut rig, told[0].0);
    assert_eq!(rig.heard(client), "");
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn only_what_was_accepted_and_is_not_of_one_node_is_relayed() {
    for (line, reply, relayed) in [
        ("CONFIG SET maxmemory 1gb", "-ERR no\r\n", false),
        ("CONFIG SET port 1", OK, false),
        ("CONFIG GET port", "*0\r\n", false),
        ("CONFIG RESETSTAT", OK, true),
        ("SLOWLOG RESET", OK, true),
        ("LATENCY RESET", ":0\r\n", true),
        ("SET k v", OK, false),
    ] {
        let mut rig = rig();
        let client = rig.client();
        rig.say(client, line);
        let lane = rig.connect()[0];
        rig.sent(lane);
        rig.reply(lane, reply);
        assert_eq!(relays(&mut rig).len(), usize::from(relayed), "{line}");
        assert_eq!(rig.heard(client), if relayed { "" } else { reply }, "{line}");
        rig.wait(LONGEST);
        assert_eq!(rig.heard(client), if relayed { reply } else { "" }, "{line}");
    }
}

#[test]
fn nothing_is_relayed_where_there_are_no_replicas_or_nobody_wants_it() {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    rig.say(client, "CONFIG SET maxmemory 1gb\nMULTI\nCONFIG SET maxmemory 1gb\nEXEC");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, &format!("{OK}{OK}+QUEUED\r\n*1\r\n{OK}"));
    assert_eq!(rig.heard(client), format!("{OK}{OK}+QUEUED\r\n*1\r\n{OK}"));
    assert!(relays(&mut rig).is_empty());
}

#[test]
fn replicas_judge_the_same_user_as_their_master() {
    let credentials = Credentials { username: Some("ops".into()), password: "secret".into() };
    let backend = Some(std::sync::Arc::new(credentials));
    let mut rig = Rig::new(Settings { relays: true, backend_credentials: backend.clone(), ..settings() });
    let client = rig.client();
    rig.say(client, "ACL SETUSER a on >topsecret");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, OK);
    let (_, relay) = rig.relays.pop().expect("a relay");
    assert_eq!(
        (relay.acceptance.node.clone(), relay.acceptance.identity.clone()),
        (Endpoint::new("node", 1), backend)
    );
    let shown = format!("{relay:?}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_client_that_has_gone_does_not_take_its_command_with_it() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "ACL DELUSER a");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.core.client_gone(client);
    rig.turn();
    rig.reply(lane, ":1\r\n");
    let told = relays(&mut rig);
    assert_eq!(told[0].2, "ACL DELUSER a");
    done(&mut rig, told[0].0);
    rig.assert_nothing_left();
}

#[test]
fn a_client_that_closes_its_half_still_hears_the_reply() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "CONFIG SET maxmemory 1gb");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, OK);
    rig.lose(lane);
    rig.gate(None);
    rig.core.client_eof(client);
    let told = relays(&mut rig);
    done(&mut rig, told[0].0);
    assert_eq!(rig.heard(client), OK);
}

#[test]
fn the_end_of_the_proxy_ends_the_wait() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "CONFIG SET maxmemory 1gb");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, OK);
    rig.core.stop();
    rig.turn();
    assert_eq!(rig.heard(client), OK);
}

#[test]
fn each_shard_of_a_cluster_has_its_own_replicas() {
    let mut rig = Rig::new(Settings { relays: true, sharding: Sharding::Cluster, ..settings() });
    let client = rig.client();
    rig.say(client, "CONFIG SET maxmemory 1gb");
    let lanes = rig.connect();
    assert_eq!(lanes.len(), 3);
    for (lane, reply) in lanes.into_iter().zip([OK, "-ERR no\r\n", OK]) {
        rig.sent(lane);
        rig.reply(lane, reply);
    }
    let told = relays(&mut rig);
    assert_eq!(told.iter().map(|(_, port, _)| *port).collect::<Vec<_>>(), [7000, 7002]);
    assert_eq!(rig.heard(client), "");
    told.iter().for_each(|(number, ..)| done(&mut rig, *number));
    assert_eq!(rig.heard(client), "-ERR no\r\n");
    rig.say(client, "ACL LOAD");
    for port in [7000, 7001, 7002] {
        let lane = rig.lane_to(port);
        assert!(rig.sent(lane).contains("LOAD"), "ACL LOAD goes to {port} as well");
        rig.reply(lane, OK);
    }
    let told = relays(&mut rig);
    assert_eq!(told.iter().map(|(_, port, _)| *port).collect::<Vec<_>>(), [7000, 7001, 7002]);
}

#[test]
fn what_a_transaction_has_changed_is_relayed_when_its_block_has_run() {
    let queued = "+QUEUED\r\n";
    // The reply to the block; whether its CONFIG SET is relayed; EXEC's reply.
    for (block, relayed, expected) in [
        (format!("*3\r\n{OK}{OK}$1\r\nv\r\n"), true, format!("*3\r\n{OK}{OK}$1\r\nv\r\n")),
        (format!("*3\r\n{OK}-ERR no\r\n$1\r\nv\r\n"), false, format!("*3\r\n{OK}-ERR no\r\n$1\r\nv\r\n")),
        ("-EXECABORT no\r\n".to_owned(), false, "-EXECABORT no\r\n".to_owned()),
    ] {
        let mut rig = rig();
        let client = rig.client();
        rig.say(client, "MULTI\nSET a 1\nCONFIG SET maxmemory 1gb\nGET a\nEXEC");
        let lane = rig.connect()[0];
        let sent = rig.sent(lane);
        assert!(sent.contains("maxmemory"), "it is a part of the block: {sent}");
        rig.reply(lane, &format!("{OK}{}", queued.repeat(3)));
        rig.reply(lane, &block);
        let told = relays(&mut rig);
        assert_eq!(told.len(), usize::from(relayed), "{block}");
        let heard = rig.heard(client);
        if let Some((number, port, text)) = told.first() {
            assert_eq!((*port, text.as_str()), (1, "CONFIG SET maxmemory 1gb"));
            assert_eq!(heard, format!("{OK}{}", queued.repeat(3)));
            done(&mut rig, *number);
            assert_eq!(rig.heard(client), expected);
        } else {
            assert_eq!(heard, format!("{OK}{}{expected}", queued.repeat(3)));
        }
        rig.core.client_gone(client);
        rig.assert_nothing_left();
    }
}

#[test]
fn no_more_are_under_way_than_memory_allows() {
    let mut rig = rig();
    let client = rig.client();
    rig.say(client, "CONFIG RESETSTAT");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, OK);
    relays(&mut rig).iter().for_each(|(number, ..)| done(&mut rig, *number));
    rig.heard(client);
    let name = "a".repeat(200 << 10);
    for _ in 0..50 {
        rig.command(client, &["ACL", "SETUSER", &name, "on"]);
        rig.sent(lane);
        rig.reply(lane, OK);
    }
    let told = relays(&mut rig);
    assert_eq!(told.len(), (8 << 20) / (200 << 10), "the others wait for nobody");
    told.iter().for_each(|(number, ..)| done(&mut rig, *number));
    assert_eq!(rig.heard(client), OK.repeat(50));
}

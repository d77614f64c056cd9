//! Stories of the hub: many clients, few subscriptions, nodes that die and slots that move.

use std::collections::BTreeMap;

use crate::core::settings::Settings;
use crate::ids::{ClientId, LaneId};
use crate::reasons::CloseReason;
use crate::route::owners::Sharding;
use crate::topology::{ConfigEpoch, Endpoint, Generation, Node, NodeState, Role, Shard, Topology};

use super::rig::{HOLD_BYTES, Rig, SECOND, settings};

/// The first slot of the second shard. `bar` is before it, `foo` (12182) behind.
pub(super) const MIDDLE: u16 = 8192;

pub(super) fn frame(words: &[&str]) -> String {
    let body: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    format!("*{}\r\n{body}", words.len())
}

pub(super) fn confirmed(kind: &str, name: &str, count: usize) -> String {
    let body: String = [kind, name].iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    format!("*3\r\n{body}:{count}\r\n")
}

pub(super) fn message(channel: &str, text: &str) -> String {
    frame(&["message", channel, text])
}

/// Two shards, whose masters are at ports 1 and 2 unless they are missing.
pub(super) fn two_shards(rig: &mut Rig, masters: [Option<u16>; 2], middle: u16) {
    let slots = [(0, middle - 1), (middle, 16383)];
    let shards = masters.into_iter().zip(slots).map(|(port, slots)| {
        let nodes: Vec<Node> = port
            .map(|port| Node {
                endpoint: Endpoint::new("node", port),
                role: Role::Master,
                state: NodeState::Up,
                run_id: Some("run".into()),
                rtt: None,
                lag: None,
            })
            .into_iter()
            .collect();
        Shard { slots: vec![slots], master: (!nodes.is_empty()).then_some(0), nodes, epoch: ConfigEpoch(1) }
    });
    rig.core.set_topology(&Topology {
        generation: Generation(2),
        shards: shards.collect(),
        asks_password: false,
    });
    rig.turn();
}

pub(super) fn cluster() -> Rig {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..settings() });
    two_shards(&mut rig, [Some(1), Some(2)], MIDDLE);
    rig
}

/// Takes up the connections that are asked for: the lanes by the ports of their nodes.
pub(super) fn connect(rig: &mut Rig) -> BTreeMap<u16, LaneId> {
    let ports: BTreeMap<u32, u16> = rig.wanted.iter().map(|(slot, (_, _, port))| (*slot, *port)).collect();
    rig.connect().into_iter().map(|lane| (ports[&lane.slot], lane)).collect()
}

/// A client that listens to the channel `a`, and the lane.
pub(super) fn listener(rig: &mut Rig) -> (ClientId, LaneId) {
    let client = rig.client();
    rig.say(client, "SUBSCRIBE a");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, &confirmed("subscribe", "a", 1));
    assert_eq!(rig.heard(client), confirmed("subscribe", "a", 1));
    (client, lane)
}

#[test]
fn many_listeners_are_one_subscription() {
    let mut rig = Rig::new(settings());
    let clients: Vec<ClientId> = (0..3).map(|_| rig.client()).collect();
    rig.say(clients[0], "SUBSCRIBE a");
    rig.say(clients[1], "SUBSCRIBE a");
    assert_eq!(rig.wanted.len(), 1);
    let lane = rig.connect()[0];
    assert_eq!(rig.sent(lane), frame(&["SUBSCRIBE", "a"]));
    rig.reply(lane, &confirmed("subscribe", "a", 1));
    assert_eq!(rig.sent(lane), frame(&["SUBSCRIBE", "a#tideover+1"]), "there are two");
    rig.reply(lane, &confirmed("subscribe", "a#tideover+1", 2));
    rig.say(clients[2], "SUBSCRIBE a");
    for client in &clients {
        assert_eq!(rig.heard(*client), confirmed("subscribe", "a", 1));
    }
    let marks = frame(&["UNSUBSCRIBE", "a#tideover+1"]) + &frame(&["SUBSCRIBE", "a#tideover+2"]);
    assert_eq!(rig.sent(lane), marks, "there are three");
    rig.reply(
        lane,
        &(confirmed("unsubscribe", "a#tideover+1", 1) + &confirmed("subscribe", "a#tideover+2", 2)),
    );
    rig.reply(lane, &message("a", "m"));
    for client in &clients {
        assert_eq!(rig.heard(*client), message("a", "m"));
    }
    rig.say(clients[0], "UNSUBSCRIBE");
    rig.core.client_gone(clients[1]);
    rig.reply(lane, &message("a", "n"));
    assert_eq!(rig.heard(clients[0]), confirmed("unsubscribe", "a", 0));
    assert_eq!(rig.heard(clients[2]), message("a", "n"));
    let marks = frame(&["SUBSCRIBE", "a#tideover+1"])
        + &frame(&["UNSUBSCRIBE", "a#tideover+2"])
        + &frame(&["UNSUBSCRIBE", "a#tideover+1"]);
    assert_eq!(rig.sent(lane), marks, "there were two, then one");
    let answers = confirmed("subscribe", "a#tideover+1", 3)
        + &confirmed("unsubscribe", "a#tideover+2", 2)
        + &confirmed("unsubscribe", "a#tideover+1", 1);
    rig.reply(lane, &answers);
    rig.say(clients[2], "RESET");
    assert_eq!(rig.sent(lane), frame(&["UNSUBSCRIBE", "a"]));
    rig.reply(lane, &confirmed("unsubscribe", "a", 0));
    rig.core.client_gone(clients[0]);
    rig.core.client_gone(clients[2]);
    rig.assert_nothing_left();
    assert!(rig.core.hub.audiences.is_empty() && rig.core.hub.audience_keys.is_empty());
}

/// Both listeners leave in one turn. The marks are brought in line at its end, when the channel has nobody left.
#[test]
fn marks_end_with_the_last_listeners_of_a_channel_whose_node_is_lost() {
    let mut rig = Rig::new(settings());
    let (one, lane) = listener(&mut rig);
    let others = [rig.client(), rig.client()];
    rig.say(others[0], "SUBSCRIBE a");
    rig.say(others[1], "SUBSCRIBE b");
    assert_eq!(rig.sent(lane), frame(&["SUBSCRIBE", "a#tideover+1"]) + &frame(&["SUBSCRIBE", "b"]));
    rig.reply(lane, &(confirmed("subscribe", "a#tideover+1", 2) + &confirmed("subscribe", "b", 3)));
    rig.lose(lane);
    rig.core.client_gone(one);
    rig.core.client_gone(others[0]);
    rig.turn();
    let lane = rig.connect()[0];
    assert_eq!(rig.sent(lane), frame(&["SUBSCRIBE", "b"]));
    rig.core.client_gone(others[1]);
    rig.assert_nothing_left();
}

#[test]
fn counts_are_the_clients_own() {
    let mut rig = Rig::new(settings());
    let (_, lane) = listener(&mut rig);
    let client = rig.client();
    rig.say(client, "SUBSCRIBE b a a");
    rig.sent(lane);
    rig.reply(lane, &confirmed("subscribe", "b", 2));
    let expected =
        confirmed("subscribe", "b", 1) + &confirmed("subscribe", "a", 2) + &confirmed("subscribe", "a", 2);
    assert_eq!(rig.heard(client), expected);
    assert_eq!(rig.sent(lane), frame(&["SUBSCRIBE", "a#tideover+1"]));
    rig.reply(lane, &confirmed("subscribe", "a#tideover+1", 3));
    rig.say(client, "SSUBSCRIBE s\nUNSUBSCRIBE none b\nPING");
    assert_eq!(rig.sent(lane), frame(&["SSUBSCRIBE", "s"]));
    rig.reply(lane, &confirmed("ssubscribe", "s", 1));
    assert_eq!(rig.heard(client), confirmed("ssubscribe", "s", 1));
    assert_eq!(rig.sent(lane), frame(&["UNSUBSCRIBE", "b"]));
    rig.reply(lane, &message("b", "late"));
    rig.reply(lane, &confirmed("unsubscribe", "b", 2));
    assert_eq!(rig.heard(client), confirmed("unsubscribe", "none", 2) + &confirmed("unsubscribe", "b", 1));
    assert_eq!(rig.sent(lane), frame(&["PING"]));
    rig.reply(lane, &frame(&["pong", ""]));
    assert_eq!(rig.heard(client), frame(&["pong", ""]));
}

/// Whoever publishes then is told of the right number.
#[test]
fn who_leaves_is_told_so_when_the_node_has_let_go() {
    let mut rig = Rig::new(settings());
    let (client, lane) = listener(&mut rig);
    let other = rig.client();
    rig.say(other, "SUBSCRIBE a b");
    assert_eq!(rig.sent(lane), frame(&["SUBSCRIBE", "b"]));
    rig.reply(lane, &confirmed("subscribe", "b", 2));
    rig.heard(other);
    assert_eq!(rig.sent(lane), frame(&["SUBSCRIBE", "a#tideover+1"]));
    rig.reply(lane, &confirmed("subscribe", "a#tideover+1", 3));
    rig.say(client, "UNSUBSCRIBE");
    assert_eq!(rig.heard(client), confirmed("unsubscribe", "a", 0), "another listens to it");
    assert_eq!(rig.sent(lane), frame(&["UNSUBSCRIBE", "a#tideover+1"]));
    rig.reply(lane, &confirmed("unsubscribe", "a#tideover+1", 2));
    rig.say(other, "UNSUBSCRIBE a b\nGET k");
    assert_eq!(rig.sent(lane), frame(&["UNSUBSCRIBE", "a"]) + &frame(&["UNSUBSCRIBE", "b"]));
    rig.reply(lane, &confirmed("unsubscribe", "a", 1));
    assert_eq!(rig.heard(other), "");
    rig.reply(lane, &confirmed("unsubscribe", "b", 0));
    assert_eq!(rig.heard(other), confirmed("unsubscribe", "a", 1) + &confirmed("unsubscribe", "b", 0));
    let commands = rig.connect()[0];
    assert!(rig.sent(commands).contains("GET"));
}

/// With the connection, or after `node_timeout`: it hears nothing of it all the same.
#[test]
fn who_leaves_does_not_wait_for_a_node_that_is_lost_or_hangs() {
    for hangs in [false, true] {
        let mut rig = Rig::new(settings());
        let (client, lane) = listener(&mut rig);
        rig.say(client, "UNSUBSCRIBE a");
        rig.sent(lane);
        assert_eq!(rig.heard(client), "");
        match hangs {
            true => rig.wait(SECOND + 100_000),
            false => rig.lose(lane),
        }
        assert_eq!(rig.heard(client), confirmed("unsubscribe", "a", 0), "{hangs}");
        rig.core.client_gone(client);
        rig.assert_nothing_left();
    }
}

#[test]
fn what_follows_a_subscription_waits_until_it_stands() {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    rig.say(client, "SUBSCRIBE a\nPING\nGET k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    assert_eq!(rig.heard(client), "");
    rig.reply(lane, &confirmed("subscribe", "a", 1));
    assert_eq!(rig.heard(client), confirmed("subscribe", "a", 1));
    assert_eq!(rig.sent(lane), frame(&["PING"]));
    rig.reply(lane, &frame(&["pong", ""]));
    let heard = rig.heard(client);
    assert!(heard.starts_with(&(frame(&["pong", ""]) + "-ERR Can't execute 'get'")), "{heard}");
}

#[test]
fn a_lost_node_is_left_for_another_shard_at_once() {
    let mut rig = cluster();
    let (client, lane) = listener(&mut rig);
    rig.lose(lane);
    let lanes = connect(&mut rig);
    assert_eq!(lanes.keys().collect::<Vec<_>>(), [&2]);
    assert_eq!(rig.sent(lanes[&2]), frame(&["SUBSCRIBE", "a"]));
    rig.reply(lanes[&2], &confirmed("subscribe", "a", 1));
    rig.reply(lanes[&2], &message("a", "m"));
    assert_eq!(rig.heard(client), message("a", "m"));
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn a_silent_node_is_asked_and_left_after_hold() {
    let mut rig = cluster();
    let (_, lane) = listener(&mut rig);
    rig.wait(SECOND);
    assert_eq!(rig.sent(lane), frame(&["PING"]));
    rig.reply(lane, &frame(&["pong", ""]));
    rig.wait(SECOND);
    assert_eq!(rig.sent(lane), frame(&["PING"]));
    rig.wait(SECOND * 4);
    assert!(connect(&mut rig).is_empty(), "it may have messages that no other node sends");
    rig.wait(SECOND);
    assert_eq!(connect(&mut rig).keys().collect::<Vec<_>>(), [&2]);
}

#[test]
fn channels_of_several_slots_are_confirmed_as_one_command() {
    let mut rig = cluster();
    let client = rig.client();
    rig.say(client, "SSUBSCRIBE foo bar");
    let lanes = connect(&mut rig);
    assert_eq!(rig.sent(lanes[&1]), frame(&["SSUBSCRIBE", "bar"]));
    assert_eq!(rig.sent(lanes[&2]), frame(&["SSUBSCRIBE", "foo"]));
    rig.reply(lanes[&1], &confirmed("ssubscribe", "bar", 1));
    rig.reply(lanes[&1], &frame(&["smessage", "bar", "early"]));
    assert_eq!(rig.heard(client), "");
    rig.reply(lanes[&2], &confirmed("ssubscribe", "foo", 1));
    assert_eq!(rig.heard(client), confirmed("ssubscribe", "foo", 1) + &confirmed("ssubscribe", "bar", 2));
    rig.reply(lanes[&1], &frame(&["smessage", "bar", "m"]));
    assert_eq!(rig.heard(client), frame(&["smessage", "bar", "m"]));
}

#[test]
fn a_shard_channel_follows_its_slot_when_the_node_lets_it_go() {
    let mut rig = cluster();
    let client = rig.client();
    rig.say(client, "SSUBSCRIBE foo bar");
    let lanes = connect(&mut rig);
    rig.sent(lanes[&1]);
    rig.sent(lanes[&2]);
    rig.reply(lanes[&1], &confirmed("ssubscribe", "bar", 1));
    rig.reply(lanes[&2], &confirmed("ssubscribe", "foo", 1));
    rig.heard(client);
    rig.reply(lanes[&2], &confirmed("sunsubscribe", "foo", 0));
    assert_eq!(rig.sent(lanes[&2]), frame(&["SSUBSCRIBE", "foo"]));
    rig.reply(lanes[&2], "-MOVED 12182 node:1\r\n");
    assert_eq!(rig.sent(lanes[&1]), frame(&["SSUBSCRIBE", "foo"]));
    rig.reply(lanes[&1], &confirmed("ssubscribe", "foo", 2));
    rig.reply(lanes[&1], &frame(&["smessage", "foo", "m"]));
    assert_eq!(rig.heard(client), frame(&["smessage", "foo", "m"]));
}

#[test]
fn a_shard_channel_follows_the_topology() {
    let mut rig = cluster();
    let client = rig.client();
    rig.say(client, "SSUBSCRIBE foo bar");
    let lanes = connect(&mut rig);
    rig.sent(lanes[&1]);
    rig.sent(lanes[&2]);
    rig.reply(lanes[&1], &confirmed("ssubscribe", "bar", 1));
    rig.reply(lanes[&2], &confirmed("ssubscribe", "foo", 1));
    rig.heard(client);
    two_shards(&mut rig, [Some(1), Some(2)], 13000);
    assert_eq!(rig.sent(lanes[&1]), frame(&["SSUBSCRIBE", "foo"]));
    assert_eq!(rig.sent(lanes[&2]), frame(&["SUNSUBSCRIBE", "foo"]));
    rig.reply(lanes[&2], "-MOVED 12182 node:1\r\n");
    rig.reply(lanes[&1], &confirmed("ssubscribe", "foo", 2));
    assert_eq!(rig.heard(client), "");
    assert_eq!(rig.closed, []);
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn a_subscription_that_nodes_send_to_and_fro_waits_for_them_to_agree() {
    let mut rig = cluster();
    let client = rig.client();
    rig.say(client, "SSUBSCRIBE foo");
    let mut lane = connect(&mut rig)[&2];
    let mut other = None;
    for hop in 0..100 {
        if !rig.sent(lane).contains("SSUBSCRIBE") {
            assert!(hop < 12, "{hop}");
            return;
        }
        let port = if hop % 2 == 0 { 1 } else { 2 };
        rig.reply(lane, &format!("-MOVED 12182 node:{port}\r\n"));
        let next = other.or_else(|| connect(&mut rig).get(&1).copied());
        other = Some(lane);
        lane = next.unwrap_or(lane);
    }
    panic!("it never waits");
}

#[test]
fn events_of_keys_come_from_every_master_and_all_else_from_one() {
    let mut rig = cluster();
    let client = rig.client();
    rig.say(client, "PSUBSCRIBE *");
    let lanes = connect(&mut rig);
    assert_eq!(lanes.len(), 2);
    for lane in lanes.values() {
        assert_eq!(rig.sent(*lane), frame(&["PSUBSCRIBE", "*"]));
    }
    rig.reply(lanes[&2], &confirmed("psubscribe", "*", 1));
    assert_eq!(rig.heard(client), "", "only one of two nodes would tell");
    rig.reply(lanes[&1], &confirmed("psubscribe", "*", 1));
    assert_eq!(rig.heard(client), confirmed("psubscribe", "*", 1));
    let classic = frame(&["pmessage", "*", "news", "m"]);
    for (port, lane) in &lanes {
        rig.reply(*lane, &classic);
        rig.reply(*lane, &frame(&["pmessage", "*", "__keyevent@0__:set", &format!("key{port}")]));
    }
    let heard = rig.heard(client);
    assert_eq!(heard.matches(&classic).count(), 1, "{heard}");
    assert!(heard.contains("key1") && heard.contains("key2"), "{heard}");
    // The one that told everything dies: the other is confirmed already.
    rig.lose(lanes[&1]);
    rig.reply(lanes[&2], &classic);
    assert_eq!(rig.heard(client), classic);
}

#[test]
fn a_missing_shard_does_not_keep_listeners_of_key_events_waiting() {
    let mut rig = cluster();
    two_shards(&mut rig, [Some(1), None], MIDDLE);
    let client = rig.client();
    rig.say(client, "SUBSCRIBE __keyevent@0__:set");
    let lanes = connect(&mut rig);
    rig.sent(lanes[&1]);
    rig.reply(lanes[&1], &confirmed("subscribe", "__keyevent@0__:set", 1));
    assert_eq!(rig.heard(client), confirmed("subscribe", "__keyevent@0__:set", 1));
    two_shards(&mut rig, [Some(1), Some(2)], MIDDLE);
    let lanes = connect(&mut rig);
    assert_eq!(rig.sent(lanes[&2]), frame(&["SUBSCRIBE", "__keyevent@0__:set"]));
}

#[test]
fn a_refusal_reaches_those_who_asked_and_nobody_else() {
    let mut rig = Rig::new(settings());
    let (listener, lane) = listener(&mut rig);
    let (first, second) = (rig.client(), rig.client());
    rig.say(first, "SUBSCRIBE a secret");
    rig.say(second, "SUBSCRIBE secret b");
    let said = rig.sent(lane);
    assert_eq!(said, frame(&["SUBSCRIBE", "secret"]) + &frame(&["SUBSCRIBE", "b"]));
    let refused = "-NOPERM no permissions\r\n";
    rig.reply(lane, refused);
    assert_eq!((rig.heard(first), rig.heard(second)), (refused.into(), refused.into()));
    assert_eq!(rig.sent(lane), frame(&["UNSUBSCRIBE", "b"]));
    rig.reply(lane, &confirmed("subscribe", "b", 2));
    rig.reply(lane, &confirmed("unsubscribe", "b", 1));
    rig.reply(lane, &message("a", "m"));
    assert_eq!((rig.heard(first), rig.heard(second)), (String::new(), String::new()));
    assert_eq!(rig.heard(listener), message("a", "m"));
    rig.say(first, "GET k");
    assert_eq!(rig.wanted.len(), 1, "it is no subscriber");
}

#[test]
fn a_subscription_that_is_refused_when_it_is_taken_up_again_closes_its_clients() {
    let mut rig = Rig::new(settings());
    let (client, lane) = listener(&mut rig);
    let other = rig.client();
    rig.say(other, "SUBSCRIBE b");
    rig.sent(lane);
    rig.reply(lane, &confirmed("subscribe", "b", 2));
    rig.heard(other);
    rig.lose(lane);
    rig.connect();
    assert_eq!(rig.sent(lane), frame(&["SUBSCRIBE", "a"]) + &frame(&["SUBSCRIBE", "b"]));
    rig.reply(lane, "-NOPERM no permissions\r\n");
    rig.reply(lane, &confirmed("subscribe", "b", 1));
    assert_eq!(rig.closed, [(client, CloseReason::Broken)]);
    assert_eq!(rig.heard(other), "");
}

#[test]
fn a_subscription_is_held_no_longer_than_any_command() {
    let mut rig = Rig::new(settings());
    rig.gate(None);
    let (client, patient) = (rig.client(), rig.client());
    rig.say(client, "SUBSCRIBE a");
    assert!(rig.core.base.holds.counts().0 == 1 && rig.budget.left() < HOLD_BYTES);
    rig.wait(4 * SECOND);
    rig.say(patient, "SUBSCRIBE a");
    rig.wait(2 * SECOND);
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN tideover:"), "{heard}");
    rig.gate(Some(1));
    let lane = rig.connect()[0];
    assert_eq!(rig.sent(lane), frame(&["SUBSCRIBE", "a"]));
    rig.reply(lane, &confirmed("subscribe", "a", 1));
    assert_eq!((rig.heard(client), rig.heard(patient)), (String::new(), confirmed("subscribe", "a", 1)));
    rig.core.client_gone(client);
    rig.core.client_gone(patient);
    rig.assert_nothing_left();
}

#[test]
fn subscriptions_beyond_the_hold_buffer_are_refused_at_once() {
    let mut rig = Rig::new(settings());
    rig.gate(None);
    let mut refused = 0;
    for _ in 0..40 {
        let client = rig.client();
        rig.say(client, &format!("SUBSCRIBE {}", "c".repeat(50_000)));
        refused += usize::from(rig.heard(client).starts_with("-TRYAGAIN"));
    }
    assert!((15..40).contains(&refused), "{refused}");
}

#[test]
fn without_hold_a_subscription_fails_when_its_node_does() {
    let mut rig = Rig::new(Settings { hold: 0, ..settings() });
    let client = rig.client();
    rig.say(client, "SUBSCRIBE a");
    let (_, (lane, connection, _)) = rig.wanted.pop_first().unwrap();
    rig.core.link_closed(lane, connection, crate::failover::Loss::Closed);
    rig.turn();
    assert!(rig.heard(client).starts_with("-TRYAGAIN"));
    rig.gate(None);
    rig.say(client, "SUBSCRIBE a");
    assert!(rig.heard(client).starts_with("-TRYAGAIN"));
}

#[test]
fn other_identities_and_versions_listen_apart() {
    let mut rig = Rig::new(settings());
    let (_, lane) = listener(&mut rig);
    let client = rig.client();
    rig.say(client, "AUTH other");
    let own = rig.connect()[0];
    rig.sent(own);
    rig.reply(own, "+OK\r\n");
    rig.heard(client);
    rig.say(client, "SUBSCRIBE a");
    assert_eq!(rig.sent(lane), "");
    let other = rig.connect()[0];
    assert_eq!(rig.sent(other), frame(&["SUBSCRIBE", "a"]));
    rig.reply(other, "-NOPERM no permissions\r\n");
    assert_eq!(rig.heard(client), "-NOPERM no permissions\r\n");
}

#[test]
fn a_reconnected_lane_is_told_everything_in_pieces() {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    let names: Vec<String> = (0..10_000).map(|n| format!("channel-{n}")).collect();
    let words: Vec<&str> = std::iter::once("SUBSCRIBE").chain(names.iter().map(String::as_str)).collect();
    rig.core.client_input(client, frame(&words).as_bytes());
    rig.turn();
    let lane = rig.connect()[0];
    let mut told = Vec::new();
    for round in 0.. {
        let waiting = rig.core.lane_output(lane).len();
        assert!(waiting < 32 << 10, "{waiting}");
        let sent = rig.sent(lane);
        let new: Vec<String> =
            sent.split("\r\n").filter(|line| line.starts_with("channel-")).map(str::to_owned).collect();
        if new.is_empty() {
            break;
        }
        assert!(round < 100);
        for name in &new {
            rig.reply(lane, &confirmed("subscribe", name, 1));
        }
        told.extend(new);
    }
    assert_eq!(told.len(), names.len());
    assert_eq!(rig.heard(client).matches("subscribe").count(), names.len());
}

/// A held PUBLISH, whose channel somebody listens to over a connection that was lost as well.
fn held_message() -> (Rig, ClientId, LaneId, LaneId) {
    let mut rig = Rig::new(settings());
    let (listener, other) = (rig.client(), rig.client());
    rig.say(listener, "SUBSCRIBE ch");
    let listening = rig.connect()[0];
    assert!(rig.sent(listening).contains("SUBSCRIBE"));
    rig.reply(listening, &confirmed("subscribe", "ch", 1));
    rig.say(other, "SET k v");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n");
    rig.heard(listener);
    rig.heard(other);
    rig.lose(listening);
    rig.lose(lane);
    rig.say(other, "PUBLISH ch m");
    (rig, listener, lane, listening)
}

#[test]
fn what_may_publish_waits_until_it_is_heard() {
    let (mut rig, listener, lane, listening) = held_message();
    let later = rig.wanted.remove(&listening.slot).unwrap();
    assert_eq!(rig.connect(), [lane]);
    assert_eq!(rig.sent(lane), "");
    rig.wanted.insert(listening.slot, later);
    assert_eq!(rig.connect(), [listening]);
    assert!(rig.sent(listening).contains("SUBSCRIBE"));
    rig.wait(5_000);
    assert_eq!(rig.sent(lane), "");
    rig.reply(listening, &confirmed("subscribe", "ch", 1));
    rig.wait(5_000);
    assert!(rig.sent(lane).contains("PUBLISH"));
    rig.reply(listening, &message("ch", "m"));
    rig.reply(lane, ":1\r\n");
    assert_eq!(rig.heard(listener), message("ch", "m"));
}

#[test]
fn what_may_publish_does_not_wait_for_long() {
    let (mut rig, _, lane, listening) = held_message();
    rig.wanted.remove(&listening.slot);
    rig.connect();
    assert_eq!(rig.sent(lane), "");
    rig.wait(60_000);
    assert!(rig.sent(lane).contains("PUBLISH"));
}

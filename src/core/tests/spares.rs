//! Own lanes that change hands: nothing of one client reaches the next, and a client that needs one finds one connected.

use crate::ids::{ClientId, LaneId};

use super::rig::{Rig, SECOND, settings};

const WATCH: &str = "*2\r\n$5\r\nWATCH\r\n$1\r\na\r\n";
const UNWATCH: &str = "*1\r\n$7\r\nUNWATCH\r\n";

fn rig() -> Rig {
    Rig::new(settings())
}

/// A client that watches, and its lane.
fn watching(rig: &mut Rig) -> (ClientId, LaneId) {
    let client = rig.client();
    rig.command(client, &["WATCH", "a"]);
    rig.connect();
    let lane = rig.core.base.clients.get(client).unwrap().dedicated[0];
    assert_eq!(rig.sent(lane), WATCH);
    rig.reply(lane, "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n");
    (client, lane)
}

fn owner(rig: &Rig, lane: LaneId) -> Option<ClientId> {
    rig.core.base.lanes.get(lane).and_then(|lane| lane.key.owner)
}

#[test]
fn a_connection_that_watched_is_taken_once_the_node_has_ended_the_watch() {
    for end in ["UNWATCH", "DISCARD", "RESET"] {
        let mut rig = rig();
        let (client, lane) = watching(&mut rig);
        rig.say(client, if end == "DISCARD" { "MULTI\nDISCARD" } else { end });
        assert_eq!(rig.sent(lane), UNWATCH, "{end}");
        let other = rig.client();
        rig.command(other, &["BLPOP", "b", "0"]);
        assert_ne!(owner(&rig, lane), Some(other), "{end}: not before the node has said so");
        rig.reply(lane, "+OK\r\n");
        let third = rig.client();
        rig.command(third, &["BLPOP", "c", "0"]);
        assert_eq!(owner(&rig, lane), Some(third), "{end}");
        assert!(rig.sent(lane).contains("BLPOP"), "{end}");
    }
}

#[test]
fn a_connection_on_which_the_node_refuses_to_end_the_watch_is_closed() {
    let mut rig = rig();
    let (client, lane) = watching(&mut rig);
    rig.core.client_gone(client);
    rig.turn();
    assert_eq!(rig.sent(lane), UNWATCH);
    rig.reply(lane, "-NOPERM no\r\n");
    assert!(rig.core.base.lanes.get(lane).is_none());
}

/// EXEC ends the watch at the node, so nothing else has to.
#[test]
fn a_connection_is_free_as_soon_as_its_transaction_is_answered() {
    let mut rig = rig();
    let (client, lane) = watching(&mut rig);
    rig.say(client, "MULTI\nSET a 1\nEXEC");
    rig.sent(lane);
    rig.reply(lane, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    assert_eq!((owner(&rig, lane), rig.sent(lane).as_str()), (Some(ClientId::NOBODY), ""));
    let other = rig.client();
    rig.command(other, &["WATCH", "a"]);
    assert_eq!((owner(&rig, lane), rig.sent(lane).as_str()), (Some(other), WATCH));
}

/// The reply to EXEC says nothing of a WATCH behind it.
#[test]
fn a_watch_in_the_same_pipeline_as_the_exec_before_it_is_ended_too() {
    let mut rig = rig();
    let (client, lane) = watching(&mut rig);
    rig.say(client, "MULTI\nSET a 1\nEXEC\nWATCH a\nUNWATCH");
    assert!(rig.sent(lane).ends_with(WATCH));
    rig.reply(lane, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    rig.reply(lane, "+OK\r\n");
    assert_eq!((owner(&rig, lane), rig.sent(lane).as_str()), (Some(ClientId::NOBODY), UNWATCH));
    let other = rig.client();
    rig.command(other, &["WATCH", "a"]);
    assert_ne!(owner(&rig, lane), Some(other), "not before the node has ended the watch");
}

/// What a node may still do or say for a client keeps the connection from the next one.
#[test]
fn a_connection_with_something_under_way_is_closed_with_its_client() {
    let mut rig = rig();
    let client = rig.client();
    rig.command(client, &["BLPOP", "a", "0"]);
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.core.client_gone(client);
    rig.turn();
    assert!(rig.core.base.lanes.get(lane).is_none(), "the node would still give it an element");
    let client = rig.client();
    rig.command(client, &["BLPOP", "a", "0"]);
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "*2\r\n$1\r\na\r\n$1\r\n");
    rig.core.client_gone(client);
    rig.turn();
    assert!(rig.core.base.lanes.get(lane).is_none(), "the rest of the reply is still to come");
}

#[test]
fn sessions_that_differ_do_not_share() {
    let mut rig = rig();
    let client = rig.client();
    rig.command(client, &["BLPOP", "a", "1"]);
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "*-1\r\n");
    assert_eq!(owner(&rig, lane), Some(ClientId::NOBODY));
    let other = rig.client();
    if let Some(other) = rig.core.base.client(other) {
        other.session.db = 5;
    }
    rig.command(other, &["BLPOP", "a", "1"]);
    assert_eq!(owner(&rig, lane), Some(ClientId::NOBODY));
    rig.command(client, &["BLPOP", "a", "1"]);
    assert_eq!(owner(&rig, lane), Some(client));
}

#[test]
fn the_next_client_finds_a_connection_and_one_that_is_not_used_is_closed() {
    let mut rig = rig();
    let (first, second) = (rig.client(), rig.client());
    rig.command(first, &["BLPOP", "a", "0"]);
    let lane = rig.connect()[0];
    rig.sent(lane);
    let spare = rig.connect_spares()[0];
    rig.command(second, &["BLPOP", "b", "0"]);
    assert_eq!(owner(&rig, spare), Some(second));
    assert!(rig.sent(spare).contains("BLPOP"), "at once");
    let next = rig.connect_spares()[0];
    rig.wait(40 * SECOND);
    assert!(rig.core.base.lanes.get(next).is_none(), "nobody has needed it");
    // One that is lost is not replaced before it is needed.
    let third = rig.client();
    rig.command(third, &["BLPOP", "c", "0"]);
    rig.connect();
    let spare = rig.connect_spares()[0];
    rig.lose(spare);
    rig.wait(SECOND);
    assert!(rig.core.base.lanes.get(spare).is_none() && rig.connect_spares().is_empty());
}

#[test]
fn there_are_not_many_spare_connections_after_a_crowd() {
    let mut rig = rig();
    let clients: Vec<ClientId> = (0..100).map(|_| rig.client()).collect();
    for client in &clients {
        rig.command(*client, &["BLPOP", "a", "1"]);
    }
    for lane in rig.connect() {
        rig.sent(lane);
        rig.reply(lane, "*-1\r\n");
    }
    assert_eq!(rig.core.base.spares.len(), 32);
    assert!(rig.core.base.lanes.len() <= 32);
}

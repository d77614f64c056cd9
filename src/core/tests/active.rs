//! Active nodes: all of them take writes, so what counts is that each key has one writer at a time, and that the
//! others are told what each must know.

use std::sync::Arc;

use super::rig::{Piece, Rig, SECOND, THIRDS, policy, settings};
use crate::config::Writer::{self, Key, Nearest};
use crate::config::{Flush, RetryPolicy, WriterRule};
use crate::core::settings::Settings;
use crate::route::owners::Sharding;
use crate::route::testing::active_config;
use crate::route::writers::Writers;

const MILLI: u64 = 1_000;
const ALL: &[(u16, u16)] = &[(0, 16383)];
const NONE: &[(u16, u16)] = &[];

fn active(writer: Writer, rules: &[(&str, Writer)], flush: Flush) -> Settings {
    let rule = |(prefix, writer): &(&str, Writer)| WriterRule { prefix: (*prefix).into(), writer: *writer };
    let config = active_config(writer, rules.iter().map(rule).collect(), flush);
    let sharding = Sharding::Active(Arc::new(Writers::of(&config)));
    Settings { sharding, checks_role: false, policy: policy(RetryPolicy::Reads), ..settings() }
}

/// One writer for all keys, at this port.
fn publish_home(rig: &mut Rig, port: Option<u16>) {
    rig.publish(&[(port, ALL), (None, NONE), (Some(7000), NONE), (Some(7001), NONE), (Some(7002), NONE)]);
}

/// Keys are shared out; the nearest is the first.
fn publish_own(rig: &mut Rig, own: [Piece<'_>; 3]) {
    rig.publish(&[(Some(7000), NONE), (None, NONE), own[0], own[1], own[2]]);
}

fn at_home(settings: Settings) -> Rig {
    let mut rig = Rig::new(settings);
    publish_home(&mut rig, Some(7000));
    rig
}

fn by_key() -> Rig {
    let mut rig = Rig::new(active(Key, &[("home:", Nearest)], Flush::Refuse));
    publish_own(&mut rig, THIRDS);
    rig
}

fn words(sent: &str) -> String {
    let words = sent.split("\r\n").filter(|line| !line.starts_with('*') && !line.starts_with('$'));
    words.collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[test]
fn home_moves_and_what_the_former_node_still_says_is_true() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    rig.say(client, "INCR k\nGET k");
    rig.connect();
    let first = rig.lane_of(0);
    assert_eq!(words(&rig.sent(first)), "INCR k GET k");
    publish_home(&mut rig, Some(7001));
    rig.say(client, "INCR k");
    assert_eq!(rig.sent(first), "");
    rig.wait(10 * MILLI);
    rig.reply(first, ":1\r\n$1\r\n1\r\n");
    assert_eq!(rig.heard(client), ":1\r\n$1\r\n1\r\n");
    rig.wait(100 * MILLI);
    rig.connect();
    let second = rig.lane_to(7001);
    assert_eq!(words(&rig.sent(second)), "INCR k");
    rig.reply(second, ":2\r\n");
    assert_eq!(rig.heard(client), ":2\r\n");
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn what_is_held_while_nobody_is_home_goes_along_in_order() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    publish_home(&mut rig, None);
    rig.say(client, "SET a 1\nSET b 2\nMGET a b");
    assert!(rig.connect().is_empty());
    publish_home(&mut rig, Some(7002));
    rig.connect();
    let lane = rig.lane_to(7002);
    assert_eq!(words(&rig.sent(lane)), "SET a 1 SET b 2 MGET a b");
    rig.reply(lane, "+OK\r\n+OK\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn a_write_on_a_lost_node_is_not_repeated_on_another_but_a_read_is() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    rig.say(client, "SET k v\nGET k");
    rig.connect();
    let first = rig.lane_of(0);
    rig.sent(first);
    publish_home(&mut rig, None);
    rig.lose(first);
    publish_home(&mut rig, Some(7001));
    rig.wait(100 * MILLI);
    rig.connect();
    let second = rig.lane_to(7001);
    assert_eq!(words(&rig.sent(second)), "GET k");
    rig.reply(second, "$-1\r\n");
    let heard = rig.heard(client);
    assert!(heard.starts_with("-UNCERTAIN") && heard.ends_with("$-1\r\n"), "{heard}");
}

#[test]
fn a_node_that_loads_again_is_asked_nothing_more_of_what_it_refused() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    rig.say(client, "SET k v\nGET k");
    rig.connect();
    let first = rig.lane_of(0);
    rig.sent(first);
    rig.reply(first, "-LOADING KeyDB is loading the dataset in memory\r\n$3\r\nold\r\n");
    publish_home(&mut rig, Some(7001));
    rig.wait(100 * MILLI);
    rig.connect();
    let second = rig.lane_to(7001);
    assert_eq!(words(&rig.sent(second)), "SET k v GET k");
    rig.reply(second, "+OK\r\n$1\r\nv\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n$1\r\nv\r\n");
}

#[test]
fn a_redirect_is_the_clients_to_see() {
    let mut rig = by_key();
    let client = rig.client();
    rig.say(client, "GET b");
    rig.connect();
    let lane = rig.lane_of(2);
    rig.sent(lane);
    rig.reply(lane, "-MOVED 3300 node:7001\r\n");
    assert_eq!(rig.heard(client), "-MOVED 3300 node:7001\r\n");
}

#[test]
fn the_slots_of_a_lost_node_go_to_others_with_what_waits_for_them() {
    let mut rig = by_key();
    let client = rig.client();
    // The place of b and f is lost, then shared out between the others.
    publish_own(&mut rig, [(None, THIRDS[0].1), THIRDS[1], THIRDS[2]]);
    rig.say(client, "SET b 1\nAPPEND b 2\nSET f 3\nSET home:x 4");
    rig.connect();
    let home = rig.lane_of(0);
    assert_eq!(words(&rig.sent(home)), "SET home:x 4");
    rig.reply(home, "+OK\r\n");
    publish_own(&mut rig, [(None, NONE), (Some(7001), &[(0, 10922)]), THIRDS[2]]);
    rig.wait(20 * MILLI);
    rig.connect();
    let second = rig.lane_of(3);
    assert_eq!(words(&rig.sent(second)), "SET b 1 APPEND b 2 SET f 3");
    rig.reply(second, "+OK\r\n:2\r\n+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n:2\r\n+OK\r\n+OK\r\n");
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn slots_on_their_way_are_held_until_they_have_arrived() {
    let mut rig = by_key();
    let client = rig.client();
    let watching = rig.client();
    rig.say(client, "SET b 0");
    rig.connect();
    let first = rig.lane_of(2);
    assert_eq!(words(&rig.sent(first)), "SET b 0");
    publish_own(&mut rig, [(Some(7000), NONE), THIRDS[1], THIRDS[2]]);
    rig.say(client, "APPEND b 1\nMGET b c");
    rig.say(watching, "MULTI\nINCR b\nEXEC");
    rig.wait(SECOND / 2);
    assert_eq!(rig.sent(first), "");
    // What the former writer was sent is answered by it, and only then is the next one sent.
    rig.reply(first, "+OK\r\n");
    publish_own(&mut rig, [(Some(7000), NONE), (Some(7001), &[(0, 10922)]), THIRDS[2]]);
    rig.wait(200 * MILLI);
    rig.connect();
    let second = rig.lane_of(3);
    rig.wait(20 * MILLI);
    let sent = words(&rig.sent(second));
    assert!(sent.contains("APPEND b 1") && sent.contains("MULTI INCR b EXEC"), "{sent}");
    let replies = ["+OK\r\n+QUEUED\r\n*1\r\n:1\r\n", ":2\r\n"];
    let in_order = sent.find("MULTI") < sent.find("APPEND");
    let replies: Vec<&str> = if in_order { replies.to_vec() } else { replies.into_iter().rev().collect() };
    rig.reply(second, &replies.concat());
    rig.wait(20 * MILLI);
    let sent = words(&rig.sent(second));
    assert_eq!(sent, "MGET b MGET c");
    rig.reply(second, "*1\r\n$1\r\nB\r\n*1\r\n$1\r\nC\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n:2\r\n*2\r\n$1\r\nB\r\n$1\r\nC\r\n");
    assert_eq!(rig.heard(watching), "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    rig.core.client_gone(client);
    rig.core.client_gone(watching);
    rig.assert_nothing_left();
}

#[test]
fn a_slot_that_nobody_takes_is_answered_in_the_end() {
    let mut rig = by_key();
    let client = rig.client();
    publish_own(&mut rig, [(Some(7000), NONE), THIRDS[1], THIRDS[2]]);
    rig.say(client, "SET b 0");
    rig.wait(6 * SECOND);
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN") && heard.ends_with("not executed\r\n"), "{heard}");
}

#[test]
fn a_flush_is_refused_unless_it_reaches_all_nodes() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    rig.say(client, "FLUSHALL");
    assert!(rig.heard(client).starts_with("-ERR tideover: FLUSHALL is not available here: "));

    let mut rig = at_home(active(Nearest, &[], Flush::All));
    let client = rig.client();
    rig.say(client, "FLUSHALL");
    assert_eq!(rig.connect().len(), 3);
    for place in [2, 3, 4] {
        let lane = rig.lane_of(place);
        assert_eq!(words(&rig.sent(lane)), "FLUSHALL WAIT 2 500", "{place}");
        rig.reply(lane, "+OK\r\n");
    }
    // Every node has flushed, and the others may not all know it yet.
    for place in [2, 3, 4] {
        assert_eq!(rig.heard(client), "");
        let lane = rig.lane_of(place);
        rig.reply(lane, ":2\r\n");
    }
    assert_eq!(rig.heard(client), "+OK\r\n");
    rig.publish(&[(Some(7000), ALL), (None, NONE), (Some(7000), NONE), (None, NONE)]);
    rig.say(client, "FLUSHDB");
    assert!(rig.heard(client).contains("would bring the keys back"));
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn scripts_are_loaded_on_every_node_before_what_uses_them() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    rig.command(client, &["SCRIPT", "LOAD", "return 1"]);
    rig.say(client, "EVALSHA x 0");
    rig.connect();
    for place in [2, 3, 4] {
        let lane = rig.lane_of(place);
        assert_eq!(words(&rig.sent(lane)), "SCRIPT LOAD return 1", "{place}");
        rig.reply(lane, "$1\r\nx\r\n");
    }
    rig.connect();
    let home = rig.lane_of(0);
    assert_eq!(words(&rig.sent(home)), "EVALSHA x 0");
    rig.reply(home, ":1\r\n");
    assert_eq!(rig.heard(client), "$1\r\nx\r\n:1\r\n");
}

#[test]
fn a_node_that_is_lost_while_all_are_told_keeps_nobody_waiting() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    rig.say(client, "SLOWLOG LEN");
    rig.connect();
    for place in [2, 3] {
        let lane = rig.lane_of(place);
        rig.sent(lane);
        rig.reply(lane, ":1\r\n");
    }
    let lost = rig.lane_of(4);
    rig.sent(lost);
    rig.publish(&[(Some(7000), ALL), (None, NONE), (Some(7000), NONE), (Some(7001), NONE), (None, NONE)]);
    rig.lose(lost);
    rig.wait(100 * MILLI);
    assert!(rig.heard(client).starts_with("-TRYAGAIN"));
}

#[test]
fn wait_counts_where_the_writes_went() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    rig.say(client, "WAIT 1 0");
    assert_eq!(rig.connect().len(), 1);
    let home = rig.lane_of(0);
    assert_eq!(words(&rig.sent(home)), "PING WAIT 1 0");
    rig.reply(home, "+PONG\r\n:2\r\n");
    assert_eq!(rig.heard(client), ":2\r\n");

    let mut rig = by_key();
    let client = rig.client();
    rig.say(client, "WAIT 1 0");
    assert_eq!(rig.connect().len(), 3);
    for (place, count) in [(2, 2), (3, 1), (4, 2)] {
        let lane = rig.lane_of(place);
        assert_eq!(words(&rig.sent(lane)), "PING WAIT 1 0");
        rig.reply(lane, &format!("+PONG\r\n:{count}\r\n"));
    }
    assert_eq!(rig.heard(client), ":1\r\n");
}

#[test]
fn info_is_that_of_a_master_and_tells_of_all_nodes() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    rig.say(client, "INFO");
    rig.connect();
    let home = rig.lane_of(0);
    rig.sent(home);
    let text = "# Server\r\nredis_version:6.3.4\r\n\r\n# Replication\r\nrole:active-replica\r\n";
    rig.reply(home, &format!("${}\r\n{text}\r\n", text.len()));
    let heard = rig.heard(client);
    assert!(
        heard.contains("\r\nrole:master\r\n") && heard.contains("\r\nactive_nodes:node:7000=up\r\n"),
        "{heard}"
    );
}

#[test]
fn topics_follow_home_and_wander_nowhere_else() {
    let mut rig = by_key();
    let client = rig.client();
    rig.say(client, "SUBSCRIBE a");
    rig.connect();
    let first = rig.lane_of(0);
    assert_eq!(words(&rig.sent(first)), "SUBSCRIBE a");
    rig.reply(first, "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    assert!(rig.heard(client).contains("subscribe"));
    rig.lose(first);
    rig.wait(SECOND);
    assert_eq!(rig.wanted.values().map(|(_, _, port)| *port).collect::<Vec<_>>(), [7000]);
    rig.publish(&[(Some(7001), NONE), (None, NONE), (None, NONE), (Some(7001), &[(0, 10922)]), THIRDS[2]]);
    rig.wait(SECOND);
    rig.connect();
    let second = rig.lane_to(7001);
    assert_eq!(words(&rig.sent(second)), "SUBSCRIBE a");
    rig.reply(second, "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    rig.reply(second, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    assert!(rig.heard(client).ends_with("$2\r\nhi\r\n"));
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn a_watch_is_lost_when_its_key_gets_another_writer() {
    let mut rig = by_key();
    let client = rig.client();
    rig.say(client, "WATCH b");
    rig.connect();
    let first = rig.lane_of(2);
    rig.sent(first);
    rig.reply(first, "+OK\r\n");
    publish_own(&mut rig, [(Some(7000), NONE), (Some(7001), &[(0, 10922)]), THIRDS[2]]);
    rig.say(client, "MULTI\nSET b 1\nEXEC\nGET b");
    assert_eq!(rig.heard(client), "+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n");
    rig.connect();
    let second = rig.lane_of(3);
    assert_eq!(words(&rig.sent(second)), "GET b");
    rig.reply(second, "$-1\r\n");
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn a_client_waits_for_an_element_where_the_key_is_written_by_then() {
    let mut rig = by_key();
    let client = rig.client();
    rig.say(client, "BLPOP b 0");
    rig.connect();
    let first = rig.lane_of(2);
    rig.sent(first);
    publish_own(&mut rig, [(Some(7000), NONE), (Some(7001), &[(0, 10922)]), THIRDS[2]]);
    // It was asked to let the client go.
    rig.reply(first, "*-1\r\n");
    rig.wait(100 * MILLI);
    rig.connect();
    let second = rig.lane_of(3);
    assert_eq!(words(&rig.sent(second)), "BLPOP b 0");
    rig.reply(second, "*2\r\n$1\r\nb\r\n$1\r\n1\r\n");
    assert_eq!(rig.heard(client), "*2\r\n$1\r\nb\r\n$1\r\n1\r\n");
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn what_a_client_says_behind_a_held_command_is_held_as_well_while_nodes_come_and_go() {
    let mut rig = at_home(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    publish_home(&mut rig, None);
    rig.say(client, "INCR a");
    rig.publish(&[(None, ALL), (None, NONE), (None, NONE), (Some(7001), NONE), (Some(7002), NONE)]);
    rig.say(client, "INCR b");
    publish_home(&mut rig, Some(7001));
    rig.connect();
    let lane = rig.lane_to(7001);
    assert_eq!(words(&rig.sent(lane)), "INCR a INCR b");
}

#[test]
fn what_is_for_all_nodes_waits_for_the_first_of_them() {
    let mut rig = Rig::new(active(Nearest, &[], Flush::Refuse));
    let client = rig.client();
    rig.command(client, &["SCRIPT", "LOAD", "x"]);
    rig.publish(&[(None, ALL), (None, NONE), (None, NONE)]);
    rig.publish(&[(None, ALL), (None, NONE), (Some(7000), NONE)]);
    rig.wait(20 * MILLI);
    rig.connect();
    let lane = rig.lane_of(2);
    assert_eq!(words(&rig.sent(lane)), "SCRIPT LOAD x");
    rig.reply(lane, "$1\r\nx\r\n");
    assert_eq!(rig.heard(client), "$1\r\nx\r\n");
}

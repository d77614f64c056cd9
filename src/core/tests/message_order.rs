//! Stories of the order between messages and the answers to subscribers.

use crate::core::settings::Settings;
use crate::ids::{ClientId, LaneId};

use super::listening::{confirmed, frame, listener, message};
use super::rig::{Rig, SECOND, settings};

fn ping() -> String {
    frame(&["PING"])
}

fn pong() -> String {
    frame(&["pong", ""])
}

/// Another client that listens to the same channel.
fn another(rig: &mut Rig, lane: LaneId) -> ClientId {
    let client = rig.client();
    rig.say(client, "SUBSCRIBE a");
    rig.sent(lane);
    rig.reply(lane, &confirmed("subscribe", "a#tideover+1", 2));
    assert_eq!(rig.heard(client), confirmed("subscribe", "a", 1));
    client
}

#[test]
fn what_was_published_before_comes_before_the_answer() {
    let mut rig = Rig::new(settings());
    let (one, lane) = listener(&mut rig);
    rig.say(one, "PING\nGET k\nPING x");
    assert_eq!(rig.sent(lane), ping(), "one for all that was asked in a turn");
    assert_eq!(rig.heard(one), "");
    rig.reply(lane, &message("a", "m"));
    assert_eq!(rig.heard(one), message("a", "m"));
    rig.say(one, "PING y");
    assert_eq!(rig.sent(lane), ping(), "the first one may be older");
    rig.reply(lane, &pong());
    let heard = rig.heard(one);
    assert!(heard.starts_with(&(pong() + "-ERR Can't execute 'get'")), "{heard}");
    assert!(heard.ends_with(&frame(&["pong", "x"])), "{heard}");
    rig.reply(lane, &(message("a", "n") + &pong()));
    assert_eq!(rig.heard(one), message("a", "n") + &frame(&["pong", "y"]));
    rig.core.client_gone(one);
    rig.assert_nothing_left();
}

#[test]
fn clients_of_a_turn_wait_for_the_same_ping() {
    let mut rig = Rig::new(settings());
    let (one, lane) = listener(&mut rig);
    let (two, stranger) = (another(&mut rig, lane), rig.client());
    for client in [one, two, stranger] {
        rig.core.client_input(client, ping().as_bytes());
    }
    rig.turn();
    assert_eq!(rig.sent(lane), ping());
    assert_eq!([one, two, stranger].map(|client| rig.heard(client)), ["", "", "+PONG\r\n"]);
    rig.core.client_gone(one);
    rig.reply(lane, &pong());
    assert_eq!(rig.heard(two), pong());
}

/// What the lost connection had is lost, and a node that cannot be asked holds nobody up.
#[test]
fn an_answer_does_not_wait_for_a_connection_that_is_lost() {
    for hangs in [false, true] {
        let mut rig = Rig::new(settings());
        let (client, lane) = listener(&mut rig);
        rig.say(client, "PING");
        rig.sent(lane);
        match hangs {
            true => rig.wait(10 * SECOND),
            false => rig.lose(lane),
        }
        assert_eq!(rig.heard(client), pong(), "{hangs}");
        rig.say(client, "PING");
        assert_eq!(rig.heard(client), pong(), "{hangs}");
        rig.core.client_gone(client);
        rig.assert_nothing_left();
    }
}

/// As a server does: it sees the end only behind the PING.
#[test]
fn who_sends_no_more_still_gets_the_answer() {
    let mut rig = Rig::new(settings());
    let (client, lane) = listener(&mut rig);
    rig.say(client, "PING");
    rig.core.client_eof(client);
    rig.turn();
    assert!(rig.closed.is_empty());
    assert_eq!(rig.sent(lane), ping());
    rig.reply(lane, &pong());
    assert_eq!(rig.heard(client), pong());
    rig.turn();
    assert_eq!(rig.closed.len(), 1);
}

/// A user may lack the right to PING, and a script may keep the node busy: the error says as much as a PONG.
#[test]
fn an_error_in_place_of_the_pong_is_as_good() {
    let mut rig = Rig::new(Settings { shares_subscriptions: false, ..settings() });
    let (client, lane) = listener(&mut rig);
    rig.say(client, "PING");
    rig.sent(lane);
    rig.reply(lane, "-NOPERM this user has no permissions to run the 'ping' command\r\n");
    assert_eq!(rig.heard(client), pong());
    rig.say(client, "PING\nQUIT");
    rig.sent(lane);
    rig.reply(lane, &pong());
    assert_eq!(rig.heard(client), pong() + "+OK\r\n");
    rig.turn();
    assert_eq!(rig.closed.len(), 1);
    rig.assert_nothing_left();
}

//! Stories of audiences that move from one home to another: nothing is missed as long as the former node tells on, and who
//! may have missed something is told.

use crate::client::failure_replies::FailureReplies;
use crate::config::{OnUnknown, one_proxy};
use crate::core::settings::Settings;
use crate::ids::{ClientId, LaneId};
use crate::reasons::CloseReason;
use crate::resp::pubsub::Space;
use crate::route::owners::Sharding;

use super::listening::{MIDDLE, cluster, confirmed, connect, frame, listener, message, two_shards};
use super::rig::{Rig, SECOND, settings};

/// A moment in which what is on its way arrives, in microseconds.
const MOMENT: u64 = 50_000;

/// A client that is to learn of what it may have missed by the end of its connection; it listens to `a`.
fn watchful() -> (Rig, ClientId, LaneId) {
    let mut proxy = one_proxy("redis://node").unwrap();
    proxy.failover.answers.on_unknown = OnUnknown::Close;
    let failures = FailureReplies::of(&proxy.failover);
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, failures, ..settings() });
    two_shards(&mut rig, [Some(1), Some(2)], MIDDLE);
    let (client, lane) = listener(&mut rig);
    (rig, client, lane)
}

/// The same while its home's node has a successor, at port 3: the lanes of the former and of the next home.
fn on_its_way() -> (Rig, ClientId, LaneId, LaneId) {
    let (mut rig, client, former) = watchful();
    two_shards(&mut rig, [Some(3), Some(2)], MIDDLE);
    rig.wait(MOMENT);
    let lanes = connect(&mut rig);
    assert_eq!(lanes.keys().collect::<Vec<_>>(), [&2], "the former node tells on");
    (rig, client, former, lanes[&2])
}

fn pong(rig: &mut Rig, lane: LaneId) {
    assert_eq!(rig.sent(lane), frame(&["PING"]));
    rig.now += 1;
    rig.core.set_now(rig.now);
    rig.reply(lane, &frame(&["pong", ""]));
}

/// Returns whether the client has been told that it may have missed messages.
fn is_told(rig: &mut Rig, client: ClientId) -> bool {
    rig.heard(client);
    rig.closed.contains(&(client, CloseReason::Unknown))
}

#[test]
fn a_master_that_was_replaced_by_plan_is_listened_to_until_another_node_is() {
    let (mut rig, client, former, next) = on_its_way();
    rig.reply(former, &message("a", "1"));
    assert_eq!(rig.sent(next), frame(&["SUBSCRIBE", "a"]));
    rig.reply(next, &confirmed("subscribe", "a", 1));
    // Both tell, and one may be ahead of the other.
    rig.reply(former, &message("a", "2"));
    rig.reply(next, &message("a", "2"));
    rig.reply(next, &message("a", "3"));
    rig.reply(next, &message("a", "4"));
    rig.reply(former, &message("a", "3"));
    assert_eq!(rig.heard(client), ["1", "2", "3"].map(|text| message("a", text)).concat());
    rig.wait(4 * MOMENT);
    pong(&mut rig, former);
    pong(&mut rig, next);
    rig.wait(2 * MOMENT);
    assert_eq!(rig.heard(client), message("a", "4"));
    assert!(!rig.links.contains_key(&former.slot), "it is no master");
    assert!(connect(&mut rig).is_empty(), "nobody listens to its successor");
    rig.reply(next, &message("a", "5"));
    assert_eq!(rig.heard(client), message("a", "5"));
    assert_eq!(rig.closed, []);
    rig.core.client_gone(client);
    rig.assert_nothing_left();
}

#[test]
fn a_home_without_a_master_is_left_only_for_one_that_tells() {
    let (mut rig, client, former) = watchful();
    two_shards(&mut rig, [None, Some(2)], MIDDLE);
    rig.wait(MOMENT);
    let next = connect(&mut rig)[&2];
    rig.reply(former, &message("a", "1"));
    rig.sent(next);
    rig.reply(next, &confirmed("subscribe", "a", 1));
    rig.reply(next, &message("a", "2"));
    assert_eq!(rig.heard(client), message("a", "1"));
    rig.wait(4 * MOMENT);
    // Its node is there still, and says so: nothing was missed.
    rig.reply(former, &frame(&["pong", ""]));
    pong(&mut rig, next);
    rig.wait(2 * MOMENT);
    rig.reply(next, &message("a", "3"));
    let expected = message("a", "2") + &message("a", "3");
    assert_eq!((rig.heard(client), rig.closed.len()), (expected, 0));
}

#[test]
fn a_former_home_that_does_not_prove_to_live_may_have_had_messages() {
    let (mut rig, client, former, next) = on_its_way();
    rig.sent(next);
    rig.reply(next, &confirmed("subscribe", "a", 1));
    rig.wait(4 * MOMENT);
    pong(&mut rig, next);
    assert!(!is_told(&mut rig, client));
    rig.wait(SECOND);
    assert!(is_told(&mut rig, client));
    assert!(!rig.links.contains_key(&former.slot));
}

#[test]
fn a_former_home_that_is_lost_before_its_time_may_have_had_messages() {
    let (mut rig, client, former, next) = on_its_way();
    rig.sent(next);
    rig.reply(next, &confirmed("subscribe", "a", 1));
    rig.reply(next, &message("a", "1"));
    rig.lose(former);
    assert_eq!(rig.heard(client), "");
    assert!(is_told(&mut rig, client));
}

#[test]
fn who_is_told_of_errors_alone_goes_on_with_what_the_next_home_has_told() {
    let mut rig = cluster();
    let (client, former) = listener(&mut rig);
    two_shards(&mut rig, [Some(3), Some(2)], MIDDLE);
    rig.wait(MOMENT);
    let next = connect(&mut rig)[&2];
    rig.sent(next);
    rig.reply(next, &confirmed("subscribe", "a", 1));
    rig.reply(former, &message("a", "1"));
    rig.reply(next, &message("a", "2"));
    rig.lose(former);
    // The next one is behind.
    rig.reply(next, &message("a", "1"));
    rig.reply(next, &message("a", "3"));
    assert_eq!(rig.heard(client), ["1", "2", "3"].map(|text| message("a", text)).concat());
    assert_eq!(rig.closed, []);
}

#[test]
fn a_next_home_that_is_lost_is_looked_for_again() {
    let (mut rig, client, former, next) = on_its_way();
    rig.sent(next);
    rig.lose(next);
    rig.reply(former, &message("a", "1"));
    assert_eq!((rig.heard(client), rig.closed.len()), (message("a", "1"), 0));
    rig.wait(2 * SECOND / 5);
    let next = connect(&mut rig)[&2];
    assert_eq!(rig.sent(next), frame(&["SUBSCRIBE", "a"]));
    rig.reply(next, &confirmed("subscribe", "a", 1));
    rig.wait(4 * MOMENT);
    pong(&mut rig, former);
    pong(&mut rig, next);
    rig.wait(MOMENT);
    rig.reply(next, &message("a", "2"));
    assert_eq!((rig.heard(client), rig.closed.len()), (message("a", "2"), 0));
}

/// The node of each shard counts one connection of ours; all of them stand for one client.
#[test]
fn a_message_is_counted_once_for_each_listener_when_a_changeover_is_over() {
    for takes_over in [true, false] {
        let mut rig = cluster();
        let client = rig.client();
        rig.say(client, "PSUBSCRIBE *");
        let lanes = connect(&mut rig);
        for lane in lanes.values() {
            rig.sent(*lane);
            rig.reply(*lane, &confirmed("psubscribe", "*", 1));
        }
        two_shards(&mut rig, [None, Some(2)], MIDDLE);
        rig.wait(5 * MOMENT);
        // The home is back, but the changeover is under way.
        two_shards(&mut rig, [Some(1), Some(2)], MIDDLE);
        if takes_over {
            lanes.values().for_each(|lane| pong(&mut rig, *lane));
        }
        rig.wait(12 * MOMENT);
        rig.heard(client);
        rig.reply(lanes[&1], &frame(&["pmessage", "*", "news", "m"]));
        assert_eq!(rig.heard(client).is_empty(), takes_over);
        let tally = &rig.core.base.settings.tally;
        let told = [0, 1].map(|shard| tally.published(Space::Channel, b"news", shard, 1));
        assert_eq!(told, [1, 1], "{takes_over}");
    }
}

#[test]
fn who_comes_meanwhile_listens_when_the_next_home_has_confirmed_it() {
    let (mut rig, _, former, next) = on_its_way();
    rig.sent(next);
    rig.reply(next, &confirmed("subscribe", "a", 1));
    let client = rig.client();
    rig.say(client, "SUBSCRIBE b");
    assert_eq!((rig.sent(former), rig.sent(next)), (frame(&["SUBSCRIBE", "b"]), frame(&["SUBSCRIBE", "b"])));
    rig.reply(former, &confirmed("subscribe", "b", 2));
    assert_eq!(rig.heard(client), "");
    rig.reply(next, &confirmed("subscribe", "b", 2));
    assert_eq!(rig.heard(client), confirmed("subscribe", "b", 1));
}

#[test]
fn what_only_the_shards_own_nodes_tell_is_heard_from_its_master_at_once() {
    let (mut rig, client, former) = watchful();
    let other = rig.client();
    // Of the first shard's slots.
    rig.say(other, "SSUBSCRIBE bar");
    rig.sent(former);
    rig.reply(former, &confirmed("ssubscribe", "bar", 1));
    two_shards(&mut rig, [Some(3), Some(2)], MIDDLE);
    assert_eq!(connect(&mut rig).keys().collect::<Vec<_>>(), [&2, &3]);
    assert!(is_told(&mut rig, client) && is_told(&mut rig, other));
}

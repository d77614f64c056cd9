//! The fate of requests, on a base alone.

use crate::core::settings::Settings;
use crate::core::tests::rig::{SECOND, THIRDS, cluster, settings, topology};
use crate::core::tests::stand::Stand;
use crate::failover::Loss;
use crate::node::queue::EntryKind;
use crate::reasons::CommandResult;
use crate::route::owners::Sharding;

use super::refused::{Next, judge_reply};
use super::{expire, lose, move_disowned, route_strays};

fn single() -> Stand {
    Stand::new(settings(), &topology(Some((1, "run"))))
}

fn clustered() -> Stand {
    Stand::new(Settings { sharding: Sharding::Cluster, ..settings() }, &cluster(&THIRDS))
}

#[test]
fn a_lost_connection_keeps_what_may_run_again_and_tells_of_the_rest() {
    // The command, how much of it the node has, whether the node had ended in order; the requests that are left, and
    // what the client hears.
    for (line, written, in_order, left, heard) in [
        ("GET k", None, false, "GET k", ""),
        ("SET k v", None, false, "SET k v", ""),
        ("INCR k", None, false, "", "-UNCERTAIN"),
        ("INCR k", None, true, "INCR k", ""),
        ("INCR k", Some(5), false, "INCR k", ""),
        ("INCR k", Some(0), false, "INCR k", ""),
    ] {
        let mut stand = single();
        let client = stand.client();
        let lane = stand.lane(client, 0);
        stand.ask(client, lane, line, EntryKind::Plain);
        stand.write(lane, written);
        lose(&mut stand.base, lane, Loss::Ended, in_order);
        let reply = stand.heard(client);
        assert_eq!(stand.waiting(lane).join(";"), left, "{line} {written:?} {in_order}");
        assert!(reply.starts_with(heard) && reply.is_empty() == heard.is_empty(), "{line}: {reply}");
    }
}

#[test]
fn requests_kept_at_a_loss_keep_their_order() {
    let mut stand = single();
    let (one, other) = (stand.client(), stand.client());
    let lane = stand.lane(one, 0);
    for (client, line) in [(one, "SET a 1"), (other, "INCR b"), (one, "GET a"), (other, "SET c 2")] {
        stand.ask(client, lane, line, EntryKind::Plain);
    }
    stand.write(lane, None);
    lose(&mut stand.base, lane, Loss::Closed, false);
    assert_eq!(stand.waiting(lane), ["SET a 1", "GET a", "SET c 2"]);
    assert!(stand.heard(one).is_empty() && stand.base.holds.counts().0 == 3);
}

#[test]
fn a_refusal_is_kept_from_the_client_only_if_the_command_may_run_elsewhere() {
    for (line, reply, next, aside) in [
        ("INCR k", "-READONLY You can't write against a read only replica.\r\n", Next::Done, 1),
        ("INCR k", "-LOADING Redis is loading the dataset in memory\r\n", Next::Done, 1),
        (
            "INCR k",
            "-ERR value is not an integer or out of range\r\n",
            Next::Deliver(CommandResult::Error),
            0,
        ),
        ("GET k", "$1\r\nv\r\n", Next::Deliver(CommandResult::Ok), 0),
    ] {
        let mut stand = single();
        let client = stand.client();
        let lane = stand.lane(client, 0);
        let entry = stand.ask(client, lane, line, EntryKind::Plain);
        stand.write(lane, None);
        let kind = reply.as_bytes()[0];
        let found = judge_reply(&mut stand.base, lane, &entry, kind, reply.as_bytes());
        let refused = stand.base.lane(lane).unwrap().link.refused().len();
        assert_eq!((found, refused), (next, aside), "{line} {reply}");
        assert_eq!(stand.heard(client), "", "it is not told here");
    }
}

#[test]
fn a_request_for_a_slot_without_owner_waits_without_a_lane() {
    let mut stand = clustered();
    let client = stand.client();
    // Slots 15495 and 3300: the third shard and the first.
    let lane = stand.lane(client, 2);
    stand.base.shards.update(
        &cluster(&[(Some(7000), &[(0, 5460)]), (Some(7001), &[(5461, 10922)]), (None, &[(10923, 16383)])]),
        &settings(),
        SECOND,
    );
    stand.ask(client, lane, "INCR a", EntryKind::Plain);
    stand.publish(&cluster(&[(Some(7000), &[(0, 5460)]), (Some(7001), &[(5461, 10922)])]));
    move_disowned(&mut stand.base, lane);
    assert_eq!((stand.waiting(lane).len(), stand.astray(client)), (0, vec!["INCR a".to_owned()]));

    stand.publish(&cluster(&[(Some(7000), &[(0, 5460)]), (Some(7001), &[(5461, 16383)])]));
    route_strays(&mut stand.base, true);
    let lane = stand.lane(client, 1);
    assert_eq!((stand.waiting(lane), stand.astray(client).len()), (vec!["INCR a".to_owned()], 0));
}

#[test]
fn a_held_request_is_answered_when_its_time_is_over_and_not_before() {
    let mut stand = Stand::new(settings(), &topology(None));
    let client = stand.client();
    let lane = stand.base.shared_lane(client, 0, Default::default());
    stand.ask(client, lane, "INCR k", EntryKind::Plain);
    stand.base.now += settings().hold - 1;
    expire(&mut stand.base, lane);
    assert_eq!((stand.heard(client).as_str(), stand.base.holds.counts().0), ("", 1));
    stand.base.now += 1;
    expire(&mut stand.base, lane);
    let reply = stand.heard(client);
    assert!(reply.starts_with("-TRYAGAIN") && reply.contains("not executed"), "{reply}");
    assert_eq!(stand.base.holds.counts(), (0, 0));
}

#[test]
fn requests_that_a_later_transaction_has_overtaken_are_not_sent() {
    // The later reply, and the number of the client's strays that are left.
    for (reply, left) in [("*1\r\n+OK\r\n", 0), ("*-1\r\n", 1), ("-EXECABORT Transaction discarded.\r\n", 1)]
    {
        let mut stand = clustered();
        let client = stand.client();
        let lane = stand.lane(client, 2);
        let earlier = stand.ask(client, lane, "MSET {a}1 1 {a}2 1", EntryKind::Plain);
        let block = "MULTI;SET {a}1 2;EXEC";
        let mut later = stand.ask(client, lane, block, EntryKind::WatchedTransaction);
        stand.write(lane, None);
        let refusal = b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
        assert_eq!(judge_reply(&mut stand.base, lane, &earlier, b'-', refusal), Next::Done);
        assert_eq!(stand.astray(client).len(), 1);
        later.replies = 1;
        let found = judge_reply(&mut stand.base, lane, &later, reply.as_bytes()[0], reply.as_bytes());
        assert!(matches!(found, Next::Deliver(_)), "{reply}: {found:?}");
        assert_eq!(stand.astray(client).len(), left, "{reply}");
        assert_eq!(stand.heard(client).contains("took a later one"), left == 0, "{reply}");
    }
}

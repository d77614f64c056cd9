//! Large requests: kept and paid for like any other, streamed where there is no room for them, in order in any case.

use crate::core::settings::Settings;
use crate::ids::ClientId;
use crate::reasons::CloseReason;
use crate::route::owners::Sharding;

use super::rig::{HOLD_BYTES, Rig, SECOND, settings, streaming};

/// SET of a value of this size.
fn set(key: &str, size: usize) -> String {
    format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${size}\r\n{}\r\n", key.len(), "v".repeat(size))
}

/// In reads of ordinary size.
fn write(rig: &mut Rig, client: ClientId, bytes: &str) {
    for piece in bytes.as_bytes().chunks(65_536) {
        rig.core.client_input(client, piece);
        rig.turn();
    }
}

#[test]
fn a_large_request_is_held_and_sent_again_like_any_other() {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    rig.gate(None);
    let request = set("k", 400_000);
    write(&mut rig, client, &request);
    assert!(rig.budget.left() < HOLD_BYTES - 400_000);
    rig.wait(SECOND);
    rig.gate(Some(1));
    let lane = rig.connect()[0];
    assert_eq!(rig.sent(lane).len(), request.len());
    rig.lose(lane);
    let lane = rig.connect()[0];
    assert_eq!(rig.sent(lane).len(), request.len(), "SET may run twice");
    rig.reply(lane, "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n");
    assert_eq!(rig.budget.left(), HOLD_BYTES);
}

#[test]
fn a_large_request_that_is_moved_follows_its_slot() {
    let mut rig = Rig::new(Settings { sharding: Sharding::Cluster, ..settings() });
    let client = rig.client();
    let request = set("b", 400_000);
    write(&mut rig, client, &request);
    rig.connect();
    assert_eq!(rig.sent(rig.lane_to(7000)).len(), request.len());
    rig.reply(rig.lane_to(7000), "-MOVED 3300 node:7001\r\n");
    rig.connect();
    assert_eq!(rig.sent(rig.lane_to(7001)).len(), request.len());
    rig.reply(rig.lane_to(7001), "+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n");
    assert_eq!(rig.budget.left(), HOLD_BYTES);
}

#[test]
fn a_pipeline_of_all_sizes_stays_in_order() {
    for settings in [settings(), streaming()] {
        let mut rig = Rig::new(settings);
        let client = rig.client();
        let sizes = [400_000, 10, 300_000, 262_144, 500_000, 500_000, 500_000, 1, 262_100, 400_000];
        let whole: String = sizes.iter().enumerate().map(|(n, size)| set(&format!("k{n}"), *size)).collect();
        let mut pieces = whole.as_bytes().chunks(65_536);
        let (mut order, mut answered, mut heard) = (String::new(), 0, String::new());
        while answered < sizes.len() {
            // As the driver does: nobody is read while he is stalled.
            if rig.core.wants_input(client)
                && let Some(piece) = pieces.next()
            {
                rig.core.client_input(client, piece);
                rig.turn();
            }
            rig.connect();
            for lane in rig.links.values().map(|(lane, _)| *lane).collect::<Vec<_>>() {
                order.push_str(&rig.sent(lane));
                while rig.core.base.lane(lane).is_some_and(|lane| {
                    lane.queue.front().is_some_and(|head| {
                        head.end <= lane.stream.written()
                            && head.kind != crate::node::queue::EntryKind::Upload
                    })
                }) {
                    rig.reply(lane, "+OK\r\n");
                    answered += 1;
                }
            }
            heard.push_str(&rig.heard(client));
        }
        assert_eq!(order.len(), whole.len());
        assert!(order == whole, "the order of the requests is another");
        assert_eq!(heard, "+OK\r\n".repeat(sizes.len()));
        assert_eq!(rig.budget.left(), HOLD_BYTES);
    }
}

#[test]
fn a_crowd_of_half_sent_requests_takes_half_of_the_budget_and_the_others_are_streamed() {
    let mut rig = Rig::new(settings());
    let whole = set("k", 400_000);
    let half = &whole[..300_000];
    let clients: Vec<ClientId> = (0..4)
        .map(|_| {
            let client = rig.client();
            write(&mut rig, client, half);
            client
        })
        .collect();
    let share: usize = rig.core.base.clients.iter().map(|client| client.share.all()).sum();
    assert!((1..=HOLD_BYTES / 2).contains(&share), "{share}");
    let streamed = rig.connect();
    assert_eq!(streamed.len(), 3, "one has room, the others go on as they come");
    for client in clients {
        rig.core.client_gone(client);
    }
    rig.turn();
    rig.links.clear();
    rig.assert_nothing_left();
}

#[test]
fn a_transaction_that_there_is_no_room_for_is_refused_and_discarded() {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    rig.say(client, "MULTI");
    write(&mut rig, client, &set("k", 400_000));
    write(&mut rig, client, &set("k", 400_000));
    write(&mut rig, client, &set("k", 20));
    rig.say(client, "EXEC");
    let heard = rig.heard(client);
    let lines: Vec<&str> = heard.split("\r\n").collect();
    assert_eq!(lines[..2], ["+OK", "+QUEUED"], "{heard}");
    assert!(lines[2].starts_with("-TRYAGAIN tideover: "), "{heard}");
    assert_eq!(lines[3], "+QUEUED", "what stands behind it is a request of its own");
    assert!(lines[4].starts_with("-EXECABORT"), "{heard}");
    assert_eq!(rig.budget.left(), HOLD_BYTES);
}

#[test]
fn a_request_that_is_dropped_has_no_room_any_more() {
    let mut rig = Rig::new(Settings { hold: 0, ..settings() });
    let (client, other) = (rig.client(), rig.client());
    rig.gate(None);
    // The second finds no room, and nobody to stream to.
    write(&mut rig, client, &set("k", 900_000)[..500_000]);
    write(&mut rig, other, &set("k", 900_000)[..500_000]);
    assert!(rig.heard(other).starts_with("-TRYAGAIN"));
    let share = |client: ClientId| rig.core.base.clients.get(client).unwrap().share.all();
    assert_eq!((share(client) > 400_000, share(other)), (true, 0));
}

#[test]
fn a_transaction_with_large_values_is_paid_for_until_it_is_answered() {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    rig.say(client, "MULTI");
    write(&mut rig, client, &set("k", 400_000));
    assert!(rig.budget.left() < HOLD_BYTES - 400_000);
    rig.say(client, "EXEC");
    let lane = rig.connect()[0];
    rig.sent(lane);
    assert!(rig.budget.left() < HOLD_BYTES - 400_000);
    rig.reply(lane, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    assert_eq!(rig.heard(client), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    assert_eq!(rig.budget.left(), HOLD_BYTES);
    rig.say(client, "MULTI");
    write(&mut rig, client, &set("k", 400_000));
    rig.say(client, "DISCARD");
    assert_eq!(rig.budget.left(), HOLD_BYTES);
}

/// A node answers each command of it as it comes, and takes the rest later.
#[test]
fn a_transaction_is_answered_while_the_rest_of_it_has_not_left() {
    let mut rig = Rig::new(settings());
    let (client, other) = (rig.client(), rig.client());
    for size in [10, 400_000] {
        rig.say(client, "MULTI");
        write(&mut rig, client, &set("k", size));
        rig.say(client, "EXEC");
        rig.say(other, "INCR n");
        rig.connect();
        let lane = rig.core.base.clients.get(client).unwrap().lane.expect("it was sent");
        rig.core.lane_written(lane, 20);
        rig.reply(lane, "+OK\r\n");
        rig.sent(lane);
        rig.reply(lane, "+QUEUED\r\n*1\r\n+OK\r\n");
        assert_eq!(rig.heard(client), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n", "{size} bytes");
        let lane = rig.core.base.clients.get(other).unwrap().lane.expect("it was sent");
        rig.sent(lane);
        rig.reply(lane, ":1\r\n");
        assert_eq!(rig.heard(other), ":1\r\n");
    }
    assert_eq!(rig.budget.left(), HOLD_BYTES);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_streamed_request_leaves_nothing() {
    let mut rig = Rig::new(streaming());
    let client = rig.client();
    write(&mut rig, client, &set("k", 400_000)[..300_000]);
    let lane = rig.connect()[0];
    assert!(!rig.sent(lane).is_empty());
    rig.core.client_eof(client);
    rig.turn();
    assert_eq!(rig.closed, [(client, CloseReason::Gone)]);
    rig.assert_nothing_left();
}

#[test]
fn a_streamed_request_waits_for_a_node_with_its_first_piece_only() {
    let mut rig = Rig::new(streaming());
    let client = rig.client();
    rig.gate(None);
    let request = set("k", 900_000);
    let mut read = 0;
    for piece in request.as_bytes().chunks(65_536) {
        if rig.core.wants_input(client) {
            rig.core.client_input(client, piece);
            read += piece.len();
            rig.turn();
        }
    }
    assert!(read < 512 << 10, "{read} bytes were read for a node that is not there");
    rig.wait(6 * SECOND);
    assert!(rig.heard(client).starts_with("-TRYAGAIN"));
}

//! What one client may have in flight, and what that leaves for the others.

use crate::core::settings::{FAIR_WINDOW, REPLIES_HIGH, WINDOW};
use crate::ids::{ClientId, LaneId};

use super::rig::{Rig, settings};

fn rig() -> (Rig, LaneId) {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    rig.say(client, "GET k");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, "$-1\r\n");
    rig.heard(client);
    (rig, lane)
}

/// All that the client has, as far as it is taken.
fn pipeline(rig: &mut Rig, client: ClientId, count: usize) {
    let request = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".repeat(count);
    for piece in request.chunks(65_536) {
        rig.core.client_input(client, piece);
        rig.turn();
    }
}

fn in_flight(rig: &Rig, client: ClientId) -> u32 {
    rig.core.base.clients.get(client).unwrap().in_flight
}

#[test]
fn a_client_with_large_replies_has_few_of_them_coming() {
    let (mut rig, lane) = rig();
    let client = rig.client();
    pipeline(&mut rig, client, 4_000);
    let first = in_flight(&rig, client);
    assert!(first <= 512, "{first} before anything is known");
    let size = 32 << 10;
    let value = format!("${size}\r\n{}\r\n", "v".repeat(size));
    let mut heard = 0;
    for _ in 0..4_000 {
        rig.sent(lane);
        rig.reply(lane, &value);
        // It reads.
        heard += rig.heard(client).len();
        let coming = in_flight(&rig, client) as usize;
        assert!(heard < 400 * value.len() || coming * size <= 2 * REPLIES_HIGH as usize, "{coming}");
    }
    assert_eq!(heard, 4_000 * value.len(), "every one of them was answered");
}

#[test]
fn a_client_with_small_replies_has_the_whole_window() {
    let (mut rig, lane) = rig();
    let client = rig.client();
    pipeline(&mut rig, client, 20_000);
    let mut most = 0;
    let mut answered = 0;
    while answered < 20_000 {
        rig.sent(lane);
        most = most.max(in_flight(&rig, client));
        let batch = in_flight(&rig, client) as usize;
        assert!(batch > 0, "stalled with {answered} answered");
        rig.reply(lane, &"$-1\r\n".repeat(batch));
        rig.heard(client);
        answered += batch;
    }
    assert_eq!(most, WINDOW);
}

#[test]
fn a_crowd_of_pipelines_shares_a_lane() {
    let (mut rig, lane) = rig();
    let clients: Vec<ClientId> = (0..80).map(|_| rig.client()).collect();
    for client in &clients {
        // Its replies are known to be small.
        rig.say(*client, "GET k");
        rig.sent(lane);
        rig.reply(lane, "$-1\r\n");
    }
    for client in &clients {
        for _ in 0..100 {
            rig.say(*client, "GET k");
        }
        rig.sent(lane);
        rig.reply(lane, &"$-1\r\n".repeat(100));
    }
    clients.iter().for_each(|client| pipeline(&mut rig, *client, 10_000));
    let queued = rig.core.base.lanes.get(lane).unwrap().queue.len();
    assert!(queued <= 2 * WINDOW as usize + clients.len() * FAIR_WINDOW as usize, "{queued}");
    let mut answered = 0;
    while answered < 80 * 10_000 {
        rig.sent(lane);
        let batch = rig.core.base.lanes.get(lane).unwrap().queue.len();
        assert!(batch > 0, "stalled with {answered} answered");
        rig.reply(lane, &"$-1\r\n".repeat(batch));
        clients.iter().for_each(|client| drop(rig.heard(*client)));
        answered += batch;
    }
}

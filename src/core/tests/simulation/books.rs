//! What holds between two turns of a core, whatever has happened, and what is left when all have gone: nothing.

use std::collections::HashMap;

use crate::client::Client;
use crate::core::settings::HoldBudget;
use crate::core::{Core, owners};
use crate::ids::ClientId;
use crate::node::lane::Lane;
use crate::node::link::Link;

/// Checks that everything is counted where it is, and that every wait has an owner.
pub(in crate::core::tests) fn check(core: &Core, budget: &HoldBudget, hold_bytes: usize) {
    let base = &core.base;
    assert_eq!(owners::forgotten(base).map(|(client, wait)| (client.id, wait)), None);
    assert_eq!(owners::left_behind(base).map(lane), None);
    let held = base.held_everywhere();
    assert_eq!(base.holds.counts(), held);
    let share: usize = base.clients.iter().map(|client| client.share.all()).sum();
    assert_eq!(budget.left() + held.1 + share, hold_bytes);
    let subscribers =
        base.clients.iter().filter_map(|client| Some((client.id, client.subscriptions.as_ref()?)));
    let leaving = subscribers.filter(|(_, held)| held.leaving.is_some());
    assert!(leaving.map(|(id, _)| id).eq(core.hub.unsubscribing.iter().copied()));
    for lane in base.lanes.iter() {
        let last = lane.queue.back().map_or(lane.stream.appended(), |entry| entry.end);
        assert_eq!(last, lane.stream.appended(), "{:?} {:?}", lane.id, lane.queue);
    }
    let under_way = under_way(core);
    for client in base.clients.iter() {
        let counted = under_way.get(&client.id).copied().unwrap_or_default();
        assert_eq!(client.in_flight, counted, "in flight of {:?}", client.id);
    }
}

/// The requests of each client, wherever they are.
fn under_way(core: &Core) -> HashMap<ClientId, u32> {
    let lanes = || core.base.lanes.iter();
    let queued = lanes().flat_map(|lane| lane.queue.iter().map(|entry| entry.client));
    let refused = lanes().flat_map(|lane| lane.link.refused().iter().map(|aside| aside.entry.client));
    let strays = core.base.strays.iter().map(|stray| stray.entry.client);
    let waits = |client: &&Client| client.subscriptions.as_ref().is_some_and(|held| held.is_waited_for());
    let subscribing = core.base.clients.iter().filter(waits).map(|client| client.id);
    let mut counts = HashMap::new();
    queued
        .chain(refused)
        .chain(strays)
        .chain(subscribing)
        .chain(core.hub.order.clients())
        .chain(core.base.ordered.iter().map(|(entry, _)| entry.client))
        .chain(core.memory.census.askers())
        .chain(core.memory.relays.clients())
        .for_each(|client| *counts.entry(client).or_default() += 1);
    counts
}

/// Checks that nothing is left when all clients have gone and lanes were idle for long enough.
pub(in crate::core::tests) fn assert_nothing_left(core: &Core, budget: &HoldBudget, hold_bytes: usize) {
    let base = &core.base;
    assert!(core.is_idle(), "{} clients, {} lanes", base.clients.len(), base.lanes.len());
    assert_eq!((base.holds.counts(), budget.left()), ((0, 0), hold_bytes));
    assert!(
        core.hub.audiences.is_empty()
            && core.hub.order.clients().next().is_none()
            && core.hub.subscribing.is_empty()
    );
    assert!(base.settings.tally.needs_no_correction(true));
}

/// The clients, lanes and strays of a core in words.
pub(super) fn state(core: &Core) -> Vec<String> {
    let strays = core.base.strays.iter().map(|stray| format!("astray: {:?}", stray.entry));
    let (clients, lanes) = (core.base.clients.iter().map(client), core.base.lanes.iter().map(lane));
    clients.chain(lanes).chain(strays).collect()
}

fn client(client: &Client) -> String {
    let Client { id, stall, life, in_flight, lane, dedicated, .. } = client;
    let (owed, unread) = (client.replies.owed(), client.input.len() - client.consumed);
    let place = format!("on {lane:?}, own {dedicated:?}");
    format!("{id:?} {stall:?} {life:?} {place}: {in_flight} in flight, {owed} owed, {unread} bytes unread")
}

fn lane(lane: &Lane) -> String {
    let link = match &lane.link {
        Link::Down { .. } => "down",
        Link::Opening { .. } => "opening",
        Link::Greeting { .. } => "greeting",
        Link::Up(_) => "up",
    };
    let Lane { id, key, queue, .. } = lane;
    let (refusing, paused, aside) = (lane.link.refusing(), lane.link.paused(), lane.link.refused().len());
    let first = queue.front().map(|entry| (entry.client, entry.kind));
    let (unanswered, is_trying, queued) = (lane.stream.unanswered(), lane.link.is_trying(), queue.len());
    format!(
        "{id:?} {key:?} {link}, refusing {refusing:?}, paused {paused:?}, probing {is_trying}, {queued} queued, \
         {first:?} first, {unanswered} unanswered, {aside} aside"
    )
}

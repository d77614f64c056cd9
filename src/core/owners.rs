//! The owners of waits: for every wait of a client, between any two turns, there is something that will end it; and no connection
//! stays with a node that the shard has left.
//!
//! Debug builds assert this at each look at all clients, the simulations after each of their steps.

use crate::client::{Client, Stall};
use crate::node::lane::Lane;
use crate::node::queue::EntryKind;

use super::base::Base;
use super::settings::OUTPUT_LOW;
use super::unknown::Learning;

/// A wait that nothing would end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgotten {
    /// A reply is owed, and no request is under way.
    Reply,
    /// The client is stalled, and what it was stalled for has happened already.
    Stalled(Stall),
}

/// Returns the first client that waits without an owner.
pub(crate) fn forgotten(base: &Base) -> Option<(&Client, Forgotten)> {
    base.clients.iter().find_map(|client| Some((client, forgotten_wait(base, client)?)))
}

/// Returns the wait of this client that has no owner, if there is one.
pub(crate) fn forgotten_wait(base: &Base, client: &Client) -> Option<Forgotten> {
    if client.replies.owed() > 0 && client.in_flight == 0 {
        return Some(Forgotten::Reply);
    }
    let is_owned = is_stall_owned(base, client) || base.resumed.contains(&client.id);
    (!is_owned).then_some(Forgotten::Stalled(client.stall))
}

/// Returns true if something is still to come that ends the client's stall.
pub(crate) fn is_stall_owned(base: &Base, client: &Client) -> bool {
    match client.stall {
        Stall::None => true,
        Stall::Drain => client.in_flight > 0,
        Stall::Window => client.in_flight > client.window / 2,
        Stall::Lane => base.lanes.iter().any(|lane| lane.waiting.contains(&client.id)),
        Stall::Output => client.replies.unwritten().len() >= OUTPUT_LOW,
        Stall::NodeAnswer => {
            let asks = client.session_change.is_some()
                || client.waiting_xread.is_some()
                || client.inquiry.is_some()
                || client.executing.is_some();
            client.in_flight > 0 && asks
        }
        Stall::Upload => is_upload_under_way(base, client),
        Stall::Paused => base.paused.is_some(),
        Stall::Unlearned => matches!(base.learning, Learning::Until(_)),
    }
}

pub(crate) fn is_upload_under_way(base: &Base, client: &Client) -> bool {
    let id = client.upload.as_ref().and_then(|upload| upload.lane);
    let lane = id.and_then(|id| base.lanes.get(id));
    lane.and_then(|lane| lane.queue.back()).is_some_and(|entry| entry.kind == EntryKind::Upload)
}

/// Returns the first lane whose connection leads to another node than its gate, although nothing there will end it: a node that
/// refuses requests has only a short time to answer those that it has.
pub(crate) fn left_behind(base: &Base) -> Option<&Lane> {
    let is_ending = |lane: &Lane| lane.link.refusing().is_some() || base.audience_at(lane.id).is_some();
    base.lanes.iter().find(|lane| base.leads_elsewhere(lane.id) && !is_ending(lane))
}

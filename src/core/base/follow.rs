//! The clients that cache: how they begin, how they end, and the lanes whose changes they follow.

use crate::client::tracking::{Mode, Tracking};
use crate::command::Command;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::Use;
use crate::node::modes::NodeTracking;
use crate::node::tracked::Tracked;
use crate::resp::invalidation::Invalidation;

use super::Base;
use super::tell::tell;

/// Turns the tracking of a client on, as it was asked for.
pub(in crate::core) fn track(base: &mut Base, id: ClientId, tracking: Box<Tracking>) {
    if let Some(client) = base.client(id) {
        client.session.tracking = Some(tracking);
        client.shared = Default::default();
    }
    renew_tracking(base, id);
}

/// Brings the lanes in line with the session of a client that has changed.
pub(in crate::core) fn renew_tracking(base: &mut Base, id: ClientId) {
    let tracking = base.clients.get(id).and_then(|client| client.session.tracking.as_ref());
    let (tracks, follows) =
        (tracking.is_some(), tracking.is_some_and(|tracking| matches!(tracking.mode, Mode::Broadcast(_))));
    if !tracks && !base.caches.clients.contains(&id) {
        return;
    }
    let left = match tracks {
        true => leave_lanes(base, id, Tracked::unfollow),
        false => leave_lanes(base, id, |tracked, id| {
            tracked.forget(id);
            false
        }),
    };
    match tracks {
        true => base.caches.clients.insert(id),
        false => base.caches.clients.remove(&id),
    };
    if follows {
        follow_everywhere(base, id);
    }
    if left {
        // What it has read on the lanes that it left may change without its being told there.
        tell(base, id, &Invalidation::All);
    }
}

/// Ends the effect of CLIENT CACHING: the command behind it was taken, or the transaction.
pub(in crate::core) fn end_caching_word(base: &mut Base, id: ClientId, command: Option<&'static Command>) {
    let Some(session) = base.client(id).map(|client| &mut client.session) else { return };
    let lasts = session.transaction.is_some() || command.is_some_and(|command| command.name == "client");
    if let Some(tracking) = session.tracking.as_mut().filter(|_| !lasts) {
        tracking.disarm();
    }
}

/// Ends the tracking of a client, which has gone or has sent RESET.
pub(in crate::core) fn end_tracking(base: &mut Base, id: ClientId) {
    if base.caches.clients.remove(&id) {
        leave_lanes(base, id, |tracked, id| {
            tracked.forget(id);
            false
        });
    }
}

/// Makes a client leave all lanes. Returns true if it did for one of them.
fn leave_lanes(base: &mut Base, id: ClientId, leave: impl Fn(&mut Tracked, ClientId) -> bool) -> bool {
    let mut left = false;
    for lane in base.lanes.iter_mut() {
        if let Some(tracked) = &mut lane.tracked {
            left |= leave(tracked, id);
        }
    }
    left
}

/// Makes a client with BCAST follow the changes of every shard.
pub(in crate::core) fn follow_everywhere(base: &mut Base, id: ClientId) {
    for shard in base.shards.owners().everywhere() {
        let lane = base.shared_lane(id, shard, Use::Master);
        base.open_link(lane);
    }
}

/// Returns the clients of this worker that follow all changes.
pub(in crate::core) fn followers(base: &Base) -> Vec<ClientId> {
    let follows = |id: &ClientId| {
        let tracking = base.clients.get(*id).and_then(|client| client.session.tracking.as_ref());
        tracking.is_some_and(|tracking| matches!(tracking.mode, Mode::Broadcast(_)))
    };
    base.caches.clients.iter().copied().filter(follows).collect()
}

/// Notes that a client uses a lane. With BCAST it is told of all changes that come on it.
pub(in crate::core) fn note_follower(base: &mut Base, id: ClientId, lane: LaneId) {
    let Some(lane) = base.lanes.get_mut(lane) else { return };
    if let (NodeTracking::Prefixes { .. }, Some(tracked)) = (&lane.key.modes.tracking, &mut lane.tracked) {
        tracked.follow(id);
    }
}

//! The clients that cache: how they begin, how they end, and the lanes whose changes they follow.

use crate::client::tracking::{Mode, Tracking};
use crate::command::Command;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::{Lane, Use};
use crate::node::modes::NodeTracking;
use crate::node::tracked::Tracked;
use crate::resp::invalidation::Invalidation;

use super::Base;
use super::ears::{PING, send_own};
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
    if tracks {
        base.caches.clients.insert(id);
    } else {
        end_tracking(base, id);
    }
    let former = lanes_followed(base, id);
    former.iter().for_each(|lane| change_tracked(base, *lane, |tracked| tracked.begin_to_leave(id)));
    if follows {
        follow_everywhere(base, id);
    }
    former.iter().for_each(|lane| leave_behind_its_news(base, *lane, id));
    if !(former.is_empty() || follows_live_lanes(base, id)) {
        // Until the new lanes are connected, nobody tells it of changes of what it has read before.
        tell(base, id, &Invalidation::All);
    }
}

fn change_tracked(base: &mut Base, lane: LaneId, change: impl FnOnce(&mut Tracked)) {
    if let Some(tracked) = base.lane(lane).and_then(|lane| lane.tracked.as_mut()) {
        change(tracked);
    }
}

/// Makes a client leave a lane that it does not follow any more, behind everything that the node has told there so far.
fn leave_behind_its_news(base: &mut Base, id: LaneId, client: ClientId) {
    let Some(lane) = base.lanes.get(id) else { return };
    if !lane.tracked.as_ref().is_some_and(|tracked| tracked.is_leaving(client)) {
        return;
    }
    let told_on = lane.ear.unwrap_or(id);
    match base.is_open(told_on) {
        true => send_own(base, told_on, b"ping", PING),
        false => change_tracked(base, id, Tracked::end_leaving),
    }
}

fn lanes_followed(base: &Base, id: ClientId) -> Vec<LaneId> {
    let follows = |lane: &&Lane| lane.tracked.as_ref().is_some_and(|tracked| tracked.is_followed_by(id));
    base.lanes.iter().filter(follows).map(|lane| lane.id).collect()
}

/// Returns true if the client follows, and all lanes that it follows are connected.
fn follows_live_lanes(base: &Base, id: ClientId) -> bool {
    let tracked = base.lanes.iter().filter_map(|lane| lane.tracked.as_ref());
    let mut followed =
        tracked.filter(|tracked| tracked.is_followed_by(id) && !tracked.is_leaving(id)).peekable();
    followed.peek().is_some() && followed.all(|tracked| tracked.is_live)
}

/// Ends the effect of CLIENT CACHING: the command behind it was taken, or the transaction.
pub(in crate::core) fn end_caching_word(base: &mut Base, id: ClientId, command: Option<&'static Command>) {
    let Some(session) = base.client(id).map(|client| &mut client.session) else { return };
    let lasts = session.transaction.is_some() || command.is_some_and(|command| command.name == "client");
    if let Some(tracking) = session.tracking.as_mut().filter(|_| !lasts) {
        tracking.disarm();
    }
}

/// Ends the tracking of a client.
pub(in crate::core) fn end_tracking(base: &mut Base, id: ClientId) {
    if base.caches.clients.remove(&id) {
        base.lanes.iter_mut().filter_map(|lane| lane.tracked.as_mut()).for_each(|tracked| tracked.forget(id));
    }
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

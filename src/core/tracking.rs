//! Client-side caching: which keys were read on which lane, what the nodes tell of their changes, and what else makes a cache
//! stale. [`super::base::tell`] tells the clients.

use crate::client::Client;
use crate::client::tracking::Mode;
use crate::command::by_id;
use crate::core::base::caches;
use crate::core::base::ears;
use crate::core::base::follow;
use crate::core::base::spares;
use crate::core::base::tell;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::{Lane, Use};
use crate::node::queue::Entry;
use crate::resp::invalidation::Invalidation;
use crate::resp::reply::Proto;

use super::base::Base;
use super::rewrite::each_read_key;

/// Returns true if the client may cache what the requests read, and it is not known which keys these are: a script may read keys
/// that it does not name. Such requests go on a lane of the client's own, where all that the node tells is for this client.
pub(super) fn reads_what_is_not_named(base: &Base, id: ClientId, requests: &[u8]) -> bool {
    let tracking = base.clients.get(id).and_then(|client| client.session.tracking.as_ref());
    // With NOLOOP the shared lane is the client's alone as well.
    let shares = tracking.is_some_and(|tracking| tracking.tracks_next() && !tracking.skips_own);
    shares && each_read_key(requests, |_| {})
}

/// Returns true if the node is to answer the PING of this client: it caches, and by a PING it learns that it has been told of
/// all changes before it.
pub(super) fn asks_node(base: &Base, id: ClientId) -> bool {
    let caches = |client: &Client| {
        let session = &client.session;
        let tells = session.tracking.as_ref().is_some_and(|tracking| tracking.redirect.is_none());
        tells && session.proto == Proto::Resp3
    };
    base.clients.get(id).is_some_and(caches) && base.shards.is_open(base.home(id), Use::Master)
}

/// Tells what is to be told once a client has the reply to a read. `fresh`: the keys that it has read and that were not noted.
pub(super) fn tell_after_reply(base: &mut Base, id: LaneId, client: ClientId, fresh: Vec<Box<[u8]>>) {
    if base.lanes.get(id).is_some_and(Lane::needs_ear) {
        // They were noted when the request was sent, and have changed since. The client may have been told of that before it had
        // this reply.
        fresh.into_iter().for_each(|key| tell::tell_each(base, [client], &Invalidation::of_key(&key)));
    }
    caches::bound_tracked(base, id);
}

/// Takes the reply to a command of the proxy's own.
pub(super) fn finish_own(base: &mut Base, id: LaneId, entry: &Entry, reply: &[u8]) {
    match by_id(entry.command).map(|command| command.name) {
        Some("unwatch") => spares::wiped(base, id, reply),
        // The lane's new ear was named to the node. Before that nothing was tracked.
        Some("client") => tell::tell_all(base, id),
        // Everything that the node had told before its PONG is with the clients, so some can leave.
        _ => {
            let hears_for = base.lanes.get(id).and_then(|lane| lane.hears_for);
            let lane = base.lane(hears_for.unwrap_or(id));
            if let Some(tracked) = lane.and_then(|lane| lane.tracked.as_mut()) {
                tracked.end_leaving();
            }
        }
    }
}

/// Asks a node that is idle whether it is there, if clients have cached what they read on this lane. Without that, they would
/// not be told when it is gone without a word.
pub(super) fn probe_tracked(base: &mut Base, id: LaneId) {
    let (now, patience) = (base.now, base.settings.node_timeout / 2);
    let is_due = |lane: &&Lane| {
        let is_idle = lane.queue.is_empty() && now.saturating_sub(lane.heard) > patience;
        is_idle && lane.tracked.as_ref().is_some_and(|tracked| tracked.has_any())
    };
    if base.lanes.get(id).filter(is_due).is_some() {
        ears::send_own(base, id, b"ping", ears::PING);
    }
}

/// Handles a push of a node: it tells which keys have changed, or that all are gone.
pub(super) fn told_by_node(base: &mut Base, id: LaneId, frame: &[u8]) {
    let Some(invalidation) = Invalidation::of_push(frame) else { return };
    let Some(keys) = invalidation.keys() else { return tell::tell_users(base, id) };
    let by_prefix = base.lanes.get(id).is_some_and(|lane| lane.key.modes.tracking.is_by_prefix());
    if by_prefix {
        // They are told of all keys at once, as the node tells them.
        let followers = base.caches.change(base.lanes.get_mut(id), |_, tracked| tracked.take_each(&keys));
        return tell::tell_each(base, followers.unwrap_or_default(), &invalidation);
    }
    for key in keys {
        let readers = base.caches.change(base.lanes.get_mut(id), |_, tracked| tracked.take(key));
        let mut readers = readers.unwrap_or_default();
        // Who follows prefixes by now has dropped what it read before.
        readers.retain(|reader| !follows(base, *reader));
        tell::tell_each(base, readers, &Invalidation::of_key(key));
    }
}

fn follows(base: &Base, id: ClientId) -> bool {
    let tracking = base.clients.get(id).and_then(|client| client.session.tracking.as_ref());
    tracking.is_some_and(|tracking| matches!(tracking.mode, Mode::Broadcast(_)))
}

/// Tells the readers of keys that other shards own by now: their changes are told on other lanes. Called in each turn.
pub(super) fn follow_owners(base: &mut Base) {
    let layout = base.shards.layout();
    if std::mem::replace(&mut base.caches.checked_layout, layout) == layout || !base.caches.is_any() {
        return;
    }
    for id in base.lanes.ids() {
        tell_moved(base, id);
    }
    for id in follow::followers(base) {
        follow::follow_everywhere(base, id);
    }
}

fn tell_moved(base: &mut Base, id: LaneId) {
    let owners = base.shards.owners();
    let readers = base.caches.change(base.lanes.get_mut(id), |lane, tracked| {
        tracked.take_moved(|key| owners.shard_of(owners.lot_of_key(key)) != Some(lane.key.shard))
    });
    tell::tell_each(base, readers.unwrap_or_default(), &Invalidation::All);
}

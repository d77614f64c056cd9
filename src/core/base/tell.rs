//! How clients that cache are told what to drop: by a push, or by way of the client to which they redirect.

use std::collections::HashSet;
use std::sync::Arc;

use crate::client::{Client, Life};
use crate::core::Effect;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::LaneKey;
use crate::reasons::{CloseReason, Invalidated};
use crate::resp::invalidation::{Invalidation, Told, broken_redirect};
use crate::resp::reply::Proto;

use super::Base;

/// Tells everybody who may have cached what was read on a lane whose connection ends.
pub(in crate::core) fn tell_lost(base: &mut Base, id: LaneId) {
    let was_live = base.lanes.get_mut(id).and_then(|lane| lane.tracked.as_mut());
    let was_live = was_live.map(|tracked| std::mem::take(&mut tracked.is_live));
    if was_live == Some(true) {
        tell_all(base, id);
    }
    if let Some(lane) = base.lanes.get(id).and_then(|ear| ear.hears_for.filter(|_| ear.link.is_up())) {
        tell_all(base, lane);
    }
}

/// Tells everybody who may have cached what was read on a lane to drop it.
pub(in crate::core) fn tell_all(base: &mut Base, id: LaneId) {
    if let Some(readers) = base.caches.change(base.lanes.get_mut(id), |_, tracked| tracked.take_all()) {
        tell_each(base, readers, &Invalidation::All);
    }
}

/// Tells everybody who uses the lane to drop everything, since its node has lost all keys.
pub(in crate::core) fn tell_users(base: &mut Base, id: LaneId) {
    let Some(key) = base.lanes.get(id).map(|lane| lane.key.clone()) else { return };
    let uses = |client: &Client| {
        key.owner == Some(client.id)
            || key.owner.is_none() && client.shared.get(key.shard, key.use_) == Some(id)
    };
    let ids = base.caches.clients.iter().copied();
    let mut readers: HashSet<ClientId> = ids.filter(|id| base.clients.get(*id).is_some_and(uses)).collect();
    readers.extend(
        base.caches.change(base.lanes.get_mut(id), |_, tracked| tracked.take_all()).unwrap_or_default(),
    );
    readers.retain(|reader| !is_told_elsewhere(base, *reader, id, &key));
    tell_each(base, readers, &Invalidation::All);
}

/// Returns true if the client has changed to another lane to the same node, which brings the same news.
fn is_told_elsewhere(base: &Base, reader: ClientId, id: LaneId, key: &LaneKey) -> bool {
    let present = base.clients.get(reader).and_then(|client| client.shared.get(key.shard, key.use_));
    let lane = present.filter(|present| *present != id).and_then(|present| base.lanes.get(present));
    lane.is_some_and(|lane| lane.tracked.as_ref().is_some_and(|tracked| tracked.is_live))
}

pub(in crate::core) fn tell_each(
    base: &mut Base,
    readers: impl IntoIterator<Item = ClientId>,
    invalidation: &Invalidation,
) {
    readers.into_iter().for_each(|id| tell(base, id, invalidation));
}

/// Tells a client that tracks what to drop, or the client to which it redirects.
pub(super) fn tell(base: &mut Base, id: ClientId, invalidation: &Invalidation) {
    let Some(client) = base.clients.get_mut(id).filter(|client| client.id == id) else { return };
    let Some(tracking) = client.session.tracking.as_ref().filter(|_| client.life == Life::Open) else {
        return;
    };
    match (tracking.redirect, client.session.proto) {
        (Some(target), _) => tell_target(base, target, invalidation),
        (None, Proto::Resp3) => {
            base.metrics.invalidation(what(invalidation));
            let gathered = client.gathers.last_begun();
            client.replies.push_behind(gathered, &invalidation.frame(Told::Push));
            note_push(base, id);
        }
        // There is no way to tell it, as on a server.
        (None, Proto::Resp2) => {}
    }
}

/// Tells a client to which others redirect, whichever worker has it.
fn tell_target(base: &mut Base, target: u64, invalidation: &Invalidation) {
    match base.caches.targets.get(&target).copied() {
        Some(id) => tell_for_others(base, id, invalidation),
        None => {
            let keys = match invalidation {
                Invalidation::All => None,
                Invalidation::Keys(keys) => Some(Arc::clone(keys)),
            };
            base.effects.push(Effect::TellElsewhere { target, keys });
        }
    }
}

/// Tells a client to which clients of another worker redirect, if this worker has it.
pub(in crate::core) fn tell_target_here(base: &mut Base, target: u64, invalidation: &Invalidation) {
    if let Some(id) = base.caches.targets.get(&target).copied() {
        tell_for_others(base, id, invalidation);
    }
}

/// Tells a client in place of another: by a push, or by a message if it is a subscriber of RESP2.
fn tell_for_others(base: &mut Base, id: ClientId, invalidation: &Invalidation) {
    let Some(client) = base.clients.get_mut(id).filter(|client| client.id == id) else { return };
    let told = match client.session.proto {
        Proto::Resp3 => Told::Push,
        Proto::Resp2 if client.is_subscriber() => Told::Message,
        Proto::Resp2 => return,
    };
    base.metrics.invalidation(what(invalidation));
    client.replies.push(&invalidation.frame(told));
    note_push(base, id);
}

/// Notes that a client of this worker is one to which another redirects. Returns false if it is not here.
pub(in crate::core) fn note_redirect_target(base: &mut Base, target: u64) -> bool {
    let found = base.clients.iter().find(|client| client.public_id == target && client.life == Life::Open);
    let Some(id) = found.map(|client| client.id) else { return false };
    base.caches.targets.insert(target, id);
    true
}

/// Tells all clients that redirect to a client which has gone.
pub(in crate::core) fn target_gone(base: &mut Base, target: u64) {
    for id in base.caches.clients.clone() {
        let Some(client) = base.clients.get_mut(id) else { continue };
        let Some(tracking) = &mut client.session.tracking else { continue };
        if tracking.redirect != Some(target) || std::mem::replace(&mut tracking.is_broken, true) {
            continue;
        }
        if client.session.proto == Proto::Resp3 {
            client.replies.push(&broken_redirect(target));
            note_push(base, id);
        }
    }
}

/// Notes that a client has got a frame that answers nothing. One that does not read is closed.
fn note_push(base: &mut Base, id: ClientId) {
    let limit = base.settings.output_buffer;
    let is_over = base.client(id).is_some_and(|client| client.replies.waiting() > limit);
    base.touch_client(id);
    if is_over {
        base.kill_client(id, CloseReason::OutputLimit);
    }
}

fn what(invalidation: &Invalidation) -> Invalidated {
    match invalidation {
        Invalidation::All => Invalidated::All,
        Invalidation::Keys(_) => Invalidated::Keys,
    }
}

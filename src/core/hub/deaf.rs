//! Deaf shards: no client hears their messages at the moment, because listening connections were lost.
//!
//! A held request for such a shard may make its node publish a message. If it went out at once, the message would be
//! missed by clients that never knew of the loss, and that look for changes only when they know of one. So the
//! listening connections of all workers come first, for a short while.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::core::base::Base;
use crate::ids::LaneId;
use crate::node::lane::{Lane, Use};
use crate::node::link::Then;

/// How long held requests wait for listening connections after their own is established, in microseconds.
const PATIENCE: u64 = 50_000;

/// The shard, the worker's number and the lane.
type DeafLane = (u16, u64, LaneId);

/// The deaf lanes of all workers of one proxy. Touched only when listening connections are lost or come back.
#[derive(Debug, Default)]
pub(crate) struct Deaf {
    places: Mutex<HashSet<DeafLane>>,
    count: AtomicUsize,
}

impl Deaf {
    fn note(&self, place: DeafLane, deaf: bool) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        match deaf {
            true => places.insert(place),
            false => places.remove(&place),
        };
        self.count.store(places.len(), Ordering::Relaxed);
    }

    fn is_at(&self, shard: u16) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && {
            let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.iter().any(|(deaf, ..)| *deaf == shard)
        }
    }
}

/// Notes that a listening lane was lost on which clients listen.
pub(super) fn note_deaf(base: &mut Base, id: LaneId) {
    set_deaf(base, id, true);
}

/// Notes that a listening lane is not deaf any more, if it has nothing more to ask of its node, or nobody listens there.
pub(super) fn note_hearing(base: &mut Base, id: LaneId) {
    let open = base.is_open(id);
    let Some(listening) = base.lane(id).and_then(|lane| lane.listening.as_ref()) else { return };
    let hears = open && listening.todo.is_empty() && !listening.is_owed();
    if listening.deaf && (hears || !listening.wanted) {
        set_deaf(base, id, false);
    }
}

/// Notes that the lane is removed.
pub(super) fn forget_deaf(base: &mut Base, id: LaneId) {
    if base.lane(id).and_then(|lane| lane.listening.as_ref()).is_some_and(|listening| listening.deaf) {
        set_deaf(base, id, false);
    }
}

fn set_deaf(base: &mut Base, id: LaneId, deaf: bool) {
    let worker = base.shards.spread();
    let Some(lane) = base.lane(id) else { return };
    let place = (lane.key.shard, worker, id);
    let Some(listening) = &mut lane.listening else { return };
    listening.deaf = deaf;
    base.settings.deaf.note(place, deaf);
}

/// Pauses a connection that was just established, if its shard is deaf: held requests wait for the listening connections.
pub(crate) fn listen_first(base: &mut Base, id: LaneId) {
    let now = base.now;
    if base.settings.hold == 0 {
        return;
    }
    let Some(shard) = base.lane(id).filter(|lane| lane.key.use_ == Use::Master).map(|lane| lane.key.shard)
    else {
        return;
    };
    if base.settings.deaf.is_at(shard)
        && let Some(lane) = base.lane(id).filter(|lane| lane.is_wanted())
    {
        lane.link.pause(now + PATIENCE, Then::All);
        base.tick_soon = true;
    }
}

/// Returns true if the lane was paused for the listening connections, and they are back.
pub(crate) fn may_stop_listening_first(base: &Base, id: LaneId) -> bool {
    let lane = base.lanes.get(id);
    let listens_first = |lane: &Lane| matches!(lane.link.paused(), Some((_, Then::All)));
    lane.is_some_and(|lane| listens_first(lane) && !base.settings.deaf.is_at(lane.key.shard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_deaf_until_all_of_its_places_hear() {
        let deaf = Deaf::default();
        let place = |shard, serial| (shard, 1, LaneId { slot: 0, serial });
        deaf.note(place(1, 1), true);
        deaf.note(place(1, 2), true);
        assert!(deaf.is_at(1) && !deaf.is_at(0));
        deaf.note(place(1, 1), false);
        assert!(deaf.is_at(1));
        deaf.note(place(1, 2), false);
        deaf.note(place(1, 2), false);
        assert!(!deaf.is_at(1));
    }
}

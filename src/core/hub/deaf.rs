//! Shards whose messages nobody of ours hears at the moment: their listening connections were lost, and do not stand again.
//!
//! What is held for such a shard may make its node publish. If it went out at once, messages would be missed by those who
//! never knew of the loss, and who look again only when they know. So the listening connections of all workers come first,
//! for a short while.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::core::base::Base;
use crate::ids::LaneId;
use crate::node::lane::{Lane, Use};
use crate::node::link::Then;

/// For so long, in microseconds, what is held waits for the listening connections after its own stands.
const PATIENCE: u64 = 50_000;

/// The shard, the worker's number, the lane.
type DeafLane = (u16, u64, LaneId);

/// What the workers of one proxy know together. Touched only when listening connections are lost and stand again.
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

/// A listening lane was lost, and somebody listens there.
pub(super) fn note_deaf(base: &mut Base, id: LaneId) {
    set_deaf(base, id, true);
}

/// A listening lane has nothing more to ask of its node, or nobody listens there any more.
pub(super) fn note_hearing(base: &mut Base, id: LaneId) {
    let open = base.is_open(id);
    let Some(listening) = base.lane(id).and_then(|lane| lane.listening.as_ref()) else { return };
    let hears = open && listening.todo.is_empty() && !listening.is_owed();
    if listening.deaf && (hears || !listening.wanted) {
        set_deaf(base, id, false);
    }
}

/// The lane is taken away.
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

/// A connection stands. What is held on it waits while its shard's messages are not heard.
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
        base.hurry = true;
    }
}

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

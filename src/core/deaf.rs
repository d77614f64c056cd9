//! Shards whose messages nobody of ours hears at the moment: their listening connections were lost, and do not stand again.
//!
//! What is held for such a shard may make its node publish. If it went out at once, messages would be missed by those who
//! never knew of the loss, and who look again only when they know. So the listening connections of all workers come first,
//! for a short while.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::ids::LaneId;
use crate::node::lane::Use;

use super::Core;

/// For so long, in microseconds, what is held waits for the listening connections after its own stands.
const PATIENCE: u64 = 50_000;

/// The shard, the worker's number, the lane.
type Place = (u16, u64, LaneId);

/// What the workers of one proxy know together. Touched only when listening connections are lost and stand again.
#[derive(Debug, Default)]
pub(crate) struct Deaf {
    places: Mutex<HashSet<Place>>,
    count: AtomicUsize,
}

impl Deaf {
    fn note(&self, place: Place, deaf: bool) {
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

impl Core {
    /// A listening lane was lost, and somebody listens there.
    pub(super) fn note_deaf(&mut self, id: LaneId) {
        self.set_deaf(id, true);
    }

    /// A listening lane has nothing more to ask of its node, or nobody listens there any more.
    pub(super) fn note_hearing(&mut self, id: LaneId) {
        let open = self.is_open(id);
        let Some(listening) = self.lane(id).and_then(|lane| lane.listening.as_ref()) else { return };
        let hears = open && listening.todo.is_empty() && !listening.is_owed();
        if listening.deaf && (hears || !listening.wanted) {
            self.set_deaf(id, false);
        }
    }

    /// The lane is taken away.
    pub(super) fn forget_deaf(&mut self, id: LaneId) {
        if self.lane(id).and_then(|lane| lane.listening.as_ref()).is_some_and(|listening| listening.deaf) {
            self.set_deaf(id, false);
        }
    }

    fn set_deaf(&mut self, id: LaneId, deaf: bool) {
        let worker = self.shards.spread();
        let Some(lane) = self.lane(id) else { return };
        let place = (lane.key.shard, worker, id);
        let Some(listening) = &mut lane.listening else { return };
        listening.deaf = deaf;
        self.settings.deaf.note(place, deaf);
    }

    /// A connection stands. What is held on it waits while its shard's messages are not heard.
    pub(super) fn listen_first(&mut self, id: LaneId) {
        let now = self.now;
        if self.settings.hold == 0 {
            return;
        }
        let Some(shard) =
            self.lane(id).filter(|lane| lane.key.use_ == Use::Master).map(|lane| lane.key.shard)
        else {
            return;
        };
        if self.settings.deaf.is_at(shard)
            && let Some(lane) = self.lane(id).filter(|lane| lane.is_wanted())
        {
            (lane.paused, lane.listens_first) = (Some(now + PATIENCE), true);
            self.hurry = true;
        }
    }

    pub(super) fn may_stop_listening_first(&self, id: LaneId) -> bool {
        let lane = self.lanes.get(id);
        lane.is_some_and(|lane| lane.listens_first && !self.settings.deaf.is_at(lane.key.shard))
    }
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

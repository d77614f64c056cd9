//! The shared lanes of a client's session, found without the table of all lanes. Emptied when the session changes.

use crate::ids::LaneId;
use crate::node::lane::Use;

/// The number of places for the first shards. Most clients need no more.
const FEW: usize = 8;
/// The largest number of places of a client. Lanes beyond it are found in the table of all lanes.
const MOST: usize = 512;

/// The lanes that were used, one for each shard and use.
#[derive(Debug, Default)]
pub(crate) struct SharedLanes {
    few: [Option<LaneId>; FEW],
    more: Vec<Option<LaneId>>,
}

impl SharedLanes {
    #[inline]
    pub(crate) fn get(&self, shard: u16, use_: Use) -> Option<LaneId> {
        let place = place(shard, use_);
        let lane = if place < FEW { self.few.get(place) } else { self.more.get(place - FEW) };
        lane.copied().flatten()
    }

    pub(crate) fn set(&mut self, shard: u16, use_: Use, lane: LaneId) {
        let place = place(shard, use_);
        if place >= FEW.max(self.more.len() + FEW) && place < MOST {
            self.more.resize(place - FEW + 1, None);
        }
        let kept = if place < FEW { self.few.get_mut(place) } else { self.more.get_mut(place - FEW) };
        if let Some(kept) = kept {
            *kept = Some(lane);
        }
    }
}

/// Returns the place of a lane. Those to masters and those to nodes that serve reads alternate.
fn place(shard: u16, use_: Use) -> usize {
    debug_assert!(matches!(use_, Use::Master | Use::Reads), "clients share no other lanes");
    usize::from(shard) * 2 + use_ as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_has_a_place_of_its_own_up_to_a_bound() {
        let mut lanes = SharedLanes::default();
        let lane = |shard: u16, use_: Use| LaneId { slot: u32::from(shard) * 2 + use_ as u32, serial: 1 };
        let places = || (0..300).flat_map(|shard| [(shard, Use::Master), (shard, Use::Reads)]);
        for (shard, use_) in places() {
            lanes.set(shard, use_, lane(shard, use_));
        }
        for (shard, use_) in places() {
            let kept = usize::from(shard) * 2 < MOST;
            assert_eq!(lanes.get(shard, use_), kept.then(|| lane(shard, use_)), "{shard} {use_:?}");
        }
        assert!(lanes.more.len() <= MOST);
    }
}

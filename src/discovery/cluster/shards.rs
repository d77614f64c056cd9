//! The shards at their places in the view. A place is never given to another shard, so an index means the same shard in every
//! view: failovers and moved slots do not change it, a new shard is added at the end, and a shard that goes leaves its place empty.

use std::collections::{BTreeMap, BTreeSet};

use super::owners::AcceptedOwners;
use super::picture::{ClusterMember, Picture};
use super::replies::{LineRole, NodeId};
use crate::topology::ConfigEpoch;

/// All places.
#[derive(Debug, Default)]
pub(super) struct ShardPlaces {
    pub(super) places: Vec<ShardPlace>,
    /// The place that each node belongs to. It is kept when a node goes: the node may come back.
    homes: BTreeMap<NodeId, usize>,
}

/// One shard; without slots it has gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ShardPlace {
    pub(super) master: Option<NodeId>,
    pub(super) slots: Vec<(u16, u16)>,
    pub(super) epoch: ConfigEpoch,
    /// The nodes of the shard in the order of their ids.
    pub(super) members: Vec<NodeId>,
}

impl ShardPlaces {
    pub(super) fn update(&mut self, picture: &Picture, owners: &AcceptedOwners) {
        let (slots, epochs) = (owners.ranges(), owners.epochs());
        self.place_masters(picture, &slots);
        self.place_replicas(picture);
        for (index, place) in self.places.iter_mut().enumerate() {
            let at_home = |id: &NodeId| self.homes.get(id) == Some(&index);
            place.members = picture.keys().filter(|id| at_home(id)).copied().collect();
            place.master = master(place, picture, &slots);
            place.slots = place.master.and_then(|master| slots.get(&master)).cloned().unwrap_or_default();
            if let Some(id) = place.master {
                let claimed = epochs.get(&id).copied();
                let by_member = picture.get(&id).filter(|member| member.role == LineRole::Master);
                let by_member = by_member.map(|member| member.epoch);
                place.epoch = claimed.max(by_member).unwrap_or_default();
            }
        }
    }

    /// Finds a place for every node that owns slots, or is about to: its own, that of its replicas, or a new one.
    fn place_masters(&mut self, picture: &Picture, slots: &BTreeMap<NodeId, Vec<(u16, u16)>>) {
        let mut owners: Vec<(u16, NodeId)> =
            slots.iter().filter_map(|(id, ranges)| Some((ranges.first()?.0, *id))).collect();
        // At the start the shards are in the order of their slots.
        owners.sort_unstable();
        let mut taken = BTreeSet::new();
        // A node that was the master of its place keeps it; a former replica from there that owns slots too gets another one.
        owners.sort_by_key(|(_, id)| !self.was_master(*id));
        for (_, id) in owners {
            let own = self.homes.get(&id).copied();
            let candidates = own.into_iter().chain(self.homes_of_replicas(picture, id));
            let home = candidates.into_iter().find(|home| !taken.contains(home));
            let home = home.unwrap_or_else(|| self.add_place());
            taken.insert(home);
            self.homes.insert(id, home);
        }
        let importing =
            |(_, member): &(&NodeId, &ClusterMember)| member.importing && member.role == LineRole::Master;
        for (id, _) in picture.iter().filter(importing) {
            if !self.homes.contains_key(id) {
                let home = self.add_place();
                self.homes.insert(*id, home);
            }
        }
    }

    fn place_replicas(&mut self, picture: &Picture) {
        // Twice, since a replica may follow a replica.
        for _ in 0..2 {
            for (id, member) in picture {
                if let LineRole::Replica(Some(master)) = member.role
                    && let Some(home) = self.homes.get(&master)
                {
                    self.homes.insert(*id, *home);
                }
            }
        }
    }

    fn was_master(&self, id: NodeId) -> bool {
        self.places.iter().any(|place| place.master == Some(id))
    }

    fn homes_of_replicas(&self, picture: &Picture, master: NodeId) -> Vec<usize> {
        let follows = |member: &ClusterMember| member.role == LineRole::Replica(Some(master));
        let followers = picture.iter().filter(|(_, member)| follows(member));
        followers.filter_map(|(id, _)| self.homes.get(id).copied()).collect()
    }

    fn add_place(&mut self) -> usize {
        self.places.push(ShardPlace::default());
        self.places.len() - 1
    }
}

/// Returns the master of a shard: the member that owns slots, else the former master if it still is one, else any that is one.
fn master(
    place: &ShardPlace,
    picture: &Picture,
    slots: &BTreeMap<NodeId, Vec<(u16, u16)>>,
) -> Option<NodeId> {
    let is_master = |id: &NodeId| picture.get(id).is_some_and(|member| member.role == LineRole::Master);
    let mut members = place.members.iter().copied();
    members
        .clone()
        .find(|id| slots.contains_key(id))
        .or_else(|| place.master.filter(|id| members.clone().any(|other| other == *id) && is_master(id)))
        .or_else(|| members.find(|id| is_master(id)))
}

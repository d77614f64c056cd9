//! The shards in their places. A place is never given to another shard, so that an index means the same shard in
//! every view: a failover and moved slots keep it, a new shard goes to the end, one that is gone leaves it empty.

use std::collections::{BTreeMap, BTreeSet};

use super::owners::Owners;
use super::picture::{ClusterMember, Picture};
use super::replies::{LineRole, NodeId};
use crate::topology::ConfigEpoch;

#[derive(Debug, Default)]
pub(super) struct ShardPlaces {
    pub(super) places: Vec<ShardPlace>,
    /// Where each node belongs. Kept when a node goes away: it may come back.
    homes: BTreeMap<NodeId, usize>,
}

/// One shard, or what is left of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ShardPlace {
    pub(super) master: Option<NodeId>,
    pub(super) slots: Vec<(u16, u16)>,
    pub(super) epoch: ConfigEpoch,
    /// In the order of their ids.
    pub(super) members: Vec<NodeId>,
}

impl ShardPlaces {
    pub(super) fn update(&mut self, picture: &Picture, owners: &Owners) {
        let (slots, epochs) = (owners.ranges(), owners.epochs());
        self.settle_masters(picture, &slots);
        self.settle_replicas(picture);
        for (index, place) in self.places.iter_mut().enumerate() {
            let at_home = |id: &NodeId| self.homes.get(id) == Some(&index);
            place.members = picture.keys().filter(|id| at_home(id)).copied().collect();
            place.master = master(place, picture, &slots);
            place.slots = place.master.and_then(|master| slots.get(&master)).cloned().unwrap_or_default();
            if let Some(id) = place.master {
                let claimed = epochs.get(&id).copied();
                let told = picture.get(&id).filter(|member| member.role == LineRole::Master);
                let told = told.map(|member| member.epoch);
                place.epoch = claimed.max(told).unwrap_or_default();
            }
        }
    }

    /// A place for every node that owns slots, or is about to: its own, that of its replicas, or a new one.
    fn settle_masters(&mut self, picture: &Picture, slots: &BTreeMap<NodeId, Vec<(u16, u16)>>) {
        let mut owners: Vec<(u16, NodeId)> =
            slots.iter().filter_map(|(id, ranges)| Some((ranges.first()?.0, *id))).collect();
        // At the start the shards stand in the order of their slots.
        owners.sort_unstable();
        let mut taken = BTreeSet::new();
        // One that was the master of its place before keeps it against others that grew up there.
        owners.sort_by_key(|(_, id)| !self.is_seated(*id));
        for (_, id) in owners {
            let own = self.homes.get(&id).copied();
            let candidates = own.into_iter().chain(self.homes_of_replicas(picture, id));
            let home = candidates.into_iter().find(|home| !taken.contains(home));
            let home = home.unwrap_or_else(|| self.open());
            taken.insert(home);
            self.homes.insert(id, home);
        }
        let importing =
            |(_, member): &(&NodeId, &ClusterMember)| member.importing && member.role == LineRole::Master;
        for (id, _) in picture.iter().filter(importing) {
            if !self.homes.contains_key(id) {
                let home = self.open();
                self.homes.insert(*id, home);
            }
        }
    }

    fn settle_replicas(&mut self, picture: &Picture) {
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

    fn is_seated(&self, id: NodeId) -> bool {
        self.places.iter().any(|place| place.master == Some(id))
    }

    fn homes_of_replicas(&self, picture: &Picture, master: NodeId) -> Vec<usize> {
        let follows = |member: &ClusterMember| member.role == LineRole::Replica(Some(master));
        let followers = picture.iter().filter(|(_, member)| follows(member));
        followers.filter_map(|(id, _)| self.homes.get(id).copied()).collect()
    }

    fn open(&mut self) -> usize {
        self.places.push(ShardPlace::default());
        self.places.len() - 1
    }
}

/// The member that owns slots; where none does, the one that was the master and still is one, or any other.
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

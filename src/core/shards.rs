//! The shards of the backend as this worker sees them: a gate for each, and in a cluster the owner of each slot.

use std::collections::HashMap;
use std::sync::Arc;

use crate::command::Slot;
use crate::node::greeting::Check;
use crate::node::lane::Target;
use crate::route::map::SlotMap;
use crate::topology::{Endpoint, Generation, Shard, Topology};

/// What every kind of backend but a cluster publishes.
pub(super) const ONLY_SHARD: u16 = 0;

/// Whether commands may be written for a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gate {
    /// No master: commands are held.
    #[default]
    Closed,
    Open(Target),
}

/// See the module. A shard is named by its index in the topology, which it keeps for life.
#[derive(Default)]
pub(super) struct Shards {
    gates: Vec<Gate>,
    /// Only of a cluster.
    map: Option<SlotMap>,
    places: HashMap<Endpoint, u16>,
    /// One more whenever a slot may have another owner.
    version: u32,
}

/// What a new topology has changed.
pub(super) struct Changed {
    /// Shards whose gate is another now.
    pub(super) gates: Vec<u16>,
    /// Slots may have other owners.
    pub(super) owners: bool,
}

impl Shards {
    /// Before the first topology: of a cluster it is not known who owns a slot, so nothing goes anywhere yet.
    pub(super) fn new(clustered: bool) -> Shards {
        let empty = Topology { generation: Generation(0), shards: Vec::new() };
        Shards { map: clustered.then(|| SlotMap::new(&empty)), ..Shards::default() }
    }

    pub(super) fn update(&mut self, topology: &Topology, checks_role: bool, clustered: bool) -> Changed {
        let gates: Vec<Gate> = topology.shards.iter().map(|shard| gate_of(shard, checks_role)).collect();
        let former = std::mem::replace(&mut self.gates, gates);
        let count = former.len().max(self.gates.len());
        let before = |shard: &u16| former.get(usize::from(*shard)).unwrap_or(&Gate::Closed);
        let changed = (0..u16::MAX).take(count).filter(|shard| before(shard) != self.gate(*shard)).collect();
        Changed { gates: changed, owners: clustered && self.update_owners(topology) }
    }

    fn update_owners(&mut self, topology: &Topology) -> bool {
        self.places = (0..u16::MAX)
            .zip(&topology.shards)
            .flat_map(|(index, shard)| shard.nodes.iter().map(move |node| (node.endpoint.clone(), index)))
            .collect();
        let map = SlotMap::new(topology);
        let changed = self.map.as_ref().is_none_or(|former| !former.has_same_owners(&map));
        self.map = Some(map);
        self.version = self.version.wrapping_add(u32::from(changed));
        changed
    }

    #[inline]
    pub(super) fn gate(&self, shard: u16) -> &Gate {
        self.gates.get(usize::from(shard)).unwrap_or(&Gate::Closed)
    }

    #[inline]
    pub(super) fn is_open(&self, shard: u16) -> bool {
        matches!(self.gate(shard), Gate::Open(_))
    }

    #[inline]
    pub(super) fn map(&self) -> Option<&SlotMap> {
        self.map.as_ref()
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// The shard that this node belongs to.
    pub(super) fn shard_at(&self, endpoint: &Endpoint) -> Option<u16> {
        self.places.get(endpoint).copied()
    }

    /// Takes in what a redirect said, until the next topology.
    pub(super) fn patch(&mut self, slot: Slot, shard: u16) {
        let Some(map) = self.map.as_mut().filter(|map| map.shard_of(slot) != Some(shard)) else { return };
        map.patch(slot, shard);
        self.version = self.version.wrapping_add(1);
    }

    /// Where requests without keys go: always the same shard for the same seed, as long as it has a master.
    pub(super) fn home(&self, seed: u32) -> u16 {
        let Some(map) = &self.map else { return ONLY_SHARD };
        let count = map.shards().count();
        let Some(first) = (seed as usize).checked_rem(count) else { return ONLY_SHARD };
        let mut turn = map.shards().skip(first).chain(map.shards().take(first));
        let preferred = turn.clone().next();
        turn.find(|shard| self.is_open(*shard)).or(preferred).unwrap_or(ONLY_SHARD)
    }
}

fn gate_of(shard: &Shard, checks_role: bool) -> Gate {
    let Some(node) = shard.master_node() else { return Gate::Closed };
    let check = Check { master: checks_role, run_id: node.run_id.clone() };
    Gate::Open(Target { endpoint: node.endpoint.clone(), check })
}

/// Whether both lead to the same process. A run id that is not known on one side says nothing.
pub(super) fn is_same(new: &Target, current: &Target) -> bool {
    let known = |check: &Check| check.run_id.clone();
    let (new_id, current_id): (Option<Arc<str>>, Option<Arc<str>>) =
        (known(&new.check), known(&current.check));
    new.endpoint == current.endpoint && (new_id.is_none() || current_id.is_none() || new_id == current_id)
}

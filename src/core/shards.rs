//! The shards of the backend as this worker sees them: a gate for each, and if there are several the owner of each slot.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::command::Slot;
use crate::config::ReadFrom;
use crate::node::greeting::Check;
use crate::node::lane::{Target, Use};
use crate::reads::ReadNode;
use crate::reads::choice::Choice;
use crate::route::owners::{Owners, Sharding};
use crate::topology::{Endpoint, Generation, Shard, Topology};

use super::settings::Settings;

pub(super) use crate::route::owners::ONLY_SHARD;

/// The time for which other slots of a shard may be half moved after one was, since slots move one after the other;
/// in microseconds.
const MOVING: u64 = 1_000_000;

/// The gate of a shard: it says whether commands may be written, and to which node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gate {
    /// There is no master, so commands are held.
    #[default]
    Closed,
    Open(Target),
}

impl Gate {
    /// Returns true if the gate is open to the process that a connection leads to.
    pub(super) fn leads_to(&self, current: &Target) -> bool {
        matches!(self, Gate::Open(target) if is_same(target, current))
    }
}

/// The shards of one backend. A shard is named by its index in the topology, which it keeps for life. See the module.
#[derive(Default)]
pub(super) struct Shards {
    gates: Vec<Gate>,
    /// The gates for reads, if other nodes than the master may serve them.
    readers: Vec<Gate>,
    /// Gates that are closed until their master has ended, as they were before.
    ending: HashMap<u16, Gate>,
    choices: Vec<Choice>,
    owners: Owners,
    places: HashMap<Endpoint, u16>,
    /// Nodes that discovery has found not to answer.
    down: HashSet<Endpoint>,
    /// Counts the changes after which a slot may have another owner.
    version: u32,
    /// Counts the same changes, and those after which a command for all shards goes to other shards.
    layout: u32,
    /// Shards with a half-moved slot, and the times until which others may be half moved, in microseconds.
    moving: HashMap<u16, u64>,
    /// Shards whose master did not take the last connection.
    failing: HashSet<u16>,
    checks_role: bool,
    /// The nodes let nobody in without a password of the client's own.
    asks_password: bool,
    generation: Generation,
    /// The worker's own number, by which workers choose different nodes among equals.
    spread: u64,
}

/// The changes that a new topology has made.
pub(super) struct Changed {
    /// The gates that have changed, by shard and use.
    pub(super) gates: Vec<(u16, Use)>,
    /// Slots may have other owners, or shards have come or gone.
    pub(super) owners: bool,
}

impl Shards {
    /// Makes the state before the first topology: if there are several shards, their slots have no owners yet.
    pub(super) fn new(sharding: &Sharding, spread: u64) -> Shards {
        let empty = Topology { generation: Generation(0), shards: Vec::new(), asks_password: false };
        Shards { owners: Owners::new(sharding, &empty), spread, ..Shards::default() }
    }

    /// Returns the generation of the latest topology.
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    pub(super) fn update(&mut self, topology: &Topology, settings: &Settings, now: u64) -> Changed {
        self.asks_password = topology.asks_password;
        self.generation = topology.generation;
        let nodes = topology.shards.iter().flat_map(|shard| &shard.nodes);
        let down = nodes.filter(|node| node.state.answers_nothing()).map(|node| node.endpoint.clone());
        self.down = down.collect();
        let mut gates: Vec<Gate> =
            topology.shards.iter().map(|shard| gate_of(shard, settings.checks_role)).collect();
        self.keep_closed(&mut gates);
        let former = std::mem::replace(&mut self.gates, gates);
        let mut changed = changed_gates(&former, &self.gates, Use::Master);
        self.failing.retain(|shard| !changed.contains(&(*shard, Use::Master)));
        if settings.reads.from != ReadFrom::Master {
            changed.extend(self.update_readers(topology, settings, now));
        }
        Changed { gates: changed, owners: self.update_owners(topology, &settings.sharding) }
    }

    /// Closes the gate of a master that is about to end.
    pub(super) fn close_for_shutdown(&mut self, shard: u16) {
        if let Some(gate) = self.gates.get_mut(usize::from(shard)) {
            self.ending.entry(shard).or_insert_with(|| std::mem::take(gate));
        }
    }

    pub(super) fn open_after_shutdown(&mut self, shard: u16) {
        if let (Some(gate), Some(former)) =
            (self.gates.get_mut(usize::from(shard)), self.ending.remove(&shard))
        {
            *gate = former;
        }
    }

    pub(super) fn is_closed_for_shutdown(&self, shard: u16) -> bool {
        self.ending.contains_key(&shard)
    }

    /// Keeps gates closed whose master is ending, if a new topology names the same master.
    fn keep_closed(&mut self, gates: &mut [Gate]) {
        self.ending.retain(|shard, former| {
            let gate = gates.get_mut(usize::from(*shard)).filter(|gate| is_same_gate(gate, former));
            gate.map(|gate| *gate = Gate::Closed).is_some()
        });
    }

    fn update_readers(&mut self, topology: &Topology, settings: &Settings, now: u64) -> Vec<(u16, Use)> {
        self.checks_role = settings.checks_role;
        self.choices.resize_with(topology.shards.len(), Choice::default);
        for (shard, choice) in topology.shards.iter().zip(&mut self.choices) {
            choice.update(shard, &settings.reads, self.spread, now);
        }
        self.renew_readers()
    }

    /// Brings the gates of reads in line with the choices.
    fn renew_readers(&mut self) -> Vec<(u16, Use)> {
        let clustered = self.owners.cluster().is_some();
        let gate = |choice: &Choice| gate_of_reader(choice.reader(), self.checks_role, clustered);
        let readers = self.choices.iter().map(gate).collect();
        let former = std::mem::replace(&mut self.readers, readers);
        changed_gates(&former, &self.readers, Use::Reads)
    }

    /// Notes that this node has failed a read. Returns true if another node serves the shard's reads now.
    pub(super) fn fail_reader(&mut self, shard: u16, endpoint: &Endpoint, now: u64) -> bool {
        // A node that has been replaced meanwhile has not failed.
        let present =
            matches!(self.gate(shard, Use::Reads), Gate::Open(target) if target.endpoint == *endpoint);
        let Some(choice) = self.choices.get_mut(usize::from(shard)).filter(|_| present) else { return false };
        choice.fail(endpoint, now);
        !self.renew_readers().is_empty()
    }

    /// Lets nodes that failed a while ago serve reads again. Returns the shards whose reads go elsewhere now.
    pub(super) fn retry_readers(&mut self, now: u64) -> Vec<u16> {
        let due = |choice: &Choice| choice.retry_at().is_some_and(|at| at <= now);
        if !self.choices.iter().any(due) {
            return Vec::new();
        }
        self.choices.iter_mut().filter(|choice| due(choice)).for_each(|choice| choice.retry(now));
        self.renew_readers().into_iter().map(|(shard, _)| shard).collect()
    }

    fn update_owners(&mut self, topology: &Topology, sharding: &Sharding) -> bool {
        let owners = Owners::new(sharding, topology);
        if owners.is_single() {
            return false;
        }
        self.places = (0..u16::MAX)
            .zip(&topology.shards)
            .flat_map(|(index, shard)| shard.nodes.iter().map(move |node| (node.endpoint.clone(), index)))
            .collect();
        let former = std::mem::replace(&mut self.owners, owners);
        let moved = !former.has_same_owners(&self.owners);
        let changed = moved || former.everywhere() != self.owners.everywhere();
        self.version = self.version.wrapping_add(u32::from(moved));
        self.layout = self.layout.wrapping_add(u32::from(changed));
        changed
    }

    #[inline]
    pub(super) fn gate(&self, shard: u16, use_: Use) -> &Gate {
        // A node that is about to end is still asked, although nothing else is sent to it.
        if use_ == Use::Probe
            && let Some(former) = self.ending.get(&shard)
        {
            return former;
        }
        let gates = match use_ {
            Use::Master | Use::Listening | Use::Ear | Use::Probe => &self.gates,
            Use::Reads => &self.readers,
        };
        gates.get(usize::from(shard)).unwrap_or(&Gate::Closed)
    }

    #[inline]
    pub(super) fn is_open(&self, shard: u16, use_: Use) -> bool {
        matches!(self.gate(shard, use_), Gate::Open(_))
    }

    pub(super) fn asks_password(&self) -> bool {
        self.asks_password
    }

    #[inline]
    pub(super) fn owners(&self) -> &Owners {
        &self.owners
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }

    pub(super) fn layout(&self) -> u32 {
        self.layout
    }

    /// Returns the worker's own number.
    pub(super) fn spread(&self) -> u64 {
        self.spread
    }

    /// Returns the shard that this node belongs to.
    pub(super) fn shard_at(&self, endpoint: &Endpoint) -> Option<u16> {
        self.places.get(endpoint).copied()
    }

    /// Changes the owner of a slot as a redirect says, until the next topology.
    pub(super) fn patch(&mut self, slot: Slot, shard: u16) {
        let changed = u32::from(self.owners.patch(slot, shard));
        self.version = self.version.wrapping_add(changed);
        self.layout = self.layout.wrapping_add(changed);
    }

    /// Notes that a slot of this shard is half moved: some of its keys are here, some elsewhere.
    pub(super) fn note_moving(&mut self, shard: u16, now: u64) {
        self.moving.retain(|_, until| *until > now);
        self.moving.insert(shard, now + MOVING);
    }

    pub(super) fn is_moving(&self, shard: u16, now: u64) -> bool {
        self.moving.get(&shard).is_some_and(|until| *until > now)
    }

    /// Notes whether the shard's master took the last connection.
    pub(super) fn set_failing(&mut self, shard: u16, failing: bool) {
        if failing {
            self.failing.insert(shard);
        } else if !self.failing.is_empty() {
            self.failing.remove(&shard);
        }
    }

    /// Returns true if discovery has found the node not to answer.
    pub(super) fn is_down(&self, endpoint: &Endpoint) -> bool {
        self.down.contains(endpoint)
    }

    pub(super) fn is_failing(&self, shard: u16) -> bool {
        self.failing.contains(&shard)
    }

    /// Returns the shard for requests without keys: the same one for the same seed, as long as its master serves.
    pub(super) fn home(&self, seed: u32) -> u16 {
        let Some(map) = self.owners.cluster() else { return ONLY_SHARD };
        let count = map.shards().count();
        let Some(first) = (seed as usize).checked_rem(count) else { return ONLY_SHARD };
        let mut turn = map.shards().skip(first).chain(map.shards().take(first));
        let preferred = turn.clone().next();
        let serves = |shard: &u16| self.is_open(*shard, Use::Master) && !self.failing.contains(shard);
        turn.find(serves).or(preferred).unwrap_or(ONLY_SHARD)
    }
}

fn gate_of(shard: &Shard, checks_role: bool) -> Gate {
    let Some(node) = shard.master_node() else { return Gate::Closed };
    let check = Check { master: checks_role, run_id: node.run_id.clone(), readonly: false };
    Gate::Open(Target { endpoint: node.endpoint.clone(), check })
}

fn gate_of_reader(reader: Option<&ReadNode>, checks_role: bool, clustered: bool) -> Gate {
    let Some(reader) = reader else { return Gate::Closed };
    let check = Check {
        master: checks_role && reader.is_master,
        run_id: reader.run_id.clone(),
        readonly: clustered && !reader.is_master,
    };
    Gate::Open(Target { endpoint: reader.endpoint.clone(), check })
}

fn changed_gates(former: &[Gate], present: &[Gate], use_: Use) -> Vec<(u16, Use)> {
    let at = |gates: &[Gate], shard: u16| gates.get(usize::from(shard)).cloned().unwrap_or_default();
    let count = former.len().max(present.len());
    let shards = (0..u16::MAX).take(count);
    shards.filter(|shard| at(former, *shard) != at(present, *shard)).map(|shard| (shard, use_)).collect()
}

fn is_same_gate(gate: &Gate, former: &Gate) -> bool {
    match (gate, former) {
        (Gate::Open(new), Gate::Open(current)) => is_same(new, current),
        (Gate::Closed, _) | (_, Gate::Closed) => false,
    }
}

/// Returns true if both lead to the same process. A run id that is not known on one side says nothing.
pub(super) fn is_same(new: &Target, current: &Target) -> bool {
    let known = |check: &Check| check.run_id.clone();
    let (new_id, current_id): (Option<Arc<str>>, Option<Arc<str>>) =
        (known(&new.check), known(&current.check));
    let is_prepared = !new.check.readonly || current.check.readonly;
    new.endpoint == current.endpoint
        && is_prepared
        && (new_id.is_none() || current_id.is_none() || new_id == current_id)
}

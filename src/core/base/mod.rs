//! The ground that every part of the core stands on: the clients and lanes of one worker, the gates of the shards, the
//! clock, and the lists of what is to be done at the end of the turn. What becomes of a command is decided elsewhere; here a
//! verdict becomes a reply (`fail_request`).

mod about;
pub(crate) mod arena;
pub(super) mod caches;
pub(crate) mod clients;
pub(super) mod ears;
pub(super) mod follow;
pub(crate) mod holds;
mod lanes;
pub(crate) mod links;
pub(crate) mod meta;
pub(crate) mod queue;
mod replies;
pub(crate) mod shares;
pub(super) mod spares;
pub(crate) mod strays;
pub(super) mod tell;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::ids::{ClientId, LaneId};
use crate::metrics::worker::WorkerMetrics;
use crate::node::lane::{Lane, LaneKey, Use};
use crate::node::stream::SegmentPool;
use crate::resp::reply::ErrorCode;
use crate::route::redirect::{self, Redirect};
use crate::topology::Endpoint;
use crate::topology::hint::{Hint, HintReason};

use arena::Arena;
use caches::Caches;
use clients::OrderedAnswer;
use holds::Holds;
use strays::Strays;

use super::Effect;
use super::monitors::Monitors;
use super::pause::Paused;
use super::retry::UnblockOrder;
use super::settings::{HoldBudget, Settings};
use super::shards::{Gate, ONLY_SHARD, Shards};
use super::unknown::Learning;

/// The state that all parts of the core share. See the module.
pub(crate) struct Base {
    pub(super) settings: Arc<Settings>,
    pub(super) metrics: Arc<WorkerMetrics>,
    /// Microseconds on the worker's clock, the same for the whole turn.
    pub(super) now: u64,
    pub(super) shards: Shards,
    pub(super) clients: Arena<Client>,
    /// Clients that were removed in this turn, and whose own lanes and subscriptions are still to be given up.
    pub(super) gone: Vec<Client>,
    pub(super) lanes: Arena<Lane>,
    /// The own lanes that no client has; see [`spares`].
    pub(super) spares: Vec<LaneId>,
    /// Own lanes whose last request was answered in this turn.
    pub(super) idle_own: Vec<LaneId>,
    /// The lanes that several clients share, by what these clients have in common.
    pub(super) shared: HashMap<LaneKey, LaneId>,
    pub(super) strays: Strays,
    pub(super) segments: SegmentPool,
    pub(super) buffers: Vec<Vec<u8>>,
    pub(super) holds: Holds,
    pub(super) dirty_clients: Vec<ClientId>,
    pub(super) dirty_lanes: Vec<LaneId>,
    /// Clients that were stalled and may go on with the input that they have sent already.
    pub(super) resumed: Vec<ClientId>,
    /// Clients whose transaction waited for an answer to a part of the proxy's own, which has come.
    pub(super) executing: Vec<ClientId>,
    pub(super) effects: Vec<Effect>,
    /// The client at hand has sent more input behind the request at hand.
    pub(super) more_input: bool,
    /// The next tick should come soon: something waits for a connection, or for the end of a pause.
    pub(super) tick_soon: bool,
    /// CLIENT PAUSE is in force.
    pub(super) paused: Option<Paused>,
    pub(super) learning: Learning,
    pub(super) monitors: Monitors,
    pub(super) caches: Caches,
    /// Answers to subscribers in this turn, which are to come behind the messages before them.
    pub(super) ordered: Vec<OrderedAnswer>,
    /// The number of workers.
    pub(super) workers: usize,
    /// Orders of CLIENT UNBLOCK that nodes were given.
    pub(super) unblock_orders: Vec<UnblockOrder>,
}

impl Base {
    pub(crate) fn new(settings: Arc<Settings>, metrics: Arc<WorkerMetrics>, budget: Arc<HoldBudget>) -> Self {
        let tracked_keys = settings.tracked_keys;
        Base {
            shards: Shards::new(&settings.sharding, settings.turns.draw()),
            holds: Holds::new(budget, Arc::clone(&metrics)),
            settings,
            metrics,
            now: 0,
            clients: Arena::default(),
            gone: Vec::new(),
            lanes: Arena::default(),
            spares: Vec::new(),
            idle_own: Vec::new(),
            shared: HashMap::new(),
            strays: Strays::default(),
            segments: SegmentPool::default(),
            buffers: Vec::new(),
            dirty_clients: Vec::new(),
            dirty_lanes: Vec::new(),
            resumed: Vec::new(),
            executing: Vec::new(),
            effects: Vec::new(),
            more_input: false,
            tick_soon: false,
            paused: None,
            learning: Learning::default(),
            monitors: Monitors::default(),
            caches: Caches::new(tracked_keys),
            ordered: Vec::new(),
            workers: 1,
            unblock_orders: Vec::new(),
        }
    }

    pub(crate) fn client(&mut self, id: ClientId) -> Option<&mut Client> {
        self.clients.get_mut(id)
    }

    pub(crate) fn lane(&mut self, id: LaneId) -> Option<&mut Lane> {
        self.lanes.get_mut(id)
    }

    pub(crate) fn touch_client(&mut self, id: ClientId) {
        if let Some(client) = self.client(id).filter(|client| !client.dirty) {
            client.dirty = true;
            self.dirty_clients.push(id);
        }
    }

    pub(crate) fn touch_lane(&mut self, id: LaneId) {
        if let Some(lane) = self.lane(id).filter(|lane| !lane.dirty) {
            lane.dirty = true;
            self.dirty_lanes.push(id);
        }
    }

    pub(crate) fn hint(&mut self, endpoint: Endpoint, reason: HintReason) {
        self.effects.push(Effect::Hint(Hint { endpoint, reason }));
    }

    pub(crate) fn elapsed(&self, since: u64) -> Duration {
        Duration::from_micros(self.now.saturating_sub(since))
    }

    /// Applies a redirect: the owner to the map, and a hint for discovery. Returns the shard that it names.
    pub(crate) fn apply_redirect(&mut self, id: LaneId, frame: &[u8]) -> Option<u16> {
        let code = ErrorCode::of(frame);
        let asked = self.lane(id)?.link.target()?.endpoint.clone();
        if matches!(code, ErrorCode::ClusterDown) {
            self.hint(asked, HintReason::ClusterDown);
            return None;
        }
        let Redirect { slot, host, port } = redirect::parse(frame)?;
        let host = if host.is_empty() { &*asked.host } else { host };
        let named = Endpoint::new(host, port);
        let named = self.settings.address_map.get(&named).cloned().unwrap_or(named);
        let named = self.settings.aliases.dialled(named);
        if let Some(lane) = self.lane(id).filter(|_| code == ErrorCode::Moved) {
            lane.names_itself = named == asked;
        }
        let shard = self.shards.shard_at(&named);
        if code == ErrorCode::Moved || shard.is_none() {
            self.hint(named, HintReason::Moved);
        }
        if let (ErrorCode::Moved, Some(shard)) = (code, shard) {
            self.shards.patch(slot, shard);
        }
        shard
    }

    /// Returns the reason together with the fault that discovery knows to be behind it. `place`: the shard and use
    /// that the command was meant for, if they are known.
    pub(crate) fn with_cause(&self, reason: &str, place: Option<(u16, Use)>) -> String {
        let diagnosis = self.settings.diagnosis.load();
        match diagnosis.why(|peer| self.concerns(peer, place)) {
            Some(finding) => format!("{reason}: {finding}"),
            None => reason.to_owned(),
        }
    }

    /// Returns true if a fault of this peer may be the reason why no node takes a command for `place`.
    fn concerns(&self, peer: &Endpoint, place: Option<(u16, Use)>) -> bool {
        let only = self.shards.owners().is_single().then_some((ONLY_SHARD, Use::Master));
        let Some((shard, use_)) = place.or(only) else { return true };
        match self.shards.gate(shard, use_) {
            Gate::Open(target) => target.endpoint == *peer,
            Gate::Closed => self.shards.shard_at(peer).is_none_or(|other| other == shard),
        }
    }
}

//! One worker's part of one proxy, without IO: bytes and events go in, bytes and effects come out.
//!
//! [`crate::worker`] drives it: it gives what the sockets hold, then writes what is dirty and carries the effects
//! out. Time is a number that the driver sets once a turn, so the whole of it runs under simulated time too.
//!
//! In reading order: [`requests`] (client bytes → steps), [`locals`] and [`transactions`] (steps that stay here),
//! [`routing`] (which shards), [`readers`] (which of their nodes), [`sending`] (onto a lane), [`parts`] (one command
//! on several lanes), [`large`] and [`uploads`] (large requests, kept or streamed), [`answers`] (node bytes →
//! replies), [`isolated`] (replies that are none), [`after`] (what a reply changes), [`known`] (what sessions are
//! taken to be while there is no node), [`pubsub`], [`leaving`], [`hub`], [`homes`], [`listening`] and [`deaf`] (what
//! clients are subscribed to, and where), [`counts`] and [`tally`] (how many they are), [`refusals`], [`redirects`], [`scripts`] and [`loss`] (what did
//! not run, what may have), [`rewrite`] (how it is sent again), [`waiting`] (commands that wait at a node, and go on
//! at the next), [`strays`] (requests without a lane), [`evacuation`] (requests on the wrong one), [`shards`] (gates
//! and owners of slots), [`shutdowns`] (nodes that end in good order), [`silence`] (nodes that say nothing),
//! [`links`] (connections), [`settled`] (what is in flight of the time before a map), [`timers`], [`expiry`] (what
//! waits no longer), [`owners`] (who ends each wait), [`causes`] (why nothing was taken), [`clients`] (coming and
//! going), [`arena`] (clients and lanes by their ids), [`holds`] (what is held), [`settings`] (the numbers that bound it).

mod after;
mod answers;
pub(crate) mod arena;
mod causes;
mod clients;
mod counts;
mod deaf;
mod evacuation;
mod expiry;
mod holds;
mod homes;
mod hub;
mod isolated;
mod known;
mod large;
mod leaving;
mod links;
mod listening;
mod locals;
mod loss;
mod owners;
mod parts;
mod pubsub;
mod readers;
mod redirects;
mod refusals;
mod requests;
mod rewrite;
mod routing;
mod scripts;
mod sending;
pub(crate) mod settings;
mod settled;
mod shards;
mod shutdowns;
mod silence;
mod strays;
mod tally;
#[cfg(test)]
mod tests;
pub(crate) mod timers;
mod transactions;
mod uploads;
mod waiting;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use crate::client::Client;
use crate::client::audience::{Audience, AudienceKey};
use crate::ids::{ClientId, LaneId};
use crate::metrics::worker::WorkerMetrics;
use crate::node::lane::{Lane, LaneKey};
use crate::node::stream::SegmentPool;
use crate::reasons::CloseReason;
use crate::resp::pubsub::{Name, Space};
use crate::topology::Endpoint;
use crate::topology::hint::{Hint, HintReason};
use arena::Arena;
use holds::Holds;
use hub::Later;
use isolated::Isolated;
use known::Known;
use scripts::SeenScripts;
use settings::{HoldBudget, Settings};
use settled::Settling;
use shards::Shards;
use shutdowns::Shutdowns;
use strays::Strays;

/// What the driver is to do. Order matters within one turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Connect {
        lane: LaneId,
        connection: u32,
        endpoint: Endpoint,
        /// It is one client's own.
        own: bool,
    },
    /// Closes the lane's connection, whichever it is.
    Disconnect {
        lane: LaneId,
    },
    CloseClient {
        client: ClientId,
        reason: CloseReason,
    },
    /// Read on: the client may have more to say.
    ReadClient {
        client: ClientId,
    },
    Hint(Hint),
    /// Says this to a node over a connection of its own; the reply is of no interest.
    Say {
        endpoint: Endpoint,
        bytes: Vec<u8>,
    },
}

/// See the module.
pub(crate) struct Core {
    settings: Arc<Settings>,
    metrics: Arc<WorkerMetrics>,
    /// Microseconds on the worker's clock, the same for the whole turn.
    now: u64,
    shards: Shards,
    settling: Settling,
    clients: Arena<Client>,
    lanes: Arena<Lane>,
    shared: HashMap<LaneKey, LaneId>,
    strays: Strays,
    audiences: Slab<Audience>,
    audience_keys: HashMap<AudienceKey, usize>,
    /// Clients whose SUBSCRIBE is not confirmed.
    subscribing: BTreeSet<ClientId>,
    /// Clients whose UNSUBSCRIBE is not confirmed.
    unsubscribing: BTreeSet<ClientId>,
    later: Vec<Later>,
    /// Names whose marks are not in line with the number of their listeners.
    unmarked: Vec<(usize, Space, Name)>,
    scripts: SeenScripts,
    isolated: Isolated,
    known: Known,
    segments: SegmentPool,
    buffers: Vec<Vec<u8>>,
    holds: Holds,
    dirty_clients: Vec<ClientId>,
    dirty_lanes: Vec<LaneId>,
    resumed: Vec<ClientId>,
    effects: Vec<Effect>,
    draining: bool,
    /// More of what the client at hand has sent stands behind the request at hand.
    behind: bool,
    /// A lane waits for a connection: the next tick should not be far.
    hurry: bool,
    /// When everything is to be looked at again, on the clock of `now`.
    next_round: u64,
    shutdowns: Shutdowns,
}

impl Core {
    pub(crate) fn new(settings: Arc<Settings>, metrics: Arc<WorkerMetrics>, budget: Arc<HoldBudget>) -> Self {
        let holds = Holds::new(budget, Arc::clone(&metrics));
        Core {
            shards: Shards::new(&settings.sharding, settings.turns.take()),
            settings,
            metrics,
            settling: Settling::default(),
            now: 0,
            clients: Arena::default(),
            lanes: Arena::default(),
            shared: HashMap::new(),
            strays: Strays::default(),
            audiences: Slab::new(),
            audience_keys: HashMap::new(),
            subscribing: BTreeSet::new(),
            unsubscribing: BTreeSet::new(),
            later: Vec::new(),
            unmarked: Vec::new(),
            scripts: SeenScripts::default(),
            isolated: Isolated::default(),
            known: Known::default(),
            segments: SegmentPool::default(),
            buffers: Vec::new(),
            holds,
            dirty_clients: Vec::new(),
            dirty_lanes: Vec::new(),
            resumed: Vec::new(),
            effects: Vec::new(),
            draining: false,
            behind: false,
            hurry: false,
            next_round: 0,
            shutdowns: Shutdowns::default(),
        }
    }

    /// To be called first in each turn.
    pub(crate) fn set_now(&mut self, micros: u64) {
        self.now = micros;
    }

    /// Brings the turn to its end: lets stalled clients go on. Afterwards the dirty lists are complete.
    pub(crate) fn finish_turn(&mut self) {
        while let Some(id) = self.resumed.pop() {
            self.resume_client(id);
        }
        self.mark_all();
    }

    pub(crate) fn take_dirty_clients(&mut self, into: &mut Vec<ClientId>) {
        into.append(&mut self.dirty_clients);
    }

    pub(crate) fn take_dirty_lanes(&mut self, into: &mut Vec<LaneId>) {
        into.append(&mut self.dirty_lanes);
    }

    pub(crate) fn take_effects(&mut self, into: &mut Vec<Effect>) {
        into.append(&mut self.effects);
    }

    /// Nothing is left to wait for: no client, and the drain was asked for.
    pub(crate) fn is_drained(&self) -> bool {
        self.draining && self.clients.is_empty()
    }

    /// Microseconds to the next tick, if that has become urgent since the last turn.
    pub(crate) fn take_hurry(&mut self) -> Option<u64> {
        let hurry = std::mem::take(&mut self.hurry);
        if hurry {
            self.next_round = self.next_round.min(self.now + timers::TICK_WHILE_DOWN);
        }
        hurry.then_some(timers::TICK_WHILE_DOWN)
    }

    /// Ticks are needed while somebody is here.
    pub(crate) fn is_idle(&self) -> bool {
        self.clients.is_empty() && self.lanes.is_empty() && self.strays.is_empty()
    }

    fn client(&mut self, id: ClientId) -> Option<&mut Client> {
        self.clients.get_mut(id)
    }

    fn lane(&mut self, id: LaneId) -> Option<&mut Lane> {
        self.lanes.get_mut(id)
    }

    fn touch_client(&mut self, id: ClientId) {
        if let Some(client) = self.client(id).filter(|client| !client.dirty) {
            client.dirty = true;
            self.dirty_clients.push(id);
        }
    }

    fn touch_lane(&mut self, id: LaneId) {
        if let Some(lane) = self.lane(id).filter(|lane| !lane.dirty) {
            lane.dirty = true;
            self.dirty_lanes.push(id);
        }
    }

    fn hint(&mut self, endpoint: Endpoint, reason: HintReason) {
        self.effects.push(Effect::Hint(Hint { endpoint, reason }));
    }

    fn elapsed(&self, since: u64) -> Duration {
        Duration::from_micros(self.now.saturating_sub(since))
    }
}

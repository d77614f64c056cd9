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
pub(crate) mod base;
mod clients;
mod counted;
mod everywhere;
pub(crate) mod hub;
mod isolated;
mod known;
mod links;
mod outcomes;
mod owners;
mod readers;
mod requests;
mod retry;
mod rewrite;
mod scripts;
pub(crate) mod settings;
mod settled;
mod shards;
mod shutdowns;
mod silence;
#[cfg(test)]
mod tests;
pub(crate) mod timers;

use std::sync::Arc;

use crate::client::{Life, Stall};
use crate::ids::{ClientId, LaneId};
use crate::metrics::worker::WorkerMetrics;
use crate::reasons::CloseReason;
use crate::topology::hint::Hint;
use crate::topology::{Endpoint, Generation};

use base::Base;
use hub::Hub;
use requests::{Memory, Requests};
use settings::{HoldBudget, INPUT_HIGH, Settings};
use settled::Settling;
use shutdowns::Shutdowns;

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
    base: Base,
    settling: Settling,
    hub: Hub,
    memory: Memory,
    draining: bool,
    /// When everything is to be looked at again, on the clock of `now`.
    next_round: u64,
    shutdowns: Shutdowns,
}

impl Core {
    pub(crate) fn new(settings: Arc<Settings>, metrics: Arc<WorkerMetrics>, budget: Arc<HoldBudget>) -> Self {
        Core {
            base: Base::new(settings, metrics, budget),
            settling: Settling::default(),
            hub: Hub::default(),
            memory: Memory::default(),
            draining: false,
            next_round: 0,
            shutdowns: Shutdowns::default(),
        }
    }

    /// To be called first in each turn.
    pub(crate) fn set_now(&mut self, micros: u64) {
        self.base.now = micros;
    }

    /// Brings the turn to its end: lets stalled clients go on. Afterwards the dirty lists are complete.
    pub(crate) fn finish_turn(&mut self) {
        loop {
            while let Some(id) = self.base.resumed.pop() {
                self.requests().resume_client(id);
            }
            self.hub.mark_all(&mut self.base);
            if !self.bury_gone() {
                break;
            }
        }
    }

    pub(crate) fn take_dirty_clients(&mut self, into: &mut Vec<ClientId>) {
        into.append(&mut self.base.dirty_clients);
    }

    pub(crate) fn take_dirty_lanes(&mut self, into: &mut Vec<LaneId>) {
        into.append(&mut self.base.dirty_lanes);
    }

    pub(crate) fn take_effects(&mut self, into: &mut Vec<Effect>) {
        into.append(&mut self.base.effects);
    }

    /// Whether the driver should read this client's socket.
    pub(crate) fn wants_input(&self, id: ClientId) -> bool {
        let client = self.base.clients.get(id);
        client.is_some_and(|client| {
            let buffered = client.input.len() - client.consumed;
            client.life == Life::Open && !client.eof && (client.stall == Stall::None || buffered < INPUT_HIGH)
        })
    }

    /// Takes what the client's socket held.
    pub(crate) fn client_input(&mut self, id: ClientId, bytes: &[u8]) {
        self.requests().client_input(id, bytes);
    }

    fn requests(&mut self) -> Requests<'_> {
        Requests { base: &mut self.base, hub: &mut self.hub, memory: &mut self.memory }
    }

    /// The latest map before which nothing is in flight, if that is news.
    pub(crate) fn take_settled(&mut self) -> Option<Generation> {
        self.settling.take(&self.base)
    }

    /// What waits to be written to a client.
    pub(crate) fn client_output(&mut self, id: ClientId) -> &[u8] {
        self.base.client_output(id)
    }

    /// So much of it was written.
    pub(crate) fn client_written(&mut self, id: ClientId, bytes: usize) {
        self.base.client_written(id, bytes);
    }

    /// The next bytes for the lane's node.
    pub(crate) fn lane_output(&self, id: LaneId) -> &[u8] {
        self.base.lane_output(id)
    }

    /// The driver has written what it could.
    pub(crate) fn lane_flushed(&mut self, id: LaneId) {
        self.base.lane_flushed(id);
    }

    /// Nothing is left to wait for: no client, and the drain was asked for.
    pub(crate) fn is_drained(&self) -> bool {
        self.draining && self.base.clients.is_empty()
    }

    /// Microseconds to the next tick, if that has become urgent since the last turn.
    pub(crate) fn take_hurry(&mut self) -> Option<u64> {
        let hurry = std::mem::take(&mut self.base.hurry);
        if hurry {
            self.next_round = self.next_round.min(self.base.now + timers::TICK_WHILE_DOWN);
        }
        hurry.then_some(timers::TICK_WHILE_DOWN)
    }

    /// Ticks are needed while somebody is here.
    pub(crate) fn is_idle(&self) -> bool {
        self.base.clients.is_empty() && self.base.lanes.is_empty() && self.base.strays.is_empty()
    }
}

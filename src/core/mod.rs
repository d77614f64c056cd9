//! One worker's part of one proxy, without IO: bytes and events go in, bytes and effects come out.
//!
//! Everything stands on [`Base`]: the clients, the lanes, the gates of the shards, the clock. Above it are owners that do not
//! know of each other:
//!
//! - [`requests`]: the way of a client's commands, from bytes to a lane or to an answer that is made here
//! - [`hub`]: publish and subscribe
//! - [`retry`]: what becomes of a request that was refused, redirected, lost or moved, or that has no lane
//!
//! [`Core`] alone knows all of them. It takes what the worker gives and hands it on: [`answers`] and [`after`] (bytes of nodes),
//! [`outcomes`] (refusals and losses), [`links`] (connections), [`gates`] (a new map), [`timers`] (what is due), [`clients`]
//! (coming and going).
//!
//! Beside these stand small parts with a question of their own: [`shutdowns`] (does a node end in good order?), [`silence`]
//! (what does it mean that it says nothing?), [`settled`] (is anything in flight of the time before a map?), [`isolated`]
//! (which replies are none?), [`known`] (what has a node said yes to?), [`scripts`] (what does EVALSHA mean?), [`counted`]
//! (how many heard it?), [`rewrite`] (what is in a request that is sent again?), [`everywhere`] (what is every shard asked?),
//! [`owners`] (who ends each wait?), [`shards`] (gates and owners of slots), [`settings`] (the numbers that bound it all).

mod after;
mod answers;
pub(crate) mod base;
mod clients;
mod counted;
mod everywhere;
mod gates;
pub(crate) mod hub;
mod isolated;
mod known;
mod links;
mod outcomes;
mod owners;
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

/// One worker's part of one proxy. The worker calls it turn by turn, in this order:
///
/// 1. [`set_now`](Core::set_now): the time of the turn, and [`was_away`](Core::was_away) if the worker was stopped meanwhile.
/// 2. What has happened, in any order: a map ([`set_topology`](Core::set_topology)), clients
///    ([`open_client`](Core::open_client), [`client_input`](Core::client_input) as long as
///    [`wants_input`](Core::wants_input), [`client_eof`](Core::client_eof), [`client_gone`](Core::client_gone)), connections to
///    nodes ([`connected`](Core::connected), [`node_input`](Core::node_input), [`link_closed`](Core::link_closed),
///    [`link_deferred`](Core::link_deferred)), the end ([`drain`](Core::drain), then [`stop`](Core::stop)).
/// 3. [`tick`](Core::tick), when it is due.
/// 4. [`finish_turn`](Core::finish_turn): who was stalled goes on, who has gone is forgotten. Then
///    [`take_effects`](Core::take_effects), which are carried out in their order.
/// 5. What is to be written: [`take_dirty_lanes`](Core::take_dirty_lanes) with [`lane_output`](Core::lane_output),
///    [`lane_written`](Core::lane_written) and [`lane_flushed`](Core::lane_flushed), then the same of clients.
/// 6. `finish_turn` and `take_effects` once more, for writing may have let somebody go on.
///
/// It asks nothing back, and whatever comes for a client or a connection that is no more is ignored.
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

    pub(crate) fn has_effects(&self) -> bool {
        !self.base.effects.is_empty()
    }

    pub(crate) fn take_effects(&mut self, into: &mut Vec<Effect>) {
        into.append(&mut self.base.effects);
    }

    /// Returns whether the driver should read this client's socket.
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

    /// Returns what waits to be written to a client.
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

//! One worker's part of one proxy, without IO: bytes and events go in, bytes and effects come out.
//!
//! Everything stands on [`Base`]: the clients, lanes, gates and clock. Above it are owners that do not know of each other:
//!
//! - [`requests`]: the way of a client's commands, from bytes to a lane or to an answer that is made here
//! - [`hub`]: publish and subscribe
//! - [`retry`]: the fate of requests that were refused, redirected, lost or moved, or that have no lane
//!
//! [`Core`] alone knows all of them. It takes what the worker brings and passes it to its owner: [`answers`] and
//! [`after`] (bytes of nodes), [`outcomes`] (refusals and losses), [`links`] (connections), [`gates`] (a new
//! topology), [`timers`] (what is due), [`clients`] (arrival and end).
//!
//! Beside these stand small parts, each with a question of its own: [`shutdowns`] (does a node end in good order?),
//! [`silence`] (what does the silence of a node mean?), [`settled`] (is everything answered that was sent before the
//! last topology?), [`isolated`] (which commands break the protocol?), [`accepted`] (which sessions has a node
//! accepted?), [`scripts`] (which script does EVALSHA name?), [`counted`] (how many subscribers are there?),
//! [`census`] (what do all clients of the proxy say?), [`permission`] (may this client ask that?), [`pause`] (which
//! commands wait for CLIENT UNPAUSE?), [`relays`] (what do replicas get as well?), [`monitors`] (who sees every command?), [`rewrite`] (what is in a request that is
//! sent again?), [`everywhere`] (what is every shard asked?), [`tracking`] (which clients are told that a key has changed?),
//! [`owners`] (what ends each wait?), [`shards`] (gates and owners of slots), [`settings`] (the numbers that bound it all).

mod accepted;
mod after;
mod answers;
pub(crate) mod base;
pub(crate) mod census;
mod clients;
mod counted;
mod everywhere;
mod gates;
pub(crate) mod hub;
mod isolated;
mod links;
mod made_replica;
mod monitors;
mod outcomes;
mod owners;
mod pause;
mod permission;
mod relays;
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
mod tracking;
mod unknown;

use std::sync::Arc;

use crate::client::inquiry::SentInquiry;
use crate::client::{Life, Stall};
use crate::ids::{ClientId, LaneId};
use crate::metrics::worker::WorkerMetrics;
use crate::node::relay::Relay;
use crate::reasons::CloseReason;
use crate::topology::hint::Hint;
use crate::topology::{Endpoint, Generation};

use base::Base;
use base::spares::take_back_idle;
use hub::Hub;
use monitors::pass_on_lines;
use requests::{Memory, Requests};
use settings::{HoldBudget, INPUT_HIGH, Settings};
use settled::Settling;
use shutdowns::Shutdowns;
use tracking::follow_owners;

/// A task for the worker. The order of effects matters within one turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Connect the lane to a node.
    Connect {
        lane: LaneId,
        connection: u32,
        endpoint: Endpoint,
        /// The connection is one client's own.
        own: bool,
    },
    /// Close the lane's connection, whichever it is.
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
    /// Send these bytes to a node over a connection of their own. The replies are ignored.
    SendOnce {
        endpoint: Endpoint,
        bytes: Vec<u8>,
    },
    /// Sends lines of MONITOR to the other workers, for their clients.
    ShowElsewhere {
        lines: Arc<[u8]>,
    },
    /// Tells a client of another worker what to drop from its cache, on behalf of a client that redirects to it.
    TellElsewhere {
        target: u64,
        /// `None`: everything.
        keys: Option<Arc<[u8]>>,
    },
    /// Tells the other workers that a client has gone to which clients redirect.
    TargetGone {
        target: u64,
    },
    /// Sends a command to the replicas of the node that has accepted it, and tells when they have answered: see
    /// [`Core::relayed`].
    Relay {
        number: u32,
        relay: Relay,
    },
    /// Sends an inquiry to all other workers. Each of them answers it: see [`Core::inquiry_answered`].
    Inquire {
        number: u32,
        inquiry: Arc<SentInquiry>,
    },
}

/// One worker's part of one proxy. The worker calls it turn by turn, in this order:
///
/// 1. [`set_now`](Core::set_now): the time of the turn, and [`was_away`](Core::was_away) if the worker was stopped meanwhile.
/// 2. The events, in any order: a topology ([`set_topology`](Core::set_topology)), clients
///    ([`open_client`](Core::open_client), [`client_input`](Core::client_input) as long as
///    [`wants_input`](Core::wants_input), [`client_eof`](Core::client_eof), [`client_gone`](Core::client_gone)), connections to
///    nodes ([`connected`](Core::connected), [`node_input`](Core::node_input), [`link_closed`](Core::link_closed),
///    [`link_deferred`](Core::link_deferred)), the end ([`drain`](Core::drain), then [`stop`](Core::stop)).
/// 3. [`tick`](Core::tick), when it is due. It comes before the bytes of clients and nodes are read.
/// 4. [`finish_turn`](Core::finish_turn): stalled clients go on, clients that have gone are forgotten. Then
///    [`take_effects`](Core::take_effects), which are carried out in their order.
/// 5. Writing: [`take_dirty_lanes`](Core::take_dirty_lanes) with [`lane_output`](Core::lane_output),
///    [`lane_written`](Core::lane_written) and [`lane_flushed`](Core::lane_flushed), then the same for clients.
/// 6. `finish_turn` and `take_effects` once more, since writing may have let clients go on. While there is more to read, reading
///    and 4 to 6 follow again.
///
/// It never calls the worker. Events for a client or a connection that does not exist any more are ignored.
pub(crate) struct Core {
    base: Base,
    settling: Settling,
    hub: Hub,
    memory: Memory,
    /// The proxy is stopping: clients are closed when they have what they are owed.
    draining: bool,
    /// The time of the next look at all lanes and clients, in microseconds on the worker's clock.
    next_round: u64,
    /// The time of the next count of clients that wait.
    next_count: u64,
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
            next_count: 0,
            shutdowns: Shutdowns::default(),
        }
    }

    /// Sets the time of the turn, in microseconds on the worker's clock. To be called first in each turn.
    pub(crate) fn set_now(&mut self, micros: u64) {
        self.base.now = micros;
    }

    /// Ends the turn: lets stalled clients go on. Afterwards the lists of dirty clients and lanes are complete.
    pub(crate) fn finish_turn(&mut self) {
        loop {
            while let Some(id) = self.base.executing.pop() {
                self.requests().go_on_executing(id);
            }
            while let Some(id) = self.base.resumed.pop() {
                self.requests().resume_client(id);
            }
            self.hub.order.ask(&mut self.base, &self.hub.audiences);
            self.hub.send_marks(&mut self.base);
            pass_on_lines(&mut self.base);
            follow_owners(&mut self.base);
            take_back_idle(&mut self.base);
            if !self.release_gone_clients() {
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

    /// Returns true if the worker should read this client's socket.
    pub(crate) fn wants_input(&self, id: ClientId) -> bool {
        let client = self.base.clients.get(id);
        client.is_some_and(|client| {
            let buffered = client.input.len() - client.consumed;
            client.life == Life::Open && !client.eof && (client.stall == Stall::None || buffered < INPUT_HIGH)
        })
    }

    /// Takes the bytes that were read from the client's socket.
    pub(crate) fn client_input(&mut self, id: ClientId, bytes: &[u8]) {
        self.requests().client_input(id, bytes);
    }

    fn requests(&mut self) -> Requests<'_> {
        Requests { base: &mut self.base, hub: &mut self.hub, memory: &mut self.memory }
    }

    /// Returns the latest topology before which nothing is in flight any more, if that is news.
    pub(crate) fn take_settled(&mut self) -> Option<Generation> {
        self.settling.take(&self.base)
    }

    /// Returns the bytes that wait to be written to a client.
    pub(crate) fn client_output(&mut self, id: ClientId) -> &[u8] {
        self.base.client_output(id)
    }

    /// Notes that so many of these bytes were written.
    pub(crate) fn client_written(&mut self, id: ClientId, bytes: usize) {
        self.base.client_written(id, bytes);
    }

    /// Returns the next bytes for the lane's node.
    pub(crate) fn lane_output(&self, id: LaneId) -> &[u8] {
        self.base.lane_output(id)
    }

    /// Notes that the worker has written what it could.
    pub(crate) fn lane_flushed(&mut self, id: LaneId) {
        self.base.lane_flushed(id);
    }

    /// Returns true if the drain is complete: it was asked for, and no client is left.
    pub(crate) fn is_drained(&self) -> bool {
        self.draining && self.base.clients.is_empty()
    }

    /// Returns the microseconds to the next tick, if it has become urgent since the last turn.
    pub(crate) fn take_tick_soon(&mut self) -> Option<u64> {
        let hurry = std::mem::take(&mut self.base.tick_soon);
        if hurry {
            self.next_round = self.next_round.min(self.base.now + timers::TICK_WHILE_DOWN);
        }
        hurry.then_some(timers::TICK_WHILE_DOWN)
    }

    /// Returns true if there is nothing that needs ticks: no client, no lane and no stray.
    pub(crate) fn is_idle(&self) -> bool {
        self.base.clients.is_empty() && self.base.lanes.is_empty() && self.base.strays.is_empty()
    }
}

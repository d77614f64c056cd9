//! A lane: the key that says which requests may share a node connection, and the connection that carries them at the moment.
//!
//! Requests are held in the same queue and stream: a held lane is one that is not flushed.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::config::Credentials;
use crate::ids::{ClientId, LaneId};
use crate::reasons::RetryReason;
use crate::resp::reply::Proto;
use crate::topology::Endpoint;

use super::greeting::Check;
use super::hold::Ticket;
use super::input::ReplyInput;
use super::link::Link;
use super::listening::Listening;
use super::modes::Modes;
use super::probe::Probe;
use super::queue::{Entry, EntryKind};
use super::stream::Stream;
use super::tracked::Tracked;

/// The node of its shard that a lane leads to, and the purpose of the lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Use {
    #[default]
    Master,
    /// The node that serves reads at present.
    Reads,
    /// The master, for subscriptions and their messages alone.
    Listening,
    /// The master, which tells there what has changed for another lane: one of RESP2, which cannot be told on its own connection.
    Ear,
    /// The master, to ask it whether it is about to end.
    Probe,
}

impl Use {
    /// Returns the use whose gate opens lanes of this use.
    pub(crate) fn gate(self) -> Use {
        match self {
            Use::Master | Use::Listening | Use::Ear | Use::Probe => Use::Master,
            Use::Reads => Use::Reads,
        }
    }
}

/// The properties that requests on one connection have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    pub(crate) shard: u16,
    pub(crate) use_: Use,
    pub(crate) identity: Option<Arc<Credentials>>,
    pub(crate) db: u32,
    pub(crate) proto: Proto,
    pub(crate) modes: Modes,
    /// The client whose own lane this is. `None`: the lane is shared.
    pub(crate) owner: Option<ClientId>,
}

/// The node that a shard's commands go to, and the facts to check there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) check: Check,
}

/// A lane with its connection and its requests.
pub(crate) struct Lane {
    pub(crate) id: LaneId,
    pub(crate) key: LaneKey,
    pub(crate) stream: Stream,
    pub(crate) queue: VecDeque<Entry>,
    pub(crate) link: Link,
    /// The number of the present connection. An event of an earlier one is void.
    pub(crate) connection: u32,
    pub(crate) input: ReplyInput,
    /// The node named itself when it last named the owner of a slot.
    pub(crate) names_itself: bool,
    /// The layout of the shards for which it was checked whether the waiting requests still belong on this lane.
    pub(crate) checked_layout: u32,
    /// A request stands behind one that has waited for a shorter time.
    pub(crate) mixed_ages: bool,
    /// The number of failed attempts to connect in a row.
    pub(crate) failures: u32,
    /// The number of connections in a row that were established and ended without a reply.
    pub(crate) replyless_connections: u32,
    /// Microseconds on the worker's clock when the node last sent something, or got something after an idle time.
    pub(crate) heard: u64,
    /// Microseconds on the worker's clock at which the lane last carried a request.
    pub(crate) used: u64,
    /// Clients that are stalled until the lane has less to carry.
    pub(crate) waiting: Vec<ClientId>,
    /// The ticket for the requests that are held on the lane.
    pub(crate) held: Ticket,
    /// The node's id for the present connection.
    pub(crate) node_connection_id: Option<u64>,
    /// The run id of the process at the other end.
    pub(crate) run_id: Option<Arc<str>>,
    /// A connection that was given up in silence: its node, and its id there.
    pub(crate) abandoned: Option<(Endpoint, u64)>,
    /// The state of a listening lane, which has neither stream nor queue.
    pub(crate) listening: Option<Box<Listening>>,
    /// The lane that hears for this one what has changed, and the lane that this one hears for.
    pub(crate) ear: Option<LaneId>,
    pub(crate) hears_for: Option<LaneId>,
    /// What clients may have cached of that which came on this lane.
    pub(crate) tracked: Option<Box<Tracked>>,
    /// The state of a lane that asks its node about itself. It has neither stream nor queue.
    pub(crate) probe: Option<Box<Probe>>,
    /// A WATCH was sent, and nothing yet that certainly ended it.
    pub(crate) may_watch: bool,
    /// It has carried a command about its node, which may have changed the connection: no other client gets it.
    pub(crate) had_operator: bool,
    /// The lane is in the list of lanes to be written.
    pub(crate) dirty: bool,
}

impl Lane {
    pub(crate) fn new(id: LaneId, key: LaneKey, now: u64) -> Self {
        let tracked = key.modes.tracking.is_on().then(Box::default);
        Lane {
            id,
            key,
            tracked,
            ear: None,
            hears_for: None,
            stream: Stream::default(),
            queue: VecDeque::new(),
            link: Link::Down { retry_at: 0 },
            connection: 0,
            input: ReplyInput::default(),
            names_itself: false,
            checked_layout: 0,
            mixed_ages: false,
            failures: 0,
            replyless_connections: 0,
            heard: now,
            used: now,
            waiting: Vec::new(),
            held: Ticket::default(),
            node_connection_id: None,
            run_id: None,
            abandoned: None,
            listening: None,
            probe: None,
            may_watch: false,
            had_operator: false,
            dirty: false,
        }
    }

    /// Notes a reply that says that the node has forgotten every WATCH so far. One may be on its way behind it.
    pub(crate) fn note_unwatched(&mut self) {
        self.may_watch = self.queue.iter().any(|entry| entry.kind == EntryKind::Watch);
    }

    pub(crate) fn is_dedicated(&self) -> bool {
        self.key.owner.is_some()
    }

    /// Returns true if the lane is an own lane that no client has.
    pub(crate) fn is_spare(&self) -> bool {
        self.key.owner == Some(ClientId::NOBODY)
    }

    /// Returns true if what changes cannot be told on the lane's own connection.
    pub(crate) fn needs_ear(&self) -> bool {
        self.key.proto == Proto::Resp2 && self.key.modes.tracking.is_on()
    }

    /// Returns true if the lane's node is connected and takes requests.
    pub(crate) fn is_ready(&self) -> bool {
        self.link.is_ready()
    }

    /// Returns true if an attempt to connect is under way and nothing may be held: it gets its chance.
    pub(crate) fn is_trying(&self, hold: u64) -> bool {
        hold == 0 && matches!(self.link, Link::Opening { .. } | Link::Greeting { .. })
    }

    /// Returns how many of the lane's requests have begun to leave.
    pub(crate) fn begun(&self) -> usize {
        let written = self.stream.written();
        self.queue.partition_point(|entry| entry.start < written)
    }

    /// Returns true if the lane has as much to carry as it may. What is held is bounded by the hold budget instead.
    pub(crate) fn is_full(&self, high: usize) -> bool {
        self.link.is_up() && self.link.silent().is_none() && self.stream.unanswered() > high
    }

    /// Returns the bytes that may be written now.
    pub(crate) fn unwritten(&self) -> &[u8] {
        if let Some(listening) = &self.listening {
            return listening.unwritten();
        }
        let bytes = self.stream.unwritten();
        let Some(head) = self.queue.front().filter(|_| self.link.is_trying()) else { return bytes };
        let left = head.end.saturating_sub(self.stream.written()) as usize;
        bytes.get(..left).unwrap_or(bytes)
    }

    /// Returns true if some bytes of the request have left.
    pub(crate) fn has_begun(&self, entry: &Entry) -> bool {
        entry.start < self.stream.written()
    }

    /// Returns the request that the node's next reply is for. If a request consists of several commands, the first of
    /// them are answered while the last have not left yet.
    #[inline]
    pub(crate) fn being_answered(&self) -> Option<&Entry> {
        let written = self.stream.written();
        let is_owed = |head: &&Entry| head.end <= written || head.replies > 1 && head.start < written;
        self.queue.front().filter(is_owed)
    }

    /// Returns the rest of a request that has begun to leave.
    pub(crate) fn rest_of_begun(&self) -> &[u8] {
        let written = self.stream.written();
        let Some(next) = self.queue.iter().find(|entry| entry.end > written) else { return &[] };
        match next.start < written {
            true => self.stream.unwritten().get(..(next.end - written) as usize).unwrap_or_default(),
            false => &[],
        }
    }

    /// Returns true if the node has named itself as the owner of what it refused: asked once more, it may take the request.
    pub(crate) fn may_take_it_now(&self) -> bool {
        self.link.refusing() == Some(RetryReason::Moved)
            && self.names_itself
            && self.link.refused().iter().all(|aside| aside.entry.hops <= 1)
    }

    /// Returns true if something waits for this lane.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.queue.is_empty()
            || !self.link.refused().is_empty()
            || self.listening.as_ref().is_some_and(|listening| listening.wanted)
            || self.probe.as_ref().is_some_and(|probe| probe.wanted)
            || self.hears_for.is_some()
            || self.is_spare() && !self.link.is_up()
            || !self.is_dedicated() && self.tracked.as_ref().is_some_and(|tracked| tracked.has_followers())
    }

    /// Returns the pause before the next attempt to connect, in microseconds: none at first, then doubling up to 200 ms.
    pub(crate) fn backoff(&self) -> u64 {
        // A single connection that ends at once may be chance; the second in a row is not.
        match self.failures + self.replyless_connections.saturating_sub(1) {
            0 => 0,
            failures => (5_000u64 << failures.min(6)).min(200_000),
        }
    }

    /// Returns true if the last attempt to connect failed and the next one is not due.
    pub(crate) fn is_backing_off(&self, now: u64) -> bool {
        self.failures > 0 && matches!(self.link, Link::Down { retry_at } if now < retry_at)
    }

    /// Forgets what the last connection has sent.
    pub(crate) fn forget_replies(&mut self) {
        self.input = ReplyInput::default();
        self.node_connection_id = None;
        self.run_id = None;
    }
}

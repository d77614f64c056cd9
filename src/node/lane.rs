//! A lane: which requests may share a node connection, and the connection that carries them at the moment.
//!
//! While there is no usable connection, the same queue and stream are where requests are held: a held lane is a
//! lane whose flush is off.

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
use super::probe::Probe;
use super::queue::Entry;
use super::stream::Stream;

/// Which node of its shard a lane leads to, and what for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Use {
    #[default]
    Master,
    /// The one that serves reads at present.
    Reads,
    /// The master: for subscriptions and their messages alone.
    Listening,
    /// The master: to ask it whether it is about to end.
    Probe,
}

impl Use {
    /// Whose gate it is that opens such a lane.
    pub(crate) fn gate(self) -> Use {
        match self {
            Use::Master | Use::Listening | Use::Probe => Use::Master,
            Use::Reads => Use::Reads,
        }
    }
}

/// Requests with the same key may travel together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    pub(crate) shard: u16,
    pub(crate) use_: Use,
    pub(crate) identity: Option<Arc<Credentials>>,
    pub(crate) db: u32,
    pub(crate) proto: Proto,
    /// Set on a dedicated lane: nobody else's requests travel on it.
    pub(crate) owner: Option<ClientId>,
}

/// The node that a shard's commands go to, and what must hold there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) check: Check,
}

/// One lane.
pub(crate) struct Lane {
    pub(crate) id: LaneId,
    pub(crate) key: LaneKey,
    pub(crate) stream: Stream,
    pub(crate) queue: VecDeque<Entry>,
    pub(crate) link: Link,
    /// One more for each connection: an event of an earlier one is void.
    pub(crate) connection: u32,
    pub(crate) input: ReplyInput,
    /// The last node that it named as the owner of a slot was itself.
    pub(crate) names_itself: bool,
    /// The layout of the shards for which it was looked whether what waits still belongs here.
    pub(crate) sifted: u32,
    /// A request stands behind one that has waited for less.
    pub(crate) mixed: bool,
    /// Failed attempts to connect in a row.
    pub(crate) failures: u32,
    /// Connections in a row that stood, and ended without a reply.
    pub(crate) fruitless: u32,
    /// When the node was last heard, or last given something after an idle time.
    pub(crate) heard: u64,
    /// When the lane last carried a request.
    pub(crate) used: u64,
    pub(crate) waiting: Vec<ClientId>,
    /// What is held on it.
    pub(crate) held: Ticket,
    pub(crate) node_connection_id: Option<u64>,
    /// The process at the other end, as it calls itself.
    pub(crate) run_id: Option<Arc<str>>,
    /// A connection given up in silence: where, and its id there.
    pub(crate) abandoned: Option<(Endpoint, u64)>,
    /// Of a listening lane, which has neither stream nor queue.
    pub(crate) listening: Option<Box<Listening>>,
    /// Of a lane that asks its node about itself; it has neither stream nor queue.
    pub(crate) probe: Option<Box<Probe>>,
    pub(crate) dirty: bool,
}

impl Lane {
    pub(crate) fn new(id: LaneId, key: LaneKey, now: u64) -> Self {
        Lane {
            id,
            key,
            stream: Stream::default(),
            queue: VecDeque::new(),
            link: Link::Down { retry_at: 0 },
            connection: 0,
            input: ReplyInput::default(),
            names_itself: false,
            sifted: 0,
            mixed: false,
            failures: 0,
            fruitless: 0,
            heard: now,
            used: now,
            waiting: Vec::new(),
            held: Ticket::default(),
            node_connection_id: None,
            run_id: None,
            abandoned: None,
            listening: None,
            probe: None,
            dirty: false,
        }
    }

    pub(crate) fn is_dedicated(&self) -> bool {
        self.key.owner.is_some()
    }

    /// Its node is connected and takes requests.
    pub(crate) fn is_ready(&self) -> bool {
        self.link.is_ready()
    }

    /// The connection attempt under way gets its chance when nothing may be held.
    pub(crate) fn is_trying(&self, hold: u64) -> bool {
        hold == 0 && matches!(self.link, Link::Opening { .. } | Link::Greeting { .. })
    }

    /// Returns how many of its requests have begun to leave.
    pub(crate) fn begun(&self) -> usize {
        let written = self.stream.written();
        self.queue.partition_point(|entry| entry.start < written)
    }

    /// It has as much to carry as it may; what is held is bounded by the hold budget instead.
    pub(crate) fn is_full(&self, high: usize) -> bool {
        self.link.is_up() && self.link.silent().is_none() && self.stream.unanswered() > high
    }

    /// Returns what may be written now.
    pub(crate) fn unwritten(&self) -> &[u8] {
        if let Some(listening) = &self.listening {
            return listening.unwritten();
        }
        let bytes = self.stream.unwritten();
        let Some(head) = self.queue.front().filter(|_| self.link.is_trying()) else { return bytes };
        let left = head.end.saturating_sub(self.stream.written()) as usize;
        bytes.get(..left).unwrap_or(bytes)
    }

    /// Some of it has left.
    pub(crate) fn has_begun(&self, entry: &Entry) -> bool {
        entry.start < self.stream.written()
    }

    /// The request that the node's next reply is for. Of several commands that are one request, the first are answered
    /// while the last have not left yet.
    pub(crate) fn being_answered(&self) -> Option<&Entry> {
        let written = self.stream.written();
        let is_owed = |head: &&Entry| head.end <= written || head.replies > 1 && head.start < written;
        self.queue.front().filter(is_owed)
    }

    /// Returns what is left of a request that has begun to leave.
    pub(crate) fn rest_of_begun(&self) -> &[u8] {
        let written = self.stream.written();
        let Some(next) = self.queue.iter().find(|entry| entry.end > written) else { return &[] };
        match next.start < written {
            true => self.stream.unwritten().get(..(next.end - written) as usize).unwrap_or_default(),
            false => &[],
        }
    }

    /// The node has named itself as the owner of what it refused: asked once more, it may take it.
    pub(crate) fn may_take_it_now(&self) -> bool {
        self.link.refusing() == Some(RetryReason::Moved)
            && self.names_itself
            && self.link.refused().iter().all(|aside| aside.entry.hops <= 1)
    }

    /// Something waits for this lane.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.queue.is_empty()
            || !self.link.refused().is_empty()
            || self.listening.as_ref().is_some_and(|listening| listening.wanted)
            || self.probe.as_ref().is_some_and(|probe| probe.wanted)
    }

    /// Pause before the next attempt, in microseconds: none at first, then doubling to 200 ms.
    pub(crate) fn backoff(&self) -> u64 {
        // One that ends as soon as it stands may be chance; the next one is not.
        match self.failures + self.fruitless.saturating_sub(1) {
            0 => 0,
            failures => (5_000u64 << failures.min(6)).min(200_000),
        }
    }

    /// The last attempt failed, and the next one is not due.
    pub(crate) fn is_backing_off(&self, now: u64) -> bool {
        self.failures > 0 && matches!(self.link, Link::Down { retry_at } if now < retry_at)
    }

    /// Forgets what the last connection had sent so far.
    pub(crate) fn forget_replies(&mut self) {
        self.input = ReplyInput::default();
        self.node_connection_id = None;
        self.run_id = None;
    }
}

//! What is known of one request in flight: a small value in a queue beside the stream of bytes.

use std::num::NonZeroU64;

use crate::command::CommandId;
use crate::failover::Context;
use crate::ids::ClientId;
use crate::reasons::Family;
use crate::resp::reply::ErrorCode;

/// What a request's reply means to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// The reply is the client's, as it came.
    Plain,
    /// As `Plain`, but what it says of subscribers is of the node's connections: the client is told of clients.
    Counted,
    /// As `Plain`, but the node may take as long as it likes, and the request carries its own time-out.
    Blocking,
    /// MULTI … EXEC, sent as one: only the last of the replies is the client's.
    Transaction,
    /// The same after a WATCH, on the connection that watches.
    WatchedTransaction,
    /// WATCH; once answered, the client depends on this connection.
    Watch,
    /// PING, WAIT: only the second reply is the client's, and the node may take its time.
    Wait,
    /// Where streams end, asked on behalf of an XREAD that is to wait for what comes behind their ends.
    Position,
    /// AUTH, HELLO or SELECT, sent on the lane that the session would change to: a success changes the session.
    Proof,
    /// A large request that is handed on as it comes; its end moves with it, and nothing of it is kept.
    Upload,
    /// The same once all of it has come.
    Uploaded,
}

impl EntryKind {
    /// The node may be silent for long without being dead.
    pub(crate) fn may_take_long(self) -> bool {
        match self {
            EntryKind::Blocking | EntryKind::Wait | EntryKind::Upload => true,
            EntryKind::Plain
            | EntryKind::Counted
            | EntryKind::Transaction
            | EntryKind::WatchedTransaction
            | EntryKind::Watch
            | EntryKind::Position
            | EntryKind::Proof
            | EntryKind::Uploaded => false,
        }
    }

    /// Returns what the failover rules are to know of it.
    pub(crate) fn context(self) -> Context {
        match self {
            EntryKind::WatchedTransaction => Context::Watched,
            EntryKind::Plain | EntryKind::Counted | EntryKind::Transaction => Context::Plain,
            EntryKind::Blocking => Context::Blocking,
            EntryKind::Watch | EntryKind::Position | EntryKind::Proof => Context::Setup,
            EntryKind::Wait => Context::Wait,
            EntryKind::Upload | EntryKind::Uploaded => Context::Upload,
        }
    }
}

/// One request of one client on one lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) client: ClientId,
    /// Place of the reply among the client's replies.
    pub(crate) seq: u32,
    /// Which part of a split command it is; `None`: it is whole.
    pub(crate) part: Option<u16>,
    /// How many nodes in a row have sent it on.
    pub(crate) hops: u8,
    /// How often it had no node to go to.
    pub(crate) rounds: u8,
    /// The shard to which the node has sent on a part of a transaction.
    pub(crate) asked: Option<u16>,
    /// First byte of the request in the lane's stream, and the first behind it.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Microseconds on the worker's clock at which the client's bytes were read.
    pub(crate) arrived: u64,
    /// The same for the moment from which it was held or sent last.
    pub(crate) since: u64,
    /// The same for the moment from which a node had it: it was not held by then.
    pub(crate) sent: u64,
    /// The same for the moment at which the time-out that it carries is over; [`FOREVER`] without one.
    pub(crate) until: u64,
    /// Of one that may take long: the same for the moment since when no node has kept it. `None`: one does.
    pub(crate) adrift: Option<NonZeroU64>,
    pub(crate) command: CommandId,
    pub(crate) family: Family,
    pub(crate) kind: EntryKind,
    /// Replies that are still to come before the request is answered.
    pub(crate) replies: u32,
    /// Whether the node has already refused a part of it in a way that proves that none of it ran.
    pub(crate) refusal: Option<ErrorCode>,
    /// It was sent whole on a connection that was lost, and has an effect: nobody may say that it did not run.
    pub(crate) may_have_run: bool,
    /// A transaction that asks about subscribers.
    pub(crate) counts: bool,
    /// CLIENT REPLY OFF or SKIP was in force: the reply is dropped.
    pub(crate) silent: bool,
}

/// A time-out that never comes.
pub(crate) const FOREVER: u64 = u64::MAX;

impl Entry {
    /// The moment from which it has had no node.
    pub(crate) fn held_since(&self) -> u64 {
        self.adrift.map_or(self.since, NonZeroU64::get)
    }

    /// Its node does not have it any more, or does not want it. One that a node had kept for longer than `lately`
    /// begins to wait for another now; one that is sent from node to node has done so since the first.
    pub(crate) fn cast_off(&mut self, now: u64, lately: u64) {
        if self.kind.may_take_long() {
            let kept = self.adrift.is_none() || now.saturating_sub(self.since) >= lately;
            self.adrift = if kept { NonZeroU64::new(now.max(1)) } else { self.adrift };
            self.since = now;
        }
    }

    /// Bytes of the request.
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

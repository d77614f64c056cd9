//! The entry of a request in flight: a small value in a queue beside the stream of bytes.

use std::num::NonZeroU64;

use crate::command::CommandId;
use crate::failover::Context;
use crate::ids::ClientId;
use crate::reasons::Family;
use crate::resp::reply::ErrorCode;

/// The kind of a request: what its reply means to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// The reply goes to the client as it came.
    Plain,
    /// As `Plain`, but the reply counts the node's connections as subscribers, and is made to count clients.
    Counted,
    /// As `Plain`, but once the node has accepted it, its replicas get it as well, before the client has its reply.
    Relayed,
    /// As `Plain`, but the node may take as long as it likes, and the request carries its own time-out.
    Blocking,
    /// As `Plain`, but it is about the node as it is now: it is never sent again, whatever the node says or not, and does not wait
    /// for a node that is away.
    Operator,
    /// MULTI … EXEC, sent as one request: only the last reply goes to the client.
    Transaction,
    /// As `Transaction`, after a WATCH, on the connection that watches.
    WatchedTransaction,
    /// WATCH; once answered, the client depends on this connection.
    Watch,
    /// PING and WAIT, sent as one request: only the second reply goes to the client, and the node may take its time.
    Wait,
    /// A question about the ends of streams, on behalf of an XREAD that is to wait for what comes behind them.
    StreamEnds,
    /// A command without an effect, by which the node says whether the client's user may send one that the proxy answers. Of
    /// several replies, that to the command itself says so.
    Permission,
    /// A command of the proxy's own on a lane of clients. Nobody gets its reply.
    Own,
    /// AUTH, HELLO, SELECT, or a PING in place of CLIENT TRACKING, sent on the lane that the session would move to. Success
    /// changes the session.
    SessionChange,
    /// A large request that is passed on as it comes. Its end moves with it, and nothing of it is kept.
    Upload,
    /// An upload that has come whole.
    Uploaded,
}

impl EntryKind {
    /// Returns true if the node may be silent for long without being dead.
    pub(crate) fn may_take_long(self) -> bool {
        match self {
            EntryKind::Blocking | EntryKind::Wait | EntryKind::Operator | EntryKind::Upload => true,
            EntryKind::Plain
            | EntryKind::Counted
            | EntryKind::Relayed
            | EntryKind::Transaction
            | EntryKind::WatchedTransaction
            | EntryKind::Watch
            | EntryKind::StreamEnds
            | EntryKind::Permission
            | EntryKind::Own
            | EntryKind::SessionChange
            | EntryKind::Uploaded => false,
        }
    }

    /// Returns the context by which the failover rules judge the request.
    pub(crate) fn context(self) -> Context {
        match self {
            EntryKind::WatchedTransaction => Context::Watched,
            EntryKind::Plain | EntryKind::Counted | EntryKind::Relayed | EntryKind::Transaction => {
                Context::Plain
            }
            EntryKind::Blocking => Context::Blocking,
            EntryKind::Operator => Context::Operator,
            EntryKind::Watch
            | EntryKind::StreamEnds
            | EntryKind::Permission
            | EntryKind::Own
            | EntryKind::SessionChange => Context::Setup,
            EntryKind::Wait => Context::Wait,
            EntryKind::Upload | EntryKind::Uploaded => Context::Upload,
        }
    }
}

/// One request of one client on one lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) client: ClientId,
    /// The place of the reply among the client's replies.
    pub(crate) seq: u32,
    /// The index of the part, if the request is one part of a command.
    pub(crate) part: Option<u16>,
    /// The number of nodes in a row that have redirected the request.
    pub(crate) hops: u8,
    /// How often the request had no node to go to.
    pub(crate) rounds: u8,
    /// The shard to which the node has redirected a command of the transaction.
    pub(crate) redirect_shard: Option<u16>,
    /// The offset of the request's first byte in the lane's stream, and that of the first byte behind it.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Microseconds on the worker's clock at which the client's bytes were read.
    pub(crate) arrived: u64,
    /// Microseconds on the worker's clock at which the request was last held or sent.
    pub(crate) since: u64,
    /// Microseconds on the worker's clock since when the request has been sent and not held.
    pub(crate) sent: u64,
    /// Microseconds on the worker's clock at which the request's own time-out is over; [`FOREVER`] without one.
    pub(crate) until: u64,
    /// If it may take long: microseconds on the worker's clock since when no node has kept it. `None`: a node does.
    pub(crate) without_node_since: Option<NonZeroU64>,
    pub(crate) command: CommandId,
    pub(crate) family: Family,
    pub(crate) kind: EntryKind,
    /// The number of replies that are still to come before the request is answered.
    pub(crate) replies: u32,
    /// A refusal of a part of the request, which proves that nothing of it ran.
    pub(crate) refusal: Option<ErrorCode>,
    /// The request has an effect and was sent whole on a lost connection, so it cannot be called "not executed".
    pub(crate) may_have_run: bool,
    /// The node's reply is changed before the client gets it: the request is a transaction that asks about subscribers, or in which
    /// the proxy has a part.
    pub(crate) edited: bool,
    /// The client is to be told when a key changes that the request has read.
    pub(crate) tracked: bool,
    /// CLIENT REPLY OFF or SKIP was in force, so the reply is dropped.
    pub(crate) silent: bool,
}

/// The end of a time-out that never comes.
pub(crate) const FOREVER: u64 = u64::MAX;

impl Entry {
    /// Makes the entry of a command of the proxy's own that has no place on a lane yet.
    pub(crate) fn own(command: CommandId, family: Family, now: u64) -> Entry {
        Entry { command, family, ..Entry::blank(ClientId::NOBODY, EntryKind::Own, now) }
    }

    /// Makes the entry of a request with one reply, of which nothing more is known yet.
    pub(crate) const fn blank(client: ClientId, kind: EntryKind, now: u64) -> Entry {
        Entry {
            client,
            seq: 0,
            part: None,
            hops: 0,
            rounds: 0,
            redirect_shard: None,
            start: 0,
            end: 0,
            arrived: now,
            since: now,
            sent: now,
            until: FOREVER,
            without_node_since: None,
            command: CommandId::OTHER,
            family: Family::Other,
            kind,
            replies: 1,
            refusal: None,
            may_have_run: false,
            edited: false,
            tracked: false,
            silent: false,
        }
    }

    /// Returns the time from which on the request has had no node, in microseconds.
    pub(crate) fn held_since(&self) -> u64 {
        self.without_node_since.map_or(self.since, NonZeroU64::get)
    }

    /// Notes that the request's node does not have it any more, or refuses it. A request that a node had kept for
    /// longer than `lately` begins to wait for another node now; one that is sent from node to node has waited since
    /// the first of them.
    pub(crate) fn note_without_node(&mut self, now: u64, lately: u64) {
        if self.kind.may_take_long() {
            let kept = self.without_node_since.is_none() || now.saturating_sub(self.since) >= lately;
            self.without_node_since =
                if kept { NonZeroU64::new(now.max(1)) } else { self.without_node_since };
            self.since = now;
        }
    }

    /// Returns the length of the request in bytes.
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

//! What a client asks for, one request after the other. No IO.

use super::ledger::Op;
use super::sharing::Sharing;

/// One request of a client's round. A number is that of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// One command of one ledger.
    One(usize, Op),
    /// MGET of the values of all ledgers.
    GetAll,
    /// MSET of the values of all ledgers, and of as many keys that are deleted later.
    SetAll,
    /// DEL of those.
    DeleteAll,
    /// MULTI, INCR, GET of the same counter, RPUSH, EXEC.
    Block(usize),
    /// RPUSH to the queue.
    Enqueue,
    /// BLPOP from the queue.
    Dequeue,
    /// ECHO of something that is said once.
    Echo,
    /// GET of the key that every node has had from the start.
    Known,
}

/// What a client does again and again, in this order.
pub type Round = &'static [Request];

/// The key of [`Request::Known`], and its value.
pub const KNOWN: &str = "known";

/// For a client with one ledger.
pub const SINGLE: Round = &[
    Request::One(0, Op::Push),
    Request::One(0, Op::Set),
    Request::One(0, Op::Get),
    Request::One(0, Op::Incr),
    Request::Echo,
];

/// For one with four ledgers: single keys, many keys and a transaction.
pub const FULL: Round = &[
    Request::One(0, Op::Push),
    Request::SetAll,
    Request::GetAll,
    Request::One(1, Op::Incr),
    Request::Block(2),
    Request::One(3, Op::Set),
    Request::One(3, Op::Get),
    Request::Echo,
];

/// For nodes that may have nothing of each other: no read of what the client wrote itself.
pub const APART: Round = &[
    Request::One(0, Op::Push),
    Request::One(0, Op::Set),
    Request::Known,
    Request::One(0, Op::Incr),
    Request::Echo,
];

/// What may run a second time when nobody knows whether it ran.
pub const REPEATABLE: Round =
    &[Request::One(0, Op::Set), Request::One(0, Op::Get), Request::Known, Request::Echo];

/// What changes nothing, and can be asked again of any node.
pub const READS: Round = &[Request::Known, Request::Echo];

/// The demo's, for a deployment with one master.
pub(crate) const PLAIN: Round = &[
    Request::One(0, Op::Set),
    Request::One(0, Op::Get),
    Request::One(0, Op::Incr),
    Request::One(0, Op::Push),
];

/// The demo's, for a client with a ledger in each of three shards.
pub(crate) const ALL_SHARDS: Round = &[
    Request::SetAll,
    Request::GetAll,
    Request::One(0, Op::Incr),
    Request::One(1, Op::Incr),
    Request::One(2, Op::Incr),
    Request::One(0, Op::Push),
    Request::One(1, Op::Set),
    Request::One(1, Op::Get),
    Request::One(2, Op::Push),
    Request::Block(0),
    Request::Block(1),
    Request::Block(2),
    Request::Enqueue,
    Request::Dequeue,
    Request::GetAll,
    Request::DeleteAll,
];

impl Request {
    /// Returns how many commands it has, each with a reply.
    pub(crate) fn commands(self) -> usize {
        match self {
            Self::Block(_) => 5,
            Self::One(..) | Self::GetAll | Self::SetAll | Self::DeleteAll => 1,
            Self::Enqueue | Self::Dequeue | Self::Echo | Self::Known => 1,
        }
    }

    /// Returns true if its outcome may stay unknown. A second run that changes no more than the first may still say something
    /// else: a DEL counts less.
    pub(crate) fn may_stay_unknown(self, sharing: Sharing) -> bool {
        match self {
            Self::One(_, op) => op.may_stay_unknown(sharing),
            Self::GetAll | Self::Echo | Self::Known => false,
            Self::SetAll => !sharing.repeats_idempotent_writes(),
            Self::DeleteAll | Self::Block(_) | Self::Enqueue | Self::Dequeue => true,
        }
    }
}

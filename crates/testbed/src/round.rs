//! What a client asks for, one request after the other. No IO.

use super::ledger::Op::{self, Get, Incr, Push, Set};
use super::sharing::Sharing;
use Request::{Block, DeleteAll, Dequeue, Echo, Enqueue, GetAll, Known, One, SetAll};

/// One request of a client's round. The number is that of the ledger, or how many there are from the first one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// One command of one ledger.
    One(usize, Op),
    /// MGET of the values of so many ledgers.
    GetAll(usize),
    /// MSET of the values of so many ledgers, and of as many keys that are deleted later.
    SetAll(usize),
    /// DEL of those.
    DeleteAll(usize),
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

/// The requests that a client repeats, in this order.
pub type Round = &'static [Request];

/// The key of [`Request::Known`], and its value.
pub const KNOWN: &str = "known";

/// The round of a client with one ledger.
pub const SINGLE: Round = &[One(0, Push), One(0, Set), One(0, Get), One(0, Incr), Echo];

/// The round of one with six ledgers: single keys, many keys and a transaction. While slots move, a node may take a command with one
/// key and refuse one before it with that key and others: so the key of SET is none of MSET's.
#[rustfmt::skip]
pub const FULL: Round = &[
    One(0, Push), SetAll(5), GetAll(5), One(1, Incr), Block(2), One(5, Set), One(5, Get), Echo,
];

/// A round for nodes that may have nothing of each other: no read of what the client wrote itself.
pub const APART: Round = &[One(0, Push), One(0, Set), Known, One(0, Incr), Echo];

/// Requests that may run a second time when nobody knows if they ran.
pub const REPEATABLE: Round = &[One(0, Set), One(0, Get), Known, Echo];

/// Requests that change nothing, and can be asked again of any node.
pub const READS: Round = &[Known, Echo];

/// The demo's, for a deployment with one master.
pub(crate) const PLAIN: Round = &[One(0, Set), One(0, Get), One(0, Incr), One(0, Push)];

/// The demo's, for a client with a ledger in each of three shards.
#[rustfmt::skip]
pub(crate) const ALL_SHARDS: Round = &[
    SetAll(3), GetAll(3), One(0, Incr), One(1, Incr), One(2, Incr), One(0, Push), One(1, Set), One(1, Get),
    One(2, Push), Block(0), Block(1), Block(2), Enqueue, Dequeue, GetAll(3), DeleteAll(3),
];

impl Request {
    /// Returns how many commands it has, each with a reply.
    pub(crate) fn commands(self) -> usize {
        if matches!(self, Block(_)) { 5 } else { 1 }
    }

    /// Returns true if its outcome may stay unknown. A second run that changes no more than the first may still say something
    /// else: a DEL counts less.
    pub(crate) fn may_stay_unknown(self, sharing: Sharing) -> bool {
        match self {
            One(_, op) => op.may_stay_unknown(sharing),
            GetAll(_) | Echo | Known => false,
            SetAll(_) => Set.may_stay_unknown(sharing),
            DeleteAll(_) | Block(_) | Enqueue | Dequeue => true,
        }
    }
}

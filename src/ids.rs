//! Ids of the clients, lanes and replies of one worker.

/// A client of one worker. The generation keeps a reply from reaching the client that gets the same slot next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl ClientId {
    /// The id of no client, now or later: a reply that is addressed to it is dropped.
    pub(crate) const NOBODY: ClientId = ClientId { slot: u32::MAX, generation: 0 };
}

/// A lane of one worker. The serial keeps a stale id from reaching the lane that gets the same slot next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneId {
    pub(crate) slot: u32,
    pub(crate) serial: u32,
}

/// The place of a reply among those of one client; wraps around.
pub(crate) type Seq = u32;

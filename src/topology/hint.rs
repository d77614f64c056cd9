//! What the data path has seen of a node and discovery has not.

use super::Endpoint;

/// From the data path: look again. Sent with `try_send` over a bounded channel; losing one is harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) endpoint: Endpoint,
    pub(crate) reason: HintReason,
}

/// Why the data path doubts a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HintReason {
    ConnectionLost,
    ConnectRefused,
    TimedOut,
    ReadOnly,
    Loading,
    MasterDown,
    /// The process behind the address is not the one that was published.
    WrongIdentity,
    /// Another node owns the slot; this is the one that was named.
    Moved,
    /// It says that the cluster, or a slot, is not served.
    ClusterDown,
}

impl HintReason {
    /// Returns whether commands are already waiting because of it: the outage starts here.
    pub(crate) fn is_outage(self) -> bool {
        match self {
            HintReason::ConnectionLost | HintReason::ConnectRefused | HintReason::TimedOut => true,
            HintReason::ReadOnly | HintReason::MasterDown | HintReason::WrongIdentity => true,
            HintReason::Loading | HintReason::Moved | HintReason::ClusterDown => false,
        }
    }
}

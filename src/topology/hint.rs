//! Hints from the data path to discovery about a node that may have failed or changed its role.

use super::Endpoint;

/// A hint to ask this node again at once. It is sent with `try_send` over a bounded channel; losing one is harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) endpoint: Endpoint,
    pub(crate) reason: HintReason,
}

/// The reason for which the data path doubts a node.
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
    /// A redirect named this node as the owner of a slot.
    Moved,
    /// The node says that the cluster, or one slot, is not served.
    ClusterDown,
}

impl HintReason {
    /// Returns true if commands already wait for this reason, so that the outage starts with the hint.
    pub(crate) fn is_outage(self) -> bool {
        match self {
            HintReason::ConnectionLost | HintReason::ConnectRefused | HintReason::TimedOut => true,
            HintReason::ReadOnly | HintReason::MasterDown | HintReason::WrongIdentity => true,
            HintReason::Loading | HintReason::Moved | HintReason::ClusterDown => false,
        }
    }
}

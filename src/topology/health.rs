//! What changes all the time about nodes, beside the topology: round trips and lags. A new value here is no new
//! generation.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::{Endpoint, NodeState, Role};

/// One node at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeHealth {
    pub(crate) endpoint: Endpoint,
    pub(crate) role: Role,
    pub(crate) state: NodeState,
    /// Round trip of the last control ping.
    pub(crate) rtt: Option<Duration>,
    /// How far a replica is behind the master. `None`: not known.
    pub(crate) lag: Option<Duration>,
}

/// Written by discovery, read by admin, metrics and replica reads.
#[derive(Debug, Default)]
pub(crate) struct HealthTable(ArcSwap<Vec<NodeHealth>>);

impl HealthTable {
    pub(crate) fn load(&self) -> Arc<Vec<NodeHealth>> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, nodes: Vec<NodeHealth>) {
        self.0.store(Arc::new(nodes));
    }
}

//! The health of nodes: states, round trips and lags. They change all the time, so they are kept beside the topology: a new
//! value here makes no new generation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::{Endpoint, Node, NodeState, Role};

/// The health of one node at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeHealth {
    pub(crate) endpoint: Endpoint,
    pub(crate) role: Role,
    pub(crate) state: NodeState,
    /// The shortest round trip of the last few control probes.
    pub(crate) rtt: Option<Duration>,
    /// The age that the data of a replica has at most, compared with its master's. `None`: it is not known.
    pub(crate) lag: Option<Duration>,
}

impl From<Node> for NodeHealth {
    fn from(node: Node) -> NodeHealth {
        let Node { endpoint, role, state, rtt, lag, run_id: _ } = node;
        NodeHealth { endpoint, role, state, rtt, lag }
    }
}

/// The number of discovery's connections to each node and sentinel.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerConnections(Arc<Mutex<BTreeMap<Endpoint, u64>>>);

impl PeerConnections {
    pub(crate) fn snapshot(&self) -> BTreeMap<Endpoint, u64> {
        self.lock().clone()
    }

    /// Counts one connection for as long as the guard lives.
    pub(crate) fn count(&self, endpoint: &Endpoint) -> CountedConnection {
        *self.lock().entry(endpoint.clone()).or_default() += 1;
        CountedConnection { connections: self.clone(), endpoint: endpoint.clone() }
    }

    /// Locks the counts even if they are poisoned: nothing panics while holding the lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Endpoint, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guard for one counted connection.
#[derive(Debug)]
pub(crate) struct CountedConnection {
    connections: PeerConnections,
    endpoint: Endpoint,
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        let mut counts = self.connections.lock();
        let left = counts.get(&self.endpoint).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => counts.remove(&self.endpoint),
            left => counts.insert(self.endpoint.clone(), left),
        };
    }
}

/// The health of all nodes. Discovery writes it; admin and metrics read it.
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

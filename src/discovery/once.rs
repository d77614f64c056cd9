//! Asking a deployment once, for `tideover topology`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::driver;
use crate::config;
use crate::topology::cell::TopologyCell;
use crate::topology::events::Events;
use crate::topology::health::NodeHealth;
use crate::topology::{NodeState, Role, Topology};

/// A deployment that has not shown a master by now has none.
const LONGEST: Duration = Duration::from_secs(4);
/// Nothing new for this long: every node that answers has answered.
const QUIET: Duration = Duration::from_millis(400);

/// Discovers until the map is complete and steady, or a few seconds have passed.
pub(crate) async fn ask_once(proxy: config::Proxy) -> Topology {
    let cell = Arc::new(TopologyCell::new());
    let events = Arc::new(Events::new(|| 0));
    let (_hints, hints) = mpsc::channel(1);
    let discovery = driver::run(proxy, Arc::clone(&cell), Arc::clone(&events), hints);
    tokio::select! {
        () = discovery => {}
        _ = timeout(LONGEST, steady(&cell, &events)) => {}
    }
    cell.load().with_health(&events.health.load())
}

async fn steady(cell: &TopologyCell, events: &Events) {
    let mut changed = cell.subscribe();
    loop {
        let quiet = timeout(QUIET, changed.changed()).await.is_err();
        let topology = cell.load();
        let proven = topology
            .shards
            .iter()
            .flat_map(|shard| &shard.nodes)
            .all(|node| node.state != NodeState::Unproven);
        let measured = events.health.load().iter().all(is_measured);
        if quiet && proven && measured && topology.is_complete() {
            return;
        }
    }
}

/// How far a replica is behind is known a moment later than its state.
fn is_measured(node: &NodeHealth) -> bool {
    node.role != Role::Replica || node.state != NodeState::Up || node.lag.is_some()
}

//! Asking a deployment once, for `tideover topology`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::driver;
use crate::config;
use crate::topology::cell::TopologyCell;
use crate::topology::events::Events;
use crate::topology::{NodeState, Topology};

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
        _ = timeout(LONGEST, steady(&cell)) => {}
    }
    cell.load().with_health(&events.health.load())
}

async fn steady(cell: &TopologyCell) {
    let mut changed = cell.subscribe();
    loop {
        let quiet = timeout(QUIET, changed.changed()).await.is_err();
        let topology = cell.load();
        let proven = topology
            .shards
            .iter()
            .flat_map(|shard| &shard.nodes)
            .all(|node| node.state != NodeState::Unproven);
        if quiet && proven && topology.is_complete() {
            return;
        }
    }
}

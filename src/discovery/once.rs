//! Discovers a deployment once, for `tideover topology` and `tideover check --connect`.

use crate::topology::events::CommandCounts;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::driver;
use crate::config;
use crate::topology::cell::TopologyCell;
use crate::topology::diagnosis::Diagnosis;
use crate::topology::events::Events;
use crate::topology::health::NodeHealth;
use crate::topology::{NodeState, Role, Topology};

/// The time after which a deployment without a master counts as having none.
const LONG: Duration = Duration::from_secs(4);
/// The same if few sentinels answer: discovery believes them after five seconds.
const LONGEST: Duration = Duration::from_secs(7);
/// The time without a change after which every node that answers is taken to have answered.
const QUIET: Duration = Duration::from_millis(400);
/// The time after which a fault that waiting cannot mend is final.
const SURE: Duration = Duration::from_secs(1);

/// The topology and the diagnosis that were found.
pub(crate) struct AskedOnce {
    pub(crate) topology: Topology,
    pub(crate) diagnosis: Arc<Diagnosis>,
}

/// Discovers until the map is complete and steady, or a few seconds have passed.
pub(crate) async fn ask_once(proxy: config::Proxy) -> AskedOnce {
    let cell = Arc::new(TopologyCell::new());
    let events = Arc::new(Events::new(CommandCounts::default));
    let (_hints, hints) = mpsc::channel(1);
    let discovery = driver::run(proxy, Arc::clone(&cell), Arc::clone(&events), hints);
    tokio::select! {
        () = discovery => {}
        () = steady(&cell, &events) => {}
    }
    AskedOnce { topology: cell.load().with_health(&events.health.load()), diagnosis: events.diagnosis.load() }
}

async fn steady(cell: &TopologyCell, events: &Events) {
    let mut changed = cell.subscribe();
    let started = Instant::now();
    loop {
        let quiet = timeout(QUIET, changed.changed()).await.is_err();
        let (diagnosis, passed) = (events.diagnosis.load(), started.elapsed());
        let hopeless = diagnosis.is_hopeless() && passed >= SURE;
        let is_over = passed >= if diagnosis.lacks_sentinels() { LONGEST } else { LONG };
        if is_over || quiet && (hopeless || is_whole(&cell.load(), events)) {
            return;
        }
    }
}

fn is_whole(topology: &Topology, events: &Events) -> bool {
    let proven =
        topology.shards.iter().flat_map(|shard| &shard.nodes).all(|node| node.state != NodeState::Unproven);
    let measured = events.health.load().iter().all(is_measured);
    proven && measured && topology.is_complete()
}

/// Returns true if the lag of this node is known, which takes a moment longer than its state, or if it has none.
fn is_measured(node: &NodeHealth) -> bool {
    node.role != Role::Replica || node.state != NodeState::Up || node.lag.is_some()
}

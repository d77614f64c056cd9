//! The one cell that holds the published topology: one writer (discovery), many readers (workers, admin).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{Generation, Topology, View};

/// The newest generation for which one worker has drained: it has the replies to all that it sent before it.
#[derive(Clone)]
pub(crate) struct DrainMarker(Arc<AtomicU64>);

impl DrainMarker {
    /// Notes that the worker has the replies to everything that it sent before this generation.
    pub(crate) fn set_drained(&self, generation: Generation) {
        self.0.store(generation.0, Ordering::Release);
    }
}

/// The cell that discovery (the only writer), the workers and the admin listener of one proxy share.
pub(crate) struct TopologyCell {
    current: ArcSwap<Topology>,
    changed: watch::Sender<Generation>,
    /// One marker for each worker. Only the control plane locks it: when a worker starts, and while a planned move waits.
    drain_markers: Mutex<Vec<DrainMarker>>,
}

impl TopologyCell {
    /// Creates a cell with generation 0 and no shard: nothing is known yet, so every command is held.
    pub(crate) fn new() -> Self {
        let first = Topology { generation: Generation::default(), shards: Vec::new(), asks_password: false };
        TopologyCell {
            current: ArcSwap::from_pointee(first),
            changed: watch::Sender::new(Generation::default()),
            drain_markers: Mutex::default(),
        }
    }

    /// Returns a new marker for a worker that starts.
    pub(crate) fn drain_marker(&self) -> DrainMarker {
        let marker = DrainMarker(Arc::default());
        self.drain_markers.lock().unwrap_or_else(PoisonError::into_inner).push(marker.clone());
        marker
    }

    /// Returns true if no worker waits for a reply to anything that was sent before the present topology.
    pub(crate) fn is_drained(&self) -> bool {
        let present = self.current.load().generation;
        let markers = self.drain_markers.lock().unwrap_or_else(PoisonError::into_inner);
        markers.iter().all(|marker| marker.0.load(Ordering::Acquire) >= present.0)
    }

    pub(crate) fn load(&self) -> Arc<Topology> {
        self.current.load_full()
    }

    /// Returns a receiver that wakes at each published generation; a slow reader sees only the last one.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Generation> {
        self.changed.subscribe()
    }

    /// Stamps a view with the next generation, publishes it and wakes the subscribers.
    pub(crate) fn publish(&self, view: View) -> Arc<Topology> {
        let generation = Generation(self.current.load().generation.0 + 1);
        let View { shards, asks_password } = view;
        let next = Arc::new(Topology { generation, shards, asks_password });
        self.current.store(Arc::clone(&next));
        self.changed.send_replace(generation);
        next
    }
}

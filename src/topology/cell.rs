//! The one cell that holds the published topology: one writer (discovery), many readers (workers, admin).

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{Generation, Topology, View};

/// Shared by discovery (the only writer), the workers and the admin listener of one proxy.
pub(crate) struct TopologyCell {
    current: ArcSwap<Topology>,
    changed: watch::Sender<Generation>,
}

impl TopologyCell {
    /// Starts with generation 0 and no shard: nothing is known yet, so every command is held.
    pub(crate) fn new() -> Self {
        let first = Topology { generation: Generation::default(), shards: Vec::new() };
        TopologyCell {
            current: ArcSwap::from_pointee(first),
            changed: watch::Sender::new(Generation::default()),
        }
    }

    pub(crate) fn load(&self) -> Arc<Topology> {
        self.current.load_full()
    }

    /// Woken once for each published generation; a slow reader sees only the last.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Generation> {
        self.changed.subscribe()
    }

    /// Stamps and publishes a view.
    pub(crate) fn publish(&self, view: View) -> Arc<Topology> {
        let generation = Generation(self.current.load().generation.0 + 1);
        let next = Arc::new(Topology { generation, shards: view.shards });
        self.current.store(Arc::clone(&next));
        self.changed.send_replace(generation);
        next
    }
}

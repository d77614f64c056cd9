//! The one cell that holds the published topology: one writer (discovery), many readers (workers, admin).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{Generation, Topology, View};

/// One worker's word on what it has sent.
#[derive(Clone)]
pub(crate) struct Witness(Arc<AtomicU64>);

impl Witness {
    /// Everything that this worker had sent before this generation is answered.
    pub(crate) fn settled(&self, generation: Generation) {
        self.0.store(generation.0, Ordering::Release);
    }
}

/// Shared by discovery (the only writer), the workers and the admin listener of one proxy.
pub(crate) struct TopologyCell {
    current: ArcSwap<Topology>,
    changed: watch::Sender<Generation>,
    /// Control plane only: taken when a worker starts and while a planned move waits.
    witnesses: Mutex<Vec<Witness>>,
}

impl TopologyCell {
    /// Starts with generation 0 and no shard: nothing is known yet, so every command is held.
    pub(crate) fn new() -> Self {
        let first = Topology { generation: Generation::default(), shards: Vec::new() };
        TopologyCell {
            current: ArcSwap::from_pointee(first),
            changed: watch::Sender::new(Generation::default()),
            witnesses: Mutex::default(),
        }
    }

    /// For a worker that is to say what it has sent.
    pub(crate) fn witness(&self) -> Witness {
        let witness = Witness(Arc::default());
        self.witnesses.lock().unwrap_or_else(PoisonError::into_inner).push(witness.clone());
        witness
    }

    /// Returns whether nothing is in flight any more that was sent before the present map.
    pub(crate) fn is_settled(&self) -> bool {
        let present = self.current.load().generation;
        let witnesses = self.witnesses.lock().unwrap_or_else(PoisonError::into_inner);
        witnesses.iter().all(|witness| witness.0.load(Ordering::Acquire) >= present.0)
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

//! The part of one proxy that runs in one worker: its core, and which socket is whose.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::mpsc;

use crate::core::Core;
use crate::topology::cell::{DrainMarker, TopologyCell};
use crate::topology::hint::Hint;

use super::relays::AwaitedRelay;

/// The part of one proxy that runs in one worker.
pub(crate) struct WorkerProxy {
    pub(crate) core: Core,
    pub(crate) cell: Arc<TopologyCell>,
    pub(crate) hints: mpsc::Sender<Hint>,
    pub(super) relays: mpsc::UnboundedSender<AwaitedRelay>,
    /// The number of clients of this proxy over all workers.
    pub(crate) clients: Arc<AtomicUsize>,
    pub(super) drain_marker: DrainMarker,
    /// The token of the socket of each client and each lane, by the slot in its id.
    pub(super) client_sockets: Vec<Option<u32>>,
    pub(super) lane_sockets: Vec<Option<u32>>,
}

impl WorkerProxy {
    pub(crate) fn new(
        core: Core,
        cell: Arc<TopologyCell>,
        hints: mpsc::Sender<Hint>,
        relays: mpsc::UnboundedSender<AwaitedRelay>,
        clients: Arc<AtomicUsize>,
    ) -> Self {
        let drain_marker = cell.drain_marker();
        WorkerProxy {
            core,
            cell,
            hints,
            relays,
            clients,
            drain_marker,
            client_sockets: Vec::new(),
            lane_sockets: Vec::new(),
        }
    }
}

//! The counters of commands that replicas get as well, written by the tasks that send them.

use crate::reasons::RelayResult;

use super::cells::Cell;

/// Exists only if the nodes may have replicas.
#[derive(Debug, Default)]
pub(crate) struct RelayMetrics {
    pub(super) relayed: [Cell; RelayResult::COUNT],
}

impl RelayMetrics {
    /// Counts one command for one node.
    pub(crate) fn count(&self, result: RelayResult) {
        if let Some(cell) = self.relayed.get(result as usize) {
            cell.add(1);
        }
    }
}

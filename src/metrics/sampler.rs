//! The counters of a proxy's sampler, written by its task alone.

use crate::reasons::SampleResult;

use super::cells::Cell;

/// Exists only if there is a sampler: without one, divergence is unknown, which is not the same as none.
#[derive(Debug, Default)]
pub(crate) struct SamplerMetrics {
    pub(super) sampled: [Cell; SampleResult::COUNT],
    pub(super) diverged: Cell,
}

impl SamplerMetrics {
    /// Counts one comparison of a key.
    pub(crate) fn count_sampled(&self, result: SampleResult) {
        if let Some(cell) = self.sampled.get(result as usize) {
            cell.add(1);
        }
    }

    /// Sets the number of keys that have diverged and have not agreed since.
    pub(crate) fn set_diverged(&self, keys: usize) {
        self.diverged.set(keys as u64);
    }

    #[cfg(test)]
    pub(crate) fn seen(&self, result: SampleResult) -> u64 {
        self.sampled[result as usize].value()
    }

    #[cfg(test)]
    pub(crate) fn known(&self) -> u64 {
        self.diverged.value()
    }
}

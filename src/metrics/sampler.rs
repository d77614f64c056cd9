//! What the sampler of one proxy counts. One writer: the task that samples.

use crate::reasons::SampleResult;

use super::cells::Cell;

/// Only where there is a sampler: a proxy without one knows of no divergence, which is not the same as none.
#[derive(Debug, Default)]
pub(crate) struct SamplerMetrics {
    pub(super) sampled: [Cell; SampleResult::COUNT],
    pub(super) diverged: Cell,
}

impl SamplerMetrics {
    /// A key was looked at.
    pub(crate) fn sampled(&self, result: SampleResult) {
        if let Some(cell) = self.sampled.get(result as usize) {
            cell.add(1);
        }
    }

    /// So many keys are known to have diverged, and have not agreed since.
    pub(crate) fn diverged(&self, keys: usize) {
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

//! Counters and histograms that have exactly one writer.
//!
//! The writer loads and stores instead of an atomic addition, which is cheaper. With one writer nothing is lost, and a
//! scrape at the same time sees the value of a moment ago. Two writers would lose counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Upper bounds of a histogram's buckets, in nanoseconds, each at least twice the one before.
#[derive(Debug)]
pub(crate) struct Scale {
    bounds: &'static [u64],
    /// For each power of two, the number of bounds below it.
    below: [u8; 64],
}

const US: u64 = 1_000;
const MS: u64 = 1_000_000;
const S: u64 = 1_000_000_000;

/// The scale of command latencies.
pub(crate) static LATENCY: Scale = Scale::new(&[
    50 * US,
    100 * US,
    250 * US,
    500 * US,
    MS,
    2_500 * US,
    5 * MS,
    10 * MS,
    25 * MS,
    50 * MS,
    100 * MS,
    250 * MS,
    500 * MS,
    S,
    2_500 * MS,
    5 * S,
    10 * S,
    30 * S,
]);

/// The scale of holds and outages: short ones do not matter, and some are longer than any latency.
pub(crate) static WAITING: Scale = Scale::new(&[
    MS,
    5 * MS,
    10 * MS,
    25 * MS,
    50 * MS,
    100 * MS,
    250 * MS,
    500 * MS,
    S,
    2_500 * MS,
    5 * S,
    10 * S,
    30 * S,
    60 * S,
    120 * S,
]);

impl Scale {
    const fn new(bounds: &'static [u64]) -> Self {
        let mut below = [0u8; 64];
        let mut exponent = 0;
        while exponent < 64 {
            let mut index = 0;
            while index < bounds.len() && bounds[index] < 1 << exponent {
                index += 1;
            }
            below[exponent] = index as u8;
            exponent += 1;
        }
        Scale { bounds, below }
    }

    pub(crate) fn bounds(&self) -> &'static [u64] {
        self.bounds
    }

    /// Returns the bucket of a value: the first whose bound is not below it. As each bound is at least twice the one
    /// before, at most one lies between a power of two and the next, and a table and one comparison find the bucket.
    #[inline]
    fn bucket(&self, nanos: u64) -> usize {
        let exponent = (nanos | 1).ilog2() as usize;
        let first = usize::from(self.below.get(exponent).copied().unwrap_or_default());
        let above = self.bounds.get(first).is_some_and(|bound| *bound < nanos);
        first + usize::from(above)
    }
}

/// A histogram with one writer.
#[derive(Debug)]
pub(crate) struct Histogram {
    scale: &'static Scale,
    /// A count for each bucket; the last is for values beyond all bounds.
    counts: Box<[Cell]>,
    /// In microseconds, as the nanoseconds of thousands of blocked clients could overflow.
    sum: Cell,
}

impl Histogram {
    pub(crate) fn new(scale: &'static Scale) -> Self {
        let counts = (0..=scale.bounds.len()).map(|_| Cell::default()).collect();
        Histogram { scale, counts, sum: Cell::default() }
    }

    #[inline]
    pub(crate) fn observe(&self, elapsed: Duration) {
        let nanos = elapsed.as_secs().saturating_mul(S).saturating_add(u64::from(elapsed.subsec_nanos()));
        if let Some(count) = self.counts.get(self.scale.bucket(nanos)) {
            count.add(1);
        }
        self.sum.add(nanos.saturating_add(US / 2) / US);
    }

    /// Returns the number of observations.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().map(Cell::value).sum()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let counts = self.counts.iter().map(Cell::value).collect();
        Snapshot { scale: self.scale, counts, sum_micros: self.sum.value() }
    }
}

/// The content of a histogram at one moment; those of several workers can be merged.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) scale: &'static Scale,
    pub(crate) counts: Vec<u64>,
    pub(crate) sum_micros: u64,
}

impl Snapshot {
    pub(crate) fn empty(scale: &'static Scale) -> Self {
        Snapshot { scale, counts: vec![0; scale.bounds.len() + 1], sum_micros: 0 }
    }

    /// Adds another snapshot, which must have the same scale.
    pub(crate) fn merge(&mut self, other: &Snapshot) {
        debug_assert_eq!(self.counts.len(), other.counts.len());
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.sum_micros = self.sum_micros.wrapping_add(other.sum_micros);
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_into_the_first_bucket_that_is_not_below_it() {
        for scale in [&LATENCY, &WAITING] {
            let edges = scale.bounds().iter().flat_map(|bound| [bound - 1, *bound, bound + 1]);
            for nanos in edges.chain([0, 1, u64::MAX]) {
                let slow = scale.bounds().iter().filter(|bound| **bound < nanos).count();
                assert_eq!(scale.bucket(nanos), slow, "{nanos} ns");
            }
        }
    }

    #[test]
    fn bounds_at_least_double() {
        for scale in [&LATENCY, &WAITING] {
            assert!(scale.bounds().windows(2).all(|pair| pair[1] >= 2 * pair[0]));
        }
    }

    #[test]
    fn snapshots_add_up() {
        let one = Histogram::new(&LATENCY);
        let two = Histogram::new(&LATENCY);
        one.observe(Duration::from_micros(50));
        two.observe(Duration::from_micros(51));
        two.observe(Duration::MAX);
        let mut sum = Snapshot::empty(&LATENCY);
        sum.merge(&one.snapshot());
        assert_eq!((sum.count(), sum.sum_micros), (1, 50));
        sum.merge(&two.snapshot());
        assert_eq!(sum.count(), 3);
        assert_eq!((sum.counts[0], sum.counts[1], sum.counts.last().copied()), (1, 1, Some(1)));
    }
}

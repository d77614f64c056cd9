//! Numbers by chance, and the seeds that a test plays.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Told;

/// A small generator of numbers: the same seed, the same run.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        (random % end.max(1) as u64) as usize
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Returns all of `len` in so many percent of cases, or else a part, which may be nothing.
    pub(super) fn part(&mut self, len: usize, whole: usize) -> usize {
        if self.chance(whole) { len } else { self.below(len + 1) }
    }

    /// Returns a value that makes its request too large to be kept.
    pub(super) fn large_value(&mut self) -> String {
        "v".repeat(250_000 + self.below(100_000))
    }
}

/// Plays the one seed or the number of seeds that the environment asks for, or so many. Returns what the clients were told, in
/// each of several.
pub(super) fn play_seeds(default: u64, play: impl Fn(u64) -> Told) -> Vec<Told> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(seed) = number("TIDEOVER_SEED") {
        play(seed);
        return Vec::new();
    }
    let play = |seed| match catch_unwind(AssertUnwindSafe(|| play(seed))) {
        Ok(told) => told,
        Err(_) => panic!("play it again with TIDEOVER_SEED={seed}"),
    };
    (0..number("TIDEOVER_SEEDS").unwrap_or(default)).map(play).collect()
}

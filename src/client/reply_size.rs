//! The average size of a client's replies, by which the amount that a node has to answer it at once is bounded.

/// The size that is assumed before any reply was seen, in bytes.
const UNKNOWN: u32 = 16 << 10;
/// Each reply counts for one part in so many.
const WEIGHT: u32 = 8;

/// A running average, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplySize(u32);

impl Default for ReplySize {
    fn default() -> Self {
        ReplySize(UNKNOWN)
    }
}

impl ReplySize {
    /// Counts a reply, or the end of one.
    #[inline]
    pub(crate) fn reply(&mut self, bytes: usize) {
        self.0 -= self.0 / WEIGHT;
        self.part(bytes);
    }

    /// Counts a part of a reply that is not whole.
    #[inline]
    pub(crate) fn part(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.0 = self.0.saturating_add(bytes / WEIGHT);
    }

    /// Returns true if so many replies of the average size exceed so many bytes.
    #[inline]
    pub(crate) fn exceeds(self, replies: u32, bytes: u32) -> bool {
        u64::from(replies) * u64::from(self.0) > u64::from(bytes)
    }

    /// Returns how many replies of the average size make so many bytes, but at least `least` and at most `most`.
    pub(crate) fn window(self, bytes: u32, least: u32, most: u32) -> u32 {
        (bytes / self.0.max(1)).clamp(least, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u32 = 1 << 20;

    #[test]
    fn the_window_follows_the_size_of_the_replies() {
        // Sizes of replies in a row, window for 4 MiB.
        for (sizes, expected) in [
            (vec![], 256),
            (vec![5; 40], 8192),
            (vec![256 << 10; 40], 16),
            (vec![100 << 20; 10], 4),
            ([vec![256 << 10; 40], vec![5; 100]].concat(), 8192),
        ] {
            let mut size = ReplySize::default();
            sizes.iter().for_each(|bytes| size.reply(*bytes));
            let window = size.window(4 * MIB, 4, 8192);
            assert!((expected..=expected + expected / 4).contains(&window), "{}: {window}", sizes.len());
        }
    }

    #[test]
    fn pieces_count_like_the_whole() {
        let (mut whole, mut pieces) = (ReplySize::default(), ReplySize::default());
        for _ in 0..20 {
            whole.reply(4 * 65_536);
            (0..3).for_each(|_| pieces.part(65_536));
            pieces.reply(65_536);
        }
        assert!(whole.0.abs_diff(pieces.0) < whole.0 / 4, "{whole:?} {pieces:?}");
    }
}

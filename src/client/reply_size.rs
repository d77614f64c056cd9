//! How large the replies of a client are, so that its share of what a node has to answer can be bounded.

/// Taken to be so large before any was seen, in bytes.
const UNKNOWN: u32 = 16 << 10;
/// Each reply counts for one in so many.
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
    /// A reply, or the end of one, has come.
    #[inline]
    pub(crate) fn reply(&mut self, bytes: usize) {
        self.0 -= self.0 / WEIGHT;
        self.part(bytes);
    }

    /// A piece of one that is not whole.
    #[inline]
    pub(crate) fn part(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.0 = self.0.saturating_add(bytes / WEIGHT);
    }

    /// Returns whether so many replies of that size make more than so many bytes.
    #[inline]
    pub(crate) fn exceeds(self, replies: u32, bytes: u32) -> bool {
        u64::from(replies) * u64::from(self.0) > u64::from(bytes)
    }

    /// Returns how many replies of that size make so many bytes; from `least` to `most`.
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

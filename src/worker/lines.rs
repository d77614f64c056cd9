//! Lines of MONITOR on their way to other workers: so many bytes of them, and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Mail, Worker};

/// Bytes of lines that may be on their way between all workers. When they are more, a worker cannot keep up with the others.
const MOST_UNDER_WAY: usize = 32 << 20;
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Lines that count as under way until they are dropped.
pub(crate) struct CountedLines(Arc<[u8]>);

impl CountedLines {
    /// `None`: too many are under way.
    fn of(lines: &Arc<[u8]>) -> Option<CountedLines> {
        let counted = |under_way: usize| {
            let more = under_way + lines.len();
            (more <= MOST_UNDER_WAY).then_some(more)
        };
        UNDER_WAY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted).ok()?;
        Some(CountedLines(Arc::clone(lines)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for CountedLines {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(self.0.len(), Ordering::Relaxed);
    }
}

impl Worker {
    /// Sends lines to all other workers, for their monitoring clients.
    pub(super) fn show_elsewhere(&self, proxy: usize, lines: &Arc<[u8]>) {
        for other in &self.others {
            // A worker that has ended has no clients.
            let _ = other.send(Mail::Lines { proxy, lines: CountedLines::of(lines) });
        }
    }
}

//! Lines of MONITOR and invalidations of caches on their way to other workers: so many bytes of them, and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Mail, Worker};

/// Bytes that may be on their way between all workers. When they are more, a worker cannot keep up with the others.
const MOST_UNDER_WAY: usize = 32 << 20;
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Bytes that count as under way until they are dropped.
pub(crate) struct CountedBytes(Arc<[u8]>);

impl CountedBytes {
    /// `None`: too many are under way.
    fn of(bytes: &Arc<[u8]>) -> Option<CountedBytes> {
        let counted = |under_way: usize| {
            let more = under_way + bytes.len();
            (more <= MOST_UNDER_WAY).then_some(more)
        };
        UNDER_WAY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted).ok()?;
        Some(CountedBytes(Arc::clone(bytes)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(self.0.len(), Ordering::Relaxed);
    }
}

impl Worker {
    /// Sends lines to all other workers, for their monitoring clients.
    pub(super) fn show_elsewhere(&self, proxy: usize, lines: &Arc<[u8]>) {
        self.mail_all(|| Mail::Lines { proxy, lines: CountedBytes::of(lines) });
    }

    /// Tells a client of another worker what to drop from its cache: everything, if there is no room for more.
    pub(super) fn tell_elsewhere(&self, proxy: usize, target: u64, keys: Option<&Arc<[u8]>>) {
        self.mail_all(|| Mail::Invalidation { proxy, target, keys: keys.and_then(CountedBytes::of) });
    }

    pub(super) fn target_gone(&self, proxy: usize, target: u64) {
        self.mail_all(|| Mail::TargetGone { proxy, target });
    }

    fn mail_all(&self, mail: impl Fn() -> Mail) {
        for other in &self.others {
            // A worker that has ended has no clients.
            let _ = other.send(mail());
        }
    }
}

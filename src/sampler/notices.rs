//! Bounds the log lines about divergences: the first comes at once, then no more than one in the time of `settle`, with a
//! count. No line has a key.

use std::time::Duration;

use super::look::Look;
use crate::command::Slot;

/// The shortest time between two lines, however short `settle` is.
const SHORTEST_PERIOD: Duration = Duration::from_secs(1);

/// The number of keys that diverged since the last line, and the description of the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diverged {
    pub(super) keys: usize,
    pub(super) slot: u16,
    pub(super) key_type: &'static str,
    pub(super) nodes: String,
}

/// The content of the next lines, at most one of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SampleNotice {
    pub(super) diverged: Option<Diverged>,
    /// Number of keys that agree again.
    pub(super) healed: usize,
}

#[derive(Debug)]
pub(super) struct Notices {
    period: Duration,
    next: Duration,
    waiting: SampleNotice,
}

impl Notices {
    pub(super) fn new(settle: Duration) -> Self {
        Notices {
            period: settle.max(SHORTEST_PERIOD),
            next: Duration::ZERO,
            waiting: SampleNotice::default(),
        }
    }

    pub(super) fn diverged(&mut self, key: &[u8], look: &Look) {
        if let Some(diverged) = &mut self.waiting.diverged {
            diverged.keys += 1;
            return;
        }
        // At least one node has the key, as the nodes differ.
        let key_type = look.key_type().map_or("none", |key_type| key_type.name());
        let slot = Slot::of_key(key).0;
        self.waiting.diverged = Some(Diverged { keys: 1, slot, key_type, nodes: look.groups() });
    }

    pub(super) fn healed(&mut self) {
        self.waiting.healed += 1;
    }

    /// Returns the lines to log now.
    pub(super) fn take(&mut self, now: Duration) -> SampleNotice {
        if now < self.next || self.waiting == SampleNotice::default() {
            return SampleNotice::default();
        }
        self.next = now + self.period;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::look;
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_are_counted() {
        const S: Duration = Duration::from_secs(1);
        let mut notices = Notices::new(S * 10);
        assert_eq!(notices.take(S), SampleNotice::default());
        notices.diverged(b"foo", &look("x-"));
        let mut told =
            Diverged { keys: 1, slot: 12182, key_type: "string", nodes: "a:1 | b:1 (none)".into() };
        assert_eq!(notices.take(S), SampleNotice { diverged: Some(told.clone()), healed: 0 });
        notices.diverged(b"foo", &look("x-"));
        notices.diverged(b"bar", &look("xy"));
        notices.healed();
        assert_eq!(notices.take(S * 10), SampleNotice::default());
        told.keys = 2;
        assert_eq!(notices.take(S * 11), SampleNotice { diverged: Some(told), healed: 1 });
        assert_eq!(notices.take(S * 30), SampleNotice::default());
    }
}

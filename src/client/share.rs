//! The share of the hold budget that a client's large requests have, from their first bytes until they are answered.

/// The bytes taken from the budget, and how many of them are for requests that were sent or are held.
#[derive(Debug, Default)]
pub(crate) struct Share {
    taken: usize,
    in_flight: usize,
}

impl Share {
    /// Returns the bytes to take from the budget before `more` bytes can be kept beside the requests in flight.
    pub(crate) fn missing(&self, more: usize) -> usize {
        (self.in_flight + more).saturating_sub(self.taken)
    }

    /// Returns true if requests are in flight, and exceed the limit together with `more` bytes.
    pub(crate) fn is_crowded_by(&self, more: usize, limit: usize) -> bool {
        self.in_flight > 0 && self.in_flight + more > limit
    }

    /// Notes that the budget has given so many bytes.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.taken += bytes;
    }

    /// Notes that a request of so many bytes is complete.
    pub(crate) fn send(&mut self, bytes: usize) {
        self.in_flight += bytes;
    }

    /// Notes that nothing is in flight any more. Returns the bytes to give back to the budget; `kept` bytes are retained.
    pub(crate) fn release(&mut self, kept: usize) -> usize {
        self.in_flight = 0;
        let back = self.taken.saturating_sub(kept);
        self.taken -= back;
        back
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Returns all that was taken, for it to be given back.
    pub(crate) fn all(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_with_what_arrives_and_goes_back_with_the_answer() {
        let mut share = Share::default();
        assert_eq!(share.missing(100), 100);
        share.take(100);
        assert_eq!((share.missing(100), share.missing(150)), (0, 50));
        share.take(50);
        assert!(!share.is_crowded_by(usize::MAX / 2, 1), "a single one may be as large as it likes");
        share.send(150);
        assert_eq!([50, 51].map(|more| share.is_crowded_by(more, 200)), [false, true]);
        assert_eq!(share.missing(70), 70, "the next one arrives beside it");
        share.take(70);
        assert_eq!(share.release(70), 150);
        assert_eq!((share.missing(70), share.missing(80)), (0, 10));
        assert_eq!(share.release(0), 70);
        assert!(share.is_empty());
        assert_eq!(share.release(10), 0);
    }
}

//! What held requests have of the hold budget. Made, joined and taken back by the worker's holds alone, which count them.

/// Of one held request, or of all on one lane. Whoever has it gives it back when nothing of it is held any more.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "what is held has to be released"]
pub(crate) struct Ticket {
    pub(crate) commands: usize,
    /// Less than they cost, if the budget had no more.
    pub(crate) bytes: usize,
}

impl Ticket {
    /// As one.
    pub(crate) fn join(&mut self, other: Ticket) {
        self.commands += other.commands;
        self.bytes += other.bytes;
    }
}

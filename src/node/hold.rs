//! Tickets for held requests. Only the worker's `Holds`, which counts them, makes, joins and takes back tickets.

/// The count of one held request, or of all on a lane. It is given back when nothing of it is held any more.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "what is held has to be released"]
pub(crate) struct Ticket {
    /// The number of requests.
    pub(crate) commands: usize,
    /// Bytes taken from the hold budget; fewer than the requests cost if the budget had no more.
    pub(crate) bytes: usize,
}

impl Ticket {
    /// Adds another ticket to this one.
    pub(crate) fn join(&mut self, other: Ticket) {
        self.commands += other.commands;
        self.bytes += other.bytes;
    }
}

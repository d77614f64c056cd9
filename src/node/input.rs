//! The reply that a connection is reading.

use crate::command::CommandId;
use crate::reasons::CommandResult;
use crate::resp::reply_scan::ReplyScan;

/// The state of reading. See the module.
#[derive(Default)]
pub(crate) struct ReplyInput {
    pub(crate) scan: ReplyScan,
    /// The bytes of a reply that has not arrived whole. The first `scanned` bytes were scanned already.
    pub(crate) partial: Vec<u8>,
    pub(crate) scanned: usize,
    /// The reply is too large to wait for: its bytes are passed on as they come, and it counts as this result.
    pub(crate) streaming: Option<CommandResult>,
    /// The error to the first command of a transaction that its node refused, with the offset at which the transaction begins in the
    /// lane's stream.
    pub(crate) refused: Option<(u64, Box<[u8]>)>,
    /// The command that the connection answered last.
    pub(crate) answered: Option<CommandId>,
}

impl ReplyInput {
    /// Returns true if all bytes that have come belong to complete replies.
    pub(crate) fn is_between_replies(&self) -> bool {
        self.partial.is_empty() && self.streaming.is_none()
    }
}

//! What a connection has read of the reply at hand.

use crate::command::CommandId;
use crate::reasons::CommandResult;
use crate::resp::reply_scan::ReplyScan;

/// See the module.
#[derive(Default)]
pub(crate) struct ReplyInput {
    pub(crate) scan: ReplyScan,
    /// The bytes of a reply that has not arrived whole; the first `scanned` were looked at.
    pub(crate) partial: Vec<u8>,
    pub(crate) scanned: usize,
    /// The reply at hand is too large to wait for: its bytes go on as they come, and it counts as this.
    pub(crate) streaming: Option<CommandResult>,
    /// The command that the connection answered last.
    pub(crate) answered: Option<CommandId>,
}

impl ReplyInput {
    /// Everything that has come belongs to replies that were whole.
    pub(crate) fn is_between_replies(&self) -> bool {
        self.partial.is_empty() && self.streaming.is_none()
    }
}

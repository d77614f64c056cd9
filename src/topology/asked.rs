//! Whether discovery has asked the nodes for commands that the table does not have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// False until the first attempt has ended, well or not. Discovery sets it; workers read it before they call a command unknown.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandsAsked(Arc<AtomicBool>);

impl CommandsAsked {
    /// Returns one for a proxy that asks nobody.
    pub(crate) fn already() -> Self {
        CommandsAsked(Arc::new(AtomicBool::new(true)))
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

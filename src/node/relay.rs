//! A command for the replicas of the node that has accepted it.

use std::fmt;
use std::sync::Arc;

use crate::config::Credentials;
use crate::topology::Endpoint;

/// The node that has accepted a command, and the user whose right to it the node has judged. Replicas judge the same user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acceptance {
    pub(crate) node: Endpoint,
    /// `None`: the default user, without a password.
    pub(crate) identity: Option<Arc<Credentials>>,
}

/// The command.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Relay {
    pub(crate) acceptance: Acceptance,
    /// The name of the command. It stands in the log, where the arguments must not.
    pub(crate) command: &'static str,
    pub(crate) bytes: Arc<[u8]>,
}

impl fmt::Debug for Relay {
    /// Leaves out the arguments: passwords may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({} by {})", self.command, self.acceptance.node)
    }
}

//! How the nodes of a deployment share what is written: it decides what a book may expect of replies and of the data.

use serde::Serialize;

/// What becomes of a write beside the node that took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// One node takes the writes of a key, and its replicas follow it in the same order.
    Followed,
    /// Every node takes writes and passes them on. What a node had passed on when it died may arrive at the others
    /// after they took later writes.
    Meshed,
    /// Every node takes writes and keeps them to itself: all of them together hold what was written, and none of them
    /// knows what a client wrote last.
    Apart,
}

impl Sharing {
    /// Returns whether the proxy sends a write again that changes nothing more when it runs twice. Where several nodes take
    /// writes it must not: the first run may arrive late and put the old value over a newer one.
    pub(crate) fn repeats_idempotent_writes(self) -> bool {
        match self {
            Self::Followed => true,
            Self::Meshed | Self::Apart => false,
        }
    }
}

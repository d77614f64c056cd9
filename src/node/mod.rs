//! The node's side of the data path: what is in flight on each connection, and what waits for one.
//!
//! No socket, no clock: bytes go in and out, [`crate::worker`] moves them.

pub(crate) mod greeting;
pub(crate) mod hold;
pub(crate) mod input;
pub(crate) mod lane;
pub(crate) mod link;
pub(crate) mod listening;
pub(crate) mod probe;
pub(crate) mod queue;
pub(crate) mod stream;

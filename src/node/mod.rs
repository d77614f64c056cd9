//! The node's side of the data path: the requests in flight on each connection, and those that wait for one.
//!
//! Nothing here knows a socket or a clock: bytes go in and out, [`crate::worker`] moves them.

pub(crate) mod greeting;
pub(crate) mod hold;
pub(crate) mod input;
pub(crate) mod lane;
pub(crate) mod link;
pub(crate) mod listening;
pub(crate) mod modes;
pub(crate) mod probe;
pub(crate) mod queue;
pub(crate) mod relay;
pub(crate) mod stream;
pub(crate) mod tracked;

//! The RESP wire format: finds the frames in bytes from outside, reads the little that is needed of them, and writes
//! replies and commands.
//!
//! Nothing here trusts a byte: every length is bounded, every walk is iterative, and malformed input is an error value.

pub(crate) mod bytes;
pub(crate) mod elements;
pub(crate) mod inline;
pub(crate) mod invalidation;
pub(crate) mod number;
pub(crate) mod pubsub;
pub(crate) mod reply;
pub(crate) mod reply_scan;
pub(crate) mod request;
pub(crate) mod scan;
pub(crate) mod value;

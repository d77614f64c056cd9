//! The RESP wire format: framing of bytes that come from outside, first looks, replies that we make.
//!
//! Nothing here trusts a byte: every length is bounded, every walk is iterative, and what is malformed is an
//! error value.

pub(crate) mod bytes;
pub(crate) mod elements;
pub(crate) mod inline;
pub(crate) mod number;
pub(crate) mod pubsub;
pub(crate) mod reply;
pub(crate) mod reply_scan;
pub(crate) mod request;
pub(crate) mod scan;
pub(crate) mod value;

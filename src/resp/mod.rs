//! The RESP wire format: framing of bytes that come from outside, first looks, replies that we make.

pub(crate) mod request;
pub(crate) mod value;

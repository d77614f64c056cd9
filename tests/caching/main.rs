//! Client-side caching: a client that tracks hears of every change of what it may have cached, as from a server, and hears that
//! all is void when the connection on which it would hear has ended.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/live.rs"]
mod live;

mod changes;
mod checker;
mod stories;

//! Tideover before real clusters while masters die, hang, change places and are cut off, and while slots move: what do
//! plain clients see?
//!
//! Each file is one kind of fault. Every cluster, proxy and port belongs to the test that started it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/live.rs"]
mod live;

mod support;
mod wire;

mod blocked;
mod crash;
mod hub;
mod names;
mod planned;
mod pubsub;
mod reshard;
mod servers;
mod shards;
mod transactions;

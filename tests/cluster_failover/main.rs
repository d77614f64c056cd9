//! Tests what plain clients see of Tideover in front of real clusters while masters die, hang, are replaced or cut off,
//! and while slots move.
//!
//! Each file is about one kind of fault. Every cluster, proxy and port belongs to the test that started it.
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

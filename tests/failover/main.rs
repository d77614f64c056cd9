//! Tests what plain clients see of Tideover in front of real Redis and Sentinel processes while masters die, hang, move
//! and come back.
//!
//! Each file is about one kind of fault. Every deployment, proxy and port belongs to the test that started it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/live.rs"]
mod live;

mod fake_sentinel;
mod support;

mod auth;
mod crash;
mod drain;
mod outage;
mod planned;
mod returning;
mod sentinels;
mod sessions;

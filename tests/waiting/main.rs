//! Tests what plain clients see of blocking commands during kills, and of nodes that are restarted in an orderly way.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/live.rs"]
mod live;

mod counters;
mod kills;
mod kinds;
mod pushes;
mod restarts;
mod servers;
mod single;
mod words;

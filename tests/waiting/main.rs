//! Commands that wait, and nodes that end in good order: what do plain clients see of kills and restarts?
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

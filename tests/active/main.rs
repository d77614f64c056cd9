//! Tests what plain clients see of Tideover in front of nodes that all take writes, while these die, hang, lose each
//! other and come back.
//!
//! The nodes are real KeyDB nodes, if the environment names the executable; Redis servers that do not replicate; and
//! nodes that play the captured states of a KeyDB.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/live.rs"]
mod live;

mod captured;
mod keydb;
mod links;
mod plain;
mod scripted;
mod support;
mod turns;
mod wires;

mod crash;
mod empty;
mod mesh;
mod placing;
mod returning;
mod rig;
mod sessions;
mod writers;

//! Tideover before nodes that all take writes, while they die, hang, lose each other and come back: what do plain clients
//! see?
//!
//! Real KeyDB nodes, where the environment names the executable; Redis servers that know nothing of each other, and nodes
//! that play what a KeyDB was seen to say, everywhere.
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

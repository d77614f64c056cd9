//! `tideover demo`: real deployments on loopback, plain clients, real faults, and what the clients saw of them.
//!
//! The deployments, the processes and the client also serve the integration tests; nothing of the proxy itself uses them.
#![allow(clippy::print_stdout, reason = "the demo speaks to a person at a terminal")]

pub mod client;
pub mod deployment;
pub mod error;
pub mod front;
mod health;
pub mod process;
pub mod server;
pub mod wait;

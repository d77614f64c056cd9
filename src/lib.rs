//! Tideover: a stateless RESP proxy that keeps Redis available to plain clients.

mod admin;
mod cli;
mod client;
mod command;
mod config;
mod core;
pub mod demo;
mod discovery;
mod failover;
mod logging;
pub mod metrics;
mod node;
mod proxy;
mod resp;
mod topology;
mod worker;

/// Parses the arguments, runs what they ask for, and answers with the exit code.
pub fn main_entry() -> std::process::ExitCode {
    cli::main_entry()
}

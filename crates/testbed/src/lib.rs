//! `tideover demo`: real deployments on loopback, plain clients, real faults, and what the clients saw of them.
//!
//! The deployments, the processes, the clients with their books and the audit also serve the integration tests; nothing of
//! the proxy itself uses them.
#![allow(clippy::print_stdout, reason = "the demo speaks to a person at a terminal")]

pub mod active;
mod asserts;
pub mod audit;
mod backend;
pub mod book;
pub mod client;
pub mod cluster;
pub mod deployment;
pub mod error;
pub mod faults;
pub mod front;
mod health;
pub mod jobs;
mod kind;
pub mod ledger;
pub mod load;
pub mod members;
mod meter;
mod prober;
pub mod process;
mod queue;
pub mod round;
mod run;
mod screen;
pub mod server;
pub mod sharing;
mod table;
mod verdict;
mod view;
pub mod wait;

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use screen::Screen;

pub use kind::Kind;

/// How the demo is played.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which deployment.
    pub kind: Kind,
    /// How many times the node in use is killed.
    pub failovers: usize,
    /// The report as JSON on standard output; the course then goes to standard error.
    pub json: bool,
}

/// A signal ended the demo; everything is cleaned up. The exit code is 130.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Plays the demo. `true` when it passed; `Interrupted` after a signal. However it ends, every process that
/// it started has ended and every file is removed: all of them belong to the future that is dropped here.
pub async fn play(options: Options) -> anyhow::Result<bool> {
    let screen = Arc::new(Screen::new(options.json));
    let executable = std::env::current_exe()?;
    let report = tokio::select! {
        played = Box::pin(run::play(&executable, options.kind, options.failovers, &screen)) => played?,
        interrupted = interrupted() => {
            interrupted?;
            screen.event("interrupted: every process is ended and every file removed");
            return Err(Interrupted.into());
        }
    };
    match options.json {
        true => screen.json(&serde_json::to_string_pretty(&report)?),
        false => screen.say(&format!("\n{}", report.table())),
    }
    Ok(report.passed)
}

/// Returns at the first signal that asks to end.
async fn interrupted() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

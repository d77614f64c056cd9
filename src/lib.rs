//! Tideover: a stateless RESP proxy that keeps Redis available to plain clients.

mod command;
mod config;
pub mod demo;
mod discovery;
mod failover;
mod metrics;
mod resp;
mod topology;

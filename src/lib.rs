//! Tideover: a stateless RESP proxy that keeps Redis available to plain clients.

mod admin;
mod command;
mod config;
mod discovery;
mod failover;
pub mod metrics;
mod resp;
mod topology;

//! The core under simulated time: single scenarios against a node that the test plays itself, and random ones
//! from a seed against a model of a server.

mod about_clients;
mod active;
mod caching;
mod cluster_moving;
mod cluster_order;
mod cluster_scenarios;
mod fairness;
mod former_master;
mod homes;
mod info;
mod isolated;
mod large;
mod listening;
mod message_order;
mod operators;
mod orderly_end;
mod relays;
pub(super) mod rig;
mod scenarios;
mod silence;
mod simulation;
mod spares;
pub(super) mod stand;
mod transactions;
mod unknown;
mod words;

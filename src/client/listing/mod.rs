//! CLIENT LIST and CLIENT KILL: what is told about one client, and which clients a filter chooses.

pub(crate) mod facts;
pub(crate) mod filter;

//! From what a peer answered, or failed with, to what is wrong with it, given what it was expected to be.
//!
//! Pure. An answer that does not tell leaves what was known: servers that do not know a question, or forbid it to the
//! proxy, are taken to serve.

mod contact;
mod identity;

pub(super) use self::contact::contact;
pub(super) use self::identity::identity;
use super::PeerKind;
use crate::config::{AuthMode, Kind, Proxy};
use crate::topology::fault::Fault;

/// What a peer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Any server. `asks_clients`: clients bring their own passwords, so it may ask for one.
    Any {
        asks_clients: bool,
    },
    Sentinel,
    /// A data node that sentinels named.
    Member,
    ClusterNode,
    Active,
}

impl Expected {
    pub(super) fn of(proxy: &Proxy, target: &PeerKind) -> Expected {
        match (&proxy.backend.kind, target) {
            (_, PeerKind::Sentinel(_)) => Expected::Sentinel,
            (Kind::Fixed { .. }, PeerKind::Node(_)) => {
                Expected::Any { asks_clients: proxy.clients.auth == AuthMode::Passthrough }
            }
            (Kind::Sentinel { .. }, PeerKind::Node(_)) => Expected::Member,
            (Kind::Cluster { .. }, PeerKind::Node(_)) => Expected::ClusterNode,
            (Kind::Active { .. }, PeerKind::Node(_)) => Expected::Active,
        }
    }
}

/// What one answer tells of one aspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    /// What was known before still holds.
    Nothing,
    Well,
    Fault(Fault),
}

//! Finds the fault of a peer from an answer or a failure, given the kind of server that is expected there.
//!
//! Pure. An answer without evidence changes nothing: a server that does not know or forbids a question is taken to serve.

mod contact;
mod identity;

pub(super) use self::contact::{asks_clients, contact};
pub(super) use self::identity::identity;
use super::PeerKind;
use crate::config::{AuthMode, Kind, Proxy};
use crate::topology::fault::Fault;

/// The kind of server that a peer is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Any server. With `asks_clients` clients bring their own passwords, so the server may ask for one.
    Any {
        asks_clients: bool,
    },
    Sentinel,
    /// A data node of a Sentinel group.
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

/// The evidence of one answer about one aspect of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// No evidence: whatever was known before still holds.
    Nothing,
    Well,
    Fault(Fault),
}

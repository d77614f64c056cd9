//! What a client has set up for itself. Nothing of it ever affects another client.

use std::sync::Arc;

use crate::command::Lot;
use crate::config::Credentials;
use crate::ids::ClientId;
use crate::node::modes::{Modes, NodeTracking};
use crate::resp::reply::Proto;

use super::tracking::Tracking;
use super::transaction::Transaction;

/// The state of one client's connection to the proxy.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) proto: Proto,
    pub(crate) db: u32,
    /// The credentials that the client authenticated with; `None`: it acts as the backend's default user.
    pub(crate) identity: Option<Arc<Credentials>>,
    pub(crate) name: Vec<u8>,
    pub(crate) library: Vec<u8>,
    pub(crate) library_version: Vec<u8>,
    /// CLIENT NO-EVICT. The proxy evicts nobody; it is only told in CLIENT LIST.
    pub(crate) no_evict: bool,
    /// CLIENT CAPA redirect. No client is ever sent a redirect to a node; it is only told in CLIENT LIST.
    pub(crate) follows_redirects: bool,
    /// CLIENT NO-TOUCH.
    pub(crate) no_touch: bool,
    /// READONLY, to the one node behind the proxy.
    pub(crate) readonly: bool,
    /// CLIENT TRACKING.
    pub(crate) tracking: Option<Box<Tracking>>,
    /// The number of keys that the client has named in WATCH since it began to watch.
    pub(crate) watched_keys: u32,
    pub(crate) reply_mode: ReplyMode,
    pub(crate) transaction: Option<Box<Transaction>>,
    pub(crate) watch: Watch,
    /// The client has sent READWRITE to a cluster: its reads go to the master, whatever `reads.from` says, until READONLY.
    pub(crate) reads_of_master: bool,
    /// The lot of the watched keys, and the shard whose node watches them.
    pub(crate) watched: Option<(Lot, u16)>,
}

impl Session {
    /// Notes a WATCH of so many keys, which was sent and is not confirmed yet.
    pub(crate) fn note_watch(&mut self, keys: usize) {
        if self.watch == Watch::None {
            (self.watch, self.watched_keys) = (Watch::Asked, 0);
        }
        self.watched_keys = self.watched_keys.saturating_add(u32::try_from(keys).unwrap_or(u32::MAX));
    }

    /// Returns true if no command needs special treatment: none is queued, watched for, silenced or tracked.
    pub(crate) fn is_plain(&self) -> bool {
        self.transaction.is_none()
            && self.watch == Watch::None
            && self.reply_mode == ReplyMode::On
            && self.tracking.is_none()
    }

    /// Returns the modes of the node connections of the client with this id.
    pub(crate) fn modes(&self, id: ClientId) -> Modes {
        let modes = modes(self.tracking.as_deref(), self.no_touch, id, self.proto);
        Modes { readonly: self.readonly, ..modes }
    }
}

/// Returns the modes of the node connections of the client with this id, by what it has set.
pub(crate) fn modes(tracking: Option<&Tracking>, no_touch: bool, id: ClientId, proto: Proto) -> Modes {
    let tracking = tracking.map(|tracking| tracking.at_node(id, proto));
    Modes { tracking: tracking.unwrap_or(NodeTracking::Off), no_touch, readonly: false }
}

/// The mode that CLIENT REPLY has set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    #[default]
    On,
    Off,
    /// The next command gets no reply.
    SkipNext,
}

impl ReplyMode {
    /// Returns whether the reply to the command at hand is suppressed, and the mode after it.
    pub(crate) fn advance(self) -> (bool, ReplyMode) {
        match self {
            ReplyMode::On => (false, ReplyMode::On),
            ReplyMode::Off => (true, ReplyMode::Off),
            ReplyMode::SkipNext => (true, ReplyMode::On),
        }
    }
}

/// The state of a client's WATCH. It lives in a connection to a node, and dies with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Watch {
    #[default]
    None,
    /// It was sent and not confirmed yet, so it can still be sent again.
    Asked,
    Active,
    /// Its connection was lost: EXEC answers as if a watched key had changed.
    Lost,
}

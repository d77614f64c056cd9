//! What a client has set up for itself. None of it ever reaches another client.

use std::sync::Arc;

use crate::command::Lot;
use crate::config::Credentials;
use crate::resp::reply::Proto;

/// State of one client's connection to us.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) proto: Proto,
    pub(crate) db: u32,
    /// What the client authenticated with; `None`: the backend's default user.
    pub(crate) identity: Option<Arc<Credentials>>,
    pub(crate) name: Vec<u8>,
    pub(crate) library: Vec<u8>,
    pub(crate) library_version: Vec<u8>,
    pub(crate) reply_mode: ReplyMode,
    pub(crate) transaction: Option<Box<Transaction>>,
    pub(crate) watch: Watch,
    /// READWRITE of a cluster's client: its reads are the master's, whatever `reads.from` says, until READONLY.
    pub(crate) reads_of_master: bool,
    /// The lot of the watched keys, and the shard whose node watches them.
    pub(crate) watched: Option<(Lot, u16)>,
}

impl Session {
    /// No command needs a second look: nothing queues, watches or is silenced.
    pub(crate) fn is_plain(&self) -> bool {
        self.transaction.is_none() && self.watch == Watch::None && self.reply_mode == ReplyMode::On
    }
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    #[default]
    On,
    Off,
    /// The next command gets no reply.
    SkipNext,
}

impl ReplyMode {
    /// Returns whether the command at hand is silent, and the mode after it.
    pub(crate) fn take(self) -> (bool, ReplyMode) {
        match self {
            ReplyMode::On => (false, ReplyMode::On),
            ReplyMode::Off => (true, ReplyMode::Off),
            ReplyMode::SkipNext => (true, ReplyMode::On),
        }
    }
}

/// WATCH lives in a node connection, and dies with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Watch {
    #[default]
    None,
    /// Sent, not confirmed: can still be sent again.
    Asked,
    Active,
    /// The connection was lost: EXEC answers as if a watched key had changed.
    Lost,
}

/// Commands between MULTI and EXEC.
#[derive(Default)]
pub(crate) struct Transaction {
    /// The whole block as it will be sent, MULTI first.
    pub(crate) bytes: Vec<u8>,
    pub(crate) queued: u32,
    /// A command was refused while queueing: EXEC discards.
    pub(crate) dirty: bool,
    /// One of them asks about subscribers.
    pub(crate) counts: bool,
    /// The lot of its first key, which is that of all others.
    pub(crate) lot: Option<Lot>,
    /// The names of the scripts that stand in the block.
    scripts: Vec<[u8; 40]>,
}

impl Transaction {
    pub(crate) const MULTI: &'static [u8] = b"*1\r\n$5\r\nMULTI\r\n";
    pub(crate) const EXEC: &'static [u8] = b"*1\r\n$4\r\nEXEC\r\n";

    pub(crate) fn begin() -> Self {
        Transaction { bytes: Self::MULTI.to_vec(), ..Transaction::default() }
    }

    /// Returns whether this script is new to the block, which has it from now on.
    pub(crate) fn brings(&mut self, script: [u8; 40]) -> bool {
        let is_new = !self.scripts.contains(&script);
        if is_new {
            self.scripts.push(script);
        }
        is_new
    }

    pub(crate) fn queue(&mut self, request: &[u8]) {
        self.bytes.extend_from_slice(request);
        self.queued += 1;
    }
}

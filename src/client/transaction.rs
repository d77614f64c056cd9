//! The commands between MULTI and EXEC, as a client has queued them.
//!
//! A node runs most of them in one block. In some the proxy has a part of its own, because they are about the client's
//! connection, which no node has: see [`Own`].

use std::borrow::Cow;

use crate::command::{ClientCommand, ClientsCommand, Local, Lot, Merge, Session, Subscribe};

/// The part that the proxy has in a queued command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// The proxy answers it. No node gets it.
    Local(Local),
    /// A node runs it within the block, on a connection of the client's own. If it succeeds, the session changes as the
    /// connection did. CLIENT TRACKING and NO-TOUCH are about the connections that the client uses from then on: no node
    /// gets them within the block.
    Session(Session),
    /// The workers answer it together. Within the block a node gets a command that needs the same right.
    Clients(ClientsCommand),
    /// It is about every shard. The node of the block runs it within the block; the others get it behind that, and their replies are
    /// merged.
    EachShard(Merge),
    /// The hub carries it out. No node gets it within the block.
    Subscribe(Subscribe),
    /// It fails with this error, as within EXEC on a server. No node gets it.
    Error(Cow<'static, str>),
}

/// The commands between MULTI and EXEC.
#[derive(Default)]
pub(crate) struct Transaction {
    /// MULTI and all queued commands.
    pub(crate) bytes: Vec<u8>,
    pub(crate) queued: u32,
    /// The commands in which the proxy has a part, by their place in the queue.
    pub(crate) own: Vec<(u32, Own)>,
    /// A command was refused while queueing, so EXEC discards the transaction.
    pub(crate) dirty: bool,
    /// One of the commands asks about subscribers.
    pub(crate) counts: bool,
    /// The lot of the first key; all other keys have the same.
    pub(crate) lot: Option<Lot>,
    /// The digests of the scripts that the block contains.
    scripts: Vec<[u8; 40]>,
}

impl Transaction {
    pub(crate) const MULTI: &'static [u8] = b"*1\r\n$5\r\nMULTI\r\n";
    pub(crate) const EXEC: &'static [u8] = b"*1\r\n$4\r\nEXEC\r\n";
    /// What a command with a part of the proxy's own takes beside its bytes.
    const OWN: usize = 128;

    pub(crate) fn begin() -> Self {
        Transaction { bytes: Self::MULTI.to_vec(), ..Transaction::default() }
    }

    /// Adds a script to those that the block contains. Returns true if it is new.
    pub(crate) fn brings(&mut self, script: [u8; 40]) -> bool {
        let is_new = !self.scripts.contains(&script);
        if is_new {
            self.scripts.push(script);
        }
        is_new
    }

    pub(crate) fn queue(&mut self, request: &[u8], own: Option<Own>) {
        self.own.extend(own.map(|own| (self.queued, own)));
        self.bytes.extend_from_slice(request);
        self.queued += 1;
    }

    /// Returns the memory that the transaction takes, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.own.len() * Self::OWN
    }

    /// Returns true if CLIENT CACHING is among the commands.
    pub(crate) fn caches(&self) -> bool {
        self.own.iter().any(|(_, own)| *own == Own::Local(Local::Client(ClientCommand::Caching)))
    }

    /// Returns true if the client may be a subscriber when EXEC comes to its end.
    pub(crate) fn subscribes(&self) -> bool {
        self.own.iter().any(|(_, own)| matches!(own, Own::Subscribe(_)))
    }
}

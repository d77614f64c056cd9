//! The data of a request that is known before it is put on a lane.

use crate::client::Client;
use crate::command::{Command, CommandId};
use crate::node::lane::Use;
use crate::node::queue::{Entry, EntryKind, FOREVER};
use crate::reasons::Family;

/// The outcome of looking at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// The request was answered, sent or held.
    Taken,
    /// The client is stalled: the same bytes are to be looked at again later.
    Later,
}

/// The values for the [`Entry`] of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    pub(crate) command: CommandId,
    pub(crate) family: Family,
    pub(crate) kind: EntryKind,
    pub(crate) replies: u32,
    pub(crate) dedicated: bool,
    /// The command concerns no database, so none is selected on a connection of the client's own.
    pub(crate) any_db: bool,
    /// The node's reply is changed before the client gets it: the request is a transaction that asks about subscribers, or in which
    /// the proxy has a part.
    pub(crate) edited: bool,
    pub(crate) use_: Use,
    /// When the request's own time-out is over, in microseconds on the worker's clock; [`FOREVER`] without one.
    pub(crate) until: u64,
}

impl Meta {
    pub(crate) fn of(command: Option<&'static Command>, kind: EntryKind, dedicated: bool) -> Self {
        Meta {
            command: command.map_or(CommandId::OTHER, |command| command.id),
            family: command.map_or(Family::Other, Command::family),
            kind,
            replies: 1,
            dedicated,
            any_db: false,
            edited: false,
            use_: Use::Master,
            until: FOREVER,
        }
    }
}

/// Makes the entry of a request that has no place on a lane yet.
pub(crate) fn new_entry(client: &mut Client, meta: Meta, now: u64) -> Entry {
    if client.in_flight == 0 && !client.detours.is_empty() {
        client.detours = Vec::new();
    }
    let (silent, next) = client.session.reply_mode.advance();
    client.session.reply_mode = next;
    Entry {
        seq: client.replies.open(),
        until: meta.until,
        command: meta.command,
        family: meta.family,
        replies: meta.replies,
        edited: meta.edited,
        tracked: client.session.tracking.is_some() && tracks_next(client),
        silent,
        ..Entry::blank(client.id, meta.kind, now)
    }
}

#[cold]
fn tracks_next(client: &Client) -> bool {
    client.session.tracking.as_ref().is_some_and(|tracking| tracking.tracks_next())
}

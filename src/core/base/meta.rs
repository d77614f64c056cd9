//! What is noted of a request, and whether it was dealt with.

use crate::client::Client;
use crate::command::{Command, CommandId};
use crate::node::lane::Use;
use crate::node::queue::{Entry, EntryKind, FOREVER};
use crate::reasons::Family;

/// Whether a request was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Taken,
    /// The client is stalled: the same bytes are to be looked at again later.
    Later,
}

/// What the entry of a request is to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    pub(crate) command: CommandId,
    pub(crate) family: Family,
    pub(crate) kind: EntryKind,
    pub(crate) replies: u32,
    pub(crate) dedicated: bool,
    /// It concerns no database: for a connection of the client's own none is chosen.
    pub(crate) any_db: bool,
    /// A transaction that asks about subscribers.
    pub(crate) counts: bool,
    pub(crate) use_: Use,
    /// When the time-out that it carries is over, in microseconds; [`FOREVER`] without one.
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
            counts: false,
            use_: Use::Master,
            until: FOREVER,
        }
    }
}

/// Returns what is noted of a request that has no place on a lane yet.
pub(crate) fn new_entry(client: &mut Client, meta: Meta, now: u64) -> Entry {
    if client.in_flight == 0 && !client.detours.is_empty() {
        client.detours = Vec::new();
    }
    let (silent, next) = client.session.reply_mode.take();
    client.session.reply_mode = next;
    Entry {
        client: client.id,
        seq: client.replies.open(),
        part: None,
        hops: 0,
        rounds: 0,
        asked: None,
        start: 0,
        end: 0,
        arrived: now,
        since: now,
        sent: now,
        until: meta.until,
        adrift: None,
        command: meta.command,
        family: meta.family,
        kind: meta.kind,
        replies: meta.replies,
        refusal: None,
        may_have_run: false,
        counts: meta.counts,
        silent,
    }
}

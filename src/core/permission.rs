//! May this client send a command that the proxy answers, and that is about other clients? Its user's rights are the node's to
//! know. So the node gets a command without an effect that needs the same right, and the proxy answers only if it is not refused.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::client::Client;
use crate::client::inquiry::{Inquiry, PendingInquiry};
use crate::config::Credentials;
use crate::ids::{ClientId, LaneId};
use crate::node::queue::Entry;
use crate::reasons::CommandResult;
use crate::resp::reply;

use super::base::Base;
use super::requests::Memory;

/// The right that an inquiry needs, by the command that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    List,
    Kill,
    Unblock,
    Pause,
    Tracking,
    Monitor,
}

impl Right {
    pub(super) fn of(inquiry: &Inquiry) -> Right {
        match inquiry {
            Inquiry::List(_) => Right::List,
            Inquiry::Kill { .. } => Right::Kill,
            Inquiry::Unblock { .. } => Right::Unblock,
            Inquiry::Pause(_) | Inquiry::Unpause => Right::Pause,
            Inquiry::Redirect(_) => Right::Tracking,
            Inquiry::Monitor | Inquiry::EndMonitor => Right::Monitor,
        }
    }

    /// Appends commands that need this right and have no effect. Returns the number of their replies.
    pub(super) fn question(self, out: &mut Vec<u8>) -> u32 {
        // No connection has this number.
        const NOBODY: &[u8] = b"9223372036854775807";
        match self {
            Right::List => reply::command(out, &[b"CLIENT", b"LIST", b"ID", NOBODY]),
            Right::Kill => reply::command(out, &[b"CLIENT", b"KILL", b"ID", NOBODY]),
            Right::Unblock => reply::command(out, &[b"CLIENT", b"UNBLOCK", NOBODY]),
            // An error, after the right was looked at.
            Right::Pause => reply::command(out, &[b"CLIENT", b"PAUSE", b"-1"]),
            // The same.
            Right::Tracking => reply::command(out, &[b"CLIENT", b"TRACKING", b"maybe"]),
            Right::Monitor => {
                // What is queued needs its right, and DISCARD forgets it.
                for command in [&b"MULTI"[..], b"MONITOR", b"DISCARD"] {
                    reply::command(out, &[command]);
                }
                return 3;
            }
        }
        1
    }

    /// A user without the right to MULTI would make the connection monitor. So it is the client's own, and closed afterwards.
    pub(super) fn needs_own_connection(self) -> bool {
        self == Right::Monitor
    }
}

/// How many answers are remembered.
const REMEMBERED: usize = 64;

/// The rights that nodes have granted last: they count while there is no node to ask.
#[derive(Default)]
pub(super) struct GrantedRights(VecDeque<(Option<Arc<Credentials>>, Right)>);

impl GrantedRights {
    fn remember(&mut self, client: &Client, right: Right) {
        let granted = (client.session.identity.clone(), right);
        self.0.retain(|held| *held != granted);
        self.0.push_front(granted);
        self.0.truncate(REMEMBERED);
    }

    fn forget(&mut self, client: &Client, right: Right) {
        self.0.retain(|(identity, held)| *held != right || *identity != client.session.identity);
    }

    pub(super) fn has(&self, client: &Client, right: Right) -> bool {
        self.0.iter().any(|(identity, held)| *held == right && *identity == client.session.identity)
    }
}

/// Returns true if the node refuses a command for want of a right, or does not know it: operators rename commands to forbid them.
pub(super) fn is_denial(frame: &[u8]) -> bool {
    [&b"-NOPERM"[..], b"-NOAUTH", b"-ERR unknown command"].iter().any(|error| frame.starts_with(error))
}

pub(super) fn note_denial(base: &mut Base, id: ClientId, frame: &[u8]) {
    if let Some(pending) = base.client(id).and_then(|client| client.inquiry.as_mut()) {
        pending.denied.get_or_insert_with(|| frame.into());
    }
}

/// Makes the inquiry, or gives the client the node's refusal.
pub(super) fn finish_permission(
    base: &mut Base,
    memory: &mut Memory,
    lane: LaneId,
    entry: &Entry,
    last_reply: &[u8],
) {
    let Some(PendingInquiry { sent, denied }) = base.take_inquiry(entry.client) else { return };
    let denied = denied.or_else(|| is_denial(last_reply).then(|| last_reply.into()));
    let right = Right::of(&sent.inquiry);
    note_right(base, memory, entry.client, right, denied.is_none());
    if right.needs_own_connection() {
        base.drop_own_lane(entry.client, lane);
    }
    match denied {
        Some(refusal) => base.deliver(entry, &refusal, CommandResult::Error),
        None => memory.census.open(base, *entry, sent),
    }
}

fn note_right(base: &mut Base, memory: &mut Memory, id: ClientId, right: Right, is_granted: bool) {
    match base.client(id) {
        Some(client) if is_granted => memory.granted.remember(client, right),
        Some(client) => memory.granted.forget(client, right),
        None => {}
    }
}

//! Sessions that a node has accepted, so that clients which connect in an outage need not wait at their first HELLO.
//!
//! Libraries send HELLO, AUTH and SELECT on every new connection, and connect anew when they lose patience. While
//! there is no node to ask, a session that a node has accepted before is taken to be accepted. That opens no door: a
//! node judges each of the client's commands under the same identity before it runs.

use crate::core::base::follow;
use std::collections::HashSet;
use std::sync::Arc;

use crate::client::session::Watch;
use crate::client::session_change::{Answer, SessionChange};
use crate::client::{Stall, local};
use crate::command::Command;
use crate::config::Credentials;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::Use;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, HoldOutcome};
use crate::resp::reply::{self, Proto};

use super::base::Base;
use super::base::meta::Flow;
use super::hub::Hub;

/// The number of sessions that are remembered. At the limit all are forgotten.
const MANY: usize = 1024;

type SessionKey = (Option<Arc<Credentials>>, Proto, u32);

/// The sessions that nodes have accepted, and their reply to HELLO.
#[derive(Default)]
pub(super) struct AcceptedSessions {
    sessions: HashSet<SessionKey>,
    /// The last reply to HELLO, for the server and version in it.
    hello: Option<Vec<u8>>,
}

fn key(change: &SessionChange) -> SessionKey {
    (change.identity.clone(), change.proto, change.db)
}

/// Returns the change of a session that is held at the front of this lane, with the lane's shard.
pub(crate) fn held_session_change(base: &mut Base, id: LaneId) -> Option<(u16, Entry)> {
    let lane = base.lane(id)?;
    let head = lane.queue.front().filter(|head| head.start >= lane.stream.written())?;
    (head.kind == EntryKind::SessionChange).then_some((lane.key.shard, *head))
}

impl AcceptedSessions {
    /// Remembers a session that a node has accepted.
    pub(super) fn remember(&mut self, change: &SessionChange, reply: &[u8]) {
        if self.sessions.len() >= MANY {
            self.sessions.clear();
        }
        self.sessions.insert(key(change));
        if change.answer == Answer::Hello {
            self.hello = Some(reply.to_vec());
        }
    }

    /// Returns true if the shard has no node to ask at present, and a node has accepted the session before.
    pub(super) fn has_accepted(&self, base: &Base, id: ClientId, shard: u16, change: &SessionChange) -> bool {
        let serves = base.shards.is_open(shard, Use::Master) && !base.shards.is_failing(shard);
        let client = base.clients.get(id);
        !serves
            && client.is_some_and(|client| client.session.watch == Watch::None)
            && self.sessions.contains(&key(change))
            && match change.answer {
                Answer::Node => true,
                Answer::Hello => self.hello.is_some(),
                Answer::Tracking | Answer::Ok => false,
            }
    }

    /// Changes the session without asking a node, and answers.
    pub(super) fn accept_from_memory(
        &self,
        base: &mut Base,
        hub: &mut Hub,
        id: ClientId,
        change: &SessionChange,
        command: Option<&'static Command>,
    ) -> Flow {
        let reply = self.apply_known(base, hub, id, change);
        base.answer(id, command, |out| out.extend_from_slice(&reply))
    }

    /// Answers the changes of sessions at the front of this lane that were accepted before: no node can be asked.
    pub(super) fn accept_held_from_memory(&self, base: &mut Base, hub: &mut Hub, id: LaneId) {
        let mut changed = false;
        while let Some((shard, entry)) = held_session_change(base, id) {
            let Some(change) = base.client(entry.client).and_then(|client| client.session_change.take())
            else {
                // The client has gone.
                base.metrics.hold_finished(HoldOutcome::Gone, base.elapsed(entry.since));
                base.pop(id, &entry);
                changed = true;
                continue;
            };
            if !self.has_accepted(base, entry.client, shard, &change) {
                if let Some(client) = base.client(entry.client) {
                    client.session_change = Some(change);
                }
                break;
            }
            base.pop(id, &entry);
            let reply = self.apply_known(base, hub, entry.client, &change);
            if let Some(client) = base.client(entry.client) {
                client.stall = Stall::Drain;
            }
            base.deliver(&entry, &reply, CommandResult::Ok);
            changed = true;
        }
        if changed {
            base.update_held(id);
        }
    }

    /// Changes the session to one that a node has accepted before. Returns the reply.
    fn apply_known(&self, base: &mut Base, hub: &mut Hub, id: ClientId, change: &SessionChange) -> Vec<u8> {
        apply_session_change(base, hub, id, change);
        let mode = base.settings.face.mode();
        let hello = self.hello.clone().filter(|_| change.answer == Answer::Hello);
        let mut out = Vec::new();
        match (base.client(id), hello) {
            (Some(client), Some(hello)) => local::hello(client, mode, &hello, &mut out),
            (_, None) | (None, _) => reply::simple(&mut out, "OK"),
        }
        out
    }
}

/// Changes the session as a node has accepted it.
pub(crate) fn apply_session_change(base: &mut Base, hub: &mut Hub, id: ClientId, change: &SessionChange) {
    let Some(client) = base.client(id) else { return };
    // Messages have to come in the new version, and only those that the new identity may get.
    let moves = client.session.proto != change.proto || client.session.identity != change.identity;
    let listens_otherwise = client.is_subscriber() && moves;
    client.session.proto = change.proto;
    client.session.db = change.db;
    client.session.identity = change.identity.clone();
    client.session.no_touch = change.no_touch;
    client.session.readonly = change.readonly;
    client.session.tracking = change.tracking.clone();
    client.shared = Default::default();
    if let Some(name) = &change.name {
        client.session.name = name.clone();
    }
    if listens_otherwise {
        hub.change_audience(base, id);
    }
    follow::renew_tracking(base, id);
}

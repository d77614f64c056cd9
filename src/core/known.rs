//! Sessions that a node has accepted. With these a client that connects during an outage does not have to wait at its
//! first HELLO.
//!
//! Libraries send HELLO, AUTH and SELECT on every new connection, and connect anew when they lose patience. While
//! there is no node to ask, a session that a node has accepted before is taken to be accepted. That opens no door: a
//! node judges each of the client's commands under the same identity before it runs.

use std::collections::HashSet;
use std::sync::Arc;

use crate::client::proof::Proof;
use crate::client::session::Watch;
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
pub(super) struct Known {
    accepted: HashSet<SessionKey>,
    /// The last reply to HELLO, for the server and version in it.
    hello: Option<Vec<u8>>,
}

fn key(proof: &Proof) -> SessionKey {
    (proof.identity.clone(), proof.proto, proof.db)
}

/// Returns the change of a session that is held at the front of this lane, with the lane's shard.
pub(crate) fn held_proof(base: &mut Base, id: LaneId) -> Option<(u16, Entry)> {
    let lane = base.lane(id)?;
    let head = lane.queue.front().filter(|head| head.start >= lane.stream.written())?;
    (head.kind == EntryKind::Proof).then_some((lane.key.shard, *head))
}

impl Known {
    /// Remembers a session that a node has accepted.
    pub(super) fn remember(&mut self, proof: &Proof, told: &[u8]) {
        if self.accepted.len() >= MANY {
            self.accepted.clear();
        }
        self.accepted.insert(key(proof));
        if proof.is_hello {
            self.hello = Some(told.to_vec());
        }
    }

    /// Returns true if the shard has no node to ask at present, and a node has accepted the session before.
    pub(super) fn is_known_meanwhile(&self, base: &Base, id: ClientId, shard: u16, proof: &Proof) -> bool {
        let serves = base.shards.is_open(shard, Use::Master) && !base.shards.is_failing(shard);
        let client = base.clients.get(id);
        !serves
            && client.is_some_and(|client| client.session.watch == Watch::None)
            && self.accepted.contains(&key(proof))
            && (!proof.is_hello || self.hello.is_some())
    }

    /// Changes the session without asking a node, and answers.
    pub(super) fn prove_from_memory(
        &self,
        base: &mut Base,
        hub: &mut Hub,
        id: ClientId,
        proof: &Proof,
        command: Option<&'static Command>,
    ) -> Flow {
        let told = self.tell_from_memory(base, hub, id, proof);
        base.answer(id, command, |reply| reply.extend_from_slice(&told))
    }

    /// Answers the changes of sessions that wait at the front of this lane, as far as they were accepted before: no
    /// node can be asked.
    pub(super) fn prove_held_from_memory(&self, base: &mut Base, hub: &mut Hub, id: LaneId) {
        let mut proved = false;
        while let Some((shard, entry)) = held_proof(base, id) {
            let Some(proof) = base.client(entry.client).and_then(|client| client.proof.take()) else {
                // The client has gone.
                base.metrics.hold_finished(HoldOutcome::Gone, base.elapsed(entry.since));
                base.pop(id, &entry);
                proved = true;
                continue;
            };
            if !self.is_known_meanwhile(base, entry.client, shard, &proof) {
                if let Some(client) = base.client(entry.client) {
                    client.proof = Some(proof);
                }
                break;
            }
            base.pop(id, &entry);
            let told = self.tell_from_memory(base, hub, entry.client, &proof);
            if let Some(client) = base.client(entry.client) {
                client.stall = Stall::Drain;
            }
            base.deliver(&entry, &told, CommandResult::Ok);
            proved = true;
        }
        if proved {
            base.rehold(id);
        }
    }

    /// Changes the session to one that a node has accepted before. Returns the reply.
    fn tell_from_memory(&self, base: &mut Base, hub: &mut Hub, id: ClientId, proof: &Proof) -> Vec<u8> {
        adopt(base, hub, id, proof);
        let mode = base.settings.mask.mode();
        let told = self.hello.clone().filter(|_| proof.is_hello);
        let mut out = Vec::new();
        match (base.client(id), told) {
            (Some(client), Some(told)) => local::hello(client, mode, &told, &mut out),
            (_, None) | (None, _) => reply::simple(&mut out, "OK"),
        }
        out
    }
}

/// Changes the session as a node has accepted it.
pub(crate) fn adopt(base: &mut Base, hub: &mut Hub, id: ClientId, proof: &Proof) {
    let Some(client) = base.client(id) else { return };
    // Messages have to come in the new version, and only those that the new identity may get.
    let moves = client.session.proto != proof.proto || client.session.identity != proof.identity;
    let listens_otherwise = client.is_subscriber() && moves;
    client.session.proto = proof.proto;
    client.session.db = proof.db;
    client.session.identity = proof.identity.clone();
    client.shared = Default::default();
    if let Some(name) = &proof.name {
        client.session.name = name.clone();
    }
    if listens_otherwise {
        hub.change_audience(base, id);
    }
}

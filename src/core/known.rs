//! Sessions that a node has accepted, so that a client which connects in an outage is not kept at its first HELLO.
//!
//! Libraries say HELLO, AUTH and SELECT on every new connection, and connect anew when they lose patience. While there is
//! no node to ask, what a node has said yes to before is taken to hold. It opens nothing: each of the client's commands is
//! judged by a node, under the same identity, before it runs.

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

/// Identities, versions and databases that are remembered; at the limit all are forgotten.
const MANY: usize = 1024;

type SessionKey = (Option<Arc<Credentials>>, Proto, u32);

/// What the nodes answered, by session.
#[derive(Default)]
pub(super) struct Known {
    accepted: HashSet<SessionKey>,
    /// The last reply to HELLO: it says which server it is.
    hello: Option<Vec<u8>>,
}

fn key(proof: &Proof) -> SessionKey {
    (proof.identity.clone(), proof.proto, proof.db)
}

pub(crate) fn held_proof(base: &mut Base, id: LaneId) -> Option<(u16, Entry)> {
    let lane = base.lane(id)?;
    let head = lane.queue.front().filter(|head| head.start >= lane.stream.written())?;
    (head.kind == EntryKind::Proof).then_some((lane.key.shard, *head))
}

impl Known {
    /// A node has said yes to this.
    pub(super) fn remember(&mut self, proof: &Proof, told: &[u8]) {
        if self.accepted.len() >= MANY {
            self.accepted.clear();
        }
        self.accepted.insert(key(proof));
        if proof.is_hello {
            self.hello = Some(told.to_vec());
        }
    }

    /// There is no node of this shard to ask, and one has said yes before.
    pub(super) fn is_known_meanwhile(&self, base: &Base, id: ClientId, shard: u16, proof: &Proof) -> bool {
        let serves = base.shards.is_open(shard, Use::Master) && !base.shards.is_failing(shard);
        let client = base.clients.get(id);
        !serves
            && client.is_some_and(|client| client.session.watch == Watch::None)
            && self.accepted.contains(&key(proof))
            && (!proof.is_hello || self.hello.is_some())
    }

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

    /// No node can be had: whoever waits to be judged at the front of this lane is not kept waiting.
    pub(super) fn prove_held_from_memory(&self, base: &mut Base, hub: &mut Hub, id: LaneId) {
        let mut proved = false;
        while let Some((shard, entry)) = held_proof(base, id) {
            let Some(proof) = base.client(entry.client).and_then(|client| client.proof.take()) else {
                // Its client has gone.
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

    /// The session is what a node has said yes to before; gives the reply.
    fn tell_from_memory(&self, base: &mut Base, hub: &mut Hub, id: ClientId, proof: &Proof) -> Vec<u8> {
        adopt(base, hub, id, proof);
        let mode = base.settings.face.mode();
        let told = self.hello.clone().filter(|_| proof.is_hello);
        let mut out = Vec::new();
        match (base.client(id), told) {
            (Some(client), Some(told)) => local::hello(client, mode, &told, &mut out),
            (_, None) | (None, _) => reply::simple(&mut out, "OK"),
        }
        out
    }
}

/// The session is what was proved.
pub(crate) fn adopt(base: &mut Base, hub: &mut Hub, id: ClientId, proof: &Proof) {
    let Some(client) = base.client(id) else { return };
    // Messages are to come in the new version, and only those that the new identity may have.
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

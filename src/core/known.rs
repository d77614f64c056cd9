//! Sessions that a node has accepted, so that a client which connects in an outage is not kept at its first HELLO.
//!
//! Libraries say HELLO, AUTH and SELECT on every new connection, and connect anew when they lose patience. While there is
//! no node to ask, what a node has said yes to before is taken to hold. It opens nothing: each of the client's commands is
//! judged by a node, under the same identity, before it runs.

use std::collections::HashSet;
use std::sync::Arc;

use crate::client::proof::Proof;
use crate::client::session::Watch;
use crate::client::{ClientId, local};
use crate::command::Command;
use crate::config::Credentials;
use crate::node::lane::Use;
use crate::resp::reply::{self, Proto};

use super::Core;
use super::requests::Flow;

/// Identities, versions and databases that are remembered; at the limit all are forgotten.
const MANY: usize = 1024;

type Key = (Option<Arc<Credentials>>, Proto, u32);

/// What the nodes answered, by session.
#[derive(Default)]
pub(super) struct Known {
    accepted: HashSet<Key>,
    /// The last reply to HELLO: it says which server it is.
    hello: Option<Vec<u8>>,
}

fn key(proof: &Proof) -> Key {
    (proof.identity.clone(), proof.proto, proof.db)
}

impl Core {
    /// A node has said yes to this.
    pub(super) fn remember(&mut self, proof: &Proof, told: &[u8]) {
        if self.known.accepted.len() >= MANY {
            self.known.accepted.clear();
        }
        self.known.accepted.insert(key(proof));
        if proof.is_hello {
            self.known.hello = Some(told.to_vec());
        }
    }

    /// There is no node to ask, and one has said yes before.
    pub(super) fn is_known_meanwhile(&self, id: ClientId, proof: &Proof) -> bool {
        let home = self.home(id);
        let serves = self.shards.is_open(home, Use::Master) && !self.shards.is_failing(home);
        let client = self.clients.get(id.slot as usize).filter(|client| client.id == id);
        !serves
            && client.is_some_and(|client| client.session.watch == Watch::None)
            && self.known.accepted.contains(&key(proof))
            && (!proof.is_hello || self.known.hello.is_some())
    }

    pub(super) fn prove_from_memory(
        &mut self,
        id: ClientId,
        proof: &Proof,
        command: Option<&'static Command>,
    ) -> Flow {
        self.adopt(id, proof);
        let mode = self.settings.mask.mode();
        let told = self.known.hello.clone().filter(|_| proof.is_hello);
        let mut out = Vec::new();
        match (self.client(id), told) {
            (Some(client), Some(told)) => local::hello(client, mode, &told, &mut out),
            (_, None) | (None, _) => reply::simple(&mut out, "OK"),
        }
        self.answer(id, command, |reply| reply.extend_from_slice(&out))
    }
}

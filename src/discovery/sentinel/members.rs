//! The table of the data nodes: the last reply, state and measurements of each.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::node_reply::{self, NodeRole, Service};
use super::super::peer::{Contact, LastReply, NodePeer};
use super::super::{Answer, Failure};
use super::replies;
use crate::topology::{Endpoint, NodeState};

/// The age up to which an answer proves something.
const PROOF_LASTS: Duration = Duration::from_secs(1);
/// The time after which a replica is forgotten if no sentinel lists it.
const UNLISTED: Duration = Duration::from_secs(60);
/// The largest number of nodes. More of them are an attack or a mistake.
const MOST: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) all: BTreeMap<Endpoint, Member>,
}

/// One data node.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) node: NodePeer,
    /// The state of the node by its last answer.
    answering: NodeState,
    /// True with `replica-announced no`: the node is shown to nobody.
    pub(super) hidden: bool,
    listed_at: Duration,
}

impl Member {
    fn new(now: Duration) -> Self {
        Member { node: NodePeer::default(), answering: NodeState::Unproven, hidden: false, listed_at: now }
    }

    pub(super) fn state(&self) -> NodeState {
        self.node.contact.down_state().unwrap_or(self.answering)
    }

    /// Marks the node as up: it has proved it, since it was just taken as the master.
    pub(super) fn mark_up(&mut self) {
        self.answering = NodeState::Up;
    }

    /// Returns the last reply, if it is recent and the question was sent at `since` or later.
    pub(super) fn recent_reply(&self, now: Duration, since: Duration) -> Option<&node_reply::NodeReply> {
        let counts = |last: &&LastReply| last.at + PROOF_LASTS >= now && last.sent >= since;
        let last = self.node.last.as_ref().filter(|_| !self.is_silent());
        last.filter(counts).map(|last| &last.node)
    }

    /// Returns true if the node says in a recent reply that it is a master, and would serve a command.
    pub(super) fn proves_master(&self, now: Duration, since: Duration) -> bool {
        let proof = |node: &node_reply::NodeReply| match node.role {
            NodeRole::Master { .. } => node.service == Service::Ready,
            NodeRole::Replica { .. } | NodeRole::Unknown => false,
        };
        self.recent_reply(now, since).is_some_and(proof)
    }

    pub(super) fn was_asked(&self) -> bool {
        self.node.contact != Contact::Unasked
    }

    pub(super) fn is_silent(&self) -> bool {
        self.node.is_silent()
    }
}

impl Members {
    /// Returns the entry of a node that a peer has named, and creates it if it is new. `None`: there are too many nodes.
    pub(super) fn ensure(&mut self, now: Duration, endpoint: &Endpoint) -> Option<&mut Member> {
        if !self.all.contains_key(endpoint) && self.all.len() < MOST {
            self.all.insert(endpoint.clone(), Member::new(now));
        }
        let member = self.all.get_mut(endpoint)?;
        member.listed_at = now;
        Some(member)
    }

    /// Takes in the replicas that a sentinel lists. Forgets nodes that were not listed for long, except those in `keep`.
    pub(super) fn listed(&mut self, now: Duration, replicas: Vec<replies::Replica>, keep: &[&Endpoint]) {
        for replica in replicas {
            if let Some(member) = self.ensure(now, &replica.address) {
                member.hidden = !replica.announced;
            }
        }
        self.all.retain(|endpoint, member| member.listed_at + UNLISTED >= now || keep.contains(&endpoint));
    }

    /// Takes in the outcome of one probe. `master` is the present or last master.
    pub(super) fn answered(
        &mut self,
        now: Duration,
        endpoint: &Endpoint,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
        master: Option<&Endpoint>,
    ) {
        let Some(member) = self.all.get_mut(endpoint) else { return };
        let answer = match outcome {
            Ok(answer) => answer,
            Err(failure) => return member.node.missed(failure),
        };
        member.node.answered(now, sent, answer);
        let state = self.state_of(endpoint, master);
        if let Some((member, state)) = self.all.get_mut(endpoint).zip(state) {
            member.answering = state;
        }
    }

    /// Returns the state of a node by its last answer.
    fn state_of(&self, endpoint: &Endpoint, master: Option<&Endpoint>) -> Option<NodeState> {
        let reply = self.all.get(endpoint)?.node.last_reply()?;
        Some(state(reply, master == Some(endpoint), |followed| self.follows_another(followed, master)))
    }

    /// Returns the endpoint that stands for the process behind `endpoint`: `preferred` if it is the same process, else the first
    /// one. An endpoint that has stopped answering does not stand for one that answers: the process may have moved.
    pub(super) fn canonical<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        preferred: Option<&Endpoint>,
    ) -> &'a Endpoint {
        let Some(member) = self.all.get(endpoint) else { return endpoint };
        let Some(run_id) = &member.node.run_id else { return endpoint };
        let same = |other: &Member| {
            other.node.run_id.as_ref() == Some(run_id) && (!other.is_silent() || member.is_silent())
        };
        let mut aliases = self.all.iter().filter(|(_, other)| same(other)).map(|(alias, _)| alias);
        let first = aliases.clone().next().unwrap_or(endpoint);
        aliases.find(|alias| Some(*alias) == preferred).unwrap_or(first)
    }

    /// Returns true if a replica of `followed` follows a known node that is not the master, and so has that node's data.
    fn follows_another(&self, followed: &Endpoint, master: Option<&Endpoint>) -> bool {
        self.all.contains_key(followed)
            && master.is_some_and(|master| self.canonical(followed, Some(master)) != master)
    }
}

fn state(
    node: &node_reply::NodeReply,
    is_master: bool,
    follows_another: impl Fn(&Endpoint) -> bool,
) -> NodeState {
    match (&node.role, &node.service) {
        (_, Service::Loading) => NodeState::Loading,
        (NodeRole::Master { .. }, _) if is_master => NodeState::Up,
        // A node that wrongly says that it is a master is a former one that has come back.
        (NodeRole::Master { .. } | NodeRole::Unknown, _) => NodeState::Unproven,
        (NodeRole::Replica { linked: false, .. }, _) | (_, Service::MasterDown) => NodeState::Syncing,
        (NodeRole::Replica { master: Some(followed), .. }, _) if follows_another(followed) => {
            NodeState::Syncing
        }
        (NodeRole::Replica { .. }, Service::Refuses(_)) => NodeState::Unproven,
        (NodeRole::Replica { .. }, Service::Ready) => NodeState::Up,
    }
}

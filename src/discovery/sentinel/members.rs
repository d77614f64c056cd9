//! The data nodes: what each said last of itself, its state, what was measured of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::node_reply::{self, NodeRole, Service};
use super::super::peer::{Contact, LastReply, NodePeer};
use super::super::{Answer, Failure};
use super::replies;
use crate::topology::{Endpoint, NodeState};

/// An answer older than this proves nothing any more.
const PROOF_LASTS: Duration = Duration::from_secs(1);
/// A replica that no sentinel has listed for this long is forgotten.
const UNLISTED: Duration = Duration::from_secs(60);
/// More nodes than this under one master are an attack or a mistake.
const MOST: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) all: BTreeMap<Endpoint, Member>,
}

/// One data node.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) node: NodePeer,
    /// The state that its last answer put it in.
    answering: NodeState,
    /// `replica-announced no`: not shown to anybody.
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

    /// Notes that the node has proven to be up: it was just taken as the master.
    pub(super) fn mark_up(&mut self) {
        self.answering = NodeState::Up;
    }

    /// Returns what it said, if it said it lately and was asked at `since` or later.
    pub(super) fn said(&self, now: Duration, since: Duration) -> Option<&node_reply::NodeReply> {
        let counts = |said: &&LastReply| said.at + PROOF_LASTS >= now && said.sent >= since;
        let said = self.node.last.as_ref().filter(|_| !self.is_silent());
        said.filter(counts).map(|said| &said.node)
    }

    /// It says itself that it is a master, and it would serve a command.
    pub(super) fn proves_master(&self, now: Duration, since: Duration) -> bool {
        let proof = |node: &node_reply::NodeReply| match node.role {
            NodeRole::Master { .. } => node.service == Service::Ready,
            NodeRole::Replica { .. } | NodeRole::Unknown => false,
        };
        self.said(now, since).is_some_and(proof)
    }

    pub(super) fn was_asked(&self) -> bool {
        self.node.contact != Contact::Unasked
    }

    pub(super) fn is_silent(&self) -> bool {
        self.node.is_silent()
    }
}

impl Members {
    /// A node that somebody named.
    pub(super) fn ensure(&mut self, now: Duration, endpoint: &Endpoint) -> Option<&mut Member> {
        if !self.all.contains_key(endpoint) && self.all.len() < MOST {
            self.all.insert(endpoint.clone(), Member::new(now));
        }
        let member = self.all.get_mut(endpoint)?;
        member.listed_at = now;
        Some(member)
    }

    /// The replicas of one sentinel's list; forgets those that nobody has listed for long, but for `keep`.
    pub(super) fn listed(&mut self, now: Duration, replicas: Vec<replies::Replica>, keep: &[&Endpoint]) {
        for replica in replicas {
            if let Some(member) = self.ensure(now, &replica.address) {
                member.hidden = !replica.announced;
            }
        }
        self.all.retain(|endpoint, member| member.listed_at + UNLISTED >= now || keep.contains(&endpoint));
    }

    /// Takes in the outcome of one probe. `master` is the node that is serving, if any.
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

    /// Returns the state that the member's last answer puts it in.
    fn state_of(&self, endpoint: &Endpoint, master: Option<&Endpoint>) -> Option<NodeState> {
        let word = self.all.get(endpoint)?.node.last_reply()?;
        Some(state(word, master == Some(endpoint), |told| self.follows_another(told, master)))
    }

    /// The endpoint by which the same process is known best: `preferred` if it is that one, else the first.
    /// A node that has gone does not stand for one that answers: it may have moved.
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
        let mut spellings = self.all.iter().filter(|(_, other)| same(other)).map(|(spelling, _)| spelling);
        let first = spellings.clone().next().unwrap_or(endpoint);
        spellings.find(|spelling| Some(*spelling) == preferred).unwrap_or(first)
    }

    /// A replica that still follows another known node serves what that one has, not what the master has.
    fn follows_another(&self, told: &Endpoint, master: Option<&Endpoint>) -> bool {
        self.all.contains_key(told)
            && master.is_some_and(|master| self.canonical(told, Some(master)) != master)
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
        // Says master and is not: a former one that has come back.
        (NodeRole::Master { .. } | NodeRole::Unknown, _) => NodeState::Unproven,
        (NodeRole::Replica { linked: false, .. }, _) | (_, Service::MasterDown) => NodeState::Syncing,
        (NodeRole::Replica { master: Some(told), .. }, _) if follows_another(told) => NodeState::Syncing,
        (NodeRole::Replica { .. }, Service::Refuses(_)) => NodeState::Unproven,
        (NodeRole::Replica { .. }, Service::Ready) => NodeState::Up,
    }
}

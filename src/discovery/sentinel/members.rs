//! The data nodes: what each said last of itself, its state, what was measured of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::gauge::Gauge;
use super::super::said::{self, NodeRole, Service};
use super::super::schedule::Schedule;
use super::super::{Answer, Failure};
use super::replies;
use crate::topology::{Endpoint, NodeState};

/// An answer older than this proves nothing any more.
const PROOF_LASTS: Duration = Duration::from_secs(1);
/// This many timeouts in a row are a node that is down; a refused connection is at once.
const MISSES: u32 = 3;
/// A replica that no sentinel has listed for this long is forgotten.
const UNLISTED: Duration = Duration::from_secs(60);
/// More nodes than this under one master are an attack or a mistake.
const MOST: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) all: BTreeMap<Endpoint, Member>,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) seen: Seen,
    /// Of the last answer that told it.
    pub(super) run_id: Option<Arc<str>>,
    pub(super) state: NodeState,
    pub(super) gauge: Gauge,
    /// `replica-announced no`: not shown to anybody.
    pub(super) hidden: bool,
    pub(super) schedule: Schedule,
    listed_at: Duration,
    misses: u32,
}

/// The last answer, or that there was none.
#[derive(Debug)]
pub(super) enum Seen {
    Never,
    Silent,
    Here { sent: Duration, at: Duration, node: said::NodeSaid },
}

impl Member {
    fn new(now: Duration) -> Self {
        Member {
            seen: Seen::Never,
            run_id: None,
            state: NodeState::Unproven,
            gauge: Gauge::default(),
            hidden: false,
            schedule: Schedule::default(),
            listed_at: now,
            misses: 0,
        }
    }

    /// Returns what it said, if it said it lately and was asked at `since` or later.
    pub(super) fn said(&self, now: Duration, since: Duration) -> Option<&said::NodeSaid> {
        match &self.seen {
            Seen::Here { sent, at, node } if *at + PROOF_LASTS >= now && *sent >= since => Some(node),
            Seen::Here { .. } | Seen::Never | Seen::Silent => None,
        }
    }

    /// It says itself that it is a master, and it would serve a command.
    pub(super) fn proves_master(&self, now: Duration, since: Duration) -> bool {
        let proof = |node: &said::NodeSaid| match node.role {
            NodeRole::Master { .. } => node.service == Service::Ready,
            NodeRole::Replica { .. } | NodeRole::Unknown => false,
        };
        self.said(now, since).is_some_and(proof)
    }

    pub(super) fn was_asked(&self) -> bool {
        match self.seen {
            Seen::Never => false,
            Seen::Silent | Seen::Here { .. } => true,
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.misses > 0
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
        let answer = match outcome {
            Ok(answer) => answer,
            Err(failure) => return self.missed(endpoint, failure),
        };
        let node = said::node(&answer.values);
        let is_master = master == Some(endpoint);
        let state = state(&node, is_master, |told| self.follows_another(told, master));
        let Some(member) = self.all.get_mut(endpoint) else { return };
        member.misses = 0;
        member.state = state;
        member.gauge.answered(now, sent, answer.rtt, &node);
        if let Some(run_id) = node.run_id.as_deref() {
            member.run_id = Some(run_id.into());
        }
        member.seen = Seen::Here { sent, at: now, node };
    }

    fn missed(&mut self, endpoint: &Endpoint, failure: &Failure) {
        let Some(member) = self.all.get_mut(endpoint) else { return };
        member.misses = member.misses.saturating_add(1);
        member.seen = Seen::Silent;
        member.gauge.missed();
        if *failure == Failure::Refused || member.misses >= MISSES {
            member.state = failure.state();
            member.gauge.down(failure);
        }
    }

    /// The endpoint by which the same process is known best: `preferred` if it is that one, else the first.
    /// A node that has gone does not stand for one that answers: it may have moved.
    pub(super) fn canonical<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        preferred: Option<&Endpoint>,
    ) -> &'a Endpoint {
        let Some(member) = self.all.get(endpoint) else { return endpoint };
        let Some(run_id) = &member.run_id else { return endpoint };
        let same = |other: &Member| {
            other.run_id.as_ref() == Some(run_id) && (!other.is_silent() || member.is_silent())
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

fn state(node: &said::NodeSaid, is_master: bool, follows_another: impl Fn(&Endpoint) -> bool) -> NodeState {
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

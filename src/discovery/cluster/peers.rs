//! Every address that is asked: what the node there said last, whether it answers, how far it is behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::gauge::Gauge;
use super::super::said;
use super::super::schedule::Schedule;
use super::super::{Answer, Failure};
use super::replies::{self, NodeId, NodeLine, Preference};
use crate::topology::{Endpoint, NodeState};

/// This many timeouts in a row are a node that is down; a refused connection is at once.
const MISSES: u32 = 3;
/// More nodes than this are an attack or a mistake.
const MOST: usize = 2048;

#[derive(Debug, Default)]
pub(super) struct Peers {
    pub(super) all: BTreeMap<Endpoint, ClusterPeer>,
}

#[derive(Debug, Default)]
pub(super) struct ClusterPeer {
    pub(super) schedule: Schedule,
    /// When its view of the cluster is wanted again; in between it is asked only how it is.
    pub(super) map_at: Duration,
    pub(super) contact: Contact,
    pub(super) said: Option<said::NodeSaid>,
    /// Of the last answer that told it.
    pub(super) run_id: Option<Arc<str>>,
    /// Its view of the cluster; kept while it is silent, and then not counted.
    pub(super) report: Option<Report>,
    pub(super) gauge: Gauge,
    /// Asked because it was named, until then.
    pub(super) hinted_until: Duration,
}

/// Whether it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Contact {
    #[default]
    Unasked,
    Answers,
    Silent {
        misses: u32,
        /// Nobody listens there, or it has been silent for too long: what it counts as.
        out: Option<NodeState>,
    },
}

/// One node's view of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) sent: Duration,
    pub(super) me: NodeId,
    pub(super) lines: Vec<NodeLine>,
    /// `None`: it has not told yet.
    pub(super) preference: Option<Preference>,
}

impl Report {
    /// The node's line about itself.
    pub(super) fn own(&self) -> Option<&NodeLine> {
        self.lines.iter().find(|line| line.myself)
    }
}

impl ClusterPeer {
    pub(super) fn is_silent(&self) -> bool {
        match self.contact {
            Contact::Silent { .. } => true,
            Contact::Unasked | Contact::Answers => false,
        }
    }

    pub(super) fn is_down(&self) -> bool {
        match self.contact {
            Contact::Silent { out, .. } => out.is_some(),
            Contact::Unasked | Contact::Answers => false,
        }
    }

    /// Returns what it counts as if it is down.
    pub(super) fn out(&self) -> Option<NodeState> {
        match self.contact {
            Contact::Silent { out, .. } => out,
            Contact::Unasked | Contact::Answers => None,
        }
    }

    pub(super) fn misses(&self) -> u32 {
        match self.contact {
            Contact::Silent { misses, .. } => misses,
            Contact::Unasked | Contact::Answers => 0,
        }
    }

    /// Its view counts while it answers.
    pub(super) fn live_report(&self) -> Option<&Report> {
        self.report.as_ref().filter(|_| !self.is_silent())
    }

    /// True when its view of the cluster, or whether it counts, has changed.
    pub(super) fn answered(&mut self, now: Duration, sent: Duration, answer: &Answer) -> bool {
        let was_silent = self.is_silent();
        let node = said::node(&answer.values);
        self.contact = Contact::Answers;
        self.gauge.answered(now, sent, answer.rtt, &node);
        if let Some(run_id) = node.run_id.as_deref() {
            self.run_id = Some(run_id.into());
        }
        self.said = Some(node);
        let changed = self.reported(sent, answer);
        changed || was_silent
    }

    fn reported(&mut self, sent: Duration, answer: &Answer) -> bool {
        let Some(lines) = answer.values.get(4).and_then(replies::nodes) else { return false };
        let Some(me) = lines.iter().find(|line| line.myself).map(|line| line.id) else { return false };
        let told = answer.values.get(5).and_then(|slots| replies::preference(slots, &lines));
        let preference = told.or_else(|| self.report.as_ref()?.preference);
        let changed = self
            .report
            .as_ref()
            .is_none_or(|before| before.lines != lines || before.preference != preference);
        self.report = Some(Report { sent, me, lines, preference });
        changed
    }

    /// True when its view of the cluster counted until now.
    pub(super) fn missed(&mut self, failure: &Failure) -> bool {
        let counted = !self.is_silent();
        let misses = self.misses().saturating_add(1);
        let down = *failure == Failure::Refused || misses >= MISSES || self.is_down();
        self.contact = Contact::Silent { misses, out: down.then(|| failure.state()) };
        self.gauge.missed();
        if down {
            self.gauge.down(failure);
        }
        counted
    }
}

impl Peers {
    pub(super) fn ensure(&mut self, endpoint: &Endpoint) -> Option<&mut ClusterPeer> {
        if !self.all.contains_key(endpoint) && self.all.len() >= MOST {
            return None;
        }
        Some(self.all.entry(endpoint.clone()).or_default())
    }

    pub(super) fn hurry(&mut self, now: Duration, endpoint: &Endpoint) {
        if let Some(peer) = self.all.get_mut(endpoint) {
            peer.map_at = now;
            peer.schedule.hurry(now);
        }
    }

    /// Those whose views count, with the address at which they were asked.
    pub(super) fn reports(&self) -> Vec<(&Endpoint, &Report)> {
        self.all.iter().filter_map(|(endpoint, peer)| Some((endpoint, peer.live_report()?))).collect()
    }
}

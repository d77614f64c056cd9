//! Every address that is asked: what the node there said last, whether it answers, how far it is behind.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::peer::NodePeer;
use super::super::{Answer, Failure};
use super::replies::{self, NodeId, NodeLine, Preference};
use crate::topology::Endpoint;

/// More nodes than this are an attack or a mistake.
const MOST: usize = 2048;

#[derive(Debug, Default)]
pub(super) struct Peers {
    pub(super) all: BTreeMap<Endpoint, ClusterPeer>,
}

/// One address.
#[derive(Debug, Default)]
pub(super) struct ClusterPeer {
    pub(super) node: NodePeer,
    /// When its view of the cluster is wanted again; in between it is asked only how it is.
    pub(super) map_at: Duration,
    /// Its view of the cluster; kept while it is silent, and then not counted.
    pub(super) report: Option<Report>,
    /// Asked because it was named, until then.
    pub(super) hinted_until: Duration,
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
    /// Its view counts while it answers.
    pub(super) fn live_report(&self) -> Option<&Report> {
        self.report.as_ref().filter(|_| !self.node.is_silent())
    }

    /// Returns true if its view of the cluster, or whether that counts, has changed.
    pub(super) fn answered(&mut self, now: Duration, sent: Duration, answer: &Answer) -> bool {
        let was_silent = self.node.is_silent();
        self.node.answered(now, sent, answer);
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

    /// Returns true if its view of the cluster counted until now.
    pub(super) fn missed(&mut self, failure: &Failure) -> bool {
        let counted = !self.node.is_silent();
        self.node.missed(failure);
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
            peer.node.schedule.hurry(now);
        }
    }

    /// Those whose views count, with the address at which they were asked.
    pub(super) fn reports(&self) -> Vec<(&Endpoint, &Report)> {
        self.all.iter().filter_map(|(endpoint, peer)| Some((endpoint, peer.live_report()?))).collect()
    }
}

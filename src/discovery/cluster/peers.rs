//! The table of the endpoints that are asked: the last reply, the contact and the view of the node at each.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::peer::NodePeer;
use super::super::{Answer, Failure};
use super::replies::{self, NodeId, NodeLine, Preference};
use crate::topology::Endpoint;

/// The largest number of endpoints. More of them are an attack or a mistake.
const MOST: usize = 2048;

/// All endpoints.
#[derive(Debug, Default)]
pub(super) struct Peers {
    pub(super) all: BTreeMap<Endpoint, ClusterPeer>,
}

/// One endpoint, and the node there.
#[derive(Debug, Default)]
pub(super) struct ClusterPeer {
    pub(super) node: NodePeer,
    /// The time at which the node is asked for its view again; before it, it is asked only for its own state.
    pub(super) map_at: Duration,
    /// The last view of the node. It is kept while the node is silent, but does not count then.
    pub(super) report: Option<Report>,
    /// The time until which the endpoint is asked because a hint has named it.
    pub(super) hinted_until: Duration,
}

/// One node's view of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// The time at which the question was sent.
    pub(super) sent: Duration,
    /// The id of the node itself.
    pub(super) me: NodeId,
    pub(super) lines: Vec<NodeLine>,
    /// The kind of address that clients are to use. `None`: the node has not said so yet.
    pub(super) preference: Option<Preference>,
}

impl Report {
    /// Returns the node's line about itself.
    pub(super) fn own(&self) -> Option<&NodeLine> {
        self.lines.iter().find(|line| line.myself)
    }
}

impl ClusterPeer {
    /// Returns the view of the node if it counts: while the node answers.
    pub(super) fn live_report(&self) -> Option<&Report> {
        self.report.as_ref().filter(|_| !self.node.is_silent())
    }

    /// Takes in an answer. Returns true if the view of the node has changed, or did not count before.
    pub(super) fn answered(&mut self, now: Duration, sent: Duration, answer: &Answer) -> bool {
        let was_silent = self.node.is_silent();
        self.node.answered(now, sent, answer);
        let changed = self.reported(sent, answer);
        changed || was_silent
    }

    fn reported(&mut self, sent: Duration, answer: &Answer) -> bool {
        let Some(lines) = answer.values.get(4).and_then(replies::nodes) else { return false };
        let Some(me) = lines.iter().find(|line| line.myself).map(|line| line.id) else { return false };
        let found = answer.values.get(5).and_then(|slots| replies::preference(slots, &lines));
        let preference = found.or_else(|| self.report.as_ref()?.preference);
        let changed = self
            .report
            .as_ref()
            .is_none_or(|before| before.lines != lines || before.preference != preference);
        self.report = Some(Report { sent, me, lines, preference });
        changed
    }

    /// Notes a question without an answer. Returns true if the view of the node counted until now.
    pub(super) fn missed(&mut self, failure: &Failure) -> bool {
        let counted = !self.node.is_silent();
        self.node.missed(failure);
        counted
    }
}

impl Peers {
    /// Returns the entry of an endpoint, and creates it if it is new. `None`: there are too many.
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

    /// Returns the views that count, each with the endpoint at which the node was asked.
    pub(super) fn reports(&self) -> Vec<(&Endpoint, &Report)> {
        self.all.iter().filter_map(|(endpoint, peer)| Some((endpoint, peer.live_report()?))).collect()
    }
}

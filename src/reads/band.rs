//! The nodes that are about as near as the nearest one.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::topology::{Endpoint, Node};

/// Differences below this are noise, whatever the distance.
const NOISE: Duration = Duration::from_millis(1);

/// The nodes whose distances count as equal. If no round trip is known, all nodes do.
#[derive(Debug)]
pub(super) struct Band(BTreeSet<Endpoint>);

impl Band {
    /// Makes the band of the nodes within 20 % and 1 ms of the nearest.
    pub(super) fn of(nodes: &[&Node]) -> Band {
        let limit = nearest(nodes).map(|nearest| nearest + nearest / 5 + NOISE);
        let inside = |node: &&&Node| limit.is_none() || node.rtt.is_some_and(|rtt| Some(rtt) <= limit);
        Band(nodes.iter().filter(inside).map(|node| node.endpoint.clone()).collect())
    }

    pub(super) fn has(&self, endpoint: &Endpoint) -> bool {
        self.0.contains(endpoint)
    }

    /// Returns true if new round trips put one of these nodes out of the band, or into it, by more than noise: a node
    /// leaves the band when it is twice the tolerance away, and enters it within half of the tolerance.
    pub(super) fn is_left_by(&self, nodes: &[&Node]) -> bool {
        let Some(nearest) = nearest(nodes) else { return false };
        let (near, far) = (nearest + nearest / 10 + NOISE / 2, nearest + nearest * 2 / 5 + NOISE * 2);
        nodes.iter().any(|node| match (self.has(&node.endpoint), node.rtt) {
            (true, rtt) => rtt.is_none_or(|rtt| rtt > far),
            (false, rtt) => rtt.is_some_and(|rtt| rtt <= near),
        })
    }
}

fn nearest(nodes: &[&Node]) -> Option<Duration> {
    nodes.iter().filter_map(|node| node.rtt).min()
}

//! The rules for reads: which nodes of a shard may serve one, in which order, and when that has changed.
//!
//! All of it is pure. Workers keep a [`choice::Choice`] for each shard, made from [`readers`] whenever a topology is
//! published; discovery asks [`matters`] whether its latest measurements are worth publishing.
//! `command::may_read_from_replica` says which commands are reads.

mod band;
pub(crate) mod choice;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::band::Band;
use crate::config::{ReadFrom, Reads};
use crate::topology::{Endpoint, Node, NodeState, Role, Shard};

/// A node that may serve a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadNode {
    pub(crate) endpoint: Endpoint,
    /// The run id that the connection must find there, as for a master.
    pub(crate) run_id: Option<Arc<str>>,
    /// The node is the master. In a cluster, a connection to any other node needs READONLY.
    pub(crate) is_master: bool,
}

/// Returns the nodes that may serve a read of this shard, the one to use first at the front, and the number of nodes
/// at the front that count as equal. The nodes behind these stand in when an equal fails. If there are no nodes, the
/// read waits for a newer topology.
///
/// - `master`: only the master, whatever its state: its lane holds what cannot be sent.
/// - `replica`: replicas that are up and no further behind than `max_lag`.
/// - `prefer-replica`: the same, then the master.
/// - `nearest`: those and the master if it is up, by round trip; nodes nearly as near as the nearest are equal. A
///   master that is not up comes last.
///
/// Equals are taken in turn by `spread`, a number of the worker's own, so that all of them get their share.
pub(crate) fn readers(shard: &Shard, policy: &Reads, spread: u64) -> (Vec<ReadNode>, usize) {
    let (mut equals, others) = ranked(shard, policy);
    let count = equals.len();
    if let Ok(turn) = usize::try_from(spread % (count.max(1) as u64)) {
        equals.rotate_left(turn);
    }
    let master = shard.master_node();
    let reader = |node: &Node| ReadNode {
        endpoint: node.endpoint.clone(),
        run_id: node.run_id.clone(),
        is_master: master.is_some_and(|master| master.endpoint == node.endpoint),
    };
    (equals.into_iter().chain(others).map(reader).collect(), count)
}

/// Returns true if the latest measurements change who serves reads: a node must not any more, a node may again, or,
/// for `nearest`, another node is the nearest by far. Returns false if all reads go to the master.
///
/// Both arguments are the same shard, with the same nodes in the same order.
pub(crate) fn matters(published: &Shard, measured: &Shard, policy: &Reads) -> bool {
    let nodes = || published.nodes.iter().zip(&measured.nodes);
    let serves = |node: &Node, policy: &Reads| node.role == Role::Replica && is_in_sync(node, policy);
    // A node that was too far behind comes back only when it is well within the limit, so that it does not come and go.
    let well_within = Reads { max_lag: policy.max_lag / 4 * 3, ..policy.clone() };
    let moved = nodes().any(|(before, after)| match serves(before, policy) {
        true => !serves(after, policy),
        false => serves(after, &well_within),
    });
    match policy.from {
        ReadFrom::Master => false,
        ReadFrom::PreferReplica | ReadFrom::Replica => moved,
        ReadFrom::Nearest => {
            moved || {
                let before = near(published, policy);
                let serves = |node: &&Node| before.iter().any(|other| other.endpoint == node.endpoint);
                let after: Vec<&Node> = near(measured, policy).into_iter().filter(serves).collect();
                Band::of(&before).is_left_by(&after)
            }
        }
    }
}

/// Returns the nodes to be taken in turn, and those that come after them, in this order.
fn ranked<'a>(shard: &'a Shard, policy: &Reads) -> (Vec<&'a Node>, Vec<&'a Node>) {
    let master = shard.master_node();
    match policy.from {
        ReadFrom::Master => (master.into_iter().collect(), Vec::new()),
        ReadFrom::Replica => (replicas(shard, policy).collect(), Vec::new()),
        ReadFrom::PreferReplica => (replicas(shard, policy).collect(), master.into_iter().collect()),
        ReadFrom::Nearest => {
            let nodes = near(shard, policy);
            let band = Band::of(&nodes);
            let (equals, mut others): (Vec<_>, Vec<_>) =
                nodes.into_iter().partition(|node| band.has(&node.endpoint));
            others.sort_by_key(|node| (node.rtt.is_none(), node.rtt));
            others.extend(master.filter(|master| master.state != NodeState::Up));
            (equals, others)
        }
    }
}

/// Returns all nodes that are fit to serve a read now.
fn near<'a>(shard: &'a Shard, policy: &Reads) -> Vec<&'a Node> {
    let master = shard.master_node().filter(|master| master.state == NodeState::Up);
    master.into_iter().chain(replicas(shard, policy)).collect()
}

/// Returns the replicas that may serve. A former master has no role in the shard until it follows the new one, so it
/// is none of them.
fn replicas<'a>(shard: &'a Shard, policy: &Reads) -> impl Iterator<Item = &'a Node> {
    shard.nodes.iter().filter(move |node| node.role == Role::Replica && is_in_sync(node, policy))
}

/// Returns true if the node's data is known to be recent enough. That of a replica whose lag is unknown is not.
fn is_in_sync(node: &Node, policy: &Reads) -> bool {
    let is_up = match node.state {
        NodeState::Up => true,
        NodeState::Down | NodeState::Silent | NodeState::Loading | NodeState::Syncing => false,
        NodeState::Settling | NodeState::Unproven | NodeState::Draining => false,
    };
    is_up && node.lag.is_some_and(|lag| lag <= policy.max_lag)
}

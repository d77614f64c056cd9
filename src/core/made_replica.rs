//! The node of kind `fixed` that a client has made a replica. No other node can take its place, so what it refuses as a replica is the
//! answer, as on a server: it does not wait for a failover.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::LaneId;
use crate::node::queue::Entry;
use crate::resp::reply::ErrorCode;
use crate::resp::request::Request;

use super::base::Base;
use super::rewrite::of_last;

/// The process that clients have made a replica, for all workers of a proxy: a number made of its run id. 0: there is none.
#[derive(Debug, Default)]
pub(crate) struct MadeReplica(AtomicU64);

/// Notes what a command about the node has made of it. To be called while the lane still has the request.
pub(super) fn note_role(base: &Base, id: LaneId, entry: &Entry, reply: &[u8]) {
    let Some(lane) = base.lanes.get(id).filter(|_| reply.starts_with(b"+OK")) else { return };
    let process = process(lane.run_id.as_deref());
    match of_last(lane.stream.request(entry), becomes_replica).flatten() {
        Some(true) => base.settings.made_replica.0.store(process, Ordering::Relaxed),
        Some(false) => base.settings.made_replica.0.store(0, Ordering::Relaxed),
        None => {}
    }
}

/// Returns true if the error is the answer of a replica that clients have made one.
pub(crate) fn is_of_made_replica(base: &Base, id: LaneId, code: ErrorCode) -> bool {
    let made = base.settings.made_replica.0.load(Ordering::Relaxed);
    let lane = base.lanes.get(id).filter(|_| made != 0);
    matches!(code, ErrorCode::ReadOnly | ErrorCode::MasterDown)
        && lane.is_some_and(|lane| process(lane.run_id.as_deref()) == made)
}

/// Returns whether the command makes its node a replica or a master; `None` for any other command.
fn becomes_replica(request: &Request<'_>) -> Option<bool> {
    let is =
        |index, word: &str| request.arg(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    match () {
        () if is(0, "replicaof") || is(0, "slaveof") => Some(!(is(1, "no") && is(2, "one"))),
        () if is(0, "failover") => Some(!is(1, "abort")),
        () => None,
    }
}

fn process(run_id: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    run_id.hash(&mut hasher);
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    #[test]
    fn what_becomes_of_the_node() {
        for (line, expected) in [
            ("REPLICAOF h 1", Some(true)),
            ("slaveof no one", Some(false)),
            ("REPLICAOF no 1", Some(true)),
            ("FAILOVER TO h 1", Some(true)),
            ("FAILOVER ABORT", Some(false)),
            ("SHUTDOWN", None),
        ] {
            assert_eq!(becomes_replica(&Words::of(line).request()), expected, "{line}");
        }
        assert_ne!(process(None), process(Some("a")));
    }
}

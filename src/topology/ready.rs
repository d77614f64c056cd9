//! The readiness of a proxy, and the text that says why it is not ready.

use super::Topology;
use super::diagnosis::Diagnosis;

/// Returns the text that says why a proxy is not ready. `None`: every slot has a master, and a node has been seen to serve.
pub(crate) fn missing(topology: &Topology, diagnosis: &Diagnosis) -> Option<String> {
    let missing = gap(topology)
        .or_else(|| (!diagnosis.has_served).then(|| "no node has been seen to serve yet".to_owned()))?;
    match diagnosis.reasons() {
        Some(reasons) => Some(format!("{missing}: {reasons}")),
        None => Some(missing),
    }
}

fn gap(topology: &Topology) -> Option<String> {
    if topology.shards.is_empty() {
        return Some("no topology yet".to_owned());
    }
    let without: Vec<String> = topology.uncovered().iter().map(range).collect();
    (!without.is_empty()).then(|| format!("no node for slots {}", without.join(", ")))
}

fn range((first, last): &(u16, u16)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// Returns true if every slot has a master and at least one master serves.
pub(crate) fn serves(topology: &Topology) -> bool {
    let mut owners = topology.shards.iter().filter(|shard| !shard.slots.is_empty());
    owners.any(|shard| shard.master_node().is_some_and(|master| master.state.serves()))
        && topology.is_complete()
}

#[cfg(test)]
mod tests {
    use super::super::diagnosis::Finding;
    use super::super::fault::Fault;
    use super::super::{ConfigEpoch, Endpoint, Generation, Node, NodeState, Role, Shard};
    use super::*;

    /// The slots of each shard, and true if it has a master.
    type Shards<'a> = &'a [(&'a [(u16, u16)], bool)];

    fn topology(shards: Shards<'_>, state: NodeState) -> Topology {
        let shards = shards.iter().map(|(slots, has_master)| Shard {
            slots: slots.to_vec(),
            master: has_master.then_some(0),
            nodes: vec![Node {
                endpoint: Endpoint::new("127.0.0.1", 6379),
                role: Role::Master,
                state,
                run_id: None,
                rtt: None,
                lag: None,
            }],
            epoch: ConfigEpoch(1),
        });
        Topology { generation: Generation(1), shards: shards.collect(), asks_password: false }
    }

    #[test]
    fn what_is_missing_is_named() {
        let table: &[(Shards<'_>, Option<&str>)] = &[
            (&[], Some("no topology yet")),
            (&[(&[(0, 16383)], true)], None),
            (&[(&[(0, 16383)], false)], Some("no node for slots 0-16383")),
            (&[(&[(0, 99)], true), (&[(101, 16383)], true)], Some("no node for slots 100")),
            (&[(&[(0, 5460), (9000, 16383)], true), (&[(5461, 8999)], true)], None),
            (
                &[(&[(8000, 8999)], true), (&[(100, 7999)], true), (&[(9000, 16383)], false)],
                Some("no node for slots 0-99, 9000-16383"),
            ),
        ];
        for (shards, expected) in table {
            let topology = topology(shards, NodeState::Up);
            let served = Diagnosis::new(true, Vec::new());
            assert_eq!(missing(&topology, &served).as_deref(), *expected, "{shards:?}");
        }
    }

    #[test]
    fn nobody_is_ready_before_a_node_has_served_and_it_is_said_why() {
        let whole = topology(&[(&[(0, 16383)], true)], NodeState::Down);
        let none = topology(&[], NodeState::Down);
        let refused = Finding { fault: Fault::Refused, about: Some(Endpoint::new("127.0.0.1", 1)) };
        for (topology, findings, expected) in [
            (&whole, vec![], "no node has been seen to serve yet"),
            (
                &whole,
                vec![refused.clone()],
                "no node has been seen to serve yet: 127.0.0.1:1: connection refused: nobody listens there",
            ),
            (&none, vec![refused], "no topology yet: 127.0.0.1:1: connection refused: nobody listens there"),
        ] {
            assert_eq!(missing(topology, &Diagnosis::new(false, findings)).as_deref(), Some(expected));
        }
    }

    #[test]
    fn one_master_that_answers_is_enough_if_every_slot_has_one() {
        let (all, part): (Shards<'_>, Shards<'_>) =
            (&[(&[(0, 99)], true), (&[(100, 16383)], true)], &[(&[(0, 99)], true)]);
        for (shards, state, expected) in [
            (all, NodeState::Up, true),
            (all, NodeState::Draining, true),
            (all, NodeState::Down, false),
            (all, NodeState::Unproven, false),
            (part, NodeState::Up, false),
            (&[], NodeState::Up, false),
        ] {
            assert_eq!(serves(&topology(shards, state)), expected, "{shards:?} {state:?}");
        }
    }
}

//! Views that are published or refused, and the events that are recorded.

use super::*;
use crate::topology::{ConfigEpoch, Node, NodeState, Role};

const MS: Duration = Duration::from_millis(1);

fn view(hosts: &[(&str, NodeState)], master: Option<usize>, epoch: u64) -> View {
    let node = |(index, (host, state)): (usize, &(&str, NodeState))| Node {
        endpoint: Endpoint::new(host, 1),
        role: if Some(index) == master { Role::Master } else { Role::Replica },
        state: *state,
        run_id: None,
        rtt: None,
        lag: None,
    };
    let nodes = hosts.iter().enumerate().map(node).collect();
    View {
        shards: vec![Shard { slots: vec![(0, 16383)], master, nodes, epoch: ConfigEpoch(epoch) }],
        asks_password: false,
    }
}

fn change(view: View, reason: Reason) -> Change {
    Change { view, reason, lost_at: Some(MS * 100), may_lower_epoch: false }
}

fn publisher() -> Publisher {
    reading(ReadFrom::Master)
}

fn reading(from: ReadFrom) -> Publisher {
    let reads = Reads { from, max_lag: MS * 1000 };
    Publisher::new(
        "p".into(),
        Arc::new(TopologyCell::new()),
        Arc::new(Events::new(crate::topology::events::CommandCounts::default)),
        reads,
    )
}

#[test]
fn refuses_an_older_epoch_unless_the_rules_allow_it_and_skips_what_is_the_same() {
    let mut publisher = publisher();
    let nodes = [("a", NodeState::Up)];
    let mut generation = |change| {
        publisher.publish(MS * 500, change);
        publisher.cell.load().generation.0
    };
    assert_eq!(generation(change(view(&nodes, Some(0), 5), Reason::Found)), 1);
    let mut slower = view(&nodes, Some(0), 5);
    slower.shards[0].nodes[0].rtt = Some(MS);
    assert_eq!(generation(change(slower, Reason::Refreshed)), 1);
    assert_eq!(generation(change(view(&nodes, Some(0), 4), Reason::Switched)), 1);
    let allowed = Change { may_lower_epoch: true, ..change(view(&nodes, Some(0), 4), Reason::EpochReset) };
    assert_eq!(generation(allowed), 2);
}

#[test]
fn a_replica_that_falls_behind_is_published_only_where_replicas_serve_reads() {
    use NodeState::Up;
    let table = [(ReadFrom::Master, [1, 1, 1, 1, 1]), (ReadFrom::Replica, [1, 2, 2, 3, 3])];
    for (from, generations) in table {
        let mut publisher = reading(from);
        let mut first = view(&[("a", Up), ("b", Up)], Some(0), 5);
        first.shards[0].nodes[1].lag = Some(Duration::ZERO);
        publisher.publish(MS, change(first, Reason::Found));
        let lags = [Some(200), Some(1200), Some(900), Some(100), Some(1000)];
        let mut seen = Vec::new();
        for lag in lags {
            let endpoint = Endpoint::new("b", 1);
            let lag = lag.map(|lag| MS * lag);
            let health = NodeHealth { endpoint, role: Role::Replica, state: Up, rtt: None, lag };
            publisher.publish_health(vec![health.clone()]);
            assert_eq!(*publisher.events.health.load(), [health]);
            seen.push(publisher.cell.load().generation.0);
        }
        assert_eq!(seen, generations, "{from:?}");
    }
}

#[test]
fn keeps_the_record_of_a_failover() {
    use NodeState::{Down, Up};
    let mut publisher = publisher();
    publisher.publish(MS, change(view(&[("a", Up), ("b", Up)], Some(0), 5), Reason::Found));
    publisher.publish(MS * 200, change(view(&[("a", Down), ("b", Up)], None, 5), Reason::Selected));
    publisher.publish(MS * 1410, change(view(&[("a", Down), ("b", Up)], Some(1), 6), Reason::Promoted));
    publisher.publish(MS * 9000, change(view(&[("a", Up), ("b", Up)], Some(1), 6), Reason::Refreshed));
    let log = publisher.events.snapshot();
    let recorded: Vec<_> = log.last.iter().map(|event| event.kind.name()).collect();
    assert_eq!(recorded, ["master-found", "master-held", "node-down", "master-changed", "node-up"]);
    assert_eq!(log.last[1].outage_ms, None, "not over yet");
    let changed = &log.last[3];
    assert_eq!(
        (changed.from.clone(), changed.to.clone()),
        (Some(Endpoint::new("a", 1)), Some(Endpoint::new("b", 1)))
    );
    assert_eq!((changed.outage_ms, log.failovers), (Some(1310), 1));
    assert_eq!(log.changes.get("promoted"), Some(&1));
    assert_eq!(publisher.events.take_outages(), [MS * 1310]);
}

#[test]
fn a_node_that_was_recorded_as_gone_is_recorded_as_up_whatever_it_does_in_between() {
    use NodeState::{Down, Loading, Settling, Silent, Syncing, Unproven, Up};
    for (states, expected) in [
        (vec![Unproven, Down, Unproven, Up], vec!["node-down", "node-up"]),
        (vec![Up, Down, Loading, Syncing, Up, Loading, Up], vec!["node-down", "node-up"]),
        (vec![Up, Silent, Down, Loading, Up], vec!["node-silent", "node-down", "node-up"]),
        (vec![Up, Down, Loading, Down, Up], vec!["node-down", "node-down", "node-up"]),
        (vec![Settling, Up], vec!["node-up"]),
        (vec![Unproven, Up, Loading, Up], vec![]),
    ] {
        let mut publisher = publisher();
        for (at, state) in (1..).zip(&states) {
            publisher
                .publish(MS * at, change(view(&[("a", Up), ("b", *state)], Some(0), 5), Reason::Refreshed));
        }
        let log = publisher.events.snapshot();
        let about_b = log.last.iter().map(|event| event.kind.name()).filter(|name| name.starts_with("node-"));
        assert_eq!(about_b.collect::<Vec<_>>(), expected, "{states:?}");
    }
}

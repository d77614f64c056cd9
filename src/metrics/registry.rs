//! The text of `/metrics`: the build, every proxy, the process.

use std::sync::Arc;

use prometheus::TextEncoder;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;

use super::family::Families;
use super::proxy::ProxyMetrics;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Set in the environment of a release build; unknown in other builds.
const REVISION: &str = match option_env!("TIDEOVER_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Everything that a scrape collects.
#[derive(Debug)]
pub(crate) struct Registry {
    proxies: Vec<Arc<ProxyMetrics>>,
    process: ProcessCollector,
}

impl Registry {
    pub(crate) fn new(proxies: Vec<Arc<ProxyMetrics>>) -> Self {
        Registry { proxies, process: ProcessCollector::for_self() }
    }
}

/// Returns the names of the metrics that the client library has for the process.
pub(super) fn process_names() -> Vec<String> {
    ProcessCollector::for_self().desc().iter().map(|desc| desc.fq_name.clone()).collect()
}

/// Returns the text of `/metrics`.
pub(crate) fn render(registry: &Registry) -> Result<String, prometheus::Error> {
    let mut families = Families::new();
    families.number(&super::BUILD_INFO, None, &[VERSION, REVISION], 1.0);
    for proxy in &registry.proxies {
        proxy.collect(&mut families);
    }
    let mut families = families.finish();
    families.extend(registry.process.collect());
    TextEncoder::new().encode_to_string(&families)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::metrics::proxy::{NodeSample, ShardSample};
    use crate::metrics::worker::WorkerMetrics;
    use crate::reasons::{
        CloseReason, CommandResult, Direction, Family, HoldOutcome, NodeUse, RelayResult, RetryReason,
        SampleResult,
    };
    use crate::topology::differences::DifferenceCounts;
    use crate::topology::{Endpoint, Generation, Role};

    fn command_names(index: u16) -> Option<&'static str> {
        ["get", "set"].get(usize::from(index)).copied()
    }

    /// A proxy with two workers, of which every metric has at least one sample.
    fn busy_proxy(name: &str) -> Arc<ProxyMetrics> {
        let proxy = ProxyMetrics::new(name, command_names);
        work(&proxy.worker());
        work(&proxy.worker());
        let endpoint = Endpoint::new("::1", 6379);
        let (rtt, lag) = (Some(Duration::from_micros(140)), Some(Duration::ZERO));
        proxy.set_nodes(vec![NodeSample {
            endpoint: endpoint.clone(),
            role: Role::Master,
            up: true,
            rtt,
            lag,
            differences: DifferenceCounts { users: Some(2), settings: Some(0) },
        }]);
        proxy.set_discovery_connections([(endpoint.clone(), 2)].into());
        proxy.set_topology(Generation(7), [("master-changed", 1)].into());
        proxy.set_shards(vec![ShardSample { index: 0, up: true, slots: 16384 }]);
        proxy.set_failovers(1);
        proxy.observe_outage(Duration::from_millis(1310));
        proxy.sampler().count_sampled(SampleResult::Agrees);
        proxy.sampler().count_sampled(SampleResult::Agrees);
        proxy.sampler().set_diverged(3);
        proxy.relays().count(RelayResult::Taken);
        proxy
    }

    fn work(worker: &WorkerMetrics) {
        worker.client_accepted();
        worker.client_accepted();
        worker.client_closed(CloseReason::Idle);
        worker.command(1, CommandResult::Ok);
        worker.command(u16::MAX, CommandResult::Uncertain);
        worker.latency(Family::Write, Duration::from_micros(70));
        worker.client_bytes(Direction::In, 100);
        worker.node_bytes(Direction::Out, 90);
        worker.held(3, 300);
        worker.hold_finished(HoldOutcome::Sent, Duration::from_millis(900));
        worker.retried(RetryReason::Connection);
        worker.uncertain();
        let node = Endpoint::new("::1", 6379);
        worker.node_connections(&node, NodeUse::Shared, 1);
        worker.node_connections(&node, NodeUse::Dedicated, 1);
        worker.node_connections(&node, NodeUse::Dedicated, -1);
    }

    #[test]
    fn workers_add_up_under_the_label_of_their_proxy() {
        let text = render(&Registry::new(vec![busy_proxy("sessions")])).unwrap();
        for line in [
            r#"tideover_clients{proxy="sessions"} 2"#,
            r#"tideover_clients_accepted_total{proxy="sessions"} 4"#,
            r#"tideover_clients_closed_total{proxy="sessions",reason="idle"} 2"#,
            r#"tideover_commands_total{proxy="sessions",command="set",result="ok"} 2"#,
            r#"tideover_commands_total{proxy="sessions",command="other",result="uncertain"} 2"#,
            r#"tideover_command_seconds_bucket{proxy="sessions",family="write",le="0.00005"} 0"#,
            r#"tideover_command_seconds_bucket{proxy="sessions",family="write",le="0.0001"} 2"#,
            r#"tideover_command_seconds_bucket{proxy="sessions",family="write",le="+Inf"} 2"#,
            r#"tideover_command_seconds_sum{proxy="sessions",family="write"} 0.00014"#,
            r#"tideover_client_bytes_total{proxy="sessions",direction="in"} 200"#,
            r#"tideover_node_bytes_total{proxy="sessions",direction="out"} 180"#,
            r#"tideover_held_commands{proxy="sessions"} 6"#,
            r#"tideover_held_bytes{proxy="sessions"} 600"#,
            r#"tideover_hold_seconds_count{proxy="sessions",outcome="sent"} 2"#,
            r#"tideover_retries_total{proxy="sessions",reason="connection"} 2"#,
            r#"tideover_uncertain_total{proxy="sessions"} 2"#,
            r#"tideover_topology_generation{proxy="sessions"} 7"#,
            r#"tideover_topology_changes_total{proxy="sessions",reason="master-changed"} 1"#,
            r#"tideover_failovers_total{proxy="sessions"} 1"#,
            r#"tideover_shard_slots{proxy="sessions",shard="0"} 16384"#,
            r#"tideover_failover_outage_seconds_sum{proxy="sessions"} 1.31"#,
            r#"tideover_node_up{proxy="sessions",node="[::1]:6379",role="master"} 1"#,
            r#"tideover_node_rtt_seconds{proxy="sessions",node="[::1]:6379",role="master"} 0.00014"#,
            r#"tideover_node_connections{proxy="sessions",node="[::1]:6379",use="shared"} 2"#,
            r#"tideover_node_connections{proxy="sessions",node="[::1]:6379",use="discovery"} 2"#,
            r#"tideover_sampled_keys_total{proxy="sessions",result="agrees"} 2"#,
            r#"tideover_sampled_keys_total{proxy="sessions",result="skipped"} 0"#,
            r#"tideover_diverged_keys{proxy="sessions"} 3"#,
        ] {
            assert!(text.lines().any(|found| found == line), "missing {line} in\n{text}");
        }
        assert!(!text.contains(r#"use="dedicated""#), "a connection that closed is still there");
        assert!(!text.contains(r#"command="get""#), "a command that nobody sent is there");
    }

    #[test]
    fn every_metric_of_the_catalog_is_rendered_once() {
        let text = render(&Registry::new(vec![busy_proxy("one"), busy_proxy("two")])).unwrap();
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let rendered: Vec<&str> = types.filter_map(|rest| rest.split(' ').next()).collect();
        assert_eq!(rendered, crate::metrics::names());
        assert_eq!(rendered.iter().collect::<BTreeSet<_>>().len(), rendered.len());
        assert!(rendered.contains(&"process_resident_memory_bytes"));
    }

    #[test]
    fn a_proxy_without_a_worker_or_a_topology_renders() {
        let idle = ProxyMetrics::new("idle", command_names);
        assert_eq!((idle.clients(), idle.command_counts().held), (0, 0));
        let text = render(&Registry::new(vec![idle])).unwrap();
        assert!(text.contains(r#"tideover_clients{proxy="idle"} 0"#));
        assert!(!text.contains("tideover_node_up"));
        assert!(!text.contains("tideover_diverged_keys"), "nobody looked");
    }
}

//! Tests a cluster that prefers host names which do not resolve here: the addresses with them are used.

use tideover_testbed::cluster::ClusterOptions;

use super::reshard::Way;
use super::support::run;
use super::{crash, reshard};

fn nameless(replicas: usize) -> ClusterOptions {
    let lines =
        ["cluster-announce-hostname tideover-nobody.invalid", "cluster-preferred-endpoint-type hostname"];
    let node_config = lines.map(str::to_owned).to_vec();
    ClusterOptions { node_config, replicas, ..ClusterOptions::default() }
}

#[test]
fn a_killed_master_without_a_name_is_replaced() {
    run(crash::killed(nameless(1)));
}

/// ASK and MOVED name nodes by names that do not resolve.
#[test]
fn slots_that_move_between_nodes_without_names_are_followed() {
    run(reshard::resharded(nameless(0), 500, Way::Keys));
}

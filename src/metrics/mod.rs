//! The catalog of all metrics: name, type, labels and help.
//!
//! The workers write their cells (`worker`), the control plane writes the rest (`proxy`), and a scrape merges both
//! (`registry`). Clients cannot increase the number of values that a label has, and no label contains a key or a value.

pub(crate) mod cells;
pub(crate) mod family;
pub(crate) mod proxy;
pub(crate) mod registry;
pub(crate) mod relays;
pub(crate) mod sampler;
pub(crate) mod worker;

use family::{Definition, MetricKind};

/// One line per metric: constant, type, name without the prefix, labels besides `proxy`, help.
macro_rules! catalog {
    ($($id:ident $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $id: Definition = Definition {
            name: concat!("tideover_", $name), kind: MetricKind::$kind, labels: &[$($label),*], help: $help,
        };)*
        /// All metrics, in the order of `/metrics`.
        pub(crate) const CATALOG: &[Definition] = &[$($id),*];
    };
}

catalog! {
    BUILD_INFO       Gauge     "build_info"               ["version", "revision"] "Always 1; the labels say what is running.";
    CLIENTS          Gauge     "clients"                  [] "Connected clients.";
    CLIENTS_ACCEPTED Counter   "clients_accepted_total"   [] "Clients accepted, the refused ones included.";
    CLIENTS_CLOSED   Counter   "clients_closed_total"     ["reason"] "Client connections that ended, by reason.";
    COMMANDS         Counter   "commands_total"           ["command", "result"] "Commands answered, by their result.";
    COMMAND_SECONDS  Histogram "command_seconds"          ["family"] "Time from the whole command read to its reply ready.";
    CLIENT_BYTES     Counter   "client_bytes_total"       ["direction"] "Bytes from (in) and to (out) clients.";
    NODE_BYTES       Counter   "node_bytes_total"         ["direction"] "Bytes from (in) and to (out) nodes.";
    HELD_COMMANDS    Gauge     "held_commands"            [] "Commands that wait for a node.";
    HELD_BYTES       Gauge     "held_bytes"               [] "Part of hold_bytes that the commands waiting for a node use.";
    HOLD_SECONDS     Histogram "hold_seconds"             ["outcome"] "Time that commands were held, by outcome.";
    RETRIES          Counter   "retries_total"            ["reason"] "Commands sent again, by reason.";
    UNCERTAIN        Counter   "uncertain_total"          [] "Commands answered with UNCERTAIN.";
    TRACKING_CLIENTS Gauge     "tracking_clients"         [] "Clients that have turned on CLIENT TRACKING.";
    TRACKED_KEYS     Gauge     "tracked_keys"             [] "Keys, times their readers, that are remembered for clients that cache.";
    INVALIDATIONS    Counter   "invalidations_total"      ["what"] "Invalidations sent to clients that cache, of keys or of everything.";
    PROTOCOL_BROKEN  Counter   "protocol_broken_total"    [] "Connections closed because a node sent bytes that are no reply.";
    GENERATION       Gauge     "topology_generation"      [] "Generation of the published topology.";
    TOPOLOGY_CHANGES Counter   "topology_changes_total"   ["reason"] "Published topologies, by reason.";
    FAILOVERS        Counter   "failovers_total"          [] "Times that a shard got a new master.";
    FAILOVER_OUTAGE  Histogram "failover_outage_seconds"  [] "Time without a master in each failover.";
    SHARD_UP         Gauge     "shard_up"                 ["shard"] "1 when the shard has a master that takes commands.";
    SHARD_SLOTS      Gauge     "shard_slots"              ["shard"] "Slots that the shard owns.";
    SHARD_HELD       Gauge     "shard_held_commands"      ["shard"] "Commands that wait for a node of the shard; commands for slots without an owner are not counted.";
    NODE_UP          Gauge     "node_up"                  ["node", "role"] "1 when discovery can use the node.";
    NODE_RTT         Gauge     "node_rtt_seconds"         ["node", "role"] "The shortest round trip of discovery's last few probes.";
    NODE_LAG         Gauge     "node_lag_seconds"         ["node", "role"] "Greatest age that the data of a replica can have; 0 for a master.";
    NODE_CONNECTIONS Gauge     "node_connections"         ["node", "use"] "Connections to the node, by use.";
    NODE_DIFFERENCES Gauge     "node_differences"         ["node", "what"] "Users, and settings, of a replica that differ from its master's.";
    RELAYED          Counter   "relayed_commands_total"   ["result"] "Commands that change users or settings, once for each replica that was to have them as well, by result.";
    SAMPLED_KEYS     Counter   "sampled_keys_total"       ["result"] "Comparisons of a key between all active nodes, by result; keys that differ are compared again.";
    DIVERGED_KEYS    Gauge     "diverged_keys"            [] "Keys that have differed between active nodes for longer than settle, among those the sampler remembers.";
}

/// Returns the name of every metric that `/metrics` can have. Public for the test of the dashboard.
pub fn names() -> Vec<String> {
    let own = CATALOG.iter().map(|definition| definition.name.to_owned());
    own.chain(registry::process_names()).collect()
}

//! Every metric: name, type, labels and help on this one screen.
//!
//! The cells behind them are written by one worker each (`worker`), the rest by the control plane
//! (`proxy`); both are merged only when somebody scrapes (`registry`). No label has a number of values that
//! a client can raise, and none carries a key or a value.

pub(crate) mod cells;
pub(crate) mod family;
pub(crate) mod proxy;
pub(crate) mod registry;
pub(crate) mod sampler;
pub(crate) mod worker;

use family::{Definition, MetricKind};

/// One line per metric: constant, type, name without the prefix, labels besides `proxy`, help.
macro_rules! catalog {
    ($($id:ident $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $id: Definition = Definition {
            name: concat!("tideover_", $name), kind: MetricKind::$kind, labels: &[$($label),*], help: $help,
        };)*
        /// In the order of this page, which is the order of `/metrics`.
        pub(crate) const CATALOG: &[Definition] = &[$($id),*];
    };
}

catalog! {
    BUILD_INFO       Gauge     "build_info"               ["version", "revision"] "Always 1; what is running.";
    CLIENTS          Gauge     "clients"                  [] "Connected clients.";
    CLIENTS_ACCEPTED Counter   "clients_accepted_total"   [] "Clients accepted, the refused ones included.";
    CLIENTS_CLOSED   Counter   "clients_closed_total"     ["reason"] "Client connections that ended, by reason.";
    COMMANDS         Counter   "commands_total"           ["command", "result"] "Commands answered, by their result.";
    COMMAND_SECONDS  Histogram "command_seconds"          ["family"] "From the whole command read to its reply ready.";
    CLIENT_BYTES     Counter   "client_bytes_total"       ["direction"] "Bytes from (in) and to (out) clients.";
    NODE_BYTES       Counter   "node_bytes_total"         ["direction"] "Bytes from (in) and to (out) nodes.";
    HELD_COMMANDS    Gauge     "held_commands"            [] "Commands that wait for a node.";
    HELD_BYTES       Gauge     "held_bytes"               [] "Memory that the commands that wait for a node take of hold_bytes.";
    HOLD_SECONDS     Histogram "hold_seconds"             ["outcome"] "How long commands were held, by what became of them.";
    RETRIES          Counter   "retries_total"            ["reason"] "Commands sent again, by reason.";
    UNCERTAIN        Counter   "uncertain_total"          [] "Commands answered with UNCERTAIN.";
    PROTOCOL_BROKEN  Counter   "protocol_broken_total"    [] "Connections closed because the node's bytes were no reply.";
    GENERATION       Gauge     "topology_generation"      [] "Generation of the published topology.";
    TOPOLOGY_CHANGES Counter   "topology_changes_total"   ["reason"] "Published topologies, by reason.";
    FAILOVERS        Counter   "failovers_total"          [] "Times that a shard got a new master.";
    FAILOVER_OUTAGE  Histogram "failover_outage_seconds"  [] "Time without a master in each failover.";
    SHARD_UP         Gauge     "shard_up"                 ["shard"] "1 when the shard has a master that takes commands.";
    SHARD_SLOTS      Gauge     "shard_slots"              ["shard"] "Slots that the shard owns.";
    SHARD_HELD       Gauge     "shard_held_commands"      ["shard"] "Commands that wait for a node of the shard; those of slots without an owner are left out.";
    NODE_UP          Gauge     "node_up"                  ["node", "role"] "1 when discovery can use the node.";
    NODE_RTT         Gauge     "node_rtt_seconds"         ["node", "role"] "The shortest round trip of discovery's last few probes.";
    NODE_LAG         Gauge     "node_lag_seconds"         ["node", "role"] "How old the data of a replica is at most; 0 for a master.";
    NODE_CONNECTIONS Gauge     "node_connections"         ["node", "use"] "Connections to the node, by use.";
    SAMPLED_KEYS     Counter   "sampled_keys_total"       ["result"] "Looks at sampled keys over all active nodes, by result; those that differed are looked at again.";
    DIVERGED_KEYS    Gauge     "diverged_keys"            [] "Keys that differ between active nodes for longer than settle, of those the sampler remembers.";
}

/// The name of every metric that `/metrics` can have. Public for the tests of what is built on those names.
pub fn names() -> Vec<String> {
    let own = CATALOG.iter().map(|definition| definition.name.to_owned());
    own.chain(registry::process_names()).collect()
}
